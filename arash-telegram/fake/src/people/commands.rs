//! The commands that the bot offers: to everybody, or to some, in their language.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::World;

const MOST: usize = 100;
const SCOPES: &[&str] = &[
    "default",
    "all_private_chats",
    "all_group_chats",
    "all_chat_administrators",
    "chat",
    "chat_administrators",
    "chat_member",
];

/// A command that the bot offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name, without a slash.
    pub name: String,
    /// What it does.
    pub description: String,
}

/// The lists of commands, by scope and language.
#[derive(Debug, Default)]
pub(crate) struct Commands(BTreeMap<(String, String), Vec<Command>>);

impl Commands {
    /// The list of a scope, as `default` or `chat:42`, in a language; empty if there is none.
    pub(crate) fn of(&self, scope: &str, language: &str) -> &[Command] {
        self.0.get(&(scope.to_owned(), language.to_owned())).map_or(&[], Vec::as_slice)
    }
}

pub(crate) fn set_my_commands(world: &mut World, parameters: &Parameters) -> Outcome {
    let Some(Value::Array(given)) = parameters.json("commands", "commands")? else {
        return Err(Refusal::bad_request("Expected an Array of BotCommand"));
    };
    if given.len() > MOST {
        return Err(Refusal::bad_request("BOT_COMMANDS_TOO_MUCH"));
    }
    let commands = given.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    world.commands.0.insert(list(world, parameters)?, commands);
    Ok(json!(true))
}

pub(crate) fn get_my_commands(world: &mut World, parameters: &Parameters) -> Outcome {
    let (scope, language) = list(world, parameters)?;
    let command = |command: &Command| json!({ "command": command.name, "description": command.description });
    Ok(world.commands.of(&scope, &language).iter().map(command).collect())
}

pub(crate) fn delete_my_commands(world: &mut World, parameters: &Parameters) -> Outcome {
    let list = list(world, parameters)?;
    world.commands.0.remove(&list);
    Ok(json!(true))
}

fn read(given: &Value) -> Result<Command, Refusal> {
    let field = |name: &str| {
        let fault = format!("can't parse BotCommand: Can't find field \"{name}\"");
        given.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| Refusal::bad_request(fault))
    };
    let (name, description) = (field("command")?.trim_start_matches('/').to_ascii_lowercase(), field("description")?);
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if !(1..=32).contains(&name.len()) || !name.chars().all(is_letter) {
        return Err(Refusal::bad_request("BOT_COMMAND_INVALID"));
    }
    if !(1..=256).contains(&description.chars().count()) {
        return Err(Refusal::bad_request("BOT_COMMAND_DESCRIPTION_INVALID"));
    }
    Ok(Command { name, description })
}

/// Which list a call means.
fn list(world: &World, parameters: &Parameters) -> Result<(String, String), Refusal> {
    let scope = parameters.json("scope", "BotCommandScope")?.unwrap_or_else(|| json!({ "type": "default" }));
    let fault = |what: &str| Refusal::bad_request(format!("can't parse BotCommandScope: {what}"));
    let kind = scope.get("type").and_then(Value::as_str).ok_or_else(|| fault("Can't find field \"type\""))?;
    if !SCOPES.contains(&kind) {
        return Err(fault("Unsupported type specified"));
    }
    let number = |name: &str| match scope.get(name) {
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_i64(),
        None => None,
    };
    let mut key = kind.to_owned();
    if kind.starts_with("chat") {
        let chat = number("chat_id").filter(|id| world.chats.contains_key(id));
        key = format!("{key}:{}", chat.ok_or_else(|| Refusal::bad_request("chat not found"))?);
    }
    if kind == "chat_member" {
        let user = number("user_id").filter(|id| world.users.contains_key(id));
        key = format!("{key}:{}", user.ok_or_else(|| Refusal::bad_request("user not found"))?);
    }
    let language = parameters.text("language_code").unwrap_or_default();
    let is_code = language.len() == 2 && language.chars().all(|letter| letter.is_ascii_lowercase());
    if !language.is_empty() && !is_code {
        return Err(Refusal::bad_request("invalid language code specified"));
    }
    Ok((key, language))
}
