//! What providers that ask over HTTP have in common: the client, bounded reading, and what failures mean.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap,
    HeaderName, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING,
};
use reqwest::{Client, Response, StatusCode, Url, redirect};

use crate::ai::{AiError, AiErrorKind};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::message::{Attachment, AttachmentSource};
use crate::retry_after;
use crate::secret::Secret;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest name of a model that is taken from an answer, in bytes.
const MAX_MODEL_BYTES: usize = 128;

/// The address of a service. `field` is what the error names.
pub(super) fn parse_url(field: &'static str, url: &str) -> Result<Url> {
    let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    parsed.ok_or_else(|| Error::invalid(field, "must be an http:// or https:// address"))
}

/// A client that follows no redirect, asks for no compression and sends small pieces at once. It goes through the proxy that
/// the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), as an operator who sets one expects.
pub(super) fn build_client(url: &Url) -> Result<Client> {
    let builder = || {
        Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .tcp_nodelay(true)
            .user_agent(concat!("arash/", env!("CARGO_PKG_VERSION")))
    };
    let client = match builder().build() {
        // Plain http needs no CA certificates, which a minimal container does not have.
        Err(_) if url.scheme() == "http" => builder().tls_certs_only([]).build(),
        built => built,
    };
    client.map_err(|fault| {
        Error::internal("the client for the AI service cannot be built; https needs this machine's CA certificates")
            .with_source(fault.without_url())
    })
}

/// Puts the key into `headers`, as `Authorization: Bearer`.
pub(super) fn set_api_key(headers: &mut HeaderMap, field: &'static str, key: &Secret) -> Result<()> {
    let value = Secret::new(format!("Bearer {}", key.expose()));
    let mut value = HeaderValue::from_str(value.expose())
        .map_err(|_| Error::invalid(field, "must be of visible ASCII characters"))?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}

/// Whether this is the name of a header that may be added to a request: those that tell its form are made with it, and a
/// second one would have the service read another request than was sent.
pub(crate) fn is_own_header(name: &str) -> bool {
    let of_form = [ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING];
    HeaderName::from_bytes(name.as_bytes()).is_ok_and(|name| !of_form.contains(&name))
}

/// Puts a further header into `headers`, in place of one of the same name.
pub(super) fn set_header(headers: &mut HeaderMap, name: &str, value: &Secret) -> Result<()> {
    let fault = || Error::invalid("headers", format!("{name:?} must be a header's name, with a value for one"));
    if !is_own_header(name) {
        return Err(fault());
    }
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault())?;
    let mut value = HeaderValue::from_str(value.expose()).map_err(|_| fault())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// Where an attachment's content is: its address, or itself as a `data:` URL.
pub(super) fn address(attachment: &Attachment) -> String {
    match &attachment.source {
        AttachmentSource::Url(url) => url.clone(),
        AttachmentSource::Inline(data) => {
            let media_type = attachment.media_type.as_deref().unwrap_or("application/octet-stream");
            let mut address = format!("data:{media_type};base64,");
            BASE64.encode_string(data, &mut address);
            address
        }
    }
}

/// Reads a body up to `limit` bytes and not a chunk further.
pub(super) async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, AiError> {
    let too_long = || malformed(format!("the answer is over {limit} bytes"));
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_long());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|fault| unreachable(fault, AiErrorKind::Malformed))? {
        if body.len() + chunk.len() > limit {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A fault of the connection; `otherwise` when it is neither its opening nor its slowness.
pub(super) fn unreachable(fault: reqwest::Error, otherwise: AiErrorKind) -> AiError {
    // A connection that took too long to open is both; nothing was sent, so it may be tried again.
    let kind = match &fault {
        fault if fault.is_connect() => AiErrorKind::Connect,
        fault if fault.is_timeout() => AiErrorKind::Timeout,
        _ => otherwise,
    };
    AiError::new(kind).with_source(fault.without_url())
}

/// What a status other than success means, as far as it tells by itself.
pub(super) fn refusal(response: &Response) -> AiError {
    let status = response.status();
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => AiErrorKind::RateLimited,
        _ if is_overload(status.as_u16()) => AiErrorKind::Overloaded,
        _ if is_misconfiguration(status.as_u16()) || status.is_redirection() => AiErrorKind::Misconfigured,
        _ if status.is_server_error() => AiErrorKind::Failed,
        _ => AiErrorKind::Refused,
    };
    let failure = AiError::new(kind).with_source(format!("HTTP status {}", status.as_u16()));
    match retry_after(response.headers()) {
        Some(delay) if failure.is_retryable() => failure.with_retry_after(delay),
        _ => failure,
    }
}

/// Whether a status says that the service cannot answer now; 529 is one that some of them made up for it.
pub(super) fn is_overload(status: u16) -> bool {
    matches!(status, 408 | 502..=504 | 529)
}

/// Whether a status says that the key or its account is at fault, or the address: there is nothing any more, or it has
/// moved.
pub(super) fn is_misconfiguration(status: u16) -> bool {
    matches!(status, 401..=405 | 410)
}

/// The wait that the answer asks for.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    retry_after::parse(text(RETRY_AFTER)?, text(DATE), SystemClock.now())
}

/// Whether this can be recorded as the name of a model.
pub(super) fn is_model_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= MAX_MODEL_BYTES && !name.chars().any(char::is_control)
}

/// An answer that is not what the protocol says.
pub(super) fn malformed(fault: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AiError {
    AiError::new(AiErrorKind::Malformed).with_source(fault)
}
