//! Where messages come from and which models answer there.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::money::Price;

/// A model's id as its provider knows it: `openai/gpt-5-chat`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelId(Arc<str>);

impl ModelId {
    /// The model called `id`.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ModelId {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

impl From<String> for ModelId {
    fn from(id: String) -> Self {
        Self::new(id)
    }
}

/// What is known of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Its id.
    pub id: ModelId,
    /// Its name for people: `GPT-5 Chat`.
    pub name: Arc<str>,
    /// Other names that mean it.
    pub aliases: Vec<String>,
    /// How many tokens its context holds, where known.
    pub context_window: Option<u32>,
    /// What its tokens cost.
    pub price: Price,
}

impl ModelInfo {
    /// The model `id` with a readable name made from it, no price and no known context window.
    pub fn new(id: impl Into<ModelId>) -> Self {
        let id = id.into();
        Self {
            name: readable_name(id.as_str()).into(),
            id,
            aliases: Vec::new(),
            context_window: None,
            price: Price::FREE,
        }
    }

    /// The same model under another name for people.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The same model, also found as `alias`.
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.aliases.push(alias.into());
        self
    }

    /// The same model at this price.
    pub fn priced(mut self, price: Price) -> Self {
        self.price = price;
        self
    }

    /// The same model with a context of `tokens`.
    pub fn context_window(mut self, tokens: u32) -> Self {
        self.context_window = Some(tokens);
        self
    }

    fn is_called(&self, name: &str) -> bool {
        self.id.as_str() == name
            || self.name.eq_ignore_ascii_case(name)
            || self.id.as_str().eq_ignore_ascii_case(name)
            || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }
}

/// A name for people made from a model's id: `openai/gpt-5-chat` becomes `GPT-5 Chat`.
fn readable_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for word in id.rsplit('/').next().unwrap_or(id).split(['-', '_', ' ']).filter(|word| !word.is_empty()) {
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        if !name.is_empty() {
            name.push(if is_number && name == "GPT" { '-' } else { ' ' });
        }
        match word {
            "gpt" | "llm" | "ai" | "glm" => name.push_str(&word.to_ascii_uppercase()),
            _ => {
                let mut letters = word.chars();
                name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                name.push_str(letters.as_str());
            }
        }
    }
    if name.is_empty() { id.to_owned() } else { name }
}

/// All models that the engine knows by id.
#[derive(Clone, Debug, Default)]
pub struct ModelCatalogue {
    models: HashMap<ModelId, Arc<ModelInfo>>,
}

impl ModelCatalogue {
    /// Adds a model, or replaces the one with the same id.
    pub fn insert(&mut self, model: ModelInfo) {
        self.models.insert(model.id.clone(), Arc::new(model));
    }

    /// What was told of `id`, if anything.
    pub fn find(&self, id: &ModelId) -> Option<Arc<ModelInfo>> {
        self.models.get(id).map(Arc::clone)
    }

    /// What is known of `id`; a model that nobody described gets a readable name and no price.
    pub fn get(&self, id: &ModelId) -> Arc<ModelInfo> {
        self.find(id).unwrap_or_else(|| Arc::new(ModelInfo::new(id.clone())))
    }
}

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
    fn unknown_models_get_a_readable_name() {
        for (id, name) in [
            ("openai/gpt-5-chat", "GPT-5 Chat"),
            ("anthropic/claude-sonnet-4", "Claude Sonnet 4"),
            ("meta/llama_guard", "Llama Guard"),
            ("offline/assistant", "Assistant"),
            ("/", "/"),
        ] {
            assert_eq!(readable_name(id), name);
        }
    }

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
