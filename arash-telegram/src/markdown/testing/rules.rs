use crate::markdown::{Entity, EntityKind, Formatted};

/// Checks a message as Telegram does before it sends it, and that nothing in it would be changed on the way.
///
/// Written from the rules of the Bot API ("Formatting options") and the known behaviour of its server, without regard to
/// how this crate makes entities.
///
/// # Errors
/// What is wrong, in words.
pub fn check(message: &Formatted, limit: usize) -> Result<(), String> {
    let length = message.text.encode_utf16().count();
    if length > limit.max(2) {
        return Err(format!("the text is {length} units long; at most {limit} are accepted"));
    }
    if message.entities.len() > 100 {
        return Err(format!("there are {} entities; Telegram drops what is over 100", message.entities.len()));
    }
    check_entities(message)
}

/// The rules for entities alone, for texts of any length with any number of them.
pub(super) fn check_entities(message: &Formatted) -> Result<(), String> {
    let units: Vec<u16> = message.text.encode_utf16().collect();
    check_text(&message.text, &message.entities)?;
    for entity in &message.entities {
        check_extent(entity, &message.entities, &units)?;
        check_value(entity)?;
    }
    check_order(&message.entities)?;
    let mut around: Vec<&Entity> = Vec::new();
    for entity in &message.entities {
        while around.last().is_some_and(|outer| end(outer) <= entity.offset) {
            around.pop();
        }
        for outer in &around {
            check_nesting(outer, entity)?;
        }
        around.push(entity);
    }
    Ok(())
}

fn end(entity: &Entity) -> usize {
    entity.offset + entity.length
}

fn check_text(text: &str, entities: &[Entity]) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("message text is empty".to_owned());
    }
    let begins_with_code = code_begins_at(0, entities);
    if text.trim_end() != text || (!begins_with_code && text.trim_start() != text) || text.starts_with('\n') {
        return Err("the text would be trimmed".to_owned());
    }
    match text
        .chars()
        .find(|&letter| (letter < ' ' && !"\n\t".contains(letter)) || ('\u{2028}'..='\u{202e}').contains(&letter))
    {
        Some(letter) => Err(format!("{letter:?} would be taken away")),
        None => Ok(()),
    }
}

fn code_begins_at(offset: usize, entities: &[Entity]) -> bool {
    entities.iter().any(|entity| entity.offset == offset && matches!(entity.kind, EntityKind::Pre { .. }))
}

fn check_extent(entity: &Entity, entities: &[Entity], units: &[u16]) -> Result<(), String> {
    let Some(part) = units.get(entity.offset..end(entity)).filter(|part| !part.is_empty()) else {
        return Err(format!("{entity:?} is empty or out of range"));
    };
    let is_second_half = |at: usize| units.get(at).is_some_and(|unit| (0xdc00..0xe000).contains(unit));
    if is_second_half(entity.offset) || is_second_half(end(entity)) {
        return Err(format!("{entity:?} begins or ends in the middle of a UTF-16 symbol"));
    }
    let part = String::from_utf16_lossy(part);
    let is_quote = matches!(entity.kind, EntityKind::Blockquote | EntityKind::ExpandableBlockquote);
    let is_code = matches!(entity.kind, EntityKind::Pre { .. });
    let keeps_indent = is_code || (is_quote && code_begins_at(entity.offset, entities));
    if part.trim_end() != part || part.starts_with('\n') || (!keeps_indent && part.trim_start() != part) {
        return Err(format!("{entity:?} begins or ends with a blank: {part:?}"));
    }
    Ok(())
}

fn check_value(entity: &Entity) -> Result<(), String> {
    match &entity.kind {
        EntityKind::TextLink { url } => {
            let is_known = ["http://", "https://", "tg://", "ton://"]
                .iter()
                .any(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
            if !is_known || url.len() > 2048 || url.contains(char::is_whitespace) {
                return Err(format!("{url:?} is no link for Telegram"));
            }
        }
        EntityKind::Pre { language: Some(language) }
            if language.is_empty() || language.contains(char::is_whitespace) =>
        {
            return Err(format!("{language:?} is no language"));
        }
        _ => {}
    }
    Ok(())
}

fn check_order(entities: &[Entity]) -> Result<(), String> {
    for pair in entities.windows(2) {
        if let [first, second] = pair
            && (first.offset, end(second)) > (second.offset, end(first))
        {
            return Err(format!("{first:?} stands before {second:?}"));
        }
    }
    Ok(())
}

fn check_nesting(outer: &Entity, inner: &Entity) -> Result<(), String> {
    if end(inner) > end(outer) {
        return Err(format!("{inner:?} overlaps {outer:?} in part"));
    }
    let group = |entity: &Entity| match entity.kind {
        EntityKind::Blockquote | EntityKind::ExpandableBlockquote => "quotation",
        EntityKind::Pre { .. } | EntityKind::Code => "code",
        EntityKind::TextLink { .. } => "link",
        EntityKind::Bold => "bold",
        EntityKind::Italic => "italic",
        EntityKind::Strikethrough => "strikethrough",
        EntityKind::Spoiler => "spoiler",
    };
    let is_refused = match (group(outer), group(inner)) {
        ("code", _) | ("link", "link" | "quotation" | "code") => true,
        (outer, "code" | "quotation") => outer != "quotation" || group(inner) == "quotation",
        (outer, inner) => outer == inner,
    };
    if is_refused { Err(format!("{inner:?} lies in {outer:?}")) } else { Ok(()) }
}
