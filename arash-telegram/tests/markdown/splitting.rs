//! Long texts as several messages.

use arash_telegram::markdown::testing::check_split;
use arash_telegram::markdown::{Entity, EntityKind, Formatted, MAX_ENTITIES, MAX_MESSAGE_LEN, convert, split};

fn texts(parts: &[Formatted]) -> Vec<&str> {
    parts.iter().map(|part| part.text.as_str()).collect()
}

#[test]
fn a_text_is_cut_where_it_reads_best() {
    for (markdown, limit, expected) in [
        ("one two\n\nthree four", 12, vec!["one two", "three four"]),
        ("one\ntwo three four", 10, vec!["one\ntwo", "three four"]),
        ("one two three", 9, vec!["one two", "three"]),
        ("onetwothree", 4, vec!["onet", "woth", "ree"]),
        ("中文。中文中文", 4, vec!["中文。", "中文中文"]),
        ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 12, vec!["👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"]),
        ("aae\u{301}", 3, vec!["aa", "e\u{301}"]),
        ("😀😀", 3, vec!["😀", "😀"]),
        ("a", 0, vec!["a"]),
        ("", 10, vec![]),
    ] {
        let formatted = convert(markdown);
        assert_eq!(texts(&split(&formatted, limit)), expected, "{markdown:?} by {limit}");
        check_split(&formatted, limit);
    }
}

#[test]
fn a_block_of_code_is_closed_and_opened_again() {
    let parts = split(&convert("```rust\nfn a() {\n    b();\n}\n```"), 16);
    assert_eq!(texts(&parts), ["fn a() {", "    b();\n}"]);
    for part in parts {
        let kind = EntityKind::Pre { language: Some("rust".to_owned()) };
        assert_eq!(part.entities, [Entity { kind, offset: 0, length: part.text.len() }]);
    }
}

#[test]
fn code_of_any_length_keeps_every_line() {
    let lines = (0..2000).map(|line| format!("{}line {line}", "  ".repeat(line % 7)));
    let code = lines.collect::<Vec<_>>().join("\n");
    let parts = split(&convert(&format!("```py\n{code}\n```")), MAX_MESSAGE_LEN);
    assert!(parts.len() > 5);
    let lines: Vec<_> = parts.iter().flat_map(|part| part.text.lines()).collect();
    assert_eq!(lines, code.lines().collect::<Vec<_>>());
}

#[test]
fn links_stay_whole_where_they_fit() {
    let link = "[a link of several words](https://example.org)";
    let parts = split(&convert(&format!("some words {link} and more {link}")), 30);
    assert_eq!(texts(&parts), ["some words", "a link of several words and", "more a link of several words"]);
    let parts = split(&convert(link), 10);
    assert!(parts.iter().all(|part| matches!(part.entities[0].kind, EntityKind::TextLink { .. })));
    assert_eq!(texts(&parts), ["a link of", "several", "words"]);
    assert_eq!(texts(&split(&convert("xx[a b c d](https://a.b)"), 8)), ["xx", "a b c d"]);
}

#[test]
fn of_too_many_entities_the_least_important_go() {
    let markdown = "*i* **b** `c` [l](https://a.b)\n".repeat(40);
    let parts = split(&convert(&markdown), MAX_MESSAGE_LEN);
    let [part] = &parts[..] else { panic!("{parts:?}") };
    assert_eq!(part.entities.len(), MAX_ENTITIES);
    let count =
        |is_meant: fn(&EntityKind) -> bool| part.entities.iter().filter(|entity| is_meant(&entity.kind)).count();
    assert_eq!(count(|kind| matches!(kind, EntityKind::TextLink { .. })), 40);
    assert_eq!(count(|kind| *kind == EntityKind::Code), 40);
    assert_eq!(count(|kind| *kind == EntityKind::Bold), 20);
    assert_eq!(count(|kind| *kind == EntityKind::Italic), 0);
}

#[test]
fn entities_that_somebody_else_made_are_put_right() {
    let entity = |offset, length| Entity { kind: EntityKind::Bold, offset, length };
    let given = Formatted {
        text: "a 😀 b ".to_owned(),
        entities: vec![entity(6, 1), entity(3, usize::MAX), entity(1, 1), entity(99, 1)],
    };
    let parts = split(&given, 10);
    assert_eq!(parts, [Formatted { text: "a 😀 b".to_owned(), entities: vec![entity(5, 1)] }]);
}
