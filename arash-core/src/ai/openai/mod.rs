mod failure;
mod form;
mod question;
mod reading;
mod streaming;
mod tool_calls;
mod transcription;
mod unsaid;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Response, Url};

use crate::ai::openai::question::question;
use crate::ai::openai::reading::Reading;
use crate::ai::upstream::{build_client, malformed, parse_url, read, set_api_key, set_header, unreachable};
use crate::ai::{AiError, AiErrorKind, AiProvider, ChatReply, ChatRequest, ChatStream, TimeLimits};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// How long an answer may take, unless told otherwise.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Longest answer that is read when it comes whole, in bytes. Letters may take six bytes each in JSON.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// The provider for OpenAI-compatible services: `/chat/completions`, whole and streamed, with tools and images;
/// sound is written down by `/audio/transcriptions` first.
///
/// Images are sent as addresses or as `data:` URLs, documents only with their content, sound likewise and only if there
/// is a [transcription model](OpenAi::with_transcription_model), once a [question](crate::ai::Transcripts). A
/// [`WireRequest`](crate::ai::WireRequest) is sent as it is. Redirects are not followed; the environment's proxies
/// (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) are used.
///
/// What the service answers never gets into an error, but for codes such as `context_length_exceeded`, in the source;
/// nor do its address, the key and the headers.
///
/// ```
/// use std::time::Duration;
/// use arash_core::ai::OpenAi;
///
/// # fn main() -> arash_core::Result<()> {
/// let provider = OpenAi::new("https://api.openai.com/v1")?
///     .with_api_key("sk-…".replace('…', "example").into())?
///     .with_timeout(Duration::from_secs(120));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct OpenAi {
    name: Arc<str>,
    client: Client,
    chat: Url,
    transcriptions: Url,
    headers: HeaderMap,
    transcription_model: Option<Arc<str>>,
    limits: TimeLimits,
}

impl OpenAi {
    /// Asks the service whose base address is `url`, which for most of them ends in `/v1`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when `url` is not an http or https address, or is that of
    /// `/chat/completions` itself; [`Internal`](crate::ErrorKind::Internal) when this machine has no CA certificates for
    /// https.
    pub fn new(url: &str) -> Result<Self> {
        let base = parse_url("url", url)?;
        let path = base.path().trim_end_matches('/');
        if path.ends_with("/completions") {
            return Err(Error::invalid("url", "must be the base address, which ends in /v1, without what comes after"));
        }
        let under = |rest: &str| {
            let mut url = base.clone();
            url.set_path(&format!("{path}/{rest}"));
            url
        };
        Ok(Self {
            name: "openai".into(),
            client: build_client(&base)?,
            chat: under("chat/completions"),
            transcriptions: under("audio/transcriptions"),
            headers: HeaderMap::new(),
            transcription_model: None,
            limits: TimeLimits::within(TIMEOUT),
        })
    }

    /// The same service under this name in logs; `openai` otherwise.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The same service with this key, sent as `Authorization: Bearer`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the key cannot stand in a header.
    #[expect(clippy::needless_pass_by_value, reason = "the caller's copy is wiped here")]
    pub fn with_api_key(mut self, key: Secret) -> Result<Self> {
        set_api_key(&mut self.headers, "api_key", &key)?;
        Ok(self)
    }

    /// The same service with a further header in every request; it replaces one of the same name.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the name or the value cannot be those of a header.
    #[expect(clippy::needless_pass_by_value, reason = "the caller's copy is wiped here")]
    pub fn with_header(mut self, name: &str, value: Secret) -> Result<Self> {
        set_header(&mut self.headers, name, &value)?;
        Ok(self)
    }

    /// The same service with this time for a whole answer; 60 seconds otherwise.
    pub fn with_timeout(self, total: Duration) -> Self {
        self.with_time_limits(TimeLimits::within(total))
    }

    /// The same service with these limits of time.
    pub fn with_time_limits(mut self, limits: TimeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The same service, which writes down sound with this model. Without one, sound is refused.
    pub fn with_transcription_model(mut self, model: impl Into<Arc<str>>) -> Self {
        self.transcription_model = Some(model.into());
        self
    }

    async fn open(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        // A client that wants its answer whole gets the service's own whole answer.
        let is_streamed = request.wire.as_ref().is_none_or(|wire| wire.is_streamed());
        let (response, reading) = self.ask(&request, is_streamed).await?;
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // Some services do not stream although they are asked to.
        if is_streamed && !media_type.to_ascii_lowercase().starts_with("application/json") {
            return Ok(streaming::stream(response, reading));
        }
        let deltas = whole(response, reading).await?.into_deltas();
        Ok(Box::pin(stream::iter(deltas.map(Ok))))
    }

    /// Asks; the answer's status is success when this returns.
    async fn ask(&self, request: &ChatRequest, is_streamed: bool) -> Result<(Response, Reading), AiError> {
        let heard = self.transcribe(request).await?;
        let body = question(request, &heard, is_streamed)?;
        let sending = self.client.post(self.chat.clone()).headers(self.headers.clone());
        let sending = sending.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
        let response = sending.send().await.map_err(|fault| unreachable(fault, AiErrorKind::Failed))?;
        if response.status().is_success() {
            Ok((response, Reading::new(request, heard)))
        } else {
            Err(failure::of_response(response).await)
        }
    }
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password or a token.
        f.debug_struct("OpenAi").field("name", &self.name).field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[async_trait]
impl AiProvider for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        self.limits.hold(self.open(request)).await
    }

    async fn complete(&self, request: ChatRequest) -> Result<ChatReply, AiError> {
        let answering = async {
            let (response, reading) = self.ask(&request, false).await?;
            whole(response, reading).await
        };
        self.limits.hold_whole(answering).await
    }
}

async fn whole(response: Response, mut reading: Reading) -> Result<ChatReply, AiError> {
    let body =
        String::from_utf8(read(response, MAX_ANSWER_BYTES).await?).map_err(|fault| malformed(fault.utf8_error()))?;
    let mut reply = ChatReply::default();
    for delta in reading.read(body)? {
        reply.push(delta);
    }
    if !reading.has_choices() {
        return Err(malformed("the answer has no choices"));
    }
    for delta in reading.end() {
        reply.push(delta);
    }
    Ok(reply)
}
