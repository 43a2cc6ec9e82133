//! Telegram's rules for entities, and what has to hold for any text: for tests and fuzz targets.

mod rules;

pub use rules::check;

use super::{Formatted, MAX_MARKDOWN_BYTES, MAX_MESSAGE_LEN, convert, preview, split};

/// Checks all promises of this module on any bytes.
///
/// # Panics
/// If one is broken.
pub fn check_any_bytes(bytes: &[u8]) {
    check_markdown(&String::from_utf8_lossy(bytes));
}

/// Checks all promises of this module on a text, cut into messages of several lengths.
///
/// # Panics
/// If one is broken.
pub fn check_markdown(markdown: &str) {
    for formatted in [convert(markdown), preview(markdown)] {
        let has_text = markdown.chars().any(is_surely_visible);
        assert!(!has_text || !formatted.text.is_empty(), "nothing came of {markdown:?}");
        if !formatted.text.is_empty()
            && let Err(error) = rules::check_entities(&formatted)
        {
            panic_with(markdown, &formatted, &error);
        }
        for limit in [MAX_MESSAGE_LEN, 40, 7, 2] {
            // The short ones of long texts take their time.
            if limit * 500 > markdown.len() || limit == MAX_MESSAGE_LEN {
                check_split(&formatted, limit);
            }
        }
    }
    if markdown.len() > MAX_MARKDOWN_BYTES {
        assert!(convert(markdown).entities.is_empty(), "too long a text was formatted");
    }
}

/// Checks that every part of a text can be sent and that together they have all that can be seen.
///
/// # Panics
/// If it is not so.
pub fn check_split(formatted: &Formatted, limit: usize) {
    let parts = split(formatted, limit);
    for part in &parts {
        if let Err(error) = check(part, limit) {
            panic_with(&formatted.text, part, &error);
        }
    }
    let seen = |text: &str| text.chars().filter(|&letter| is_surely_visible(letter)).collect::<String>();
    let together: String = parts.iter().map(|part| seen(&part.text)).collect();
    assert!(together == seen(&formatted.text), "{limit}: {:?} became {parts:#?}", formatted.text);
}

fn is_surely_visible(letter: char) -> bool {
    // Fillers of Korean syllables are letters that nobody sees.
    let is_filler = matches!(letter, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    (letter.is_alphanumeric() && !is_filler) || letter.is_ascii_punctuation()
}

fn panic_with(source: &str, formatted: &Formatted, error: &str) {
    assert!(error.is_empty(), "{error}\nin {formatted:#?}\nfrom {source:?}");
}
