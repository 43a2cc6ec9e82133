//! What a team is told of a turn.

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::id::TeamId;
use crate::message::MAX_TEXT_BYTES;
use crate::turn::Reply;
use crate::turn::facts::TurnFacts;
use crate::usage::TurnKind;
use crate::webhook::{Event, ToldMessage};

impl TurnFacts {
    /// Whose webhook is told, if it is told of such turns. Commands are nothing to tell of.
    fn told_team(&self, kind: EventKind) -> Option<TeamId> {
        let principal = self.principal.as_ref().filter(|_| self.kind != TurnKind::Command)?;
        principal.owner().team.webhook_events.contains(kind).then(|| principal.team_id())
    }

    fn told_message(&self) -> ToldMessage<'_> {
        let text = &self.message.text;
        ToldMessage {
            session: self.key.as_ref().map(|key| (key.as_str(), self.message.chat_id.as_str())),
            user_id: &self.message.user_id,
            // Only a completion, whose conversation comes with it, may be longer: events are no place for megabytes.
            text: text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)),
            kind: self.message.kind,
        }
    }

    /// That the message was answered.
    pub(super) fn completed_event(&self, reply: &Reply, now: Timestamp) -> Result<Option<Event>> {
        let Some(team) = self.told_team(EventKind::MessageCompleted) else { return Ok(None) };
        let answer = (reply.text.as_str(), reply.receipt.model_name.as_str());
        Event::message_completed(team, now, self.told_message(), answer).map(Some)
    }

    /// That the message could not be answered by the model of this name.
    pub(super) fn failed_event(&self, error: &Error, model: &str, now: Timestamp) -> Result<Option<Event>> {
        let Some(team) = self.told_team(EventKind::MessageFailed) else { return Ok(None) };
        Event::message_failed(team, now, self.told_message(), (error.kind().code(), model)).map(Some)
    }

    /// The same for a turn that nobody ends. It is kept outside the session while the turn runs, so without what was said.
    pub(super) fn lost_event(&self, error: &Error, model: &str, now: Timestamp) -> Result<Option<Event>> {
        let Some(team) = self.told_team(EventKind::MessageFailed) else { return Ok(None) };
        let message = ToldMessage { text: None, ..self.told_message() };
        Event::message_failed(team, now, message, (error.kind().code(), model)).map(Some)
    }
}
