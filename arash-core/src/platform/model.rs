use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

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

    pub(super) fn is_called(&self, name: &str) -> bool {
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
}
