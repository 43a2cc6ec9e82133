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
    let address = address(part);
    // Upstreams know other kinds than `image_url` too.
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let is_image = kind.contains("image") || part.get("image_url").is_some();
    if !is_image && !address.is_some_and(|address| has_prefix(address, "data:image/")) {
        return None;
    }
    let Some(limit) = limit else {
        return Some("is an image, but images are switched off here (ENABLE_IMAGE_PROCESSING)".to_owned());
    };
    let (_, content) = address.filter(|address| has_prefix(address, "data:"))?.split_once(',')?;
    let bytes = content.trim_end_matches('=').len() / 4 * 3;
    (bytes > limit).then(|| format!("is an image of {bytes} bytes or more, at most {limit} are accepted"))
}

/// Where what a part shows is, or is itself.
fn address(part: &Value) -> Option<&str> {
    let places = ["/image_url/url", "/image_url", "/file/file_data", "/image/url", "/image", "/url"];
    places.into_iter().find_map(|place| part.pointer(place)?.as_str())
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
