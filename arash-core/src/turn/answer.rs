use std::sync::Arc;

use crate::error::Error;
use crate::id::{TeamId, TurnId};
use crate::team::{AccessLevel, Principal};
use crate::turn::Reply;
use crate::turn::buffer::ReplyBuffer;
use crate::turn::facts::TurnFacts;
use crate::turn::processor::Delivery;
use crate::turn::stop::StopSwitch;

/// The answer of one turn, as readers and whoever wants to stop it find it.
pub(super) struct Answer {
    pub(super) turn_id: TurnId,
    pub(super) session_id: String,
    pub(super) buffer: ReplyBuffer,
    pub(super) switch: StopSwitch,
    /// Whose it is; `None` where the host program itself asked.
    team: Option<TeamId>,
    /// Whether somebody reads it as it is written.
    pub(super) is_streamed: bool,
}

impl Answer {
    /// The answer of an admitted turn; nothing was said yet.
    pub(super) fn of(facts: &TurnFacts, delivery: Delivery) -> Self {
        Self {
            turn_id: facts.id,
            session_id: facts.key.as_str().to_owned(),
            buffer: ReplyBuffer::default(),
            switch: StopSwitch::default(),
            team: facts.principal.as_ref().map(|principal| principal.team_id()),
            is_streamed: delivery == Delivery::Streamed,
        }
    }

    /// An answer that was given before, in one piece.
    pub(super) fn of_replay(reply: Reply) -> Arc<Self> {
        let answer = Self {
            turn_id: reply.receipt.turn_id,
            session_id: reply.receipt.session_id.clone(),
            buffer: ReplyBuffer::default(),
            switch: StopSwitch::default(),
            team: None,
            is_streamed: true,
        };
        answer.finish(Ok(reply));
        Arc::new(answer)
    }

    #[cfg(test)]
    pub(super) fn to_test(is_streamed: bool) -> Self {
        Self {
            turn_id: TurnId::new(),
            session_id: String::new(),
            buffer: ReplyBuffer::default(),
            switch: StopSwitch::default(),
            team: None,
            is_streamed,
        }
    }

    /// Ends it with all that was not told yet.
    pub(super) fn finish(&self, result: Result<Reply, Error>) {
        self.switch.end();
        if let Ok(reply) = &result {
            self.buffer.tell_rest(&reply.text);
        }
        self.buffer.finish(result);
    }

    /// Whether this caller may read and stop it: its own team, and whoever administers all.
    pub(super) fn is_open_to(&self, principal: &Principal) -> bool {
        self.team == Some(principal.team_id()) || principal.access_level() == AccessLevel::Admin
    }
}
