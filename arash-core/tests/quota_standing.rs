//! How a caller stands: what is committed, of the key or of its team, whatever nodes have leased.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "support/stores.rs"]
mod stores;
#[path = "support/turns.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod turns;

use std::sync::Arc;
use std::time::Duration;

use arash_core::clock::{Clock, Timestamp};
use arash_core::id::NodeId;
use arash_core::quota::{Allowance, Period, QuotaKeeper, QuotaScope, QuotaSpend, QuotaStanding};
use arash_core::team::{ApiKeys, Authenticator, KeySpec, Principal, TeamSpec, Teams};
use arash_core::testing::ManualClock;
use stores::TestStore;
use tokio_util::task::TaskTracker;
use turns::{at, turn};

on_each_store! {
    a_standing_tells_what_is_committed_of_what_is_judged
    nothing_frees_up_without_a_quota_or_with_one_of_zero
}

struct Scene {
    store: TestStore,
    clock: Arc<ManualClock>,
}

impl Scene {
    fn new(store: TestStore) -> Self {
        Self { store, clock: Arc::new(ManualClock::new(at(0))) }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as _
    }

    fn node(&self) -> QuotaKeeper {
        QuotaKeeper::new(NodeId::new(), self.store.store.clone(), self.clock(), TaskTracker::new())
    }

    /// Two keys of a team: one without a quota of its own, one with.
    async fn callers(&self, team: Option<u64>, key: Option<u64>) -> [Arc<Principal>; 2] {
        let authenticator = Arc::new(Authenticator::new(self.store.store.clone(), self.clock()));
        let teams = Teams::new(self.store.store.clone(), Arc::clone(&authenticator), self.clock());
        let team = teams.create(TeamSpec { daily_quota: team, ..TeamSpec::named("team") }).await.unwrap();
        let keys = ApiKeys::new(self.store.store.clone(), Arc::clone(&authenticator), self.clock());
        let shared = keys.create(KeySpec::new(team.id, "shared")).await.unwrap();
        let own = keys.create(KeySpec { daily_quota: key, ..KeySpec::new(team.id, "own") }).await.unwrap();
        let caller = async |secret: &str| authenticator.authenticate(secret).await.unwrap();
        [caller(shared.secret.expose()).await, caller(own.secret.expose()).await]
    }

    /// Commits one request of `caller`.
    async fn spend(&self, caller: &Principal) {
        let now = self.clock.now();
        let mut turn = turn(now);
        for period in Period::ALL {
            for scope in [QuotaScope::Team(caller.team_id()), QuotaScope::Key(caller.key_id())] {
                let bucket_start = period.bucket_start(now);
                turn.quota.push(QuotaSpend { scope, period, bucket_start, leased_by: None });
            }
        }
        self.store.store.commit(&[turn]).await.unwrap();
    }
}

fn daily(quota: u64, used: u64, resets_at: Option<Timestamp>) -> QuotaStanding {
    QuotaStanding { period: Period::Daily, quota: Some(quota), used, resets_at }
}

async fn a_standing_tells_what_is_committed_of_what_is_judged(store: TestStore) {
    let scene = Scene::new(store);
    let [shared, own] = scene.callers(Some(10), Some(3)).await;
    let (node, other) = (scene.node(), scene.node());
    // What this or another node has leased and nobody has spent is not used.
    for node in [&node, &other] {
        std::mem::forget(node.reserve(&Allowance::of(&shared)).await.unwrap());
        std::mem::forget(node.reserve(&Allowance::of(&own)).await.unwrap());
    }
    let standing = async |caller: &Principal| node.standing(&Allowance::of(caller), Period::Daily).await.unwrap();
    assert_eq!(standing(&shared).await, daily(10, 0, None));
    assert_eq!(standing(&own).await, daily(3, 0, None));
    let first = scene.clock.now();
    for _ in 0..3 {
        scene.spend(&own).await;
        scene.clock.advance(Duration::from_secs(3_600));
    }
    scene.spend(&shared).await;
    let resets_at = Period::Daily.frees_at(Period::Daily.bucket_start(first));
    let of_team = standing(&shared).await;
    assert_eq!(of_team, daily(10, 4, Some(resets_at)), "all keys of the team");
    assert_eq!((of_team.remaining(), of_team.is_exceeded()), (Some(6), false));
    let of_key = standing(&own).await;
    assert_eq!(of_key, daily(3, 3, Some(resets_at)), "its own use only");
    assert_eq!((of_key.remaining(), of_key.is_exceeded()), (Some(0), true));
    scene.clock.set(Timestamp::from_millis(resets_at.as_millis() - 1));
    assert!(standing(&own).await.is_exceeded(), "not a moment before");
    scene.clock.set(resets_at);
    let second = Period::Daily.bucket_start(first.plus(Duration::from_secs(3_600)));
    assert_eq!(standing(&own).await, daily(3, 2, Some(Period::Daily.frees_at(second))));
    assert_eq!(Allowance::of(&own), Allowance::of_key(own.owner()), "whoever asks, it is the same");
}

async fn nothing_frees_up_without_a_quota_or_with_one_of_zero(store: TestStore) {
    let scene = Scene::new(store);
    let [unlimited, nothing] = scene.callers(None, Some(0)).await;
    scene.spend(&unlimited).await;
    scene.spend(&nothing).await;
    let scene = Scene { store: scene.store.reopen().await, clock: scene.clock };
    let node = scene.node();
    for period in Period::ALL {
        let standing = node.standing(&Allowance::of(&unlimited), period).await.unwrap();
        assert_eq!(standing, QuotaStanding { period, quota: None, used: 2, resets_at: None });
        assert_eq!((standing.remaining(), standing.is_exceeded()), (None, false));
    }
    let standing = node.standing(&Allowance::of(&nothing), Period::Daily).await.unwrap();
    assert_eq!(standing, daily(0, 1, None));
    assert!(standing.is_exceeded());
}
