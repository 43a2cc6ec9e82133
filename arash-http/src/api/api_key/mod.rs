//! API keys as requests describe them and as answers show them, alike for administrators and team leads.

mod info;
mod input;

pub(super) use info::{ApiKeyIssued, ApiKeyList, KeyInfo};
pub(super) use input::{ApiKeyInput, ApiKeyPatch, RotationInput, TeamApiKeyInput};
