use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};

use crate::ai::upstream::{
    address, build_client, is_model_name, malformed, parse_url, read, refusal, set_api_key, set_header, unreachable,
};
use crate::ai::{AiError, AiErrorKind, AiProvider, ChatReply, ChatRequest, ChatStream};
use crate::error::Result;
use crate::message::{Message, MessageKind, Role};
use crate::platform::ModelId;
use crate::secret::Secret;

/// How long an exchange may take, unless told otherwise.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// What `Status` says, in any case, when the service failed.
const FAILURES: [&str; 4] = ["error", "failed", "failure", "timeout"];

/// The provider for the house protocol: one POST with the whole conversation, one whole answer.
///
/// It asks `{"History": [{"role", "content"}], "Pipeline": model, "Files": [], "AudioFile": null}` and
/// expects `{"Response", "Pipeline", "Status"}`. Attachments go to `Files`, sound to `AudioFile`: their
/// address, or their content as a `data:` URL. Redirects are not followed; the environment's proxies (`HTTPS_PROXY`,
/// `HTTP_PROXY`, `NO_PROXY`) are used.
///
/// What the service answers never gets into an error, nor do its address and the key.
#[derive(Clone)]
pub struct Pipeline {
    name: Arc<str>,
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
        let url = parse_url("AI_SERVICE_URL", url)?;
        let client = build_client(&url)?;
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        Ok(Self { name: "pipeline".into(), client, url, headers, timeout: TIMEOUT })
    }

    /// The same service under this name in logs; `pipeline` otherwise.
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
        set_api_key(&mut self.headers, "AI_API_KEY", &key)?;
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
        let response = sending.send().await.map_err(|fault| unreachable(fault, AiErrorKind::Failed))?;
        if !response.status().is_success() {
            return Err(refusal(&response));
        }
        let body = read(response, MAX_ANSWER_BYTES).await?;
        reply(&body, &request.model)
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password or a token.
        f.debug_struct("Pipeline").field("name", &self.name).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

#[async_trait]
impl AiProvider for Pipeline {
    fn name(&self) -> &str {
        &self.name
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
        // The protocol knows no tools: their calls and results are left out.
        let is_said = |message: &&Arc<Message>| {
            message.role != Role::Tool && (message.tool_calls.is_empty() || !message.text.is_empty())
        };
        let said = request.messages.iter().filter(is_said);
        let history = said.map(|message| Line { role: message.role.as_str(), content: &message.text });
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
        return Err(AiError::new(AiErrorKind::Unanswered).with_source(format!("Status is {failure}")));
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
