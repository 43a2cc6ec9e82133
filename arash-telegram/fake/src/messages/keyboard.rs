//! Keyboards: what bots may put under a message.

use serde_json::{Map, Value, json};

use crate::text::checked_link;
use crate::transport::{Parameters, Refusal};

/// What a button can do; exactly one of them.
const ACTIONS: &[&str] = &[
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
];
const MAX_CALLBACK_BYTES: usize = 64;
const MAX_BUTTONS: usize = 100;

/// A button of an inline keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub text: String,
    /// What the bot is told when it is pressed; none if it does something else.
    pub data: Option<String>,
    /// Where it leads; none if it does something else.
    pub url: Option<String>,
}

/// The buttons of an inline keyboard, row by row.
pub(super) fn buttons(keyboard: &Value) -> Vec<Vec<Button>> {
    let field = |button: &Value, name: &str| button.get(name).and_then(Value::as_str).map(str::to_owned);
    let button = |button: &Value| Button {
        text: field(button, "text").unwrap_or_default(),
        data: field(button, "callback_data"),
        url: field(button, "url"),
    };
    let row = |row: &Value| row.as_array().into_iter().flatten().map(button).collect();
    keyboard.get("inline_keyboard").and_then(Value::as_array).into_iter().flatten().map(row).collect()
}

/// The parameter `reply_markup`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Markup {
    None,
    /// An inline keyboard, under the message.
    Inline(Value),
    /// A keyboard in place of the user's own, a forced reply, or null for neither.
    Reply(Value),
}

impl Markup {
    pub(super) fn read(parameters: &Parameters) -> Result<Self, Refusal> {
        let given = match parameters.json("reply_markup", "reply keyboard markup")? {
            None => return Ok(Self::None),
            Some(Value::Object(given)) => given,
            Some(_) => return Err(Refusal::bad_request("object expected as reply markup")),
        };
        if let Some(rows) = given.get("inline_keyboard") {
            let rows = checked_rows(rows, "inline_keyboard")?;
            let count: usize = rows.iter().map(Vec::len).sum();
            for button in rows.iter().flatten() {
                check_inline(button)?;
            }
            if count > MAX_BUTTONS {
                return Err(Refusal::bad_request("reply markup is too long"));
            }
            return Ok(if count == 0 { Self::None } else { Self::Inline(json!({ "inline_keyboard": rows })) });
        }
        if let Some(rows) = given.get("keyboard") {
            for button in checked_rows(rows, "keyboard")?.iter().flatten() {
                check_reply(button)?;
            }
            return Ok(Self::Reply(Value::Object(given)));
        }
        let is_on = |name: &str| given.get(name) == Some(&Value::Bool(true));
        Ok(match () {
            () if is_on("remove_keyboard") => Self::Reply(Value::Null),
            () if is_on("force_reply") => Self::Reply(Value::Object(given)),
            () => Self::None,
        })
    }

    /// The keyboard for an edit, which can only be an inline one; null takes the old one away.
    pub(super) fn read_inline(parameters: &Parameters) -> Result<Value, Refusal> {
        match Self::read(parameters)? {
            Self::None => Ok(Value::Null),
            Self::Inline(keyboard) => Ok(keyboard),
            Self::Reply(_) => Err(Refusal::bad_request("inline keyboard expected")),
        }
    }

    /// Whether it fits the chat.
    pub(super) fn check(&self, is_private: bool) -> Result<(), Refusal> {
        let Self::Inline(keyboard) = self else { return Ok(()) };
        let has_web_app = keyboard.to_string().contains("\"web_app\":{");
        if has_web_app && !is_private { Err(Refusal::bad_request("BUTTON_TYPE_INVALID")) } else { Ok(()) }
    }

    /// What stays under the message, and what becomes of the user's keyboard if anything does.
    pub(super) fn split(self) -> (Value, Option<Value>) {
        match self {
            Self::None => (Value::Null, None),
            Self::Inline(keyboard) => (keyboard, None),
            Self::Reply(keyboard) => (Value::Null, Some(keyboard)),
        }
    }
}

fn checked_rows(rows: &Value, name: &str) -> Result<Vec<Vec<Value>>, Refusal> {
    let fault = || Refusal::bad_request(format!("field \"{name}\" must be an Array of Arrays"));
    let rows = rows.as_array().ok_or_else(fault)?;
    rows.iter().map(|row| row.as_array().cloned().ok_or_else(fault)).collect()
}

fn check_inline(button: &Value) -> Result<(), Refusal> {
    let fault = |what: &str| Refusal::bad_request(format!("can't parse inline keyboard button: {what}"));
    let Value::Object(fields) = button else { return Err(fault("InlineKeyboardButton must be an Object")) };
    check_text(fields, &fault)?;
    // An address or data that is empty is none, but an inline query may be empty.
    let is_given = |name: &&&str| {
        fields.get(**name).is_some_and(|value| !value.is_null() && (value != "" || name.starts_with("switch")))
    };
    match ACTIONS.iter().filter(is_given).count() {
        0 => return Err(fault("Text buttons are unallowed in the inline keyboard")),
        1 => {}
        // Telegram takes the first of them in silence; its documentation says "exactly one".
        _ => return Err(fault("exactly one action must be given")),
    }
    match (fields.get("callback_data"), fields.get("url")) {
        (Some(Value::String(data)), _) if data.len() > MAX_CALLBACK_BYTES => {
            Err(Refusal::bad_request("BUTTON_DATA_INVALID"))
        }
        (Some(Value::String(_)) | None, None) => Ok(()),
        (_, Some(Value::String(url))) if checked_link(url).is_some() => Ok(()),
        (_, Some(Value::String(url))) => {
            Err(Refusal::bad_request(format!("inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")))
        }
        (Some(_), _) => Err(fault("Field \"callback_data\" must be of type String")),
        (_, Some(_)) => Err(fault("Field \"url\" must be of type String")),
    }
}

fn check_reply(button: &Value) -> Result<(), Refusal> {
    let fault = |what: &str| Refusal::bad_request(format!("can't parse keyboard button: {what}"));
    match button {
        Value::String(text) if !text.is_empty() => Ok(()),
        Value::String(_) => Err(Refusal::bad_request("keyboard button text must be non-empty")),
        Value::Object(fields) => check_text(fields, &fault),
        _ => Err(fault("KeyboardButton must be a String or an Object")),
    }
}

fn check_text(fields: &Map<String, Value>, fault: &impl Fn(&str) -> Refusal) -> Result<(), Refusal> {
    match fields.get("text") {
        Some(Value::String(text)) if text.is_empty() => {
            Err(Refusal::bad_request("inline keyboard button text must be non-empty"))
        }
        Some(Value::String(_)) => Ok(()),
        Some(_) => Err(fault("Field \"text\" must be of type String")),
        None => Err(fault("Can't find field \"text\"")),
    }
}
