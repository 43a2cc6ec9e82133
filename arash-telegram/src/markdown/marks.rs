//! Marks that the parser leaves as text although a reader sees formatting in them.

use super::entity::EntityKind;
use super::writer::Writer;

/// Pairs of `||`, which Markdown does not know, and of `**` beside punctuation, where it sees no emphasis:
/// `**نکته:**متن`. Those that find no partner in their paragraph stay as text.
#[derive(Debug, Default)]
pub(super) struct Marks {
    bold: Option<Mark>,
    spoiler: Option<Mark>,
}

/// A mark that may be closed.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Where it is written.
    start: usize,
    /// How much formatting was closed and open there.
    depth: (usize, usize),
}

impl Marks {
    /// Writes text of a paragraph.
    pub(super) fn write(&mut self, out: &mut Writer, text: &str) {
        // Behind a line that has just ended, as by a formula in a paragraph.
        let text = if out.is_at_line_start() { text.trim_start_matches(' ') } else { text };
        let mut written = 0;
        let mut at = 0;
        while let Some(found) = text.get(at..).and_then(|rest| rest.find(['*', '|'])) {
            at += found;
            let mark = text.get(at..at + 2);
            let Some(mark) = mark.filter(|mark| matches!(*mark, "**" | "||")) else {
                at += 1;
                continue;
            };
            out.push(text.get(written..at).unwrap_or_default());
            let after = text.get(at + 2..).and_then(|rest| rest.chars().next());
            self.mark(out, mark, after);
            at += 2;
            written = at;
        }
        out.push(text.get(written..).unwrap_or_default());
    }

    /// Forgets the marks that were opened in formatting which has ended since.
    pub(super) fn leave(&mut self, out: &Writer) {
        let (_, open) = out.depth();
        for mark in [&mut self.bold, &mut self.spoiler] {
            *mark = mark.filter(|mark| mark.depth.1 <= open);
        }
    }

    /// Takes a mark as the end of formatting, or writes it and remembers it as what may be a beginning.
    fn mark(&mut self, out: &mut Writer, mark: &str, after: Option<char>) {
        let is_spoiler = mark == "||";
        let (same, other) =
            if is_spoiler { (&mut self.spoiler, &mut self.bold) } else { (&mut self.bold, &mut self.spoiler) };
        let before = out.last_letter();
        let is_edge = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
        let can_close = before.is_some_and(|letter| !letter.is_whitespace()) && (!is_spoiler || is_edge(after));
        let can_open = after.is_none_or(|letter| !letter.is_whitespace()) && (!is_spoiler || is_edge(before));
        let depth = out.depth();
        let partner = same.filter(|open| can_close && open.depth.1 == depth.1);
        if let Some(open) = partner.filter(|open| !out.since(open.start + 2).trim().is_empty()) {
            let kind = if is_spoiler { EntityKind::Spoiler } else { EntityKind::Bold };
            out.replace_mark(open.start, open.depth.0, kind);
            *same = None;
            // One that was opened in between would cross this one.
            *other = other.filter(|other| other.start < open.start);
            return;
        }
        out.push(mark);
        if can_open {
            *same = Some(Mark { start: out.len() - 2, depth });
        }
    }
}
