//! Events to send, and senders.

use std::time::Duration;

use arash_core::clock::{Clock, SystemClock};
use arash_core::id::{EventId, TeamId};
use arash_core::webhook::guard::TargetPolicy;
use arash_core::webhook::{Event, EventKind, HttpSender, Sent, SignedEvent, WebhookSender};

pub(crate) const SECRET: &str = "whsec_c2VjcmV0IG9mIGEgdGVzdCwgd2hpY2ggaXMgbG9uZw==";

pub(crate) fn event(payload: &str) -> Event {
    let (id, kind) = (EventId::new(), EventKind::MessageCompleted);
    Event { id, team_id: TeamId(1), kind, payload: payload.to_owned() }
}

pub(crate) fn signed(url: &str) -> SignedEvent {
    SignedEvent::new(event(r#"{"event":"message.completed"}"#), url, &[SECRET.into()], 1, SystemClock.now())
}

/// A sender that may reach the receivers of tests, which are on this machine.
pub(crate) fn local_sender() -> HttpSender {
    HttpSender::new(TargetPolicy::default().private(true).http(true))
}

/// One attempt to send something to `url`, within two seconds.
pub(crate) async fn send(url: &str) -> Sent {
    let sent = local_sender().deadline(Duration::from_secs(2)).send(&signed(url)).await;
    let told = sent.error.map(|error| error.to_string()).unwrap_or_default();
    assert!(!told.contains("127.0.0.1") && !told.contains("canary"), "{told}");
    let logged = sent.cause.clone().unwrap_or_default();
    assert!(!logged.contains("canary"), "{logged}");
    sent
}
