//! What Telegram finds in a text by itself: commands, mentions, hashtags, links, mail addresses.

use super::{Entity, FormattedText, utf16_length};

/// Adds what is found where nothing forbids it, as code and links do.
pub(super) fn add_found(text: &mut FormattedText) {
    let taken: Vec<(usize, usize)> = text
        .entities
        .iter()
        .filter(|entity| matches!(entity.kind.as_str(), "code" | "pre" | "text_link" | "text_mention" | "custom_emoji"))
        .map(|entity| (entity.offset, entity.end()))
        .collect();
    let mut offset = 0;
    let mut found = Vec::new();
    for word in text.text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        let inner = bare.trim_start_matches(['(', '"', '\'', '«']);
        if let Some((kind, length)) = kind_of(inner) {
            let begin = offset + utf16_length(bare) - utf16_length(inner);
            found.push(Entity::new(kind, begin, length));
        }
        offset += utf16_length(word);
    }
    found.retain(|entity| taken.iter().all(|&(from, to)| entity.end() <= from || to <= entity.offset));
    text.entities.extend(found);
    text.entities.sort_by_key(|entity| (entity.offset, std::cmp::Reverse(entity.length)));
}

/// What a word is, and how long that part of it is, in UTF-16 units.
fn kind_of(word: &str) -> Option<(&'static str, usize)> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let name_length = |text: &str| text.chars().take_while(|&character| is_name(character)).count();
    if let Some(rest) = word.strip_prefix('/') {
        let name = name_length(rest);
        let bot = rest.get(name..).and_then(|rest| rest.strip_prefix('@')).map_or(0, name_length);
        return (1..=64).contains(&name).then_some(("bot_command", 1 + name + if bot > 0 { bot + 1 } else { 0 }));
    }
    if let Some(rest) = word.strip_prefix('@') {
        let name = name_length(rest);
        return (3..=32).contains(&name).then_some(("mention", 1 + name));
    }
    if let Some(rest) = word.strip_prefix('#') {
        let tag: String =
            rest.chars().take_while(|&character| character.is_alphanumeric() || character == '_').collect();
        return (!tag.is_empty() && !tag.chars().all(char::is_numeric)).then(|| ("hashtag", 1 + utf16_length(&tag)));
    }
    let ends_well = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '\'', '»']);
    if word.starts_with("http://") || word.starts_with("https://") {
        return super::entities::checked_link(ends_well).map(|_| ("url", utf16_length(ends_well)));
    }
    let (name, host) = ends_well.split_once('@')?;
    let is_mail =
        !name.is_empty() && host.contains('.') && !host.starts_with('.') && host.is_ascii() && name.is_ascii();
    is_mail.then(|| ("email", utf16_length(ends_well)))
}
