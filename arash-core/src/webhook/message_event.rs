use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::event::EventKind;
use crate::id::TeamId;
use crate::message::MessageKind;
use crate::webhook::Event;

/// A message that a team is told of.
#[derive(Clone, Copy, Debug)]
pub struct ToldMessage<'a> {
    /// The session's id, and the conversation's id on its platform; none for a completion.
    pub session: Option<(&'a str, &'a str)>,
    /// Who asked.
    pub user_id: &'a str,
    /// What was asked, or its first 32,768 bytes; `None` where that is not known any more.
    pub text: Option<&'a str>,
    /// What kind of message it was.
    pub kind: MessageKind,
}

#[derive(Serialize)]
struct Body<'a, R> {
    session_id: Option<&'a str>,
    message: Message<'a>,
    response: R,
}

#[derive(Serialize)]
struct Message<'a> {
    user_id: &'a str,
    chat_id: Option<&'a str>,
    text: Option<&'a str>,
    r#type: MessageKind,
}

#[derive(Serialize)]
struct Answer<'a> {
    success: bool,
    response: &'a str,
    model: &'a str,
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: &'a str,
    model: &'a str,
}

impl<'a, R> Body<'a, R> {
    fn of(message: ToldMessage<'a>, response: R) -> Self {
        let ToldMessage { session, user_id, text, kind } = message;
        let (session_id, chat_id) = session.unzip();
        Self { session_id, message: Message { user_id, chat_id, text, r#type: kind }, response }
    }
}

impl Event {
    /// The event that tells `team` of an answered message: what was answered, and the name of the model that did.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) if it cannot be written as JSON.
    pub fn message_completed(
        team: TeamId,
        at: Timestamp,
        message: ToldMessage<'_>,
        (response, model): (&str, &str),
    ) -> Result<Self> {
        let answer = Answer { success: true, response, model };
        Self::new(EventKind::MessageCompleted, team, at, Body::of(message, answer))
    }

    /// The event that tells `team` of a message that was let in and could not be answered: the code of the error, and the
    /// name of the model that was asked. No word of the service that failed is in it.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) if it cannot be written as JSON.
    pub fn message_failed(
        team: TeamId,
        at: Timestamp,
        message: ToldMessage<'_>,
        (error, model): (&str, &str),
    ) -> Result<Self> {
        let failure = Failure { success: false, error, model };
        Self::new(EventKind::MessageFailed, team, at, Body::of(message, failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: ToldMessage<'_> = ToldMessage {
        session: Some(("internal_100_chat1", "chat1")),
        user_id: "user1",
        text: Some("Hello"),
        kind: MessageKind::Text,
    };

    fn at() -> Timestamp {
        Timestamp::from_millis(1_761_998_400_000)
    }

    #[test]
    fn the_payload_of_an_answer_is_the_documented_one() {
        let answer = ("Hi there!", "GPT-5 Chat");
        let event = Event::message_completed(TeamId(100), at(), MESSAGE, answer).unwrap();
        assert_eq!(
            event.payload,
            concat!(
                r#"{"event":"message.completed","timestamp":"2025-11-01T12:00:00Z","team_id":100,"#,
                r#""session_id":"internal_100_chat1","#,
                r#""message":{"user_id":"user1","chat_id":"chat1","text":"Hello","type":"text"},"#,
                r#""response":{"success":true,"response":"Hi there!","model":"GPT-5 Chat"}}"#
            )
        );
        let completion = ToldMessage { session: None, ..MESSAGE };
        let payload = Event::message_completed(TeamId(100), at(), completion, answer).unwrap().payload;
        assert!(payload.contains(r#""session_id":null"#) && payload.contains(r#""chat_id":null"#), "{payload}");
    }

    #[test]
    fn the_payload_of_a_failure_names_the_error_by_its_code() {
        let failure = ("ai_service_error", "GPT-5 Chat");
        let event = Event::message_failed(TeamId(100), at(), MESSAGE, failure).unwrap();
        assert_eq!(
            event.payload,
            concat!(
                r#"{"event":"message.failed","timestamp":"2025-11-01T12:00:00Z","team_id":100,"#,
                r#""session_id":"internal_100_chat1","#,
                r#""message":{"user_id":"user1","chat_id":"chat1","text":"Hello","type":"text"},"#,
                r#""response":{"success":false,"error":"ai_service_error","model":"GPT-5 Chat"}}"#
            )
        );
        let lost = ToldMessage { text: None, ..MESSAGE };
        let payload = Event::message_failed(TeamId(100), at(), lost, failure).unwrap().payload;
        assert!(payload.contains(r#""chat_id":"chat1","text":null,"type":"text"}"#), "{payload}");
    }
}
