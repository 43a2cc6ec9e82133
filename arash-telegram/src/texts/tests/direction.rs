//! In which direction it reads, by the Unicode bidirectional algorithm.

use arash_core::command::{Text, Texts};
use arash_core::platform::ModelInfo;
use proptest::prelude::*;
use unicode_bidi::{BidiInfo, Level};

use super::samples::everything;
use crate::texts::language::Language;
use crate::texts::{FluentTexts, Said, say};

/// A text as it is shown, from left to right.
fn as_shown(line: &str) -> String {
    let info = BidiInfo::new(line, None);
    let paragraph = &info.paragraphs[0];
    let shown = info.reorder_line(paragraph, paragraph.range.clone());
    shown.chars().filter(|letter| !matches!(letter, '\u{200f}' | '\u{2068}' | '\u{2069}')).collect()
}

fn runs_from_right(line: &str) -> bool {
    BidiInfo::new(line, None).paragraphs[0].level.is_rtl()
}

#[test]
fn lines_run_in_the_direction_of_their_language_and_those_of_commands_to_the_right() {
    for language in Language::ALL {
        for (what, text) in everything(language.tag()) {
            for line in text.lines().filter(|line| !line.is_empty()) {
                let expected = language == Language::Persian && !line.starts_with('/');
                assert_eq!(runs_from_right(line), expected, "{what}: {line:?}");
            }
        }
    }
}

#[test]
fn no_mark_comes_near_a_command_and_in_persian_it_begins_its_line() {
    for language in Language::ALL {
        for (what, text) in everything(language.tag()) {
            let mut before = '\n';
            let mut letters = text.chars().peekable();
            while let Some(letter) = letters.next() {
                let begins_command = letter == '/' && letters.peek().is_some_and(char::is_ascii_alphabetic);
                if begins_command && !before.is_ascii_alphanumeric() {
                    let is_apart = before == '\n' || (before == ' ' && language != Language::Persian);
                    assert!(is_apart, "{what}: {before:?} stands before a command in {text:?}");
                    let name: String = letters.clone().take_while(|letter| !letter.is_whitespace()).collect();
                    assert!(name.trim_end_matches('.').is_ascii(), "{what}: {name:?}");
                }
                before = letter;
            }
        }
    }
}

#[test]
fn names_in_persian_are_shown_in_their_places() {
    let shown = |name: &str| as_shown(&say(&Said::ModelChosen { model: name }, Some("fa")));
    assert!(shown("GPT-5 Chat").contains(" GPT-5 Chat "), "{}", shown("GPT-5 Chat"));
    assert!(shown("Claude (beta)").contains(" Claude (beta) "), "{}", shown("Claude (beta)"));
    assert!(shown("4o").contains(" 4o "), "{}", shown("4o"));
    for (what, text) in everything("fa").into_iter().filter(|(what, _)| what == "Models") {
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(as_shown).collect();
        assert!(lines.contains(&"anthropic/claude - Claude (beta)".to_owned()), "{what}: {lines:?}");
        assert!(lines.iter().any(|line| line.ends_with(" openai/gpt-5-chat - GPT-5 Chat")), "{what}: {lines:?}");
    }
}

#[test]
fn the_mention_in_persian_keeps_its_sign_before_it() {
    let said = say(&Said::PrivacyMode, Some("fa"));
    assert!(said.lines().map(as_shown).any(|line| line.contains(" @BotFather ")), "{said}");
}

/// A sentence with a name in it.
type Saying = fn(&str, Option<&str>) -> String;

const WITH_A_NAME: [Saying; 5] = [
    |name, locale| say(&Said::ModelChosen { model: name }, locale),
    |name, locale| FluentTexts.say(&Text::ToolRuns { name }, locale),
    |name, locale| FluentTexts.say(&Text::ModelUnknown { given: name, available: &[] }, locale),
    |name, locale| {
        let model = ModelInfo::new("a").named(name);
        FluentTexts.say(&Text::ModelNotAllowed { model: &model, available: &[] }, locale)
    },
    |name, locale| {
        let model = ModelInfo::new("a").named(name);
        let text =
            Text::Status { session_id: "s", model: Some(&model), message_count: 1, history_length: 2, max_history: 3 };
        FluentTexts.say(&text, locale)
    },
];

/// Stands for a name and occurs in no sentence.
const PLAIN: &str = "Qx9z";

/// The direction of each byte of the sentence around a name.
fn levels_around(text: &str, before: usize, after: usize) -> (Vec<Level>, Vec<Level>) {
    let levels = BidiInfo::new(text, None).levels;
    (levels[..before].to_vec(), levels[levels.len() - after..].to_vec())
}

/// Names of letters, digits and brackets of both directions, of marks, of what means something in Fluent, of breaks.
fn any_name() -> impl Strategy<Value = String> {
    let letters = "aZ1-/.(){}[]$\"«» \n\r\u{b}\u{85}\u{2028}\u{2029}\u{1c}آبд۱١,:٬\u{200c}\u{200e}\u{200f}\u{61c}\
                   \u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}א";
    let letters: Vec<char> = letters.chars().collect();
    let marked = prop::collection::vec(prop::sample::select(letters), 0..12).prop_map(String::from_iter);
    prop_oneof![4 => marked, 1 => any::<String>()]
}

proptest! {
    #[test]
    fn a_latin_name_is_shown_as_it_is_written_in_a_persian_sentence(name in "[!-~]([ -~]{0,10}[!-~])?") {
        for saying in WITH_A_NAME {
            let said = saying(&name, Some("fa"));
            let mut lines = said.lines().map(as_shown);
            prop_assert!(lines.any(|line| line.contains(&name)), "{:?}", said);
        }
    }

    #[test]
    fn a_name_stays_what_it_is_and_leaves_the_sentence_as_it_is(name in any_name()) {
        let breaks = |letter: &char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
        let on_one_line: String = name.chars().map(|letter| if breaks(&letter) { ' ' } else { letter }).collect();
        for language in Language::ALL {
            for saying in WITH_A_NAME {
                let plain = saying(PLAIN, Some(language.tag()));
                let (before, after) = plain.split_once(PLAIN).unwrap();
                let said = saying(&name, Some(language.tag()));
                let inner = said.strip_prefix(before).and_then(|said| said.strip_suffix(after)).unwrap();
                let bare = inner.strip_prefix('\u{2068}').and_then(|inner| inner.strip_suffix('\u{2069}'));
                prop_assert!(inner == on_one_line || bare.is_some_and(|bare| bare.contains(&on_one_line)), "{said:?}");
                prop_assert_eq!(
                    levels_around(&said, before.len(), after.len()),
                    levels_around(&plain, before.len(), after.len()),
                    "{:?}", said
                );
            }
        }
    }
}
