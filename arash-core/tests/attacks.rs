//! What went wrong once, or nearly, where several nodes write into one database at the same time.

#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]
#![expect(clippy::print_stderr, reason = "a seed is told")]

#[path = "support/conversations.rs"]
mod conversations;
#[path = "support/random.rs"]
mod random;
#[path = "support/turns.rs"]
mod turns;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arash_core::id::{ApiKeyId, NodeId, SessionId, TeamId, TurnId};
use arash_core::quota::{BlockPlace, LeaseRequest, Period, QuotaScope, QuotaSpend, QuotaStore};
use arash_core::session::{Claim, ClaimRequest, SessionStore, SharedSessions};
use arash_core::store::{SqlStore, Store};
use arash_core::testing::{FaultProxy, PostgresDatabase};
use arash_core::turn::{BeginOutcome, CommitOutcome, TurnCommit, TurnStore};
use conversations::{chat, opening};
use random::Random;
use sqlx::Connection;
use tokio::task::JoinSet;
use turns::{at, keyed, started, turn, turn_with};

/// Some nodes on one database.
struct Nodes {
    stores: Vec<SqlStore>,
    database: PostgresDatabase,
}

impl Nodes {
    async fn start(count: usize) -> Self {
        let database = PostgresDatabase::create().await;
        let mut stores = Vec::new();
        for _ in 0..count {
            stores.push(SqlStore::open(database.url()).await.unwrap());
        }
        Self { stores, database }
    }

    /// One number out of the database.
    async fn number(&self, sql: &'static str) -> i64 {
        let mut connection = sqlx::PgConnection::connect(self.database.url()).await.unwrap();
        let number = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        number
    }

