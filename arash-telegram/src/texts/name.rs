use std::borrow::Cow;

use super::language::Language;
use crate::markdown::is_right_to_left;

/// Begins a part whose direction follows from itself and is not that of what stands around it.
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
/// Ends it.
const POP_ISOLATE: char = '\u{2069}';

/// A name (of a model, of a tool, as somebody typed it) as it stands in a sentence: on one line, all its characters kept,
/// and set apart by isolate marks where it or the sentence would otherwise be shown in a wrong order.
///
/// Where no marks are needed there are none, since they are copied along with the name and then belong to it.
pub(super) fn shown(name: &str, language: Language) -> Cow<'_, str> {
    let name = on_one_line(name);
    let stands_alone = if language.is_right_to_left() { is_latin_run(&name) } else { runs_to_the_right(&name) };
    if stands_alone { name } else { Cow::Owned(isolated(&name)) }
}

/// A line break would end the paragraph, and with it what marks do.
fn on_one_line(name: &str) -> Cow<'_, str> {
    let breaks_line = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    if name.contains(breaks_line) { Cow::Owned(name.replace(breaks_line, " ")) } else { Cow::Borrowed(name) }
}

/// Whether all of it is laid out from left to right by itself, wherever it stands.
fn is_latin_run(name: &str) -> bool {
    name.is_ascii()
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.ends_with(|last: char| last.is_ascii_alphanumeric())
}

/// Whether it changes nothing in a sentence that is written from left to right.
fn runs_to_the_right(name: &str) -> bool {
    name.chars().all(|letter| letter.is_ascii() || (letter.is_alphabetic() && !is_right_to_left(letter)))
}

/// `name` between isolate marks. Those within it are balanced by more around it, so that none ends ours.
fn isolated(name: &str) -> String {
    let (mut open, mut unopened) = (0_usize, 0_usize);
    for letter in name.chars() {
        match letter {
            '\u{2066}'..='\u{2068}' => open += 1,
            POP_ISOLATE if open > 0 => open -= 1,
            POP_ISOLATE => unopened += 1,
            _ => {}
        }
    }
    let mut text = String::with_capacity(name.len() + 3 * (open + unopened + 2));
    text.extend(std::iter::repeat_n(FIRST_STRONG_ISOLATE, unopened + 1));
    text.push_str(name);
    text.extend(std::iter::repeat_n(POP_ISOLATE, open + 1));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_where_they_are_needed_only() {
        for (name, english, persian) in [
            ("GPT-5 Chat", "GPT-5 Chat", "GPT-5 Chat"),
            ("openai/gpt-5-chat", "openai/gpt-5-chat", "openai/gpt-5-chat"),
            ("Claude (beta)", "Claude (beta)", "\u{2068}Claude (beta)\u{2069}"),
            ("4o", "4o", "\u{2068}4o\u{2069}"),
            ("Модель", "Модель", "\u{2068}Модель\u{2069}"),
            ("آرش", "\u{2068}آرش\u{2069}", "\u{2068}آرش\u{2069}"),
            ("{ $name }", "{ $name }", "\u{2068}{ $name }\u{2069}"),
            ("a\nb\u{2029}c", "a b c", "a b c"),
            ("", "", "\u{2068}\u{2069}"),
        ] {
            assert_eq!(shown(name, Language::English), english);
            assert_eq!(shown(name, Language::Persian), persian);
        }
    }

    #[test]
    fn marks_within_a_name_are_balanced_by_marks_around_it() {
        for (name, expected) in [
            ("a\u{2069}b", "\u{2068}\u{2068}a\u{2069}b\u{2069}"),
            ("a\u{2067}b", "\u{2068}a\u{2067}b\u{2069}\u{2069}"),
            ("\u{2066}a\u{2069}", "\u{2068}\u{2066}a\u{2069}\u{2069}"),
            ("\u{2069}\u{2066}", "\u{2068}\u{2068}\u{2069}\u{2066}\u{2069}\u{2069}"),
        ] {
            assert_eq!(isolated(name), expected);
        }
    }
}
