use arash_core::Engine;
use arash_core::id::{ApiKeyId, TeamId};
use arash_core::team::PageAfter;
use poem::http::HeaderMap;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;

use crate::api::api_key::{
    ApiKeyInput, ApiKeyIssued, ApiKeyList, ApiKeyPatch, ChangeRefused, CreationRefused, KeyInfo, ListRefused,
    RevocationRefused, RotationInput, RotationRefused, revoke_or_delete,
};
use crate::api::{Done, Group};
use crate::auth::Admin;
use crate::body::Body;
use crate::cursor::Cursor;
use crate::id::Id;
use crate::idempotency::{self, GivenKey};
use crate::page::PageLimit;
use crate::refusal::Refusal;

/// Makes, lists, changes and revokes API keys.
#[derive(Debug)]
pub(crate) struct AdminKeys {
    engine: Engine,
}

impl AdminKeys {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Group::Administration")]
impl AdminKeys {
    /// Make an API key
    ///
    /// The key itself is in this answer only.
    #[oai(
        path = "/api-keys",
        method = "post",
        operation_id = "create_api_key",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<GivenKey>",
            description = "1 to 255 printable ASCII characters. What is repeated with the same key is done once; its result is given again for 24 hours, without the secret."
        )
    )]
    async fn create(
        &self,
        admin: Admin,
        headers: &HeaderMap,
        input: Body<ApiKeyInput>,
    ) -> Result<ApiKeyIssued, Refusal<CreationRefused>> {
        let once = idempotency::key(headers, &admin.0, "create_api_key")?;
        let keys = self.engine.keys().by(admin.0.actor());
        Ok(keys.create_once(input.0.into_spec(&admin.0), once).await?.into())
    }

    /// List API keys
    #[oai(path = "/api-keys", method = "get", operation_id = "list_api_keys")]
    async fn list(
        &self,
        _admin: Admin,
        /// Only those of this team.
        team_id: Query<Option<Id>>,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<Cursor<i64>>>,
    ) -> Result<Json<ApiKeyList>, Refusal<ListRefused>> {
        let after = cursor.map_or(0, |Cursor(after)| after);
        let page = PageAfter { after, limit: limit.with_one_more() };
        Ok(Json(ApiKeyList::of(self.engine.keys().list(team_id.map(TeamId::from), page).await?, *limit)))
    }

    /// Change an API key
    ///
    /// A field that is left out stays as it is; null clears. It holds at once here and within a second on other nodes.
    #[oai(path = "/api-keys/:id", method = "patch", operation_id = "update_api_key")]
    async fn update(
        &self,
        admin: Admin,
        /// The key's id.
        id: Path<Id>,
        patch: Body<ApiKeyPatch>,
    ) -> Result<Json<KeyInfo>, Refusal<ChangeRefused>> {
        let keys = self.engine.keys().by(admin.0.actor());
        Ok(Json(keys.update(ApiKeyId::from(*id), patch.0.into()).await?.into()))
    }

    /// Give an API key a new secret
    ///
    /// The key keeps its id and its usage. The secret until now stays good for the overlap; one before that is refused
    /// from now on. A key that is not active or has expired is 409.
    #[oai(
        path = "/api-keys/:id/rotate",
        method = "post",
        operation_id = "rotate_api_key",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<GivenKey>",
            description = "1 to 255 printable ASCII characters. What is repeated with the same key is done once; its result is given again for 24 hours, without the secret."
        )
    )]
    async fn rotate(
        &self,
        admin: Admin,
        /// The key's id.
        id: Path<Id>,
        headers: &HeaderMap,
        input: Body<RotationInput>,
    ) -> Result<ApiKeyIssued, Refusal<RotationRefused>> {
        let once = idempotency::key(headers, &admin.0, "rotate_api_key")?;
        let keys = self.engine.keys().by(admin.0.actor());
        Ok(keys.rotate(ApiKeyId::from(*id), input.0.overlap(), once).await?.into())
    }

    /// Revoke or delete an API key
    ///
    /// It is refused at once here and within a second on other nodes. Its usage records stay.
    #[oai(path = "/api-keys/:id", method = "delete", operation_id = "revoke_api_key")]
    async fn revoke(
        &self,
        admin: Admin,
        /// The key's id.
        id: Path<Id>,
        /// Whether what is stored of it goes too.
        #[oai(default)]
        permanent: Query<bool>,
    ) -> Result<Json<Done>, Refusal<RevocationRefused>> {
        Ok(Json(revoke_or_delete(&self.engine.keys().by(admin.0.actor()), *id, *permanent).await?))
    }
}
