use arash_core::Engine;
use arash_core::clock::Timestamp;
use arash_core::id::EventId;
use arash_core::webhook::{Redelivery, Webhooks};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use crate::api::Group;
use crate::api::webhook::{
    ChangeRefused, DeliveryDetails, DeliveryList, DeliveryRefused, DeliveryStateName, EndpointInput, EndpointView,
    ListRefused, RangeRefused, RedeliveryAccepted, RedeliveryInput, RedeliveryRangeAccepted, RedeliveryRefused,
    TeamEndpointRefused, TeamTestRefused, TestOutcome,
};
use crate::auth::Lead;
use crate::body::Body;
use crate::choice::Choice;
use crate::cursor::Cursor;
use crate::page::PageLimit;
use crate::refusal::Refusal;

/// The webhook of the own team.
#[derive(Debug)]
pub(crate) struct TeamWebhook {
    engine: Engine,
}

impl TeamWebhook {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    fn webhooks(&self, lead: &Lead) -> Webhooks {
        self.engine.webhooks().by(lead.0.actor())
    }
}

#[OpenApi(prefix_path = "/api/v1/team", tag = "Group::Webhooks")]
impl TeamWebhook {
    /// Make or change the own team's webhook
    ///
    /// A field that is left out stays as it is. A secret that is made here is in this answer only. With another address,
    /// or switched on again, what waits is sent at once. Events of one session, of one key and of one quota are sent in
    /// order while the endpoint takes them; one that failed is tried again later and does not hold up the others.
    #[oai(path = "/webhook", method = "put", operation_id = "put_team_webhook")]
    async fn put(&self, lead: Lead, input: Body<EndpointInput>) -> Result<Json<EndpointView>, Refusal<ChangeRefused>> {
        Ok(Json(self.webhooks(&lead).put(lead.0.team_id(), input.0.into()).await?.into()))
    }

    /// Show the own team's webhook
    ///
    /// A team without one is 404.
    #[oai(path = "/webhook", method = "get", operation_id = "get_team_webhook")]
    async fn show(&self, lead: Lead) -> Result<Json<EndpointView>, Refusal<TeamEndpointRefused>> {
        Ok(Json(self.webhooks(&lead).get(lead.0.team_id()).await?.into()))
    }

    /// Try the own team's webhook
    ///
    /// Sends the event `webhook.test` at once, also to a webhook that is switched off, and tells what came of it. A
    /// second test while one is under way is 409.
    #[oai(path = "/webhook/test", method = "post", operation_id = "test_team_webhook")]
    async fn test(&self, lead: Lead) -> Result<Json<TestOutcome>, Refusal<TeamTestRefused>> {
        Ok(Json(self.webhooks(&lead).test(lead.0.team_id()).await?.into()))
    }

    /// List what the own team was told
    #[oai(path = "/webhook/deliveries", method = "get", operation_id = "list_team_webhook_deliveries")]
    async fn list(
        &self,
        lead: Lead,
        /// Only those in this state.
        state: Query<Option<Choice<DeliveryStateName>>>,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<Cursor<(Timestamp, EventId)>>>,
    ) -> Result<Json<DeliveryList>, Refusal<ListRefused>> {
        let team = lead.0.team_id();
        let page = DeliveryList::page(state.0, *limit, *cursor);
        Ok(Json(DeliveryList::of(self.webhooks(&lead).deliveries(team, page).await?, *limit)))
    }

    /// Show one delivery of the own team with its attempts
    #[oai(path = "/webhook/deliveries/:id", method = "get", operation_id = "get_team_webhook_delivery")]
    async fn delivery(
        &self,
        lead: Lead,
        /// The delivery's id.
        id: Path<Uuid>,
    ) -> Result<Json<DeliveryDetails>, Refusal<DeliveryRefused>> {
        let found = self.webhooks(&lead).delivery(lead.0.team_id(), EventId::from_uuid(*id)).await?;
        Ok(Json(found.into()))
    }

    /// Send one delivery of the own team again
    ///
    /// However it stands, it is sent at once, with the same `webhook-id`; repeated, it is sent once more. An attempt that
    /// runs is waited for; what that delivers is not sent again.
    #[oai(
        path = "/webhook/deliveries/:id/redeliver",
        method = "post",
        operation_id = "redeliver_team_webhook_delivery"
    )]
    async fn redeliver(
        &self,
        lead: Lead,
        /// The delivery's id.
        id: Path<Uuid>,
    ) -> Result<RedeliveryAccepted, Refusal<RedeliveryRefused>> {
        let which = Redelivery::One(EventId::from_uuid(*id));
        self.webhooks(&lead).redeliver(lead.0.team_id(), which).await?;
        Ok(RedeliveryAccepted::new())
    }

    /// Send many deliveries of the own team again
    ///
    /// Those that happened between two moments and wait for nothing any more.
    #[oai(path = "/webhook/redeliver", method = "post", operation_id = "redeliver_team_webhook_deliveries")]
    async fn redeliver_range(
        &self,
        lead: Lead,
        input: Body<RedeliveryInput>,
    ) -> Result<RedeliveryRangeAccepted, Refusal<RangeRefused>> {
        let team = lead.0.team_id();
        Ok(RedeliveryRangeAccepted::of(self.webhooks(&lead).redeliver(team, input.0.into()).await?))
    }
}
