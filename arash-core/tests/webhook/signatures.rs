//! Libraries that nobody here wrote verify what is signed here.

use arash_core::Secret;
use arash_core::clock::{Clock, SystemClock};
use arash_core::webhook::signature::{
    BODY_SIGNATURE, BODY_SIGNATURE_PREVIOUS, ID, Received, SIGNATURE, Signed, TIMESTAMP, TOLERANCE, sign, verify,
    verify_body,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

fn verified(secret: &str, signed: &Signed, body: &[u8]) -> bool {
    let value = |name| signed.header(name).unwrap();
    let received = Received { id: value(ID), timestamp: value(TIMESTAMP), signatures: value(SIGNATURE) };
    verify(&secret.into(), received, body, SystemClock.now(), TOLERANCE).is_ok()
}

fn verified_by_others(secret: &str, signed: &Signed, body: &[u8]) -> bool {
    let headers = signed.headers().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let headers: reqwest::header::HeaderMap = headers.collect();
    standardwebhooks::Webhook::new(secret).unwrap().verify(body, &headers).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn before_during_and_after_a_rotation_who_has_the_secret_verifies(
        body in any::<String>(),
        keys in prop::array::uniform3(prop::collection::vec(any::<u8>(), 24..65)),
    ) {
        let [old, new, foreign] = keys.map(|key| format!("whsec_{}", STANDARD.encode(key)));
        prop_assume!(old != new && old != foreign && new != foreign);
        let body = body.as_bytes();
        for secrets in [vec![&old], vec![&new, &old], vec![&new]] {
            let shared: Vec<Secret> = secrets.iter().map(|secret| secret.as_str().into()).collect();
            let signed = sign(&shared, "0193a0c0", SystemClock.now(), body);
            for secret in [&old, &new, &foreign] {
                prop_assert_eq!(verified_by_others(secret, &signed, body), secrets.contains(&secret));
                prop_assert_eq!(verified(secret, &signed, body), secrets.contains(&secret));
            }
            let of_body = [BODY_SIGNATURE, BODY_SIGNATURE_PREVIOUS].map(|name| signed.header(name));
            prop_assert_eq!(of_body.iter().flatten().count(), shared.len());
            for (secret, signature) in shared.iter().zip(of_body.into_iter().flatten()) {
                prop_assert_eq!(verify_body(secret, signature, body), Ok(()));
            }
        }
    }
}
