use std::sync::{Arc, Mutex};
use std::time::Duration;

use arash_core::webhook::{SendError, Sent, SignedEvent, WebhookSender};
use async_trait::async_trait;

/// Takes the events that a host sends, and answers as it is told; unless it is, that it has taken them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receiver {
    answers: Arc<Mutex<Vec<Answering>>>,
    taken: Arc<Mutex<Vec<SignedEvent>>>,
}

#[derive(Clone, Copy, Debug)]
enum Answering {
    Status(u16),
    Never,
    After(Duration),
}

impl Receiver {
    /// Answers the next event with this status.
    pub(crate) fn answer(&self, status: u16) {
        self.answers.lock().unwrap().push(Answering::Status(status));
    }

    /// Answers the next event not at all.
    pub(crate) fn time_out(&self) {
        self.answers.lock().unwrap().push(Answering::Never);
    }

    /// Takes so long to answer the next event.
    pub(crate) fn wait(&self, time: Duration) {
        self.answers.lock().unwrap().push(Answering::After(time));
    }

    /// The ids of what came, in the order in which it came.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.taken.lock().unwrap().iter().map(|event| event.event.id.to_string()).collect()
    }

    /// The newest event that came.
    pub(crate) fn last(&self) -> SignedEvent {
        self.taken.lock().unwrap().last().unwrap().clone()
    }

    /// Waits until so many events came.
    pub(crate) async fn has_taken(&self, count: usize) {
        for _ in 0..500 {
            if self.taken.lock().unwrap().len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} events came, not {count}", self.taken.lock().unwrap().len());
    }
}

#[async_trait]
impl WebhookSender for Receiver {
    async fn send(&self, event: &SignedEvent) -> Sent {
        self.taken.lock().unwrap().push(event.clone());
        let answering = {
            let mut answers = self.answers.lock().unwrap();
            (!answers.is_empty()).then(|| answers.remove(0))
        };
        match answering {
            None => Sent::answered(200),
            Some(Answering::Status(status)) => Sent::answered(status),
            Some(Answering::Never) => Sent::failed(SendError::Timeout),
            Some(Answering::After(time)) => {
                tokio::time::sleep(time).await;
                Sent::answered(200)
            }
        }
    }
}
