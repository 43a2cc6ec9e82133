//! What the parser reads, written for Telegram.

use std::ops::Range;

use pulldown_cmark::{BlockQuoteKind, CodeBlockKind, Event, Options, Parser, Tag, TagEnd, TextMergeWithOffset};

use super::entity::EntityKind;
use super::links::Links;
use super::list::Lists;
use super::marks::Marks;
use super::math;
use super::rich::Rich;
use super::table::Table;
use super::writer::{Gap, Writer};

/// A quotation of more lines than these is folded, and one of more letters.
const MAX_OPEN_QUOTE: (usize, usize) = (8, 600);

/// What of Markdown is understood beyond `CommonMark`.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_OLD_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
}

/// Writes Markdown as text with formatting.
pub(super) fn render(markdown: &str) -> Rich {
    let source = math::in_dollars(markdown);
    let mut render = Render { original: markdown, source: &source, ..Render::default() };
    for (event, range) in TextMergeWithOffset::new(Parser::new_ext(&source, options()).into_offset_iter()) {
        render.event(event, range);
    }
    render.out.finish()
}

#[derive(Default)]
struct Render<'a> {
    /// The Markdown as it was written.
    original: &'a str,
    /// The same as it is parsed, with other marks around formulas.
    source: &'a str,
    out: Writer,
    marks: Marks,
    lists: Lists,
    /// How many quotations lie around.
    quotes: usize,
    links: Links,
    /// The table around, and what was written before the cell around.
    table: Table,
    around_cell: Writer,
    /// The block of code around: its language, and its text so far.
    code: Option<(Option<String>, String)>,
}

