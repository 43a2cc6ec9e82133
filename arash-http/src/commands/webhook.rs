//! `arash-http webhook verify`: whether a delivery is what was sent.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arash_core::clock::{Clock, SystemClock, Timestamp};
use arash_core::webhook::signature::{Received, verify, verify_body};
use arash_core::{Error, ErrorKind, Result, Secret};
use clap::{Args, Subcommand};

/// Where the secret stands, unless a file is named.
const SECRET: &str = "WEBHOOK_SECRET";

/// Looks at deliveries
#[derive(Clone, Debug, Subcommand)]
#[expect(clippy::doc_markdown, reason = "these comments are the help text, which has no markup")]
pub enum WebhookCommand {
    /// Tells whether a delivery was signed with a secret
    ///
    /// The secret is taken from a file or from the environment (WEBHOOK_SECRET), where no list of processes shows it.
    /// Ends with 0 if the signature is good, and with 1 if not.
    Verify(Verify),
}

/// What is verified.
#[expect(clippy::doc_markdown, reason = "these comments are the help text, which has no markup")]
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// A file with the secret [default: WEBHOOK_SECRET in the environment]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The header X-Webhook-Signature, as in sha256=…, or webhook-signature, as in v1,…
    #[arg(long, value_name = "VALUE")]
    signature: String,
    /// The header webhook-id; needed for v1,…
    #[arg(long, value_name = "VALUE")]
    id: Option<String>,
    /// The header webhook-timestamp; needed for v1,…
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<String>,
    /// How old a delivery may be, in seconds; for v1,… [default: any age]
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,
    /// A file with the body, byte for byte; - reads the standard input
    body: PathBuf,
}

impl WebhookCommand {
    /// Does it; tells what came of it.
    ///
    /// # Errors
    /// When the signature is not good, or something is missing or cannot be read.
    pub fn run(self) -> Result<String> {
        let Self::Verify(verify) = self;
        verify.run(SystemClock.now(), std::env::var(SECRET).ok().map(Secret::from))
    }
}

impl Verify {
    fn run(&self, now: Timestamp, from_environment: Option<Secret>) -> Result<String> {
        let secret = self.secret(from_environment)?;
        let body = read(&self.body)?;
        let verified = if self.signature.trim_start().starts_with("sha256=") {
            verify_body(&secret, &self.signature, &body)
        } else {
            let missing = || Error::invalid("signature", "of the form v1,… needs --id and --timestamp too");
            let (id, timestamp) = self.id.as_deref().zip(self.timestamp.as_deref()).ok_or_else(missing)?;
            let received = Received { id, timestamp, signatures: &self.signature };
            verify(&secret, received, &body, now, self.max_age.map_or(Duration::MAX, Duration::from_secs))
        };
        match verified {
            Ok(()) => Ok("The signature is good.".to_owned()),
            Err(fault) => Err(Error::new(ErrorKind::Conflict, format!("the signature is not good: {fault}"))),
        }
    }

    fn secret(&self, from_environment: Option<Secret>) -> Result<Secret> {
        let Some(file) = &self.secret_file else {
            let missing = || Error::invalid("secret", format!("is missing: set {SECRET}, or give --secret-file"));
            return from_environment.ok_or_else(missing);
        };
        let text = String::from_utf8(read(file)?);
        let text = text.map_err(|_| Error::invalid("secret-file", "holds something else than a text"))?;
        Ok(Secret::new(text.trim()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(path).map(|found| bytes = found)
    };
    let unreadable =
        |fault| Error::new(ErrorKind::NotFound, format!("{} cannot be read", path.display())).with_source(fault);
    read.map(|()| bytes).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use arash_core::webhook::signature::{BODY_SIGNATURE, ID, SIGNATURE, TIMESTAMP, sign};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_761_998_400_000);

    fn outcome(change: impl FnOnce(&mut Verify), header: &str) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let (body, secret_file) = (folder.path().join("body"), folder.path().join("secret"));
        std::fs::write(&body, "{}").unwrap();
        std::fs::write(&secret_file, "whsec_c2VjcmV0IG9mIGEgdGVzdA==\n").unwrap();
        let signed = sign(&["whsec_c2VjcmV0IG9mIGEgdGVzdA==".into()], "0193", NOW, b"{}");
        let value = |name| signed.header(name).unwrap().to_owned();
        let (signature, id, timestamp) = (value(header), Some(value(ID)), Some(value(TIMESTAMP)));
        let mut verify = Verify { secret_file: Some(secret_file), signature, id, timestamp, max_age: None, body };
        change(&mut verify);
        match verify.run(NOW.plus(Duration::from_secs(60)), None) {
            Ok(said) => (true, said),
            Err(fault) => (false, fault.to_string()),
        }
    }

    #[test]
    fn both_kinds_of_signatures_are_verified() {
        for header in [BODY_SIGNATURE, SIGNATURE] {
            assert_eq!(outcome(|_| (), header), (true, "The signature is good.".to_owned()));
            let other = outcome(|verify| verify.body = verify.secret_file.clone().unwrap(), header);
            assert_eq!(
                other,
                (
                    false,
                    "the signature is not good: the signature is of another secret, id, timestamp or body".to_owned()
                )
            );
        }
        assert!(outcome(|verify| verify.max_age = Some(60), SIGNATURE).0);
        assert!(outcome(|verify| verify.max_age = Some(59), SIGNATURE).1.ends_with("too long ago"));
    }

    #[test]
    fn what_is_missing_is_told() {
        assert!(outcome(|verify| verify.id = None, SIGNATURE).1.contains("needs --id and --timestamp"));
        assert!(outcome(|verify| verify.id = None, BODY_SIGNATURE).0);
        assert!(outcome(|verify| verify.secret_file = None, SIGNATURE).1.contains("set WEBHOOK_SECRET"));
        assert!(outcome(|verify| verify.body = "/no/such/file".into(), SIGNATURE).1.ends_with("cannot be read"));
    }
}
