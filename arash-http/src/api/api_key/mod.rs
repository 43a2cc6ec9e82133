//! API keys as requests describe them and as answers show them, alike for administrators and team leads.

mod ending;
mod info;
mod input;
mod refused;

pub(super) use ending::revoke_or_delete;
pub(crate) use info::KeyInfo;
pub(super) use info::{ApiKeyIssued, ApiKeyList};
pub(super) use input::{ApiKeyInput, ApiKeyPatch, RotationInput, TeamApiKeyInput};
pub(super) use refused::{ChangeRefused, CreationRefused, ListRefused, RevocationRefused, RotationRefused};
