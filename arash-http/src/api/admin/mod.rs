//! What only keys of level admin may do.

mod audit;
mod keys;
mod teams;

pub(super) use audit::AdminAudit;
pub(super) use keys::AdminKeys;
pub(super) use teams::AdminTeams;
