//! The models of a platform, as they were set.

use crate::platform::ModelId;
use crate::settings::resolve::Faults;
use crate::settings::value::list;
use crate::settings::{AiSettings, Fault};

/// The models that were set for a platform, and the one that answers by default.
pub(super) struct GivenModels {
    pub(super) default: Option<String>,
    pub(super) all: Vec<String>,
}

impl GivenModels {
    /// Reads a setting of one model and one of several, each by its name and its value.
    pub(super) fn read(
        (default_name, default): (&'static str, Option<&str>),
        (list_name, all): (&'static str, Option<&str>),
        ai: &AiSettings,
        faults: &mut Faults,
    ) -> Self {
        let default = faults.read(default, None, |value| model(default_name, value).map(Some));
        let all = faults.read(all, Vec::new(), |value| list(list_name, value));
        let named = [(default_name, default.as_slice()), (list_name, &all)];
        for (variable, model) in
            named.iter().flat_map(|(variable, models)| models.iter().map(|model| (*variable, model)))
        {
            if let Err(fault) = ai.check_model(variable, model) {
                faults.push(fault);
            }
        }
        Self { default, all }
    }

    /// The models, the default first.
    pub(super) fn into_ids(self) -> Vec<ModelId> {
        let Self { default, mut all } = self;
        if let Some(first) = default {
            all.retain(|model| *model != first);
            all.insert(0, first);
        }
        all.into_iter().map(ModelId::from).collect()
    }
}

fn model(variable: &'static str, value: &str) -> Result<String, Fault> {
    if value.chars().any(|c| c.is_control() || c == ',') {
        return Err(Fault::given(variable, value, "the id of one model, such as openai/gpt-5-chat"));
    }
    Ok(value.to_owned())
}
