//! Telegram's Bot API as far as a bot that answers needs it: typed calls over HTTP.
//!
//! The types of methods and answers are teloxide's. The way there is ours, because it has to tell what teloxide's does
//! not: whether a call that failed may have been done all the same. The token is part of every address, so no address is
//! in any error, log or `Debug`.

mod draft;
mod error;
mod rich;
#[cfg(test)]
mod tests;
mod token;
mod updates;

use std::fmt;
use std::time::Duration;

use arash_core::secret::Secret;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use teloxide::requests::Payload;
use teloxide::types::ChatId;
use tokio_util::sync::CancellationToken;

pub(crate) use draft::SendMessageDraft;
pub(crate) use error::ApiError;
pub(crate) use rich::EditRichMessage;
use token::Token;
pub(crate) use updates::{Fetched, GetUpdates};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take that does not say otherwise.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// How much longer than the server waits by itself.
const SPARE: Duration = Duration::from_secs(10);
/// How long a file may take, either way.
const FILE_TIMEOUT: Duration = Duration::from_secs(120);
/// Most of an answer that is read: a hundred updates are far less.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// Most of a refusal of the file server that is read.
const MAX_REFUSAL_BYTES: usize = 64 << 10;
/// What is taken for a time to wait, whatever the server says: at least that, so that nobody calls without a pause, and at
/// most that, so that it can be reckoned with.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24));
/// Largest file that Telegram gives to bots.
pub(crate) const MAX_FILE_BYTES: usize = 20 << 20;

/// One bot at a Bot API server.
pub(crate) struct BotApi {
    client: Client,
    /// The address up to the name of a method.
    methods: Secret,
    /// The address up to the path of a file.
    files: Secret,
    token: Token,
    /// The server does not know the token any more.
    refused: CancellationToken,
}

impl fmt::Debug for BotApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BotApi").field("is_refused", &self.is_refused()).finish_non_exhaustive()
    }
}

/// A message that was sent: all that is needed of it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Sent {
    /// Its number in its chat.
    pub(crate) message_id: i32,
}

