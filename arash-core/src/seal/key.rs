use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// How many bytes a key has.
pub(super) const KEY_BYTES: usize = 32;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Names a key of a keyring: from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealingKeyId(pub u32);

impl SealingKeyId {
    /// The id that `number` is, from 1 on.
    pub fn of(number: i64) -> Option<Self> {
        u32::try_from(number).ok().filter(|&id| id > 0).map(Self)
    }
}

impl fmt::Display for SealingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key's id, and what tells it from another key that was given the same id. Nothing of the key can be learned from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyMark {
    /// The key's id.
    pub id: SealingKeyId,
    /// The first 16 bytes of a digest of the key.
    pub fingerprint: [u8; 16],
}

/// A key that secrets are sealed with: 32 random bytes and an id. Its memory is wiped on drop.
pub struct SealingKey {
    id: SealingKeyId,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl SealingKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when the system has none.
    pub fn generate(id: SealingKeyId) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill(bytes.as_mut_slice())?;
        Ok(Self { id, bytes })
    }

    /// The key that a text of the form `id:base64` is; `None` where it is none. The id is 1 to 4,294,967,295.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, encoded) = text.trim().split_once(':')?;
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
        let id = SealingKeyId::of(id.parse().ok().filter(|_| is_number)?)?;
        let decoded = Zeroizing::new(BASE64.decode(encoded).ok()?);
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if decoded.len() != KEY_BYTES {
            return None;
        }
        bytes.copy_from_slice(&decoded);
        Some(Self { id, bytes })
    }

    /// The text that [`SealingKey::parse`] reads.
    pub fn to_text(&self) -> Secret {
        let encoded = Zeroizing::new(BASE64.encode(self.bytes.as_slice()));
        Secret::new(format!("{}:{}", self.id, *encoded))
    }

    /// Its id.
    pub const fn id(&self) -> SealingKeyId {
        self.id
    }

    /// What it is known by.
    pub fn mark(&self) -> KeyMark {
        let digest = Sha256::new().chain_update(b"arash sealing key").chain_update(self.bytes.as_slice()).finalize();
        let mut fingerprint = [0; 16];
        fingerprint.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        KeyMark { id: self.id, fingerprint }
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

/// Fills `bytes` from the operating system's randomness.
pub(super) fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes)
        .map_err(|fault| Error::internal("the system has no randomness to seal secrets with").with_source(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = SealingKey::generate(SealingKeyId(7)).unwrap();
        let text = key.to_text();
        assert!(text.expose().starts_with("7:") && text.expose().len() == 2 + 44);
        let unpadded = text.expose().trim_end_matches('=');
        for text in [text.expose(), unpadded, &format!(" {unpadded}\n")] {
            let read = SealingKey::parse(text).unwrap();
            assert_eq!((read.mark(), read.bytes()), (key.mark(), key.bytes()));
        }
        assert!(!format!("{key:?}").contains(&text.expose()[2..]));
    }

    #[test]
    fn what_is_no_key_is_not_read() {
        let encoded = BASE64.encode([1; KEY_BYTES]);
        let wrong = [
            String::new(),
            encoded.clone(),
            format!("0:{encoded}"),
            format!("-1:{encoded}"),
            format!("+1:{encoded}"),
            format!("4294967296:{encoded}"),
            format!("a:{encoded}"),
            format!(":{encoded}"),
            "1:".to_owned(),
            format!("1:{}", BASE64.encode([1; KEY_BYTES - 1])),
            format!("1:{}", BASE64.encode([1; KEY_BYTES + 1])),
            format!("1:!{encoded}"),
        ];
        for text in wrong {
            assert!(SealingKey::parse(&text).is_none(), "{text}");
        }
        assert!(SealingKey::parse(&format!("4294967295:{encoded}")).is_some());
    }

    #[test]
    fn two_keys_of_one_id_have_two_marks() {
        let [one, other] = [0, 1].map(|_| SealingKey::generate(SealingKeyId(1)).unwrap().mark());
        assert_eq!(one.id, other.id);
        assert_ne!(one.fingerprint, other.fingerprint);
    }
}
