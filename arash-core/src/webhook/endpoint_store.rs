use async_trait::async_trait;

use crate::error::Result;
use crate::id::TeamId;
use crate::team::ChangeContext;
use crate::webhook::{Endpoint, EndpointChange};

/// What endpoints need from storage.
///
/// Every method may fail with [`Unavailable`](crate::ErrorKind::Unavailable) when storage cannot be reached.
#[async_trait]
pub trait EndpointStore: Send + Sync {
    /// The endpoint of `team`.
    async fn endpoint(&self, team: TeamId) -> Result<Option<Endpoint>>;

    /// Makes or changes an endpoint and moves the key epoch on, because callers who were recognised carry what their
    /// team is told of; gives the endpoint as it is then. Worked out by [`EndpointChange::on`] within the transaction and
    /// with nobody else in between, and written together with its audit entry; what changes nothing writes nothing.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such team; those of [`EndpointChange::on`].
    async fn put_endpoint(&self, change: EndpointChange, by: &ChangeContext) -> Result<Endpoint>;
}
