//! A text and its formatting in bytes, and how both are made lawful.

use std::ops::Range;

use super::direction::{RIGHT_TO_LEFT, needs_mark};
use super::entity::{Entity, EntityKind, Formatted};
use super::letters::is_visible;
use super::position::{Position, positions};

/// A part of a text that is formatted in one way, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) kind: EntityKind,
    pub(super) range: Range<usize>,
}

/// A text and its formatting, in bytes. What is formatted twice, or within code, is put right by [`Rich::lawful`].
#[derive(Clone, Debug, Default)]
pub(super) struct Rich {
    pub(super) text: String,
    pub(super) spans: Vec<Span>,
}

impl Rich {
    /// Whether there is anything to be seen.
    pub(super) fn is_blank(&self) -> bool {
        !self.text.chars().any(is_visible)
    }

    /// Marks the lines that would be laid out in the wrong direction.
    pub(super) fn directed(mut self) -> Self {
        let marks = self.misleading_lines();
        if marks.is_empty() {
            return self;
        }
        let width = RIGHT_TO_LEFT.len_utf8();
        for Span { kind, range } in &mut self.spans {
            // The mark stands before what begins with its line, but within a quotation.
            let before = marks.partition_point(|&mark| mark < range.start || (mark == range.start && !kind.is_quote()));
            range.start += before * width;
            range.end += marks.partition_point(|&mark| mark < range.end) * width;
        }
        let mut text = String::with_capacity(self.text.len() + marks.len() * width);
        let mut written = 0;
        for mark in marks {
            text.push_str(self.text.get(written..mark).unwrap_or_default());
            text.push(RIGHT_TO_LEFT);
            written = mark;
        }
        text.push_str(self.text.get(written..).unwrap_or_default());
        Self { text, spans: self.spans }
    }

    /// Where the lines begin whose direction has to be told. Code keeps its own.
    fn misleading_lines(&self) -> Vec<usize> {
        let mut code = self.spans.iter().filter(|span| matches!(span.kind, EntityKind::Pre { .. })).peekable();
        let mut marks = Vec::new();
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            while code.next_if(|span| span.range.end <= start).is_some() {}
            let is_code = code.peek().is_some_and(|span| span.range.start <= start);
            if !is_code && needs_mark(line) {
                marks.push(start);
            }
            start += line.len();
        }
        marks
    }

    /// The same with spans as Telegram takes them: none empty, none that begins or ends with a blank, none within one
    /// of its own kind, none in code or around it but quotations; sorted, the outer before the inner.
    pub(super) fn lawful(self) -> Self {
        let Self { text, spans } = self;
        let mut splittable: [(EntityKind, Vec<Range<usize>>); 4] = [
            (EntityKind::Bold, Vec::new()),
            (EntityKind::Italic, Vec::new()),
            (EntityKind::Strikethrough, Vec::new()),
            (EntityKind::Spoiler, Vec::new()),
        ];
        let mut lawful = Vec::with_capacity(spans.len());
        for span in spans {
            match splittable.iter_mut().find(|(kind, _)| *kind == span.kind) {
                Some((_, ranges)) => ranges.push(span.range),
                None => lawful.push(span),
            }
        }
        let mut code: Vec<_> =
            lawful.iter().filter(|span| span.kind.is_code()).map(|span| span.range.clone()).collect();
        code.sort_by_key(|range| range.start);
        let is_block = |span: &&Span| matches!(span.kind, EntityKind::Pre { .. });
        let mut blocks: Vec<_> = lawful.iter().filter(is_block).map(|span| span.range.start).collect();
        blocks.sort_unstable();
        for (kind, ranges) in splittable {
            let pieces = without(&united(ranges), &code);
            lawful.extend(pieces.into_iter().map(|range| Span { kind: kind.clone(), range }));
        }
        for span in &mut lawful {
            span.range = trimmed(&text, span, &blocks);
        }
        lawful.retain(|span| text.get(span.range.clone()).is_some_and(|part| part.chars().any(is_visible)));
        lawful.sort_by(|a, b| {
            (a.range.start, b.range.end, a.kind.order()).cmp(&(b.range.start, a.range.end, b.kind.order()))
        });
        Self { text, spans: lawful }.without_margins()
    }

    /// The same without blanks at either end, which Telegram would take away. Code keeps its indentation.
    fn without_margins(mut self) -> Self {
        self.text.truncate(self.text.trim_end().len());
        let first = self.spans.first().map_or(usize::MAX, |span| span.range.start);
        let margin = (self.text.len() - self.text.trim_start().len()).min(first);
        if margin > 0 {
            self.text.drain(..margin);
            for span in &mut self.spans {
                span.range = span.range.start - margin..span.range.end - margin;
            }
        }
        self
    }

    /// The same in UTF-16 code units.
    pub(super) fn formatted(self) -> Formatted {
        let ends = self.spans.iter().flat_map(|span| [span.range.start, span.range.end]);
        let places = positions(&self.text, ends, |position| position.byte);
        let entities = self.spans.into_iter().map(|span| {
            let [offset, end] = [span.range.start, span.range.end]
                .map(|byte| Position::find(&places, byte, |position| position.byte).utf16);
            Entity { kind: span.kind, offset, length: end - offset }
        });
        Formatted { entities: entities.collect(), text: self.text }
    }
}

impl From<&Formatted> for Rich {
    /// What does not lie within the text ends with it.
    fn from(formatted: &Formatted) -> Self {
        let end = |entity: &Entity| entity.offset.saturating_add(entity.length);
        let ends = formatted.entities.iter().flat_map(|entity| [entity.offset, end(entity)]);
        let places = positions(&formatted.text, ends, |position| position.utf16);
        let byte = |utf16| Position::find(&places, utf16, |position| position.utf16).byte;
        let spans = formatted.entities.iter();
        let spans =
            spans.map(|entity| Span { kind: entity.kind.clone(), range: byte(entity.offset)..byte(end(entity)) });
        Self { spans: spans.collect(), text: formatted.text.clone() }
    }
}

/// Ranges that lie within each other made one. Those that only touch stay apart: between them other formatting may end.
fn united(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut united: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match united.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => united.push(range),
        }
    }
    united
}

/// What is left of `ranges` without `holes`; both are sorted, and neither overlap among themselves.
fn without(ranges: &[Range<usize>], holes: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut left = Vec::with_capacity(ranges.len());
    for range in ranges {
        let mut start = range.start;
        let first = holes.partition_point(|hole| hole.end <= range.start);
        for hole in holes.iter().skip(first).take_while(|hole| hole.start < range.end) {
            left.push(start..hole.start.max(start));
            start = hole.end;
        }
        left.push(start..range.end.max(start));
    }
    left
}

/// The range of a span without the blanks at its ends. A block of code keeps the indentation of its first line, also
/// where a quotation begins with it; `blocks` tells where such blocks begin.
fn trimmed(text: &str, span: &Span, blocks: &[usize]) -> Range<usize> {
    let Range { start, end } = span.range;
    let Some(part) = text.get(start..end) else { return 0..0 };
    let kept = match span.kind {
        EntityKind::Pre { .. } => part.trim_start_matches('\n'),
        _ => part.trim_start(),
    };
    let mut begin = end - kept.len();
    if span.kind.is_quote()
        && let Some(&block) = blocks.get(blocks.partition_point(|&block| block < start))
    {
        begin = begin.min(block);
    }
    begin..(start + part.trim_end().len()).max(begin)
}