/// A file that is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Answer<R> {
    ok: bool,
    result: Option<R>,
    error_code: Option<u16>,
    description: Option<String>,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl BotApi {
    /// The bot of this token at `server`.
    pub(crate) fn new(server: &Secret, token: &Secret) -> Result<Self, reqwest::Error> {
        let server = server.expose().trim_end_matches('/');
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .user_agent(concat!("arash-telegram/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(reqwest::Error::without_url)?;
        Ok(Self {
            client,
            methods: Secret::new(format!("{server}/bot{}/", token.expose())),
            files: Secret::new(format!("{server}/file/bot{}/", token.expose())),
            token: Token::new(token),
            refused: CancellationToken::new(),
        })
    }

    /// Whether the token is refused. Nothing is sent from then on.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.is_cancelled()
    }

    /// Waits until the token is refused.
    pub(crate) async fn refused(&self) {
        self.refused.cancelled().await;
    }

    /// Calls a method, and reads all of what it gives.
    pub(crate) async fn call<P>(&self, payload: &P) -> Result<P::Output, ApiError>
    where
        P: Payload + Serialize + Sync,
        P::Output: DeserializeOwned,
    {
        self.call_for(payload).await
    }

    /// Calls a method, and reads of what it gives as much as `R` has.
    pub(crate) async fn call_for<P: Payload + Serialize + Sync, R: DeserializeOwned>(
        &self,
        payload: &P,
    ) -> Result<R, ApiError> {
        self.ask(P::NAME, self.request(payload)?).await
    }

    fn request<P: Payload + Serialize>(&self, payload: &P) -> Result<RequestBuilder, ApiError> {
        let body = serde_json::to_vec(payload).map_err(|_| ApiError::NotSent { method: P::NAME })?;
        let timeout = payload.timeout_hint().map_or(CALL_TIMEOUT, |hint| hint + SPARE);
        let request = self.method(P::NAME).header(CONTENT_TYPE, "application/json").body(body);
        Ok(request.timeout(timeout))
    }

    /// Sends a file with the fields of `form`.
    pub(crate) async fn send_document(&self, form: Form, upload: Upload) -> Result<Sent, ApiError> {
        const METHOD: &str = "SendDocument";
        let part = Part::bytes(upload.bytes).file_name(upload.name).mime_str(upload.media_type);
        let part = part.map_err(|_| ApiError::NotSent { method: METHOD })?;
        let request = self.method(METHOD).multipart(form.part("document", part));
        self.ask(METHOD, request.timeout(FILE_TIMEOUT)).await
    }

    /// The content of the file at `path`, which `getFile` told; `None` if it is larger than `limit` bytes.
    pub(crate) async fn download(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
        const METHOD: &str = "download";
        let address = format!("{}{path}", self.files.expose());
        let response = self.send(METHOD, self.client.get(address).timeout(FILE_TIMEOUT)).await?;
        if !response.status().is_success() {
            return Err(no_file(METHOD, response).await);
        }
        read(response, limit).await.map_err(|()| ApiError::Unknown { method: METHOD })
    }

    fn method(&self, name: &str) -> RequestBuilder {
        self.client.post(format!("{}{name}", self.methods.expose()))
    }

    async fn send(&self, method: &'static str, request: RequestBuilder) -> Result<Response, ApiError> {
        if self.is_refused() {
            return Err(ApiError::refused(method, 401, "Unauthorized"));
        }
        request.send().await.map_err(|fault| {
            let is_unsent = fault.is_connect() || fault.is_builder();
            tracing::debug!(method, fault = ?fault.without_url(), "a call of the Bot API failed");
            if is_unsent { ApiError::NotSent { method } } else { ApiError::Unknown { method } }
        })
    }

    async fn ask<R: DeserializeOwned>(&self, method: &'static str, request: RequestBuilder) -> Result<R, ApiError> {
        let response = self.send(method, request).await?;
        let status = response.status().as_u16();
        let body = read(response, MAX_ANSWER_BYTES).await.ok().flatten().ok_or(ApiError::Unknown { method })?;
        self.understand(method, status, &body)
    }

    /// What the server said.
    fn understand<R: DeserializeOwned>(&self, method: &'static str, status: u16, body: &[u8]) -> Result<R, ApiError> {
        let answer: Answer<R> = match serde_json::from_slice(body) {
            Ok(answer) => answer,
            // A proxy's page, or a success in a form that nobody knows.
            Err(_) if (400..500).contains(&status) => {
                return Err(self.refusal(method, status, None, Parameters::default()));
            }
            Err(_) => return Err(ApiError::Unknown { method }),
        };
        match answer {
            Answer { ok: true, result: Some(result), .. } => Ok(result),
            Answer { ok: true, .. } => Err(ApiError::Unknown { method }),
            Answer { error_code, description, parameters, .. } => {
                Err(self.refusal(method, error_code.unwrap_or(status), description, parameters))
            }
        }
    }

    fn refusal(&self, method: &'static str, code: u16, description: Option<String>, told: Parameters) -> ApiError {
        if code >= 500 {
            return ApiError::Unknown { method };
        }
        // To a token that it has never known the server says that there is no such method.
        if code == 401 || (code == 404 && method == "GetMe") {
            self.refused.cancel();
        }
        // Some servers and proxies repeat the address.
        let description = description.map_or_else(|| "no reason was given".to_owned(), |told| self.token.hide(&told));
        let retry_after = told.retry_after.map(wait);
        let migrated_to = told.migrate_to_chat_id.map(ChatId);
        ApiError::Refused { method, code, description, retry_after, migrated_to }
    }
}

/// Why the file server gave no file.
async fn no_file(method: &'static str, response: Response) -> ApiError {
    let code = response.status().as_u16();
    if code >= 500 {
        return ApiError::Unknown { method };
    }
    let header = response.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let body = read(response, MAX_REFUSAL_BYTES).await.ok().flatten().unwrap_or_default();
    let told =
        serde_json::from_slice::<Answer<IgnoredAny>>(&body).ok().and_then(|answer| answer.parameters.retry_after);
    let description = "the file cannot be had".to_owned();
    ApiError::Refused { method, code, description, retry_after: told.or(header).map(wait), migrated_to: None }
}

/// The time to wait that the server tells, within what can be waited for.
fn wait(seconds: u64) -> Duration {
    Duration::from_secs(seconds).clamp(WAIT.0, WAIT.1)
}

/// A body of at most `limit` bytes; `None` if it is larger.
async fn read(response: Response, limit: usize) -> Result<Option<Vec<u8>>, ()> {
    Ok(read_or_begin(response, limit).await?.ok())
}

/// A body of at most `limit` bytes; how it begins if it is larger.
async fn read_or_begin(mut response: Response, limit: usize) -> Result<Result<Vec<u8>, Vec<u8>>, ()> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(drop)? {
        if body.len() + chunk.len() > limit {
            return Ok(Err(body));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Ok(body))
}
