//! What a keeper keeps leased: all that it knows of, however long, and nothing whose grant it never heard of.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

#[path = "support/ledger.rs"]
mod ledger;

use std::sync::Arc;
use std::time::Duration;

use arash_core::clock::{Clock, Timestamp};
use arash_core::id::NodeId;
use arash_core::quota::{Allowance, QuotaKeeper, Reservation};
use arash_core::store::MemoryStore;
use arash_core::team::{ApiKeys, Authenticator, KeySpec, TeamSpec, Teams};
use arash_core::testing::ManualClock;
use arash_core::{ErrorKind, Result};
use futures_util::FutureExt;
use ledger::{Ledger, Loss};
use proptest::prelude::*;
use tokio_util::task::TaskTracker;

/// How often a host keeps house.
const TICK: Duration = Duration::from_secs(15);
/// How long a bucket of the day is.
const BUCKET: Duration = Duration::from_mins(5);

/// Two nodes on one store and one clock.
struct Nodes {
    ledger: Arc<Ledger>,
    clock: Arc<ManualClock>,
    keepers: Vec<QuotaKeeper>,
    caller: Allowance,
}

impl Nodes {
    /// The caller's team has a quota of `limit` a day.
    async fn new(limit: u64) -> Self {
        // Noon, so that no bucket ends by chance.
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_762_000_200_000)));
        let ledger = Arc::new(Ledger::default());
        let keeper = |_| QuotaKeeper::new(NodeId::new(), ledger.clone(), clock.clone(), TaskTracker::new());
        let keepers = (0..2).map(keeper).collect();
        let caller = caller(clock.clone(), limit).await;
        Self { ledger, clock, keepers, caller }
    }

    async fn reserve(&self, node: usize) -> Result<Reservation> {
        self.keepers.get(node).unwrap().reserve(&self.caller).await
    }

    /// Lets time pass, with both keeping house as they should.
    async fn pass(&self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(TICK);
            self.clock.advance(step);
            left -= step;
            let_others_work().await;
            for keeper in &self.keepers {
                // One that fails is tried again.
                let _ = keeper.upkeep().await;
            }
        }
    }

    /// Writes what the reservation's turn used.
    fn settle(&self, reservation: Reservation) {
        reservation.spends().iter().for_each(|spend| self.ledger.spend(spend));
        reservation.settle();
    }
}

async fn let_others_work() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

async fn caller(clock: Arc<dyn Clock>, limit: u64) -> Allowance {
    let store = Arc::new(MemoryStore::default());
    let authenticator = Arc::new(Authenticator::new(store.clone(), clock.clone()));
    let teams = Teams::new(store.clone(), authenticator.clone(), clock.clone());
    let team = teams.create(TeamSpec { daily_quota: Some(limit), ..TeamSpec::named("team") }).await.unwrap();
    let keys = ApiKeys::new(store, authenticator.clone(), clock);
    let issued = keys.create(KeySpec::new(team.id, "key")).await.unwrap();
    Allowance::of(&authenticator.authenticate(issued.secret.expose()).await.unwrap())
}

#[track_caller]
fn assert_used_up(reserved: Result<Reservation>) {
    assert_eq!(reserved.unwrap_err().kind(), ErrorKind::QuotaExceeded);
}

#[tokio::test]
async fn a_grant_whose_answer_was_lost_ends_in_its_time_and_a_long_turn_elsewhere_does_not() {
    let nodes = Nodes::new(2).await;
    let long = nodes.reserve(0).await.unwrap();
    nodes.pass(BUCKET).await;
    nodes.ledger.lose(Loss::LeaseAnswer);
    assert_eq!(nodes.reserve(0).await.unwrap_err().kind(), ErrorKind::Unavailable);
    nodes.pass(Duration::from_secs(45)).await;
    assert_used_up(nodes.reserve(1).await);
    nodes.pass(Duration::from_secs(30)).await;
    let other = nodes.reserve(1).await.unwrap();
    assert_used_up(nodes.reserve(1).await);
    nodes.settle(long);
    nodes.settle(other);
    assert_eq!(nodes.ledger.used(), 2);
}

