//! How deliveries are signed, so that whoever receives one knows that it is ours, whole and new.
//!
//! Each delivery has two signatures, both HMAC-SHA256 with the endpoint's secret:
//!
//! | header | over | keyed with |
//! |---|---|---|
//! | [`X-Webhook-Signature`](BODY_SIGNATURE): `sha256=` and hex | the body | the secret's bytes as they are |
//! | [`webhook-signature`](SIGNATURE): `v1,` and base64 | `webhook-id.webhook-timestamp.body` | what `whsec_` is followed by, decoded from base64; another secret's bytes as they are |
//!
//! The second is that of [Standard Webhooks](https://www.standardwebhooks.com), whose libraries verify it. Prefer it: it
//! also guards against a delivery that somebody kept and sends again later.
//!
//! While a secret is being replaced, `webhook-signature` holds a signature by each, the newest first.
//! `X-Webhook-Signature` is one value, which many receivers compare as a whole; so it is by the newest secret alone, and the
//! one by the secret before stands in [`X-Webhook-Signature-Previous`](BODY_SIGNATURE_PREVIOUS).

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::secret::Secret;

/// The header that names the event: the same in every attempt.
pub const ID: &str = "webhook-id";
/// The header with the time of the attempt, in seconds since the Unix epoch.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures of Standard Webhooks, parted by spaces.
pub const SIGNATURE: &str = "webhook-signature";
/// The header with the signature of the body.
pub const BODY_SIGNATURE: &str = "x-webhook-signature";
/// The header with the signature of the body by the secret before, while that is being replaced.
pub const BODY_SIGNATURE_PREVIOUS: &str = "x-webhook-signature-previous";

/// How far the time of an attempt may be from the receiver's own, unless it decides otherwise.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

const SECRET_PREFIX: &str = "whsec_";
/// As public libraries decode it, and also where somebody dropped the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

type HmacSha256 = Hmac<Sha256>;

/// The headers of one attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    headers: Vec<(&'static str, String)>,
}

impl Signed {
    /// Names, in small letters, and values.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The value of one header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl fmt::Debug for Signed {
    /// Names alone: whoever reads a signature in a log could send what was signed again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.headers.iter().map(|(name, _)| name)).finish()
    }
}

/// Signs `body` as the event `id`, which has no full stop, in an attempt at `at`, with each of `secrets`, newest first.
pub fn sign(secrets: &[Secret], id: &str, at: Timestamp, body: &[u8]) -> Signed {
    let timestamp = at.as_millis().div_euclid(1_000).to_string();
    let standard = secrets.iter().map(|secret| {
        let mac = standard_mac(secret, id, &timestamp, body).finalize().into_bytes();
        format!("v1,{}", STANDARD.encode(mac))
    });
    let standard: Vec<_> = standard.collect();
    let mut headers = vec![(ID, id.to_owned()), (SIGNATURE, standard.join(" ")), (TIMESTAMP, timestamp)];
    for (name, secret) in [BODY_SIGNATURE, BODY_SIGNATURE_PREVIOUS].into_iter().zip(secrets) {
        headers.push((name, format!("sha256={}", hex::encode(body_mac(secret, body).finalize().into_bytes()))));
    }
    Signed { headers }
}

/// What stands in the headers of Standard Webhooks that came with a delivery.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// Of [`ID`].
    pub id: &'a str,
    /// Of [`TIMESTAMP`].
    pub timestamp: &'a str,
    /// Of [`SIGNATURE`].
    pub signatures: &'a str,
}

impl fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("id", &self.id).field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}

/// Verifies the signature of Standard Webhooks over `body`; signed longer than `tolerance` before or after `now`
/// ([`TOLERANCE`] is usual), it is not taken. Takes the same time wherever a signature differs.
///
/// # Errors
/// Why this is not taken for ours.
pub fn verify(
    secret: &Secret,
    received: Received<'_>,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), VerifyError> {
    let Received { id, timestamp, signatures } = received;
    let seconds: i64 = timestamp.parse().map_err(|_| VerifyError::MalformedTimestamp)?;
    let at = Timestamp::from_millis(seconds.saturating_mul(1_000));
    if now.since(at) > tolerance {
        return Err(VerifyError::TooOld);
    }
    if at.since(now) > tolerance {
        return Err(VerifyError::TooNew);
    }
    let known = signatures.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let mut known = known.filter_map(|one| STANDARD.decode(one).ok()).peekable();
    if known.peek().is_none() {
        return Err(VerifyError::MalformedSignature);
    }
    let mac = standard_mac(secret, id, timestamp, body);
    let is_ours = known.any(|one| mac.clone().verify_slice(&one).is_ok());
    if is_ours { Ok(()) } else { Err(VerifyError::Different) }
}

