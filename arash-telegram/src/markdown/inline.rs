//! Marks within a paragraph that is still being written.

/// The text with every mark closed that is open at its end, or without it.
pub(super) fn closed(text: &str) -> String {
    let mut scan = Scan { text, at: 0, end: text.len(), open: Vec::new(), brackets: Vec::new(), last: String::new() };
    while scan.at < scan.end {
        scan.step();
    }
    scan.finish()
}

/// Goes through a paragraph once.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Where the text is cut off.
    end: usize,
    /// Marks that are open.
    open: Vec<Open>,
    /// Where brackets are open.
    brackets: Vec<usize>,
    /// The mark of the code or the formula that the text ends in.
    last: String,
}

/// A mark of `length` times the same sign.
#[derive(Clone, Copy, Debug)]
struct Open {
    sign: char,
    length: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    /// Goes one sign further.
    fn step(&mut self) {
        let rest = self.rest();
        let Some(sign) = rest.chars().next() else { return };
        match sign {
            '\\' if rest.starts_with("\\(") => self.verbatim(2, "\\)"),
            '\\' if rest.starts_with("\\[") => self.verbatim(2, "\\]"),
            '\\' => self.at += 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            '<' => self.tag(),
            '[' => {
                self.brackets.push(self.at);
                self.at += 1;
            }
            ']' => self.bracket(),
            _ => {
                let length = rest.chars().take_while(|&same| same == sign).count();
                match sign {
                    '`' => self.code(length),
                    '$' if length == 2 => self.verbatim(2, "$$"),
                    '*' | '_' | '~' | '|' => self.mark(sign, length),
                    _ => self.at += sign.len_utf8() * length,
                }
            }
        }
    }

    /// A formula, which ends with `close`.
    fn verbatim(&mut self, length: usize, close: &str) {
        let Some(inner) = self.rest().get(length..) else { return };
        if let Some(found) = inner.find(close) {
            self.at += length + found + close.len();
        } else if inner.trim().trim_end_matches(['\\', '$']).is_empty() {
            self.end = self.at;
        } else {
            // Its end may have come in half.
            self.end = self.at + length + inner.trim_end_matches(['\\', '$']).len();
            close.clone_into(&mut self.last);
            self.at = self.end;
        }
    }

    /// Code between marks of `length` backticks.
    fn code(&mut self, length: usize) {
        let Some(inner) = self.rest().get(length..) else { return };
        let mut at = 0;
        while let Some(found) = inner.get(at..).and_then(|rest| rest.find('`')) {
            let run = inner.get(at + found..).unwrap_or_default().bytes().take_while(|&byte| byte == b'`').count();
            at += found + run;
            if run == length {
                self.at += length + at;
                return;
            }
        }
        let code = inner.trim_end_matches('`').trim_end();
        self.end = if code.is_empty() { self.at } else { self.at + length + code.len() };
        if !code.is_empty() {
            self.last = "`".repeat(length);
        }
        self.at = self.end;
    }

    /// A tag or an address in angle brackets that may not have come whole.
    fn tag(&mut self) {
        let inner = self.rest().get(1..).unwrap_or_default();
        let begins_tag =
            inner.is_empty() || inner.starts_with(|first: char| first.is_ascii_alphabetic() || "/!".contains(first));
        if !begins_tag {
            self.at += 1;
            return;
        }
        match inner.find(|letter: char| letter == '>' || letter.is_whitespace()) {
            Some(length) => self.at += 1 + length,
            None => self.end = self.at,
        }
    }

    /// The end of a link's text, and its address if one follows.
    fn bracket(&mut self) {
        let open = self.brackets.pop();
        self.at += 1;
        let Some(start) = open else { return };
        let rest = self.rest();
        if let Some(address) = rest.strip_prefix('(') {
            match address_len(address) {
                Address::Whole(length) | Address::None(length) => self.at += 1 + length,
                Address::Half => {
                    self.brackets.push(start);
                    self.end = self.at - 1;
                }
            }
        } else if rest.is_empty() {
            self.brackets.push(start);
            self.end = self.at - 1;
        }
    }

    /// Marks of emphasis and the like, `length` of them.
    fn mark(&mut self, sign: char, length: usize) {
        let before = self.text.get(..self.at).and_then(|text| text.chars().next_back());
        let after = self.rest().chars().nth(length);
        let is_within_word = before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
        let is_last = after.is_none();
        let at = self.at;
        self.at += length;
        let pairs_only = matches!(sign, '~' | '|');
        if let Some(open) = self.open.last_mut().filter(|open| open.sign == sign)
            && before.is_some_and(|letter| !letter.is_whitespace())
        {
            if is_last && length < open.length {
                // Its end has come in half.
                self.end = at;
            } else if length >= open.length {
                self.open.pop();
            } else if !pairs_only {
                open.length -= length;
            }
            return;
        }
        if is_last {
            self.end = at;
        } else if after.is_some_and(|letter| !letter.is_whitespace())
            && !(is_within_word && (sign == '_' || length == 1))
            && (!pairs_only || length == 2)
        {
            self.open.push(Open { sign, length });
        }
    }

    fn finish(self) -> String {
        let mut text = self.text.get(..self.end).unwrap_or_default().to_owned();
        if let Some(&bracket) = self.brackets.last()
            && bracket < text.len()
        {
            let is_image = text.get(..bracket).is_some_and(|before| before.ends_with('!'));
            text.drain(bracket - usize::from(is_image)..=bracket);
        }
        text.truncate(text.trim_end().len());
        text.push_str(&self.last);
        for open in self.open.iter().rev() {
            text.extend(std::iter::repeat_n(open.sign, open.length));
        }
        text
    }
}

/// How much of a link's address has come.
enum Address {
    /// All of it: so many bytes with its closing bracket.
    Whole(usize),
    /// Some.
    Half,
    /// It is none, and so many bytes belong to no other.
    None(usize),
}

/// Finds the end of an address that follows a round bracket.
fn address_len(text: &str) -> Address {
    let mut depth = 1;
    let mut blank = false;
    for (index, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\n' if blank => return Address::None(index),
            _ => {}
        }
        if depth == 0 {
            return Address::Whole(index + 1);
        }
        if blank && !letter.is_whitespace() {
            // Behind a blank there may be a title.
            if !"\"'(".contains(letter) {
                return Address::None(index);
            }
            return text
                .get(index + 1..)
                .and_then(|title| title.find(')'))
                .map_or(Address::Half, |end| Address::Whole(index + end + 2));
        }
        blank = letter.is_whitespace();
    }
    Address::Half
}
