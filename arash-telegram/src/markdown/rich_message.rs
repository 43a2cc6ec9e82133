//! Markdown that Telegram reads by itself, in a rich message.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use serde::Serialize;

use super::direction::is_right_to_left;
use super::letters::is_visible;
use super::math::in_dollars;
use super::render::options;
use super::source::bounded;

/// Longest text of a rich message, in characters.
const MAX_CHARS: usize = 32_768;
/// Most blocks, those within others counted too.
const MAX_BLOCKS: usize = 500;
/// How deep blocks and formatting may lie in each other.
const MAX_DEPTH: usize = 16;
const MAX_COLUMNS: usize = 20;
/// Most pieces that are formatted, and emoji: from a few thousand on Telegram leaves out the rest and does not say so.
const MAX_PIECES: usize = 1_000;
/// The tags that may stand in it. Others make buttons and maps, or fetch something.
const TAGS: [&str; 4] = ["br", "sub", "sup", "u"];

/// A rich message as the Bot API takes it (`InputRichMessage`, Bot API 10.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RichMessage {
    pub(crate) markdown: String,
    /// Whether it is laid out from right to left.
    pub(crate) is_rtl: bool,
}

/// Makes a rich message of Markdown; nothing where it has nothing to be seen, has more than a rich message may have, or
/// has pictures or HTML in it, by which a model could make Telegram fetch addresses or show buttons.
///
/// It is the Markdown as it was written, but for what Telegram reads differently: the end of a line stays one, formulas
/// stand between dollar signs, tabs are blanks.
pub(crate) fn rich_message(markdown: &str) -> Option<RichMessage> {
    if is_too_long(markdown) {
        return None;
    }
    // In code Telegram makes one blank of a tab.
    let original = markdown.replace('\t', "    ");
    if matches!(bounded(&original), Cow::Owned(_)) {
        return None;
    }
    let source = in_dollars(&original);
    let mut reading = Reading { original: &original, source: &source, ..Reading::default() };
    for (event, range) in Parser::new_ext(&source, options()).into_offset_iter() {
        reading.event(event, range)?;
    }
    reading.finish()
}

fn is_too_long(markdown: &str) -> bool {
    markdown.chars().nth(MAX_CHARS).is_some()
}

#[derive(Default)]
struct Reading<'a> {
    /// The Markdown as it was written.
    original: &'a str,
    /// The same as it is parsed, with other marks around formulas.
    source: &'a str,
    written: String,
    /// How much of the source is in `written`.
    copied: usize,
    blocks: usize,
    depth: usize,
    pieces: usize,
    is_code: bool,
    is_visible: bool,
    /// Letters outside code, of scripts that are written from left to right and from right to left.
    left: usize,
    right: usize,
}

impl Reading<'_> {
    /// Reads on; nothing where this cannot stand in a rich message.
    fn event(&mut self, event: Event<'_>, range: Range<usize>) -> Option<()> {
        match event {
            Event::Start(tag) => self.start(&tag)?,
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                self.is_code &= !matches!(tag, TagEnd::CodeBlock);
            }
            Event::Text(text) => self.text(&text),
            Event::Code(text) | Event::InlineMath(text) => self.piece(&text),
            Event::DisplayMath(math) => {
                self.piece(&math);
                if self.original.get(range.clone()).is_some_and(|original| original.starts_with("\\(")) {
                    self.replace(range, &format!("${}$", math.trim().replace('\n', " ")));
                }
            }
            Event::Html(html) | Event::InlineHtml(html) if !is_plain_tag(&html) => return None,
            // Two blanks before the end of a line keep it.
            Event::SoftBreak => self.replace(range.start..range.start, "  "),
            Event::FootnoteReference(_) => self.pieces += 1,
            Event::Rule => self.blocks += 1,
            Event::HardBreak | Event::TaskListMarker(_) | Event::Html(_) | Event::InlineHtml(_) => {}
        }
        let is_within = self.blocks <= MAX_BLOCKS && self.depth <= MAX_DEPTH && self.pieces <= MAX_PIECES;
        is_within.then_some(())
    }

    fn start(&mut self, tag: &Tag<'_>) -> Option<()> {
        self.depth += 1;
        match tag {
            Tag::Image { .. } => return None,
            Tag::Table(columns) if columns.len() > MAX_COLUMNS => return None,
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } => self.pieces += 1,
            Tag::TableCell | Tag::HtmlBlock => {}
            other => {
                self.is_code = matches!(other, Tag::CodeBlock(_));
                self.blocks += 1;
            }
        }
        Some(())
    }

    fn piece(&mut self, text: &str) {
        self.pieces += 1;
        self.is_visible |= text.chars().any(is_visible);
    }

    fn text(&mut self, text: &str) {
        for letter in text.chars() {
            self.is_visible |= is_visible(letter);
            self.pieces += usize::from(letter.len_utf8() == 4);
            if is_right_to_left(letter) {
                self.right += usize::from(!self.is_code);
            } else if letter.is_alphabetic() {
                self.left += usize::from(!self.is_code);
            }
        }
    }

    /// Writes `text` in the place of a part of the source.
    fn replace(&mut self, range: Range<usize>, text: &str) {
        if let Some(before) = self.source.get(self.copied..range.start) {
            self.written.push_str(before);
            self.written.push_str(text);
            self.copied = range.end;
        }
    }

    fn finish(mut self) -> Option<RichMessage> {
        self.written.push_str(self.source.get(self.copied..).unwrap_or_default());
        let rich = RichMessage { markdown: self.written, is_rtl: self.right > self.left };
        (self.is_visible && !is_too_long(&rich.markdown)).then_some(rich)
    }
}

