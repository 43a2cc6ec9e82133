//! Turns of conversations.

use std::sync::Arc;
use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::id::SessionId;
use arash_core::message::{Message, Role};
use arash_core::session::SessionKey;
use arash_core::turn::{SessionChange, TurnCommit};

use crate::turns::turn;

pub(crate) fn chat(id: &str) -> SessionKey {
    SessionKey::public("telegram", id)
}

/// A turn that opens a session with these messages.
pub(crate) fn opening(key: &SessionKey, texts: &[&str], at: Timestamp) -> TurnCommit {
    let roles = [Role::User, Role::Assistant].into_iter().cycle();
    let change = SessionChange {
        id: SessionId::new(),
        key: key.clone(),
        team_id: key.team(),
        user_id: "user".to_owned(),
        expected_version: 0,
        fence: 0,
        clears: false,
        messages: roles.zip(texts).map(|(role, &text)| Arc::new(Message::new(role, text, at))).collect(),
        model: None,
        message_count: texts.len().div_ceil(2) as u64,
        stored_messages: texts.len() as u64,
        last_activity_at: at,
        expires_at: at.plus(Duration::from_mins(30)),
    };
    let mut turn = turn(at);
    turn.usage.session_key = Some(key.as_str().to_owned());
    turn.session = Some(change);
    turn
}
