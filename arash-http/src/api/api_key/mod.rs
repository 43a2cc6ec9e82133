//! API keys as requests describe them and as answers show them, alike for administrators and team leads.

mod ending;
mod info;
mod input;

pub(super) use ending::revoke_or_delete;
pub(crate) use info::KeyInfo;
pub(super) use info::{ApiKeyIssued, ApiKeyList};
pub(super) use input::{ApiKeyInput, ApiKeyPatch, RotationInput, TeamApiKeyInput};
