use super::language::Language;

/// `number` as the language writes it in running text: its digits, and thousands kept apart.
pub(super) fn written(number: u64, language: Language) -> String {
    let digits = number.to_string();
    // Four digits stand together in Russian.
    let separator = match language {
        Language::English => ",",
        Language::Persian => "٬",
        Language::Russian if digits.len() > 4 => "\u{a0}",
        Language::Russian => "",
    };
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push_str(separator);
        }
        text.push(if language == Language::Persian { persian(digit) } else { digit });
    }
    text
}

fn persian(digit: char) -> char {
    let value = digit.to_digit(10).unwrap_or_default();
    char::from_u32(u32::from('۰') + value).unwrap_or(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_kept_apart_as_each_language_does() {
        for (number, english, persian, russian) in [
            (0, "0", "۰", "0"),
            (789, "789", "۷۸۹", "789"),
            (1_234, "1,234", "۱٬۲۳۴", "1234"),
            (12_345, "12,345", "۱۲٬۳۴۵", "12\u{a0}345"),
            (1_000_000, "1,000,000", "۱٬۰۰۰٬۰۰۰", "1\u{a0}000\u{a0}000"),
        ] {
            assert_eq!(written(number, Language::English), english);
            assert_eq!(written(number, Language::Persian), persian);
            assert_eq!(written(number, Language::Russian), russian);
        }
    }
}
