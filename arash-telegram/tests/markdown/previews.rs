//! Answers that are still being written.

use arash_telegram::markdown::{convert, preview};

use crate::answers::{answers, beginnings};

#[test]
fn what_is_half_open_is_closed_or_held_back() {
    for (markdown, expected) in [
        ("", ""),
        (" \n", ""),
        ("**", "…"),
        ("- ", "…"),
        ("```", "…"),
        ("```py", "…"),
        ("| a |", "…"),
        ("**bo", "bo"),
        ("a **b", "a b"),
        ("a **b*", "a b"),
        ("a **b** *", "a b"),
        ("a ~~b~", "a b"),
        ("a ||b|", "a b"),
        ("a `b", "a b"),
        ("a ``b`", "a b"),
        ("a [b", "a b"),
        ("a [b]", "a b"),
        ("a [b](", "a b"),
        ("a [b](https://c", "a b"),
        ("a ![b](https://c", "a b"),
        ("a <https://c", "a"),
        ("a \\(b", "a b"),
        ("a \\(b\\", "a b"),
        ("a $$b$", "a b"),
        ("a\n-", "a"),
        ("a\n\n1.", "a"),
        ("a\n- [ ]", "a"),
        ("a\n#", "a"),
        ("a\n```", "a"),
        ("```\na\n`", "a"),
        ("```\na\n``", "a"),
        ("```\na\n```", "a"),
        ("> **a", "a"),
        ("- a\n  - *b", "• a\n    ◦ b"),
        ("2 * 3", "2 * 3"),
        ("snake_case", "snake_case"),
        ("a < b", "a < b"),
        ("[1] a", "[1] a"),
        ("**a\n\nb", "**a\n\nb"),
    ] {
        assert_eq!(preview(markdown).text, expected, "{markdown:?}");
    }
}

#[test]
fn formatting_is_there_before_it_is_closed() {
    for (half, whole) in [
        ("a **b", "a **b**"),
        ("a **b *c", "a **b *c***"),
        ("a `b", "a `b`"),
        ("```rust\nlet a", "```rust\nlet a\n```"),
        ("# a *b", "# a *b*"),
        ("> a ~~b", "> a ~~b~~"),
        ("||a", "||a||"),
    ] {
        assert_eq!(preview(half), convert(whole), "{half:?}");
    }
}

/// What came before the last paragraph, the last list or table stays as it is, and no mark shows that vanishes again.
#[test]
fn a_text_that_grows_does_not_flicker() {
    // In these, marks stand for themselves, or the address of a link comes last.
    let exceptions = ["odd_emphasis", "escapes", "only_marks", "links"];
    for (name, markdown) in answers().into_iter().filter(|(name, _)| !exceptions.contains(&name.as_str())) {
        let whole = convert(&markdown).text;
        for beginning in beginnings(&markdown) {
            let text = preview(beginning).text;
            for mark in ["**", "~~", "```", "](", "|--", "||", "\\(", "- ["] {
                assert!(
                    whole.contains(mark) || !text.contains(mark),
                    "{name}: {mark} shows after {beginning:?}: {text:?}"
                );
            }
            let settled = text.rfind("\n\n").map_or("", |end| &text[..end]);
            let is_table = markdown.contains("|-");
            assert!(is_table || whole.starts_with(settled), "{name}: {settled:?} changes after {beginning:?}");
        }
    }
}
