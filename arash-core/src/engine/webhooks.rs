use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::engine::{Engine, EngineBuilder, Inner};
use crate::error::Result;
use crate::seal::Keyring;
use crate::store::Store;
use crate::team::Authenticator;
use crate::webhook::guard::TargetPolicy;
use crate::webhook::{
    Courier, Dispatcher, DispatcherParts, EventFeed, EventStream, Gauge, WebhookSender, WebhookSettings, Webhooks,
    WebhooksParts, register_keyring,
};

/// What was said of webhooks when the engine is built.
#[derive(Default)]
pub(super) struct WebhookPlan {
    keyring: Option<Keyring>,
    targets: TargetPolicy,
    settings: WebhookSettings,
    sender: Option<Arc<dyn WebhookSender>>,
}

/// What an engine has of webhooks.
pub(super) struct EngineWebhooks {
    pub(super) service: Webhooks,
    pub(super) feed: EventFeed,
    pub(super) gauge: Gauge,
    /// Who makes attempts; `None` where nothing is sent.
    courier: Option<Courier>,
    settings: WebhookSettings,
}

impl WebhookPlan {
    /// Checks that the keyring opens what lies in the store, and puts together who delivers: nobody without a keyring or
    /// a sender.
    pub(super) async fn carry_out(
        self,
        store: &Arc<dyn Store>,
        authenticator: &Arc<Authenticator>,
        clock: &Arc<dyn Clock>,
        tasks: &TaskTracker,
    ) -> Result<EngineWebhooks> {
        let Self { keyring, targets, settings, sender } = self;
        if let Some(keyring) = &keyring {
            register_keyring(&**store, keyring, clock.now()).await?;
        }
        let sender = sender.or_else(|| default_sender(&targets));
        let of = |(sender, keyring): (_, &Keyring)| Courier::new(sender, keyring.clone(), Arc::clone(clock));
        let courier = sender.zip(keyring.as_ref()).map(of);
        let service = Webhooks::new(WebhooksParts {
            store: store.clone(),
            outbox: store.clone(),
            authenticator: Arc::clone(authenticator),
            keyring,
            targets,
            clock: Arc::clone(clock),
            courier: courier.clone(),
            tasks: tasks.clone(),
        });
        Ok(EngineWebhooks { service, feed: EventFeed::default(), gauge: Gauge::default(), courier, settings })
    }
}

#[cfg(feature = "webhooks")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature there is none")]
fn default_sender(targets: &TargetPolicy) -> Option<Arc<dyn WebhookSender>> {
    Some(Arc::new(crate::webhook::HttpSender::new(targets.clone())))
}

#[cfg(not(feature = "webhooks"))]
fn default_sender(_targets: &TargetPolicy) -> Option<Arc<dyn WebhookSender>> {
    None
}

impl EngineWebhooks {
    /// Starts to deliver, if there is somebody who does.
    pub(super) fn start(engine: &Inner) {
        let Self { feed, gauge, courier, settings, .. } = &engine.webhooks;
        let Some(courier) = courier.clone() else { return };
        Dispatcher::start(DispatcherParts {
            store: engine.store.clone(),
            courier,
            feed: feed.clone(),
            settings: *settings,
            gauge: gauge.clone(),
            tasks: engine.tasks.clone(),
            stop: engine.stop_upkeep.clone(),
        });
    }
}

impl EngineBuilder {
    /// What webhooks' secrets are sealed with. Without this, teams cannot be given webhooks.
    pub fn keyring(mut self, keyring: Keyring) -> Self {
        self.webhooks.keyring = Some(keyring);
        self
    }

    /// Where webhooks may lead to; without this, to the public internet by `https://`.
    pub fn webhook_targets(mut self, targets: TargetPolicy) -> Self {
        self.webhooks.targets = targets;
        self
    }

    /// How webhook events are delivered. They are where there is a [keyring](EngineBuilder::keyring); else they wait in the
    /// store.
    pub fn webhooks(mut self, settings: WebhookSettings) -> Self {
        self.webhooks.settings = settings;
        self
    }

    /// Who sends webhook events. Without this, with the feature `webhooks`, they go by HTTP
    /// where [`EngineBuilder::webhook_targets`] lets them.
    pub fn webhook_sender(mut self, sender: impl WebhookSender) -> Self {
        self.webhooks.sender = Some(Arc::new(sender));
        self
    }
}

impl Engine {
    /// The events that this engine commits with its turns from now on, as they become durable: what else than an endpoint
    /// is to know of them. There are events of teams whose endpoint is switched on and wants such events; those of other
    /// nodes, and those of changes of keys and of quotas, are not among them. A reader that is too slow is told how many
    /// it missed; whoever must miss none gives the engine a
    /// [`WebhookSender`] of its own.
    pub fn events(&self) -> EventStream {
        self.inner.webhooks.feed.subscribe()
    }
}
