//! The Markdown of rich messages: taken as it is, within Telegram's limits. They are found line by line, and on the strict
//! side.

use serde_json::{Map, Value};

use crate::transport::{Parameters, Refusal};

const MAX_CHARS: usize = 32_768;
const MAX_BLOCKS: usize = 500;
const MAX_DEPTH: usize = 16;
const MAX_COLUMNS: usize = 20;

/// Reads `rich_message` of a call; none if there is none.
pub(crate) fn read(parameters: &Parameters) -> Result<Option<(String, bool)>, Refusal> {
    let Some(given) = parameters.json("rich_message", "rich message")? else { return Ok(None) };
    let Value::Object(given) = given else {
        return Err(Refusal::bad_request("object expected as rich message"));
    };
    if given.is_empty() {
        return Err(Refusal::bad_request("rich message must be non-empty"));
    }
    let markdown = markdown(&given)?;
    check(markdown).map_err(Refusal::bad_request)?;
    Ok(Some((markdown.to_owned(), given.get("is_rtl") == Some(&Value::Bool(true)))))
}

/// Its Markdown. Telegram would take HTML and blocks too, and of several one in silence.
fn markdown(given: &Map<String, Value>) -> Result<&str, Refusal> {
    for (name, value) in given {
        match (name.as_str(), value) {
            ("markdown", Value::String(_))
            | ("is_rtl" | "skip_entity_detection", Value::Bool(_))
            | (_, Value::Null) => {}
            _ => return Err(Refusal::bad_request(format!("field \"{name}\" of a rich message is not known here"))),
        }
    }
    given.get("markdown").and_then(Value::as_str).ok_or_else(|| Refusal::bad_request("RICH_MESSAGE_EMPTY"))
}

/// Says in Telegram's words what is too much.
fn check(markdown: &str) -> Result<(), &'static str> {
    if markdown.trim().is_empty() {
        return Err("RICH_MESSAGE_EMPTY");
    }
    if markdown.chars().count() > MAX_CHARS {
        return Err("RICH_MESSAGE_TEXT_TOO_LONG");
    }
    let (mut blocks, mut is_code, mut is_after_blank) = (0, false, true);
    for line in markdown.lines() {
        let marks = line.chars().take_while(|mark| matches!(mark, '>' | ' ')).filter(|mark| *mark == '>').count();
        let line = line.trim_start_matches(['>', ' ']);
        let is_fence = line.starts_with("```");
        let is_item = line.starts_with(['-', '*', '+']) || line.starts_with(|first: char| first.is_ascii_digit());
        let begins = !line.is_empty() && (is_after_blank || is_item || line.starts_with(['#', '|']));
        blocks += usize::from(!is_code && begins) + if is_code { 0 } else { marks.min(1) };
        if !is_code && marks >= MAX_DEPTH {
            return Err("RICH_MESSAGE_DEPTH_INVALID");
        }
        if !is_code && line.starts_with('|') && line.trim_matches('|').split('|').count() > MAX_COLUMNS {
            return Err("RICH_MESSAGE_TABLE_COLS_TOO_MANY");
        }
        // Nothing here goes out to the net.
        if !is_code && line.starts_with("![") && line.contains("](http") {
            return Err("RICH_MESSAGE_PHOTO_NO_MEDIA_FOUND");
        }
        is_code ^= is_fence;
        is_after_blank = line.is_empty();
    }
    if blocks > MAX_BLOCKS { Err("RICH_MESSAGE_BLOCKS_TOO_MANY") } else { Ok(()) }
}
