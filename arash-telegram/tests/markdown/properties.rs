//! What holds for any text.

use arash_telegram::markdown::testing::{check_any_bytes, check_markdown};
use arash_telegram::markdown::{convert, preview, split};
use proptest::prelude::*;

/// Pieces of Markdown that mean something beside each other.
const PIECES: [&str; 62] = [
    "*",
    "**",
    "***",
    "_",
    "__",
    "~",
    "~~",
    "||",
    "`",
    "``",
    "```",
    "```rust\n",
    "~~~",
    "\n",
    "\n\n",
    "  \n",
    "\\",
    "\\\n",
    "# ",
    "## ",
    "> ",
    ">",
    "- ",
    "* ",
    "1. ",
    "3) ",
    "- [ ] ",
    "- [x] ",
    "    ",
    "\t",
    "---\n",
    "===\n",
    "|",
    "|---|:-:|\n",
    "| a | b |\n",
    "[",
    "]",
    "](",
    "](https://a.b)",
    "![",
    ")",
    "(",
    "<",
    ">",
    "<br>",
    "<b>",
    "<https://a.b>",
    "[^1]",
    "[^1]: ",
    "[a]: https://a.b\n",
    "$",
    "$$",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "&amp;",
    "&#8203;",
    "> [!NOTE]\n",
    ":",
    "word",
    "mot juste",
];

/// Markdown of these pieces, words of several scripts, and letters of every kind.
fn markdown() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "a",
        " ",
        "x y",
        "سلام",
        "Rust زبان",
        "שלום",
        "中文",
        "。",
        "😀",
        "👨‍👩‍👧‍👦",
        "é",
        "e\u{301}",
        "\u{200b}",
        "\u{200f}",
        "\u{a0}",
        "5",
        "é́",
    ]);
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        2 => words.prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_markdown_becomes_messages_that_telegram_takes(markdown in markdown()) {
        check_markdown(&markdown);
    }

    #[test]
    fn so_do_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_any_bytes(&bytes);
    }

    #[test]
    fn words_are_all_there_in_their_order(words in prop::collection::vec("[a-zA-Zا-غ一-十]{1,12}", 1..40), seam in "( |\n|\n\n|, |\\. |\n- |\n\n> |\n# |\\*\\*|\\| )") {
        let markdown = words.join(&seam);
        let seen = |text: &str| text.chars().filter(|letter| letter.is_alphabetic()).collect::<String>();
        prop_assert_eq!(seen(&convert(&markdown).text), words.concat());
        prop_assert_eq!(seen(&preview(&format!("{markdown} .")).text), words.concat());
    }

    #[test]
    fn what_is_split_is_split_no_further(markdown in markdown(), limit in 2_usize..50) {
        for part in split(&convert(&markdown), limit) {
            prop_assert_eq!(split(&part, limit), vec![part]);
        }
    }
}
