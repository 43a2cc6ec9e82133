use std::io;
use std::sync::Arc;
use std::time::Duration;

use arash_core::secret::Secret;
use futures_util::{Stream, TryStreamExt};
use hmac::{Hmac, KeyInit, Mac};
use poem::http::StatusCode;
use poem::{Endpoint, Request, Response};
use serde_json::value::RawValue;
use sha2::Sha256;
use teloxide::payloads::{GetWebhookInfo, SetWebhook};
use teloxide::types::AllowedUpdate;
use tokio::time::sleep;
use url::Url;

use crate::api::ApiError;
use crate::bot::Bot;
use crate::inbox::Held;
use crate::source::ALLOWED;

/// The header that tells Telegram's own calls from others'.
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";
/// Longest update that is looked at. Far shorter ones are not stored any more.
const MAX_BODY_BYTES: usize = 16 << 20;
/// How long Telegram is kept waiting for a program that has just started: a little longer than leases run.
const OPENING: Duration = Duration::from_secs(20);

/// Where Telegram brings updates, and by what it shows that it is Telegram. Both follow from the token: they are the same
/// after each start and on each node, lie nowhere, and are new with a new token.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    /// The path on this host, with its slash in front.
    pub(crate) path: String,
    secret: Secret,
}

impl Webhook {
    pub(crate) fn of(token: &Secret) -> Self {
        let path = format!("/telegram/{}", derived(token, "the path of its webhook"));
        Self { path, secret: Secret::new(derived(token, "the secret of its webhook")) }
    }
}

/// What follows from the token for one purpose, and leads back to nothing.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn derived(token: &Secret, purpose: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.expose().as_bytes()).expect("HMAC takes keys of every length");
    mac.update(purpose.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Tells Telegram where to bring updates, unless it knows.
pub(crate) async fn register(bot: &Bot, base: &Url, webhook: &Webhook) -> Result<(), ApiError> {
    let base = base.as_str().trim_end_matches('/');
    let url: Url = format!("{base}{}", webhook.path).parse().map_err(|_| ApiError::NotSent { method: "SetWebhook" })?;
    let known = bot.api.call(&GetWebhookInfo::new()).await?;
    // Telegram tells the kinds in an order of its own.
    let is_all = |kinds: &[AllowedUpdate]| kinds.len() == ALLOWED.len() && ALLOWED.iter().all(|it| kinds.contains(it));
    if known.url.as_ref() == Some(&url) && known.allowed_updates.as_deref().is_some_and(is_all) {
        return Ok(());
    }
    let mut set = SetWebhook::new(url);
    set.secret_token = Some(webhook.secret.expose().to_owned());
    set.allowed_updates = Some(ALLOWED.to_vec());
    set.max_connections = Some(40);
    bot.api.call_for::<_, bool>(&set).await.map(drop)
}

/// The route that Telegram brings updates to. Who cannot show the secret learns nothing, not even that it is there.
pub(crate) struct WebhookRoute<F> {
    pub(crate) webhook: Webhook,
    /// The bot and what takes its updates; nothing as long as Telegram has not told who the bot is.
    pub(crate) find: F,
}

impl<F: Fn() -> Option<(Arc<Bot>, T)> + Send + Sync, T: Fn(Held) + Send + Sync> Endpoint for WebhookRoute<F> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let shown = request.headers().get(SECRET_HEADER).and_then(|value| value.to_str().ok()).map(Secret::from);
        // The comparison takes the same time wherever the two differ.
        if shown.as_ref() != Some(&self.webhook.secret) {
            return Ok(StatusCode::NOT_FOUND.into());
        }
        let found = (self.find)().filter(|(bot, _)| bot.intake.has_room() && !bot.is_stopping());
        let Some((bot, take)) = found else { return Ok(StatusCode::SERVICE_UNAVAILABLE.into()) };
        let body = match read(request.into_body().into_bytes_stream()).await {
            Ok(Some(body)) => body,
            // Telegram would bring it for a day, and what is behind it in its chat would wait so long.
            Ok(None) => return Ok(StatusCode::OK.into()),
            Err(_) => return Ok(StatusCode::BAD_REQUEST.into()),
        };
        let Ok(update) = serde_json::from_slice::<Box<RawValue>>(&body) else {
            return Ok(StatusCode::BAD_REQUEST.into());
        };
        if !is_open(&bot).await {
            return Ok(StatusCode::SERVICE_UNAVAILABLE.into());
        }
        Ok(match bot.intake.store(&[update]).await {
            Ok(held) => {
                held.into_iter().for_each(take);
                StatusCode::OK.into()
            }
            Err(error) => {
                tracing::warn!(%error, "an update cannot be stored; Telegram brings it again");
                StatusCode::SERVICE_UNAVAILABLE.into()
            }
        })
    }
}

/// Whether updates may come in, if need be after a while.
async fn is_open(bot: &Bot) -> bool {
    tokio::select! {
        () = bot.intake.open() => true,
        () = bot.stopping() => false,
        () = sleep(OPENING) => false,
    }
}

/// A body, read to its end, because who is answered before that takes the answer for a fault; nothing of one that is too
/// long to be looked at.
async fn read<B: AsRef<[u8]>>(chunks: impl Stream<Item = io::Result<B>>) -> io::Result<Option<Vec<u8>>> {
    let (mut body, mut size_bytes) = (Vec::new(), 0);
    let mut chunks = std::pin::pin!(chunks);
    while let Some(chunk) = chunks.try_next().await? {
        size_bytes += chunk.as_ref().len();
        if size_bytes <= MAX_BODY_BYTES {
            body.extend_from_slice(chunk.as_ref());
        }
    }
    if size_bytes > MAX_BODY_BYTES {
        tracing::warn!(size_bytes, "an update is too long to be looked at and is left out");
        return Ok(None);
    }
    Ok(Some(body))
}
