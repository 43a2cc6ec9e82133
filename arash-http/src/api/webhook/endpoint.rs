use arash_core::webhook::{Endpoint, EndpointPut, EventKind};
use poem_openapi::{Enum, Object};

use crate::id::Id;
use crate::time::Time;

/// What happened.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename = "EventType")]
pub(super) enum EventName {
    #[oai(rename = "message.completed")]
    MessageCompleted,
    #[oai(rename = "message.failed")]
    MessageFailed,
    #[oai(rename = "quota.threshold")]
    QuotaThreshold,
    #[oai(rename = "key.created")]
    KeyCreated,
    #[oai(rename = "key.revoked")]
    KeyRevoked,
    #[oai(rename = "webhook.test")]
    WebhookTest,
}

impl From<EventName> for EventKind {
    fn from(name: EventName) -> Self {
        match name {
            EventName::MessageCompleted => Self::MessageCompleted,
            EventName::MessageFailed => Self::MessageFailed,
            EventName::QuotaThreshold => Self::QuotaThreshold,
            EventName::KeyCreated => Self::KeyCreated,
            EventName::KeyRevoked => Self::KeyRevoked,
            EventName::WebhookTest => Self::WebhookTest,
        }
    }
}

/// Where a team is told of events.
#[derive(Object)]
#[oai(rename = "Webhook")]
pub(crate) struct EndpointView {
    /// The team that it belongs to.
    team_id: Id,
    /// Where events are posted to.
    webhook_url: String,
    /// What they are signed with: `whsec_…` and the last four characters, or `…` and the last four of a secret of
    /// another form. In the answer to a `PUT` that made a new secret, and only there, the whole of it.
    webhook_secret: String,
    /// Until when events are also signed with the secret before; null when there is none.
    #[oai(nullable)]
    previous_secret_expires_at: Option<Time>,
    /// Whether events are sent. While they are not, those that happened before are kept.
    webhook_enabled: bool,
    /// The types of events that are sent: `message.completed`, `message.failed`, `quota.threshold`, `key.created`,
    /// `key.revoked`, `webhook.test`.
    events: Vec<String>,
    /// Since when no attempt succeeded; null when the last one did, or there was none.
    #[oai(nullable)]
    failing_since: Option<Time>,
    /// Why it was switched off by itself; null when it was not.
    #[oai(nullable)]
    disabled_reason: Option<String>,
    /// When it was last changed by hand.
    updated_at: Time,
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            team_id: endpoint.team_id.into(),
            webhook_url: endpoint.url,
            webhook_secret: endpoint.secret_hint,
            previous_secret_expires_at: endpoint.previous_secret.map(|(_, end)| end.into()),
            webhook_enabled: endpoint.enabled,
            events: endpoint.events.iter().map(|kind| kind.as_str().to_owned()).collect(),
            failing_since: endpoint.failing_since.map(Time::from),
            disabled_reason: endpoint.disabled_reason,
            updated_at: endpoint.updated_at.into(),
        }
    }
}

impl From<EndpointPut> for EndpointView {
    fn from(put: EndpointPut) -> Self {
        let mut view = Self::from(put.endpoint);
        if let Some(secret) = put.new_secret {
            secret.expose().clone_into(&mut view.webhook_secret);
        }
        view
    }
}
