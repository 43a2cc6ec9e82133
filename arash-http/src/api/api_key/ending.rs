use arash_core::Result;
use arash_core::team::ApiKeys;

use crate::api::Done;
use crate::id::Id;

/// Takes a key out of use, and for good if asked to.
pub(crate) async fn revoke_or_delete(keys: &ApiKeys, id: Id, is_permanent: bool) -> Result<Done> {
    if is_permanent {
        keys.delete(id.into()).await?;
        return Ok(Done::saying("API key deleted"));
    }
    keys.revoke(id.into()).await?;
    Ok(Done::saying("API key revoked"))
}
