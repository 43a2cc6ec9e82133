//! Nodes that deliver from one store: an event is one node's at a time, and nobody's for long.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arash_core::id::EventId;
use arash_core::store::Store;
use arash_core::webhook::{DeliveryState, Sent};
use futures_util::future::join_all;

use crate::scripted_sender::ScriptedSender;
use crate::stores::{self, TestStore};
use crate::tenants::{Tenant, builder, clock};

/// Takes its time, and notices when one event is on its way twice.
#[derive(Clone, Default)]
struct Watch {
    on_the_way: Arc<Mutex<HashSet<EventId>>>,
    taken: Arc<Mutex<HashMap<EventId, u32>>>,
}

impl Watch {
    fn sender(&self) -> ScriptedSender {
        let watch = self.clone();
        ScriptedSender::new(move |event| {
            let (watch, id) = (watch.clone(), event.event.id);
            async move {
                assert!(watch.on_the_way.lock().unwrap().insert(id), "{id} is on its way twice");
                tokio::time::sleep(Duration::from_millis(15)).await;
                assert!(watch.on_the_way.lock().unwrap().remove(&id));
                *watch.taken.lock().unwrap().entry(id).or_default() += 1;
                Sent::delivered()
            }
        })
    }
}

async fn two_nodes_never_send_one_event_twice(store: TestStore) {
    let watch = Watch::default();
    let node = async || builder(&store.store).webhook_sender(watch.sender()).build().await.unwrap();
    let (one, other) = (node().await, node().await);
    let tenants =
        [Tenant::new(&one, "Acme", "https://a.example/").await, Tenant::new(&one, "Bolt", "https://b.example/").await];
    let talk = |index: usize| {
        let (tenant, engine) = (&tenants[index % 2], if index < 10 { &one } else { &other });
        async move {
            for message in 0..5 {
                tenant.say(engine, &format!("chat-{index}"), &format!("message {message}")).await;
            }
        }
    };
    join_all((0..20).map(talk)).await;
    for tenant in &tenants {
        tenant.until(&one, |all| all.len() == 50 && all.iter().all(|one| one.state == DeliveryState::Delivered)).await;
    }
    let taken = watch.taken.lock().unwrap().clone();
    assert_eq!((taken.len(), taken.values().all(|&count| count == 1)), (100, true));
    one.shutdown(Duration::from_secs(1)).await;
    other.shutdown(Duration::from_secs(1)).await;
}

/// A node that dies amid an attempt: the lease runs out, and another one sends the event again, with the same id.
#[test]
fn what_a_dead_node_was_sending_is_sent_again_by_another_one() {
    let (store, clock) = (stores::memory().store, clock());
    let start = async |sender: ScriptedSender, store: &Arc<dyn Store>| {
        let builder = builder(store).clock(Arc::new(clock.clone()));
        builder.webhook_sender(sender).build().await.unwrap()
    };
    let (dying, living) = (ScriptedSender::hanging(), ScriptedSender::taking());
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let first = runtime();
    let (engine, tenant) = first.block_on(async {
        let engine = start(dying.clone(), &store).await;
        let tenant = Tenant::new(&engine, "Acme", "https://hooks.example/").await;
        tenant.say(&engine, "chat", "Hello").await;
        dying.wait_for(1).await;
        (engine, tenant)
    });
    // Nothing of it runs any more; it could not say good-bye.
    first.shutdown_background();
    std::mem::forget(engine);
    let second = runtime();
    second.block_on(async {
        let engine = start(living.clone(), &store).await;
        clock.advance(Duration::from_secs(29));
        living.stays_at(0).await;
        clock.advance(Duration::from_secs(2));
        let again = living.wait_for(1).await;
        assert_eq!((again[0].event.id, again[0].attempt), (dying.attempts()[0].event.id, 2));
        tenant.ends_as(&engine, DeliveryState::Delivered).await;
        engine.shutdown(Duration::from_secs(1)).await;
    });
}

/// A node that ends in order: what it was sending is another one's at once, and counts as never tried.
async fn what_cannot_be_sent_any_more_at_shutdown_is_given_back(store: TestStore) {
    let (slow, quick) = (ScriptedSender::hanging(), ScriptedSender::taking());
    let ending = builder(&store.store).webhook_sender(slow.clone()).build().await.unwrap();
    let tenant = Tenant::new(&ending, "Acme", "https://hooks.example/").await;
    for chat in 0..5 {
        tenant.say(&ending, &format!("chat-{chat}"), "Hello").await;
    }
    slow.wait_for(1).await;
    // The store is needed by the other node still.
    let begun = Instant::now();
    ending.interrupt().await;
    drop(ending);
    let other = builder(&store.store).webhook_sender(quick.clone()).build().await.unwrap();
    let attempts = quick.wait_for(5).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(attempts.iter().all(|attempt| attempt.attempt == 1), "{attempts:?}");
    tenant.until(&other, |all| all.iter().all(|one| one.state == DeliveryState::Delivered)).await;
    other.shutdown(Duration::from_secs(1)).await;
}

/// What is on its way when the program is to end may arrive first.
#[tokio::test]
async fn shutdown_lets_attempts_end() {
    let sender = ScriptedSender::new(|_| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Sent::delivered()
    });
    let store = stores::memory();
    let engine = builder(&store.store).webhook_sender(sender.clone()).build().await.unwrap();
    let tenant = Tenant::new(&engine, "Acme", "https://hooks.example/").await;
    tenant.say(&engine, "chat", "Hello").await;
    sender.wait_for(1).await;
    engine.shutdown(Duration::from_secs(1)).await;
    assert_eq!(tenant.deliveries(&engine).await[0].state, DeliveryState::Delivered);
}

crate::on_each_store! {
    two_nodes_never_send_one_event_twice
    what_cannot_be_sent_any_more_at_shutdown_is_given_back
}
