//! The front door: an [`Engine`] and how it is built.

mod builder;
mod load;
mod upkeep;
mod webhooks;

pub use builder::EngineBuilder;
pub use load::Load;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::command::CommandRegistry;
use crate::engine::webhooks::EngineWebhooks;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TurnId;
use crate::inbox::Inbox;
use crate::platform::{ModelCatalogue, Platform};
use crate::quota::QuotaKeeper;
use crate::session::{SessionKey, SessionManager};
use crate::store::Store;
use crate::team::{ApiKeys, AuditLog, Authenticator, Principal, Teams};
use crate::turn::{
    Completion, CompletionRequest, CompletionStream, MessageProcessor, Recorder, Reply, ReplyStream, TurnRequest,
};
use crate::usage::Usage;
use crate::webhook::Webhooks;

/// How long interrupted turns may take to be recorded at shutdown.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The chatbot engine. Cheap to clone; all clones are the same engine.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> arash_core::Result<()> {
/// use arash_core::{Engine, IncomingMessage, Platform, ai::Offline};
///
/// let engine = Engine::builder()
///     .platform(Platform::private("internal").models(["offline/assistant"]))
///     .ai(Offline::default())
///     .build()
///     .await?;
/// let reply = engine.process(IncomingMessage::text("internal", "user-1", "chat-1", "Hello")).await?;
/// assert_eq!(reply.receipt.message_count, 1);
/// engine.shutdown(std::time::Duration::from_secs(5)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    processor: MessageProcessor,
    authenticator: Arc<Authenticator>,
    sessions: SessionManager,
    teams: Teams,
    keys: ApiKeys,
    audit: AuditLog,
    usage: Usage,
    inbox: Inbox,
    webhooks: EngineWebhooks,
    quotas: QuotaKeeper,
    platforms: HashMap<String, Arc<Platform>>,
    catalogue: Arc<ModelCatalogue>,
    recorder: Recorder,
    store: Arc<dyn Store>,
    is_database_healthy: Arc<AtomicBool>,
    turn_tasks: TaskTracker,
    tasks: TaskTracker,
    interrupt: CancellationToken,
    stop_upkeep: CancellationToken,
}

/// How the engine's parts are, as the last check in the background found them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether storage can be reached, and turns can be recorded.
    pub database: bool,
    /// Whether the AI provider answered lately, or was not asked.
    pub ai_service: bool,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("processor", &self.inner.processor).finish_non_exhaustive()
    }
}

impl Engine {
    /// Begins to build an engine.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Answers a message. When this returns, the turn is recorded; if the caller goes away before, it still will be.
    ///
    /// # Errors
    /// Why the message was refused or could not be answered; see [`ErrorKind`].
    pub async fn process(&self, request: impl Into<TurnRequest>) -> Result<Reply> {
        self.inner.processor.process(request.into()).await
    }

    /// Answers a message as the answer is written. Returns once the message is admitted.
    ///
    /// # Errors
    /// Why the message was refused; what happens later is told by the stream.
    pub async fn stream(&self, request: impl Into<TurnRequest>) -> Result<ReplyStream> {
        self.inner.processor.stream(request.into()).await
    }

    /// Answers a client's own request for chat completions: without a session, with the same limits, quotas and records as
    /// a message. When this returns, it is recorded; if the caller goes away before, it still will be.
    ///
    /// # Errors
    /// As of [`Engine::process`]; [`NotFound`](ErrorKind::NotFound) when the platform has no such model.
    pub async fn complete(&self, request: CompletionRequest) -> Result<Completion> {
        self.inner.processor.complete(request).await
    }

    /// Answers a client's own request for chat completions as the answer is written. Returns once it is admitted.
    ///
    /// # Errors
    /// Why it was refused, as of [`Engine::complete`]; what happens later is told by the stream.
    pub async fn stream_completion(&self, request: CompletionRequest) -> Result<CompletionStream> {
        self.inner.processor.stream_completion(request).await
    }

