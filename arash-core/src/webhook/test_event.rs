use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::event::EventKind;
use crate::id::TeamId;
use crate::webhook::Event;

/// It says no more than what all begin with.
#[derive(Serialize)]
struct Nothing {}

impl Event {
    /// The event by which somebody of `team` tries whether its endpoint works.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) if it cannot be written as JSON.
    pub fn webhook_test(team: TeamId, at: Timestamp) -> Result<Self> {
        Self::new(EventKind::WebhookTest, team, at, Nothing {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_the_documented_one() {
        let event = Event::webhook_test(TeamId(100), Timestamp::from_millis(1_761_998_400_000)).unwrap();
        let expected = r#"{"event":"webhook.test","timestamp":"2025-11-01T12:00:00Z","team_id":100}"#;
        assert_eq!((event.kind, event.payload.as_str()), (EventKind::WebhookTest, expected));
    }
}
