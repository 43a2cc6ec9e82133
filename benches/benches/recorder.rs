//! P8: a request reserved, recorded and settled, on SQLite with group commit and `fsync`: for one hot team, for a
//! thousand teams, and without any quota.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use arash_core::clock::{Clock, SystemClock};
use arash_core::id::{NodeId, TurnId};
use arash_core::money::Micros;
use arash_core::platform::ModelId;
use arash_core::quota::{Allowance, QuotaKeeper};
use arash_core::store::{SqlStore, Store};
use arash_core::team::{ApiKeys, Authenticator, KeySpec, Principal, TeamSpec, Teams};
use arash_core::turn::{CommitOutcome, Recorder, RecorderSettings, TurnCommit, TurnState};
use arash_core::usage::{TokenUsage, TurnKind, UsageRecord};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

/// Requests that are under way at the same time.
const TASKS: u64 = 256;
const TEAMS: usize = 1_000;

struct Rig {
    keeper: QuotaKeeper,
    recorder: Recorder,
    callers: Vec<Arc<Principal>>,
}

async fn rig(folder: &std::path::Path, quota: Option<u64>, teams: usize) -> Rig {
    let url = format!("sqlite://{}/{teams}-{}.db", folder.display(), quota.is_some());
    let store: Arc<dyn Store> = Arc::new(SqlStore::open(&url).await.unwrap());
    let (clock, tasks): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), TaskTracker::new());
    let authenticator = Arc::new(Authenticator::new(store.clone(), Arc::clone(&clock)));
    let maker = Teams::new(store.clone(), Arc::clone(&authenticator), Arc::clone(&clock));
    let keys = ApiKeys::new(store.clone(), Arc::clone(&authenticator), Arc::clone(&clock));
    let mut callers = Vec::new();
    for number in 0..teams {
        let spec = TeamSpec { daily_quota: quota, monthly_quota: quota, ..TeamSpec::named(format!("team {number}")) };
        let team = maker.create(spec).await.unwrap();
        let key = keys.create(KeySpec::new(team.id, "key")).await.unwrap();
        callers.push(authenticator.authenticate(key.secret.expose()).await.unwrap());
    }
    let keeper = QuotaKeeper::new(NodeId::new(), store.clone(), clock, tasks.clone());
    let recorder = Recorder::start(store, RecorderSettings::default(), &tasks);
    Rig { keeper, recorder, callers }
}

/// What a request costs beside its answer: reserve, record durably, settle.
async fn request(keeper: &QuotaKeeper, recorder: &Recorder, caller: &Principal) {
    let reservation = keeper.reserve(&Allowance::of(caller)).await.unwrap();
    let turn_id = TurnId::new();
    let commit = TurnCommit {
        turn_id,
        state: TurnState::Completed,
        is_begun: false,
        idempotency: None,
        receipt: None,
        session: None,
        usage: UsageRecord {
            turn_id,
            api_key_id: Some(caller.key_id()),
            team_id: Some(caller.team_id()),
            session_key: Some("internal_1_chat".to_owned()),
            platform: "internal".to_owned(),
            model_used: Some(ModelId::from("openai/gpt-5-chat")),
            kind: TurnKind::Chat,
            tokens: TokenUsage { prompt_tokens: 200, completion_tokens: 20, estimated: false },
            cost: Micros(431),
            success: true,
            response_time: Duration::from_millis(3),
            error: None,
            created_at: SystemClock.now(),
        },
        quota: reservation.spends().to_vec(),
        events: Vec::new(),
        touched_key: None,
    };
    let outcome = recorder.take_place().unwrap().record(commit).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Committed);
    reservation.settle();
}

fn run(runtime: &Runtime, rig: &Rig, requests: u64) -> Duration {
    let tasks = TASKS.min(requests.max(1));
    let each = requests.div_ceil(tasks);
    let elapsed = runtime.block_on(async {
        let start = Instant::now();
        let mut running = JoinSet::new();
        for task in 0..tasks {
            let (keeper, recorder, callers) = (rig.keeper.clone(), rig.recorder.clone(), rig.callers.clone());
            running.spawn(async move {
                for number in 0..each {
                    let place = (task * each + number) as usize % callers.len();
                    request(&keeper, &recorder, callers.get(place).unwrap()).await;
                }
            });
        }
        running.join_all().await;
        start.elapsed()
    });
    elapsed.mul_f64(requests as f64 / (each * tasks) as f64)
}

fn recorder(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("reserve+record+settle on SQLite");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(8));
    for (name, quota, teams) in [
        ("no quota", None, 1),
        ("one hot team", Some(1_000_000_000), 1),
        ("a thousand teams", Some(1_000_000_000), TEAMS),
    ] {
        let rig = runtime.block_on(rig(folder.path(), quota, teams));
        group.bench_function(name, |bencher| bencher.iter_custom(|requests| run(&runtime, &rig, requests)));
    }
    group.finish();
}

criterion_group!(benches, recorder);
criterion_main!(benches);
