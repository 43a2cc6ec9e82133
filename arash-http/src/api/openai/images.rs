//! What the settings say of images holds for those within a client's own request too.

use arash_core::ai::WireRequest;
use arash_core::settings::HttpSettings;
use arash_core::{Error, Result};
use serde_json::Value;

/// Refuses images that may not be in a request of so many bytes.
///
/// # Errors
/// `InvalidInput` naming the first such image.
pub(super) fn check(wire: Option<&WireRequest>, bytes: usize, settings: &HttpSettings) -> Result<()> {
    let limit = settings.image_limit();
    // Most requests are shorter than the largest image and need not be looked through once more.
    if limit.is_some_and(|limit| bytes <= limit) {
        return Ok(());
    }
    let messages = wire.and_then(|wire| wire.get("messages"));
    let messages: Vec<Value> = messages.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for (message, said) in messages.iter().enumerate() {
        let parts = said.get("content").and_then(Value::as_array).into_iter().flatten();
        for (place, part) in parts.enumerate() {
            if let Some(fault) = fault(part, limit) {
                return Err(Error::invalid(format!("messages[{message}].content[{place}]"), fault));
            }
        }
    }
    Ok(())
}

fn fault(part: &Value, limit: Option<usize>) -> Option<String> {
    // Upstreams know other kinds than `image_url` too.
    if !part.get("type")?.as_str()?.contains("image") {
        return None;
    }
    let Some(limit) = limit else {
        return Some("is an image, but images are switched off here (ENABLE_IMAGE_PROCESSING)".to_owned());
    };
    let (_, content) = part.pointer("/image_url/url")?.as_str()?.strip_prefix("data:")?.split_once(',')?;
    let bytes = content.trim_end_matches('=').len() / 4 * 3;
    (bytes > limit).then(|| format!("is an image of {bytes} bytes or more, at most {limit} are accepted"))
}