    /// How often two transactions waited for each other.
    async fn deadlocks(&self) -> i64 {
        // The server's counters are written down when a connection ends, and once a second before.
        for store in &self.stores {
            store.close().await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_two_nodes_purge_at_once_leave_no_message_behind() {
    const SESSIONS: usize = 1_000;
    let nodes = Nodes::start(2).await;
    let turns: Vec<_> = (0..SESSIONS).map(|number| opening(&chat(&number.to_string()), &["a", "b"], at(0))).collect();
    nodes.stores[0].commit(&turns).await.unwrap();
    let mut tasks = JoinSet::new();
    for store in nodes.stores.clone() {
        tasks.spawn(async move { while store.purge_expired(at(100_000), 100).await.unwrap() > 0 {} });
    }
    tasks.join_all().await;
    assert_eq!(nodes.number("SELECT COUNT(*) FROM sessions").await, 0);
    assert_eq!(nodes.number("SELECT COUNT(*) FROM messages").await, 0, "what was said outlived its session");
}

/// An answer that comes about when it is written as begun: both are written at the same time, in different orders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_that_begin_and_end_at_once_do_not_wait_for_each_other() {
    let nodes = Nodes::start(1).await;
    let store = &nodes.stores[0];
    for _ in 0..50 {
        let ends: Vec<_> = (0..100).map(|_| turn(at(0))).collect();
        let begins: Vec<_> = ends.iter().rev().map(|turn| started(turn, at(0))).collect();
        let (begun, ended) = tokio::join!(store.begin(&begins), store.commit(&ends));
        assert!(begun.is_ok() && ended.is_ok());
    }
    assert_eq!(nodes.deadlocks().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_that_are_renewed_while_they_end_do_not_wait_for_each_other() {
    let nodes = Nodes::start(1).await;
    let store = &nodes.stores[0];
    for _ in 0..20 {
        let turns: Vec<_> = (0..200).map(|_| TurnCommit { is_begun: true, ..turn(at(0)) }).collect();
        let begins: Vec<_> = turns.iter().map(|turn| started(turn, at(0))).collect();
        store.begin(&begins).await.unwrap();
        let renewed: Vec<_> = begins.into_iter().rev().collect();
        let (renewed, ended) = tokio::join!(store.renew_turns(&renewed), store.commit(&turns));
        renewed.unwrap();
        assert!(ended.unwrap().iter().all(|outcome| *outcome == CommitOutcome::Committed));
    }
    assert_eq!(nodes.deadlocks().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_that_are_renewed_while_their_turns_end_do_not_wait_for_each_other() {
    const SESSIONS: usize = 200;
    let nodes = Nodes::start(1).await;
    let (store, node) = (&nodes.stores[0], NodeId::new());
    let keys: Vec<_> = (0..SESSIONS).map(|number| chat(&number.to_string())).collect();
    for round in 0..10 {
        let mut turns = Vec::new();
        for key in &keys {
            let request = ClaimRequest { node, now: at(round), until: at(round + 30) };
            let claimed = store.claim(key, "user", request).await.unwrap();
            let Claim::Held { session, fence, version } = claimed else { unreachable!("nobody else claims it") };
            let mut turn = opening(key, &["a", "b"], at(round));
            let change = turn.session.as_mut().unwrap();
            (change.id, change.fence, change.expected_version) = (session, fence, version);
            turns.push(turn);
        }
        let held = |turn: &TurnCommit| turn.session.as_ref().map(|change| (change.id, change.fence)).unwrap();
        let claims: Vec<(SessionId, i64)> = turns.iter().rev().map(held).collect();
        let (renewed, ended) = tokio::join!(store.renew_claims(&claims, at(round + 60)), store.commit(&turns));
        renewed.unwrap();
        assert!(ended.unwrap().iter().all(|outcome| *outcome == CommitOutcome::Committed));
    }
    assert_eq!(nodes.deadlocks().await, 0);
}

/// As when a caller sends everything again, and all of it comes to another node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_two_nodes_get_in_other_orders_are_begun_once_and_nobody_waits_for_another() {
    let nodes = Nodes::start(2).await;
    for round in 0..20 {
        let mut tasks = JoinSet::new();
        for (number, store) in nodes.stores.clone().into_iter().enumerate() {
            let turns = (0..200).map(|key| keyed(turn(at(0)), &format!("{round}, {key}"), "Hi"));
            let mut begins: Vec<_> = turns.map(|turn| started(&turn, at(0))).collect();
            begins.rotate_left(number * 70);
            tasks.spawn(async move { store.begin(&begins).await.unwrap() });
        }
        let outcomes = tasks.join_all().await.concat();
        assert_eq!(outcomes.iter().filter(|&outcome| *outcome == BeginOutcome::Begun).count(), 200);
    }
    assert_eq!(nodes.deadlocks().await, 0);
}

/// Two nodes find the same turns without a lease, and a third one comes back late with their ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_that_several_nodes_end_are_ended_once_and_nobody_waits_for_another() {
    let nodes = Nodes::start(3).await;
    for _ in 0..10 {
        let mut turns: Vec<_> = (0..200).map(|_| TurnCommit { is_begun: true, ..turn(at(0)) }).collect();
        let begins: Vec<_> = turns.iter().map(|turn| started(turn, at(0))).collect();
        nodes.stores[0].begin(&begins).await.unwrap();
        let mut tasks = JoinSet::new();
        for store in nodes.stores.clone() {
            turns.reverse();
            turns.rotate_left(70);
            let turns = turns.clone();
            tasks.spawn(async move { store.commit(&turns).await.unwrap() });
        }
        let outcomes = tasks.join_all().await.concat();
        assert_eq!(outcomes.iter().filter(|&outcome| *outcome == CommitOutcome::Committed).count(), 200);
    }
    assert_eq!(nodes.deadlocks().await, 0);
    assert_eq!(nodes.number("SELECT CAST(SUM(requests) AS BIGINT) FROM usage_hourly").await, 2_000);
}

/// What crashed nodes had leased goes back while others write what they used of the same quotas.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_that_go_back_while_others_are_used_do_not_wait_for_each_other() {
    let nodes = Nodes::start(2).await;
    let scopes: Vec<_> =
        (1..=20).flat_map(|id| [QuotaScope::Team(TeamId(id)), QuotaScope::Key(ApiKeyId(id))]).collect();
    for _ in 0..20 {
        let (crashed, alive) = (NodeId::new(), NodeId::new());
        let mut quota = Vec::new();
        for &scope in &scopes {
            let lease = |node, end| LeaseRequest {
                node,
                scope,
                period: Period::Daily,
                limit: 1_000_000,
                wanted: 1,
                now: at(0),
                until: at(end),
            };
            nodes.stores[0].lease(lease(crashed, 60)).await.unwrap();
            let bucket_start = nodes.stores[0].lease(lease(alive, 600)).await.unwrap().bucket_start;
            quota.push(QuotaSpend { scope, period: Period::Daily, bucket_start, leased_by: Some(alive) });
        }
        let turn = TurnCommit { quota, ..turn(at(0)) };
        let (reclaimed, ended) =
            tokio::join!(nodes.stores[0].reclaim(at(60)), nodes.stores[1].commit(std::slice::from_ref(&turn)));
        reclaimed.unwrap();
        assert_eq!(ended.unwrap(), [CommitOutcome::Committed]);
    }
    assert_eq!(nodes.deadlocks().await, 0);
}

/// One turn of many cannot be written as it is, and every word to the server takes its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_turn_spoils_no_large_batch_on_a_long_line() {
    let nodes = Nodes::start(1).await;
    let (host, port) = nodes.database.server_address();
    let proxy = FaultProxy::start(format!("{host}:{port}")).await.unwrap();
    let far = SqlStore::open(&nodes.database.url_through(proxy.address().port())).await.unwrap();
    let known = turn_with(TurnId::new(), at(0));
    far.commit(std::slice::from_ref(&known)).await.unwrap();
    proxy.delay(Duration::from_millis(1));
    let mut turns: Vec<_> = (0..255).map(|_| turn(at(0))).collect();
    turns.insert(100, known);
    let begun = Instant::now();
    let outcomes = far.commit(&turns).await.unwrap();
    assert_eq!(outcomes.iter().filter(|&outcome| *outcome == CommitOutcome::Committed).count(), 255);
    assert!(begun.elapsed() < Duration::from_secs(2));
    let mut begins: Vec<_> = (0..255).map(|_| started(&turn(at(0)), at(0))).collect();
    begins.insert(200, started(&turns[0], at(0)));
    far.begin(&begins).await.unwrap();
}

/// A node that leases, spends, gives back, renews and now and then is gone; what it has of each quota.
struct Spender {
    store: SqlStore,
    node: NodeId,
    /// Whether it will be gone without a word: its leases end soon.
    is_ill: bool,
    has: BTreeMap<BlockPlace, u64>,
    spent: u64,
}

impl Spender {
    const LIMIT: u64 = 300;

    async fn act(&mut self, random: &mut Random) {
        let scope = if random.below(2) == 0 { QuotaScope::Team(TeamId(1)) } else { QuotaScope::Key(ApiKeyId(1)) };
        let period = if random.below(2) == 0 { Period::Daily } else { Period::Monthly };
        // Two buckets of the day, one of the month.
        let now = at(random.below(2) * 400);
        let until = if self.is_ill { at(700) } else { at(10_000) };
        let place = BlockPlace { scope, period, bucket_start: period.bucket_start(now) };
        match random.below(6) {
            0 | 1 => {
                let (node, wanted) = (self.node, 1 + random.below(4));
                let request = LeaseRequest { node, scope, period, limit: Self::LIMIT, wanted, now, until };
                let lease = self.store.lease(request).await.unwrap();
                assert_eq!(lease.bucket_start, place.bucket_start);
                *self.has.entry(place).or_default() += lease.amount;
            }
            // What is spent of a lease that others may have taken back already counts on top of it, as ARCHITECTURE.md
            // admits of a node that was cut off.
            2 | 3 if !self.is_ill => self.spend(random).await,
            2 | 3 => {}
            4 => {
                let amount = self.has.remove(&place).unwrap_or(0);
                let BlockPlace { scope, period, bucket_start } = place;
                self.store.give_back(self.node, scope, period, bucket_start, amount).await.unwrap();
            }
            _ if random.below(3) == 0 => {
                self.store.reclaim(at(701)).await.unwrap();
                self.store.purge_buckets(at(701)).await.unwrap();
            }
            _ => {
                let places: Vec<_> = self.has.keys().copied().collect();
                self.store.renew(self.node, &places, until).await.unwrap();
            }
        }
        if self.is_ill && random.below(40) == 0 {
            (self.node, self.is_ill) = (NodeId::new(), false);
            self.has.clear();
        }
    }

    /// Some turns, each of which takes one of everything that is there.
    async fn spend(&mut self, random: &mut Random) {
        let mut turns = Vec::new();
        for _ in 0..=random.below(5) {
            let mut quota = Vec::new();
            for (&BlockPlace { scope, period, bucket_start }, left) in
                self.has.iter_mut().filter(|(_, left)| **left > 0)
            {
                *left -= 1;
                quota.push(QuotaSpend { scope, period, bucket_start, leased_by: Some(self.node) });
            }
            self.spent += quota.len() as u64;
            turns.push(TurnCommit { quota, ..turn(at(0)) });
        }
        let outcomes = self.store.commit(&turns).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == CommitOutcome::Committed));
    }
}