/// Verifies the signature of the body: `signature` is the value of the header [`BODY_SIGNATURE`]. Takes the same time
/// wherever it differs.
///
/// # Errors
/// Why this is not taken for ours.
pub fn verify_body(secret: &Secret, signature: &str, body: &[u8]) -> Result<(), VerifyError> {
    let digits = signature.trim().strip_prefix("sha256=").ok_or(VerifyError::MalformedSignature)?;
    let given = hex::decode(digits).map_err(|_| VerifyError::MalformedSignature)?;
    body_mac(secret, body).verify_slice(&given).map_err(|_| VerifyError::Different)
}

/// Why a delivery is not taken for ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The time is no number of seconds.
    #[error("the timestamp must be a whole number of seconds since 1970")]
    MalformedTimestamp,
    /// It was signed too long ago: somebody may have kept it.
    #[error("the timestamp is too long ago")]
    TooOld,
    /// It was signed later than now.
    #[error("the timestamp is too far in the future")]
    TooNew,
    /// There is no signature of a known form.
    #[error("there is no signature of the form v1,BASE64 or sha256=HEX")]
    MalformedSignature,
    /// It was signed with another secret, or is not what was signed.
    #[error("the signature is of another secret, id, timestamp or body")]
    Different,
}

fn standard_mac(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> HmacSha256 {
    let secret = secret.expose();
    let decoded = secret.strip_prefix(SECRET_PREFIX).and_then(|encoded| BASE64.decode(encoded).ok());
    let decoded = decoded.map(Zeroizing::new).filter(|key| !key.is_empty());
    let mut mac = keyed(decoded.as_ref().map_or(secret.as_bytes(), |key| key.as_slice()));
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

fn body_mac(secret: &Secret, body: &[u8]) -> HmacSha256 {
    let mut mac = keyed(secret.expose().as_bytes());
    mac.update(body);
    mac
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of every length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_761_998_400_250);

    fn received(signed: &Signed) -> Received<'_> {
        let value = |name| signed.header(name).unwrap();
        Received { id: value(ID), timestamp: value(TIMESTAMP), signatures: value(SIGNATURE) }
    }

    fn verified(secret: &str, signed: &Signed, body: &[u8], now: Timestamp) -> Result<(), VerifyError> {
        verify(&secret.into(), received(signed), body, now, TOLERANCE)
    }

    #[test]
    fn the_headers_are_the_documented_ones() {
        let body = br#"{"event":"message.completed"}"#;
        let signed = sign(&["whsec_c2VjcmV0IG9mIGEgdGVzdA==".into(), "own words".into()], "0193", NOW, body);
        // The signatures are those of `printf TEXT | openssl dgst -sha256 -hmac KEY`.
        let headers: Vec<_> = signed.headers().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            headers,
            [
                "webhook-id: 0193",
                "webhook-signature: v1,3EsNvUUqmhs2pd5Dv+4YwG8M8pwAE+L4VXJU2S74pf8= \
                 v1,M6CdTN7TsPn3jpSjzd7cosf4G/TYjYQaSWMiAYxtR0M=",
                "webhook-timestamp: 1761998400",
                "x-webhook-signature: sha256=c7dc23335cdce88bd331603e2cf30173fff2384fcf4ae473b5a391a71d991c08",
                "x-webhook-signature-previous: \
                 sha256=74f77a45c3d187403ef635d35bfc7acbbaeed0771bf06f02be85cb09e34141c8",
            ]
        );
        let shown = format!("{signed:?}");
        assert!(shown.contains(SIGNATURE) && !shown.contains("v1,") && !shown.contains("sha256="), "{shown}");
    }

    #[test]
    fn what_is_old_new_or_no_signature_is_told_apart() {
        let secret = "whsec_c2VjcmV0IG9mIGEgdGVzdA==";
        let signed = sign(&[secret.into()], "0193", NOW, b"{}");
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        assert_eq!(verified(secret, &signed, b"{}", NOW.plus(minutes(4))), Ok(()));
        assert_eq!(verified(secret, &signed, b"{}", NOW.minus(minutes(4))), Ok(()));
        assert_eq!(verified(secret, &signed, b"{}", NOW.plus(minutes(6))), Err(VerifyError::TooOld));
        assert_eq!(verified(secret, &signed, b"{}", NOW.minus(minutes(6))), Err(VerifyError::TooNew));
        assert_eq!(verified(secret, &signed, b"{} ", NOW), Err(VerifyError::Different));
        assert_eq!(verified("whsec_c2VjcmV0", &signed, b"{}", NOW), Err(VerifyError::Different));
        let with = |received| verify(&secret.into(), received, b"{}", NOW, TOLERANCE);
        let good = received(&signed);
        for (signatures, outcome) in [
            ("", VerifyError::MalformedSignature),
            ("v1,", VerifyError::Different),
            ("v1a,AAAA", VerifyError::MalformedSignature),
            ("v1,%%%", VerifyError::MalformedSignature),
            ("v1,AAAA v2,AAAA", VerifyError::Different),
        ] {
            assert_eq!(with(Received { signatures, ..good }), Err(outcome), "{signatures}");
        }
        let among = format!("v1a,AAAA v1,%% v1,AAAA {}", good.signatures);
        assert_eq!(with(Received { signatures: &among, ..good }), Ok(()));
        for timestamp in ["", "soon", "1761998400.5", "99999999999999999999"] {
            assert_eq!(with(Received { timestamp, ..good }), Err(VerifyError::MalformedTimestamp), "{timestamp}");
        }
        assert_eq!(with(Received { timestamp: "9223372036854775807", ..good }), Err(VerifyError::TooNew));
        assert_eq!(with(Received { timestamp: "-9223372036854775808", ..good }), Err(VerifyError::TooOld));
        assert_eq!(with(Received { id: "0194", ..good }), Err(VerifyError::Different));
    }

    #[test]
    fn a_signature_of_the_body_must_be_whole_hex() {
        let secret = Secret::new("own words");
        let signed = sign(std::slice::from_ref(&secret), "0193", NOW, b"{}");
        let good = signed.header(BODY_SIGNATURE).unwrap();
        assert_eq!(verify_body(&secret, good, b"{}"), Ok(()));
        assert_eq!(verify_body(&secret, &good.to_uppercase().replace("SHA", "sha"), b"{}"), Ok(()));
        assert_eq!(verify_body(&secret, good, b"{ }"), Err(VerifyError::Different));
        assert_eq!(verify_body(&secret, &good[..good.len() - 2], b"{}"), Err(VerifyError::Different), "cut short");
        for broken in ["", "sha256", &good[7..], &good[..good.len() - 1], "sha256=zz", "sha1=00", "sha256=٣٣"] {
            assert_eq!(verify_body(&secret, broken, b"{}"), Err(VerifyError::MalformedSignature), "{broken}");
        }
    }

    #[test]
    fn a_secret_that_only_looks_like_ours_is_used_as_it_is() {
        let mac = |secret: &str| sign(&[secret.into()], "0193", NOW, b"{}").header(SIGNATURE).unwrap().to_owned();
        assert_eq!(mac("whsec_c2VjcmV0"), mac("secret"));
        assert_eq!(mac("whsec_c2VjcmV0cw=="), mac("whsec_c2VjcmV0cw"), "padding does not matter");
        let broken: Vec<_> = ["whsec_", "whsec_%%", "whsec_سر", "WHSEC_c2VjcmV0"].map(mac).into();
        for (one, other) in broken.iter().zip(broken.iter().skip(1)) {
            assert_ne!(one, other);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_in_breaks_the_verifier(text in any::<[String; 4]>(), body in any::<Vec<u8>>()) {
            let [secret, id, timestamp, signatures] = &text;
            let received = Received { id, timestamp, signatures };
            prop_assert!(verify(&secret.as_str().into(), received, &body, NOW, TOLERANCE).is_err());
            let body_signature = verify_body(&secret.as_str().into(), signatures, &body);
            prop_assert!(body_signature.is_err());
        }
    }
}
