//! Keys that are changed while they are in use: what holds of a secret that a node remembers.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::sync::Arc;
use std::time::Duration;

use arash_core::ErrorKind;
use arash_core::clock::{Clock, Timestamp};
use arash_core::idempotency::IdempotencyKey;
use arash_core::store::MemoryStore;
use arash_core::team::{
    AccessLevel, ApiKeys, Authenticator, Edit, IssuedKey, KeyChange, KeyEnvironment, KeySpec, MAX_OVERLAP, TeamSpec,
    Teams,
};
use arash_core::testing::ManualClock;

struct Node {
    clock: ManualClock,
    authenticator: Arc<Authenticator>,
    teams: Teams,
    keys: ApiKeys,
}

impl Node {
    fn start() -> Self {
        let clock = ManualClock::new(Timestamp::from_millis(1_762_000_200_000));
        let (store, shared): (_, Arc<dyn Clock>) = (Arc::new(MemoryStore::new()), Arc::new(clock.clone()));
        let authenticator = Arc::new(Authenticator::new(store.clone(), Arc::clone(&shared)));
        let teams = Teams::new(store.clone(), Arc::clone(&authenticator), Arc::clone(&shared));
        let keys = ApiKeys::new(store, Arc::clone(&authenticator), shared);
        Self { clock, authenticator, teams, keys }
    }

    async fn key(&self, change: impl FnOnce(KeySpec) -> KeySpec) -> IssuedKey {
        let team = self.teams.create(TeamSpec::named("Acme")).await.unwrap();
        self.keys.create(change(KeySpec::new(team.id, "key"))).await.unwrap()
    }

    async fn rotate(&self, key: &IssuedKey, seconds: u64) -> String {
        let issue = self.keys.rotate(key.key.id, Duration::from_secs(seconds), None).await.unwrap();
        issue.secret.unwrap().expose().to_owned()
    }

    /// Whether the secret is good, and if not, why.
    async fn shows(&self, secret: &str) -> Result<(), ErrorKind> {
        self.authenticator.authenticate(secret).await.map(drop).map_err(|error| error.kind())
    }
}

const REFUSED: Result<(), ErrorKind> = Err(ErrorKind::Unauthenticated);

#[tokio::test]
async fn a_remembered_secret_is_refused_from_the_moment_its_overlap_ends() {
    let node = Node::start();
    let key = node.key(|spec| spec).await;
    let old = key.secret.expose();
    assert_eq!(node.shows(old).await, Ok(()));
    let new = node.rotate(&key, 60).await;
    for secret in [old, &new] {
        assert_eq!(node.shows(secret).await, Ok(()), "both are good, and remembered now");
    }
    node.clock.advance(Duration::from_millis(59_999));
    assert_eq!(node.shows(old).await, Ok(()));
    node.clock.advance(Duration::from_millis(1));
    assert_eq!((node.shows(old).await, node.shows(&new).await), (REFUSED, Ok(())));
}

#[tokio::test]
async fn without_an_overlap_a_remembered_secret_is_refused_at_once() {
    let node = Node::start();
    let key = node.key(|spec| spec).await;
    assert_eq!(node.shows(key.secret.expose()).await, Ok(()));
    let second = node.rotate(&key, 600).await;
    let third = node.rotate(&key, 0).await;
    assert_eq!(node.shows(key.secret.expose()).await, REFUSED, "the oldest one too, whatever time it had left");
    assert_eq!((node.shows(&second).await, node.shows(&third).await), (REFUSED, Ok(())));
}

#[tokio::test]
async fn an_overlap_is_at_most_30_days() {
    let node = Node::start();
    let key = node.key(|spec| spec).await;
    let refused = node.keys.rotate(key.key.id, MAX_OVERLAP + Duration::from_millis(1), None).await.unwrap_err();
    assert_eq!((refused.kind(), refused.fields()[0].field.as_ref()), (ErrorKind::InvalidInput, "overlap_seconds"));
    node.rotate(&key, MAX_OVERLAP.as_secs()).await;
    assert_eq!(node.shows(key.secret.expose()).await, Ok(()));
}

#[tokio::test]
async fn a_rotated_key_is_for_what_it_was_for() {
    let node = Node::start();
    let key = node.key(|spec| KeySpec { environment: KeyEnvironment::Test, ..spec }).await;
    assert!(node.rotate(&key, 0).await.starts_with("sk_test_"));
}

