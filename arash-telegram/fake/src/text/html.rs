//! The parse mode `HTML`, by the grammar of Telegram's documentation and in the words of its server.

use super::markdown::linked;
use super::{Entity, FormattedText};

const TAGS: &[&str] = &[
    "a",
    "b",
    "strong",
    "i",
    "em",
    "s",
    "strike",
    "del",
    "u",
    "ins",
    "tg-spoiler",
    "tg-emoji",
    "span",
    "pre",
    "code",
    "blockquote",
];

/// A tag that has begun.
#[derive(Debug)]
struct Open {
    tag: String,
    /// What its attribute says that matters: an address, a language, an emoji, "expandable".
    argument: String,
    offset: usize,
    from: usize,
}

#[derive(Debug, Default)]
struct Parser {
    source: Vec<(usize, char)>,
    at: usize,
    text: String,
    offset: usize,
    open: Vec<Open>,
    entities: Vec<Entity>,
}

/// Parses `source`; what is wrong with it is told as Telegram does.
pub(super) fn parse(source: &str) -> Result<FormattedText, String> {
    let mut parser = Parser { source: source.char_indices().collect(), ..Parser::default() };
    while let Some(character) = parser.peek() {
        match character {
            '<' if parser.ahead(1) == Some('/') => parser.end_tag()?,
            '<' => parser.start_tag()?,
            '&' => {
                let character = parser.reference().unwrap_or('&');
                parser.put(character);
            }
            other => {
                parser.at += 1;
                parser.put(other);
            }
        }
    }
    if let Some(open) = parser.open.last() {
        return Err(format!("Can't find end tag corresponding to start tag \"{}\"", open.tag));
    }
    for entity in parser.entities.iter_mut().filter(|entity| entity.kind == "code") {
        entity.details.clear();
    }
    Ok(FormattedText { text: parser.text, entities: parser.entities })
}

impl Parser {
    fn ahead(&self, ahead: usize) -> Option<char> {
        self.source.get(self.at + ahead).map(|(_, character)| *character)
    }

    fn peek(&self) -> Option<char> {
        self.ahead(0)
    }

    fn byte(&self) -> usize {
        self.source.get(self.at).map_or(0, |(byte, _)| *byte)
    }

    fn put(&mut self, character: char) {
        self.text.push(character);
        self.offset += character.len_utf16();
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let taken: String = self.source.iter().skip(self.at).map(|(_, c)| *c).take_while(|c| wanted(*c)).collect();
        self.at += taken.chars().count();
        taken
    }

