use crate::engine::Engine;
use crate::session::SessionLoad;
use crate::store::Connections;
use crate::webhook::DispatcherLoad;

/// How busy an engine is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Load {
    /// Turns that run or wait to be written.
    pub turns: usize,
    /// How many more there may be.
    pub free_places: usize,
    /// Beginnings and ends of turns that wait to be written.
    pub waiting_writes: usize,
    /// Sessions in memory, and who waits for one.
    pub sessions: SessionLoad,
    /// Webhook events that are being delivered, or wait in memory for that.
    pub webhooks: DispatcherLoad,
    /// Connections to storage.
    pub connections: Connections,
}

impl Engine {
    /// How busy the engine is. Asks no storage; cheap enough to be asked every second.
    pub fn load(&self) -> Load {
        let inner = &self.inner;
        let (turns, free_places) = inner.recorder.places();
        Load {
            turns,
            free_places,
            waiting_writes: inner.recorder.waiting(),
            sessions: inner.sessions.load(),
            webhooks: inner.webhooks.gauge.load(),
            connections: inner.store.connections(),
        }
    }
}