#[tokio::test]
async fn a_change_of_a_remembered_key_holds_at_once() {
    let node = Node::start();
    let key = node.key(|spec| spec).await;
    let secret = key.secret.expose();
    let level = async || node.authenticator.authenticate(secret).await.unwrap().access_level();
    assert_eq!(level().await, AccessLevel::User);
    let raised = KeyChange { access_level: Some(AccessLevel::TeamLead), ..KeyChange::default() };
    node.keys.update(key.key.id, raised).await.unwrap();
    assert_eq!(level().await, AccessLevel::TeamLead);
    node.keys.revoke(key.key.id).await.unwrap();
    assert_eq!(node.shows(secret).await, REFUSED);
    node.keys.update(key.key.id, KeyChange::active(true)).await.unwrap();
    assert_eq!(node.shows(secret).await, Ok(()), "a revoked key may be switched on again");
    let one_day = KeyChange { expires_in_days: Edit::Set(1), ..KeyChange::default() };
    node.keys.update(key.key.id, one_day).await.unwrap();
    assert_eq!(node.shows(secret).await, Ok(()));
    node.clock.advance(Duration::from_secs(86_400));
    assert_eq!(node.shows(secret).await, REFUSED);
}

#[tokio::test]
async fn a_secret_is_never_given_twice() {
    let node = Node::start();
    let key = node.key(|spec| spec).await;
    let once = |name: &str| Some(IdempotencyKey::new("host", name).unwrap());
    let spec = KeySpec::new(key.key.team_id, "other");
    let first = node.keys.create_once(spec.clone(), once("make")).await.unwrap();
    let again = node.keys.create_once(spec.clone(), once("make")).await.unwrap();
    assert!(first.secret.is_some() && again.secret.is_none());
    assert_eq!(first.owner, again.owner);
    let by_another = KeySpec { created_by: Some("a key that was renamed".to_owned()), ..spec.clone() };
    assert!(node.keys.create_once(by_another, once("make")).await.unwrap().secret.is_none(), "still the same request");
    let refused = node.keys.create_once(spec.level(AccessLevel::Admin), once("make")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::IdempotencyMismatch);
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
    let first = node.keys.rotate(key.key.id, minute, once("rotate")).await.unwrap();
    let again = node.keys.rotate(key.key.id, minute, once("rotate")).await.unwrap();
    assert!(first.secret.is_some() && again.secret.is_none());
    let refused = node.keys.rotate(key.key.id, hour, once("rotate")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::IdempotencyMismatch);
}

#[tokio::test]
async fn who_may_not_touch_a_key_is_told_so_by_the_engine_itself() {
    let node = Node::start();
    let lead = node.key(|spec| spec.level(AccessLevel::TeamLead)).await;
    let lead = node.authenticator.authenticate(lead.secret.expose()).await.unwrap();
    let admin = node.keys.create(KeySpec::new(lead.team_id(), "admin").level(AccessLevel::Admin)).await.unwrap();
    assert_eq!(lead.admin().unwrap_err().kind(), ErrorKind::Forbidden);
    let keys = node.keys.by(lead.lead().unwrap());
    let refusals = [
        keys.update(admin.key.id, KeyChange::active(false)).await.unwrap_err(),
        keys.revoke(admin.key.id).await.unwrap_err(),
        keys.delete(admin.key.id).await.unwrap_err(),
        keys.rotate(admin.key.id, Duration::ZERO, None).await.unwrap_err(),
        keys.create(KeySpec::new(lead.team_id(), "x").level(AccessLevel::Admin)).await.unwrap_err(),
        node.teams.by(lead.lead().unwrap()).create(TeamSpec::named("x")).await.unwrap_err(),
        node.teams.by(lead.lead().unwrap()).set_active(lead.team_id(), false).await.unwrap_err(),
    ];
    assert!(refusals.iter().all(|refusal| refusal.kind() == ErrorKind::Forbidden), "{refusals:?}");
    let user = keys.create(KeySpec::new(lead.team_id(), "user")).await.unwrap();
    let user = node.authenticator.authenticate(user.secret.expose()).await.unwrap();
    assert_eq!(user.lead().unwrap_err().kind(), ErrorKind::Forbidden);
}