    /// Follows the answer of a turn of the caller's team, from the event after position `after` on, or all of it. It is
    /// there while it is made here, and for five minutes after its end if it was streamed; less if very many ended since.
    /// Any number of readers may follow. Whoever has level admin may follow the answers of all teams.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it is not there, or is another team's;
    /// [`InvalidInput`](ErrorKind::InvalidInput) when no event with the position `after` was told.
    pub fn resume(&self, turn_id: TurnId, principal: &Principal, after: Option<usize>) -> Result<ReplyStream> {
        self.inner.processor.resume(turn_id, Some(principal), after)
    }

    /// [`Engine::resume`], whoever asked: for the host program itself.
    ///
    /// # Errors
    /// As of [`Engine::resume`].
    pub fn resume_any(&self, turn_id: TurnId, after: Option<usize>) -> Result<ReplyStream> {
        self.inner.processor.resume(turn_id, None, after)
    }

    /// Stops a running answer of the caller's team, streamed or whole. What has come so far is its answer: it is kept,
    /// recorded and told, marked as [`stopped`](crate::TurnReceipt::stopped). Before the first word nothing is kept.
    /// Whoever has level admin may stop the answers of all teams.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when no such turn is running here: it waits for its session, is whole and being
    /// recorded, has ended or was stopped before, or is another team's.
    pub fn stop(&self, turn_id: TurnId, principal: &Principal) -> Result<()> {
        self.inner.processor.stop(turn_id, Some(principal))
    }

    /// [`Engine::stop`], whoever asked: for the host program itself.
    ///
    /// # Errors
    /// As of [`Engine::stop`].
    pub fn stop_any(&self, turn_id: TurnId) -> Result<()> {
        self.inner.processor.stop(turn_id, None)
    }

    /// Whether a message of a user, for whom no API key speaks, would pass the rate limit of its platform now; it takes
    /// nothing of that for longer than the question takes. For hosts that have to do something costly before they can hand a message over, such as fetching
    /// what is attached.
    ///
    /// # Errors
    /// [`RateLimited`](ErrorKind::RateLimited) if it would not, [`InvalidInput`](ErrorKind::InvalidInput) when there is
    /// no such platform, [`Unavailable`](ErrorKind::Unavailable) when the limiter cannot be asked.
    pub async fn check_rate_limit(&self, platform: &str, user_id: &str) -> Result<()> {
        self.inner.processor.check_rate(platform, user_id).await
    }

    /// Who shows this API key.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorKind::Unauthenticated), [`Forbidden`](ErrorKind::Forbidden) for a key of an inactive
    /// team, [`Unavailable`](ErrorKind::Unavailable) when storage had to be asked and did not answer.
    pub async fn authenticate(&self, key: &str) -> Result<Arc<Principal>> {
        self.inner.authenticator.authenticate(key).await
    }

    /// The conversations.
    pub fn sessions(&self) -> &SessionManager {
        &self.inner.sessions
    }

    /// The session that a text names.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it names none.
    pub fn session_key(&self, text: &str) -> Result<SessionKey> {
        let access_of = |name: &str| self.platform(name).map(Platform::access);
        SessionKey::parse(text, access_of)
            .map_err(|fault| Error::new(ErrorKind::NotFound, format!("there is no session {text}")).with_source(fault))
    }

    /// Deletes a session and all that was said in it, after the turn that runs in it. Usage records stay.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it is not open; [`SessionBusy`](ErrorKind::SessionBusy) when
    /// too many messages wait for it.
    pub async fn delete_session(&self, key: &SessionKey) -> Result<()> {
        let deleted = self.inner.sessions.delete(key).await;
        // Also where nobody knows whether it was.
        self.inner.processor.forget_session(key);
        deleted
    }

    /// The teams.
    pub fn teams(&self) -> &Teams {
        &self.inner.teams
    }

