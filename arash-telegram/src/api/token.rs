use arash_core::secret::Secret;

/// Stands where the token was.
const HIDDEN: &str = "[token]";
/// A secret that is shorter is part of ordinary words.
const SHORTEST: usize = 8;

/// What must not be repeated of a token: its secret part, which is written the same in an address, encoded or not.
pub(super) struct Token(Secret);

impl Token {
    pub(super) fn new(token: &Secret) -> Self {
        let whole = token.expose();
        let secret = whole.split_once(':').map_or(whole, |(_, secret)| secret);
        Self(Secret::new(if secret.len() < SHORTEST { whole } else { secret }))
    }

    /// A text of the server's without the token.
    pub(super) fn hide(&self, text: &str) -> String {
        let secret = self.0.expose();
        if secret.is_empty() { text.to_owned() } else { text.replace(secret, HIDDEN) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_the_token_is_repeated() {
        let token = Token::new(&Secret::new("7000000001:AAFake_Secret-9"));
        for (said, hidden) in [
            ("no /bot7000000001:AAFake_Secret-9/x", "no /bot7000000001:[token]/x"),
            ("no /bot7000000001%3AAAFake_Secret-9/x", "no /bot7000000001%3A[token]/x"),
            ("AAFake_Secret-9AAFake_Secret-9", "[token][token]"),
            ("Bad Request: chat not found", "Bad Request: chat not found"),
        ] {
            assert_eq!(token.hide(said), hidden);
        }
        assert_eq!(Token::new(&Secret::new("7:a")).hide("a bot7:a"), "a bot[token]");
        assert_eq!(Token::new(&Secret::new("")).hide("a"), "a");
    }
}
