use std::collections::BTreeMap;
use std::sync::Arc;

use arash_core::Engine;
use arash_core::clock::{Clock, SystemClock};
use arash_core::session::SessionFilter;
use arash_telegram::Telegram;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use crate::api::Group;
use crate::api::health::{Overall, SERVICE};
use crate::api::platform::{PlatformConfig, PlatformSummary};
use crate::api::sessions::ACTIVE_WITHIN;
use crate::auth::Admin;
use crate::refusal::{Refusal, statuses};
use crate::time::Time;

statuses! {
    /// What needs nothing but the level.
    OverviewRefused = [401, 403, 500, 503];
}

/// What the service is and how it is.
#[derive(Debug, Object)]
struct ServiceOverview {
    /// The service's name.
    service: String,
    /// The service's version.
    version: String,
    /// The same as that of `/health`.
    status: Overall,
    /// Every platform that is configured, by name.
    platforms: BTreeMap<String, PlatformSummary>,
    /// Sessions with a turn in the past five minutes: exact below ten thousand open ones, else up to five seconds old.
    active_sessions: u64,
    /// When this was written.
    timestamp: Time,
}

/// What the service is.
#[derive(Debug)]
pub(crate) struct AdminOverview {
    engine: Engine,
    telegram: Option<Arc<Telegram>>,
}

impl AdminOverview {
    pub(crate) fn new(engine: Engine, telegram: Option<Arc<Telegram>>) -> Self {
        Self { engine, telegram }
    }

    /// Every platform by name, as `show` shows it.
    fn platforms<T>(&self, show: impl Fn(PlatformConfig) -> T) -> BTreeMap<String, T> {
        let platforms = self.engine.platforms();
        platforms
            .map(|platform| (platform.name().to_owned(), show(PlatformConfig::of(platform, &self.engine))))
            .collect()
    }
}

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Group::Administration")]
impl AdminOverview {
    /// Show the service
    ///
    /// With a final slash it is the same.
    #[oai(path = "/", method = "get", operation_id = "get_service")]
    async fn service(&self, _admin: Admin) -> Result<Json<ServiceOverview>, Refusal<OverviewRefused>> {
        let counts = self.engine.sessions().count(&SessionFilter::default(), ACTIVE_WITHIN).await?;
        let bot = self.telegram.as_ref().map(|telegram| telegram.health());
        Ok(Json(ServiceOverview {
            service: SERVICE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            status: Overall::of(self.engine.health(), bot.as_ref()),
            platforms: self.platforms(PlatformSummary::from),
            active_sessions: counts.active,
            timestamp: SystemClock.now().into(),
        }))
    }

    /// Show the platforms
    ///
    /// Every platform that is configured, by name.
    #[expect(clippy::unused_async, reason = "the macro asks for async functions")]
    #[oai(path = "/platforms", method = "get", operation_id = "list_platforms")]
    async fn list_platforms(
        &self,
        _admin: Admin,
    ) -> Result<Json<BTreeMap<String, PlatformConfig>>, Refusal<OverviewRefused>> {
        Ok(Json(self.platforms(|platform| platform)))
    }
}
