//! The keys that secrets are sealed with: given by setting, or in a file beside the database.

use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};
use crate::seal::{Keyring, SealingKey, SealingKeyId};
use crate::secret::Secret;
use crate::settings::resolve::Faults;
use crate::settings::value::{boolean, present_secret};
use crate::settings::{Fault, KeyFile, SettingsArgs};
use crate::store::SqlStore;
use crate::webhook::EndpointStore;
use crate::webhook::guard::TargetPolicy;

/// The keys that secrets are sealed with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SealingSettings {
    /// Those that were given; without them, those of the file count.
    pub keys: Option<Keyring>,
    /// The file that they lie in otherwise.
    pub file: KeyFile,
}

impl SealingSettings {
    /// The keys that were given, else those of the file, which is made if nothing in `store` was ever sealed.
    ///
    /// # Errors
    /// Those of [`KeyFile::read`] and [`KeyFile::create`]; [`InvalidInput`](ErrorKind::InvalidInput) when the file is
    /// missing and the store has secrets; [`Unavailable`](ErrorKind::Unavailable) when the store cannot be asked.
    pub async fn keyring(&self, store: &dyn EndpointStore) -> Result<Keyring> {
        if let Some(keys) = &self.keys {
            return Ok(keys.clone());
        }
        // The store first: a key is in the file before it is in the store, also one that somebody else makes just now.
        let known = store.sealing_keys().await?;
        if let Some(keys) = self.file.read()? {
            return Ok(keys);
        }
        let file = self.file.path().display();
        if let Some(key) = known.first() {
            let text = format!(
                "secrets in the database were sealed with the key {}, but there are no keys: give those that were used by \
                 SECRET_KEYS, or put them into the file {file} (if they are lost: secrets give-up-lost)",
                key.id
            );
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        if self.file.create(&Keyring::generate()?)? {
            tracing::info!(file = %file, "made a key that secrets are sealed with; keep a copy of the file");
        }
        // Also where somebody else made it meanwhile.
        self.file.read()?.ok_or_else(|| Error::unavailable(format!("the key file {file} is gone again")))
    }
}

impl SealingSettings {
    /// The keys that there are, be others lost: if there are none, the file is made with a new one.
    ///
    /// # Errors
    /// Those of [`SealingSettings::keyring`] but that the file is missing.
    pub async fn remaining_keyring(&self, store: &dyn EndpointStore) -> Result<Keyring> {
        let highest = store.sealing_keys().await?.last().map_or(0, |key| key.id.0);
        if self.keys.is_none() && self.file.read()?.is_none() {
            self.file.add(&SealingKey::generate(SealingKeyId(highest.saturating_add(1)))?)?;
        }
        self.keyring(store).await
    }
}

impl SettingsArgs {
    /// `database` is the address of the database.
    pub(super) fn sealing(&self, database: &Secret, faults: &mut Faults) -> SealingSettings {
        let keys = present_secret(self.secret_keys.as_ref()).and_then(|given| {
            let ring = keys(given);
            if ring.is_none() {
                let accepted =
                    "keys as in 2:BASE64,1:BASE64, the newest first: a number of its own, and 32 bytes in base64";
                faults.push(Fault::secret("SECRET_KEYS", given, accepted));
            }
            ring
        });
        SealingSettings { keys, file: KeyFile::new(file_beside(database)) }
    }

