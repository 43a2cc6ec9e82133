//! `arash-http secrets`: the keys that secrets in the database are sealed with.

use arash_core::Result;
use arash_core::clock::{Clock, SystemClock};
use arash_core::seal::{Keyring, SealingKey, SealingKeyId};
use arash_core::settings::Settings;
use arash_core::store::{SqlStore, Store};
use arash_core::team::{Actor, ChangeContext};
use arash_core::webhook::{EndpointStore, Resealing, give_up_lost_secrets, reseal_secrets};
use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Output;

/// Changes the keys that secrets in the database are sealed with, while the service runs
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum SecretsCommand {
    /// Makes a key: into the key file, in front of the others; with `SECRET_KEYS`, it is printed to be put there in front.
    /// Start all nodes with it, then reseal
    NewKey(NewSealingKey),
    /// Seals all secrets anew with the newest key, and tells which keys are not needed any more
    Reseal(Reseal),
    /// Gives up the secrets whose keys are lost: the webhooks that have them are switched off until they get another one.
    /// With it the service starts again; what was lost stays lost
    GiveUpLost(GiveUpLost),
}

/// How it is told.
#[derive(Args, Clone, Copy, Debug)]
pub struct NewSealingKey {
    #[command(flatten)]
    output: Output,
}

/// How it is told.
#[derive(Args, Clone, Copy, Debug)]
pub struct Reseal {
    #[command(flatten)]
    output: Output,
}

/// How it is told.
#[derive(Args, Clone, Copy, Debug)]
pub struct GiveUpLost {
    #[command(flatten)]
    output: Output,
}

impl SecretsCommand {
    /// Does it; tells what came of it.
    ///
    /// # Errors
    /// When the database cannot be opened, or the keys cannot be used.
    pub async fn run(self, settings: &Settings) -> Result<String> {
        let store = SqlStore::open_with(settings.database.url.expose(), settings.database.options).await?;
        let done = self.run_on(&store, settings).await;
        store.close().await;
        done
    }

    async fn run_on(self, store: &SqlStore, settings: &Settings) -> Result<String> {
        let keyring = match self {
            Self::GiveUpLost(_) => settings.sealing.remaining_keyring(store).await?,
            _ => settings.sealing.keyring(store).await?,
        };
        match self {
            Self::NewKey(new_key) => new_key.run(store, settings, &keyring).await,
            Self::Reseal(reseal) => Ok(told(reseal.output, &keyring, &reseal_secrets(store, &keyring).await?)),
            Self::GiveUpLost(give_up) => {
                let by = ChangeContext::new(Actor::program(), SystemClock.now());
                Ok(told(give_up.output, &keyring, &give_up_lost_secrets(store, &keyring, &by).await?))
            }
        }
    }
}

impl NewSealingKey {
    async fn run(self, store: &SqlStore, settings: &Settings, keyring: &Keyring) -> Result<String> {
        let known = store.sealing_keys().await?.into_iter().chain(keyring.marks());
        let highest = known.map(|mark| mark.id.0).max().unwrap_or_default();
        let key = SealingKey::generate(SealingKeyId(highest.saturating_add(1)))?;
        let id = key.id();
        if settings.sealing.keys.is_some() {
            let text = key.to_text();
            let value = json!({"id": id.0, "key": text.expose()});
            return Ok(self
                .output
                .write(&value, || format!("New key (put it in front of SECRET_KEYS): {}", text.expose())));
        }
        settings.sealing.file.add(&key)?;
        let file = settings.sealing.file.path().display().to_string();
        let value = json!({"id": id.0, "file": file});
        Ok(self.output.write(&value, || {
            format!("Key {id} is in {file}. Start the service anew, then run: arash-http secrets reseal")
        }))
    }
}

fn told(output: Output, keyring: &Keyring, done: &Resealing) -> String {
    let (newest, resealed) = (keyring.newest().id(), done.resealed);
    let retired: Vec<_> = done.retired.iter().map(|id| id.0).collect();
    let value = json!({"key": newest.0, "resealed": resealed, "retired": retired, "unreadable_teams": done.unreadable});
    output.write(&value, || {
        let retired = listed(&done.retired);
        let mut lines =
            vec![format!("Sealed anew with key {newest}: {resealed}. Keys that are not needed any more: {retired}.")];
        if !done.unreadable.is_empty() {
            let teams = listed(&done.unreadable);
            lines.push(format!("Teams of which a secret cannot be opened, which need another one: {teams}."));
        }
        lines.join("\n")
    })
}

fn listed(ids: &[impl ToString]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}
