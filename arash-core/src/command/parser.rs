use crate::command::Arguments;
use crate::error::Error;

/// Longest command, in bytes, from its slash to the last character that is no white space.
pub const MAX_COMMAND_BYTES: usize = 4096;
/// Longest name of a command, in bytes.
const MAX_NAME_BYTES: usize = 32;
/// Longest name of the bot that a command is meant for, in bytes.
const MAX_MENTION_BYTES: usize = 64;

/// What a text turned out to be.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Parsed<'a> {
    /// A text for the model: as it was typed, or without the first of the two slashes that it began with.
    Text(&'a str),
    /// A command.
    Command(CommandCall<'a>),
}

/// A command as it was typed: `/name@mention rest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandCall<'a> {
    /// Its name as typed, without the slash.
    pub name: &'a str,
    /// The bot that it is meant for, where one is named, without the `@`.
    pub mention: Option<&'a str>,
    /// What follows the name, without white space at either end.
    pub rest: &'a str,
}

impl<'a> CommandCall<'a> {
    /// The words of [`rest`](Self::rest), quotes taken into account.
    pub fn arguments(&self) -> Arguments<'a> {
        Arguments::new(self.rest)
    }
}

/// A command that cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// It is longer than [`MAX_COMMAND_BYTES`].
    #[error("the command is {given} bytes long; at most {MAX_COMMAND_BYTES} are accepted")]
    TooLong {
        /// Its length in bytes.
        given: usize,
    },
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        let ParseError::TooLong { given } = error;
        Self::invalid("text", format!("is a command of {given} bytes; at most {MAX_COMMAND_BYTES} are accepted"))
    }
}

/// Tells commands from texts.
///
/// A command is `/name` or `/name@bot`, after white space or none, followed by white space or nothing. A name is a
/// letter and up to 31 letters, digits or underscores; a bot's name is up to 64 of these. All else that begins
/// with a slash, such as a path, is text. A text that begins with two slashes is the text from the second one on.
///
/// ```
/// use arash_core::command::{Parsed, parse};
/// let Ok(Parsed::Command(call)) = parse("/weather Tehran \"next week\"") else { unreachable!() };
/// assert_eq!(call.name, "weather");
/// assert_eq!(call.arguments().collect::<Vec<_>>(), ["Tehran", "next week"]);
/// assert!(matches!(parse("/usr/bin/env"), Ok(Parsed::Text("/usr/bin/env"))));
/// assert!(matches!(parse("//help"), Ok(Parsed::Text("/help"))));
/// ```
///
/// # Errors
/// [`ParseError::TooLong`] for a command of more than [`MAX_COMMAND_BYTES`].
pub fn parse(text: &str) -> Result<Parsed<'_>, ParseError> {
    let Some(command) = text.trim_start().strip_prefix('/') else { return Ok(Parsed::Text(text)) };
    if command.starts_with('/') {
        return Ok(Parsed::Text(command));
    }
    let Some(call) = read_call(command) else { return Ok(Parsed::Text(text)) };
    let given = 1 + command.trim_end().len();
    if given > MAX_COMMAND_BYTES { Err(ParseError::TooLong { given }) } else { Ok(Parsed::Command(call)) }
}

/// Reads what follows the slash; `None` if it has not the form of a command.
fn read_call(text: &str) -> Option<CommandCall<'_>> {
    let (name, rest) = split_word(text, MAX_NAME_BYTES)?;
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let (mention, rest) = match rest.strip_prefix('@') {
        Some(mention) => split_word(mention, MAX_MENTION_BYTES).map(|(bot, rest)| (Some(bot), rest))?,
        None => (None, rest),
    };
    let ends_here = rest.is_empty() || rest.starts_with(char::is_whitespace);
    ends_here.then(|| CommandCall { name, mention, rest: rest.trim() })
}

