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

/// What a model can do beyond text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// It reads and writes text.
    Text,
    /// It looks at pictures.
    Images,
    /// It hears sound, or its upstream writes it down.
    Audio,
    /// It calls tools.
    Tools,
}

impl Capability {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Text, Self::Images, Self::Audio, Self::Tools];

    /// Its name in settings and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Tools => "tools",
        }
    }

    /// The capability that [`Capability::as_str`] names.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == name)
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
    /// What it can do, where that was told.
    pub capabilities: Option<Vec<Capability>>,
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
            capabilities: None,
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

    /// The same model, which can do these things and no others.
    pub fn capable_of(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.capabilities = Some(capabilities.into_iter().collect());
        self
    }

    /// Whether it can do this; so it is taken of a model of which nothing was told.
    pub fn supports(&self, capability: Capability) -> bool {
        self.capabilities.as_ref().is_none_or(|known| known.contains(&capability))
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
    let mut before = "";
    for word in id.rsplit('/').next().unwrap_or(id).split(['-', '_', ' ']).filter(|word| !word.is_empty()) {
        if !name.is_empty() {
            name.push(separator(before, word, &name));
        }
        match word {
            "gpt" | "llm" | "ai" | "glm" | "oss" => name.push_str(&word.to_ascii_uppercase()),
            "deepseek" => name.push_str("DeepSeek"),
            _ => {
                let mut letters = word.chars();
                name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                name.push_str(letters.as_str());
            }
        }
        before = word;
    }
    if name.is_empty() { id.to_owned() } else { name }
}

/// What stands between two words of a name: `GPT-5`, `Claude Sonnet 4.5`, `2026-08-06`.
fn separator(before: &str, word: &str, name: &str) -> char {
    let is_number = |word: &str, digits: usize| word.len() == digits && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_date = (is_number(before, 4) || is_number(before, 2)) && is_number(word, 2);
    if is_number(before, 1) && is_number(word, 1) {
        '.'
    } else if is_date || (name == "GPT" && word.starts_with(|c: char| c.is_ascii_digit())) {
        '-'
    } else {
        ' '
    }
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
    fn a_model_can_do_what_was_told_or_anything() {
        let model = ModelInfo::new("m");
        assert!(Capability::ALL.into_iter().all(|capability| model.supports(capability)));
        let model = model.capable_of([Capability::Text, Capability::Tools]);
        assert!(model.supports(Capability::Tools) && !model.supports(Capability::Images));
        for capability in Capability::ALL {
            assert_eq!(Capability::from_name(capability.as_str()), Some(capability));
        }
    }

    #[test]
    fn unknown_models_get_a_readable_name() {
        for (id, name) in [
            ("openai/gpt-5-chat", "GPT-5 Chat"),
            ("anthropic/claude-sonnet-4", "Claude Sonnet 4"),
            ("meta/llama_guard", "Llama Guard"),
            ("anthropic/claude-opus-4-5", "Claude Opus 4.5"),
            ("openai/gpt-4o-mini-2024-07-18", "GPT-4o Mini 2024-07-18"),
            ("openai/gpt-oss-120b", "GPT OSS 120b"),
            ("deepseek/deepseek-v3", "DeepSeek V3"),
            ("offline/assistant", "Assistant"),
            ("/", "/"),
        ] {
            assert_eq!(readable_name(id), name);
        }
    }
}
