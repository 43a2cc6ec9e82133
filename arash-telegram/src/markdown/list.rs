//! Lists: their marks, their numbers, how far they are indented.

use super::writer::{Gap, Writer};

/// How many blanks a list is indented by in another one.
const INDENT: usize = 4;
/// Lists that lie deeper are indented no further.
const MAX_INDENTED: usize = 6;
/// The marks of entries without numbers, by depth.
const BULLETS: [&str; 3] = ["• ", "◦ ", "▪ "];

/// The lists around.
#[derive(Debug, Default)]
pub(super) struct Lists {
    lists: Vec<List>,
    /// How many of them lie around the quotation around.
    outside_quote: usize,
}

#[derive(Debug)]
struct List {
    /// The number of the next entry, where they have numbers.
    next: Option<u64>,
    /// Whether the last entry has more than one paragraph. Empty lines around its entries depend on nothing else: in
    /// Markdown one empty line stretches the whole list, which would jump while it is being written.
    is_stretched: bool,
    /// How much was waiting to be written before the mark of the entry around.
    waiting: usize,
}

impl Lists {
    /// Whether a list lies around, within the quotation around if there is one.
    pub(super) fn is_in_item(&self) -> bool {
        self.lists.len() > self.outside_quote
    }

    /// Begins a list; its entries are numbered from `first` on, if they are.
    pub(super) fn start(&mut self, first: Option<u64>) {
        self.lists.push(List { next: first, is_stretched: false, waiting: 0 });
    }

    /// Ends a list.
    pub(super) fn end(&mut self, out: &mut Writer) {
        self.lists.pop();
        self.indent(out);
    }

    /// Begins an entry.
    pub(super) fn start_item(&mut self, out: &mut Writer) {
        self.indent(out);
        let depth = self.lists.len().saturating_sub(self.outside_quote + 1);
        let Some(list) = self.lists.last_mut() else { return };
        out.gap(if std::mem::take(&mut list.is_stretched) { Gap::Blank } else { Gap::Line });
        list.waiting = out.marker().len();
        if list.waiting == 0 {
            out.marker().push_str(&" ".repeat(INDENT * depth.min(MAX_INDENTED)));
        }
        match &mut list.next {
            Some(number) => {
                out.marker().push_str(&number.to_string());
                out.marker().push_str(". ");
                *number = number.saturating_add(1);
            }
            None => out.marker().push_str(BULLETS.get(depth % BULLETS.len()).copied().unwrap_or_default()),
        }
    }

    /// Takes notice of a further paragraph in the entry around.
    pub(super) fn stretch(&mut self) {
        if let Some(list) = self.lists.last_mut() {
            list.is_stretched = true;
        }
    }

    /// Ends an entry. Of one that is empty nothing is written.
    pub(super) fn end_item(&mut self, out: &mut Writer) {
        let waiting = self.lists.last().map_or(0, |list| list.waiting);
        let marker = out.marker();
        if marker.is_char_boundary(waiting) {
            marker.truncate(waiting);
        }
        self.indent(out);
    }

    /// Makes the mark of an entry a box, ticked or not.
    pub(super) fn tick(&mut self, out: &mut Writer, is_done: bool) {
        let marker = out.marker();
        if let Some(rest) = BULLETS.iter().find_map(|bullet| marker.strip_suffix(bullet)) {
            marker.truncate(rest.len());
        }
        let tick = if is_done { "☑ " } else { "☐ " };
        if marker.is_empty() && self.lists.is_empty() { out.push(tick) } else { marker.push_str(tick) }
    }

    /// Begins a quotation, in which lists are indented anew.
    pub(super) fn start_quote(&mut self, out: &mut Writer) {
        self.outside_quote = self.lists.len();
        self.indent(out);
    }

    /// Ends a quotation.
    pub(super) fn end_quote(&mut self, out: &mut Writer) {
        self.outside_quote = 0;
        self.indent(out);
    }

    /// Indents lines as far as the entry around.
    fn indent(&self, out: &mut Writer) {
        let depth = self.lists.len().saturating_sub(self.outside_quote);
        out.indent(if depth == 0 { 0 } else { INDENT * (depth - 1).min(MAX_INDENTED) + 2 });
    }
}
