//! Who is calling: teams, their API keys, and the check of a key.

mod authenticator;
mod key;
mod keys;
mod level;
mod principal;
mod store;
mod teams;
mod types;

pub use authenticator::Authenticator;
pub use key::{KeyDigest, KeyEnvironment, PREFIX_CHARS, is_well_formed};
pub use keys::{ApiKeys, IssuedKey, KeySpec};
pub use level::AccessLevel;
pub use principal::Principal;
pub use store::TeamStore;
pub use teams::{TeamSpec, Teams};
pub use types::{ApiKey, KeyOwner, NewApiKey, NewTeam, PageAfter, Team};
