//! The secrets that events are signed with: made here, or somebody's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::{Error, FieldError, Result};
use crate::secret::Secret;

/// What the secrets of Standard Webhooks begin with; base64 follows.
const PREFIX: &str = "whsec_";
/// How many bytes a secret that is made here has.
const NEW_BYTES: usize = 32;
/// How many bytes a secret of Standard Webhooks may have.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// How long a secret may be.
const CHARS: std::ops::RangeInclusive<usize> = 8..=256;
/// How many characters of a secret are shown.
const SHOWN: usize = 4;

/// Makes a secret from the operating system's randomness.
pub(super) fn generate() -> Result<Secret> {
    let mut bytes = Zeroizing::new([0; NEW_BYTES]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|fault| Error::internal("the system has no randomness to make a secret from").with_source(fault))?;
    let encoded = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
    Ok(Secret::new([PREFIX, &encoded].concat()))
}

/// What shows which secret it is: the last four characters.
pub(super) fn hint(secret: &Secret) -> String {
    let text = secret.expose();
    let shown = text.char_indices().rev().nth(SHOWN - 1).and_then(|(start, _)| text.get(start..)).unwrap_or_default();
    let prefix = if text.starts_with(PREFIX) { PREFIX } else { "" };
    format!("{prefix}…{shown}")
}

/// What is wrong with somebody's own secret, if anything.
pub(super) fn fault(secret: &Secret) -> Option<FieldError> {
    let text = secret.expose();
    let fault = |message: String| Some(FieldError { field: "webhook_secret".into(), message: message.into() });
    if !CHARS.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return fault(format!("must have {} to {} printable ASCII characters, no spaces", CHARS.start(), CHARS.end()));
    }
    let encoded = text.strip_prefix(PREFIX)?;
    let bytes = STANDARD.decode(encoded).map(Zeroizing::new).ok();
    if bytes.is_some_and(|bytes| BYTES.contains(&bytes.len())) {
        return None;
    }
    fault(format!("must go on with base64 of {} to {} bytes, as it begins with {PREFIX}", BYTES.start(), BYTES.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_is_one_that_is_accepted_and_never_the_same() {
        let [one, other] = [generate().unwrap(), generate().unwrap()];
        assert_ne!(one, other);
        assert!(fault(&one).is_none() && one.expose().len() == PREFIX.len() + 44);
        assert_eq!(hint(&one), format!("whsec_…{}", &one.expose()[46..]));
    }

    #[test]
    fn a_hint_shows_the_last_four() {
        for (secret, shown) in
            [("my-own-secret", "…cret"), ("whsec_abcd", "whsec_…abcd"), ("سلام دنیا", "…دنیا"), ("a", "…")]
        {
            assert_eq!(hint(&secret.into()), shown);
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_without_the_secret() {
        let encoded = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for good in ["my-own-s", &"x".repeat(256), "!~secret", &encoded(24), &encoded(64), "WHSEC_%%"] {
            assert_eq!(fault(&good.into()), None, "{good}");
        }
        let wrong = ["", "seven77", &"x".repeat(257), "with space", "line\nbreak", "سلام سلام"];
        for secret in wrong.map(str::to_owned).into_iter().chain([encoded(23), encoded(65), "whsec_%%%%".to_owned()]) {
            let told = fault(&Secret::new(secret.as_str())).unwrap();
            assert_eq!(told.field, "webhook_secret");
            assert!(secret.is_empty() || !told.message.contains(&secret), "{told:?}");
        }
    }
}