/// Splits `text` after its letters, digits and underscores; `None` if there are none, or more than `longest`.
fn split_word(text: &str, longest: usize) -> Option<(&str, &str)> {
    // One byte more than allowed is looked at, no more: a text without end costs nothing.
    let length = text.bytes().take(longest + 1).take_while(|&byte| is_word_byte(byte)).count();
    if length == 0 || length > longest { None } else { text.split_at_checked(length) }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether `name` is one that [`parse`] finds, in lower case.
pub(super) fn is_command_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| is_word_byte(byte) && !byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn command(text: &str) -> Option<(&str, Option<&str>, &str)> {
        match parse(text) {
            Ok(Parsed::Command(call)) => Some((call.name, call.mention, call.rest)),
            _ => None,
        }
    }

    fn text(typed: &str) -> Option<&str> {
        match parse(typed) {
            Ok(Parsed::Text(text)) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn commands_are_recognised() {
        for (typed, expected) in [
            ("/help", ("help", None, "")),
            ("  \n/help  ", ("help", None, "")),
            ("\u{a0}\u{2003}/help", ("help", None, "")),
            ("/model@bot openai/gpt-5  now", ("model", Some("bot"), "openai/gpt-5  now")),
            ("/model@Arash_Bot_1", ("model", Some("Arash_Bot_1"), "")),
            ("/Model\tGPT-5 Chat\n", ("Model", None, "GPT-5 Chat")),
            ("/a_1\u{3000}x", ("a_1", None, "x")),
            ("/model /model", ("model", None, "/model")),
            ("/weather هوای تهران «فردا»", ("weather", None, "هوای تهران «فردا»")),
        ] {
            assert_eq!(command(typed), Some(expected), "{typed:?}");
        }
    }

    #[test]
    fn all_else_is_text_as_it_was_typed() {
        let long_name = format!("/{}", "a".repeat(33));
        let long_bot = format!("/a@{}", "b".repeat(65));
        let texts = [
            "",
            " ",
            "/",
            " / ",
            "hi",
            " hi /help",
            "/usr/bin/x",
            "/1a",
            "/_a",
            "/-",
            "/help!",
            "/help.",
            "/help@",
            "/help@ bot",
            "/help@bot!",
            "/help@a@b",
            "/@bot",
            "/ help",
            "/کمک",
            "/helpک",
            "/help\u{200c}",
            "سلام",
            " سلام /help",
            "\\/help",
            &long_name,
            &long_bot,
        ];
        for typed in texts {
            assert_eq!(text(typed), Some(typed));
        }
        assert!(command(&format!("/{}", "a".repeat(32))).is_some());
        assert!(command(&format!("/a@{}", "b".repeat(64))).is_some());
    }

    #[test]
    fn two_slashes_mean_one() {
        for (typed, expected) in
            [("//help", "/help"), ("//", "/"), ("///", "//"), (" \t//help me ", "/help me "), ("//سلام", "/سلام")]
        {
            assert_eq!(text(typed), Some(expected));
        }
    }

    #[test]
    fn a_command_has_a_longest_length_and_a_text_has_none() {
        let longest = format!("/a {}", "b".repeat(MAX_COMMAND_BYTES - 3));
        assert!(command(&format!("  {longest}  ")).is_some(), "white space around it does not count");
        let error = parse(&format!("{longest}b")).unwrap_err();
        assert_eq!(error, ParseError::TooLong { given: MAX_COMMAND_BYTES + 1 });
        assert_eq!(error.to_string(), "the command is 4097 bytes long; at most 4096 are accepted");
        assert_eq!(
            Error::from(error).to_string(),
            "the request is not valid: text is a command of 4097 bytes; at most 4096 are accepted"
        );
        assert!(text(&"b".repeat(MAX_COMMAND_BYTES + 1)).is_some());
        assert!(text(&format!("//{}", "b".repeat(MAX_COMMAND_BYTES))).is_some());
    }

    #[test]
    fn hostile_texts_of_64_kib_are_read_at_once() {
        for part in ["/", " ", "a", "\"", "\\", "'", "@", "آ", "\u{3000}", "/a ", "/a@b ", "\\\" "] {
            let many = part.repeat(65_536 / part.len());
            for typed in [many.clone(), format!("/a {many}"), format!("/a@b {many}"), format!("//{many}")] {
                let _ = parse(&typed);
            }
        }
    }

    /// Texts that come close to being commands, and any others.
    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[ \u{3000}]{0,2}/{0,3}[a-zA-Z0-9_@/.آ]{0,40}[ \n]?\\PC{0,12}"]
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_and_only_commands_change(typed in any_text()) {
            let started = typed.trim_start();
            match parse(&typed) {
                Ok(Parsed::Text(text)) if started.starts_with("//") => prop_assert_eq!(text, &started[1..]),
                Ok(Parsed::Text(text)) => prop_assert_eq!(text, typed.as_str()),
                Ok(Parsed::Command(call)) => {
                    let mention = call.mention.map(|bot| format!("@{bot}")).unwrap_or_default();
                    let head = format!("/{}{mention}", call.name);
                    prop_assert!(is_command_name(&call.name.to_ascii_lowercase()));
                    prop_assert!(started.starts_with(&head));
                    prop_assert_eq!(started[head.len()..].trim(), call.rest);
                }
                Err(ParseError::TooLong { given }) => prop_assert!(given > MAX_COMMAND_BYTES),
            }
        }

        #[test]
        fn a_call_that_is_written_is_read_back(
            space in "[ \n\u{3000}]{0,3}",
            name in "[A-Za-z][A-Za-z0-9_]{0,31}",
            bot in proptest::option::of("[A-Za-z0-9_]{1,64}"),
            rest in "\\PC{0,60}",
        ) {
            let mention = bot.as_ref().map(|bot| format!("@{bot}")).unwrap_or_default();
            let typed = format!("{space}/{name}{mention} {rest}");
            prop_assert_eq!(command(&typed), Some((name.as_str(), bot.as_deref(), rest.trim())));
        }

        #[test]
        fn a_text_without_a_slash_at_its_start_is_verbatim(typed in "[^/\\s][\\s\\S]{0,80}") {
            prop_assert_eq!(text(&typed), Some(typed.as_str()));
        }

        #[test]
        fn two_slashes_let_any_text_with_one_through(rest in any_text(), space in "[ \t]{0,2}") {
            let wanted = format!("/{rest}");
            let typed = format!("{space}/{wanted}");
            prop_assert_eq!(text(&typed), Some(wanted.as_str()));
        }
    }
}
