use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::id::{EventId, TeamId};
use crate::webhook::Event;

impl Event {
    /// The event by which somebody of `team` tries whether its endpoint works.
    pub fn webhook_test(team: TeamId, at: Timestamp) -> Self {
        let kind = EventKind::WebhookTest;
        // Nothing in it needs to be escaped.
        let payload = format!(r#"{{"event":"{}","timestamp":"{at}","team_id":{team}}}"#, kind.as_str());
        Self { id: EventId::new(), team_id: team, kind, payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_the_documented_one() {
        let event = Event::webhook_test(TeamId(100), Timestamp::from_millis(1_761_998_400_000));
        let expected = r#"{"event":"webhook.test","timestamp":"2025-11-01T12:00:00Z","team_id":100}"#;
        assert_eq!((event.kind, event.payload.as_str()), (EventKind::WebhookTest, expected));
    }
}