#[tokio::test]
async fn a_request_that_takes_ten_minutes_keeps_its_place() {
    let nodes = Nodes::new(1).await;
    let long = nodes.reserve(0).await.unwrap();
    nodes.pass(Duration::from_mins(10)).await;
    assert_used_up(nodes.reserve(1).await);
    drop(long);
    nodes.pass(TICK).await;
    nodes.reserve(1).await.unwrap().settle();
}

#[tokio::test]
async fn what_was_given_back_is_not_given_back_again_when_the_answer_was_lost() {
    let nodes = Nodes::new(2).await;
    let (first, second) = (nodes.reserve(0).await.unwrap(), nodes.reserve(0).await.unwrap());
    nodes.pass(BUCKET).await;
    nodes.ledger.lose(Loss::GiveBackAnswer);
    drop(first);
    nodes.pass(Duration::from_mins(2)).await;
    let _other = nodes.reserve(1).await.unwrap();
    assert_used_up(nodes.reserve(1).await);
    nodes.settle(second);
}

#[tokio::test]
async fn a_grant_that_comes_when_its_time_is_over_is_not_used() {
    let nodes = Nodes::new(1).await;
    let closed = nodes.ledger.gate.write().await;
    let late = async {
        let_others_work().await;
        nodes.clock.advance(Duration::from_mins(1));
        drop(closed);
    };
    let (reserved, ()) = tokio::join!(nodes.reserve(0), late);
    assert_eq!(reserved.unwrap_err().kind(), ErrorKind::Unavailable);
    nodes.pass(TICK).await;
    nodes.settle(nodes.reserve(1).await.unwrap());
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(usize),
    /// A caller who goes away at once.
    Cancel(usize),
    Drop(prop::sample::Index),
    Settle(prop::sample::Index),
    Pass(u64),
    Lose(Loss),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let losses = [Loss::LeaseAnswer, Loss::Lease, Loss::GiveBackAnswer, Loss::GiveBack];
    let step = prop_oneof![
        6 => (0..2_usize).prop_map(Step::Reserve),
        1 => (0..2_usize).prop_map(Step::Cancel),
        2 => any::<prop::sample::Index>().prop_map(Step::Drop),
        2 => any::<prop::sample::Index>().prop_map(Step::Settle),
        3 => (1..400_u64).prop_map(Step::Pass),
        1 => prop::sample::select(losses.to_vec()).prop_map(Step::Lose),
    ];
    proptest::collection::vec(step, 1..80)
}

impl Nodes {
    async fn run(&self, step: Step, out: &mut Vec<Reservation>) {
        match step {
            Step::Reserve(node) => out.extend(self.reserve(node).await.ok()),
            Step::Cancel(node) => drop(self.reserve(node).now_or_never()),
            Step::Drop(index) if !out.is_empty() => drop(out.remove(index.index(out.len()))),
            Step::Settle(index) if !out.is_empty() => self.settle(out.remove(index.index(out.len()))),
            Step::Pass(seconds) => self.pass(Duration::from_secs(seconds)).await,
            Step::Lose(loss) => self.ledger.lose(loss),
            Step::Drop(_) | Step::Settle(_) => {}
        }
    }
}

proptest! {
    /// The ledger checks that nobody spends or gives back more than it has leased.
    #[test]
    fn used_and_leased_never_exceed_the_quota_and_nothing_is_leased_for_ever(limit in 1..200_u64, steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let nodes = Nodes::new(limit).await;
            let mut out = Vec::new();
            for step in steps {
                nodes.run(step, &mut out).await;
                prop_assert!(nodes.ledger.used() + nodes.ledger.leased() <= limit);
                prop_assert!(out.len() as u64 <= nodes.ledger.leased());
            }
            drop(out);
            let_others_work().await;
            nodes.pass(Duration::from_mins(3)).await;
            prop_assert_eq!(nodes.ledger.leased(), 0);
            Ok(())
        })?;
    }
}
