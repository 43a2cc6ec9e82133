/// A place in a text, between two characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Bytes before it.
    pub(super) byte: usize,
    /// UTF-16 code units before it.
    pub(super) utf16: usize,
}

impl Position {
    /// The place behind one more character.
    pub(super) fn after(self, letter: char) -> Self {
        Self { byte: self.byte + letter.len_utf8(), utf16: self.utf16 + letter.len_utf16() }
    }

    /// The first of sorted places that is not before `wanted`; the last one where there is none.
    pub(super) fn find(places: &[Self], wanted: usize, measure: impl Fn(Self) -> usize) -> Self {
        let index = places.partition_point(|&place| measure(place) < wanted);
        places.get(index).or(places.last()).copied().unwrap_or_default()
    }
}

/// The places in `text` that are `wanted` by `measure`, sorted. Who wants a place within a character gets the one behind
/// it, who wants one beyond the text gets its end.
pub(super) fn positions(
    text: &str,
    wanted: impl Iterator<Item = usize>,
    measure: impl Fn(Position) -> usize,
) -> Vec<Position> {
    let mut wanted: Vec<usize> = wanted.collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut places = Vec::with_capacity(wanted.len());
    let mut here = Position::default();
    let mut letters = text.chars();
    for wanted in wanted {
        while measure(here) < wanted {
            let Some(letter) = letters.next() else { break };
            here = here.after(letter);
        }
        if places.last() != Some(&here) {
            places.push(here);
        }
    }
    places
}
