//! What browsers are told about every answer.

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Nothing may be loaded for what is no page, and no page may show it in a frame.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// Adds them; a page of the host's own that says what it loads keeps what it says.
pub(crate) fn add(headers: &mut HeaderMap) {
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NOTHING));
    let fixed: [(HeaderName, &'static str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