    pub(super) fn webhook_targets(&self, faults: &mut Faults) -> TargetPolicy {
        let private =
            faults.read(self.webhook_allow_private.as_deref(), false, |value| boolean("WEBHOOK_ALLOW_PRIVATE", value));
        let http = faults.read(self.webhook_allow_http.as_deref(), false, |value| boolean("WEBHOOK_ALLOW_HTTP", value));
        TargetPolicy::default().private(private).http(http)
    }
}

fn keys(given: &str) -> Option<Keyring> {
    let keys: Option<Vec<_>> = given.split(',').map(SealingKey::parse).collect();
    Keyring::new(keys?).ok()
}

/// Beside the file of a SQLite database; of a PostgreSQL server, in the working folder.
fn file_beside(database: &Secret) -> PathBuf {
    match SqlStore::sqlite_file(database.expose()) {
        Some(mut file) => {
            file.as_mut_os_string().push(".keys");
            file
        }
        None => PathBuf::from("arash.keys"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::MemoryStore;
    use crate::webhook::register_keyring;

    fn text(id: u32) -> String {
        SealingKey::generate(SealingKeyId(id)).unwrap().to_text().expose().to_owned()
    }

    fn given(keys: &str) -> SettingsArgs {
        SettingsArgs { secret_keys: Some(keys.into()), ..SettingsArgs::default() }
    }

    #[test]
    fn keys_are_given_newest_first() {
        let (one, two) = (text(1), text(2));
        for keys in [format!("{two},{one}"), format!(" {two} , {one} ")] {
            let ring = given(&keys).resolve().unwrap().sealing.keys.unwrap();
            assert_eq!(ring.keys().map(|key| key.id().0).collect::<Vec<_>>(), [2, 1]);
        }
        assert!(given(" ").resolve().unwrap().sealing.keys.is_none());
    }

    #[test]
    fn what_are_no_keys_is_refused_and_not_shown() {
        let one = text(1);
        for wrong in [format!("{one},"), format!("{one},{one}"), "hunter2".to_owned(), format!("{one} {}", text(2))] {
            let faults = given(&wrong).resolve().unwrap_err();
            let line = faults[0].to_string();
            assert!(faults.len() == 1 && line.starts_with("SECRET_KEYS: the value given (***, "), "{line}");
            assert!(!line.contains(&wrong) && !line.contains(&one), "{line}");
        }
    }

    #[test]
    fn no_key_is_shown() {
        let one = text(1);
        let args = given(&one);
        assert!(!format!("{args:?}").contains(&one));
        assert!(!format!("{:?}", args.resolve().unwrap()).contains(&one[2..]));
    }

    #[test]
    fn the_file_is_beside_the_database() {
        for (url, file) in [
            ("", "arash.db.keys"),
            ("sqlite:///var/lib/arash/my.db?mode=rwc", "/var/lib/arash/my.db.keys"),
            ("postgres://arash:hunter2@db/arash", "arash.keys"),
        ] {
            let args = SettingsArgs { database_url: Some(url.into()), ..SettingsArgs::default() };
            assert_eq!(args.resolve().unwrap().sealing.file.path(), Path::new(file));
        }
    }

    #[test]
    fn webhooks_go_to_the_public_internet_unless_it_is_told_otherwise() {
        let given = |private: &str, http: &str| SettingsArgs {
            webhook_allow_private: Some(private.to_owned()),
            webhook_allow_http: Some(http.to_owned()),
            ..SettingsArgs::default()
        };
        for (private, http, expected) in
            [("", "", (false, false)), ("true", "", (true, false)), ("0", "yes", (false, true))]
        {
            let targets = given(private, http).resolve().unwrap().webhook_targets;
            assert_eq!((targets.allow_private, targets.allow_http), expected);
        }
        let lines: Vec<_> = given("x", "y").resolve().unwrap_err().iter().map(Fault::variable).collect();
        assert_eq!(lines, ["WEBHOOK_ALLOW_PRIVATE", "WEBHOOK_ALLOW_HTTP"]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_is_made_where_nothing_was_sealed_and_missed_where_something_was() {
        let (folder, store) = (tempfile::tempdir().unwrap(), MemoryStore::new());
        let sealing = SealingSettings { keys: None, file: KeyFile::new(folder.path().join("keys")) };
        let (one, other) = tokio::join!(sealing.keyring(&store), sealing.keyring(&store));
        let ring = one.unwrap();
        assert_eq!(ring.marks(), other.unwrap().marks());
        register_keyring(&store, &ring, crate::clock::Timestamp::default()).await.unwrap();
        assert_eq!(sealing.keyring(&store).await.unwrap().marks(), ring.marks());
        std::fs::remove_file(sealing.file.path()).unwrap();
        let missed = sealing.keyring(&store).await.unwrap_err();
        assert_eq!(missed.kind(), ErrorKind::InvalidInput);
        assert!(missed.to_string().contains("sealed with the key 1, but there are no keys"), "{missed}");
        assert!(!sealing.file.path().exists(), "no other one is made in its place");
        let given = SealingSettings { keys: Some(ring.clone()), ..sealing };
        assert_eq!(given.keyring(&store).await.unwrap().marks(), ring.marks());
    }
}
