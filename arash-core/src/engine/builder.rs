use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ai::{AiProvider, OFFLINE_MODEL, Offline};
use crate::clock::{Clock, SystemClock};
use crate::command::{CommandHandler, CommandRegistry, EnglishTexts, Texts};
use crate::engine::upkeep::{Retention, Upkeep};
use crate::engine::webhooks::{EngineWebhooks, WebhookPlan};
use crate::engine::{Engine, Inner};
use crate::error::{Error, Result};
use crate::id::NodeId;
use crate::inbox::Inbox;
use crate::platform::{ModelCatalogue, ModelInfo, Platform};
use crate::quota::{QuotaKeeper, RateLimiter};
use crate::session::{SessionManager, SessionSettings};
use crate::store::{MemoryRateLimiter, MemoryStore, Store};
use crate::team::{ApiKeys, AuditLog, Authenticator, Teams};
use crate::tool::{Tool, ToolLimits, ToolRegistry};
use crate::turn::{MessageProcessor, ProcessorParts, ProviderRecord, Recorder, RecorderSettings, RunningTurns};
use crate::usage::Usage;

/// For how long events for webhooks are kept without another word.
const EVENT_RETENTION: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Puts an [`Engine`] together. Only a platform is required: without more, the offline assistant answers and
/// everything is kept in memory.
#[must_use]
pub struct EngineBuilder {
    platforms: Vec<Platform>,
    catalogue: ModelCatalogue,
    commands: CommandRegistry,
    tools: ToolRegistry,
    tool_limits: ToolLimits,
    faults: Vec<Error>,
    texts: Arc<dyn Texts>,
    provider: Arc<dyn AiProvider>,
    store: Option<Arc<dyn Store>>,
    limiter: Option<Arc<dyn RateLimiter>>,
    clock: Arc<dyn Clock>,
    sessions: SessionSettings,
    recorder: RecorderSettings,
    retention: Retention,
    pub(super) webhooks: WebhookPlan,
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder").field("platforms", &self.platforms).finish_non_exhaustive()
    }
}

impl Default for EngineBuilder {
    fn default() -> Self {
        let mut catalogue = ModelCatalogue::default();
        catalogue.insert(ModelInfo::new(OFFLINE_MODEL).named("Offline Assistant"));
        Self {
            platforms: Vec::new(),
            catalogue,
            commands: CommandRegistry::built_in(),
            tools: ToolRegistry::default(),
            tool_limits: ToolLimits::default(),
            faults: Vec::new(),
            texts: Arc::new(EnglishTexts),
            provider: Arc::new(Offline::default()),
            store: None,
            limiter: None,
            clock: Arc::new(SystemClock),
            sessions: SessionSettings::default(),
            recorder: RecorderSettings::default(),
            retention: Retention { turns: None, events: EVENT_RETENTION },
            webhooks: WebhookPlan::default(),
        }
    }
}

