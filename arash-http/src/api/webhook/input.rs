use arash_core::webhook::{EndpointSpec, EventKind};
use poem_openapi::Object;
use poem_openapi::types::MaybeUndefined;

use super::endpoint::EventName;
use crate::api::patch::edit;
use crate::body::JsonBody;
use crate::secret_text::SecretText;
use crate::text::Address;

/// What is to become of a webhook. A field that is left out stays as it is. Unknown fields are refused.
#[derive(Debug, Object)]
#[oai(rename = "WebhookInput")]
pub(crate) struct EndpointInput {
    /// Where events are posted to: a public address by `https://`, without a user name. Needed the first time.
    #[oai(validator(min_length = 1, max_length = 2048))]
    webhook_url: Option<Address>,
    /// What they are signed with; of one that begins with `whsec_` the rest is base64 of 24 to 64 bytes. Left out, the
    /// one there is stays, or one is made; null makes another one. One that is made is shown in this answer only. One
    /// that is replaced stays good for 24 hours: events are signed with both; of several that are replaced within a day,
    /// with the last.
    #[oai(nullable, validator(min_length = 8, max_length = 256))]
    webhook_secret: MaybeUndefined<SecretText>,
    /// Whether events are sent; true the first time, unless this says otherwise.
    webhook_enabled: Option<bool>,
    /// The types of events that are sent; `message.completed` the first time, unless this says otherwise.
    #[oai(validator(min_items = 1, max_items = 20))]
    events: Option<Vec<EventName>>,
}

impl JsonBody for EndpointInput {}

impl From<EndpointInput> for EndpointSpec {
    fn from(input: EndpointInput) -> Self {
        Self {
            url: input.webhook_url.map(String::from),
            secret: edit(input.webhook_secret.map_value(|secret| secret.0)),
            enabled: input.webhook_enabled,
            events: input.events.map(|names| names.into_iter().map(EventKind::from).collect()),
        }
    }
}