    /// Reads what an ampersand begins and passes it; a bare ampersand is passed and is none.
    fn reference(&mut self) -> Option<char> {
        let begin = self.at;
        self.at += 1;
        let is_number = self.peek() == Some('#');
        self.at += usize::from(is_number);
        let name = self.take_while(|c| c.is_ascii_alphanumeric());
        let character = if is_number {
            let hex = name.strip_prefix('x').or(name.strip_prefix('X'));
            let code = hex.map_or_else(|| name.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
            code.filter(|code| *code != 0).and_then(char::from_u32)
        } else {
            match name.as_str() {
                "lt" => Some('<'),
                "gt" => Some('>'),
                "amp" => Some('&'),
                "quot" => Some('"'),
                _ => None,
            }
        };
        if character.is_none() {
            self.at = begin + 1;
        } else if self.peek() == Some(';') {
            self.at += 1;
        }
        character
    }

    fn start_tag(&mut self) -> Result<(), String> {
        let begin = self.byte();
        self.at += 1;
        let tag = self.take_while(|c| !c.is_whitespace() && c != '>').to_ascii_lowercase();
        if self.peek().is_none() {
            return Err(format!("Unclosed start tag at byte offset {begin}"));
        }
        if !TAGS.contains(&tag.as_str()) {
            return Err(format!("Unsupported start tag \"{tag}\" at byte offset {begin}"));
        }
        let mut argument = String::new();
        loop {
            self.take_while(char::is_whitespace);
            if self.peek() == Some('>') {
                break;
            }
            let (name, value) = self.attribute(&tag, begin)?;
            match (tag.as_str(), name.as_str()) {
                ("a", "href") | ("tg-emoji", "emoji-id") => argument = value,
                ("code", "class") => value.strip_prefix("language-").unwrap_or_default().clone_into(&mut argument),
                ("span", "class") => value.strip_prefix("tg-").unwrap_or_default().clone_into(&mut argument),
                ("blockquote", "expandable") => "1".clone_into(&mut argument),
                _ => {}
            }
        }
        self.at += 1;
        if tag == "span" && argument != "spoiler" {
            return Err(format!("Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"));
        }
        self.open.push(Open { tag, argument, offset: self.offset, from: self.text.len() });
        Ok(())
    }

    /// Reads one attribute: its name and its value, which is empty if it has none.
    fn attribute(&mut self, tag: &str, begin: usize) -> Result<(String, String), String> {
        let name = self.take_while(|c| !c.is_whitespace() && !"=>/\"'".contains(c));
        if name.is_empty() {
            return Err(format!("Empty attribute name in the tag \"{tag}\" at byte offset {begin}"));
        }
        self.take_while(char::is_whitespace);
        let unclosed = || Err(format!("Unclosed start tag \"{tag}\" at byte offset {begin}"));
        match self.peek() {
            None => return unclosed(),
            Some('=') => self.at += 1,
            Some(_) => return Ok((name, String::new())),
        }
        self.take_while(char::is_whitespace);
        let value = match self.peek() {
            None => return unclosed(),
            Some(quote @ ('"' | '\'')) => {
                self.at += 1;
                self.quoted(quote)
            }
            Some(_) => {
                let from = self.byte();
                let value = self.take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-').to_ascii_lowercase();
                if self.peek().is_none_or(|next| !next.is_whitespace() && next != '>') {
                    return Err(format!("Unexpected end of name token at byte offset {from}"));
                }
                value
            }
        };
        match self.peek() {
            None => Err(format!("Unclosed start tag at byte offset {begin}")),
            Some(_) => Ok((name, value)),
        }
    }

    fn quoted(&mut self, quote: char) -> String {
        let mut value = String::new();
        while let Some(character) = self.peek() {
            match character {
                '&' => value.push(self.reference().unwrap_or('&')),
                end if end == quote => {
                    self.at += 1;
                    break;
                }
                other => {
                    value.push(other);
                    self.at += 1;
                }
            }
        }
        value
    }

    fn end_tag(&mut self) -> Result<(), String> {
        let begin = self.byte();
        let Some(open) = self.open.pop() else {
            return Err(format!("Unexpected end tag at byte offset {begin}"));
        };
        self.at += 2;
        let tag = self.take_while(|c| !c.is_whitespace() && c != '>').to_ascii_lowercase();
        self.take_while(char::is_whitespace);
        if self.peek() != Some('>') {
            return Err(format!("Unclosed end tag at byte offset {begin}"));
        }
        self.at += 1;
        if !tag.is_empty() && tag != open.tag {
            let expected = open.tag;
            return Err(format!(
                "Unmatched end tag at byte offset {begin}, expected \"</{expected}>\", found \"</{tag}>\""
            ));
        }
        if self.offset > open.offset {
            self.add(&open)?;
        }
        Ok(())
    }

    fn add(&mut self, open: &Open) -> Result<(), String> {
        let plain = |kind: &str| Entity::new(kind, open.offset, self.offset - open.offset);
        let same = self.entities.last().filter(|last| (last.offset, last.end()) == (open.offset, self.offset)).cloned();
        let entity = match open.tag.as_str() {
            "i" | "em" => Some(plain("italic")),
            "b" | "strong" => Some(plain("bold")),
            "s" | "strike" | "del" => Some(plain("strikethrough")),
            "u" | "ins" => Some(plain("underline")),
            "tg-spoiler" | "span" => Some(plain("spoiler")),
            "blockquote" if open.argument.is_empty() => Some(plain("blockquote")),
            "blockquote" => Some(plain("expandable_blockquote")),
            "tg-emoji" => {
                let valid = open.argument.parse::<u64>().is_ok_and(|id| id > 0);
                let entity = plain("custom_emoji").with("custom_emoji_id", open.argument.as_str());
                Some(entity).filter(|_| valid).map(Some).ok_or("Invalid custom emoji identifier specified")?
            }
            "a" if open.argument.is_empty() => {
                linked(plain("text_link"), self.text.get(open.from..).unwrap_or_default())
            }
            "a" => linked(plain("text_link"), &open.argument),
            // A language is told by a <code> that fills a <pre>, or the other way round.
            "pre" => match same.filter(|last| last.kind == "code" && last.details.contains_key("language")) {
                Some(code) => {
                    self.entities.pop();
                    Some(Entity { kind: "pre".to_owned(), ..code })
                }
                None => Some(plain("pre")),
            },
            _ if open.argument.is_empty() => Some(plain("code")),
            _ => {
                let is_block = same.is_some_and(|last| last.kind == "pre");
                let entity = plain(if is_block { "pre" } else { "code" });
                if is_block {
                    self.entities.pop();
                }
                Some(entity.with("language", open.argument.as_str()))
            }
        };
        self.entities.extend(entity);
        Ok(())
    }
}
