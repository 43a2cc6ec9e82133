/// How safe a commit is when it is acknowledged.
///
/// Either way it is whole or not there at all, and it survives the end of this program, `kill -9` too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// It is on the disk: it survives a loss of power. Every commit waits for the disk, which takes from a fraction
    /// of a millisecond to some ten of them; turns that are recorded together wait together.
    #[default]
    Full,
    /// The system has it, and writes it to the disk a moment later: no commit waits for the disk. What was
    /// acknowledged in the last moments is lost with the machine's power, and on PostgreSQL with a crash of the
    /// server too: answers that were given, and the use that was counted for them. What was before is untouched.
    Process,
}

/// How a SQL database is used.
///
/// ```
/// use arash_core::store::{Durability, SqlOptions};
///
/// let options = SqlOptions::default().durability(Durability::Process);
/// assert_eq!(options.durability, Durability::Process);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqlOptions {
    /// How safe a commit is when it is acknowledged.
    pub durability: Durability,
}

impl SqlOptions {
    /// The same with this durability.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }
}
