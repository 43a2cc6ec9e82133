use std::mem;
use std::sync::Arc;

/// One event of a stream of server-sent events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// Its type; empty where none was given, which means `message`.
    pub event: String,
    /// Its lines of data, with line feeds between them.
    pub data: String,
    /// The last id that was given in the stream so far; empty for none. Shared, so that a long one is not copied for every
    /// event after it.
    pub id: Arc<str>,
}

/// A line or an event is longer than is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is over {limit} bytes")]
pub struct SseTooLong {
    limit: usize,
}

/// Makes events of the bytes of a `text/event-stream`, however these are cut.
///
/// By the rules of the [standard](https://html.spec.whatwg.org/multipage/server-sent-events.html): lines end with LF, CR
/// or both, a byte order mark at the start and comments are skipped, `retry` is ignored, what is not UTF-8 is replaced.
/// It never holds more than its limit. What it has not seen the end of can be had by [`finish`](SseDecoder::finish),
/// because some services leave out the last empty line.
///
/// ```
/// use arash_core::ai::SseDecoder;
///
/// # fn main() -> Result<(), arash_core::ai::SseTooLong> {
/// let (mut decoder, mut events) = (SseDecoder::new(1024), Vec::new());
/// decoder.feed(b"data: Hel", &mut events)?;
/// assert!(events.is_empty());
/// decoder.feed(b"lo\n\n", &mut events)?;
/// assert_eq!(events[0].data, "Hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SseDecoder {
    limit: usize,
    line: Vec<u8>,
    event: SseEvent,
    has_data: bool,
    is_begun: bool,
    was_cr: bool,
}

