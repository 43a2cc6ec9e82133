//! Events of one session reach an endpoint that answers in the order of their cause.

use std::collections::HashMap;
use std::time::Duration;

use arash_core::webhook::{DeliveryState, Sent, SignedEvent};
use futures_util::future::join_all;

use crate::scripted_sender::ScriptedSender;
use crate::stores::{self, TestStore};
use crate::tenants::{Tenant, builder};

const CHATS: usize = 4;
const MESSAGES: usize = 8;

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
    let whole = |all: &[arash_core::webhook::Delivery]| {
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
    one_that_is_refused_does_not_hold_up_the_rest
}
