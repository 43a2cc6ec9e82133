use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::stream;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde::{Deserialize, Serialize};

use crate::ai::{AiError, AiErrorKind, AiProvider, ChatReply, ChatRequest, ChatStream};
use crate::error::{Error, Result};
use crate::message::{Attachment, AttachmentSource, MessageKind};
use crate::platform::ModelId;
use crate::secret::Secret;

/// How long an exchange may take, unless told otherwise.
const TIMEOUT: Duration = Duration::from_mins(1);
/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Longest name of a model that is taken from an answer, in bytes.
const MAX_MODEL_BYTES: usize = 128;
/// Longest wait that the service may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);
/// What `Status` says, in any case, when the service failed.
const FAILURES: [&str; 4] = ["error", "failed", "failure", "timeout"];

/// The provider for the house protocol: one POST with the whole conversation, one whole answer.
///
/// It asks `{"History": [{"role", "content"}], "Pipeline": model, "Files": [], "AudioFile": null}` and
/// expects `{"Response", "Pipeline", "Status"}`. Attachments go to `Files`, sound to `AudioFile`: their
/// address, or their content as a `data:` URL. Redirects are not followed.
///
/// What the service answers never gets into an error, nor do its address and the key.
#[derive(Clone)]
pub struct Pipeline {
    client: Client,
    url: Url,
    headers: HeaderMap,
    timeout: Duration,
}

impl Pipeline {
    /// Asks the service at exactly `url`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when `url` is not an http or https address;
    /// [`Internal`](crate::ErrorKind::Internal) when this machine has no CA certificates for https.
    pub fn new(url: &str) -> Result<Self> {
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = parsed.ok_or_else(|| Error::invalid("AI_SERVICE_URL", "must be an http:// or https:// address"))?;
        let client = build_client(&url)?;
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        Ok(Self { client, url, headers, timeout: TIMEOUT })
    }

    /// The same service with this key, sent as `Authorization: Bearer`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the key cannot stand in a header.
    #[expect(clippy::needless_pass_by_value, reason = "the caller's copy is wiped here")]
    pub fn with_api_key(mut self, key: Secret) -> Result<Self> {
        let value = Secret::new(format!("Bearer {}", key.expose()));
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| Error::invalid("AI_API_KEY", "must be of visible ASCII characters"))?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// The same service with this time for a whole exchange; 60 seconds otherwise.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn exchange(&self, request: &ChatRequest) -> Result<ChatReply, AiError> {
        let question = Question::new(request);
        let body =
            serde_json::to_vec(&question).map_err(|fault| AiError::new(AiErrorKind::Refused).with_source(fault))?;
        let sending = self.client.post(self.url.clone()).headers(self.headers.clone()).body(body);
        let response = sending.send().await.map_err(|fault| unreachable(fault, AiErrorKind::Refused))?;
        if !response.status().is_success() {
            return Err(refusal(&response));
        }
        let body = read(response).await?;
        reply(&body, &request.model)
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password or a token.
        f.debug_struct("Pipeline").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

#[async_trait]
impl AiProvider for Pipeline {
    fn name(&self) -> &'static str {
        "pipeline"
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        let reply = self.complete(request).await?;
        Ok(Box::pin(stream::iter(reply.into_deltas().map(Ok))))
    }

    async fn complete(&self, request: ChatRequest) -> Result<ChatReply, AiError> {
        let answer = tokio::time::timeout(self.timeout, self.exchange(&request)).await;
        answer.unwrap_or_else(|_| Err(AiError::new(AiErrorKind::Timeout)))
    }
}

fn build_client(url: &Url) -> Result<Client> {
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
        Error::internal("the client for AI_SERVICE_URL cannot be built; https needs this machine's CA certificates")
            .with_source(fault.without_url())
    })
}

/// The request's body, fields in the order of the protocol.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    history: Vec<Line<'a>>,
    pipeline: &'a str,
    files: Vec<String>,
    audio_file: Option<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    role: &'static str,
    content: &'a str,
}

