use arash_core::command::{CommandSpec, EnglishTexts, Text, Texts};

use super::samples::{all_said, commands, everything};
use crate::texts::language::Language;
use crate::texts::{FluentTexts, Said, say};

/// Marks that nobody sees, so that whoever reads a snapshot does.
fn visible(text: &str) -> String {
    let marks = [('\u{2068}', "[FSI]"), ('\u{2069}', "[PDI]"), ('\u{200f}', "[RLM]"), ('\u{a0}', "[NBSP]")];
    marks.iter().fold(text.to_owned(), |text, &(mark, name)| text.replace(mark, name))
}

#[test]
fn what_is_said_in_each_language() {
    for language in Language::ALL {
        let said = everything(language.tag()).into_iter().map(|(what, text)| format!("# {what}\n{}", visible(&text)));
        insta::assert_snapshot!(language.tag(), said.collect::<Vec<_>>().join("\n\n"));
    }
}

#[test]
fn every_sentence_is_in_the_language_that_it_is_said_in() {
    let is_persian = |letter: char| matches!(letter, '\u{600}'..='\u{6ff}');
    let is_russian = |letter: char| matches!(letter, '\u{400}'..='\u{4ff}');
    for language in Language::ALL {
        for (what, text) in everything(language.tag()) {
            assert_eq!(text.contains(is_persian), language == Language::Persian, "{what}: {text}");
            assert_eq!(text.contains(is_russian), language == Language::Russian, "{what}: {text}");
            assert!(!text.contains(['{', '}', '$']) && !text.contains("  "), "{what}: {text}");
            assert_eq!(text.trim(), text, "{what}");
            assert!(text.lines().all(|line| line.trim_end() == line), "{what}: {text}");
        }
    }
}

#[test]
fn whose_language_is_not_told_is_spoken_to_by_the_engine_and_who_speaks_another_in_english() {
    assert_eq!(FluentTexts.say(&Text::Cleared, None), EnglishTexts.say(&Text::Cleared, None));
    for other in ["de", "pt-BR", "zz", ""] {
        assert_eq!(everything(other), everything("en"));
    }
    assert_eq!(everything("fa-IR"), everything("fa"));
    assert_eq!(say(&Said::Stopped, None), "Stopped.");
}

#[test]
fn commands_are_described_in_the_users_language() {
    let persian = commands("fa");
    let help = FluentTexts.say(&Text::Help { commands: &persian }, Some("fa"));
    assert!(help.contains("\n/model [نام] - دیدن یا تغییر مدل\n"), "{help}");
    assert!(help.ends_with("\n/stats - وضعیت ربات"), "{help}");
    let russian = FluentTexts.say(&Text::Help { commands: &commands("ru") }, Some("ru"));
    assert!(russian.contains("\n/model [название] - Показать или сменить модель\n"), "{russian}");
}

#[test]
fn a_command_of_ones_own_speaks_for_itself() {
    for own in [
        CommandSpec::new("weather", "Tell the weather"),
        CommandSpec::new("help", "Call a person"),
        CommandSpec::new("model", "Pose for a picture").arguments("[pose]"),
        CommandSpec::new("", ""),
    ] {
        assert_eq!(FluentTexts.say(&Text::CommandSummary { command: &own }, Some("fa")), own.summary);
        let listed = FluentTexts.say(&Text::Help { commands: std::slice::from_ref(&own) }, Some("fa"));
        let space = if own.arguments.is_empty() { "" } else { " " };
        assert!(listed.ends_with(&format!("/{}{space}{} - {}", own.name, own.arguments, own.summary)), "{listed}");
    }
}

#[test]
fn buttons_and_what_answers_them_are_short_enough() {
    let shown_on_press =
        [Said::Stopped, Said::NothingToStop, Said::OutdatedButton, Said::ModelChosen { model: &"x".repeat(100) }];
    for language in Language::ALL {
        for said in shown_on_press {
            let text = say(&said, Some(language.tag()));
            assert!(text.encode_utf16().count() <= 200, "{text}");
        }
        for said in [Said::NextButton, Said::PreviousButton, Said::StopButton] {
            let text = say(&said, Some(language.tag()));
            assert!(text.chars().count() <= 16 && text.split_whitespace().count() == 1, "{text}");
        }
    }
}

#[test]
fn nothing_that_is_said_is_longer_than_a_message_may_be() {
    for language in Language::ALL {
        for said in all_said() {
            assert!(say(&said, Some(language.tag())).encode_utf16().count() < 600);
        }
    }
}
