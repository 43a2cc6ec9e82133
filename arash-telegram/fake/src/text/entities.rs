//! Entities as bots give them: read, checked against the text, and put in order as Telegram does.

use serde_json::{Value, json};

use super::{Entity, FormattedText};
use crate::transport::Refusal;

/// What may be cut in parts where something else lies over it.
const DIVISIBLE: &[&str] = &["bold", "italic", "underline", "strikethrough", "spoiler"];
const BARE: &[&str] =
    &["bold", "italic", "underline", "strikethrough", "spoiler", "code", "blockquote", "expandable_blockquote"];
/// What Telegram finds by itself; whoever gives it is not heard.
const FOUND: &[&str] =
    &["mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bank_card_number"];
const MOST: i64 = 1_000_000;

/// Reads the entities of a call.
pub(super) fn read(given: Option<&Value>) -> Result<Vec<Entity>, Refusal> {
    let Some(Value::Array(given)) = given else { return Ok(Vec::new()) };
    let mut entities = Vec::new();
    for entity in given {
        entities.extend(read_one(entity)?);
    }
    Ok(entities)
}

fn read_one(given: &Value) -> Result<Option<Entity>, Refusal> {
    let fault = |what: &str| Refusal::bad_request(format!("Can't parse MessageEntity: {what}"));
    let Value::Object(fields) = given else { return Err(fault("expected an Object")) };
    let number = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Err(fault(&format!("Can't find field \"{name}\""))),
        Some(Value::String(text)) => {
            text.parse::<i64>().map_err(|_| fault(&format!("Field \"{name}\" must be of type Number")))
        }
        Some(value) => value.as_i64().ok_or_else(|| fault(&format!("Field \"{name}\" must be of type Number"))),
    };
    let (offset, length) = (number("offset")?, number("length")?);
    let kind = match fields.get("type") {
        Some(Value::String(kind)) if !kind.is_empty() => kind.as_str(),
        Some(Value::String(_)) => return Err(fault("Type is not specified")),
        _ => return Err(fault("Can't find field \"type\"")),
    };
    if FOUND.contains(&kind) {
        return Ok(None);
    }
    let range = |what: &str, value: i64| {
        let fault = Refusal::bad_request(format!("Receive an entity with incorrect {what} {value}"));
        usize::try_from(value).ok().filter(|_| value <= MOST).ok_or(fault)
    };
    let entity = Entity::new(kind, range("offset", offset)?, range("length", length)?);
    let required = |name: &str| fields.get(name).cloned().ok_or_else(|| fault(&format!("Can't find field \"{name}\"")));
    let entity = match kind {
        "pre" => match fields.get("language") {
            Some(Value::String(language)) if !language.is_empty() => entity.with("language", language.as_str()),
            _ => entity,
        },
        "text_link" => entity.with("url", required("url")?),
        "text_mention" => {
            let user = required("user")?;
            let id = user.get("id").and_then(Value::as_i64).ok_or_else(|| fault("Can't find field \"id\""))?;
            entity.with("user", mentioned(id))
        }
        "custom_emoji" => entity.with("custom_emoji_id", required("custom_emoji_id")?),
        "date_time" => entity.with("unix_time", required("unix_time")?),
        bare if BARE.contains(&bare) => entity,
        _ => return Err(fault("Unsupported type specified")),
    };
    // Telegram drops a link that it does not understand, and keeps its text.
    Ok(Some(entity).filter(|entity| entity.details.get("url").is_none_or(is_link)))
}

/// A user who is mentioned by number.
pub(super) fn mentioned(id: i64) -> Value {
    json!({ "id": id, "is_bot": false, "first_name": "" })
}

fn is_link(url: &Value) -> bool {
    url.as_str().and_then(checked_link).is_some()
}

/// A link as Telegram keeps it; none if it is no link of a kind that it opens.
pub(crate) fn checked_link(link: &str) -> Option<String> {
    let link = link.trim();
    let with_scheme = if link.contains("://") { link.to_owned() } else { format!("http://{link}") };
    let url = url::Url::parse(&with_scheme).ok()?;
    let opens = match url.scheme() {
        "http" | "https" => url.host_str().is_some_and(|host| host.contains('.') || host == "localhost"),
        "tg" | "ton" | "tonsite" => true,
        _ => false,
    };
    opens.then(|| url.to_string())
}

