//! What keys of level team lead may do, and admins too: all within their own team.

mod keys;
mod own_team;
mod webhook;

pub(super) use keys::TeamKeys;
pub(super) use own_team::OwnTeam;
pub(super) use webhook::TeamWebhook;
