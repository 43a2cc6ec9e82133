//! What the cases are made of.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::clock::Timestamp;
use crate::id::{SessionId, TeamId, TurnId};
use crate::message::{Message, Role};
use crate::money::Micros;
use crate::seal::{Keyring, SealingKey, SealingKeyId};
use crate::secret::Secret;
use crate::session::{Session, SessionKey};
use crate::store::Store;
use crate::team::{Actor, ApiKey, ChangeContext, KeyDigest, KeyMatch, KeyRotation, NewApiKey, NewTeam, Team};
use crate::turn::{
    BeginOutcome, CommitOutcome, IdempotencyKey, RequestDigest, SessionChange, StartedTurn, StoredTurn, TurnCommit,
    TurnState,
};
use crate::usage::{TokenUsage, TurnKind, UsageFilter, UsagePage, UsageRecord};
use crate::webhook::{Endpoint, EndpointChange, EventKind, EventKinds, NewSecret, SecretColumn};

/// For how long a session stays open after a turn.
pub(super) const TIMEOUT: Duration = Duration::from_mins(30);
/// A window that holds all that is said in any case.
pub(super) const ALL: usize = 10_000;

/// The moment `seconds` after the one that the cases start at: 2025-11-01, 12:00:00.
pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_761_998_400_000).plus(Duration::from_secs(seconds))
}

pub(super) fn new_team(name: &str) -> NewTeam {
    NewTeam { name: name.to_owned(), description: None, monthly_quota: None, daily_quota: None, allowed_models: None }
}

/// A change that the program itself makes.
pub(super) fn by(at: Timestamp) -> ChangeContext {
    ChangeContext::new(Actor::program(), at)
}

/// The same, with an idempotency key.
pub(super) fn once(key: &str, request: &str, at: Timestamp) -> ChangeContext {
    let digest = RequestDigest::of([request.as_bytes()]);
    ChangeContext { idempotency: Some((IdempotencyKey::new("key:1:admin", key).unwrap(), digest)), ..by(at) }
}

/// A key whose digest is that of its name.
pub(super) fn new_key(team_id: TeamId, name: &str) -> NewApiKey {
    NewApiKey::new(team_id, KeyDigest::of(name), "sk_live_abcd".to_owned(), name.to_owned())
}

pub(super) async fn make_team(store: &dyn Store, name: &str) -> Team {
    store.create_team(new_team(name), &by(at(0))).await.unwrap().result
}

pub(super) async fn make_key(store: &dyn Store, team: TeamId, name: &str) -> ApiKey {
    store.create_key(new_key(team, name), &by(at(0))).await.unwrap().result.key
}

/// A keyring of one key with this id, which is registered.
pub(super) async fn registered_keyring(store: &dyn Store, id: u32) -> Keyring {
    let ring = Keyring::new(vec![SealingKey::generate(SealingKeyId(id)).unwrap()]).unwrap();
    let (newest, all) = (ring.newest().mark(), store.sealing_keys().await.unwrap());
    let known = store.register_sealing_key(newest, &[all, ring.marks()].concat(), at(0)).await.unwrap();
    assert!(known.contains(&newest), "it was registered");
    ring
}

/// A secret of a team as it is to be stored.
pub(super) fn new_secret(ring: &Keyring, team: TeamId, text: &str) -> NewSecret {
    let sealed = ring.seal(SecretColumn::Present.of(team), &Secret::new(text)).unwrap();
    NewSecret { sealed, hint: format!("…{text}") }
}

/// What makes an endpoint that is told of everything, or changes nothing of the one there is but its address.
pub(super) fn new_endpoint(ring: &Keyring, team_id: TeamId) -> EndpointChange {
    EndpointChange {
        team_id,
        url: Some(format!("https://team-{team_id}.example/hook")),
        enabled: None,
        events: Some(EventKinds::from_iter(EventKind::ALL)),
        secret: new_secret(ring, team_id, "whsec_first"),
        replaced: None,
    }
}

/// Makes an endpoint that is told of everything.
pub(super) async fn make_endpoint(store: &dyn Store, ring: &Keyring, team: TeamId) -> Endpoint {
    store.put_endpoint(new_endpoint(ring, team), &by(at(0))).await.unwrap()
}

