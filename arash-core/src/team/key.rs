//! The form of an API key: `sk_live_` or `sk_test_`, 34 random base62 characters, and 6 that
//! are the CRC-32 of all before them. A key with a typing fault is refused without asking storage.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::secret::Secret;

/// How many characters of a key may be shown, so that people tell keys apart.
pub const PREFIX_CHARS: usize = 12;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARS: usize = 34;
const CHECKSUM_CHARS: usize = 6;
/// A key of one's own (`INTERNAL_API_KEY`) is at least this long, and no key is longer than the other.
const OWN_KEY_CHARS: std::ops::RangeInclusive<usize> = 32..=512;

/// Whether a key is for real use or for trying things out; the engine treats both alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyEnvironment {
    /// `sk_live_…`
    #[default]
    Live,
    /// `sk_test_…`
    Test,
}

impl KeyEnvironment {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "sk_live_",
            Self::Test => "sk_test_",
        }
    }

    /// What a key whose first characters are these is for.
    pub(super) fn of_prefix(key_prefix: &str) -> Self {
        if key_prefix.starts_with(Self::Test.prefix()) { Self::Test } else { Self::Live }
    }
}

/// The SHA-256 of a key: all that is stored of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of `key`. A long random text needs no slow hash.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// As 64 lower-case hexadecimal characters.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

/// Makes a new key from the operating system's randomness.
pub(super) fn generate(environment: KeyEnvironment) -> Result<Secret> {
    let mut key = String::with_capacity(environment.prefix().len() + RANDOM_CHARS + CHECKSUM_CHARS);
    key.push_str(environment.prefix());
    let mut noise = [0_u8; 64];
    while key.len() < environment.prefix().len() + RANDOM_CHARS {
        getrandom::fill(&mut noise)
            .map_err(|fault| Error::internal("the system has no randomness to make a key from").with_source(fault))?;
        // 248 = 4 × 62: taking only bytes below it makes every character equally likely.
        let wanted = environment.prefix().len() + RANDOM_CHARS - key.len();
        let fair = noise.iter().filter(|&&byte| byte < 248).take(wanted);
        key.extend(fair.map(|&byte| digit(u32::from(byte))));
    }
    let sum = checksum(&key);
    key.push_str(&sum);
    Ok(Secret::new(key))
}

/// Whether `key` can be a key at all: one of the documented form whose checksum is right, or one of one's own of 32 to
/// 512 printable ASCII characters. Storage is asked only then.
pub fn is_well_formed(key: &str) -> bool {
    if !key.starts_with(KeyEnvironment::Live.prefix()) && !key.starts_with(KeyEnvironment::Test.prefix()) {
        return OWN_KEY_CHARS.contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    }
    let length = KeyEnvironment::Live.prefix().len() + RANDOM_CHARS + CHECKSUM_CHARS;
    if key.len() != length || !key.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
        return false;
    }
    let (body, sum) = key.split_at(length - CHECKSUM_CHARS);
    checksum(body) == sum
}

/// The first characters of `key`, safe to show.
pub(super) fn shown_prefix(key: &str) -> String {
    key.chars().take(PREFIX_CHARS).collect()
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = ['0'; CHECKSUM_CHARS];
    for place in digits.iter_mut().rev() {
        *place = digit(rest % 62);
        rest /= 62;
    }
    digits.iter().collect()
}

fn digit(value: u32) -> char {
    let index = (value % 62) as usize;
    BASE62.get(index).map_or('0', |&byte| char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_new_key_has_the_documented_form() {
        for environment in [KeyEnvironment::Live, KeyEnvironment::Test] {
            let key = generate(environment).unwrap();
            assert_eq!(key.expose().len(), 48);
            assert!(key.expose().starts_with(environment.prefix()));
            assert!(is_well_formed(key.expose()));
            assert_eq!(shown_prefix(key.expose()).len(), PREFIX_CHARS);
        }
    }

    #[test]
    fn the_checksum_is_crc32_in_base62() {
        // CRC-32 (IEEE) of "123456789" is 0xCBF43926 = 3421780262, the checksum's own test vector.
        assert_eq!(checksum("123456789"), "3jZRME");
        assert_eq!(checksum(""), "000000");
    }

    #[test]
    fn the_digest_is_plain_sha_256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(KeyDigest::of("").to_hex(), empty);
    }

    #[test]
    fn keys_of_ones_own_need_32_characters() {
        assert!(is_well_formed(&"k".repeat(32)));
        assert!(!is_well_formed(&"k".repeat(31)));
        assert!(!is_well_formed(&"k".repeat(513)));
        assert!(!is_well_formed(&"کلید".repeat(16)));
    }

    proptest! {
        #[test]
        fn one_changed_character_is_noticed(place in 8_usize..48, to in 0_u32..62) {
            let key = generate(KeyEnvironment::Live).unwrap();
            let mut changed: Vec<char> = key.expose().chars().collect();
            prop_assume!(changed[place] != digit(to));
            changed[place] = digit(to);
            prop_assert!(!is_well_formed(&changed.into_iter().collect::<String>()));
        }

        #[test]
        fn any_text_is_judged_without_a_panic(text in any::<String>()) {
            let _ = is_well_formed(&text);
            let _ = is_well_formed(&format!("sk_live_{text}"));
        }
    }
}
