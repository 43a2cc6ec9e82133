//! The keys that endpoints' secrets are sealed with: registered at the start, changed while the program runs.

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TeamId;
use crate::seal::{KeyMark, Keyring, Sealed, SealingKeyId};
use crate::team::ChangeContext;
use crate::webhook::{
    EndpointChange, EndpointStore, NewSecret, ReplacedSecret, Resealed, SealedSecret, SecretColumn, secret,
};

/// Endpoints whose secrets are sealed anew in one transaction.
const PAGE: u32 = 100;

/// Makes sure that `keyring` opens all that lies in `store`, and registers its newest key: from then on nobody starts
/// without it.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) naming the keys that it lacks.
pub async fn register_keyring(store: &dyn EndpointStore, keyring: &Keyring, at: Timestamp) -> Result<()> {
    let marks = keyring.marks();
    let known = store.register_sealing_key(keyring.newest().mark(), &marks, at).await?;
    let missing: Vec<&KeyMark> = known.iter().filter(|key| !marks.contains(key)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let words = |key: &&KeyMark| {
        let has_another = marks.iter().any(|own| own.id == key.id);
        if has_another { format!("{} (there is another one of this number)", key.id) } else { key.id.to_string() }
    };
    let missing: Vec<_> = missing.iter().map(words).collect();
    let text = format!("secrets in the database were sealed with keys that are missing here: {}", missing.join(", "));
    Err(Error::new(ErrorKind::InvalidInput, text))
}

/// What was done to have all secrets sealed with the newest key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealing {
    /// How many secrets were sealed anew.
    pub resealed: u64,
    /// The teams of which a secret cannot be opened, in order of id.
    pub unreadable: Vec<TeamId>,
    /// The keys that are not needed any more.
    pub retired: Vec<SealingKeyId>,
}

/// Seals all secrets anew that another key than the newest one sealed, while others read and write them, and forgets the
/// keys that seal nothing any more. May be broken off and begun again at any time.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) when no program has started with the newest key yet: those that run could not open
/// what it seals.
pub async fn reseal_secrets(store: &dyn EndpointStore, keyring: &Keyring) -> Result<Resealing> {
    let newest = keyring.newest();
    if !store.sealing_keys().await?.contains(&newest.mark()) {
        let text = format!("nothing has started with the key {} yet; start all nodes with it first", newest.id());
        return Err(Error::new(ErrorKind::Conflict, text));
    }
    reseal_all(store, keyring, |_| Ok(None)).await
}

/// Gives up the secrets that no key of `keyring` opens, because their keys are lost: a secret that nobody knows takes the
/// place of each, and the webhooks of these teams, the [unreadable](Resealing::unreadable) ones, are switched off until
/// somebody gives them another one. Where only a previous secret is lost, the webhook stays on. The rest is sealed anew.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) when the newest key has the number of a lost one.
pub async fn give_up_lost_secrets(
    store: &dyn EndpointStore,
    keyring: &Keyring,
    by: &ChangeContext,
) -> Result<Resealing> {
    let (newest, known) = (keyring.newest().mark(), store.sealing_keys().await?);
    if known.iter().any(|key| key.id == newest.id && *key != newest) {
        let text = format!("the key {} has the number of one that is lost; make a new one", newest.id);
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    // As if it had them all.
    store.register_sealing_key(newest, &[known, keyring.marks()].concat(), by.at).await?;
    let mut given_up = Vec::new();
    for lost in unreadable(store, keyring).await? {
        if lost.column == SecretColumn::Present && give_up(store, keyring, &lost, by).await? {
            given_up.push(lost.team_id);
        }
    }
    let unknown = |lost: &SealedSecret| keyring.seal(lost.column.of(lost.team_id), &secret::generate()?).map(Some);
    let done = reseal_all(store, keyring, unknown).await?;
    Ok(Resealing { unreadable: given_up, ..done })
}

/// The secrets that no key of `keyring` opens.
async fn unreadable(store: &dyn EndpointStore, keyring: &Keyring) -> Result<Vec<SealedSecret>> {
    let (mut unreadable, mut after) = (Vec::new(), TeamId(0));
    loop {
        let found = store.secrets_sealed_otherwise(keyring.newest().id(), after, PAGE).await?;
        let Some(last) = found.last() else { return Ok(unreadable) };
        after = last.team_id;
        unreadable.extend(found.into_iter().filter(|it| keyring.open(it.column.of(it.team_id), &it.sealed).is_err()));
    }
}

/// In one step, so that no crash leaves a webhook switched on with a secret that nobody knows. Returns whether it was
/// done: nothing is lost where somebody gave it another secret in the meantime.
async fn give_up(
    store: &dyn EndpointStore,
    keyring: &Keyring,
    lost: &SealedSecret,
    by: &ChangeContext,
) -> Result<bool> {
    let team_id = lost.team_id;
    let unknown = secret::generate()?;
    let sealed = keyring.seal(SecretColumn::Present.of(team_id), &unknown)?;
    let secret = NewSecret { sealed, hint: secret::hint(&unknown) };
    let replaced = Some(ReplacedSecret { present: lost.sealed.clone(), previous: None });
    let change = EndpointChange { team_id, url: None, enabled: Some(false), events: None, secret, replaced };
    match store.put_endpoint(change, by).await {
        Err(changed) if changed.kind() == ErrorKind::Conflict => Ok(false),
        done => done.map(|_| true),
    }
}

/// Seals everything anew that another key than the newest one sealed; in the place of what cannot be opened comes what
/// `instead` gives, if anything.
async fn reseal_all(
    store: &dyn EndpointStore,
    keyring: &Keyring,
    instead: impl Fn(&SealedSecret) -> Result<Option<Sealed>>,
) -> Result<Resealing> {
    let (mut done, mut after) = (Resealing::default(), TeamId(0));
    loop {
        let found = store.secrets_sealed_otherwise(keyring.newest().id(), after, PAGE).await?;
        let Some(last) = found.last() else { break };
        after = last.team_id;
        let mut anew = Vec::new();
        for before in found {
            let place = before.column.of(before.team_id);
            let sealed = if let Ok(secret) = keyring.open(place, &before.sealed) {
                Some(keyring.seal(place, &secret)?)
            } else {
                done.unreadable.push(before.team_id);
                instead(&before)?
            };
            anew.extend(sealed.map(|after| Resealed { before, after }));
        }
        done.resealed += store.reseal(&anew).await?;
    }
    done.unreadable.dedup();
    done.retired = store.forget_sealing_keys(keyring.newest().id()).await?;
    Ok(done)
}
