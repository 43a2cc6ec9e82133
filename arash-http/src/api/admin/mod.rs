//! What only keys of level admin may do.

mod audit;
mod keys;
mod overview;
mod stats;
mod teams;
mod usage;
mod webhook;

pub(super) use audit::AdminAudit;
pub(super) use keys::AdminKeys;
pub(super) use overview::AdminOverview;
pub(super) use stats::AdminStats;
pub(super) use teams::AdminTeams;
pub(super) use usage::AdminUsage;
pub(super) use webhook::AdminWebhooks;
