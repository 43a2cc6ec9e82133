/// What becomes of a field that may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Edit<T> {
    /// What is to be written, if something is: `None` within stands for nothing.
    pub fn as_written(&self) -> Option<Option<&T>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }

    /// The value that is set, if one is.
    pub fn value(&self) -> Option<&T> {
        self.as_written().flatten()
    }
}

impl<T: Clone> Edit<T> {
    /// Makes the change.
    pub(super) fn apply(&self, field: &mut Option<T>) {
        if let Some(written) = self.as_written() {
            *field = written.cloned();
        }
    }
}
