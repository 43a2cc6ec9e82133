//! Secrets as they lie in the store: sealed, so that whoever has the database alone reads none of them, and bound to
//! their place, so that whoever writes to it cannot pass one team's secret off as another's.
//!
//! ```
//! # fn main() -> arash_core::Result<()> {
//! use arash_core::Secret;
//! use arash_core::seal::{Keyring, Place};
//!
//! let keyring = Keyring::generate()?;
//! let place = Place::new("webhook_endpoints", "secret", 7);
//! let sealed = keyring.seal(place, &Secret::new("whsec_…"))?;
//! assert_eq!(keyring.open(place, &sealed)?.expose(), "whsec_…");
//! assert!(keyring.open(Place::new("webhook_endpoints", "secret", 8), &sealed).is_err());
//! # Ok(())
//! # }
//! ```

mod key;
mod keyring;

pub use key::{KeyMark, SealingKey, SealingKeyId};
pub use keyring::Keyring;

use std::fmt;

/// Where a sealed secret lies. What was sealed for one place opens at no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    table: &'static str,
    column: &'static str,
    row: i64,
}

impl Place {
    /// The column of this name in the row of this number.
    pub const fn new(table: &'static str, column: &'static str, row: i64) -> Self {
        Self { table, column, row }
    }

    /// What is authenticated along with the secret: its names with their lengths, so that no two places are alike.
    fn associated_data(self) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.table.len() + self.column.len() + 24);
        for name in [self.table, self.column] {
            data.extend_from_slice(&(name.len() as u64).to_be_bytes());
            data.extend_from_slice(name.as_bytes());
        }
        data.extend_from_slice(&self.row.to_be_bytes());
        data
    }
}

/// A secret that only a keyring opens: `version (1 byte) | id of the key (4) | nonce (24) | XChaCha20-Poly1305`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

impl Sealed {
    /// The key that it was sealed with; `None` where the bytes are none that were sealed.
    pub fn key_id(&self) -> Option<SealingKeyId> {
        keyring::parts(&self.0).map(|parts| parts.key_id)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
