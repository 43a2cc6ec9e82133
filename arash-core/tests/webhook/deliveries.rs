//! What a team asked to be told of reaches its endpoint, signed, and again if need be.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arash_core::Engine;
use arash_core::clock::{Clock, SystemClock};
use arash_core::team::Edit;
use arash_core::testing::ManualClock;
use arash_core::webhook::signature::{BODY_SIGNATURE, Received, SIGNATURE, TIMESTAMP, TOLERANCE, verify, verify_body};
use arash_core::webhook::{Delivery, DeliveryState, EndpointSpec, Redelivery, SendError, Sent, StreamedEvent};

use crate::scripted_sender::ScriptedSender;
use crate::sending::SECRET;
use crate::stores::{self, TestStore, memory};
use crate::tenants::{NOON, Tenant, builder, clock};
use crate::upstream::{Play, Upstream};

const URL: &str = "https://hooks.example/events?key=canary";
const DAY: Duration = Duration::from_hours(24);

/// An engine on a turned clock, and a team.
async fn start(store: &TestStore, sender: &ScriptedSender) -> (Engine, Tenant, ManualClock) {
    let clock = clock();
    let builder = builder(&store.store).clock(Arc::new(clock.clone()));
    let engine = builder.webhook_sender(sender.clone()).build().await.unwrap();
    let tenant = Tenant::new(&engine, "Acme", URL).await;
    (engine, tenant, clock)
}

fn refusing(status: u16) -> ScriptedSender {
    ScriptedSender::answering(move |_| Sent::answered(status))
}