/// Whether this is one of the tags that mean nothing but what they say.
fn is_plain_tag(html: &str) -> bool {
    let name = html.trim().strip_prefix('<').and_then(|tag| tag.strip_suffix('>')).unwrap_or_default();
    let name = name.strip_prefix('/').unwrap_or(name);
    let name = name.strip_suffix('/').unwrap_or(name).trim_end();
    TAGS.iter().any(|tag| name.eq_ignore_ascii_case(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(markdown: &str) -> Option<String> {
        rich_message(markdown).map(|rich| rich.markdown)
    }

    #[test]
    fn it_is_the_markdown_as_it_was_written() {
        let answer = "# Title\n\n**bold** and `code`\n\n| a | b |\n|---|---|\n| 1<br>2 | x<sup>2</sup> |\n\n\
                      - [ ] one\n  1. two\n\n> quoted\n\n```html\n<img src=\"x\">\nline\n```\n\n$x$ and $$y$$ [a](https://b.c)";
        assert_eq!(written(answer).as_deref(), Some(answer));
    }

    #[test]
    fn what_telegram_reads_differently_is_written_for_it() {
        for (markdown, expected) in [
            ("one\ntwo\n\nthree", "one  \ntwo\n\nthree"),
            ("> one\n> two", "> one  \n> two"),
            ("- one\n  two\n- three", "- one  \n  two\n- three"),
            ("one  \ntwo\\\nthree", "one  \ntwo\\\nthree"),
            ("so \\( x^2 \\) is\n\n\\[ y^2 \\]", "so $x^2$ is\n\n$$ y^2 $$"),
            ("```go\n\tx\n```", "```go\n    x\n```"),
        ] {
            assert_eq!(written(markdown).as_deref(), Some(expected), "{markdown}");
        }
    }

    #[test]
    fn what_could_fetch_or_press_something_is_none() {
        for markdown in [
            "See ![](https://a.b/c.png)",
            "![x][1]\n\n[1]: https://a.b/c.png",
            "<img src=\"https://a.b/c.png\">",
            "Press <tg-button type=\"callback_data\" data=\"stop\">here</tg-button>",
            "<details><summary>More</summary>\n\nthis\n\n</details>",
            "a Vec<T> is",
            "<u onclick=\"x\">a</u>",
            "<!-- a -->",
        ] {
            assert_eq!(written(markdown), None, "{markdown}");
        }
        assert!(written("`<tg-button>` and `![](https://a.b)`").is_some());
    }

    #[test]
    fn what_has_nothing_to_be_seen_is_none() {
        for markdown in ["", " \n", "#", "```\n```", "[docs]: https://example.com", "&nbsp;", "---"] {
            assert_eq!(written(markdown), None, "{markdown}");
        }
    }

    #[test]
    fn it_keeps_within_the_limits() {
        let table = |columns: usize| format!("{0}\n{1}\n{0}", "|a".repeat(columns), "|-".repeat(columns));
        let nested = |depth: usize| format!("{}a", "> ".repeat(depth));
        for (name, most, more) in [
            ("characters", "ü".repeat(32_768), "ü".repeat(32_769)),
            ("characters with line ends", "a\n".repeat(8_192), "a\n".repeat(8_193)),
            ("blocks", "a\n\n".repeat(500), "a\n\n".repeat(501)),
            ("columns", table(20), table(21)),
            ("depth", nested(15), nested(16)),
            ("markers", nested(15), nested(200)),
            ("pieces", "**a** ".repeat(1_000), "**a** ".repeat(1_001)),
            ("emoji", "😀".repeat(1_000), "😀".repeat(1_001)),
        ] {
            assert!(written(&most).is_some(), "{name}");
            assert_eq!(written(&more), None, "{name}");
        }
    }

    #[test]
    fn it_runs_as_most_of_its_letters_do() {
        let is_rtl = |markdown: &str| rich_message(markdown).unwrap().is_rtl;
        assert!(is_rtl("# سلام\n\nRust یک زبان است:\n\n```rust\nfn main() { println!(\"a long line of code\"); }\n```"));
        assert!(!is_rtl("The word سلام is Persian"));
        assert!(!is_rtl("1 + 1"));
    }
}