impl SseDecoder {
    /// A decoder that takes no line and no event of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, line: Vec::new(), event: SseEvent::default(), has_data: false, is_begun: false, was_cr: false }
    }

    /// Takes more of the stream; adds the events that end within it to `events`.
    ///
    /// # Errors
    /// [`SseTooLong`]; the stream cannot be read any further then. The events before that are told.
    pub fn feed(&mut self, mut bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), SseTooLong> {
        loop {
            if mem::take(&mut self.was_cr) {
                match bytes.split_first() {
                    // The second half of a line's end that was cut in two.
                    Some((b'\n', rest)) => bytes = rest,
                    Some(_) => {}
                    None => {
                        self.was_cr = true;
                        return Ok(());
                    }
                }
            }
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n' || byte == b'\r') else {
                self.extend(bytes)?;
                return Ok(());
            };
            let (line, rest) = bytes.split_at(end);
            self.extend(line)?;
            self.was_cr = rest.first() == Some(&b'\r');
            bytes = rest.get(1..).unwrap_or_default();
            events.extend(self.end_line()?);
        }
    }

    /// The event that was begun when the stream ended, if any.
    ///
    /// # Errors
    /// [`SseTooLong`]
    pub fn finish(mut self) -> Result<Option<SseEvent>, SseTooLong> {
        if !self.line.is_empty() {
            self.end_line()?;
        }
        Ok(self.dispatch())
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), SseTooLong> {
        if self.line.len() + bytes.len() > self.limit {
            return Err(SseTooLong { limit: self.limit });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<SseEvent>, SseTooLong> {
        let bytes = mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let line = if mem::replace(&mut self.is_begun, true) {
            &*text
        } else {
            text.strip_prefix('\u{feff}').unwrap_or(&text)
        };
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                if mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                if self.event.data.len() > self.limit {
                    return Err(SseTooLong { limit: self.limit });
                }
            }
            "event" => value.clone_into(&mut self.event.event),
            "id" if !value.contains('\0') => self.event.id = value.into(),
            // A comment, a time to wait before connecting anew, or something that nobody knows.
            _ => {}
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let id = Arc::clone(&self.event.id);
        let event = mem::replace(&mut self.event, SseEvent { id, ..SseEvent::default() });
        mem::take(&mut self.has_data).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::sse_is_the_same_however_it_is_cut;

    fn data(bytes: &[u8]) -> Vec<String> {
        feed(&mut SseDecoder::new(1 << 10), bytes).unwrap().into_iter().map(|event| event.data).collect()
    }

    fn feed(decoder: &mut SseDecoder, bytes: &[u8]) -> Result<Vec<SseEvent>, SseTooLong> {
        let mut events = Vec::new();
        decoder.feed(bytes, &mut events).map(|()| events)
    }

    #[test]
    fn lines_may_end_in_three_ways() {
        for end in ["\n", "\r", "\r\n"] {
            let text = format!("data: a{end}data:b{end}{end}data{end}{end}{end}data:  c{end}{end}");
            // A lone CR at the very end may be half of a CRLF, but the line has ended all the same.
            assert_eq!(data(text.as_bytes()), ["a\nb", "", " c"], "{end:?}");
        }
    }

    #[test]
    fn fields_mean_what_the_standard_says() {
        let text = concat!(
            "\u{feff}event: one\nid: 7\nretry: 10\n: comment\nunknown: x\ndata: 1\n\n",
            "event: never\n\ndata: 2\n\nid: a\0b\ndata: 3\n\nid\ndata: 4\n\ndata: cut"
        );
        let mut decoder = SseDecoder::new(1 << 10);
        let events = feed(&mut decoder, text.as_bytes()).unwrap();
        let found: Vec<_> = events.iter().map(|e| (&*e.event, &*e.data, &*e.id)).collect();
        assert_eq!(found, [("one", "1", "7"), ("", "2", "7"), ("", "3", "7"), ("", "4", "")]);
        assert_eq!(decoder.finish().unwrap().unwrap().data, "cut");
        assert_eq!(SseDecoder::new(9).finish().unwrap(), None);
    }

    #[test]
    fn letters_may_be_cut_and_bad_ones_are_replaced() {
        let mut decoder = SseDecoder::new(100);
        let mut found = Vec::new();
        for byte in "data: سلام\r\n\r\n".as_bytes() {
            decoder.feed(&[*byte], &mut found).unwrap();
        }
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].data, "سلام");
        assert_eq!(data(b"data: a\xffb\n\n"), ["a\u{fffd}b"]);
    }

    #[test]
    fn what_is_too_long_is_an_error_and_not_kept() {
        let line = format!("data: {}\n\n", "x".repeat(94));
        assert_eq!(feed(&mut SseDecoder::new(100), line.as_bytes()).unwrap().len(), 1);
        assert!(feed(&mut SseDecoder::new(99), line.as_bytes()).is_err(), "a line");
        assert!(feed(&mut SseDecoder::new(100), &b"data: x\n".repeat(51)).is_err(), "an event of many lines");
        let mut decoder = SseDecoder::new(100);
        let mut fed = 0;
        while feed(&mut decoder, &[b'x'; 7]).is_ok() {
            fed += 7;
            assert!(fed <= 100);
        }
        // Comments are not gathered.
        assert_eq!(feed(&mut SseDecoder::new(10), &b": nothing\n".repeat(1000)).unwrap(), []);
    }

    #[test]
    fn a_long_id_is_not_copied_for_every_event() {
        let text = format!("id: {}\n{}", "x".repeat(500), "data\n\n".repeat(3));
        let events = feed(&mut SseDecoder::new(1 << 10), text.as_bytes()).unwrap();
        assert!(events.len() == 3 && events.iter().all(|event| Arc::ptr_eq(&event.id, &events[0].id)));
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_events(
            bytes in proptest::collection::vec(prop_oneof![
                Just(b"\r".to_vec()), Just(b"\n".to_vec()), Just(b"data:".to_vec()), Just(b"id: 1".to_vec()),
                Just(b"event: e".to_vec()), Just("\u{feff}".as_bytes().to_vec()), Just("ی".as_bytes().to_vec()),
                proptest::collection::vec(any::<u8>(), 0..4),
            ], 0..40),
            cuts in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let input = [&[u8::try_from(cuts.len()).unwrap()], &*cuts, &*bytes.concat()].concat();
            sse_is_the_same_however_it_is_cut(&input);
        }
    }
}
