use arash_core::Result;
use arash_core::id::ApiKeyId;
use arash_core::team::ApiKeys;

use crate::api::Done;

/// Takes a key out of use, and for good if asked to.
pub(crate) async fn revoke_or_delete(keys: &ApiKeys, id: i64, is_permanent: bool) -> Result<Done> {
    if is_permanent {
        keys.delete(ApiKeyId(id)).await?;
        return Ok(Done::saying("API key deleted"));
    }
    keys.revoke(ApiKeyId(id)).await?;
    Ok(Done::saying("API key revoked"))
}
