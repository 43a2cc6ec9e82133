use std::borrow::Cow;
use std::iter::FusedIterator;

/// The words of a command's argument text, from left to right.
///
/// White space, also beyond ASCII, separates them. A word that begins with `"` or `'` runs to the next such quote,
/// white space and all, or to the end of the text if there is none. Between double quotes `\"` is a quote and `\\` a
/// backslash; every other backslash stands for itself. A quote inside a word has no meaning: `it's` is one word.
///
/// A word is borrowed from the text unless an escape in it had to be resolved.
#[derive(Clone, Debug)]
pub struct Arguments<'a> {
    text: &'a str,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text }
    }
}

impl<'a> Iterator for Arguments<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.text.trim_start();
        let (word, left) = if text.is_empty() {
            self.text = text;
            return None;
        } else if let Some(quoted) = text.strip_prefix('"') {
            let (inner, left, has_escapes) = split_at_quote(quoted);
            (if has_escapes { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) }, left)
        } else if let Some(quoted) = text.strip_prefix('\'') {
            let (inner, left) = quoted.split_once('\'').unwrap_or((quoted, ""));
            (Cow::Borrowed(inner), left)
        } else {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            let (word, left) = text.split_at_checked(end).unwrap_or((text, ""));
            (Cow::Borrowed(word), left)
        };
        self.text = left;
        Some(word)
    }
}

impl FusedIterator for Arguments<'_> {}

/// What stands before the closing double quote, what stands after it, and whether the former has escapes.
fn split_at_quote(text: &str) -> (&str, &str, bool) {
    let mut has_escapes = false;
    let mut after_backslash = false;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'"' | b'\\' if after_backslash => {
                has_escapes = true;
                after_backslash = false;
            }
            b'\\' => after_backslash = true,
            b'"' => {
                let (inner, left) = text.split_at_checked(place).unwrap_or((text, ""));
                return (inner, left.strip_prefix('"').unwrap_or(left), has_escapes);
            }
            _ => after_backslash = false,
        }
    }
    (text, "", has_escapes)
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next_if(|next| matches!(next, '"' | '\\')) } else { None };
        plain.push(escaped.unwrap_or(character));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<Cow<'_, str>> {
        Arguments::new(text).collect()
    }

    #[test]
    fn words_and_quotes() {
        let cases: [(&str, &[&str]); 18] = [
            ("", &[]),
            (" \u{3000}\n ", &[]),
            ("one two", &["one", "two"]),
            ("  openai/gpt-5\u{a0}\u{2003}now\t", &["openai/gpt-5", "now"]),
            (r#""GPT-5 Chat" now"#, &["GPT-5 Chat", "now"]),
            ("'GPT-5 Chat' now", &["GPT-5 Chat", "now"]),
            (r#""" '' x"#, &["", "", "x"]),
            (r#""a b"c"#, &["a b", "c"]),
            ("it's fine, isn't it", &["it's", "fine,", "isn't", "it"]),
            (r#""say \"hi\" \\ bye""#, &[r#"say "hi" \ bye"#]),
            (r#""C:\dir\x""#, &[r"C:\dir\x"]),
            (r#""C:\dir \"x\"""#, &[r#"C:\dir "x""#]),
            (r"'a\' b", &[r"a\", "b"]),
            (r#"a "never closed "#, &["a", "never closed "]),
            (r#""ends in a backslash\"#, &[r"ends in a backslash\"]),
            (r#""ends in an escape\""#, &[r#"ends in an escape""#]),
            ("شهر 'تهران بزرگ' \"هوای فردا\"", &["شهر", "تهران بزرگ", "هوای فردا"]),
            ("می\u{200c}خواهم", &["می\u{200c}خواهم"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_an_escape_costs_an_allocation() {
        for word in words(r#"one "two three" 'four\"' "C:\x" "never closed"#) {
            assert!(matches!(word, Cow::Borrowed(_)), "{word:?}");
        }
        assert!(matches!(words(r#""\"""#).as_slice(), [Cow::Owned(_)]));
    }

    #[test]
    fn hostile_texts_of_64_kib_are_split_at_once() {
        for part in ["/", "\"", "\\", "'", "'\"", "\" ", "\\\"", "\"\\\" ", "\"\"", " '", "a ", "\u{3000}", "آ"] {
            let many = part.repeat(65_536 / part.len());
            for text in [many.clone(), format!("\"{many}"), format!("'{many}"), format!("x {many}")] {
                let found = words(&text);
                assert!(found.len() <= text.len());
                assert!(found.iter().map(|word| word.len()).sum::<usize>() <= text.len());
            }
        }
    }

    /// Words in one of the ways to write them: bare, in single quotes, in double quotes.
    fn written_words() -> impl Strategy<Value = Vec<(String, String)>> {
        let bare = "[^\\s\"'][^\\s]{0,12}".prop_map(|word| (word.clone(), word));
        let single = "[^']{0,12}".prop_map(|word| (format!("'{word}'"), word));
        let double = "[\"\\\\ a]{0,8}|[\\s\\S]{0,12}"
            .prop_map(|word| (format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\"")), word));
        proptest::collection::vec(prop_oneof![bare, single, double], 0..12)
    }

    proptest! {
        #[test]
        fn words_that_are_written_are_read_back(written in written_words(), space in "[ \n\u{3000}]{1,3}") {
            let (texts, expected): (Vec<String>, Vec<String>) = written.into_iter().unzip();
            let text = texts.join(&space);
            prop_assert_eq!(words(&text), expected);
        }

        #[test]
        fn any_text_is_split_within_its_length(text in "[\\s\\S]{0,80}|[\"'\\\\ a]{0,80}") {
            let mut arguments = Arguments::new(&text);
            let found: Vec<_> = arguments.by_ref().collect();
            prop_assert!(found.len() <= text.len());
            prop_assert!(found.iter().map(|word| word.len()).sum::<usize>() <= text.len());
            prop_assert_eq!(arguments.next(), None);
        }

        #[test]
        fn without_quotes_it_is_split_at_white_space(text in "[^\"']{0,80}") {
            prop_assert_eq!(words(&text), text.split_whitespace().collect::<Vec<_>>());
        }
    }
}
