//! What Telegram makes of single characters.

/// What becomes of a character in a message: Telegram takes some away and makes blanks of others, and offsets would no
/// longer fit what is left.
pub(super) fn as_sent(letter: char) -> Option<char> {
    match letter {
        '\n' => Some('\n'),
        '\t' => Some('\t'),
        // Carriage returns; line and paragraph separators and the old controls of direction; overlines that grow.
        '\r' | '\u{2028}'..='\u{202e}' | '\u{333}' | '\u{33f}' | '\u{30a}' => None,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Some(' '),
        other => Some(other),
    }
}

/// Whether a character can be seen. A message of none that can is refused as empty.
pub(super) fn is_visible(letter: char) -> bool {
    !letter.is_whitespace()
        && !letter.is_control()
        && !matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
