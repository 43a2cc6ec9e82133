//! Lines that are written from right to left.

/// A mark that is not seen and tells that a line runs from right to left.
pub(super) const RIGHT_TO_LEFT: char = '\u{200f}';

/// Whether a line would be laid out from left to right, by its first letter, while most of its letters are of a script
/// that is written from right to left: a list in Persian one of whose entries begins with a name in Latin letters.
pub(super) fn needs_mark(line: &str) -> bool {
    let mut first_is_left = None;
    let (mut left, mut right) = (0_usize, 0_usize);
    for letter in line.chars() {
        if is_right_to_left(letter) {
            first_is_left.get_or_insert(false);
            right += 1;
        } else if letter.is_alphabetic() {
            first_is_left.get_or_insert(true);
            left += 1;
        } else if letter == RIGHT_TO_LEFT {
            first_is_left.get_or_insert(false);
        }
    }
    first_is_left == Some(true) && right > left
}

/// Whether a letter belongs to a script that is written from right to left.
pub(crate) fn is_right_to_left(letter: char) -> bool {
    matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
        && letter.is_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_marked_if_its_first_letter_misleads() {
        for (line, expected) in [
            ("• serde برای سریال‌سازی داده‌ها", true),
            ("• سلام serde and other names that are long", false),
            ("1. tokio: runtime همزمان", false),
            ("Hello there", false),
            ("۱۲۳ Rust زبان برنامه‌نویسی", true),
            ("", false),
            ("\u{200f}Rust زبان برنامه‌نویسی", false),
            ("Rust היא שפת תכנות", true),
        ] {
            assert_eq!(needs_mark(line), expected, "{line}");
        }
    }
}
