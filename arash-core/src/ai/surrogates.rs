use std::borrow::Cow;

/// This JSON text with U+FFFD for each half of a surrogate pair whose other half is not beside it. Programs that cut texts
/// by UTF-16 units write such halves as escapes; they are no Unicode, and no text here can hold them.
pub(crate) fn replace_lone_surrogates(json: &str) -> Cow<'_, str> {
    let (mut replaced, mut taken, mut place) = (String::new(), 0, 0);
    while let Some(found) = json.get(place..).and_then(|rest| rest.find('\\')) {
        let escape = place + found;
        place = escape
            + match unit(json, escape) {
                Some(0xd800..=0xdbff) if matches!(unit(json, escape + 6), Some(0xdc00..=0xdfff)) => 12,
                Some(0xd800..=0xdfff) => {
                    replaced.push_str(json.get(taken..escape).unwrap_or_default());
                    replaced.push_str(r"\ufffd");
                    taken = escape + 6;
                    6
                }
                // What is escaped may be a backslash itself.
                _ => 2,
            };
    }
    if taken == 0 {
        return Cow::Borrowed(json);
    }
    replaced.push_str(json.get(taken..).unwrap_or_default());
    Cow::Owned(replaced)
}

/// The UTF-16 unit that the escape at `place` stands for.
fn unit(json: &str, place: usize) -> Option<u16> {
    let digits = json.get(place..place + 6)?.strip_prefix(r"\u")?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_without_their_other_half_are_replaced() {
        for (json, text) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\uDE00 on""#, "\u{fffd} on"),
            (r#""\ude00\ud83d\ud83d\ude00é\ud83d!""#, "\u{fffd}\u{fffd}😀é\u{fffd}!"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
        ] {
            assert_eq!(serde_json::from_str::<String>(&replace_lone_surrogates(json)).unwrap(), text, "{json}");
        }
        for json in [r#""\ud83d\ude00""#, r#""\\ud83d""#, r#""\"\\\\ud83d é""#, "", "\\", "\\é", r#""\ud8"#] {
            assert!(matches!(replace_lone_surrogates(json), Cow::Borrowed(same) if same == json), "{json}");
        }
    }
}