/// At no moment is more used and leased than the quota, and what is leased is what nodes have leased.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_do_everything_with_quotas_at_once_exceed_none() {
    const WRONG: &str = "SELECT COUNT(*) FROM (
            SELECT 1 FROM quota_buckets GROUP BY scope, period HAVING SUM(used + leased) > 300
            UNION ALL SELECT 1 FROM quota_buckets AS b WHERE leased <> (SELECT COALESCE(SUM(amount), 0)
                FROM quota_leases AS l WHERE (l.scope, l.period, l.bucket_start) = (b.scope, b.period, b.bucket_start))
        ) AS wrong";
    let nodes = Nodes::start(4).await;
    let end = Instant::now() + Duration::from_secs(4);
    let mut tasks = JoinSet::new();
    for (number, store) in nodes.stores.iter().chain(&nodes.stores).enumerate() {
        let mut random = Random::seeded("ATTACKS_SEED");
        let (store, is_ill) = (store.clone(), number % 2 == 0);
        tasks.spawn(async move {
            let mut spender = Spender { store, node: NodeId::new(), is_ill, has: BTreeMap::new(), spent: 0 };
            while Instant::now() < end {
                spender.act(&mut random).await;
            }
            for (BlockPlace { scope, period, bucket_start }, amount) in std::mem::take(&mut spender.has) {
                spender.store.give_back(spender.node, scope, period, bucket_start, amount).await.unwrap();
            }
            spender.spent
        });
    }
    while Instant::now() < end {
        assert_eq!(nodes.number(WRONG).await, 0);
    }
    let spent: u64 = tasks.join_all().await.into_iter().sum();
    nodes.stores[0].reclaim(at(701)).await.unwrap();
    assert_eq!(nodes.number(WRONG).await, 0);
    assert_eq!(nodes.number("SELECT CAST(SUM(leased) AS BIGINT) FROM quota_buckets").await, 0);
    assert_eq!(nodes.number("SELECT CAST(SUM(used) AS BIGINT) FROM quota_buckets").await as u64, spent);
    assert!(spent > 300, "{spent}");
    assert_eq!(nodes.deadlocks().await, 0);
}
