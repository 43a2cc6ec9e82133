//! The forms that fields of teams and keys have to have.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::FieldError;

/// Longest name of a team or key, in characters.
const MAX_NAME_CHARS: usize = 255;
/// Longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 2_000;
/// Largest quota.
const MAX_QUOTA: u64 = 1_000_000_000_000;
/// Longest life of a key.
const MAX_DAYS: u32 = 36_500;

pub(super) fn check_name(name: &str, faults: &mut Vec<FieldError>) {
    let chars = name.chars().count();
    if name.trim().is_empty() || chars > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        let message = format!("must have 1 to {MAX_NAME_CHARS} characters, none of them a control character");
        faults.push(FieldError { field: "name".into(), message: message.into() });
    }
}

pub(super) fn check_description(description: Option<&str>, faults: &mut Vec<FieldError>) {
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION_CHARS || text.contains('\0')) {
        let message = format!("must have at most {MAX_DESCRIPTION_CHARS} characters, none of them U+0000");
        faults.push(FieldError { field: "description".into(), message: message.into() });
    }
}

pub(super) fn check_quota(field: &'static str, quota: Option<u64>, faults: &mut Vec<FieldError>) {
    if quota.is_some_and(|quota| quota > MAX_QUOTA) {
        faults.push(FieldError { field: field.into(), message: format!("must be 0 to {MAX_QUOTA}, or null").into() });
    }
}

pub(super) fn check_expiry(days: Option<u32>, faults: &mut Vec<FieldError>) {
    if days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
        let message = format!("must be 1 to {MAX_DAYS}, or null");
        faults.push(FieldError { field: "expires_in_days".into(), message: message.into() });
    }
}

/// The moment so many days from now.
pub(super) fn expiry(now: Timestamp, days: u32) -> Timestamp {
    now.plus(Duration::from_secs(u64::from(days) * 86_400))
}
