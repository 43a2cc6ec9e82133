//! P7: lane, load and append over 100,000 sessions in memory, on two threads.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arash_core::clock::{Clock, SystemClock};
use arash_core::id::{NodeId, TeamId};
use arash_core::message::{Message, Role};
use arash_core::session::{SessionKey, SessionManager, SessionSettings};
use arash_core::store::MemoryStore;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio_util::task::TaskTracker;

const SESSIONS: usize = 100_000;
const THREADS: u64 = 2;
const WINDOW: usize = 30;

/// One cycle: take the lane, find the session, append a question and an answer, let go.
async fn cycle(manager: &SessionManager, key: &SessionKey, said: &Arc<Message>) {
    let mut lane = manager.hold(key, "user", WINDOW).await.unwrap();
    let session = lane.session_mut().unwrap();
    session.history.push(Arc::clone(said), WINDOW);
    session.history.push(Arc::clone(said), WINDOW);
    session.version += 2;
}

fn session_manager(criterion: &mut Criterion) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings =
        SessionSettings { timeout: Duration::from_secs(86_400), cache_bytes: 4 << 30, ..SessionSettings::default() };
    let (store, tasks) = (Arc::new(MemoryStore::default()), TaskTracker::new());
    let manager = SessionManager::new(store, Arc::clone(&clock), settings, NodeId::new(), tasks);
    let keys: Arc<Vec<_>> =
        Arc::new((0..SESSIONS).map(|n| SessionKey::private("internal", TeamId(1), &format!("chat-{n}"))).collect());
    let said = Arc::new(Message::new(Role::User, "Hello, how are you today?", clock.now()));

    let mut group = criterion.benchmark_group("session_manager");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    group.bench_function("lane+load+append, 100k sessions, 2 threads", |bencher| {
        bencher.iter_custom(|iterations| {
            let each = iterations.div_ceil(THREADS);
            let start = Instant::now();
            let workers: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (manager, keys, said) = (manager.clone(), Arc::clone(&keys), Arc::clone(&said));
                    thread::spawn(move || {
                        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                        runtime.block_on(async {
                            // A stride that is prime to the count visits every session, in no helpful order.
                            let mut place = thread as usize * 31;
                            for _ in 0..each {
                                place = (place + 7_919) % keys.len();
                                cycle(&manager, keys.get(place).unwrap(), &said).await;
                            }
                        });
                    })
                })
                .collect();
            for worker in workers {
                worker.join().unwrap();
            }
            start.elapsed().mul_f64(iterations as f64 / (each * THREADS) as f64)
        });
    });
    group.finish();
}

criterion_group!(benches, session_manager);
criterion_main!(benches);
