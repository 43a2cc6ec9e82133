use std::ops::Range;

use teloxide::types::{MessageEntity, MessageEntityKind};

use super::BotInfo;

/// Most entities that are looked at; Telegram gives no more to a message.
const MAX_ENTITIES: usize = 100;

/// A text without the mentions of the bot.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unaddressed {
    /// What is left, all of it but white space next to what was taken out.
    pub(super) text: String,
    /// Whether the bot was mentioned.
    pub(super) is_mentioned: bool,
}

/// Takes the mentions of the bot out of a text.
pub(super) fn without_mentions(text: &str, entities: &[MessageEntity], bot: &BotInfo) -> Unaddressed {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mentions = mentions(&units, entities, bot);
    if mentions.is_empty() {
        return Unaddressed { text: text.to_owned(), is_mentioned: false };
    }
    let mut rest: Vec<u16> = Vec::with_capacity(units.len());
    let mut from = 0;
    for Range { start, end } in mentions {
        rest.extend(units.get(from..start).unwrap_or_default());
        let after_space = rest.last().copied().is_none_or(is_space);
        let before_space = units.get(end).copied().is_some_and(|unit| unit == u16::from(b' '));
        // Of the spaces on both sides one is enough.
        from = if after_space && before_space { end + 1 } else { end };
    }
    rest.extend(units.get(from..).unwrap_or_default());
    Unaddressed { text: String::from_utf16_lossy(&rest).trim().to_owned(), is_mentioned: true }
}

/// Where the bot is mentioned, in order; none overlaps another.
fn mentions(units: &[u16], entities: &[MessageEntity], bot: &BotInfo) -> Vec<Range<usize>> {
    let of_bot = entities.iter().take(MAX_ENTITIES).filter_map(|entity| mention(units, entity, bot));
    let mut ranges: Vec<Range<usize>> = of_bot.collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut end = 0;
    ranges.retain(|range| {
        let is_next = range.start >= end;
        if is_next {
            end = range.end;
        }
        is_next
    });
    ranges
}

/// Where an entity mentions the bot. Its offsets may be anything, so it counts only if it covers whole characters.
fn mention(units: &[u16], entity: &MessageEntity, bot: &BotInfo) -> Option<Range<usize>> {
    let range = entity.offset..entity.offset.checked_add(entity.length)?;
    let covered = String::from_utf16(units.get(range.clone())?).ok()?;
    let is_of_bot = match &entity.kind {
        MessageEntityKind::Mention => {
            covered.strip_prefix('@').is_some_and(|name| name.eq_ignore_ascii_case(&bot.username))
        }
        MessageEntityKind::TextMention { user } => user.id.0 == bot.id && !covered.is_empty(),
        _ => false,
    };
    is_of_bot.then_some(range)
}

fn is_space(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(char::is_whitespace)
}
