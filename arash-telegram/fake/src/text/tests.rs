//! What holds of every text.

use proptest::prelude::*;
use serde_json::json;

use super::{FormattedText, utf16_length};

/// Whether every entity lies within the text, between two characters, and none crosses another.
fn is_sound(text: &FormattedText) -> bool {
    let borders: Vec<usize> = text
        .text
        .chars()
        .scan(0, |at, character| {
            *at += character.len_utf16();
            Some(*at)
        })
        .chain([0])
        .collect();
    let lies = text
        .entities
        .iter()
        .all(|entity| entity.length > 0 && borders.contains(&entity.offset) && borders.contains(&entity.end()));
    lies && text.entities.iter().all(|entity| entity.end() <= utf16_length(&text.text))
}

proptest! {
    #[test]
    fn any_markup_is_parsed_soundly_or_refused(
        text in r#"([ -~é😀\n]|</?(b|i|a|pre|code|span)>|<a href="x\.org">|\*|_|__|`{1,3}|>|\|\||\[x\]\(y\.org\)){0,30}"#,
        mode in prop::sample::select(vec!["HTML", "MarkdownV2"]),
    ) {
        if let Ok(parsed) = FormattedText::parse(text, mode, None) {
            prop_assert!(is_sound(&parsed), "{parsed:?}");
        }
    }

    #[test]
    fn any_entities_are_put_in_order_or_refused(
        text in "[a-c😀 \n@/]{1,20}",
        given in prop::collection::vec((prop::sample::select(vec!["bold", "code", "pre", "spoiler", "blockquote"]), 0..22_usize, 0..22_usize), 0..6),
    ) {
        let entity = |(kind, offset, length)| json!({ "type": kind, "offset": offset, "length": length });
        let given = given.into_iter().map(entity).collect();
        if let Ok(fixed) = FormattedText::parse(text, "", Some(&given)) {
            prop_assert!(is_sound(&fixed), "{fixed:?}");
        }
    }
}
