//! What only keys of level admin may do.

mod keys;
mod teams;

pub(super) use keys::AdminKeys;
pub(super) use teams::AdminTeams;
