//! Measures one database once, through an engine that has just started.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use arash_core::ai::OFFLINE_MODEL;
use arash_core::clock::{Clock, SystemClock};
use arash_core::id::{SessionId, TeamId};
use arash_core::quota::{Allowance, Period};
use arash_core::session::{SessionFilter, SessionPage, SessionStore};
use arash_core::store::SqlStore;
use arash_core::team::{PageAfter, Principal, TeamStore};
use arash_core::turn::TurnRequest;
use arash_core::usage::{UsageFilter, UsagePage};
use arash_core::{Engine, IncomingMessage, Platform};
use tokio::task::JoinSet;

use crate::database::Database;
use crate::figures::Figure;
use crate::fill::{LARGEST, Size, TIMEOUT_MS, team_of};

/// Requests at the same time.
const MANY: i64 = 64;
/// Sessions that are talked in at the same time, however many there are.
const FEW: i64 = 10;
/// How often a question is asked; the first ones prepare statements and are not counted.
const ASKED: usize = 60;
const UNCOUNTED: usize = 5;
/// How often where an answer may take a second.
const FEW_TIMES: usize = UNCOUNTED + 5;
/// Entries of a page, and one more that tells whether there is another page.
const PAGE: u32 = 51;

type Measured = Vec<(String, Figure)>;

struct Rig {
    engine: Engine,
    store: Arc<SqlStore>,
    /// In order of their numbers: two of each team.
    callers: Vec<Arc<Principal>>,
}

/// Everything that is measured, once.
pub(crate) async fn measure(database: &Database, size: Size, round: u32, length: Duration) -> Measured {
    let store = Arc::new(SqlStore::open(database.url()).await.unwrap());
    let owners = store.keys(None, PageAfter { after: 0, limit: 1_000 }).await.unwrap();
    let callers = owners.into_iter().map(|owner| Arc::new(Principal::new(owner))).collect();
    let platform = Platform::private("internal").models([OFFLINE_MODEL]).rate_limit(0);
    let timeout = Duration::from_millis(TIMEOUT_MS as u64);
    let engine = Engine::builder().platform(platform).session_timeout(timeout).shared_store(store.clone());
    let rig = Arc::new(Rig { engine: engine.build().await.unwrap(), store, callers });
    let mut measured = Measured::new();
    // First, while nothing is leased yet.
    quotas(&rig, &mut measured).await;
    requests(&rig, size, round, length, &mut measured).await;
    reports(&rig, &mut measured).await;
    lists(&rig, &mut measured).await;
    rig.engine.shutdown(Duration::from_secs(10)).await;
    measured
}

async fn requests(rig: &Arc<Rig>, size: Size, round: u32, length: Duration, measured: &mut Measured) {
    // Where sessions are few, this many at once would only wait for each other, and none would stay cold.
    if size.sessions >= 16 * MANY {
        let all = Order { first: i64::from(round) * 31_337, length: size.sessions, sessions: size.sessions };
        let cold = drive(rig, all, MANY, size.sessions, length).await;
        tell(&cold, "request, 64 at once, sessions read from the store", measured);
        let again = Order { length: (cold.times.len() as i64).max(MANY), ..all };
        let hot = drive(rig, again, MANY, i64::MAX, length).await;
        tell(&hot, "request, 64 at once, the same sessions again", measured);
    }
    let few = Order { first: 0, length: FEW, sessions: size.sessions };
    // Their histories reach their full length first.
    drive(rig, few, FEW, 40 * FEW, length).await;
    let load = drive(rig, few, FEW, i64::MAX, length).await;
    tell(&load, "request, 10 at once in 10 sessions", measured);
}

/// Which session comes when: `length` of all `sessions`, in no helpful order, then the same ones again.
#[derive(Clone, Copy)]
struct Order {
    first: i64,
    length: i64,
    sessions: i64,
}

impl Order {
    fn session(self, place: i64) -> i64 {
        // A stride that is prime to the count visits every session once.
        (self.first + place % self.length * 7_919) % self.sessions
    }
}

struct Load {
    times: Vec<Duration>,
    elapsed: Duration,
}

/// Sends requests, `at_once` at a time, until the time or the number of `requests` is over.
async fn drive(rig: &Arc<Rig>, order: Order, at_once: i64, requests: i64, length: Duration) -> Load {
    let (begun, sent) = (Instant::now(), Arc::new(AtomicI64::new(0)));
    let mut tasks = JoinSet::new();
    for task in 0..at_once {
        let (rig, sent) = (Arc::clone(rig), Arc::clone(&sent));
        tasks.spawn(async move {
            // Each task has sessions of its own, so that none waits for another.
            let (mut times, mut place) = (Vec::new(), task);
            while begun.elapsed() < length && sent.fetch_add(1, Ordering::Relaxed) < requests {
                let start = Instant::now();
                rig.request(order.session(place)).await;
                times.push(start.elapsed());
                place += at_once;
            }
            times
        });
    }
    let times = tasks.join_all().await.concat();
    Load { times, elapsed: begun.elapsed() }
}

impl Rig {
    fn caller(&self, session: i64) -> &Arc<Principal> {
        let place = 2 * (team_of(session) - 1) + session % 2;
        self.callers.get(place as usize).expect("every team has two keys")
    }

