//! Text that must not be seen: never printed, wiped from memory when dropped.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A secret text: `Debug` shows nothing of it, there is no `Display`, and its memory is wiped on drop.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes `text` as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself. Do not keep, log or format what this returns.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    /// Takes the same time wherever the two differ, and tells nothing of their lengths: their digests are compared.
    fn eq(&self, other: &Self) -> bool {
        let digest = |secret: &Self| Sha256::digest(secret.expose());
        digest(self).iter().zip(digest(other)).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_equal_when_their_texts_are() {
        assert_eq!(Secret::new("sk_live_abc"), Secret::new("sk_live_abc"));
        for other in ["", "sk_live_abd", "sk_live_ab", "sk_live_abcd", "Sk_live_abc"] {
            assert_ne!(Secret::new("sk_live_abc"), Secret::new(other), "{other}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("sk_live_abc")), "Secret(…)");
    }
}
