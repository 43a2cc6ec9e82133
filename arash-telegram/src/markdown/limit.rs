use super::rich::Rich;

/// Longest text of a message, in UTF-16 code units.
pub const MAX_MESSAGE_LEN: usize = 4096;
/// Most entities of a message. Telegram drops what is more.
pub const MAX_ENTITIES: usize = 100;

impl Rich {
    /// The same with at most [`MAX_ENTITIES`]. Those stay without which most is lost: code before links, links before
    /// bold text; of a kind, the first ones.
    pub(super) fn limited(mut self) -> Self {
        if self.spans.len() > MAX_ENTITIES {
            let mut order: Vec<usize> = (0..self.spans.len()).collect();
            order.sort_by_key(|&index| self.spans.get(index).map(|span| span.kind.dispensability()));
            let mut is_kept = vec![false; self.spans.len()];
            for &index in order.iter().take(MAX_ENTITIES) {
                if let Some(is_kept) = is_kept.get_mut(index) {
                    *is_kept = true;
                }
            }
            let mut is_kept = is_kept.into_iter();
            self.spans.retain(|_| is_kept.next() == Some(true));
        }
        self
    }
}
