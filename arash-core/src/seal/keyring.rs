use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::seal::key::{SealingKey, fill};
use crate::seal::{KeyMark, Place, Sealed, SealingKeyId};
use crate::secret::Secret;

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;

/// The keys that secrets are sealed with, the newest first: that one seals, each of them opens what it sealed. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Keyring {
    newest: Arc<SealingKey>,
    older: Arc<[SealingKey]>,
}

/// What sealed bytes are made of.
pub(super) struct Parts<'a> {
    pub(super) key_id: SealingKeyId,
    nonce: &'a [u8; NONCE_BYTES],
    sealed: &'a [u8],
}

pub(super) fn parts(bytes: &[u8]) -> Option<Parts<'_>> {
    let (&version, rest) = bytes.split_first()?;
    let (key_id, rest) = rest.split_first_chunk::<KEY_ID_BYTES>()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
    let key_id = SealingKeyId::of(u32::from_be_bytes(*key_id).into())?;
    (version == VERSION).then_some(Parts { key_id, nonce, sealed })
}

impl Keyring {
    /// These keys, the newest first.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when there is none, or two have one id.
    pub fn new(keys: Vec<SealingKey>) -> Result<Self> {
        let mut keys = keys.into_iter();
        let newest = keys.next().ok_or_else(|| Error::invalid("keys", "must have at least one key"))?;
        let older: Arc<[SealingKey]> = keys.collect();
        let ring = Self { newest: Arc::new(newest), older };
        let mut ids: Vec<_> = ring.keys().map(SealingKey::id).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find_map(|pair| pair.first().filter(|&id| pair.last() == Some(id))) {
            return Err(Error::invalid("keys", format!("has two keys with the id {twice}")));
        }
        Ok(ring)
    }

    /// A keyring of one new key, with the id 1.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when the system has no randomness.
    pub fn generate() -> Result<Self> {
        Self::new(vec![SealingKey::generate(SealingKeyId(1))?])
    }

    /// The key that seals.
    pub fn newest(&self) -> &SealingKey {
        &self.newest
    }

    /// All keys, the newest first.
    pub fn keys(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&*self.newest).chain(&*self.older)
    }

    /// What its keys are known by, the newest first.
    pub fn marks(&self) -> Vec<KeyMark> {
        self.keys().map(SealingKey::mark).collect()
    }

    /// Seals `secret` for this place, with the newest key.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when the system has no randomness.
    pub fn seal(&self, place: Place, secret: &Secret) -> Result<Sealed> {
        let mut nonce = [0; NONCE_BYTES];
        fill(&mut nonce)?;
        let payload = Payload { msg: secret.expose().as_bytes(), aad: &place.associated_data() };
        let sealed = cipher(&self.newest)
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::internal("a secret could not be sealed"))?;
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.newest.id().0.to_be_bytes());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(Sealed(bytes))
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when the keyring lacks the key, or the bytes are not those that were
    /// sealed for this place.
    pub fn open(&self, place: Place, sealed: &Sealed) -> Result<Secret> {
        let parts = parts(&sealed.0).ok_or_else(|| Error::internal("a sealed secret has no form that is known"))?;
        let key = self.keys().find(|key| key.id() == parts.key_id);
        let key = key.ok_or_else(|| {
            Error::internal(format!("a secret was sealed with the key {}, which the keyring lacks", parts.key_id))
        })?;
        let payload = Payload { msg: parts.sealed, aad: &place.associated_data() };
        let opened = cipher(key).decrypt(&XNonce::from(*parts.nonce), payload).map(Zeroizing::new);
        let text = opened.ok().and_then(|bytes| std::str::from_utf8(&bytes).ok().map(Secret::new));
        text.ok_or_else(|| Error::internal("a sealed secret was changed, moved, or sealed with another key of its id"))
    }
}

