//! Whether the head of a request is on its way, found out from the bytes of a connection.

use tokio::time::Instant;

/// What HTTP/2 begins with; no request of HTTP/1 does.
const HTTP_2: [u8; 4] = *b"PRI ";
/// How answers begin that are not the last one: 100 Continue.
const INTERIM: &[u8] = b"HTTP/1.1 1";

/// Follows a connection and knows when the head of a request began that is not whole yet.
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    state: State,
    opening: Vec<u8>,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing came since the last answer.
    #[default]
    Idle,
    /// A head is coming.
    Head {
        since: Instant,
        /// Whether more came than the empty lines that may stand before it.
        has_text: bool,
        /// Whether nothing but a carriage return came since the end of a line.
        is_line_empty: bool,
    },
    /// A head came; its body may come, and its answer is awaited.
    Whole,
}

impl HeadScan {
    /// Since when a head is coming.
    pub(crate) fn since(&self) -> Option<Instant> {
        match self.state {
            State::Head { since, .. } => Some(since),
            _ => None,
        }
    }

    /// Whether the client began to speak HTTP/2.
    pub(crate) fn is_http_2(&self) -> bool {
        self.opening == HTTP_2
    }

    /// These bytes came.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        let missing = HTTP_2.len().saturating_sub(self.opening.len());
        self.opening.extend(bytes.iter().take(missing));
        if matches!(self.state, State::Idle) && !bytes.is_empty() {
            self.state = State::Head { since: Instant::now(), has_text: false, is_line_empty: false };
        }
        let State::Head { has_text, is_line_empty, .. } = &mut self.state else { return };
        for byte in bytes {
            match byte {
                b'\n' if *is_line_empty => {
                    self.state = State::Whole;
                    return;
                }
                b'\n' => *is_line_empty = *has_text,
                b'\r' => {}
                _ => (*has_text, *is_line_empty) = (true, false),
            }
        }
    }

    /// An answer that begins with these bytes is written, or some of it.
    pub(crate) fn answer(&mut self, bytes: &[u8]) {
        if !bytes.starts_with(INTERIM) {
            self.state = State::Idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_coming(pieces: &[&str]) -> bool {
        let mut scan = HeadScan::default();
        for piece in pieces {
            scan.read(piece.as_bytes());
        }
        scan.since().is_some()
    }

    #[test]
    fn a_head_is_coming_until_its_empty_line() {
        for pieces in [&["G"][..], &["GET / HTTP/1.1\r\n"], &["\r\n", "\r\n\r\n"], &["GET /\r\nA: b\r\n", "\r"]] {
            assert!(is_coming(pieces), "{pieces:?}");
        }
        for pieces in [&[][..], &[""], &["GET /\r\n\r\n"], &["GET /\n\n"], &["\r\nGET /\r\nA: b", "\r", "\n\r", "\n{"]]
        {
            assert!(!is_coming(pieces), "{pieces:?}");
        }
        let mut http_2 = HeadScan::default();
        http_2.read(b"P");
        assert!(!http_2.is_http_2());
        http_2.read(b"RI * HTTP/2.0\r\n");
        assert!(http_2.is_http_2());
    }

    #[test]
    fn a_body_is_no_head_and_what_follows_an_answer_is() {
        let mut scan = HeadScan::default();
        scan.read(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n");
        scan.answer(b"HTTP/1.1 100 Continue\r\n\r\n");
        scan.read(b"{}");
        assert!(scan.since().is_none());
        scan.answer(b"HTTP/1.1 200 OK\r\n");
        assert!(scan.since().is_none());
        scan.read(b"G");
        assert!(scan.since().is_some());
    }
}
