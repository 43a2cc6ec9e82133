//! The end of Markdown that is still being written.

use pulldown_cmark::{Event, Parser, Tag};

use super::inline::closed;
use super::render::options;
use super::source::bounded;

/// The same Markdown without what is half open at its end: closed where it can be, else cut off.
pub(super) fn settled(markdown: &str) -> String {
    let markdown = bounded(markdown);
    let markdown = markdown.trim_end_matches('\\');
    match last_block(markdown) {
        Some(Block::Code(start)) => {
            let is_begun = markdown.get(start..).is_some_and(|code| code.contains('\n'));
            // The language is not told before its line is complete.
            let end = if is_begun { without_fence(markdown) } else { start };
            markdown.get(..end).unwrap_or_default().to_owned()
        }
        Some(Block::Verbatim) => markdown.to_owned(),
        last => {
            let kept = markdown.get(..without_undecided(markdown)).unwrap_or_default();
            match last {
                Some(Block::Text(start)) if start < kept.len() && !ends_paragraph(kept) => {
                    let (before, tail) = kept.split_at_checked(start).unwrap_or((kept, ""));
                    format!("{before}{}", closed(tail))
                }
                _ => kept.to_owned(),
            }
        }
    }
}

/// What Markdown ends with.
#[derive(Clone, Copy, Debug)]
enum Block {
    /// A paragraph, a heading, an entry of a list, that begins here.
    Text(usize),
    /// A fenced block of code that begins here.
    Code(usize),
    /// Something in which marks mean nothing.
    Verbatim,
}

/// Finds the block that the Markdown ends with.
fn last_block(markdown: &str) -> Option<Block> {
    let mut last = None;
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        let Event::Start(tag) = event else { continue };
        last = match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::Item | Tag::TableCell => Some(Block::Text(range.start)),
            Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Fenced(_)) if range.end >= markdown.trim_end().len() => {
                Some(Block::Code(range.start))
            }
            Tag::CodeBlock(_) | Tag::HtmlBlock => Some(Block::Verbatim),
            _ => last,
        };
    }
    last
}

/// Where the Markdown ends without a last line that is a fence or the beginning of one.
fn without_fence(markdown: &str) -> usize {
    let line = last_line(markdown);
    let is_fence = !line.trim().is_empty() && line.trim().bytes().all(|byte| matches!(byte, b'`' | b'~' | b'>' | b' '));
    markdown.len() - if is_fence { line.len() } else { 0 }
}

/// Where the Markdown ends without last lines of which nobody knows yet what they become.
fn without_undecided(markdown: &str) -> usize {
    let line = last_line(markdown);
    let mut end = markdown.len();
    if is_marker(line) || is_row(line) {
        end -= line.len();
    }
    // The names of columns are a table only with the line below them.
    let kept = markdown.get(..end).unwrap_or_default();
    let lines = kept.strip_suffix('\n').unwrap_or(kept);
    let names = last_line(lines);
    let above = lines.strip_suffix(names).unwrap_or_default();
    if is_row(names) && !is_row(last_line(above.trim_end_matches('\n'))) {
        end = above.len();
    }
    end
}

fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or_default()
}

/// Whether a line is a row of a table, or will be.
fn is_row(line: &str) -> bool {
    line.trim_start_matches([' ', '>']).starts_with('|') && !line.trim_start().starts_with("||")
}

/// Whether a line holds nothing but marks so far: of a list entry, a heading, a rule, a fence.
fn is_marker(line: &str) -> bool {
    let line = line.trim();
    let line =
        ["[ ]", "[x]", "[X]", "[ ", "[x", "[X", "["].iter().find_map(|tick| line.strip_suffix(tick)).unwrap_or(line);
    let marks = line.trim_start_matches(|letter: char| " \t>#*+-=~`_|:$".contains(letter));
    let digits = marks.trim_end_matches(['.', ')']);
    !line.is_empty() && digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether whatever was open in the last paragraph stays open.
fn ends_paragraph(markdown: &str) -> bool {
    let (_, blanks) = markdown.split_at_checked(markdown.trim_end().len()).unwrap_or_default();
    blanks.matches('\n').count() > 1
}
