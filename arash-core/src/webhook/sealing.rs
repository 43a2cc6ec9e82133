//! The keys that endpoints' secrets are sealed with: registered at the start, changed while the program runs.

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TeamId;
use crate::seal::{KeyMark, Keyring, SealingKeyId};
use crate::webhook::{EndpointStore, Resealed, SealedSecret};

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
    /// The keys that are not needed any more.
    pub retired: Vec<SealingKeyId>,
}

/// Seals all secrets anew that another key than the newest one sealed, while others read and write them, and forgets the
/// keys that seal nothing any more. May be broken off and begun again at any time.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) when no program has started with the newest key yet: those that run could not open
/// what it seals; [`Internal`](ErrorKind::Internal) when a secret cannot be opened.
pub async fn reseal_secrets(store: &dyn EndpointStore, keyring: &Keyring) -> Result<Resealing> {
    let newest = keyring.newest();
    if !store.sealing_keys().await?.contains(&newest.mark()) {
        let text = format!("nothing has started with the key {} yet; start all nodes with it first", newest.id());
        return Err(Error::new(ErrorKind::Conflict, text));
    }
    let (mut resealed, mut after) = (0, TeamId(0));
    loop {
        let found = store.secrets_sealed_otherwise(newest.id(), after, PAGE).await?;
        let Some(last) = found.last() else { break };
        after = last.team_id;
        let anew = found.into_iter().map(|secret| reseal(keyring, secret)).collect::<Result<Vec<_>>>()?;
        resealed += store.reseal(&anew).await?;
    }
    Ok(Resealing { resealed, retired: store.forget_sealing_keys(newest.id()).await? })
}

fn reseal(keyring: &Keyring, before: SealedSecret) -> Result<Resealed> {
    let place = before.column.of(before.team_id);
    let after = keyring.seal(place, &keyring.open(place, &before.sealed)?)?;
    Ok(Resealed { before, after })
}
