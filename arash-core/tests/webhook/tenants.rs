//! Engines that deliver, and teams whose events they deliver.

use std::sync::Arc;
use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::id::{EventId, TeamId};
use arash_core::seal::{Keyring, SealingKey};
use arash_core::store::Store;
use arash_core::team::{AccessLevel, KeySpec, Principal, TeamSpec};
use arash_core::testing::ManualClock;
use arash_core::webhook::guard::TargetPolicy;
use arash_core::webhook::{
    Delivery, DeliveryAttempt, DeliveryPage, DeliveryState, Endpoint, EndpointSpec, WebhookSettings,
};
use arash_core::{Engine, EngineBuilder, IncomingMessage, Platform, TurnRequest};

use crate::sending::SECRET;

/// 2025-11-01, 12:00:00.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_761_998_400_000);

pub(crate) fn clock() -> ManualClock {
    ManualClock::new(NOON)
}

/// An engine that delivers to this machine too, and looks often for what is due. All open each other's secrets.
pub(crate) fn builder(store: &Arc<dyn Store>) -> EngineBuilder {
    let key = SealingKey::parse(&format!("1:{}A=", "A".repeat(42))).unwrap();
    Engine::builder()
        .platform(Platform::private("internal").models(["offline/assistant"]).rate_limit(0))
        .shared_store(Arc::clone(store))
        .keyring(Keyring::new(vec![key]).unwrap())
        .webhook_targets(TargetPolicy::default().private(true).http(true))
        .webhooks(WebhookSettings { poll_interval: Duration::from_millis(10), ..WebhookSettings::default() })
}

/// A team whose events go to `url`.
pub(crate) struct Tenant {
    pub(crate) team: TeamId,
    pub(crate) principal: Arc<Principal>,
}

impl Tenant {
    pub(crate) async fn new(engine: &Engine, name: &str, url: &str) -> Self {
        let team = engine.teams().create(TeamSpec::named(name)).await.unwrap().id;
        let spec = EndpointSpec { secret: arash_core::team::Edit::Set(SECRET.into()), ..Self::at(url) };
        engine.webhooks().put(team, spec).await.unwrap();
        let key = engine.keys().create(KeySpec::new(team, "key").level(AccessLevel::User)).await.unwrap();
        let principal = engine.authenticate(key.secret.expose()).await.unwrap();
        Self { team, principal }
    }

    /// What changes nothing of an endpoint but its address.
    pub(crate) fn at(url: &str) -> EndpointSpec {
        EndpointSpec { url: Some(url.to_owned()), ..EndpointSpec::default() }
    }

    /// Says something in `chat`, which the endpoint is to be told of.
    pub(crate) async fn say(&self, engine: &Engine, chat: &str, text: &str) {
        let message = IncomingMessage::text("internal", "user", chat, text);
        engine.process(TurnRequest::new(message).principal(Arc::clone(&self.principal))).await.unwrap();
    }

    pub(crate) async fn endpoint(&self, engine: &Engine) -> Endpoint {
        engine.webhooks().get(self.team).await.unwrap()
    }

    pub(crate) async fn deliveries(&self, engine: &Engine) -> Vec<Delivery> {
        engine.webhooks().deliveries(self.team, DeliveryPage::first(1_000)).await.unwrap()
    }

    pub(crate) async fn log(&self, engine: &Engine, id: EventId) -> Vec<DeliveryAttempt> {
        engine.webhooks().delivery(self.team, id).await.unwrap().1
    }

    /// Waits until the only event of the team is in this state.
    pub(crate) async fn ends_as(&self, engine: &Engine, state: DeliveryState) -> Delivery {
        self.until(engine, |all| all.len() == 1 && all[0].state == state).await.remove(0)
    }

    /// Waits until this is so of all events of the team, newest first.
    pub(crate) async fn until(&self, engine: &Engine, is_so: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let wait = async {
            loop {
                let all = self.deliveries(engine).await;
                if is_so(&all) {
                    return all;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap()
    }
}
