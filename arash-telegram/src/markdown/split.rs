//! Long texts as several messages.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

use super::entity::{EntityKind, Formatted};
use super::position::Position;
use super::rich::{Rich, Span};

/// Cuts a text into parts of at most `limit` UTF-16 code units, each of which can be sent as a message.
///
/// It is cut between blocks, else between lines, else between words, and only where there is none of these in the second
/// half of a part, between letters. A block of code or a quotation that is cut ends with its part and begins anew in the
/// next one. Links stay whole if they fit into a part. No part is empty, none begins or ends with blanks but for the
/// indentation of code, and nothing is lost but the blanks between them. Of each part at most
/// [`MAX_ENTITIES`](super::MAX_ENTITIES) are kept: code first, then links, bold text and italics last.
///
/// A `limit` below 2 is taken for 2, the length of the longest letter.
///
/// ```
/// use arash_telegram::markdown::{convert, split};
/// let parts = split(&convert("one **two three**"), 8);
/// assert_eq!(parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>(), ["one two", "three"]);
/// assert_eq!((parts[0].entities[0].offset, parts[0].entities[0].length), (4, 3));
/// assert_eq!((parts[1].entities[0].offset, parts[1].entities[0].length), (0, 5));
/// ```
pub fn split(formatted: &Formatted, limit: usize) -> Vec<Formatted> {
    let Rich { text, spans } = Rich::from(formatted).lawful();
    let cutter = Cutter::new(&text, &spans, limit.max(2));
    let mut parts = Vec::new();
    let mut coming = spans.iter().peekable();
    let mut around: Vec<&Span> = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let end = cutter.end_of_part(start);
        while let Some(span) = coming.next_if(|span| span.range.start < end) {
            around.push(span);
        }
        let clipped = around.iter().map(|span| Span {
            kind: span.kind.clone(),
            range: span.range.start.max(start) - start..span.range.end.min(end).max(start) - start,
        });
        let part =
            Rich { text: text.get(start..end).unwrap_or_default().to_owned(), spans: clipped.collect() }.lawful();
        if !part.is_blank() {
            parts.push(part.limited().formatted());
        }
        around.retain(|span| span.range.end > end);
        start = cutter.start_of_part(end);
    }
    parts
}

/// Where a text may be cut, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seam {
    /// Between words.
    Word,
    /// Between lines of code.
    CodeLine,
    /// Between lines.
    Line,
    /// Between paragraphs, lists, tables and the like.
    Block,
}

const SEAMS: [Seam; 4] = [Seam::Block, Seam::Line, Seam::CodeLine, Seam::Word];

/// Finds where to cut.
struct Cutter<'a> {
    text: &'a str,
    limit: usize,
    /// Blocks of code, sorted.
    code: Vec<Range<usize>>,
    /// Quotations, sorted.
    quotes: Vec<Range<usize>>,
    /// Links that fit into a part, sorted.
    links: Vec<Range<usize>>,
}

impl<'a> Cutter<'a> {
    fn new(text: &'a str, spans: &[Span], limit: usize) -> Self {
        let ranges = |is_meant: fn(&EntityKind) -> bool| {
            spans.iter().filter(|span| is_meant(&span.kind)).map(|span| span.range.clone()).collect::<Vec<_>>()
        };
        let mut links = ranges(|kind| matches!(kind, EntityKind::TextLink { .. }));
        let utf16_len = |range: &Range<usize>| text.get(range.clone()).map_or(0, |link| link.encode_utf16().count());
        links.retain(|link| utf16_len(link) <= limit);
        let code = ranges(|kind| matches!(kind, EntityKind::Pre { .. }));
        Self { text, limit, code, quotes: ranges(EntityKind::is_quote), links }
    }

    /// Where the part ends that begins at `start`.
    fn end_of_part(&self, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        // The last seam of each kind, as bytes and UTF-16 code units from the start.
        let mut seams: [Option<Position>; 4] = [None; 4];
        let mut here = Position::default();
        let mut before = None;
        let mut letters = rest.chars().peekable();
        while let Some(letter) = letters.next() {
            if let Some(seam) = self.seam(start + here.byte, before, letter, letters.peek().copied())
                && let Some(place) =
                    SEAMS.iter().position(|&known| known == seam).and_then(|index| seams.get_mut(index))
            {
                *place = Some(here);
            }
            let next = here.after(letter);
            if next.utf16 > self.limit {
                let enough = |seam: &&Position| seam.utf16 >= self.limit / 2;
                let best =
                    seams.iter().flatten().find(enough).or_else(|| seams.iter().flatten().max_by_key(|seam| seam.byte));
                return match best {
                    Some(seam) => start + seam.byte,
                    None => self.end_between_letters(start, here.byte),
                };
            }
            here = next;
            before = Some(letter);
        }
        self.text.len()
    }

    /// What kind of seam is before a letter.
    fn seam(&self, at: usize, before: Option<char>, letter: char, after: Option<char>) -> Option<Seam> {
        let before = before?;
        let is_end_of_sentence = matches!(before, '。' | '！' | '？' | '；' | '，' | '、');
        // What has no width belongs to the letter before it, a blank included.
        let belongs_to_it = |letter: char| letter != '\n' && letter.width() == Some(0);
        if belongs_to_it(letter) || (letter != '\n' && after.is_some_and(belongs_to_it)) {
            return None;
        }
        // Cut before the first of several blanks.
        if before.is_whitespace() || !(letter.is_whitespace() || is_end_of_sentence) || lies_in(&self.links, at) {
            return None;
        }
        Some(match letter {
            '\n' if lies_in(&self.code, at) => Seam::CodeLine,
            '\n' if after == Some('\n') && !lies_in(&self.quotes, at) => Seam::Block,
            '\n' => Seam::Line,
            _ => Seam::Word,
        })
    }

    /// Where a part ends that has no seam: before a link that would be cut, else between two letters as they are read,
    /// else between characters.
    fn end_between_letters(&self, start: usize, most: usize) -> usize {
        if let Some(link) = around(&self.links, start + most).filter(|link| link.start > start) {
            return link.start;
        }
        // A few characters more than fit tell whether the last letter ends there.
        let window = self.text.get(start..).unwrap_or_default();
        let beyond = window.char_indices().map(|(index, _)| index).find(|&index| index > most + 64);
        let window = beyond.and_then(|end| window.get(..end)).unwrap_or(window);
        let ends = window.grapheme_indices(true).map(|(index, _)| index);
        let end = ends.take_while(|&index| index <= most).last().filter(|&end| end > 0).unwrap_or(most);
        start + end
    }

    /// Where the next part begins after one that ends at `end`: behind the blanks, but for the indentation of code.
    fn start_of_part(&self, end: usize) -> usize {
        let rest = self.text.get(end..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start().len();
        let start = end + blanks;
        let is_code = lies_in(&self.code, start) || self.code.binary_search_by_key(&start, |code| code.start).is_ok();
        let line = rest.get(..blanks).and_then(|blanks| blanks.rfind('\n')).filter(|_| is_code);
        line.map_or(start, |line| end + line + 1)
    }
}

/// The one of sorted ranges that a place lies within, not at its ends.
fn around(ranges: &[Range<usize>], at: usize) -> Option<&Range<usize>> {
    ranges.get(ranges.partition_point(|range| range.end <= at)).filter(|range| range.start < at)
}

fn lies_in(ranges: &[Range<usize>], at: usize) -> bool {
    around(ranges, at).is_some()
}
