use std::sync::Arc;

use crate::clock::Clock;
use crate::engine::Inner;
use crate::seal::Keyring;
use crate::store::Store;
use crate::webhook::guard::TargetPolicy;
use crate::webhook::{
    Courier, Dispatcher, DispatcherParts, EventFeed, EventStream, Gauge, WebhookSender, WebhookSettings,
};
use crate::{Engine, EngineBuilder};

/// How events are delivered, as far as it was said when the engine is built.
#[derive(Default)]
pub(super) struct WebhookPlan {
    settings: WebhookSettings,
    sender: Option<Arc<dyn WebhookSender>>,
}

/// What of delivering an engine keeps.
pub(super) struct Deliveries {
    pub(super) feed: EventFeed,
    pub(super) gauge: Gauge,
    /// Who makes attempts; `None` where nothing is sent.
    pub(super) courier: Option<Courier>,
    settings: WebhookSettings,
}

impl WebhookPlan {
    /// Puts together who delivers; nobody without a keyring or a sender.
    pub(super) fn carry_out(
        self,
        keyring: Option<&Keyring>,
        targets: &TargetPolicy,
        clock: Arc<dyn Clock>,
    ) -> Deliveries {
        let Self { settings, sender } = self;
        let sender = sender.or_else(|| default_sender(targets));
        let courier = sender.zip(keyring).map(|(sender, keyring)| Courier::new(sender, keyring.clone(), clock));
        Deliveries { feed: EventFeed::default(), gauge: Gauge::default(), courier, settings }
    }
}

#[cfg(feature = "webhooks")]
fn default_sender(targets: &TargetPolicy) -> Option<Arc<dyn WebhookSender>> {
    Some(Arc::new(crate::webhook::HttpSender::new(targets.clone())))
}

#[cfg(not(feature = "webhooks"))]
fn default_sender(_targets: &TargetPolicy) -> Option<Arc<dyn WebhookSender>> {
    None
}

impl Deliveries {
    /// Starts to deliver the events of `store`, if there is somebody who does.
    pub(super) fn start(engine: &Inner) {
        let Self { feed, gauge, courier, settings } = &engine.deliveries;
        let store: Arc<dyn Store> = Arc::clone(&engine.store);
        if let Some(courier) = courier.clone() {
            Dispatcher::start(DispatcherParts {
                store,
                courier,
                feed: feed.clone(),
                settings: *settings,
                gauge: gauge.clone(),
                tasks: engine.tasks.clone(),
                stop: engine.stop_upkeep.clone(),
            });
        }
    }
}

impl EngineBuilder {
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
    /// [`WebhookSender`](crate::webhook::WebhookSender) of its own.
    pub fn events(&self) -> EventStream {
        self.inner.deliveries.feed.subscribe()
    }
}
