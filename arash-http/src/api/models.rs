use std::collections::BTreeSet;

use arash_core::Engine;
use arash_core::money::CURRENCY;
use arash_core::platform::{Access, ModelInfo};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::Group;
use crate::auth::Caller;
use crate::refusal::{Refusal, statuses};

statuses! {
    /// What any key may ask.
    ModelsRefused = [401, 403, 500, 503];
}

/// What a model's tokens cost.
#[derive(Debug, Object)]
struct ModelPrice {
    /// Millionths of the currency for a million tokens that are sent.
    prompt_micros_per_million: u64,
    /// Millionths of the currency for a million tokens that are received.
    completion_micros_per_million: u64,
    /// The currency.
    currency: String,
}

/// A model that answers.
#[derive(Debug, Object)]
struct Model {
    /// Its id.
    id: String,
    /// Its name for people; accepted wherever the id is.
    name: String,
    /// Whether it answers this key unless another one is chosen.
    default: bool,
    /// How many tokens its context holds; null where that is not known.
    #[oai(nullable)]
    context_window: Option<u32>,
    /// What its tokens cost.
    price: ModelPrice,
}

impl Model {
    fn of(model: &ModelInfo, is_default: bool) -> Self {
        Self {
            id: model.id.to_string(),
            name: model.name.to_string(),
            default: is_default,
            context_window: model.context_window,
            price: ModelPrice {
                prompt_micros_per_million: model.price.prompt_micros_per_million,
                completion_micros_per_million: model.price.completion_micros_per_million,
                currency: CURRENCY.to_owned(),
            },
        }
    }
}

/// All models that a key may use.
#[derive(Debug, Object)]
struct ModelList {
    /// Those of one platform together, the default one first.
    models: Vec<Model>,
}

/// Models that answer.
#[derive(Debug)]
pub(super) struct Models {
    engine: Engine,
}

impl Models {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[expect(clippy::unused_async, reason = "the macro asks for async functions")]
#[OpenApi(prefix_path = "/api/v1", tag = "Group::Models")]
impl Models {
    /// List models
    ///
    /// Those of the private platforms that the key's team may use.
    #[oai(path = "/models", method = "get", operation_id = "list_models")]
    async fn list(&self, caller: Caller) -> Result<Json<ModelList>, Refusal<ModelsRefused>> {
        let (mut models, mut seen) = (Vec::new(), BTreeSet::new());
        for platform in self.engine.platforms().filter(|platform| platform.access() == Access::Private) {
            let open = platform.available_models().iter().filter(|id| caller.0.may_use(id));
            for (place, id) in open.enumerate() {
                if seen.insert(id) {
                    // The first one that is open to a team answers it, as in a chat.
                    models.push(Model::of(&self.engine.models().get(id), place == 0));
                }
            }
        }
        Ok(Json(ModelList { models }))
    }
}
