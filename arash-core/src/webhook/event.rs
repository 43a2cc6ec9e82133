use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::id::{EventId, TeamId};
use crate::message::MessageKind;

/// An event for a team's webhook. It is committed in the transaction of its cause, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id, the same in every delivery.
    pub id: EventId,
    /// Whom it is for.
    pub team_id: TeamId,
    /// What happened.
    pub kind: EventKind,
    /// The body that is sent: JSON.
    pub payload: String,
}

/// The facts of [`EventKind::MessageCompleted`].
#[derive(Clone, Copy, Debug)]
pub struct MessageCompleted<'a> {
    /// The session's id, and the conversation's id on its platform; none for a completion.
    pub session: Option<(&'a str, &'a str)>,
    /// Who asked.
    pub user_id: &'a str,
    /// What was asked.
    pub text: &'a str,
    /// What kind of message it was.
    pub kind: MessageKind,
    /// What was answered.
    pub response: &'a str,
    /// The name of the model that answered.
    pub model: &'a str,
}

#[derive(Serialize)]
struct Payload<'a> {
    event: &'static str,
    timestamp: String,
    team_id: TeamId,
    session_id: Option<&'a str>,
    message: PayloadMessage<'a>,
    response: PayloadResponse<'a>,
}

#[derive(Serialize)]
struct PayloadMessage<'a> {
    user_id: &'a str,
    chat_id: Option<&'a str>,
    text: &'a str,
    r#type: MessageKind,
}

#[derive(Serialize)]
struct PayloadResponse<'a> {
    success: bool,
    response: &'a str,
    model: &'a str,
}

impl Event {
    /// The event that tells `team` of an answered message.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) if it cannot be written as JSON.
    pub fn message_completed(team: TeamId, at: Timestamp, facts: MessageCompleted<'_>) -> Result<Self> {
        let kind = EventKind::MessageCompleted;
        let MessageCompleted { session, user_id, text, kind: message_kind, response, model } = facts;
        let (session_id, chat_id) = session.unzip();
        let payload = Payload {
            event: kind.as_str(),
            timestamp: at.to_rfc3339(),
            team_id: team,
            session_id,
            message: PayloadMessage { user_id, chat_id, text, r#type: message_kind },
            response: PayloadResponse { success: true, response, model },
        };
        let payload = serde_json::to_string(&payload)
            .map_err(|fault| Error::internal("an event could not be written as JSON").with_source(fault))?;
        Ok(Self { id: EventId::new(), team_id: team, kind, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_the_documented_one() {
        let facts = MessageCompleted {
            session: Some(("internal_100_chat1", "chat1")),
            user_id: "user1",
            text: "Hello",
            kind: MessageKind::Text,
            response: "Hi there!",
            model: "GPT-5 Chat",
        };
        let at = Timestamp::from_millis(1_761_998_400_000);
        let event = Event::message_completed(TeamId(100), at, facts).unwrap();
        assert_eq!(
            event.payload,
            concat!(
                r#"{"event":"message.completed","timestamp":"2025-11-01T12:00:00Z","team_id":100,"#,
                r#""session_id":"internal_100_chat1","#,
                r#""message":{"user_id":"user1","chat_id":"chat1","text":"Hello","type":"text"},"#,
                r#""response":{"success":true,"response":"Hi there!","model":"GPT-5 Chat"}}"#
            )
        );
        let completion =
            Event::message_completed(TeamId(100), at, MessageCompleted { session: None, ..facts }).unwrap();
        let payload = &completion.payload;
        assert!(payload.contains(r#""session_id":null"#) && payload.contains(r#""chat_id":null"#), "{payload}");
    }
}
