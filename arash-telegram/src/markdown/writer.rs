//! Writes text line by line, with formatting that is opened and closed.

use super::entity::EntityKind;
use super::letters::as_sent;
use super::rich::{Rich, Span};

/// What stands between two things that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// Nothing.
    #[default]
    None,
    /// The end of a line.
    Line,
    /// An empty line.
    Blank,
}

/// Writes text line by line. Gaps, indentation and the marks of list entries are written with the first visible thing
/// that follows them, so that none of them is left over.
#[derive(Debug, Default)]
pub(super) struct Writer {
    rich: Rich,
    gap: Gap,
    /// What a new line begins with.
    indent: String,
    /// What the next line begins with: its indentation and marks of list entries.
    marker: String,
    open: Vec<Open>,
    /// How many of `open` have begun: those that come first.
    begun: usize,
}

/// Formatting that has not ended.
#[derive(Debug)]
struct Open {
    kind: EntityKind,
    start: usize,
}

impl Writer {
    /// How much is written, in bytes.
    pub(super) fn len(&self) -> usize {
        self.rich.text.len()
    }

    /// What is written from the byte `start` on.
    pub(super) fn since(&self, start: usize) -> &str {
        self.rich.text.get(start..).unwrap_or_default()
    }

    /// Whether what follows begins a line.
    pub(super) fn is_at_line_start(&self) -> bool {
        self.gap > Gap::None || !self.marker.is_empty() || self.rich.text.is_empty()
    }

    /// What the line ends with that is being written.
    pub(super) fn last_letter(&self) -> Option<char> {
        self.rich.text.chars().next_back().filter(|_| !self.is_at_line_start())
    }

    /// Leaves a gap before the next thing, at least this one.
    pub(super) fn gap(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    /// Lines that begin from now on are indented by `columns` blanks, unless a marker does so.
    pub(super) fn indent(&mut self, columns: usize) {
        self.indent = " ".repeat(columns);
    }

    /// What the next line begins with in place of its indentation: marks of list entries that nothing has followed yet.
    pub(super) fn marker(&mut self) -> &mut String {
        &mut self.marker
    }

    /// Formats what follows, until it is closed.
    pub(super) fn open(&mut self, kind: EntityKind) {
        self.open.push(Open { kind, start: 0 });
    }

    /// Ends the formatting that was opened last. Tells where it began, if anything was written since.
    pub(super) fn close(&mut self) -> Option<usize> {
        let Open { kind, start } = self.open.pop()?;
        if self.open.len() >= self.begun {
            return None;
        }
        self.begun = self.open.len();
        self.rich.spans.push(Span { kind, range: start..self.len() });
        Some(start)
    }

    /// Ends the formatting that was opened last and forgets it. Tells where it began, if anything was written since.
    pub(super) fn close_unformatted(&mut self) -> Option<usize> {
        let start = self.close()?;
        self.rich.spans.pop();
        Some(start)
    }

    /// Changes the kind of what was closed last.
    pub(super) fn last_span(&mut self) -> Option<&mut Span> {
        self.rich.spans.last_mut()
    }

    /// Writes text within a line.
    pub(super) fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.begin_line();
        self.begin_open(|_| true);
        self.rich.text.extend(text.chars().filter_map(as_sent));
    }

    /// Writes text of several lines.
    pub(super) fn push_lines(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            let words = line.trim_end();
            self.push(words);
            if words.len() < line.len() {
                if line.ends_with('\n') {
                    self.gap(if words.is_empty() { Gap::Blank } else { Gap::Line });
                } else {
                    self.push(line.get(words.len()..).unwrap_or_default());
                }
            }
        }
    }

    /// Writes code within a line.
    pub(super) fn push_code(&mut self, code: &str) {
        self.push_as(EntityKind::Code, code);
    }

    /// Writes text within a line that is formatted in one way.
    pub(super) fn push_as(&mut self, kind: EntityKind, text: &str) {
        self.open(kind);
        self.push(text);
        self.close();
    }

    /// Writes lines of code, which keep their indentation and begin at the margin.
    pub(super) fn push_block(&mut self, language: Option<String>, code: &str) {
        let code = code.trim_end();
        let blank_lines = code.len() - code.trim_start().len();
        let blank_lines = code.get(..blank_lines).and_then(|blank| blank.rfind('\n')).map_or(0, |end| end + 1);
        let Some(code) = code.get(blank_lines..).filter(|code| !code.is_empty()) else { return };
        self.break_off_marker();
        self.gap(Gap::Line);
        self.begin_gap();
        self.begin_open(|_| true);
        let start = self.len();
        self.rich.text.extend(code.chars().filter_map(as_sent));
        self.rich.spans.push(Span { kind: EntityKind::Pre { language }, range: start..self.len() });
        self.gap(Gap::Line);
    }

    /// Gives the mark of a list entry a line of its own, where what follows cannot stand beside it.
    pub(super) fn break_off_marker(&mut self) {
        if !self.marker.is_empty() {
            self.marker.truncate(self.marker.trim_end().len());
            self.begin_line();
            self.gap(Gap::Line);
        }
    }

    /// Writes what was written elsewhere, in a line of its own or more.
    pub(super) fn push_rich(&mut self, part: Rich) {
        if part.text.is_empty() {
            return;
        }
        self.begin_line();
        self.begin_open(|_| true);
        let start = self.len();
        self.rich.text.push_str(&part.text);
        let moved = |span: Span| Span { range: span.range.start + start..span.range.end + start, ..span };
        self.rich.spans.extend(part.spans.into_iter().map(moved));
    }

    /// Takes two bytes away that were written at `start`, after all formatting that is open had begun, and formats what
    /// follows them. `spans` were there before.
    pub(super) fn replace_mark(&mut self, start: usize, spans: usize, kind: EntityKind) {
        self.rich.text.drain(start..start + 2);
        for span in self.rich.spans.iter_mut().skip(spans) {
            span.range = span.range.start - 2..span.range.end - 2;
        }
        self.rich.spans.push(Span { kind, range: start..self.len() });
    }

    /// How much formatting is closed, and how much is open.
    pub(super) fn depth(&self) -> (usize, usize) {
        (self.rich.spans.len(), self.open.len())
    }

    /// All that was written.
    pub(super) fn finish(mut self) -> Rich {
        while !self.open.is_empty() {
            self.close();
        }
        self.rich
    }

    fn begin_line(&mut self) {
        let is_new_line = self.begin_gap();
        if !self.marker.is_empty() {
            let marker = std::mem::take(&mut self.marker);
            self.rich.text.push_str(&marker);
        } else if is_new_line && !self.rich.text.is_empty() {
            self.rich.text.push_str(&self.indent);
        }
    }

    /// Writes the gap and tells whether a line begins with what follows.
    fn begin_gap(&mut self) -> bool {
        let gap = std::mem::take(&mut self.gap);
        if !self.rich.text.is_empty() {
            self.rich.text.push_str(match gap {
                Gap::None => "",
                Gap::Line => "\n",
                Gap::Blank => "\n\n",
            });
        }
        self.begin_open(EntityKind::is_quote);
        gap > Gap::None
    }

    /// Lets the formatting begin here that was opened since anything was written.
    fn begin_open(&mut self, is_meant: impl Fn(&EntityKind) -> bool) {
        let start = self.len();
        while let Some(open) = self.open.get_mut(self.begun)
            && is_meant(&open.kind)
        {
            open.start = start;
            self.begun += 1;
        }
    }
}
