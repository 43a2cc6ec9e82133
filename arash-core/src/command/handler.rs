use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::command::{CommandCall, CommandRegistry, CommandSpec, Text, Texts};
use crate::error::Result;
use crate::platform::{ModelCatalogue, ModelId, ModelInfo, Platform};
use crate::session::Session;
use crate::team::Principal;

/// What a command may look at. It changes nothing by itself: it answers, and asks for a [`SessionEffect`].
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct CommandContext<'a> {
    /// The session as it is before the command.
    pub session: &'a Session,
    /// The platform it came from.
    pub platform: &'a Platform,
    /// Who sent it.
    pub user_id: &'a str,
    /// The key that was shown; `None` where the host vouches for the user.
    pub principal: Option<&'a Arc<Principal>>,
    /// What is known of models.
    pub catalogue: &'a ModelCatalogue,
    /// All commands.
    pub commands: &'a CommandRegistry,
    /// The engine's texts.
    pub texts: &'a dyn Texts,
    /// The user's language.
    pub locale: Option<&'a str>,
}

impl fmt::Debug for CommandContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandContext").field("session", &self.session.key).finish_non_exhaustive()
    }
}

impl CommandContext<'_> {
    /// `text` in the user's language.
    pub fn say(&self, text: &Text<'_>) -> String {
        self.texts.say(text, self.locale)
    }

    /// Whether the caller's team may use `model`.
    pub fn may_use(&self, model: &ModelId) -> bool {
        self.principal.is_none_or(|principal| principal.may_use(model))
    }

    /// The models that the caller may use here, the default first.
    pub fn models(&self) -> Vec<Arc<ModelInfo>> {
        let open = self.platform.available_models().iter().filter(|model| self.may_use(model));
        open.map(|model| self.catalogue.get(model)).collect()
    }

    /// The model that answers in this session.
    pub fn current_model(&self) -> Option<Arc<ModelInfo>> {
        let models = self.models();
        let chosen = self.session.model.as_ref();
        let chosen = models.iter().find(|model| Some(&model.id) == chosen).map(Arc::clone);
        chosen.or_else(|| models.into_iter().next())
    }
}

/// What a command changes in the session; written together with its usage record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEffect {
    /// Forgets what was said, and the count of it.
    Clear,
    /// From now on this model answers.
    UseModel(ModelId),
}

/// What a command answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandReply {
    /// The text for the user.
    pub text: String,
    /// What changes in the session.
    pub effect: Option<SessionEffect>,
}

impl CommandReply {
    /// An answer that changes nothing.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), effect: None }
    }

    /// The same answer, with a change to the session.
    pub fn with_effect(mut self, effect: SessionEffect) -> Self {
        self.effect = Some(effect);
        self
    }
}

/// A command: one that comes with the engine, or one of your own.
///
/// It runs while its session is held, so it should be quick; a panic in it costs one answer, nothing more.
#[async_trait]
pub trait CommandHandler: Send + Sync + 'static {
    /// Its name and description, asked once when it is registered. A summary in another language comes from
    /// [`Texts`], which is asked for [`Text::CommandSummary`].
    fn spec(&self) -> CommandSpec;

    /// Runs it.
    ///
    /// # Errors
    /// Whatever keeps it from answering; the turn then fails with this error and is recorded as failed.
    async fn run(&self, call: CommandCall<'_>, context: CommandContext<'_>) -> Result<CommandReply>;
}
