use arash_core::Engine;
use arash_core::clock::Timestamp;
use arash_core::id::{EventId, TeamId};
use arash_core::webhook::{Redelivery, Webhooks};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use crate::api::Group;
use crate::api::webhook::{
    ChangeRefused, DeliveryDetails, DeliveryList, DeliveryRefused, DeliveryStateName, EndpointInput, EndpointRefused,
    EndpointView, ListRefused, RangeRefused, RedeliveryAccepted, RedeliveryInput, RedeliveryRangeAccepted,
    RedeliveryRefused, TestOutcome, TestRefused,
};
use crate::auth::Admin;
use crate::body::Body;
use crate::choice::Choice;
use crate::cursor::Cursor;
use crate::id::Id;
use crate::page::PageLimit;
use crate::refusal::Refusal;

/// Webhooks of all teams.
#[derive(Debug)]
pub(crate) struct AdminWebhooks {
    engine: Engine,
}

impl AdminWebhooks {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    fn webhooks(&self, admin: &Admin) -> Webhooks {
        self.engine.webhooks().by(admin.0.actor())
    }
}

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Group::Webhooks")]
impl AdminWebhooks {
    /// Make or change a team's webhook
    ///
    /// A field that is left out stays as it is. A secret that is made here is in this answer only. With another address,
    /// or switched on again, what waits is sent at once. Events of one session, of one key and of one quota are sent in
    /// order while the endpoint takes them; one that failed is tried again later and does not hold up the others.
    #[oai(path = "/:team_id/webhook", method = "put", operation_id = "put_webhook")]
    async fn put(
        &self,
        admin: Admin,
        /// The team's id.
        team_id: Path<Id>,
        input: Body<EndpointInput>,
    ) -> Result<Json<EndpointView>, Refusal<ChangeRefused>> {
        Ok(Json(self.webhooks(&admin).put(TeamId::from(*team_id), input.0.into()).await?.into()))
    }

    /// Show a team's webhook
    ///
    /// A team without one is 404.
    #[oai(path = "/:team_id/webhook", method = "get", operation_id = "get_webhook")]
    async fn show(
        &self,
        admin: Admin,
        /// The team's id.
        team_id: Path<Id>,
    ) -> Result<Json<EndpointView>, Refusal<EndpointRefused>> {
        Ok(Json(self.webhooks(&admin).get(TeamId::from(*team_id)).await?.into()))
    }

    /// Try a team's webhook
    ///
    /// Sends the event `webhook.test` at once, also to a webhook that is switched off, and tells what came of it. A
    /// second test while one is under way is 409.
    #[oai(path = "/:team_id/webhook/test", method = "post", operation_id = "test_webhook")]
    async fn test(
        &self,
        admin: Admin,
        /// The team's id.
        team_id: Path<Id>,
    ) -> Result<Json<TestOutcome>, Refusal<TestRefused>> {
        Ok(Json(self.webhooks(&admin).test(TeamId::from(*team_id)).await?.into()))
    }

    /// List what a team was told
    #[oai(path = "/:team_id/webhook/deliveries", method = "get", operation_id = "list_webhook_deliveries")]
    async fn list(
        &self,
        admin: Admin,
        /// The team's id.
        team_id: Path<Id>,
        /// Only those in this state.
        state: Query<Option<Choice<DeliveryStateName>>>,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<Cursor<(Timestamp, EventId)>>>,
    ) -> Result<Json<DeliveryList>, Refusal<ListRefused>> {
        let team = self.engine.teams().get(TeamId::from(*team_id)).await?.id;
        let page = DeliveryList::page(state.0, *limit, *cursor);
        Ok(Json(DeliveryList::of(self.webhooks(&admin).deliveries(team, page).await?, *limit)))
    }

    /// Show one delivery with its attempts
    #[oai(path = "/:team_id/webhook/deliveries/:id", method = "get", operation_id = "get_webhook_delivery")]
    async fn delivery(
        &self,
        admin: Admin,
        /// The team's id.
        team_id: Path<Id>,
        /// The delivery's id.
        id: Path<Uuid>,
    ) -> Result<Json<DeliveryDetails>, Refusal<DeliveryRefused>> {
        let found = self.webhooks(&admin).delivery(TeamId::from(*team_id), EventId::from_uuid(*id)).await?;
        Ok(Json(found.into()))
    }

    /// Send one delivery again
    ///
    /// However it stands, it is sent at once, with the same `webhook-id`; repeated, it is sent once more. An attempt that
    /// runs is waited for; what that delivers is not sent again.
    #[oai(
        path = "/:team_id/webhook/deliveries/:id/redeliver",
        method = "post",
        operation_id = "redeliver_webhook_delivery"
    )]
    async fn redeliver(
        &self,
        admin: Admin,
        /// The team's id.
        team_id: Path<Id>,
        /// The delivery's id.
        id: Path<Uuid>,
    ) -> Result<RedeliveryAccepted, Refusal<RedeliveryRefused>> {
        let which = Redelivery::One(EventId::from_uuid(*id));
        self.webhooks(&admin).redeliver(TeamId::from(*team_id), which).await?;
        Ok(RedeliveryAccepted::new())
    }

    /// Send many deliveries again
    ///
    /// Those that happened between two moments and wait for nothing any more.
    #[oai(path = "/:team_id/webhook/redeliver", method = "post", operation_id = "redeliver_webhook_deliveries")]
    async fn redeliver_range(
        &self,
        admin: Admin,
        /// The team's id.
        team_id: Path<Id>,
        input: Body<RedeliveryInput>,
    ) -> Result<RedeliveryRangeAccepted, Refusal<RangeRefused>> {
        let team = self.engine.teams().get(TeamId::from(*team_id)).await?.id;
        Ok(RedeliveryRangeAccepted::of(self.webhooks(&admin).redeliver(team, input.0.into()).await?))
    }
}
