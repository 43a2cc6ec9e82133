//! Tables: aligned in a fixed width where they are narrow, entry by entry where they are not.

use pulldown_cmark::Alignment;
use unicode_width::UnicodeWidthStr;

use super::direction::is_right_to_left;
use super::entity::EntityKind;
use super::rich::Rich;
use super::writer::{Gap, Writer};

/// As many columns of letters as a telephone shows in one line.
const MAX_WIDTH: usize = 36;
/// What stands between two columns.
const BETWEEN: &str = " | ";

/// A table as it is read.
#[derive(Debug, Default)]
pub(super) struct Table {
    alignments: Vec<Alignment>,
    /// The rows, the first of which names the columns.
    rows: Vec<Vec<Rich>>,
}

impl Table {
    pub(super) fn new(alignments: Vec<Alignment>) -> Self {
        Self { alignments, rows: Vec::new() }
    }

    /// Begins a row.
    pub(super) fn row(&mut self) {
        self.rows.push(Vec::with_capacity(self.alignments.len()));
    }

    /// Adds a cell to the last row.
    pub(super) fn cell(&mut self, cell: Rich) {
        if let Some(row) = self.rows.last_mut() {
            row.push(cell);
        }
    }

    /// Writes the table. Of one without any text nothing is written.
    pub(super) fn write(self, out: &mut Writer) {
        if self.rows.iter().all(|row| is_blank(row)) {
            return;
        }
        let widths = self.widths();
        let width = widths.iter().sum::<usize>() + BETWEEN.len() * widths.len().saturating_sub(1);
        if width <= MAX_WIDTH && !self.rows.iter().flatten().any(needs_lines) {
            out.push_block(None, &self.aligned(&widths));
        } else {
            self.write_entries(out);
        }
    }

    /// The width of each column.
    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.alignments.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.text.width().max(*width);
            }
        }
        widths
    }

    /// The table in letters of one width.
    fn aligned(&self, widths: &[usize]) -> String {
        let mut lines = Vec::with_capacity(self.rows.len() + 1);
        for row in self.rows.iter().filter(|row| !is_blank(row)) {
            let cells = row.iter().zip(widths).zip(&self.alignments);
            let cells: Vec<_> =
                cells.map(|((cell, width), alignment)| padded(&cell.text, *width, *alignment)).collect();
            lines.push(cells.join(BETWEEN).trim_end().to_owned());
        }
        if self.rows.first().is_some_and(|names| !is_blank(names)) {
            let rule: Vec<_> = widths.iter().map(|&width| "-".repeat(width)).collect();
            lines.insert(1, rule.join("-+-"));
        }
        lines.join("\n")
    }

    /// The table entry by entry: each a paragraph with a line for every column that it has something in, the first in
    /// bold.
    fn write_entries(self, out: &mut Writer) {
        let repeats_names = self.may_repeat_names();
        let mut rows = self.rows.into_iter();
        let mut names: Vec<String> = rows.next().unwrap_or_default().into_iter().map(|name| name.text).collect();
        if rows.len() == 0 || !repeats_names {
            names.retain(|name| !name.is_empty());
            out.push(&names.join(BETWEEN));
            names.clear();
        }
        // What no entry has anything in is named with the first one.
        let mut unused = names.clone();
        for (name, column) in unused.iter_mut().zip(0..) {
            if rows.as_slice().iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_blank())) {
                name.clear();
            }
        }
        for row in rows {
            out.gap(Gap::Blank);
            let mut is_first = true;
            for (column, cell) in row.into_iter().enumerate() {
                let is_unused = unused.get_mut(column).map(std::mem::take).is_some_and(|name| !name.is_empty());
                if cell.is_blank() && !is_unused {
                    continue;
                }
                out.gap(Gap::Line);
                if is_first {
                    out.open(EntityKind::Bold);
                }
                write_entry(out, names.get(column).map_or("", String::as_str), cell);
                if is_first {
                    out.close();
                }
                is_first = false;
            }
        }
    }

    /// Whether the text stays about as long as the table if every entry names its columns.
    fn may_repeat_names(&self) -> bool {
        let length = |row: &[Rich]| row.iter().map(|cell| cell.text.len()).sum::<usize>();
        let names = self.rows.first().map_or(0, |names| length(names));
        let all: usize = self.rows.iter().map(|row| length(row)).sum();
        names.saturating_mul(self.rows.len()) <= 4 * all + 4096
    }
}

/// Writes what an entry has in one column.
fn write_entry(out: &mut Writer, name: &str, cell: Rich) {
    out.push(name);
    if !name.is_empty() {
        out.push(if name.ends_with([':', '：', '?', '؟']) { " " } else { ": " });
    }
    if cell.is_blank() { out.push("–") } else { out.push_rich(cell) }
}

fn is_blank(row: &[Rich]) -> bool {
    row.iter().all(Rich::is_blank)
}

/// Whether a cell would lose something in a fixed width: a link, a line; its columns, where it is written from right to
/// left, because few fixed-width fonts have such letters and neighbouring cells would change places.
fn needs_lines(cell: &Rich) -> bool {
    let is_link = |kind: &EntityKind| matches!(kind, EntityKind::TextLink { .. });
    cell.spans.iter().any(|span| is_link(&span.kind))
        || cell.text.contains('\n')
        || cell.text.chars().any(is_right_to_left)
}

/// A cell filled up to the width of its column.
fn padded(text: &str, width: usize, alignment: Alignment) -> String {
    let free = width.saturating_sub(text.width());
    let before = match alignment {
        Alignment::None | Alignment::Left => 0,
        Alignment::Center => free / 2,
        Alignment::Right => free,
    };
    format!("{}{text}{}", " ".repeat(before), " ".repeat(free - before))
}
