use std::time::Duration;

use tokio::time::sleep;

use crate::api::ApiError;
use crate::bot::Bot;
use crate::incoming::Lane;

/// How often the chat action is shown, which lasts five seconds.
const PERIOD: Duration = Duration::from_secs(4);

impl Bot {
    /// Shows that something is being written, until that cannot be read any more: why it cannot. Only then it ends.
    pub(crate) async fn type_on(&self, lane: Lane) -> ApiError {
        loop {
            match self.outgoing.type_on(self.moved.place(lane)).await {
                Err(gone) if gone.is_chat_gone() => return gone,
                // In a closed topic what is there can still be edited.
                Err(closed) if closed.is_chat_closed() => std::future::pending().await,
                _ => sleep(PERIOD).await,
            }
        }
    }
}
