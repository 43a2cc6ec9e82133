use teloxide::types::{Message, MessageKind, Update, UpdateKind};

use super::reduced::reduced;

/// How deep an update may be nested. Telegram's are about half of it; of one that is nested without end teloxide would
/// fill the stack, and that ends the program.
const MAX_DEPTH: usize = 24;

/// The update, read once more without what is not needed if something in it is newer than teloxide or odd.
pub(super) fn read(raw: &str) -> Option<Update> {
    let update = read_by_teloxide(raw);
    if update.as_ref().is_some_and(is_understood) {
        return update;
    }
    let again = reduced(raw).and_then(|reduced| read_by_teloxide(&reduced));
    again.or(update)
}

fn read_by_teloxide(text: &str) -> Option<Update> {
    if depth(text) > MAX_DEPTH {
        return None;
    }
    // From a text, and only from one: what teloxide reads from a `Value` is an error, whatever it is.
    serde_json::from_str(text).ok()
}

/// How deep a JSON text is nested, if it is one.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut is_string, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => depth += 1,
            b'}' | b']' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn is_understood(update: &Update) -> bool {
    match &update.kind {
        UpdateKind::Error(_) => false,
        UpdateKind::Message(message) | UpdateKind::EditedMessage(message) => !is_empty(message),
        _ => true,
    }
}

/// Whether teloxide found nothing in a message: nothing is there, or something that it does not know.
pub(super) fn is_empty(message: &Message) -> bool {
    matches!(message.kind, MessageKind::Empty {})
}
