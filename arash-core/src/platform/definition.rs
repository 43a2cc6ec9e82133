use std::num::NonZeroU32;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::platform::{CommandSpec, ModelCatalogue, ModelId, ModelInfo};

/// Who may use a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone whom the host lets through, such as every Telegram user.
    Public,
    /// Holders of an API key, and the host program itself.
    Private,
}

/// A place where messages come from, with its rules. Also its own builder.
///
/// ```
/// use arash_core::Platform;
/// let platform = Platform::private("internal").models(["openai/gpt-5-chat"]).rate_limit(60).max_history(30);
/// assert_eq!(platform.name(), "internal");
/// ```
#[derive(Clone, Debug)]
pub struct Platform {
    name: Arc<str>,
    access: Access,
    models: Vec<ModelId>,
    rate_limit: Option<NonZeroU32>,
    max_history: usize,
    commands: Option<Vec<String>>,
    host_commands: Vec<CommandSpec>,
    tools: Vec<String>,
    admin_users: Vec<String>,
}

impl Platform {
    /// A platform for holders of an API key; its sessions belong to their teams.
    pub fn private(name: impl Into<Arc<str>>) -> Self {
        Self::new(name.into(), Access::Private)
    }

    /// A platform for anyone whom the host lets through; its sessions belong to no team.
    pub fn public(name: impl Into<Arc<str>>) -> Self {
        Self::new(name.into(), Access::Public)
    }

    fn new(name: Arc<str>, access: Access) -> Self {
        Self {
            name,
            access,
            models: Vec::new(),
            rate_limit: None,
            max_history: 30,
            commands: None,
            host_commands: Vec::new(),
            tools: Vec::new(),
            admin_users: Vec::new(),
        }
    }

    /// The models that answer here; the first is the default.
    pub fn models<M: Into<ModelId>>(mut self, models: impl IntoIterator<Item = M>) -> Self {
        self.models.clear();
        for model in models.into_iter().map(Into::into) {
            if !self.models.contains(&model) {
                self.models.push(model);
            }
        }
        self
    }

    /// Messages a minute that one user may send; 0 means no limit.
    pub fn rate_limit(mut self, per_minute: u32) -> Self {
        self.rate_limit = NonZeroU32::new(per_minute);
        self
    }

    /// Most messages that are sent upstream as context, the new one included.
    pub fn max_history(mut self, messages: usize) -> Self {
        self.max_history = messages;
        self
    }

    /// The only commands that work here, by name, with or without the slash. Without this, all do.
    pub fn commands<C: AsRef<str>>(mut self, names: impl IntoIterator<Item = C>) -> Self {
        let name = |name: C| name.as_ref().trim().trim_start_matches('/').to_ascii_lowercase();
        self.commands = Some(names.into_iter().map(name).collect());
        self
    }

    /// The commands that the host answers here by itself, such as one that stops an answer. Where
    /// [`Platform::commands`] allows them they are listed after the engine's own, which they may not be named like; one that
    /// reaches the engine all the same is told to be not available.
    pub fn host_commands(mut self, commands: impl IntoIterator<Item = CommandSpec>) -> Self {
        self.host_commands = commands.into_iter().collect();
        self
    }

    /// The tools that models may call here, by name, in the order in which they are told of them. Without this, none.
    pub fn tools<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.tools.clear();
        for name in names.into_iter().map(Into::into) {
            if !self.tools.contains(&name) {
                self.tools.push(name);
            }
        }
        self
    }

    /// The users who are administrators here.
    pub fn admin_users<U: Into<String>>(mut self, users: impl IntoIterator<Item = U>) -> Self {
        self.admin_users = users.into_iter().map(Into::into).collect();
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name, shared.
    pub fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Who may use it.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Its models, the default first.
    pub fn available_models(&self) -> &[ModelId] {
        &self.models
    }

    /// The model that answers when nobody chose another.
    pub fn default_model(&self) -> Option<&ModelId> {
        self.models.first()
    }

    /// Messages a minute that one user may send; `None` means no limit.
    pub fn messages_per_minute(&self) -> Option<NonZeroU32> {
        self.rate_limit
    }

    /// Most messages that are sent upstream as context.
    pub fn history_limit(&self) -> usize {
        self.max_history
    }

    /// Whether the command `name` works here.
    pub fn allows_command(&self, name: &str) -> bool {
        self.commands.as_ref().is_none_or(|names| names.iter().any(|known| known == name))
    }

    /// The commands that the host answers here by itself.
    pub fn host_command_specs(&self) -> &[CommandSpec] {
        &self.host_commands
    }

    /// The names of the tools that models may call here.
    pub fn allowed_tools(&self) -> &[String] {
        &self.tools
    }

    /// Whether users may change the model.
    pub fn has_model_switching(&self) -> bool {
        self.models.len() > 1
    }

    /// Whether `user_id` is an administrator here.
    pub fn is_admin_user(&self, user_id: &str) -> bool {
        self.admin_users.iter().any(|admin| admin == user_id)
    }

    /// Checks what the builder was given.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the name has an underscore, white space or
    /// control characters, when there is no model, or when `max_history` is 0.
    pub fn check(&self) -> Result<()> {
        let name = &self.name;
        if name.is_empty() || name.chars().any(|c| c == '_' || c.is_whitespace() || c.is_control()) {
            return Err(Error::invalid(
                "platform",
                format!("{name:?} is not a platform name: one or more characters, no underscore, no white space"),
            ));
        }
        if self.models.is_empty() {
            return Err(Error::invalid("models", format!("platform {name:?} needs at least one model")));
        }
        if self.max_history == 0 {
            return Err(Error::invalid("max_history", format!("platform {name:?} needs a max_history of at least 1")));
        }
        Ok(())
    }

    /// The model of this platform that `name` means: an id, a name for people, or an alias.
    pub fn find_model(&self, name: &str, catalogue: &ModelCatalogue) -> Option<Arc<ModelInfo>> {
        let name = name.trim();
        if let Some(id) = self.models.iter().find(|id| id.as_str() == name) {
            return Some(catalogue.get(id));
        }
        self.models.iter().map(|id| catalogue.get(id)).find(|model| model.is_called(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_id_name_and_alias() {
        let mut catalogue = ModelCatalogue::default();
        catalogue.insert(ModelInfo::new("openai/gpt-5-chat").alias("gpt5"));
        let platform = Platform::private("internal").models(["a/b", "openai/gpt-5-chat"]);
        for name in ["openai/gpt-5-chat", "gpt-5 chat", "GPT5", " OpenAI/GPT-5-chat "] {
            let found = platform.find_model(name, &catalogue).map(|model| model.id.clone());
            assert_eq!(found, Some(ModelId::from("openai/gpt-5-chat")), "{name}");
        }
        assert!(platform.find_model("gpt-6", &catalogue).is_none());
    }

    #[test]
    fn names_that_would_blur_session_ids_are_refused() {
        for name in ["", "a_b", "a b", "a\u{7}"] {
            assert!(Platform::private(name).models(["m"]).check().is_err(), "{name:?}");
        }
        assert!(Platform::private("internal").check().is_err(), "no model");
        assert!(Platform::private("internal").models(["m"]).check().is_ok());
    }
}