    /// The API keys.
    pub fn keys(&self) -> &ApiKeys {
        &self.inner.keys
    }

    /// Who changed what of teams and keys.
    pub fn audit(&self) -> &AuditLog {
        &self.inner.audit
    }

    /// What was used.
    pub fn usage(&self) -> &Usage {
        &self.inner.usage
    }

    /// The updates that messengers sent to bots, for hosts that answer them.
    pub fn inbox(&self) -> &Inbox {
        &self.inner.inbox
    }

    /// Where teams are told of events.
    pub fn webhooks(&self) -> &Webhooks {
        &self.inner.webhooks.service
    }

    /// What may be used.
    pub fn quotas(&self) -> &QuotaKeeper {
        &self.inner.quotas
    }

    /// The platforms, in order of their names.
    pub fn platforms(&self) -> impl Iterator<Item = &Platform> {
        let mut platforms: Vec<_> = self.inner.platforms.values().map(AsRef::as_ref).collect();
        platforms.sort_unstable_by_key(|platform: &&Platform| platform.name());
        platforms.into_iter()
    }

    /// The platform called `name`.
    pub fn platform(&self, name: &str) -> Option<&Platform> {
        self.inner.platforms.get(name).map(AsRef::as_ref)
    }

    /// What is known of models.
    pub fn models(&self) -> &ModelCatalogue {
        &self.inner.catalogue
    }

    /// All commands; [`CommandRegistry::specs_for`] tells those of a platform.
    pub fn commands(&self) -> &CommandRegistry {
        self.inner.processor.commands()
    }

    /// How the engine's parts are. Costs nothing: the checks run in the background.
    pub fn health(&self) -> Health {
        Health {
            database: self.inner.is_database_healthy.load(Ordering::Relaxed) && self.inner.recorder.is_healthy(),
            ai_service: self.inner.processor.is_provider_healthy(),
        }
    }

    /// Admits nothing more, and interrupts and records the turns that run; returns when their callers were told, or after
    /// five seconds. A host does this while its callers can still be told, and [`Engine::shutdown`] when they are gone.
    pub async fn interrupt(&self) {
        let inner = &self.inner;
        inner.processor.close();
        inner.turn_tasks.close();
        if !inner.turn_tasks.is_empty() {
            tracing::warn!(turns = inner.turn_tasks.len(), "interrupting the turns that still run");
        }
        inner.interrupt.cancel();
        if tokio::time::timeout(LAST_WORDS, inner.turn_tasks.wait()).await.is_err() {
            tracing::error!(turns = inner.turn_tasks.len(), "some turns could not be recorded in time");
        }
    }

    /// Stops in order: admits nothing more, lets running turns end within `deadline`, interrupts and records those
    /// that do not, writes what waits to be written, gives unspent quota back and closes the store.
    pub async fn shutdown(&self, deadline: Duration) {
        let inner = &self.inner;
        inner.processor.close();
        inner.turn_tasks.close();
        if tokio::time::timeout(deadline, inner.turn_tasks.wait()).await.is_err() {
            self.interrupt().await;
        }
        // Until here, so that what running turns have leased is renewed to their end.
        inner.stop_upkeep.cancel();
        inner.recorder.stop();
        inner.tasks.close();
        if tokio::time::timeout(LAST_WORDS, inner.tasks.wait()).await.is_err() {
            tracing::error!("some background work could not be ended in time");
        }
        if let Err(error) = inner.quotas.give_back_all().await {
            tracing::warn!(error = ?error, "unspent quota could not be given back; it comes back by itself");
        }
        inner.store.close().await;
    }
}

impl Drop for Inner {
    /// An engine that is dropped without [`Engine::shutdown`] interrupts its turns and leaves no task behind.
    fn drop(&mut self) {
        self.processor.close();
        self.interrupt.cancel();
        self.stop_upkeep.cancel();
        self.recorder.stop();
    }
}
