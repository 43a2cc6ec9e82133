//! Events of one session, and of one key, reach an endpoint that answers in the order of their cause.

use std::collections::HashMap;
use std::time::Duration;

use arash_core::team::KeySpec;
use arash_core::webhook::{Delivery, DeliveryState, EndpointSpec, EventKind, EventKinds, Sent, SignedEvent};
use futures_util::future::join_all;

use crate::scripted_sender::ScriptedSender;
use crate::stores::{self, TestStore};
use crate::tenants::{Tenant, builder};

const CHATS: usize = 4;
const MESSAGES: usize = 8;
const KEYS: usize = 25;

/// The number in the text of the message that an event tells of.
fn number(event: &SignedEvent) -> usize {
    let text = event.event.payload.split_once(r#""text":"message "#).unwrap().1;
    text.split_once('"').unwrap().0.parse().unwrap()
}

fn by_session(attempts: &[SignedEvent]) -> HashMap<String, Vec<usize>> {
    let mut sessions: HashMap<String, Vec<usize>> = HashMap::new();
    for attempt in attempts {
        sessions.entry(attempt.session_id.clone().unwrap()).or_default().push(number(attempt));
    }
    sessions
}

/// Some take long, so that they would be overtaken if they could be.
async fn late_ones_are_waited_for(store: TestStore) {
    let sender = ScriptedSender::new(|event| {
        let delay = Duration::from_millis(if number(event).is_multiple_of(3) { 60 } else { 1 });
        async move {
            tokio::time::sleep(delay).await;
            Sent::delivered()
        }
    });
    let engine = builder(&store.store).webhook_sender(sender.clone()).build().await.unwrap();
    let tenant = Tenant::new(&engine, "Acme", "https://hooks.example/").await;
    let chats: Vec<_> = (0..CHATS).map(|chat| format!("chat-{chat}")).collect();
    let talk = async |chat: &String| {
        for message in 0..MESSAGES {
            tenant.say(&engine, chat, &format!("message {message}")).await;
        }
    };
    join_all(chats.iter().map(talk)).await;
    let whole = |all: &[Delivery]| {
        all.iter().filter(|delivery| delivery.state == DeliveryState::Delivered).count() == CHATS * MESSAGES
    };
    tenant.until(&engine, whole).await;
    let sessions = by_session(&sender.attempts());
    assert_eq!(sessions.len(), CHATS);
    for (session, numbers) in sessions {
        assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>(), "{session}");
    }
    engine.shutdown(Duration::from_secs(1)).await;
}

/// What tells that a key was made takes long, so that its end would overtake it if it could.
async fn what_is_told_of_a_key_is_waited_for(store: TestStore) {
    let sender = ScriptedSender::new(|event| {
        let delay = Duration::from_millis(if event.event.kind == EventKind::KeyCreated { 60 } else { 1 });
        async move {
            tokio::time::sleep(delay).await;
            Sent::delivered()
        }
    });
    let engine = builder(&store.store).webhook_sender(sender.clone()).build().await.unwrap();
    let tenant = Tenant::new(&engine, "Acme", "https://hooks.example/").await;
    let events = EventKinds::from_iter([EventKind::KeyCreated, EventKind::KeyRevoked]);
    let spec = EndpointSpec { events: Some(events), ..EndpointSpec::default() };
    engine.webhooks().put(tenant.team, spec).await.unwrap();
    let in_use_for_a_moment = async |number: usize| {
        let key = engine.keys().create(KeySpec::new(tenant.team, format!("key {number}"))).await.unwrap().key;
        engine.keys().delete(key.id).await.unwrap();
        key.id
    };
    let keys = join_all((0..KEYS).map(in_use_for_a_moment)).await;
    let are_delivered = |all: &[Delivery]| all.iter().filter(|told| told.delivered_at.is_some()).count() == 2 * KEYS;
    tenant.until(&engine, are_delivered).await;
    let attempts = sender.attempts();
    for key in keys {
        let of_key = attempts.iter().filter(|told| told.event.payload.contains(&format!(r#""id":{key},"#)));
        let kinds: Vec<_> = of_key.map(|told| told.event.kind).collect();
        assert_eq!(kinds, [EventKind::KeyCreated, EventKind::KeyRevoked], "{key}");
    }
    engine.shutdown(Duration::from_secs(1)).await;
}

/// One that is refused waits for its next time; those after it do not wait for it.
async fn one_that_is_refused_does_not_hold_up_the_rest(store: TestStore) {
    let sender = ScriptedSender::answering(|event| Sent::answered(if number(event) == 0 { 500 } else { 200 }));
    let engine = builder(&store.store).webhook_sender(sender.clone()).build().await.unwrap();
    let tenant = Tenant::new(&engine, "Acme", "https://hooks.example/").await;
    for message in 0..3 {
        tenant.say(&engine, "chat", &format!("message {message}")).await;
    }
    let attempts = sender.wait_for(3).await;
    assert_eq!(attempts[..3].iter().map(number).collect::<Vec<_>>(), [0, 1, 2]);
    engine.shutdown(Duration::from_secs(1)).await;
}

crate::on_each_store! {
    late_ones_are_waited_for
    what_is_told_of_a_key_is_waited_for
    one_that_is_refused_does_not_hold_up_the_rest
}
