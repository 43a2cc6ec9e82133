use arash_core::command::CommandRegistry;
use arash_core::platform::{Access, ModelId};
use arash_core::{Engine, Error, ErrorKind, Platform};
use poem_openapi::{Enum, Object};

/// The platform of messages that name none.
pub(super) const DEFAULT_PLATFORM: &str = "internal";

/// Public platforms have hosts of their own, which vouch for their users. Unknown ones are the engine's to refuse.
pub(super) fn require_private(engine: &Engine, name: &str) -> Result<(), Error> {
    if engine.platform(name).is_none_or(|platform| platform.access() == Access::Private) {
        return Ok(());
    }
    let text = format!("platform {name:?} is public; only private platforms are reachable here");
    Err(Error::new(ErrorKind::Forbidden, text))
}

/// Who may use a platform.
#[derive(Debug, Enum)]
#[oai(rename_all = "snake_case")]
enum PlatformType {
    Public,
    Private,
}

/// What a platform offers.
#[derive(Debug, Object)]
struct PlatformFeatures {
    /// Whether users may change the model.
    model_switching: bool,
    /// Whether an API key is needed.
    requires_auth: bool,
}

/// A platform and its rules. Models are told by their names for people; these are also accepted where a model is asked for.
#[derive(Debug, Object)]
pub(super) struct PlatformConfig {
    /// Who may use it: `public` for anyone, `private` for holders of an API key.
    r#type: PlatformType,
    /// The model that answers; on public platforms.
    #[oai(skip_serializing_if_is_none)]
    model: Option<String>,
    /// The model that answers unless another is chosen; on private platforms.
    #[oai(skip_serializing_if_is_none)]
    default_model: Option<String>,
    /// All models, the default first.
    available_models: Vec<String>,
    /// Messages a minute that one user may send; null means no limit.
    #[oai(nullable)]
    rate_limit: Option<u32>,
    /// The commands that work here.
    commands: Vec<String>,
    /// Most messages that are sent upstream as context.
    max_history: u64,
    /// What it offers.
    features: PlatformFeatures,
}

/// A platform in few words. Models are told by their names for people.
#[derive(Debug, Object)]
pub(super) struct PlatformSummary {
    /// Who may use it: `public` for anyone, `private` for holders of an API key.
    r#type: PlatformType,
    /// The model that answers; on public platforms.
    #[oai(skip_serializing_if_is_none)]
    model: Option<String>,
    /// All models, the default first; on private platforms.
    #[oai(skip_serializing_if_is_none)]
    models: Option<Vec<String>>,
    /// Messages a minute that one user may send; null means no limit.
    #[oai(nullable)]
    rate_limit: Option<u32>,
    /// Whether users may change the model.
    model_switching: bool,
}

impl From<PlatformConfig> for PlatformSummary {
    fn from(config: PlatformConfig) -> Self {
        Self {
            models: config.model.is_none().then_some(config.available_models),
            r#type: config.r#type,
            model: config.model,
            rate_limit: config.rate_limit,
            model_switching: config.features.model_switching,
        }
    }
}

impl PlatformConfig {
    pub(super) fn of(platform: &Platform, engine: &Engine) -> Self {
        let catalogue = engine.models();
        let is_private = platform.access() == Access::Private;
        let models: Vec<String> =
            platform.available_models().iter().map(|id| catalogue.get(id).name.to_string()).collect();
        let first = models.first().cloned();
        let (model, default_model) = if is_private { (None, first) } else { (first, None) };
        Self {
            r#type: if is_private { PlatformType::Private } else { PlatformType::Public },
            model,
            default_model,
            available_models: models,
            rate_limit: platform.messages_per_minute().map(std::num::NonZeroU32::get),
            commands: commands_on(platform, engine.commands()),
            max_history: platform.history_limit() as u64,
            features: PlatformFeatures { model_switching: platform.has_model_switching(), requires_auth: is_private },
        }
    }
}

fn commands_on(platform: &Platform, commands: &CommandRegistry) -> Vec<String> {
    commands.specs_on(platform).map(|spec| spec.name.clone()).collect()
}

/// The name for people of the model that was chosen, else of the platform's default.
pub(super) fn model_name(engine: &Engine, platform: &str, chosen: Option<&ModelId>) -> Option<String> {
    let id = chosen.or_else(|| engine.platform(platform)?.default_model())?;
    Some(engine.models().get(id).name.to_string())
}