impl Render<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, &range),
            Event::End(tag) => self.end(tag, &range),
            Event::Text(text) => self.text(&text, range),
            Event::Code(code) => self.code(&code),
            Event::InlineMath(math) => self.inline_math(&math, range),
            Event::DisplayMath(math) => self.display_math(&math),
            Event::Html(html) | Event::InlineHtml(html) => self.html(&html),
            Event::FootnoteReference(label) => self.out.push(&footnote(&label)),
            Event::SoftBreak | Event::HardBreak => self.out.gap(Gap::Line),
            Event::Rule => {
                self.begin_block();
                self.out.push("———");
                self.end_block();
            }
            Event::TaskListMarker(is_done) => self.lists.tick(&mut self.out, is_done),
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: &Range<usize>) {
        match tag {
            Tag::Paragraph => self.begin_paragraph(),
            Tag::HtmlBlock => self.begin_block(),
            Tag::Heading { .. } => {
                self.begin_block();
                self.out.open(EntityKind::Bold);
            }
            Tag::BlockQuote(kind) => self.start_quote(kind),
            Tag::CodeBlock(kind) => self.code = Some((language(&kind), String::new())),
            Tag::List(first) => {
                self.out.gap(self.block_gap());
                self.lists.start(first);
            }
            Tag::Item => self.lists.start_item(&mut self.out),
            Tag::FootnoteDefinition(label) => {
                self.out.gap(Gap::Blank);
                self.out.marker().push_str(&footnote(&label));
                self.out.marker().push(' ');
            }
            Tag::Table(alignments) => self.table = Table::new(alignments),
            Tag::TableHead | Tag::TableRow => self.table.row(),
            Tag::TableCell => self.around_cell = std::mem::take(&mut self.out),
            Tag::Emphasis => self.out.open(EntityKind::Italic),
            Tag::Strong => self.out.open(EntityKind::Bold),
            Tag::Strikethrough if self.is_struck(range) => self.out.open(EntityKind::Strikethrough),
            Tag::Strikethrough => self.out.push("~"),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.links.start(&mut self.out, &dest_url),
            // These are not asked for.
            Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.end_block(),
            TagEnd::Heading(_) => {
                self.out.close();
                self.end_block();
            }
            TagEnd::BlockQuote(_) => self.end_quote(),
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.lists.end(&mut self.out);
                self.end_block();
            }
            TagEnd::Item => {
                self.lists.end_item(&mut self.out);
                self.end_block();
            }
            TagEnd::FootnoteDefinition => {
                self.out.marker().clear();
                self.end_block();
            }
            TagEnd::TableCell => {
                let cell = std::mem::replace(&mut self.out, std::mem::take(&mut self.around_cell));
                self.table.cell(cell.finish().lawful());
                self.marks = Marks::default();
            }
            TagEnd::Table => {
                self.begin_block();
                std::mem::take(&mut self.table).write(&mut self.out);
                self.end_block();
            }
            TagEnd::Strikethrough if !self.is_struck(range) => self.out.push("~"),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.out.close();
                self.marks.leave(&self.out);
            }
            TagEnd::Link | TagEnd::Image => {
                self.links.end(&mut self.out);
                self.marks.leave(&self.out);
            }
            TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    /// What stands between blocks.
    fn block_gap(&self) -> Gap {
        if self.lists.is_in_item() { Gap::Line } else { Gap::Blank }
    }

    /// A block begins on a line of its own, beside the mark of its list entry if it is the first there.
    fn begin_block(&mut self) {
        if self.out.marker().is_empty() {
            self.out.gap(self.block_gap());
        }
    }

    fn begin_paragraph(&mut self) {
        if self.out.marker().is_empty() {
            self.out.gap(Gap::Blank);
            self.lists.stretch();
        }
    }

    fn end_block(&mut self) {
        self.out.gap(self.block_gap());
        self.marks = Marks::default();
    }

    fn text(&mut self, text: &str, range: Range<usize>) {
        let written = |source: &str| source.get(range.clone()).is_some_and(|source| source == text);
        if let Some((_, code)) = &mut self.code {
            // What looks like a formula in code is none.
            let original = self.original.get(range.clone()).filter(|_| written(self.source));
            code.push_str(original.unwrap_or(text));
        } else if written(self.source) && !text.contains('\n') {
            self.marks.write(&mut self.out, text);
        } else {
            // Something in it was escaped.
            self.out.push_lines(text);
        }
    }

    fn code(&mut self, code: &str) {
        // Telegram knows no code in links.
        if self.links.is_empty() { self.out.push_code(code) } else { self.out.push(code) }
    }

    fn inline_math(&mut self, math: &str, range: Range<usize>) {
        // `$5-$10` is no formula.
        let follows = self.source.get(range.end..).and_then(|rest| rest.chars().next());
        if follows.is_some_and(char::is_alphanumeric) {
            self.out.push_lines(self.source.get(range).unwrap_or(math));
        } else {
            self.display_math(math);
        }
    }

    fn display_math(&mut self, math: &str) {
        let math = math.trim();
        if math.contains('\n') && self.links.is_empty() {
            self.out.push_block(Some("latex".to_owned()), math);
        } else {
            self.code(&math.replace('\n', " "));
        }
    }

    fn html(&mut self, html: &str) {
        let tag = html.trim().trim_start_matches('<').trim_end_matches('>').trim_end_matches('/').trim_end();
        if tag.eq_ignore_ascii_case("br") {
            self.out.gap(Gap::Line);
        } else {
            self.out.push_lines(html);
        }
    }

    /// Whether what is struck through stands between double tildes. Between single ones stand numbers: `3~5 ... 8~10`.
    fn is_struck(&self, range: &Range<usize>) -> bool {
        self.source.get(range.clone()).is_some_and(|source| source.starts_with("~~"))
    }

    fn start_quote(&mut self, kind: Option<BlockQuoteKind>) {
        if self.quotes == 0 {
            self.out.break_off_marker();
            self.begin_block();
            self.lists.start_quote(&mut self.out);
            self.out.open(EntityKind::Blockquote);
        } else {
            self.begin_block();
        }
        self.quotes += 1;
        if let Some(kind) = kind {
            self.out.push_as(EntityKind::Bold, title(kind));
            self.out.gap(Gap::Line);
        }
    }

    fn end_quote(&mut self) {
        self.quotes -= 1;
        if self.quotes == 0 {
            let start = self.out.close();
            self.lists.end_quote(&mut self.out);
            if let Some(start) = start {
                let quoted = self.out.since(start);
                let (lines, letters) = MAX_OPEN_QUOTE;
                let is_long = quoted.lines().count() > lines || quoted.chars().count() > letters;
                if let Some(span) = self.out.last_span().filter(|_| is_long) {
                    span.kind = EntityKind::ExpandableBlockquote;
                }
            }
        }
        self.end_block();
    }

    fn end_code(&mut self) {
        let Some((language, code)) = self.code.take() else { return };
        self.begin_block();
        self.out.push_block(language, &code);
        self.end_block();
    }
}

/// A footnote's mark. Numbers are shorter; what is no number may be no footnote at all: `[^a-z]`.
fn footnote(label: &str) -> String {
    if label.bytes().all(|byte| byte.is_ascii_digit()) { format!("[{label}]") } else { format!("[^{label}]") }
}

/// The language of a block of code: the first word behind its fence, if it looks like one.
fn language(kind: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(info) = kind else { return None };
    let word = info.split([' ', '\t', ',', '{', ':']).next().unwrap_or_default();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-#._".contains(&byte);
    (!word.is_empty() && word.len() <= 32 && word.bytes().all(is_letter)).then(|| word.to_owned())
}

/// The title of a quotation that is an alert.
fn title(kind: BlockQuoteKind) -> &'static str {
    match kind {
        BlockQuoteKind::Note => "Note",
        BlockQuoteKind::Tip => "Tip",
        BlockQuoteKind::Important => "Important",
        BlockQuoteKind::Warning => "Warning",
        BlockQuoteKind::Caution => "Caution",
    }
}
