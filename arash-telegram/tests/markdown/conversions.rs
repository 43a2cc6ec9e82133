//! Single rules of the conversion.

use arash_telegram::markdown::testing::check_markdown;
use arash_telegram::markdown::{Entity, EntityKind, Formatted, convert};
use serde_json::json;

fn kinds(markdown: &str) -> Vec<EntityKind> {
    convert(markdown).entities.into_iter().map(|entity| entity.kind).collect()
}

#[test]
fn texts_become_as_they_are_read() {
    for (markdown, expected) in [
        ("a\nb", "a\nb"),
        ("a  \nb\\\nc", "a\nb\nc"),
        ("---", "———"),
        ("**", "**"),
        ("-", "-"),
        ("&#8203;", "&#8203;"),
        ("[a]: https://b.c", "[a]: https://b.c"),
        ("- [x] a\n- [ ] b\n- c", "☑ a\n☐ b\n• c"),
        ("1. [x] a", "1. ☑ a"),
        ("18446744073709551615. a", "18446744073709551615. a"),
        ("999999999. a\n1. b", "999999999. a\n1000000000. b"),
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("<b>a</b>", "<b>a</b>"),
        ("![](javascript:x)b", "b"),
        ("- a\n\n- b\n\n- c", "• a\n• b\n• c"),
        ("- a\n\n  b\n- c", "• a\n\n  b\n\n• c"),
        ("a\r\nb\u{2028}c\u{7}d", "a\nbc d"),
        ("    a\n      b", "a\n  b"),
        ("| | |\n|-|-|\n|a|b|", "a | b"),
        ("|a|\n|-|", "a\n-"),
        ("||", "||"),
        ("a||b||c", "a||b||c"),
        ("2 ** 3", "2 ** 3"),
        ("||x **(y|| z)**w", "x **(y z)**w"),
    ] {
        assert_eq!(convert(markdown).text, expected, "{markdown:?}");
    }
}

#[test]
fn nothing_is_formatted_in_code() {
    for markdown in ["`**a**`", "```\n**a** [b](https://c.d)\n```", "    *a*", "|`**a**`|\n|-|\n|**b**|"] {
        assert!(matches!(kinds(markdown)[..], [EntityKind::Code | EntityKind::Pre { .. }]), "{markdown:?}");
    }
    assert_eq!(kinds("**a `b` c**"), [EntityKind::Bold, EntityKind::Code, EntityKind::Bold]);
    assert!(matches!(kinds("[a `b`](https://c.d)")[..], [EntityKind::TextLink { .. }]));
}

#[test]
fn code_is_as_it_was_written() {
    for code in ["find . \\( -name a \\)", "$$ x $$", "\\[ y \\]", "> > > a", "<br>", "[^1]"] {
        for markdown in [format!("```\n{code}\n```"), format!("a\n\n    {code}"), format!("`{code}`")] {
            assert!(convert(&markdown).text.contains(code), "{markdown:?}: {:?}", convert(&markdown).text);
        }
    }
}

#[test]
fn what_encloses_the_same_text_stands_in_telegrams_order() {
    let order =
        [EntityKind::Blockquote, EntityKind::Bold, EntityKind::Italic, EntityKind::Strikethrough, EntityKind::Spoiler];
    assert_eq!(kinds("> ~~***||a||***~~"), order);
    // Bold text that ends where other bold text begins, with italics that end there too.
    check_markdown("**_[**> [!NOTE]\n*# ***x y");
    // A quotation that begins with a blank, by a mark that is held back.
    check_markdown("> ` ---\n");
    check_markdown(">\u{b}!");
    assert_eq!(kinds("# a **b**"), [EntityKind::Bold]);
}

#[test]
fn the_json_is_that_of_the_bot_api() {
    let formatted = convert("> ```rust\n> a\n> ```\n\n~~b~~ ||c|| [d](https://e.f)");
    let json = json!({
        "text": "a\n\nb c d",
        "entities": [
            { "type": "blockquote", "offset": 0, "length": 1 },
            { "type": "pre", "language": "rust", "offset": 0, "length": 1 },
            { "type": "strikethrough", "offset": 3, "length": 1 },
            { "type": "spoiler", "offset": 5, "length": 1 },
            { "type": "text_link", "url": "https://e.f", "offset": 7, "length": 1 },
        ],
    });
    assert_eq!(serde_json::to_value(&formatted).unwrap(), json);
    assert_eq!(serde_json::from_value::<Formatted>(json).unwrap(), formatted);
    let pre = Entity { kind: EntityKind::Pre { language: None }, offset: 0, length: 1 };
    assert_eq!(serde_json::to_value(pre).unwrap(), json!({ "type": "pre", "offset": 0, "length": 1 }));
}

#[test]
fn offsets_count_as_telegram_does() {
    let formatted = convert("😀 **é** `x`");
    assert_eq!(formatted.entities[0].offset, 3);
    assert_eq!(formatted.utf16_len(), 6);
}

#[test]
fn long_quotations_are_folded() {
    assert_eq!(kinds("> a"), [EntityKind::Blockquote]);
    assert_eq!(kinds(&"> a\n".repeat(9)), [EntityKind::ExpandableBlockquote]);
    assert_eq!(kinds(&format!("> {}", "word ".repeat(200))), [EntityKind::ExpandableBlockquote]);
}