impl<'a> Question<'a> {
    fn new(request: &'a ChatRequest) -> Self {
        let history =
            request.messages.iter().map(|message| Line { role: message.role.as_str(), content: &message.text });
        let (mut files, mut audio_file) = (Vec::new(), None);
        for attachment in &request.attachments {
            // There is one place for sound; more of it are files like others.
            if attachment.kind == MessageKind::Audio && audio_file.is_none() {
                audio_file = Some(address(attachment));
            } else {
                files.push(address(attachment));
            }
        }
        Self { history: history.collect(), pipeline: request.model.as_str(), files, audio_file }
    }
}

/// Where an attachment's content is: its address, or itself as a `data:` URL.
fn address(attachment: &Attachment) -> String {
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

/// The answer's body; other fields are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    response: Option<String>,
    pipeline: Option<String>,
    status: Option<String>,
}

fn reply(body: &[u8], asked: &ModelId) -> Result<ChatReply, AiError> {
    let answer = parse(body)?;
    let status = answer.status.as_deref().unwrap_or_default().trim();
    if let Some(failure) = FAILURES.iter().find(|failure| status.eq_ignore_ascii_case(failure)) {
        return Err(AiError::new(AiErrorKind::Refused).with_source(format!("Status is {failure}")));
    }
    let text = answer.response.filter(|text| !text.trim().is_empty()).ok_or_else(|| malformed("no Response"))?;
    let model = answer.pipeline.filter(|name| is_model_name(name) && name != asked.as_str()).map(ModelId::from);
    Ok(ChatReply { text, model, ..ChatReply::default() })
}

fn parse(body: &[u8]) -> Result<Answer, AiError> {
    let text = std::str::from_utf8(body).map_err(malformed)?;
    // serde would take an array for the fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err(malformed("the answer is not a JSON object"));
    }
    // The fault's own text may quote the answer; its place does not.
    serde_json::from_str(text).map_err(|fault| {
        malformed(format!("the answer is not as agreed at line {}, column {}", fault.line(), fault.column()))
    })
}

/// Whether this can be recorded as the name of a model.
fn is_model_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= MAX_MODEL_BYTES && !name.chars().any(char::is_control)
}

/// Reads the body up to the limit and not a chunk further.
async fn read(mut response: Response) -> Result<Vec<u8>, AiError> {
    let too_long = || malformed(format!("the answer is over {MAX_ANSWER_BYTES} bytes"));
    if response.content_length().is_some_and(|length| length > MAX_ANSWER_BYTES as u64) {
        return Err(too_long());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|fault| unreachable(fault, AiErrorKind::Malformed))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A fault of the connection; `otherwise` when it is neither its opening nor its slowness.
fn unreachable(fault: reqwest::Error, otherwise: AiErrorKind) -> AiError {
    // A connection that took too long to open is both; nothing was sent, so it may be tried again.
    let kind = match &fault {
        fault if fault.is_connect() => AiErrorKind::Connect,
        fault if fault.is_timeout() => AiErrorKind::Timeout,
        _ => otherwise,
    };
    AiError::new(kind).with_source(fault.without_url())
}

/// What a status other than success means. The body is not read: it may quote the key.
fn refusal(response: &Response) -> AiError {
    let kind = match response.status() {
        StatusCode::TOO_MANY_REQUESTS => AiErrorKind::RateLimited,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            AiErrorKind::Overloaded
        }
        _ => AiErrorKind::Refused,
    };
    let failure = AiError::new(kind).with_source(format!("HTTP status {}", response.status().as_u16()));
    match retry_after(response.headers()) {
        Some(delay) if failure.is_retryable() => failure.with_retry_after(delay),
        _ => failure,
    }
}

/// `Retry-After` in seconds; a date is not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

fn malformed(fault: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AiError {
    AiError::new(AiErrorKind::Malformed).with_source(fault)
}
