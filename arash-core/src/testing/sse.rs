use crate::ai::{SseDecoder, SseEvent, SseTooLong};

/// So small that inputs of some hundred bytes reach it.
const LIMIT: usize = 64;

/// Checks that a stream of server-sent events means the same however its bytes are cut, for property tests and fuzzers.
///
/// The first byte tells how many of the next ones are lengths of pieces; the rest is the stream, whose end comes in
/// one piece.
///
/// # Panics
/// When it does not.
pub fn sse_is_the_same_however_it_is_cut(input: &[u8]) {
    let (count, rest) = input.split_first().map_or((0, input), |(count, rest)| (usize::from(*count), rest));
    let (lengths, stream) = rest.split_at(count.min(rest.len()));
    let mut pieces = Vec::with_capacity(lengths.len() + 1);
    let mut left = stream;
    for length in lengths {
        let (piece, after) = left.split_at(usize::from(*length).min(left.len()));
        pieces.push(piece);
        left = after;
    }
    pieces.push(left);
    let whole = decode(&[stream]);
    assert_eq!(decode(&pieces), whole, "in pieces of {lengths:?}");
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(decode(&bytes), whole, "byte by byte");
}

/// The events, and how the stream ended.
fn decode(pieces: &[&[u8]]) -> (Vec<SseEvent>, Result<(), SseTooLong>) {
    let (mut decoder, mut events) = (SseDecoder::new(LIMIT), Vec::new());
    for piece in pieces {
        if let Err(fault) = decoder.feed(piece, &mut events) {
            return (events, Err(fault));
        }
    }
    let end = decoder.finish().map(|last| events.extend(last));
    (events, end)
}
