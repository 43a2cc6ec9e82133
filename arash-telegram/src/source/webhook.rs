use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use arash_core::secret::Secret;
use futures_util::{Stream, TryStreamExt};
use hmac::{Hmac, KeyInit, Mac};
use poem::http::header::ALLOW;
use poem::http::{Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::Sha256;
use teloxide::payloads::{GetWebhookInfo, SetWebhook};
use tokio::time::sleep;
use url::Url;

use crate::api::{ApiError, BotApi};
use crate::bot::Bot;
use crate::health::Health;
use crate::inbox::Held;
use crate::source::ALLOWED;

/// The header that tells Telegram's own calls from others'.
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";
/// Longest update that is looked at. Far shorter ones are not stored any more.
const MAX_BODY_BYTES: usize = 16 << 20;
/// How long Telegram is kept waiting for a program that has just started: a little longer than leases run.
const OPENING: Duration = Duration::from_secs(20);
/// How often Telegram is asked whether it still knows the webhook: another program with the token may take it away.
const LOOK: Duration = Duration::from_mins(3);
/// Between two attempts after a fault, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

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

/// Sees to it that Telegram knows where to bring updates, from now on without end.
pub(crate) async fn stay_registered(api: &BotApi, health: &Health, base: &Url, webhook: &Webhook) {
    keep_registered(api, health, base, webhook, LOOK).await;
}

async fn keep_registered(api: &BotApi, health: &Health, base: &Url, webhook: &Webhook, look: Duration) {
    let mut pause = PAUSES.0;
    loop {
        match register(api, base, webhook).await {
            Ok(()) => {
                health.polls();
                pause = PAUSES.0;
                sleep(look).await;
            }
            Err(error) => {
                tracing::warn!(%error, "Telegram cannot be told of the webhook; trying again");
                health.fails(&error.to_string());
                sleep(error.retry_after().unwrap_or(pause)).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

/// What Telegram knows of a webhook. Kinds of updates are names here, because an earlier program may have asked for some
/// that this one has never heard of.
#[derive(Debug, Deserialize)]
struct Known {
    url: String,
    allowed_updates: Option<Vec<String>>,
}

impl Known {
    fn is(&self, url: &Url) -> bool {
        let named = |kind| serde_json::to_value(kind).ok().and_then(|name| name.as_str().map(str::to_owned));
        // Telegram tells the kinds in an order of its own.
        let wanted: BTreeSet<_> = ALLOWED.iter().filter_map(named).collect();
        let known: BTreeSet<_> = self.allowed_updates.iter().flatten().cloned().collect();
        self.url == url.as_str() && known == wanted
    }
}

/// Tells Telegram where to bring updates, unless it knows.
async fn register(api: &BotApi, base: &Url, webhook: &Webhook) -> Result<(), ApiError> {
    let base = base.as_str().trim_end_matches('/');
    let url: Url = format!("{base}{}", webhook.path).parse().map_err(|_| ApiError::NotSent { method: "SetWebhook" })?;
    match api.call_for::<_, Known>(&GetWebhookInfo::new()).await {
        Ok(known) if known.is(&url) => return Ok(()),
        // What cannot be read is not what is wanted.
        Ok(_) | Err(ApiError::Unknown { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut set = SetWebhook::new(url);
    set.secret_token = Some(webhook.secret.expose().to_owned());
    set.allowed_updates = Some(ALLOWED.to_vec());
    set.max_connections = Some(40);
    api.call_for::<_, bool>(&set).await.map(drop)?;
    tracing::info!("Telegram was told of the webhook");
    Ok(())
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
        if request.method() != Method::POST {
            return Ok(StatusCode::METHOD_NOT_ALLOWED.with_header(ALLOW, "POST").into_response());
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

#[cfg(test)]
mod tests {
    use arash_fake_telegram::{FakeTelegram, Fault};
    use tokio::task::JoinSet;

    use super::*;

    const LOOK: Duration = Duration::from_millis(50);

    /// A bot that stays registered with this Telegram, for as long as the second of these lives.
    fn registered(telegram: &FakeTelegram) -> (Arc<Health>, JoinSet<()>) {
        let token = Secret::new(telegram.token());
        let api = BotApi::new(&Secret::new(telegram.url()), &token).unwrap();
        let health = Arc::new(Health::default());
        let base: Url = "https://bot.example".parse().unwrap();
        let mut keeping = JoinSet::new();
        let told = Arc::clone(&health);
        keeping.spawn(async move { keep_registered(&api, &told, &base, &Webhook::of(&token), LOOK).await });
        (health, keeping)
    }

    async fn call(telegram: &FakeTelegram, method: &str) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("{}/bot{}/{method}", telegram.url(), telegram.token());
        assert!(client.post(address).send().await.unwrap().status().is_success());
    }

    async fn sets(telegram: &FakeTelegram, count: usize) {
        let is_set = |telegram: &FakeTelegram| {
            let calls = telegram.calls_of("setWebhook");
            (calls.iter().filter(|call| call.succeeded()).count() == count).then_some(())
        };
        telegram.until(is_set).await.unwrap();
    }

    #[tokio::test]
    async fn a_webhook_that_somebody_takes_away_is_set_again_and_only_then() {
        let telegram = FakeTelegram::start().await.unwrap();
        telegram.control_floods(false);
        let (health, _keeping) = registered(&telegram);
        sets(&telegram, 1).await;
        let looks = telegram.calls_of("getWebhookInfo").len();
        telegram.until(|telegram| (telegram.calls_of("getWebhookInfo").len() > looks + 3).then_some(())).await.unwrap();
        assert_eq!(telegram.calls_of("setWebhook").len(), 1, "it is set already");
        telegram.fault(Fault::refusal(400, "Bad Request: bad webhook: no address").on("setWebhook"));
        call(&telegram, "deleteWebhook").await;
        telegram.until(|_| health.fault()).await.unwrap();
        sets(&telegram, 2).await;
        telegram.until(|_| health.fault().is_none().then_some(())).await.unwrap();
        call(&telegram, "setWebhook?url=https://bot.example/elsewhere").await;
        sets(&telegram, 4).await;
    }

    #[tokio::test]
    async fn a_webhook_is_set_although_what_telegram_knows_cannot_be_read() {
        let known: Known = serde_json::from_str(r#"{"url":"","allowed_updates":["message","managed_bot"]}"#).unwrap();
        assert!(!known.is(&"https://bot.example/".parse().unwrap()));
        let telegram = FakeTelegram::start().await.unwrap();
        telegram.fault(Fault::bad_gateway().on("getWebhookInfo").always());
        let (health, _keeping) = registered(&telegram);
        sets(&telegram, 1).await;
        assert_eq!(health.fault(), None);
    }
}
