//! That the host is stopping, for whoever waits for a client.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long a client may still take to finish what it began to send: less than an orchestrator waits.
const GRACE: Duration = Duration::from_secs(2);

/// Whether the host is stopping. All clones know the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopping(CancellationToken);

impl Stopping {
    /// From now on it is.
    pub(crate) fn begin(&self) {
        self.0.cancel();
    }

    /// Waits until clients have had their time since then.
    pub(crate) async fn is_over(&self) {
        self.0.cancelled().await;
        tokio::time::sleep(GRACE).await;
    }
}
