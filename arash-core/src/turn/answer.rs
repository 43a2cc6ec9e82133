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
    /// The session's id; none for a completion.
    pub(super) session_id: Option<String>,
    pub(super) buffer: ReplyBuffer,
    pub(super) switch: StopSwitch,
    /// Whose it is; `None` where the host program itself asked.
    team: Option<TeamId>,
    /// Whether it can be read on for some time after its end.
    pub(super) is_kept: bool,
}

impl Answer {
    /// The answer of an admitted turn; nothing was said yet.
    pub(super) fn of(facts: &TurnFacts, delivery: Delivery) -> Self {
        let session_id = facts.key.as_ref().map(|key| key.as_str().to_owned());
        Self {
            turn_id: facts.id,
            is_kept: delivery == Delivery::Streamed && session_id.is_some(),
            session_id,
            buffer: ReplyBuffer::default(),
            switch: StopSwitch::default(),
            team: facts.principal.as_ref().map(|principal| principal.team_id()),
        }
    }

    /// An answer that was given before, of which nothing was told yet.
    pub(super) fn replayed(reply: &Reply) -> Self {
        Self {
            turn_id: reply.receipt.turn_id,
            session_id: Some(reply.receipt.session_id.clone()).filter(|_| reply.completion.is_none()),
            buffer: ReplyBuffer::default(),
            switch: StopSwitch::default(),
            team: None,
            is_kept: false,
        }
    }

    #[cfg(test)]
    pub(super) fn to_test(is_kept: bool) -> Self {
        Self {
            turn_id: TurnId::new(),
            session_id: Some(String::new()),
            buffer: ReplyBuffer::default(),
            switch: StopSwitch::default(),
            team: None,
            is_kept,
        }
    }

    /// Ends it with all that was not told yet.
    pub(super) fn finish(&self, result: Result<Reply, Error>) {
        self.switch.end();
        match &result {
            Ok(reply) if self.session_id.is_some() => self.buffer.tell_rest(&reply.text),
            Ok(_) => self.buffer.tell_gathered(),
            Err(_) => {}
        }
        self.buffer.finish(result);
    }

    /// Whether this caller may read and stop it: its own team, and whoever administers all.
    pub(super) fn is_open_to(&self, principal: &Principal) -> bool {
        self.team == Some(principal.team_id()) || principal.access_level() == AccessLevel::Admin
    }
}
