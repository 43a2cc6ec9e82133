//! While storage is away nothing is lost, and nothing is sent that is not known to be this node's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arash_core::webhook::DeliveryState;
use arash_core::{Engine, Error};

use crate::faulty::{Plan, faulty};
use crate::scripted_sender::ScriptedSender;
use crate::stores::memory;
use crate::tenants::{Tenant, builder};

async fn start(sender: &ScriptedSender) -> (Engine, Tenant, Arc<Plan>) {
    let (store, plan) = faulty(memory());
    let engine = builder(&store.store).webhook_sender(sender.clone()).build().await.unwrap();
    let tenant = Tenant::new(&engine, "Acme", "https://hooks.example/").await;
    (engine, tenant, plan)
}

async fn say_five(engine: &Engine, tenant: &Tenant) {
    for chat in 0..5 {
        tenant.say(engine, &format!("chat-{chat}"), "Hello").await;
    }
}

/// All five are delivered in the end, each at its first attempt and with one line in the log.
async fn all_are_delivered_once(engine: &Engine, tenant: &Tenant, sender: &ScriptedSender) {
    let all = tenant.until(engine, |all| all.iter().all(|one| one.state == DeliveryState::Delivered)).await;
    assert_eq!((all.len(), sender.attempts().len()), (5, 5));
    for delivery in all {
        assert_eq!((delivery.attempts, tenant.log(engine, delivery.event_id).await.len()), (1, 1));
    }
}

#[tokio::test]
async fn what_cannot_be_claimed_is_sent_when_storage_is_back() {
    let sender = ScriptedSender::taking();
    let (engine, tenant, plan) = start(&sender).await;
    plan.claim_events.is_away.store(true, Ordering::SeqCst);
    say_five(&engine, &tenant).await;
    sender.stays_at(0).await;
    let asked = plan.claim_events.calls();
    assert!(asked < 30, "{asked} times within a fifth of a second");
    plan.claim_events.is_away.store(false, Ordering::SeqCst);
    all_are_delivered_once(&engine, &tenant, &sender).await;
}

#[tokio::test]
async fn what_was_sent_is_written_when_storage_is_back_and_not_sent_again() {
    let sender = ScriptedSender::taking();
    let (engine, tenant, plan) = start(&sender).await;
    plan.settle_attempts.is_away.store(true, Ordering::SeqCst);
    say_five(&engine, &tenant).await;
    sender.wait_for(5).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(tenant.deliveries(&engine).await.iter().all(|one| one.state == DeliveryState::Pending));
    plan.settle_attempts.is_away.store(false, Ordering::SeqCst);
    all_are_delivered_once(&engine, &tenant, &sender).await;
}

#[tokio::test]
async fn a_lost_answer_does_no_harm() {
    let sender = ScriptedSender::taking();
    let (engine, tenant, plan) = start(&sender).await;
    plan.settle_attempts.lost_answers.store(2, Ordering::SeqCst);
    say_five(&engine, &tenant).await;
    all_are_delivered_once(&engine, &tenant, &sender).await;
}

#[tokio::test]
async fn a_store_that_breaks_is_asked_again() {
    let sender = ScriptedSender::taking();
    let (engine, tenant, plan) = start(&sender).await;
    for faults in [&plan.claim_events, &plan.settle_attempts] {
        faults.push(async { unreachable!("the test breaks it") });
        faults.push(async { Err(Error::internal("the test spoils it")) });
    }
    say_five(&engine, &tenant).await;
    // What came of one attempt may be lost with a store that breaks twice; its event is sent again after its lease.
    let most = |all: &[arash_core::webhook::Delivery]| {
        all.iter().filter(|one| one.state == DeliveryState::Delivered).count() >= 4
    };
    tenant.until(&engine, most).await;
    assert_eq!(sender.attempts().len(), 5);
}

/// The end of a program does not wait for storage that is away.
#[tokio::test]
async fn shutdown_ends_although_storage_is_away() {
    let sender = ScriptedSender::taking();
    let (engine, tenant, plan) = start(&sender).await;
    plan.settle_attempts.is_away.store(true, Ordering::SeqCst);
    say_five(&engine, &tenant).await;
    sender.wait_for(5).await;
    let begun = std::time::Instant::now();
    engine.shutdown(Duration::from_secs(1)).await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}