/// Whether every entity begins and ends within the text, between two characters.
pub(super) fn check(text: &str, entities: &[Entity]) -> Result<(), Refusal> {
    // The byte offset of each UTF-16 unit where a character begins, and of the text's end.
    let mut begins = Vec::new();
    for (at, character) in text.char_indices() {
        begins.push(Some(at));
        begins.extend((1..character.len_utf16()).map(|_| None));
    }
    begins.push(Some(text.len()));
    let units = begins.len() - 1;
    let byte_after = |offset: usize| begins.iter().skip(offset).find_map(|at| *at).unwrap_or(text.len());
    for entity in entities.iter().filter(|entity| entity.length > 0) {
        let (offset, end) = (entity.offset, entity.end());
        if offset >= units {
            let words = format!("Entity begins after the end of the text at UTF-16 offset {offset}");
            return Err(Refusal::bad_request(words));
        }
        if begins.get(offset).is_none_or(Option::is_none) {
            let byte = byte_after(offset);
            let words = format!("Entity begins in a middle of a UTF-16 symbol at byte offset {byte}");
            return Err(Refusal::bad_request(words));
        }
        let beginning = format!("Entity beginning at UTF-16 offset {offset}");
        if end > units {
            let words = format!("{beginning} ends after the end of the text at UTF-16 offset {end}");
            return Err(Refusal::bad_request(words));
        }
        if begins.get(end).is_none_or(Option::is_none) {
            let byte = byte_after(end);
            return Err(Refusal::bad_request(format!(
                "{beginning} ends in a middle of a UTF-16 symbol at byte offset {byte}"
            )));
        }
    }
    Ok(())
}

/// Cuts white space off both ends, and entities so that nothing lies over code and none crosses another.
pub(super) fn fix(FormattedText { text, mut entities }: FormattedText) -> FormattedText {
    let trimmed = text.trim_end();
    let end = super::utf16_length(trimmed);
    let first = entities.iter().map(|entity| entity.offset).min().unwrap_or(usize::MAX);
    let blank = trimmed.chars().take(first).take_while(|character| matches!(character, ' ' | '\n')).count();
    let text = trimmed.get(blank..).unwrap_or_default().to_owned();
    for entity in &mut entities {
        entity.length = entity.end().min(end).saturating_sub(entity.offset);
        entity.offset = entity.offset.saturating_sub(blank);
    }
    let code: Vec<(usize, usize)> =
        entities.iter().filter(|entity| is_code(entity)).map(|e| (e.offset, e.end())).collect();
    let mut fixed: Vec<Entity> = Vec::new();
    entities.sort_by_key(order);
    for entity in entities {
        let is_whole = is_code(&entity) || entity.kind.ends_with("blockquote");
        let cut = |parts: Vec<Entity>, code: &(usize, usize)| {
            parts.into_iter().flat_map(|part| without(part, *code)).collect()
        };
        let parts = if is_whole { vec![entity] } else { code.iter().fold(vec![entity], cut) };
        for part in parts {
            let crossed: Vec<usize> = fixed.iter().filter(|over| crosses(over, &part)).map(Entity::end).collect();
            match crossed.first() {
                None => fixed.push(part),
                Some(&cut) if DIVISIBLE.contains(&part.kind.as_str()) => {
                    let (mut left, mut right) = (part.clone(), part);
                    left.length = cut - left.offset;
                    right.length = right.end() - cut;
                    right.offset = cut;
                    fixed.extend([left, right]);
                }
                Some(_) => {}
            }
        }
    }
    fixed.retain(|entity| entity.length > 0);
    fixed.sort_by_key(order);
    fixed.dedup();
    FormattedText { text, entities: fixed }
}

fn order(entity: &Entity) -> (usize, std::cmp::Reverse<usize>) {
    (entity.offset, std::cmp::Reverse(entity.length))
}

fn is_code(entity: &Entity) -> bool {
    matches!(entity.kind.as_str(), "code" | "pre")
}

fn crosses(one: &Entity, other: &Entity) -> bool {
    one.offset < other.offset && other.offset < one.end() && one.end() < other.end()
}

/// What is left of an entity outside of a piece of code: it is cut if it may be, else it goes.
fn without(entity: Entity, (from, to): (usize, usize)) -> Vec<Entity> {
    if entity.end() <= from || to <= entity.offset {
        return vec![entity];
    }
    if !DIVISIBLE.contains(&entity.kind.as_str()) {
        return Vec::new();
    }
    let part = |offset: usize, end: usize| Entity { offset, length: end.saturating_sub(offset), ..entity.clone() };
    let parts = [part(entity.offset, from), part(entity.offset.max(to), entity.end())];
    parts.into_iter().filter(|part| part.length > 0).collect()
}
