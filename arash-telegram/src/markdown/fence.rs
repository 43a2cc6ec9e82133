//! Blocks of code between fences, line by line.

/// Tells which lines belong to blocks of code, without knowing in which list or quotation they lie.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fence {
    open: Option<(u8, usize)>,
}

impl Fence {
    /// Whether the next line belongs to a block of code, its fences included.
    pub(super) fn is_code(&mut self, line: &str) -> bool {
        let fence = fence_of(line);
        let Some((mark, length)) = self.open else {
            // What stands behind the opening fence holds no backtick; otherwise it is code within a line.
            self.open =
                fence.filter(|(mark, _, rest)| *mark != b'`' || !rest.contains('`')).map(|(mark, n, _)| (mark, n));
            return self.open.is_some();
        };
        if fence.is_some_and(|(same, n, rest)| same == mark && n >= length && rest.trim().is_empty()) {
            self.open = None;
        }
        true
    }
}

/// The fence that a line begins with, behind the markers of lists and quotations: its mark, its length, what follows it.
fn fence_of(line: &str) -> Option<(u8, usize, &str)> {
    let content = line.trim_start_matches(|letter: char| letter.is_ascii_digit() || " \t>-*+.)".contains(letter));
    let mark = *content.as_bytes().first().filter(|mark| matches!(mark, b'`' | b'~'))?;
    let length = content.bytes().take_while(|&byte| byte == mark).count();
    content.get(length..).filter(|_| length >= 3).map(|rest| (mark, length, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_between_fences_are_code() {
        let text = "a\n```rust\nb\n~~~\n````\nc\n> 1. ~~~\nd\n```\n> ~~~\n```x``` e\n   ```\nf";
        let mut fence = Fence::default();
        let code: Vec<_> = text.lines().filter(|line| !fence.is_code(line)).collect();
        assert_eq!(code, ["a", "c", "```x``` e"]);
    }
}
