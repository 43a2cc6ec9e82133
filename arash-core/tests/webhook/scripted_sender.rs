//! A sender that does as a test says, and remembers what it was to send.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arash_core::webhook::{Sent, SignedEvent, WebhookSender};
use async_trait::async_trait;
use futures_util::future::BoxFuture;

type Answer = dyn Fn(&SignedEvent) -> BoxFuture<'static, Sent> + Send + Sync;

/// Clones share what they remember.
#[derive(Clone)]
pub(crate) struct ScriptedSender {
    answer: Arc<Answer>,
    sent: Arc<Mutex<Vec<SignedEvent>>>,
}

impl fmt::Debug for ScriptedSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptedSender")
    }
}

impl ScriptedSender {
    /// Answers each attempt with what this gives for it.
    pub(crate) fn new<F>(answer: impl Fn(&SignedEvent) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Sent> + Send + 'static,
    {
        Self { answer: Arc::new(move |event| Box::pin(answer(event))), sent: Arc::default() }
    }

    /// Takes everything.
    pub(crate) fn taking() -> Self {
        Self::answering(|_| Sent::delivered())
    }

    /// Answers at once.
    pub(crate) fn answering(answer: impl Fn(&SignedEvent) -> Sent + Send + Sync + 'static) -> Self {
        Self::new(move |event| std::future::ready(answer(event)))
    }

    /// Never comes to an end.
    pub(crate) fn hanging() -> Self {
        Self::new(|_| std::future::pending())
    }

    /// What was to be sent so far, in the order of attempts.
    pub(crate) fn attempts(&self) -> Vec<SignedEvent> {
        self.sent.lock().unwrap().clone()
    }

    /// Waits until there were so many attempts.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<SignedEvent> {
        let enough = async {
            while self.attempts().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), enough).await;
        assert!(in_time.is_ok(), "{} of {count} attempts", self.attempts().len());
        self.attempts()
    }

    /// Asserts that for a while there is no attempt but the first so many.
    pub(crate) async fn stays_at(&self, count: usize) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(self.attempts().len(), count);
    }
}

#[async_trait]
impl WebhookSender for ScriptedSender {
    async fn send(&self, event: &SignedEvent) -> Sent {
        self.sent.lock().unwrap().push(event.clone());
        (self.answer)(event).await
    }
}