fn cipher(key: &SealingKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    const HERE: Place = Place::new("webhook_endpoints", "secret", 7);

    fn key(id: u32) -> SealingKey {
        SealingKey::generate(SealingKeyId(id)).unwrap()
    }

    fn again(key: &SealingKey) -> SealingKey {
        SealingKey::parse(key.to_text().expose()).unwrap()
    }

    fn told(fault: &Error) -> String {
        assert_eq!(fault.kind(), ErrorKind::Internal);
        fault.to_string()
    }

    #[test]
    fn what_an_older_key_sealed_still_opens_and_the_newest_seals() {
        let old = key(1);
        let before = Keyring::new(vec![again(&old)]).unwrap();
        let sealed = before.seal(HERE, &Secret::new("whsec_secret")).unwrap();
        let both = Keyring::new(vec![key(2), old]).unwrap();
        assert_eq!(both.open(HERE, &sealed).unwrap().expose(), "whsec_secret");
        let anew = both.seal(HERE, &Secret::new("whsec_secret")).unwrap();
        assert_eq!((sealed.key_id(), anew.key_id()), (Some(SealingKeyId(1)), Some(SealingKeyId(2))));
        assert_eq!(
            told(&before.open(HERE, &anew).unwrap_err()),
            "a secret was sealed with the key 2, which the keyring lacks"
        );
    }

    #[test]
    fn another_key_of_the_same_id_does_not_open() {
        let [one, other] = [0, 1].map(|_| Keyring::generate().unwrap());
        let sealed = one.seal(HERE, &Secret::new("whsec_secret")).unwrap();
        assert!(told(&other.open(HERE, &sealed).unwrap_err()).ends_with("sealed with another key of its id"));
    }

    #[test]
    fn one_secret_never_looks_the_same_twice() {
        let ring = Keyring::generate().unwrap();
        let seal = || ring.seal(HERE, &Secret::new("whsec_secret")).unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn a_keyring_has_keys_of_different_ids() {
        assert!(Keyring::new(Vec::new()).is_err());
        let fault = Keyring::new(vec![key(3), key(4), key(3)]).unwrap_err();
        assert_eq!(fault.to_string(), "the request is not valid: keys has two keys with the id 3");
    }

    #[test]
    fn what_opens_at_one_place_opens_at_no_other() {
        let ring = Keyring::generate().unwrap();
        let sealed = ring.seal(HERE, &Secret::new("whsec_secret")).unwrap();
        let others = [
            Place::new("webhook_endpoints", "secret", 8),
            Place::new("webhook_endpoints", "previous_secret", 7),
            Place::new("webhook_endpoint", "ssecret", 7),
            Place::new("bots", "secret", 7),
        ];
        for other in others {
            assert!(told(&ring.open(other, &sealed).unwrap_err()).contains("moved"), "{other:?}");
        }
        assert!(ring.open(HERE, &sealed).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_comes_out_as_it_went_in(text in any::<String>(), row in any::<i64>()) {
            let (ring, place) = (Keyring::generate().unwrap(), Place::new("t", "c", row));
            let sealed = ring.seal(place, &Secret::new(text.as_str())).unwrap();
            prop_assert!(text.len() < 8 || !sealed.0.windows(text.len()).any(|window| window == text.as_bytes()));
            let opened = ring.open(place, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), text);
        }

        #[test]
        fn any_byte_that_was_changed_is_noticed(text in ".{0,40}", place in any::<proptest::sample::Index>(), bits in 1..=255_u8) {
            let ring = Keyring::generate().unwrap();
            let mut sealed = ring.seal(HERE, &Secret::new(text.as_str())).unwrap();
            let at = place.index(sealed.0.len());
            sealed.0[at] ^= bits;
            let fault = ring.open(HERE, &sealed).unwrap_err();
            prop_assert_eq!(fault.kind(), ErrorKind::Internal);
            prop_assert!(text.len() < 4 || !fault.to_string().contains(&text));
        }

        #[test]
        fn what_was_cut_or_is_anything_else_does_not_open(text in ".{0,40}", length in any::<proptest::sample::Index>(), other in any::<Vec<u8>>()) {
            let ring = Keyring::generate().unwrap();
            let mut sealed = ring.seal(HERE, &Secret::new(text.as_str())).unwrap();
            sealed.0.truncate(length.index(sealed.0.len()));
            prop_assert!(ring.open(HERE, &sealed).is_err());
            prop_assert!(ring.open(HERE, &Sealed(other)).is_err());
        }
    }
}
