use std::sync::Arc;

use arash_core::clock::{Clock, SystemClock};
use arash_core::{Engine, Error, Health};
use arash_telegram::{BotHealth, Telegram};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use super::Group;
use crate::refusal::{Refusal, statuses};
use crate::time::Time;

statuses! {
    /// Liveness is told without asking anything that may fail.
    AlwaysAnswered = [500];
    /// Readiness may be denied.
    MayBeUnready = [500, 503];
}

/// The service's name, as it tells it.
pub(super) const SERVICE: &str = "Arash External API Service";

/// How the service is.
#[derive(Debug, Object)]
struct HealthReport {
    /// `degraded` when a component is unhealthy; `unhealthy` when Telegram refuses the bot's token.
    status: Overall,
    /// The service's name.
    service: String,
    /// The service's version.
    version: String,
    /// When this was written.
    timestamp: Time,
    /// How each part is, as the last check in the background saw it.
    components: Components,
}

/// The parts of the service.
#[derive(Debug, Object)]
struct Components {
    /// What answers this.
    api: Condition,
    /// The AI service.
    ai_service: Condition,
    /// Storage.
    database: Condition,
    /// The bot on Telegram; absent where none runs.
    #[oai(skip_serializing_if_is_none)]
    telegram: Option<Condition>,
}

#[derive(Debug, ApiResponse)]
enum HealthAnswer {
    /// The service answers, if not in all its parts.
    #[oai(status = 200)]
    Answering(Json<HealthReport>),
    /// The bot's token is refused: somebody has to give another one.
    #[oai(status = 503)]
    Unhealthy(Json<HealthReport>),
}

/// How all is.
#[derive(Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum Overall {
    Healthy,
    Degraded,
    Unhealthy,
}

impl Overall {
    /// How all is, given how the engine's parts are, and the bot if one runs.
    pub(super) fn of(health: Health, bot: Option<&BotHealth>) -> Self {
        match bot {
            None | Some(BotHealth::Healthy) if health.database && health.ai_service => Self::Healthy,
            None | Some(BotHealth::Healthy | BotHealth::Degraded(_)) => Self::Degraded,
            Some(_) => Self::Unhealthy,
        }
    }
}

/// How a part is.
#[derive(Debug, Enum)]
#[oai(rename_all = "snake_case")]
enum Condition {
    Healthy,
    Unhealthy,
}

impl Condition {
    fn of(is_healthy: bool) -> Self {
        if is_healthy { Self::Healthy } else { Self::Unhealthy }
    }
}

/// The answer of a probe.
#[derive(Debug, Object)]
struct Probe {
    /// `alive` or `ready`.
    status: String,
}

impl Probe {
    fn saying(status: &str) -> Json<Self> {
        Json(Self { status: status.to_owned() })
    }
}

/// Whether the service works.
#[derive(Debug)]
pub(super) struct HealthChecks {
    engine: Engine,
    telegram: Option<Arc<Telegram>>,
}

impl HealthChecks {
    pub(super) fn new(engine: Engine, telegram: Option<Arc<Telegram>>) -> Self {
        Self { engine, telegram }
    }
}

#[expect(clippy::unused_async, reason = "the macro asks for async functions")]
#[OpenApi(tag = "Group::Health")]
impl HealthChecks {
    /// How the service is
    ///
    /// 200 also when it is degraded; 503 when Telegram refuses the token of a bot that runs beside it. The checks run in the background, never for this request.
    #[oai(path = "/health", method = "get", operation_id = "health")]
    async fn health(&self) -> Result<HealthAnswer, Refusal<AlwaysAnswered>> {
        let health = self.engine.health();
        let bot = self.telegram.as_ref().map(|telegram| telegram.health());
        let report = Json(HealthReport {
            status: Overall::of(health, bot.as_ref()),
            service: SERVICE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            timestamp: SystemClock.now().into(),
            components: Components {
                api: Condition::Healthy,
                ai_service: Condition::of(health.ai_service),
                database: Condition::of(health.database),
                telegram: bot.as_ref().map(|bot| Condition::of(*bot == BotHealth::Healthy)),
            },
        });
        Ok(match bot {
            Some(BotHealth::Refused) => HealthAnswer::Unhealthy(report),
            _ => HealthAnswer::Answering(report),
        })
    }

    /// Whether the process runs
    #[oai(path = "/health/live", method = "get", operation_id = "live")]
    async fn live(&self) -> Result<Json<Probe>, Refusal<AlwaysAnswered>> {
        Ok(Probe::saying("alive"))
    }

    /// Whether requests can be answered
    ///
    /// 503 while storage cannot be used. An AI service that is down leaves the service ready.
    #[oai(path = "/health/ready", method = "get", operation_id = "ready")]
    async fn ready(&self) -> Result<Json<Probe>, Refusal<MayBeUnready>> {
        if self.engine.health().database {
            return Ok(Probe::saying("ready"));
        }
        Err(Error::unavailable("storage cannot be used").into())
    }
}
