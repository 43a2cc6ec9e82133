//! Markdown made ready for the parser: bounded in depth.

use std::borrow::Cow;

/// How many markers of quotations and lists a line may begin with. For each line the parser goes through all that it
/// might lie in, so that the time would grow with the square of the text. That is more than anything that is meant,
/// patterns of stars in code included, and costs little.
const MAX_MARKERS: usize = 100;

/// Takes the markers of quotations and lists away that a line has in excess.
pub(super) fn bounded(markdown: &str) -> Cow<'_, str> {
    let mut bounded = String::new();
    // How much of the source is in `bounded`.
    let mut copied = 0;
    let mut end = 0;
    for line in markdown.split_inclusive('\n') {
        let start = end;
        end += line.len();
        if let Some((last, words)) = excess(line) {
            bounded.push_str(markdown.get(copied..start + last).unwrap_or_default());
            copied = start + words;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(markdown);
    }
    bounded.push_str(markdown.get(copied..).unwrap_or_default());
    Cow::Owned(bounded)
}

/// Where the last marker of a line that may stand ends, and where the words begin; `None` if it has none in excess.
fn excess(line: &str) -> Option<(usize, usize)> {
    let mut last = None;
    let mut count = 0;
    let mut at = 0;
    while let Some(length) = marker_len(line.get(at..)?) {
        count += 1;
        at += length;
        if count == MAX_MARKERS {
            last = Some(at);
        }
    }
    last.filter(|&last| last < at).map(|last| (last, at))
}

/// The length of a marker and the blanks around it that the text begins with.
fn marker_len(text: &str) -> Option<usize> {
    let marker = text.trim_start_matches([' ', '\t']);
    let digits = marker.bytes().take(9).take_while(u8::is_ascii_digit).count();
    let rest = match marker.as_bytes().get(digits)? {
        b'>' if digits == 0 => marker.get(1..)?,
        b'-' | b'*' | b'+' if digits == 0 => blank_after(marker.get(1..)?)?,
        b'.' | b')' if digits > 0 => blank_after(marker.get(digits + 1..)?)?,
        _ => return None,
    };
    Some(text.len() - rest.trim_start_matches([' ', '\t']).len())
}

/// The text, if it begins with a blank.
fn blank_after(text: &str) -> Option<&str> {
    text.starts_with([' ', '\t']).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_too_deep_stays() {
        for markdown in ["", "a\nb\n", "> > - 1. a", &"-".repeat(200), &"* ".repeat(100)] {
            assert!(matches!(bounded(markdown), Cow::Borrowed(same) if same == markdown), "{markdown}");
        }
    }

    #[test]
    fn what_is_too_deep_is_cut_off() {
        let kept = format!("a\n{}b\nc", "> ".repeat(100));
        assert_eq!(bounded(&format!("a\n{}b\nc", "> ".repeat(900))), kept);
        assert_eq!(bounded(&format!("{}x\n", "- ".repeat(900))), format!("{}x\n", "- ".repeat(100)));
        assert_eq!(bounded(&format!("{}x", "1. ".repeat(101))), format!("{}x", "1. ".repeat(100)));
    }
}
