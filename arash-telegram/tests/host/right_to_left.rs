//! Answers in languages that are written from right to left, with code and names in Latin letters.

use std::time::Duration;

use arash_core::testing::{Script, Step};

use crate::running_bot::RunningBot;

const MARK: char = '\u{200f}';

#[tokio::test]
async fn a_persian_answer_that_begins_with_latin_letters_runs_from_right_to_left_from_the_first_preview_on() {
    let bot = RunningBot::start().await;
    let pause = || Step::Pause(Duration::from_secs(2));
    let list = "\n\n- `tokio` برای همزمانی در برنامه\n- برای خطاها thiserror";
    let code = "\n\n```rust\nfn main() {}\n```";
    let first = "Rust یک زبان برنامه‌نویسی است";
    bot.provider.push(Script::new([Step::say(first), pause(), Step::say(list), pause(), Step::say(code)]));
    let reza = bot.telegram.person_speaking("Reza", "fa");
    reza.say("Rust چیست؟");
    let answer = bot.answer(&reza, 1).await;
    let expected = format!(
        "{MARK}Rust یک زبان برنامه‌نویسی است\n\n{MARK}• tokio برای همزمانی در برنامه\n• برای خطاها thiserror\n\nfn main() {{}}"
    );
    assert_eq!(answer.text(), expected);
    let shown: Vec<_> =
        answer.versions.iter().map(|version| version.text.as_str()).filter(|text| *text != "…").collect();
    assert!(shown.len() >= 3 && shown.iter().all(|text| text.starts_with(MARK)), "{shown:?}");
    let units: Vec<u16> = answer.text().encode_utf16().collect();
    let entities = &answer.formatted().entities;
    let marked = entities.iter().map(|entity| {
        let (from, length) = (entity.offset, entity.length);
        String::from_utf16(&units[from..from + length]).unwrap()
    });
    assert_eq!(marked.collect::<Vec<_>>(), ["tokio", "fn main() {}"]);
    bot.end().await;
}