async fn an_event_is_delivered_at_once_over_http(store: TestStore) {
    let receiver = Upstream::start(Play::Answer(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nthanks".to_vec())).await;
    let engine = builder(&store.store).build().await.unwrap();
    let tenant = Tenant::new(&engine, "Acme", &receiver.url()).await;
    tenant.say(&engine, "chat", "Hello").await;
    let delivery = tenant.ends_as(&engine, DeliveryState::Delivered).await;
    assert_eq!((delivery.attempts, delivery.status_code, delivery.error), (1, Some(200), None));
    assert_eq!(delivery.session_id, Some(format!("internal_{}_chat", tenant.team)));
    let log = tenant.log(&engine, delivery.event_id).await;
    assert_eq!((log.len(), log[0].response_excerpt.as_deref()), (1, Some("thanks")));

    let [request] = receiver.requests().try_into().unwrap();
    let header = |name| request.header(name)[0].to_owned();
    let (id, timestamp, signatures) = (header("webhook-id"), header(TIMESTAMP), header(SIGNATURE));
    assert_eq!(id, delivery.event_id.to_string());
    let received = Received { id: &id, timestamp: &timestamp, signatures: &signatures };
    let now = SystemClock.now();
    assert_eq!(verify(&SECRET.into(), received, request.body.as_bytes(), now, TOLERANCE), Ok(()));
    assert_eq!(verify_body(&SECRET.into(), &header(BODY_SIGNATURE), request.body.as_bytes()), Ok(()));
    assert!(request.body.contains(r#""event":"message.completed""#), "{}", request.body);
    engine.shutdown(Duration::from_secs(1)).await;
}

/// Ten attempts within three to four days, all with one id, then the event is dead until somebody asks for it again.
async fn an_event_that_nobody_takes_is_tried_for_three_days(store: TestStore) {
    let sender = refusing(500);
    let (engine, tenant, clock) = start(&store, &sender).await;
    tenant.say(&engine, "chat", "Hello").await;
    let mut moments = Vec::new();
    for count in 1..=10 {
        let attempts = sender.wait_for(count).await;
        assert_eq!(attempts[count - 1].attempt as usize, count);
        let now = clock.now();
        // While it is on its way it is due still.
        let is_noted = |all: &[Delivery]| all[0].next_attempt_at.is_none_or(|next| next > now);
        let delivery = tenant.until(&engine, is_noted).await.remove(0);
        assert_eq!((delivery.status_code, delivery.error.as_deref()), (Some(500), Some("status 500")));
        moments.push(now);
        let Some(next) = delivery.next_attempt_at else { break };
        clock.set(next.minus(Duration::from_millis(1)));
        sender.stays_at(count).await;
        clock.set(next);
    }
    let wait = |index: usize| moments[index + 1].since(moments[index]);
    assert!((5..=6).contains(&wait(0).as_secs()), "{:?}", wait(0));
    let whole = moments[9].since(moments[0]);
    assert!(whole >= Duration::from_hours(72) && whole < DAY * 4, "{whole:?}");
    let dead = tenant.ends_as(&engine, DeliveryState::Dead).await;
    assert_eq!((dead.attempts, dead.next_attempt_at), (10, None));
    let attempts = sender.attempts();
    assert!(attempts.iter().all(|attempt| attempt.event.id == dead.event_id), "one id for all");
    let timestamps: HashSet<_> =
        attempts.iter().map(|attempt| attempt.signature.header(TIMESTAMP).unwrap().to_owned()).collect();
    assert_eq!(timestamps.len(), 10, "each attempt is signed for its own time");

    let asked = Redelivery::One(dead.event_id);
    assert_eq!(engine.webhooks().redeliver(tenant.team, asked).await.unwrap(), 1);
    let again = sender.wait_for(11).await;
    assert_eq!((again[10].event.id, again[10].attempt), (dead.event_id, 1), "anew from the first attempt on");
    engine.shutdown(Duration::from_secs(1)).await;
}

async fn who_is_gone_is_told_nothing_more_and_his_events_are_held(store: TestStore) {
    let sender = ScriptedSender::answering(|event| Sent::answered(if event.url == URL { 410 } else { 200 }));
    let (engine, tenant, clock) = start(&store, &sender).await;
    tenant.say(&engine, "chat", "Hello").await;
    sender.wait_for(1).await;
    let is_noted = |all: &[Delivery]| all[0].status_code == Some(410);
    tenant.until(&engine, is_noted).await;
    let endpoint = tenant.endpoint(&engine).await;
    assert_eq!(
        (endpoint.enabled, endpoint.disabled_reason.as_deref()),
        (false, Some("the endpoint answered 410 Gone"))
    );
    clock.advance(DAY);
    sender.stays_at(1).await;
    let moved = EndpointSpec { enabled: Some(true), ..Tenant::at("https://hooks.example/new") };
    engine.webhooks().put(tenant.team, moved).await.unwrap();
    tenant.ends_as(&engine, DeliveryState::Delivered).await;
    assert_eq!(sender.attempts()[1].url, "https://hooks.example/new");
    engine.shutdown(Duration::from_secs(1)).await;
}

async fn who_is_gone_in_a_test_is_switched_off(store: TestStore) {
    let sender = ScriptedSender::answering(|_| Sent::answered(410));
    let (engine, tenant, _) = start(&store, &sender).await;
    let tried = engine.webhooks().test(tenant.team).await.unwrap();
    assert_eq!((tried.status_code, tried.is_delivered()), (Some(410), false));
    let endpoint = tenant.endpoint(&engine).await;
    assert_eq!(
        (endpoint.enabled, endpoint.disabled_reason.as_deref(), endpoint.failing_since),
        (false, Some("the endpoint answered 410 Gone"), None)
    );
    engine.shutdown(Duration::from_secs(1)).await;
}

async fn who_fails_for_five_days_is_switched_off(store: TestStore) {
    let sender = refusing(503);
    let (engine, tenant, clock) = start(&store, &sender).await;
    tenant.say(&engine, "chat", "Hello").await;
    sender.wait_for(1).await;
    tenant.until(&engine, |all| all[0].error.is_some()).await;
    assert_eq!(tenant.endpoint(&engine).await.failing_since, Some(NOON));
    clock.set(NOON.plus(DAY * 5).minus(Duration::from_millis(1)));
    sender.wait_for(2).await;
    tenant.until(&engine, |all| all[0].attempts == 2 && all[0].next_attempt_at > Some(NOON.plus(DAY * 5))).await;
    assert!(tenant.endpoint(&engine).await.enabled);
    clock.advance(DAY);
    sender.wait_for(3).await;
    let until_off = async {
        while tenant.endpoint(&engine).await.enabled {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), until_off).await.unwrap();
    let endpoint = tenant.endpoint(&engine).await;
    assert_eq!(endpoint.disabled_reason.as_deref(), Some("no delivery succeeded for 5 days"));
    assert_eq!(tenant.deliveries(&engine).await[0].state, DeliveryState::Pending, "it is held");
    engine.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_wait_that_was_asked_for_is_kept() {
    let mut asking = Sent::answered(429);
    asking.retry_after = Some(Duration::from_secs(600));
    let sender =
        ScriptedSender::answering(move |event| if event.attempt == 1 { asking.clone() } else { Sent::delivered() });
    let (engine, tenant, clock) = start(&memory(), &sender).await;
    tenant.say(&engine, "chat", "Hello").await;
    sender.wait_for(1).await;
    tenant.until(&engine, |all| all[0].error.is_some()).await;
    clock.advance(Duration::from_secs(599));
    sender.stays_at(1).await;
    clock.advance(Duration::from_secs(122));
    tenant.ends_as(&engine, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn an_endpoint_that_was_changed_between_attempts_is_told_at_its_new_address_with_both_secrets() {
    let sender = ScriptedSender::answering(|event| Sent::answered(if event.url == URL { 500 } else { 200 }));
    let (engine, tenant, clock) = start(&memory(), &sender).await;
    tenant.say(&engine, "chat", "Hello").await;
    sender.wait_for(1).await;
    let spec = EndpointSpec {
        secret: Edit::Set("a secret of words".replace(' ', "-").into()),
        ..Tenant::at("https://hooks.example/2")
    };
    engine.webhooks().put(tenant.team, spec).await.unwrap();
    clock.advance(Duration::from_secs(10));
    tenant.ends_as(&engine, DeliveryState::Delivered).await;
    let second = sender.attempts().remove(1);
    assert_eq!(second.url, "https://hooks.example/2");
    assert_eq!(second.signature.header(SIGNATURE).unwrap().split(' ').count(), 2);
    for secret in ["a-secret-of-words", SECRET] {
        let value = |name| second.signature.header(name).unwrap();
        let received = Received { id: value("webhook-id"), timestamp: value(TIMESTAMP), signatures: value(SIGNATURE) };
        let now = clock.now();
        assert_eq!(verify(&secret.into(), received, second.event.payload.as_bytes(), now, TOLERANCE), Ok(()));
    }
    clock.advance(DAY);
    tenant.say(&engine, "chat", "The day after").await;
    let third = sender.wait_for(3).await.remove(2);
    assert_eq!(third.signature.header(SIGNATURE).unwrap().split(' ').count(), 1, "the secret before is over");
}

#[tokio::test]
async fn a_sender_that_breaks_costs_its_attempt() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let sender = ScriptedSender::answering(move |_| {
        assert!(attempts.fetch_add(1, Ordering::SeqCst) > 0, "the test breaks the first attempt");
        Sent::delivered()
    });
    let (engine, tenant, clock) = start(&memory(), &sender).await;
    tenant.say(&engine, "chat", "Hello").await;
    let told = tenant.until(&engine, |all| all[0].error.is_some()).await.remove(0).error.unwrap();
    assert_eq!(told, SendError::Internal.to_string());
    clock.advance(Duration::from_secs(6));
    tenant.ends_as(&engine, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn the_stream_tells_of_events_that_somebody_wants() {
    let (engine, tenant, _) = start(&memory(), &ScriptedSender::taking()).await;
    let mut events = engine.events();
    tenant.say(&engine, "chat", "Hello").await;
    let Some(StreamedEvent::Event(event)) = events.next().await else { unreachable!("an event") };
    assert_eq!((event.team_id, event.payload.contains("Hello")), (tenant.team, true));
    let off = EndpointSpec { enabled: Some(false), ..EndpointSpec::default() };
    engine.webhooks().put(tenant.team, off).await.unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(100), events.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    engine.shutdown(Duration::from_secs(1)).await;
    drop(engine);
    assert_eq!(events.next().await, None);
}

crate::on_each_store! {
    an_event_is_delivered_at_once_over_http
    an_event_that_nobody_takes_is_tried_for_three_days
    who_is_gone_is_told_nothing_more_and_his_events_are_held
    who_is_gone_in_a_test_is_switched_off
    who_fails_for_five_days_is_switched_off
}
