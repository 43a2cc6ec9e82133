use arash_core::platform::ModelId;
use arash_core::team::Principal;
use arash_core::{Engine, Error, ErrorKind, Platform};
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use crate::api::Group;
use crate::api::platform::DEFAULT_PLATFORM;
use crate::auth::Caller;
use crate::refusal::{Refusal, statuses};

statuses! {
    /// What any key may ask.
    OpenAiModelsRefused in OpenAi = [401, 403, 500, 503];
    /// One model, by its id.
    OpenAiModelRefused in OpenAi = [401, 403, 404, 500, 503];
}

/// A model that answers, as OpenAI tells of one.
#[derive(Debug, Object)]
#[oai(rename = "OpenAiModel")]
struct OpenModel {
    /// Its id.
    id: String,
    /// Always `model`.
    object: String,
    /// Always 0: when it was made is not known here.
    created: u64,
    /// Who makes it, as far as its id says so.
    owned_by: String,
}

impl OpenModel {
    fn of(id: &ModelId) -> Self {
        let (maker, _) = id.as_str().split_once('/').unwrap_or(("arash", ""));
        Self { id: id.to_string(), object: "model".to_owned(), created: 0, owned_by: maker.to_owned() }
    }
}

/// All models that a key may use, as OpenAI tells of them.
#[derive(Debug, Object)]
#[oai(rename = "OpenAiModelList")]
struct OpenModelList {
    /// Always `list`.
    object: String,
    /// The models.
    data: Vec<OpenModel>,
}

/// Models that answer, as OpenAI tells of them.
#[derive(Debug)]
pub(crate) struct OpenAiModels {
    engine: Engine,
}

#[expect(clippy::unused_async, reason = "the macro asks for async functions")]
#[OpenApi(prefix_path = "/v1", tag = "Group::OpenAi")]
impl OpenAiModels {
    /// List models
    ///
    /// Those that the key's team may use in completions.
    #[oai(path = "/models", method = "get", operation_id = "list_openai_models")]
    async fn list(&self, caller: Caller) -> Result<Json<OpenModelList>, Refusal<OpenAiModelsRefused>> {
        let data = self.open_to(&caller.0).map(OpenModel::of).collect();
        Ok(Json(OpenModelList { object: "list".to_owned(), data }))
    }

    /// Show a model
    ///
    /// 404 also for one that the key's team may not use.
    #[oai(path = "/models/:model", method = "get", operation_id = "get_openai_model")]
    async fn show(
        &self,
        caller: Caller,
        /// The model's id, or whatever else completions know it by; its slashes may be percent-encoded or not.
        model: Path<String>,
    ) -> Result<Json<OpenModel>, Refusal<OpenAiModelRefused>> {
        let platform = self.engine.platform(DEFAULT_PLATFORM);
        let found = platform.and_then(|platform| platform.find_model(&model, self.engine.models()));
        let found = found.filter(|found| caller.0.may_use(&found.id)).map(|found| OpenModel::of(&found.id));
        let text = || format!("there is no model {:?} that this key may use", *model);
        Ok(Json(found.ok_or_else(|| Error::new(ErrorKind::NotFound, text()))?))
    }
}

impl OpenAiModels {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    fn open_to<'a>(&'a self, principal: &'a Principal) -> impl Iterator<Item = &'a ModelId> {
        let models = self.engine.platform(DEFAULT_PLATFORM).map_or(&[][..], Platform::available_models);
        models.iter().filter(|id| principal.may_use(id))
    }
}
