//! The parse mode `MarkdownV2`, by the grammar of Telegram's documentation and in the words of its server.

use super::{Entity, FormattedText};

const RESERVED: &str = "_*[]()~`>#+-=|{}.!\n";

/// An entity that has begun.
#[derive(Debug)]
struct Open {
    kind: &'static str,
    language: Option<String>,
    /// Where it begins in the source, in bytes.
    byte: usize,
    /// Where it begins in the result, in UTF-16 units and in bytes.
    offset: usize,
    from: usize,
}

#[derive(Debug, Default)]
struct Parser {
    /// The source; each character with its byte offset.
    source: Vec<(usize, char)>,
    at: usize,
    text: String,
    offset: usize,
    open: Vec<Open>,
    entities: Vec<Entity>,
    in_quote: bool,
    may_quote: bool,
}

/// Parses `source`; what is wrong with it is told as Telegram does.
pub(super) fn parse(source: &str) -> Result<FormattedText, String> {
    let mut parser = Parser { source: source.char_indices().collect(), may_quote: true, ..Parser::default() };
    while let Some(character) = parser.peek(0) {
        parser.step(character)?;
    }
    parser.end()
}

impl Parser {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.source.get(self.at + ahead).map(|(_, character)| *character)
    }

    fn byte(&self) -> usize {
        self.source.get(self.at).or(self.source.last()).map_or(0, |(byte, _)| *byte)
    }

    fn next_are(&self, characters: &str) -> bool {
        characters.chars().enumerate().all(|(ahead, character)| self.peek(ahead) == Some(character))
    }

    fn put(&mut self, character: char) {
        self.text.push(character);
        self.offset += character.len_utf16();
    }

    fn inside(&self) -> &'static str {
        self.open.last().map_or("", |open| open.kind)
    }

    fn step(&mut self, character: char) -> Result<(), String> {
        let in_code = matches!(self.inside(), "Code" | "Pre" | "PreCode");
        if let ('\\', Some(escaped @ '\u{1}'..='\u{7e}')) = (character, self.peek(1)) {
            self.put(escaped);
            self.at += 2;
            self.may_quote = false;
            return Ok(());
        }
        let is_reserved = if in_code { character == '`' } else { RESERVED.contains(character) };
        if !is_reserved {
            self.put(character);
            self.at += 1;
            self.may_quote &= character == '\r';
            return Ok(());
        }
        if self.ends_here(character) { self.close(character) } else { self.begin(character) }
    }

    fn ends_here(&self, character: char) -> bool {
        if self.in_quote && character == '\n' && self.peek(1) != Some('>') {
            return true;
        }
        match self.inside() {
            "Bold" => character == '*',
            "Italic" => character == '_' && self.peek(1) != Some('_'),
            "Code" => character == '`',
            "Pre" | "PreCode" => self.next_are("```"),
            "TextUrl" | "CustomEmoji" => character == ']',
            "Underline" => self.next_are("__"),
            "Strikethrough" => character == '~',
            "Spoiler" => self.next_are("||"),
            _ => false,
        }
    }

    fn begin(&mut self, character: char) -> Result<(), String> {
        let byte = self.byte();
        let (kind, width) = match character {
            '_' if self.peek(1) == Some('_') => ("Underline", 2),
            '_' => ("Italic", 1),
            '*' => ("Bold", 1),
            '~' => ("Strikethrough", 1),
            '|' if self.peek(1) == Some('|') => ("Spoiler", 2),
            '[' => ("TextUrl", 1),
            '`' if self.next_are("```") => {
                self.begin_block(byte);
                return Ok(());
            }
            '`' => ("Code", 1),
            '!' if self.peek(1) == Some('[') => ("CustomEmoji", 2),
            '\n' => {
                self.put('\n');
                self.at += 1;
                self.may_quote = true;
                return Ok(());
            }
            '>' if self.may_quote && self.in_quote => {
                self.at += 1;
                return Ok(());
            }
            '>' if self.may_quote => {
                self.in_quote = true;
                ("BlockQuote", 1)
            }
            other => {
                return Err(format!("Character '{other}' is reserved and must be escaped with the preceding '\\'"));
            }
        };
        self.at += width;
        self.push(kind, None, byte);
        Ok(())
    }

    fn push(&mut self, kind: &'static str, language: Option<String>, byte: usize) {
        self.open.push(Open { kind, language, byte, offset: self.offset, from: self.text.len() });
    }

    fn begin_block(&mut self, byte: usize) {
        self.at += 3;
        let language: String =
            self.source.iter().skip(self.at).map(|(_, c)| *c).take_while(|c| !c.is_whitespace() && *c != '`').collect();
        let length = language.chars().count();
        let language = Some(language).filter(|_| length > 0 && self.peek(length).is_some_and(|next| next != '`'));
        if language.is_some() {
            self.at += length;
        }
        // One line break at the beginning does not belong to the code.
        if let Some(first @ ('\n' | '\r')) = self.peek(0) {
            let is_pair = matches!(self.peek(1), Some(second @ ('\n' | '\r')) if second != first);
            self.at += if is_pair { 2 } else { 1 };
        }
        self.push(if language.is_some() { "PreCode" } else { "Pre" }, language, byte);
    }

    fn close(&mut self, character: char) -> Result<(), String> {
        let Some(mut open) = self.open.pop() else { return Ok(()) };
        if character == '\n' {
            let mut kind = "blockquote";
            if open.kind == "Spoiler"
                && self.source.get(self.at.wrapping_sub(2)).is_some_and(|(byte, _)| *byte == open.byte)
            {
                // "||" at its end makes a quote expandable.
                kind = "expandable_blockquote";
                open = self.open.pop().unwrap_or(open);
            }
            if open.kind != "BlockQuote" {
                return Err(unended(&open));
            }
            self.in_quote = false;
            self.put('\n');
            self.at += 1;
            self.may_quote = true;
            self.entities.push(Entity::new(kind, open.offset, self.offset - open.offset));
            return Ok(());
        }
        self.at += match open.kind {
            "Underline" | "Spoiler" => 2,
            "Pre" | "PreCode" => 3,
            _ => 1,
        };
        let entity = Entity::new(kind_of(open.kind), open.offset, self.offset - open.offset);
        let entity = match open.kind {
            "PreCode" => Some(entity.with("language", open.language.unwrap_or_default())),
            "TextUrl" => self.link(entity, open.from)?,
            "CustomEmoji" => Some(self.custom_emoji(entity)?),
            _ => Some(entity),
        };
        self.entities.extend(entity.filter(|entity| entity.length > 0));
        Ok(())
    }

    /// The address in parentheses that follows, if one does.
    fn address(&mut self) -> Result<Option<String>, String> {
        if self.peek(0) != Some('(') {
            return Ok(None);
        }
        self.at += 1;
        let (begin, mut address) = (self.byte(), String::new());
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(')'), _) => break,
                (Some('\\'), Some(escaped @ '\u{1}'..='\u{7e}')) => {
                    address.push(escaped);
                    self.at += 2;
                }
                (Some(character), _) => {
                    address.push(character);
                    self.at += 1;
                }
                (None, _) => return Err(format!("Can't find end of a URL at byte offset {begin}")),
            }
        }
        self.at += 1;
        Ok(Some(address))
    }

    fn link(&mut self, entity: Entity, from: usize) -> Result<Option<Entity>, String> {
        let address = self.address()?.unwrap_or_else(|| self.text.get(from..).unwrap_or_default().to_owned());
        Ok(linked(entity, &address))
    }

    fn custom_emoji(&mut self, entity: Entity) -> Result<Entity, String> {
        let address = self.address()?.ok_or("The entity must contain a tg://emoji or tg://time URL")?;
        let emoji = address.strip_prefix("tg://emoji?id=").filter(|id| id.parse::<u64>().is_ok_and(|id| id > 0));
        Ok(entity.with("custom_emoji_id", emoji.ok_or("Invalid tg://emoji or tg://time URL specified")?))
    }

    fn end(mut self) -> Result<FormattedText, String> {
        if self.in_quote {
            let mut kind = "blockquote";
            let length = self.source.len();
            let mark = self.source.get(length.wrapping_sub(2)).map(|(byte, _)| *byte);
            if self.inside() == "Spoiler" && self.open.last().map(|open| open.byte) == mark {
                kind = "expandable_blockquote";
                self.open.pop();
            }
            if let Some(open) = self.open.pop_if(|open| open.kind == "BlockQuote") {
                self.entities.push(Entity::new(kind, open.offset, self.offset - open.offset));
            }
        }
        match self.open.last() {
            Some(open) => Err(unended(open)),
            None => Ok(FormattedText { text: self.text, entities: self.entities }),
        }
    }
}

/// The entity of a link; none if Telegram does not understand where it leads.
pub(super) fn linked(entity: Entity, address: &str) -> Option<Entity> {
    if let Some(id) = address.strip_prefix("tg://user?id=").and_then(|id| id.parse::<i64>().ok()) {
        return Some(Entity { kind: "text_mention".to_owned(), ..entity }.with("user", super::entities::mentioned(id)));
    }
    super::entities::checked_link(address).map(|address| entity.with("url", address))
}

fn unended(open: &Open) -> String {
    format!("Can't find end of {} entity at byte offset {}", open.kind, open.byte)
}

fn kind_of(kind: &str) -> &'static str {
    match kind {
        "Bold" => "bold",
        "Italic" => "italic",
        "Underline" => "underline",
        "Strikethrough" => "strikethrough",
        "Spoiler" => "spoiler",
        "Code" => "code",
        "TextUrl" => "text_link",
        "CustomEmoji" => "custom_emoji",
        _ => "pre",
    }
}