/// A rotation to `secret` with an overlap of so many seconds.
pub(super) fn rotation(secret: &str, overlap: u64) -> KeyRotation {
    let overlap = Duration::from_secs(overlap);
    KeyRotation { digest: KeyDigest::of(secret), key_prefix: "sk_live_wxyz".to_owned(), overlap }
}

/// The key that `secret` belongs to, which must be known.
pub(super) async fn matching(store: &dyn Store, secret: &str) -> KeyMatch {
    let found = store.key_by_digest(&KeyDigest::of(secret)).await.unwrap();
    assert!(found.is_some(), "{secret} must be known");
    found.unwrap()
}

/// The name of a conversation that belongs to no team.
pub(super) fn chat(id: &str) -> SessionKey {
    SessionKey::public("telegram", id)
}

/// A turn that ended at `at` and changed no session.
pub(super) fn turn(at: Timestamp) -> TurnCommit {
    let turn_id = TurnId::new();
    TurnCommit {
        turn_id,
        state: TurnState::Completed,
        is_begun: false,
        idempotency: None,
        receipt: None,
        session: None,
        usage: UsageRecord {
            turn_id,
            api_key_id: None,
            team_id: None,
            session_key: None,
            platform: "telegram".to_owned(),
            model_used: Some("openai/gpt-5-chat".into()),
            kind: TurnKind::Chat,
            tokens: TokenUsage { prompt_tokens: 210, completion_tokens: 12, estimated: false },
            cost: Micros(383),
            success: true,
            response_time: Duration::from_millis(840),
            error: None,
            created_at: at,
        },
        quota: Vec::new(),
        events: Vec::new(),
        touched_key: None,
    }
}

/// A turn that made this change.
pub(super) fn turn_in(change: SessionChange) -> TurnCommit {
    let mut turn = turn(change.last_activity_at);
    turn.usage.session_key = Some(change.key.as_str().to_owned());
    turn.session = Some(change);
    turn
}