    fn largest(&self) -> &Arc<Principal> {
        self.callers.first().expect("the largest team is the first")
    }

    /// A message of a key with both quotas in a session that the store holds.
    async fn request(&self, session: i64) {
        let (user, chat) = (format!("user-{}", session % 50_000), format!("chat-{session}"));
        let message = IncomingMessage::text("internal", user, chat, "And how will it be tomorrow?");
        let request = TurnRequest::new(message).principal(Arc::clone(self.caller(session)));
        let reply = self.engine.process(request).await.unwrap();
        assert!(reply.receipt.message_count > 1, "the session was there before");
    }
}

async fn quotas(rig: &Rig, measured: &mut Measured) {
    let largest = Allowance::of(rig.largest());
    let standing = ask(async |_| assert!(rig.engine.quotas().standing(&largest, Period::Monthly).await.is_ok())).await;
    tell_times(&standing, "standing of the month's quota", measured);
    // On an engine that leased nothing before: a block for the day and one for the month.
    let cold = ask(async |place| {
        let caller = rig.callers.get(2 * place).expect("there are more teams than questions");
        drop(rig.engine.quotas().reserve(&Allowance::of(caller)).await.unwrap());
    });
    tell_times(&cold.await, "reserve with two blocks to lease", measured);
}

async fn reports(rig: &Rig, measured: &mut Measured) {
    let usage = rig.engine.usage();
    let (team, key) = (Some(TeamId(LARGEST)), Some(rig.largest().key_id()));
    let of_team = UsageFilter { team, key: None };
    let times = ask(async |_| drop(usage.report(of_team, 30).await.unwrap())).await;
    tell_times(&times, "report over 30 days, the largest team", measured);
    let of_key = UsageFilter { team: None, key };
    let times = ask(async |_| drop(usage.report(of_key, 30).await.unwrap())).await;
    tell_times(&times, "report over 30 days, one of its keys", measured);
    let page = UsagePage { before: None, limit: PAGE };
    for (filter, whose) in [(of_team, "the largest team"), (of_key, "one of its keys"), (UsageFilter::default(), "all")]
    {
        let times = ask(async |_| drop(usage.recent(filter, page).await.unwrap())).await;
        tell_times(&times, &format!("newest usage records, {whose}"), measured);
    }
}

async fn lists(rig: &Rig, measured: &mut Measured) {
    let sessions = rig.engine.sessions();
    let (first, middle) =
        (SessionPage { before: None, limit: PAGE }, SystemClock.now().minus(Duration::from_secs(3 * 86_400)));
    let further = SessionPage { before: Some((middle, SessionId::new())), ..first };
    for (team, whose) in [(Some(TeamId(LARGEST)), "the largest team"), (None, "all")] {
        let filter = SessionFilter { team, platform: None };
        let times = ask(async |_| drop(sessions.list(&filter, first).await.unwrap())).await;
        tell_times(&times, &format!("session list, first page, {whose}"), measured);
        let times = ask(async |_| drop(sessions.list(&filter, further).await.unwrap())).await;
        tell_times(&times, &format!("session list, a page in the middle, {whose}"), measured);
        let active = Duration::from_secs(300);
        let now = SystemClock.now();
        let count = async |_| drop(rig.store.count_sessions(&filter, now.minus(active), now).await.unwrap());
        tell_times(
            &ask_often(FEW_TIMES, count).await,
            &format!("session list, total, {whose}, counted anew"),
            measured,
        );
        let times = ask(async |_| drop(sessions.count(&filter, active).await.unwrap())).await;
        tell_times(&times, &format!("session list, total, {whose}, as asked for"), measured);
    }
}

/// The times of a question that is asked again and again; it is told how often it was asked.
async fn ask(question: impl AsyncFnMut(usize)) -> Vec<Duration> {
    ask_often(ASKED, question).await
}

async fn ask_often(often: usize, mut question: impl AsyncFnMut(usize)) -> Vec<Duration> {
    let mut times = Vec::with_capacity(often);
    for place in 0..often {
        let start = Instant::now();
        question(place).await;
        times.push(start.elapsed());
    }
    times.split_off(UNCOUNTED)
}

fn tell(load: &Load, operation: &str, measured: &mut Measured) {
    let rate = load.times.len() as f64 / load.elapsed.as_secs_f64();
    measured.push((format!("{operation}: throughput"), Figure::PerSecond(rate)));
    measured.push((format!("{operation}: p50"), quantile(&load.times, 0.5)));
    measured.push((format!("{operation}: p99"), quantile(&load.times, 0.99)));
}

fn tell_times(times: &[Duration], operation: &str, measured: &mut Measured) {
    measured.push((format!("{operation}: p50"), quantile(times, 0.5)));
    measured.push((format!("{operation}: p95"), quantile(times, 0.95)));
}

fn quantile(times: &[Duration], quantile: f64) -> Figure {
    let mut times = times.to_vec();
    times.sort_unstable();
    let place = (times.len().saturating_sub(1) as f64 * quantile).round() as usize;
    Figure::Time(times.get(place).copied().unwrap_or_default())
}
