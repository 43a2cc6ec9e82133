use arash_core::Engine;
use arash_core::id::ApiKeyId;
use arash_core::team::{ApiKeys, PageAfter};
use poem::http::HeaderMap;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;

use crate::api::api_key::{
    ApiKeyIssued, ApiKeyList, ApiKeyPatch, ChangeRefused, CreationRefused, KeyInfo, ListRefused, RevocationRefused,
    RotationInput, RotationRefused, TeamApiKeyInput, revoke_or_delete,
};
use crate::api::{Done, Group};
use crate::auth::Lead;
use crate::body::Body;
use crate::cursor::Cursor;
use crate::id::Id;
use crate::idempotency::{self, GivenKey};
use crate::page::PageLimit;
use crate::refusal::Refusal;

/// Makes, lists, changes and revokes the API keys of the own team.
#[derive(Debug)]
pub(crate) struct TeamKeys {
    engine: Engine,
}

impl TeamKeys {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    fn keys(&self, lead: &Lead) -> ApiKeys {
        self.engine.keys().by(lead.0.actor())
    }
}

#[OpenApi(prefix_path = "/api/v1/team", tag = "Group::Team")]
impl TeamKeys {
    /// Make an API key of the own team
    ///
    /// Up to level `team_lead`. The key itself is in this answer only.
    #[oai(
        path = "/api-keys",
        method = "post",
        operation_id = "create_team_api_key",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<GivenKey>",
            description = "1 to 255 printable ASCII characters. What is repeated with the same key is done once; its result is given again for 24 hours, without the secret."
        )
    )]
    async fn create(
        &self,
        lead: Lead,
        headers: &HeaderMap,
        input: Body<TeamApiKeyInput>,
    ) -> Result<ApiKeyIssued, Refusal<CreationRefused>> {
        let once = idempotency::key(headers, &lead.0, "create_team_api_key")?;
        let spec = input.0.into_spec(lead.0.team_id(), &lead.0);
        Ok(self.keys(&lead).create_once(spec, once).await?.into())
    }

    /// List the own team's API keys
    #[oai(path = "/api-keys", method = "get", operation_id = "list_team_api_keys")]
    async fn list(
        &self,
        lead: Lead,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<Cursor<i64>>>,
    ) -> Result<Json<ApiKeyList>, Refusal<ListRefused>> {
        let after = cursor.map_or(0, |Cursor(after)| after);
        let page = PageAfter { after, limit: limit.with_one_more() };
        Ok(Json(ApiKeyList::of(self.engine.keys().list(Some(lead.0.team_id()), page).await?, *limit)))
    }

    /// Change an API key of the own team
    ///
    /// Up to level `team_lead`, before and after. A field that is left out stays as it is; null clears. It holds at once
    /// here and within a second on other nodes.
    #[oai(path = "/api-keys/:id", method = "patch", operation_id = "update_team_api_key")]
    async fn update(
        &self,
        lead: Lead,
        /// The key's id.
        id: Path<Id>,
        patch: Body<ApiKeyPatch>,
    ) -> Result<Json<KeyInfo>, Refusal<ChangeRefused>> {
        Ok(Json(self.keys(&lead).update(ApiKeyId::from(*id), patch.0.into()).await?.into()))
    }

    /// Give an API key of the own team a new secret
    ///
    /// Up to level `team_lead`. The key keeps its id and its usage. The secret until now stays good for the overlap; one
    /// before that is refused from now on. A key that is not active or has expired is 409.
    #[oai(
        path = "/api-keys/:id/rotate",
        method = "post",
        operation_id = "rotate_team_api_key",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<GivenKey>",
            description = "1 to 255 printable ASCII characters. What is repeated with the same key is done once; its result is given again for 24 hours, without the secret."
        )
    )]
    async fn rotate(
        &self,
        lead: Lead,
        /// The key's id.
        id: Path<Id>,
        headers: &HeaderMap,
        input: Body<RotationInput>,
    ) -> Result<ApiKeyIssued, Refusal<RotationRefused>> {
        let once = idempotency::key(headers, &lead.0, "rotate_team_api_key")?;
        Ok(self.keys(&lead).rotate(ApiKeyId::from(*id), input.0.overlap(), once).await?.into())
    }

    /// Revoke or delete an API key of the own team
    ///
    /// Up to level `team_lead`. It is refused at once here and within a second on other nodes. Its usage records stay.
    #[oai(path = "/api-keys/:id", method = "delete", operation_id = "revoke_team_api_key")]
    async fn revoke(
        &self,
        lead: Lead,
        /// The key's id.
        id: Path<Id>,
        /// Whether what is stored of it goes too.
        #[oai(default)]
        permanent: Query<bool>,
    ) -> Result<Json<Done>, Refusal<RevocationRefused>> {
        Ok(Json(revoke_or_delete(&self.keys(&lead), *id, *permanent).await?))
    }
}