/// A turn with an idempotency key and a reply.
pub(super) fn turn_for(key: &str, at: Timestamp) -> TurnCommit {
    let key = IdempotencyKey::new("key:1", key).unwrap();
    let digest = RequestDigest::of([key.key().as_bytes()]);
    TurnCommit { idempotency: Some((key, digest)), receipt: Some(r#"{"text":"Hi"}"#.to_owned()), ..turn(at) }
}

/// The same turn as it begins at `at`, with half a minute to be ended or renewed.
pub(super) fn started(turn: &TurnCommit, at: Timestamp) -> StartedTurn {
    let usage = UsageRecord {
        tokens: TokenUsage { prompt_tokens: 200, completion_tokens: 0, estimated: true },
        cost: Micros(250),
        success: false,
        response_time: Duration::ZERO,
        error: Some("unavailable".to_owned()),
        created_at: at,
        ..turn.usage.clone()
    };
    let (turn_id, idempotency) = (turn.turn_id, turn.idempotency.clone());
    StartedTurn { turn_id, idempotency, usage, events: Vec::new(), lease_until: at.plus(Duration::from_secs(30)) }
}

/// The end of a turn that was begun and that nobody ended.
pub(super) fn interrupted(turn: &StartedTurn, at: Timestamp) -> TurnCommit {
    TurnCommit {
        turn_id: turn.turn_id,
        state: TurnState::Interrupted,
        is_begun: true,
        idempotency: turn.idempotency.clone(),
        receipt: None,
        session: None,
        usage: UsageRecord { created_at: at, ..turn.usage.clone() },
        quota: Vec::new(),
        events: turn.events.clone(),
        touched_key: None,
    }
}

/// A turn as the store remembers it once it is committed: the digest of its request only with a reply.
pub(super) fn stored(turn: &TurnCommit) -> StoredTurn {
    let digest = turn.idempotency.as_ref().map(|(_, digest)| *digest).filter(|_| turn.receipt.is_some());
    let receipt = turn.receipt.clone().filter(|_| turn.idempotency.is_some());
    StoredTurn { turn_id: turn.turn_id, state: turn.state, request_digest: digest, receipt }
}

/// A turn as the store remembers it while it runs.
pub(super) fn stored_start(turn: &StartedTurn) -> StoredTurn {
    let request_digest = turn.idempotency.as_ref().map(|(_, digest)| *digest);
    StoredTurn { turn_id: turn.turn_id, state: TurnState::Started, request_digest, receipt: None }
}

/// Opens a session with these messages, by turns of the user and the model.
pub(super) fn opening(key: &SessionKey, texts: &[&str], at: Timestamp) -> SessionChange {
    SessionChange {
        id: SessionId::new(),
        key: key.clone(),
        team_id: key.team(),
        user_id: "user-1".to_owned(),
        expected_version: 0,
        fence: 0,
        clears: false,
        messages: messages(texts, at),
        model: None,
        message_count: texts.len().div_ceil(2) as u64,
        stored_messages: texts.len() as u64,
        last_activity_at: at,
        expires_at: at.plus(TIMEOUT),
    }
}

/// Appends these messages to a session that was loaded.
pub(super) fn following(session: &Session, texts: &[&str], at: Timestamp) -> SessionChange {
    let new = opening(&session.key, texts, at);
    SessionChange {
        id: session.id,
        team_id: session.team_id,
        user_id: session.user_id.clone(),
        expected_version: session.version,
        fence: session.fence,
        model: session.model.clone(),
        message_count: session.message_count + new.message_count,
        stored_messages: session.stored_messages + new.stored_messages,
        ..new
    }
}

fn messages(texts: &[&str], at: Timestamp) -> Vec<Arc<Message>> {
    let roles = [Role::User, Role::Assistant].into_iter().cycle();
    roles.zip(texts).map(|(role, &text)| Arc::new(Message::new(role, text, at))).collect()
}

/// Commits one turn.
pub(super) async fn commit(store: &dyn Store, turn: &TurnCommit) -> CommitOutcome {
    let mut outcomes = store.commit(std::slice::from_ref(turn)).await.unwrap();
    assert_eq!(outcomes.len(), 1, "one turn has one outcome");
    outcomes.remove(0)
}

/// Commits one turn, which must be written.
pub(super) async fn commit_new(store: &dyn Store, turn: &TurnCommit) {
    assert_eq!(commit(store, turn).await, CommitOutcome::Committed);
}

/// Begins one turn.
pub(super) async fn begin(store: &dyn Store, turn: &StartedTurn) -> BeginOutcome {
    let mut outcomes = store.begin(std::slice::from_ref(turn)).await.unwrap();
    assert_eq!(outcomes.len(), 1, "one turn has one outcome");
    outcomes.remove(0)
}

/// Begins one turn, which must be written; returns the turn as it is to be ended.
pub(super) async fn begin_new(store: &dyn Store, turn: &TurnCommit, at: Timestamp) -> TurnCommit {
    assert_eq!(begin(store, &started(turn, at)).await, BeginOutcome::Begun);
    TurnCommit { is_begun: true, ..turn.clone() }
}

/// The ids of all turns that are lost at `now`, in their order.
pub(super) async fn lost(store: &dyn Store, now: Timestamp) -> Vec<TurnId> {
    let mut ids: Vec<_> = store.lost_turns(now, 1_000).await.unwrap().iter().map(|turn| turn.turn_id).collect();
    ids.sort_unstable();
    ids
}

/// Commits one change of a session, which must be written, and loads the session.
pub(super) async fn change(store: &dyn Store, change: SessionChange) -> Session {
    let (key, at) = (change.key.clone(), change.last_activity_at);
    commit_new(store, &turn_in(change)).await;
    load(store, &key, at).await
}

/// Loads a session, which must be open, with all that was said in it.
pub(super) async fn load(store: &dyn Store, key: &SessionKey, now: Timestamp) -> Session {
    let session = store.load(key, ALL, now).await.unwrap();
    assert!(session.is_some(), "{key} must be open at {now}");
    session.unwrap()
}

/// What was said, oldest first.
pub(super) fn texts(session: &Session) -> Vec<&str> {
    session.history.iter().map(|message| &*message.text).collect()
}

/// All usage records, newest first.
pub(super) async fn records(store: &dyn Store) -> Vec<UsageRecord> {
    store.usage_records(UsageFilter::default(), UsagePage { before: None, limit: 100_000 }).await.unwrap()
}

/// Runs as many tasks, lets them begin at one moment, and gives what each of them gave.
pub(super) async fn at_once<F>(tasks: usize, task: impl Fn(usize) -> F) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let (mut set, barrier) = (JoinSet::new(), Arc::new(Barrier::new(tasks)));
    for number in 0..tasks {
        let (barrier, work) = (Arc::clone(&barrier), task(number));
        set.spawn(async move {
            barrier.wait().await;
            work.await
        });
    }
    set.join_all().await
}
