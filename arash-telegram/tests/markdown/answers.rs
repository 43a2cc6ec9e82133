//! Answers as models write them: what becomes of them, and that nothing goes wrong after any of their letters.

use std::fmt::Write as _;
use std::path::Path;

use arash_telegram::markdown::testing::check_markdown;
use arash_telegram::markdown::{Formatted, MAX_MESSAGE_LEN, convert, split};

/// The answers in `answers/`, by name.
pub(crate) fn answers() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/markdown/answers");
    let mut answers: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    answers.sort();
    answers
}

/// The beginnings of a text; of a long one some that are spread over it.
pub(crate) fn beginnings(text: &str) -> impl Iterator<Item = &str> {
    let step = if text.len() > 3000 { 61 } else { 1 };
    text.char_indices().map(|(index, _)| index).chain([text.len()]).step_by(step).map(|end| &text[..end])
}

/// A message for a reader: its text, then its entities with what they cover.
fn readable(message: &Formatted) -> String {
    let units: Vec<u16> = message.text.encode_utf16().collect();
    let mut readable = format!("{}\n", message.text);
    for entity in &message.entities {
        let covered = String::from_utf16(&units[entity.offset..entity.offset + entity.length]).unwrap();
        writeln!(readable, "  {:?} {}+{} {covered:?}", entity.kind, entity.offset, entity.length).unwrap();
    }
    readable
}

#[test]
fn what_becomes_of_answers() {
    let answers = answers();
    assert!(answers.len() >= 40);
    for (name, markdown) in answers {
        let parts: Vec<_> = split(&convert(&markdown), MAX_MESSAGE_LEN).iter().map(readable).collect();
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, parts.join("----- next message -----\n"));
        });
    }
}

#[test]
fn nothing_goes_wrong_after_any_letter() {
    for (_, markdown) in answers() {
        for beginning in beginnings(&markdown) {
            check_markdown(beginning);
        }
    }
}
