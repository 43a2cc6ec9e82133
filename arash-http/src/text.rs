//! Texts in requests: which characters they may have, as the OpenAPI document says it and as a refusal does.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

use crate::scalar::scalar;

/// What a text may be. The pattern keeps to what all dialects of regular expressions have in common and is for clients;
/// here a function stands for it, which takes a hundredth of the time.
struct Form {
    pattern: &'static str,
    accepts: fn(&str) -> bool,
    in_words: &'static str,
}

const LINE: Form = Form {
    pattern: r"^[^\x00-\x1f\x7f-\x9f]*$",
    accepts: has_no_controls,
    in_words: "must not have control characters",
};

const NAME: Form = Form {
    pattern: r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
    accepts: |text| has_no_controls(text) && text.chars().any(|letter| !letter.is_whitespace()),
    in_words: "must have a character that is not white space, and no control characters",
};

const PROSE: Form = Form {
    pattern: r"^[^\x00]*$",
    accepts: |text| !text.contains('\0'),
    in_words: "must not have the character U+0000",
};

const ASCII: Form = Form {
    pattern: r"^[ -~]*$",
    accepts: |text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
    in_words: "must be printable ASCII",
};

const GRAPHIC: Form = Form {
    pattern: r"^[!-~]*$",
    accepts: |text| text.bytes().all(|byte| byte.is_ascii_graphic()),
    in_words: "must be printable ASCII without spaces",
};

const ADDRESS: Form = Form {
    pattern: r"^https?://[^\x00-\x1f\x7f-\x9f]*$",
    accepts: |text| (text.starts_with("https://") || text.starts_with("http://")) && has_no_controls(text),
    in_words: "must begin with https:// or http://, without control characters",
};

fn has_no_controls(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// What is wrong with `text`, which should match `pattern`; nothing if it does. Patterns of others are not known here.
pub(crate) fn fault(pattern: &str, text: &str) -> Option<&'static str> {
    let form = [LINE, NAME, PROSE, ASCII, GRAPHIC, ADDRESS].into_iter().find(|form| form.pattern == pattern)?;
    (!(form.accepts)(text)).then_some(form.in_words)
}

/// Makes a type of the document for a form of text.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($word:literal) = $form:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct $name(String);

        impl Type for $name {
            scalar!();

            fn name() -> Cow<'static, str> {
                $word.into()
            }

            fn schema_ref() -> MetaSchemaRef {
                let pattern = Some($form.pattern.to_owned());
                MetaSchemaRef::Inline(Box::new(MetaSchema { pattern, ..MetaSchema::new("string") }))
            }
        }

        impl ParseFromJSON for $name {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                match value {
                    Some(Value::String(text)) if ($form.accepts)(&text) => Ok(Self(text)),
                    _ => Err(ParseError::custom($form.in_words)),
                }
            }
        }

        impl ToJSON for $name {
            fn to_json(&self) -> Option<Value> {
                Some(Value::String(self.0.clone()))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    )*};
}

texts! {
    /// A text without control characters.
    Line("line") = LINE;
    /// What people call something: a line that is not blank.
    Name("name") = NAME;
    /// Any text that every store can keep.
    Prose("prose") = PROSE;
    /// A text of printable ASCII characters.
    Ascii("ascii") = ASCII;
    /// A text of printable ASCII characters without spaces.
    Graphic("graphic") = GRAPHIC;
    /// An address, http or https.
    Address("address") = ADDRESS;
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn a_pattern_says_what_its_function_does() {
        let texts = [
            "",
            " ",
            "a",
            " a ",
            "سلام 🚀",
            "a\u{a0}b",
            "\u{a0}\u{2003}",
            "\n",
            "a\n",
            "a\tb",
            "a\0",
            "\u{7f}",
            "a\u{85}b",
            "audio/ogg; codecs=opus",
            "é",
            "https://",
            "http://a/ä",
            "ftp://a",
            " https://a",
            "HTTPS://a",
            "https://a\n",
        ];
        for form in [LINE, NAME, PROSE, ASCII, GRAPHIC, ADDRESS] {
            let pattern = Regex::new(form.pattern).unwrap();
            for text in texts {
                assert_eq!((form.accepts)(text), pattern.is_match(text), "{} {text:?}", form.pattern);
                assert_eq!(fault(form.pattern, text).is_none(), (form.accepts)(text));
            }
            let accepted = texts.iter().filter(|text| (form.accepts)(text)).count();
            assert!((2..texts.len()).contains(&accepted), "{}", form.pattern);
        }
    }
}
