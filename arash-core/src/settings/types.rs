use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{Engine, EngineBuilder};
use crate::error::Result;
use crate::platform::{ModelId, Platform};
use crate::secret::Secret;
use crate::settings::{AiSettings, SealingSettings, TelegramSettings};
use crate::store::SqlOptions;
use crate::webhook::guard::TargetPolicy;

/// Everything that can be set, checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where this runs.
    pub environment: Environment,
    /// How it answers over HTTP.
    pub http: HttpSettings,
    /// Where everything is kept.
    pub database: DatabaseSettings,
    /// What secrets in it are sealed with.
    pub sealing: SealingSettings,
    /// Where webhooks may lead to.
    pub webhook_targets: TargetPolicy,
    /// For how long single turns and usage records are kept; `None` is for ever. Hourly sums stay.
    pub retention: Option<Duration>,
    /// Who answers.
    pub ai: AiSettings,
    /// After how long without a message a session is forgotten.
    pub session_timeout: Duration,
    /// The platform for API clients.
    pub internal: PlatformSettings,
    /// The first admin key, where the operator chose it.
    pub first_api_key: Option<Secret>,
    /// The bot on Telegram.
    pub telegram: TelegramSettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// The OpenTelemetry collector that traces go to; may hold a password.
    pub trace_endpoint: Option<Secret>,
}

impl Settings {
    /// The platforms that the engine knows. Telegram's sessions may be in the store too, and are then told apart from
    /// a team's; its messages come through a host of its own.
    pub fn platforms(&self) -> Vec<Platform> {
        let internal = &self.internal;
        vec![
            self.telegram.platform(),
            Platform::private("internal")
                .models(internal.models.iter().cloned())
                .rate_limit(internal.rate_limit)
                .max_history(internal.max_history)
                .admin_users(&internal.admin_users),
        ]
    }

    /// For how long events for webhooks are kept: no longer than turns are, but until they were tried for the last time.
    pub(super) fn event_retention(&self) -> Duration {
        let (shortest, longest) = (Duration::from_hours(4 * 24), Duration::from_hours(30 * 24));
        self.retention.map_or(longest, |retention| retention.clamp(shortest, longest))
    }

    /// An engine with these platforms, models and AI upstreams, and this session time-out; it lacks its store and its
    /// keyring.
    ///
    /// # Errors
    /// When the provider of an upstream cannot be made from its address.
    pub fn engine(&self) -> Result<EngineBuilder> {
        let builder = self
            .platforms()
            .into_iter()
            .fold(Engine::builder(), EngineBuilder::platform)
            .session_timeout(self.session_timeout)
            .retention(self.retention)
            .event_retention(self.event_retention())
            .webhook_targets(self.webhook_targets.clone());
        let builder = self.ai.models.iter().map(|model| model.info.clone()).fold(builder, EngineBuilder::model);
        Ok(builder.shared_ai(self.ai.provider()?))
    }
}

/// Where a host runs. Production tells callers less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine.
    #[default]
    Dev,
    /// The last test before production.
    Stage,
    /// Real use.
    Prod,
}

impl Environment {
    /// Its name as a setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Stage => "stage",
            Self::Prod => "prod",
        }
    }
}

/// How a host answers over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Address or host name to listen on.
    pub host: String,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// Whether the API explorer and the OpenAPI document are served.
    pub has_docs: bool,
    /// Whether messages may have images.
    pub has_images: bool,
    /// Largest image of a message, in MiB.
    pub max_image_mib: u16,
    /// The origins whose web pages may call the host, as browsers write them; `*` means all.
    pub cors_origins: Vec<String>,
    /// What who asks for figures must show, if anything.
    pub metrics_token: Option<Secret>,
    /// A stream that is silent for so long gets a comment, so that nobody on the way takes it for dead.
    pub keep_alive: Duration,
    /// How long requests that run when the host is told to stop may take to end.
    pub shutdown_deadline: Duration,
}

impl HttpSettings {
    /// Largest image that a message may have, in bytes; `None` when it may have none.
    pub fn image_limit(&self) -> Option<usize> {
        self.has_images.then(|| self.max_image_bytes())
    }

    /// Largest image of a message, in bytes.
    pub fn max_image_bytes(&self) -> usize {
        usize::from(self.max_image_mib) << 20
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 3000,
            has_docs: true,
            has_images: true,
            max_image_mib: 20,
            cors_origins: Vec::new(),
            metrics_token: None,
            keep_alive: Duration::from_secs(15),
            shutdown_deadline: Duration::from_secs(30),
        }
    }
}

/// Where everything is kept, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DatabaseSettings {
    /// `sqlite://…` or `postgres://…`; may hold a password.
    pub url: Secret,
    /// How the database is used.
    pub options: SqlOptions,
}

/// One platform.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlatformSettings {
    /// Its models, the default first; at least one.
    pub models: Vec<ModelId>,
    /// Messages a minute of one user; 0 means no limit.
    pub rate_limit: u32,
    /// Most messages that are sent upstream as context.
    pub max_history: usize,
    /// Users who are administrators there.
    pub admin_users: Vec<String>,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The least level that is logged: `off` or the name of a level.
    pub level: &'static str,
    /// How a line looks.
    pub format: LogFormat,
    /// A file that lines go to as well.
    pub file: Option<PathBuf>,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}
