use super::{Ask, Lane};

/// Which of the asks that wait in a lane an edit changes: the one of the same message, of the same chat. What is being
/// answered, or was, is not among them; then the edit comes too late and means nothing.
pub(crate) fn edited<'a>(waiting: impl IntoIterator<Item = &'a Ask>, edit: &Ask) -> Option<usize> {
    let place = |ask: &Ask| -> (Lane, _) { (ask.origin.lane, ask.origin.message_id) };
    waiting.into_iter().position(|ask| place(ask) == place(edit))
}

impl Ask {
    /// Makes it what its message has become. It stays where it is, of the update that first told of it; both updates
    /// are done when it is.
    pub(crate) fn become_what(&mut self, edit: Self) {
        let mut update_ids = std::mem::take(&mut self.update_ids);
        update_ids.extend(edit.update_ids.iter().filter(|id| !update_ids.contains(id)).copied().collect::<Vec<_>>());
        let origin = self.origin.clone();
        *self = Self { origin, update_ids, is_edit: false, ..edit };
    }
}
