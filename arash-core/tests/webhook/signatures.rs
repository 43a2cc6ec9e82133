//! Libraries that nobody here wrote verify what is signed here.

use std::io::Write;
use std::process::{Command, Stdio};

use arash_core::Secret;
use arash_core::clock::{Clock, SystemClock};
use arash_core::webhook::signature::{
    BODY_SIGNATURE, BODY_SIGNATURE_PREVIOUS, ID, Received, SIGNATURE, Signed, TIMESTAMP, TOLERANCE, sign, verify,
    verify_body,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

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

/// What a verifier in another language is asked, a line each, and what it should say.
fn deliveries() -> Vec<(String, bool)> {
    let mut runner = TestRunner::default();
    let mut random = |count| prop::collection::vec(any::<u8>(), count).new_tree(&mut runner).unwrap().current();
    let [old, new, foreign] = [24, 32, 64].map(|count| format!("whsec_{}", STANDARD.encode(random(count))));
    let mut lines = Vec::new();
    for number in 0..1_000 {
        let text = any::<String>().new_tree(&mut runner).unwrap().current();
        let body = json!({"number": number, "text": text}).to_string();
        for secrets in [vec![&old], vec![&new, &old], vec![&new]] {
            let shared: Vec<Secret> = secrets.iter().map(|secret| secret.as_str().into()).collect();
            let signed = sign(&shared, &format!("event-{number}"), SystemClock.now(), body.as_bytes());
            let headers: serde_json::Map<_, _> =
                signed.headers().map(|(name, value)| (name.to_owned(), value.into())).collect();
            for (secret, body, is_good) in [
                (&old, body.clone(), secrets.contains(&&old)),
                (&new, body.clone(), secrets.contains(&&new)),
                (&foreign, body.clone(), false),
                (secrets[0], format!("{body} "), false),
            ] {
                lines.push((json!({"secret": secret, "body": body, "headers": headers}).to_string(), is_good));
            }
        }
    }
    lines
}

#[test]
#[ignore = "scripts/webhook-verifiers runs it, which installs the libraries"]
fn libraries_in_other_languages_verify_what_is_signed() {
    let verifiers = std::env::var("WEBHOOK_VERIFIERS").expect("run scripts/webhook-verifiers");
    let lines = deliveries();
    let questions = lines.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>().join("\n") + "\n";
    for verifier in verifiers.lines() {
        let mut words = verifier.split(' ');
        let mut command = Command::new(words.next().unwrap());
        let mut child = command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdin, questions) = (child.stdin.take().unwrap(), questions.clone());
        let writing = std::thread::spawn(move || stdin.write_all(questions.as_bytes()));
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap().unwrap();
        assert!(output.status.success(), "{verifier}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.lines().count(), lines.len(), "{verifier}");
        for ((line, is_good), said) in lines.iter().zip(said.lines()) {
            assert_eq!(said, is_good.to_string(), "{verifier}: {line}");
        }
    }
}
