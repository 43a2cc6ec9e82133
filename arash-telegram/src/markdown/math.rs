//! Formulas: `\(x\)` and `\[x\]`, as models write them, become `$$x$$`, which the parser knows.

use std::borrow::Cow;

use super::fence::Fence;

/// The longest mark of code within a line that is looked for. Each length that has no end costs a look at all the rest.
const MAX_BACKTICKS: usize = 16;

/// The same text, of the same length, with every formula between double dollar signs. Code stays as it is.
pub(super) fn in_dollars(markdown: &str) -> Cow<'_, str> {
    let mut fence = Fence::default();
    let mut marks = Vec::new();
    let mut paragraph = 0..0;
    for line in markdown.split_inclusive('\n') {
        if line.trim().is_empty() || fence.is_code(line) {
            find_formulas(markdown, paragraph.clone(), &mut marks);
            paragraph = paragraph.end + line.len()..paragraph.end + line.len();
        } else {
            paragraph.end += line.len();
        }
    }
    find_formulas(markdown, paragraph, &mut marks);
    if marks.is_empty() {
        return Cow::Borrowed(markdown);
    }
    let mut text = String::with_capacity(markdown.len());
    let mut copied = 0;
    for mark in marks {
        text.push_str(markdown.get(copied..mark).unwrap_or_default());
        text.push_str("$$");
        copied = mark + 2;
    }
    text.push_str(markdown.get(copied..).unwrap_or_default());
    Cow::Owned(text)
}

/// Finds the marks around formulas in a paragraph: where each begins, in pairs. Between square brackets a formula has
/// to look like one, because brackets are escaped too: `\[sic\]`.
fn find_formulas(markdown: &str, paragraph: std::ops::Range<usize>, marks: &mut Vec<usize>) {
    let Some(text) = markdown.get(paragraph.clone()) else { return };
    if !text.contains("\\(") && !text.contains("\\[") {
        return;
    }
    // What has no end is not looked for again.
    let (mut no_round, mut no_square) = (false, false);
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find(['`', '\\'])) {
        at += found;
        let rest = text.get(at..).unwrap_or_default();
        at += match rest.as_bytes() {
            [b'\\', open @ (b'(' | b'['), ..] => {
                let (missing, close) = if *open == b'(' { (&mut no_round, b')') } else { (&mut no_square, b']') };
                let formula = if *missing { None } else { formula_len(rest, close) };
                *missing |= formula.is_none();
                if let Some(length) = formula
                    && let Some(inner) = rest.get(2..length - 2)
                    && is_formula(inner)
                    && (*open == b'(' || inner.contains(['\\', '^', '_', '=', '+', '{']))
                {
                    marks.extend([paragraph.start + at, paragraph.start + at + length - 2]);
                }
                formula.unwrap_or(2)
            }
            [b'\\', ..] => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            _ => code_len(rest),
        };
    }
}

/// The length of a formula with its marks; `None` if it has no end.
fn formula_len(text: &str, close: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 2;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == b'\\')?;
        if bytes.get(at + 1) == Some(&close) {
            return Some(at + 2);
        }
        // A backslash takes the next sign with it, so that `\\[2pt]` is no end.
        at = (at + 2).min(bytes.len());
    }
}

/// Whether the parser takes it between dollar signs.
fn is_formula(text: &str) -> bool {
    let mut depth = 0_i64;
    let is_balanced = text.bytes().all(|byte| {
        depth += i64::from(byte == b'{') - i64::from(byte == b'}');
        depth >= 0
    });
    is_balanced && depth == 0 && !text.trim().is_empty() && !text.contains('$')
}

/// The length of code within a line, with its marks; of the marks alone if it has no end.
fn code_len(text: &str) -> usize {
    let length = text.bytes().take_while(|&byte| byte == b'`').count();
    let Some(code) = text.get(length..).filter(|_| length <= MAX_BACKTICKS) else { return length };
    let mut at = 0;
    while let Some(found) = code.get(at..).and_then(|rest| rest.find('`')) {
        at += found;
        let run = code.get(at..).unwrap_or_default().bytes().take_while(|&byte| byte == b'`').count();
        at += run;
        if run == length {
            return length + at;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_put_between_dollars() {
        for (markdown, expected) in [
            (r"let \(x\) be", "let $$x$$ be"),
            ("\\[\na\n\\\\[2pt] b\n\\]", "$$\na\n\\\\[2pt] b\n$$"),
            (r"`\(x\)` and \(y\)", r"`\(x\)` and $$y$$"),
            ("```\n\\(x\\)\n```\n\\(y\\)", "```\n\\(x\\)\n```\n$$y$$"),
            (r"\(x \[y=1\]", r"\(x $$y=1$$"),
            (r"\[sic\] \[1\](x)", r"\[sic\] \[1\](x)"),
            (r"\\(x\\) \( \) \(}{\) \($\)", r"\\(x\\) \( \) \(}{\) \($\)"),
            ("\\(x\n\ny\\)", "\\(x\n\ny\\)"),
            ("plain", "plain"),
            (r"\", r"\"),
        ] {
            assert_eq!(in_dollars(markdown), expected);
        }
    }
}
