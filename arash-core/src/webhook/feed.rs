use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};

use crate::webhook::Event;

/// How many events a reader may be behind.
const CAPACITY: usize = 1_024;

/// Tells of events as this node commits them with its turns: the dispatcher that there are some, readers which.
#[derive(Clone, Debug)]
pub(crate) struct EventFeed {
    events: broadcast::Sender<Arc<Event>>,
    committed: Arc<Notify>,
}

impl Default for EventFeed {
    fn default() -> Self {
        Self { events: broadcast::Sender::new(CAPACITY), committed: Arc::default() }
    }
}

impl EventFeed {
    /// These events are durable.
    pub(crate) fn tell(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        self.committed.notify_one();
        if self.events.receiver_count() > 0 {
            for event in events {
                // Whoever read may be gone by now.
                drop(self.events.send(Arc::new(event.clone())));
            }
        }
    }

    /// Returns when events were told since this was last asked.
    pub(super) async fn committed(&self) {
        self.committed.notified().await;
    }

    /// All events from now on.
    pub(crate) fn subscribe(&self) -> EventStream {
        EventStream { events: self.events.subscribe() }
    }
}

/// The events that one engine commits with its turns, as they become durable; see
/// [`Engine::events`](crate::Engine::events).
#[derive(Debug)]
pub struct EventStream {
    events: broadcast::Receiver<Arc<Event>>,
}

/// What an [`EventStream`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamedEvent {
    /// An event.
    Event(Arc<Event>),
    /// The reader was too slow: so many events were passed over. They are delivered to endpoints all the same.
    Missed(u64),
}

impl EventStream {
    /// The next event; `None` when the engine is gone. May be dropped while it waits, without missing anything.
    pub async fn next(&mut self) -> Option<StreamedEvent> {
        match self.events.recv().await {
            Ok(event) => Some(StreamedEvent::Event(event)),
            Err(RecvError::Lagged(count)) => Some(StreamedEvent::Missed(count)),
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKind;
    use crate::id::{EventId, TeamId};

    fn events(count: usize) -> Vec<Event> {
        let event = |number: usize| Event {
            id: EventId::new(),
            team_id: TeamId(1),
            kind: EventKind::MessageCompleted,
            payload: number.to_string(),
        };
        (0..count).map(event).collect()
    }

    #[tokio::test]
    async fn a_reader_gets_what_comes_after_him_and_learns_what_he_missed() {
        let feed = EventFeed::default();
        feed.tell(&events(1));
        let mut stream = feed.subscribe();
        let told = events(CAPACITY + 3);
        feed.tell(&told);
        assert_eq!(stream.next().await, Some(StreamedEvent::Missed(3)));
        for event in &told[3..] {
            assert_eq!(stream.next().await, Some(StreamedEvent::Event(Arc::new(event.clone()))));
        }
        drop(feed);
        assert_eq!(stream.next().await, None);
    }
}
