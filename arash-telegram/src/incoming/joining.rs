use std::time::Duration;

use arash_core::clock::Timestamp;

use super::Ask;

/// From this length on a text may go on in the next message, in UTF-16 units: apps cut at 4,096, or at white space
/// before.
const LONG_TEXT_UNITS: usize = 4_000;
/// How long a long text waits for what follows.
const TEXT_PAUSE: Duration = Duration::from_secs(1);
/// How long an album waits for its next part.
const ALBUM_PAUSE: Duration = Duration::from_millis(700);
/// Most parts of an album.
const MAX_ALBUM_PARTS: usize = 10;
/// Most messages of one text: more than the engine takes, so that it is refused as one, and not without end.
const MAX_TEXT_PARTS: usize = 32;

/// An ask that waits in a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting<'a> {
    /// The ask.
    pub(crate) ask: &'a Ask,
    /// When its update was received.
    pub(crate) received_at: Timestamp,
}

/// What to do with the first that waits in a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    /// Nothing waits.
    Idle,
    /// More of it may come before this.
    Until(Timestamp),
    /// It is whole: the asks at these places, in order, the first of all among them, are one turn. See [`Ask::merge`].
    Turn(Vec<usize>),
    /// Those at these places are not for the bot.
    Drop(Vec<usize>),
}

impl Joining {
    /// Tells which of the asks that wait in a lane belong to the first, and whether more may come.
    ///
    /// Parts of an album have its id in common; others may have written in between. A long text goes on in the next
    /// message of the same person, if that is a text alone, replies to nothing and was sent within a second: as
    /// Telegram tells the time, for what was sent while the bot was away is received all at once.
    pub(crate) fn of(queue: &[Waiting<'_>], now: Timestamp) -> Self {
        let Some(first) = queue.first() else { return Self::Idle };
        let (parts, due) = match &first.ask.album {
            Some(album) => album_parts(queue, album),
            None => text_parts(queue),
        };
        match due {
            Some(due) if due > now => Self::Until(due),
            _ if parts.iter().all(|&at| queue.get(at).is_none_or(|part| part.ask.is_aside)) => Self::Drop(parts),
            _ => Self::Turn(parts),
        }
    }
}

/// Where the parts of an album are, and until when the next may come.
fn album_parts(queue: &[Waiting<'_>], album: &str) -> (Vec<usize>, Option<Timestamp>) {
    let mut due = None;
    let mut parts = Vec::new();
    let is_part = |part: &Waiting<'_>| part.ask.album.as_deref() == Some(album);
    for (at, part) in queue.iter().enumerate().filter(|(_, part)| is_part(part)).take(MAX_ALBUM_PARTS) {
        parts.push(at);
        due = due.max(Some(part.received_at.plus(ALBUM_PAUSE)));
    }
    let is_full = parts.len() == MAX_ALBUM_PARTS;
    (parts, due.filter(|_| !is_full))
}

/// Where the parts of a text are, and until when the next may come.
fn text_parts(queue: &[Waiting<'_>]) -> (Vec<usize>, Option<Timestamp>) {
    let mut waiting = queue.iter().enumerate();
    let Some((first, mut last)) = waiting.next() else { return (Vec::new(), None) };
    let mut parts = vec![first];
    if last.ask.is_aside {
        return (parts, None);
    }
    while last.ask.may_go_on() && parts.len() < MAX_TEXT_PARTS {
        let same = waiting.find(|(_, next)| next.ask.origin.user_id == last.ask.origin.user_id);
        match same {
            None => return (parts, Some(last.received_at.plus(TEXT_PAUSE))),
            Some((at, next)) if last.ask.goes_on_in(next.ask) => {
                parts.push(at);
                last = next;
            }
            Some(_) => break,
        }
    }
    (parts, None)
}

impl Ask {
    /// Whether it may belong to another message: a part of an album, or the rest of a text.
    pub(super) fn may_be_part(&self) -> bool {
        self.album.is_some() || self.is_rest()
    }

    fn is_text(&self) -> bool {
        self.media.is_empty() && !self.is_command
    }

    /// Whether it may be the rest of a text: apps make a reply of the first message only.
    fn is_rest(&self) -> bool {
        self.is_text() && !self.is_reply
    }

    /// Whether its text is so long that the next message may be the rest of it.
    fn may_go_on(&self) -> bool {
        self.is_text() && self.units >= LONG_TEXT_UNITS
    }

    /// Whether its text goes on in the next message of the same person.
    fn goes_on_in(&self, next: &Self) -> bool {
        let is_soon = next.origin.sent_at.since(self.origin.sent_at) <= TEXT_PAUSE;
        is_soon && next.is_rest()
    }
}