impl EngineBuilder {
    /// Adds a platform.
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platforms.push(platform);
        self
    }

    /// Tells more of a model than its id: its name, price, aliases.
    pub fn model(mut self, model: ModelInfo) -> Self {
        self.catalogue.insert(model);
        self
    }

    /// Who answers. Without this, the offline assistant.
    pub fn ai(mut self, provider: impl AiProvider) -> Self {
        self.provider = Arc::new(provider);
        self
    }

    /// Who answers, where the caller keeps a hold of it.
    pub fn shared_ai(mut self, provider: Arc<dyn AiProvider>) -> Self {
        self.provider = provider;
        self
    }

    /// Where everything is kept. Without this, in memory, gone when the program ends.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Where everything is kept, where the caller keeps a hold of it.
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Where rate limits are counted. Without this, in this process.
    pub fn rate_limiter(mut self, limiter: impl RateLimiter) -> Self {
        self.limiter = Some(Arc::new(limiter));
        self
    }

    /// Adds a command, or replaces the one of the same name.
    pub fn command(mut self, command: impl CommandHandler) -> Self {
        if let Err(fault) = self.commands.register(command) {
            self.faults.push(fault);
        }
        self
    }

    /// Adds a tool, which models may call on the platforms that [allow it](Platform::tools).
    pub fn tool(mut self, tool: impl Tool) -> Self {
        if let Err(fault) = self.tools.register(tool) {
            self.faults.push(fault);
        }
        self
    }

    /// What tools may take.
    pub fn tool_limits(mut self, limits: ToolLimits) -> Self {
        self.tool_limits = limits;
        self
    }

    /// The engine's own texts. Without this, English ones.
    pub fn texts(mut self, texts: impl Texts) -> Self {
        self.texts = Arc::new(texts);
        self
    }

    /// How sessions are kept.
    pub fn sessions(mut self, settings: SessionSettings) -> Self {
        self.sessions = settings;
        self
    }

    /// After which time without a turn a session is forgotten; 30 minutes without this.
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.sessions.timeout = timeout;
        self
    }

    /// For how long single turns and usage records are kept; the hourly sums stay. Without this, for ever.
    pub fn retention(mut self, retention: Option<Duration>) -> Self {
        self.retention.turns = retention;
        self
    }

    /// For how long events for webhooks are kept from their end on, with the log of their delivery; 30 days without this.
    /// What waits for so long is given up.
    pub fn event_retention(mut self, retention: Duration) -> Self {
        self.retention.events = retention;
        self
    }

    /// How turns are recorded.
    pub fn recorder(mut self, settings: RecorderSettings) -> Self {
        self.recorder = settings;
        self
    }

    /// Where the time is read; tests give one that they turn.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Checks everything, then starts the engine. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when there is no platform, two have one name, one is not valid, a
    /// command's or tool's name or a tool's schema is not, a platform allows a tool that there is not, or the keyring
    /// lacks a key that secrets in the store are sealed with; [`Unavailable`](crate::ErrorKind::Unavailable) when the
    /// store does not answer.
    pub async fn build(self) -> Result<Engine> {
        if let Some(fault) = self.faults.into_iter().next() {
            return Err(fault);
        }
        let platforms = checked_platforms(self.platforms, &self.commands)?;
        let toolbox = |(name, platform): (&String, &Arc<Platform>)| Ok((name.clone(), self.tools.toolbox(platform)?));
        let toolboxes = platforms.iter().map(toolbox).collect::<Result<_>>()?;
        let (clock, limiter) = (self.clock, self.limiter.unwrap_or_else(|| Arc::new(MemoryRateLimiter::default())));
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryStore::default()));
        let (tasks, turn_tasks) = (TaskTracker::new(), TaskTracker::new());
        let authenticator = Arc::new(Authenticator::new(store.clone(), Arc::clone(&clock)));
        authenticator.poll_epoch().await?;
        let (node, interrupt, catalogue) = (NodeId::new(), CancellationToken::new(), Arc::new(self.catalogue));
        let sessions = SessionManager::new(store.clone(), Arc::clone(&clock), self.sessions, node, tasks.clone());
        let quotas = QuotaKeeper::new(node, store.clone(), Arc::clone(&clock), tasks.clone());
        let webhooks = self.webhooks.carry_out(&store, &authenticator, &clock, &tasks).await?;
        let recorder = Recorder::start_telling(store.clone(), self.recorder, webhooks.feed.clone(), &tasks);
        let processor = MessageProcessor::new(ProcessorParts {
            platforms: platforms.clone(),
            catalogue: Arc::clone(&catalogue),
            commands: Arc::new(self.commands),
            toolboxes,
            tool_limits: self.tool_limits,
            texts: self.texts,
            provider: self.provider,
            sessions: sessions.clone(),
            quotas: quotas.clone(),
            limiter,
            recorder: recorder.clone(),
            turns: store.clone(),
            authenticator: Arc::clone(&authenticator),
            clock: Arc::clone(&clock),
            tasks: turn_tasks.clone(),
            interrupt: interrupt.clone(),
            provider_record: ProviderRecord::default(),
            running: RunningTurns::default(),
        });
        let inner = Inner {
            processor,
            teams: Teams::new(store.clone(), Arc::clone(&authenticator), Arc::clone(&clock)),
            audit: AuditLog::new(store.clone()),
            keys: ApiKeys::new(store.clone(), Arc::clone(&authenticator), Arc::clone(&clock)),
            usage: Usage::new(store.clone(), Arc::clone(&clock)),
            inbox: Inbox::new(store.clone(), Arc::clone(&clock)),
            authenticator,
            sessions,
            quotas,
            platforms,
            catalogue,
            recorder,
            webhooks,
            store,
            is_database_healthy: Arc::new(AtomicBool::new(true)),
            turn_tasks,
            tasks,
            interrupt,
            stop_upkeep: CancellationToken::new(),
        };
        Ok(started(inner, clock, self.retention).await)
    }
}

/// Takes over from programs that are gone, and starts what works in the background.
async fn started(inner: Inner, clock: Arc<dyn Clock>, retention: Retention) -> Engine {
    let taken_over = match inner.store.take_over(clock.now()).await {
        // Before anybody asks again for what they were asked.
        Ok(true) => inner.processor.upkeep().await,
        taken_over => taken_over.map(drop),
    };
    if let Err(error) = taken_over {
        tracing::warn!(error = ?error, "what programs had that are gone is free only when its time is over");
    }
    Upkeep::of(&inner, clock, retention).start(&inner.tasks);
    EngineWebhooks::start(&inner);
    Engine { inner: Arc::new(inner) }
}

fn checked_platforms(platforms: Vec<Platform>, commands: &CommandRegistry) -> Result<HashMap<String, Arc<Platform>>> {
    let mut by_name = HashMap::with_capacity(platforms.len());
    for platform in platforms {
        platform.check()?;
        commands.check_platform(&platform)?;
        let name = platform.name().to_owned();
        if by_name.insert(name.clone(), Arc::new(platform)).is_some() {
            return Err(Error::invalid("platform", format!("there are two platforms called {name:?}")));
        }
    }
    if by_name.is_empty() {
        return Err(Error::invalid("platform", "an engine needs at least one platform"));
    }
    Ok(by_name)
}
