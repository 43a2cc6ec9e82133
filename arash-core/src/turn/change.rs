use crate::clock::Timestamp;
use crate::command::SessionEffect;
use crate::session::Session;
use crate::turn::SessionChange;
use crate::turn::respond::Outcome;

/// What an answer changes in its session.
pub(super) fn session_change(
    session: &Session,
    outcome: &Outcome,
    now: Timestamp,
    expires_at: Timestamp,
) -> SessionChange {
    let mut change = SessionChange {
        id: session.id,
        key: session.key.clone(),
        team_id: session.team_id,
        user_id: session.user_id.clone(),
        expected_version: session.version,
        fence: session.fence,
        clears: false,
        messages: Vec::new(),
        model: session.model.clone(),
        message_count: session.message_count,
        stored_messages: session.stored_messages,
        last_activity_at: now,
        expires_at,
    };
    match &outcome.command {
        Some((_, Some(SessionEffect::Clear))) => {
            (change.clears, change.message_count, change.stored_messages) = (true, 0, 0);
        }
        Some((_, Some(SessionEffect::UseModel(model)))) => change.model = Some(model.clone()),
        Some((_, None)) => {}
        None => {
            change.messages.clone_from(&outcome.messages);
            change.message_count += 1;
            change.stored_messages += outcome.messages.len() as u64;
        }
    }
    change
}

/// Brings the session in memory to the state that was committed.
pub(super) fn apply(session: &mut Session, change: SessionChange, limit: usize) {
    session.version = change.new_version();
    if change.clears {
        session.history.clear();
    }
    for message in change.messages {
        session.history.push(message, limit);
    }
    session.model = change.model;
    session.message_count = change.message_count;
    session.stored_messages = change.stored_messages;
    session.last_activity_at = change.last_activity_at;
    session.expires_at = change.expires_at;
}
