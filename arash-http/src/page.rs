//! How many entries of a list are asked for.

use crate::whole_number::WholeNumber;

/// The query parameter `limit`: 1 to 200, `DEFAULT` unless it is given.
pub(crate) type PageLimit<const DEFAULT: u32 = 50> = WholeNumber<1, 200, DEFAULT>;

impl<const DEFAULT: u32> PageLimit<DEFAULT> {
    /// How many entries a page has at most.
    pub(crate) fn entries(self) -> u32 {
        self.get()
    }

    /// One more than a page has: that tells whether there is a next page.
    pub(crate) fn with_one_more(self) -> u32 {
        self.get() + 1
    }
}
