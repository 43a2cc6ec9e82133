//! Who answers: one upstream from single settings, or several from a file.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::ai::OFFLINE_MODEL;
use crate::platform::{ModelId, ModelInfo};
use crate::secret::Secret;
use crate::settings::ai_file::read_file;
use crate::settings::resolve::Faults;
use crate::settings::value::{choice, number, present, present_secret};
use crate::settings::{Fault, SettingsArgs};

/// The model that a service is asked for when no other is set.
const DEFAULT_MODEL: &str = "openai/gpt-5-chat";
/// Most retries of one question.
pub(super) const MAX_RETRIES: usize = 2;

/// Who answers messages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AiSettings {
    /// The upstreams; at least one.
    pub upstreams: Vec<UpstreamSettings>,
    /// The models of which more is known than the id.
    pub models: Vec<ModelSettings>,
}

/// One upstream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UpstreamSettings {
    /// Its name in logs, and by which models refer to it.
    pub name: String,
    /// How it is spoken to.
    pub kind: UpstreamKind,
    /// Its address, as its kind wants it; empty for [`UpstreamKind::Offline`].
    pub url: Secret,
    /// The key it wants.
    pub api_key: Option<Secret>,
    /// Further headers of each request.
    pub headers: Vec<(String, Secret)>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How often a question that failed is asked again, 2 at most.
    pub retries: usize,
    /// How many questions it is asked at once; `None` means no limit.
    pub max_concurrent: Option<usize>,
    /// The model that writes down sound.
    pub transcription_model: Option<String>,
}

impl UpstreamSettings {
    /// An upstream with nothing set but how long an answer may take.
    pub(super) fn new(name: impl Into<String>, kind: UpstreamKind, timeout: Duration) -> Self {
        Self {
            name: name.into(),
            kind,
            url: Secret::new(""),
            api_key: None,
            headers: Vec::new(),
            timeout,
            retries: MAX_RETRIES,
            max_concurrent: None,
            transcription_model: None,
        }
    }
}

/// How an upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamKind {
    /// It is the assistant within the engine, which needs no network.
    Offline,
    /// By the house protocol, at its exact address.
    Pipeline,
    /// By the OpenAI protocol, under its base address.
    OpenAi,
}

impl UpstreamKind {
    /// The kinds by their names in settings.
    pub(super) const NAMES: [(&'static [&'static str], Self); 3] =
        [(&["offline"], Self::Offline), (&["pipeline"], Self::Pipeline), (&["openai"], Self::OpenAi)];

    /// Its name in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Pipeline => "pipeline",
            Self::OpenAi => "openai",
        }
    }
}

/// One model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModelSettings {
    /// What is known of it.
    pub info: ModelInfo,
    /// The name of its upstream.
    pub upstream: String,
    /// Its id at the upstream, where that is another.
    pub upstream_id: Option<ModelId>,
    /// Further fields of each request for it.
    pub parameters: Map<String, Value>,
    /// The models that are asked instead when it does not answer, in this order.
    pub fallbacks: Vec<ModelId>,
    /// How many questions it is asked at once; `None` means no limit.
    pub max_concurrent: Option<usize>,
}

impl AiSettings {
    pub(super) fn has_models(&self) -> bool {
        !self.models.is_empty()
    }

    /// The models of a platform for which none were set.
    pub(super) fn default_models(&self) -> Vec<String> {
        if self.has_models() {
            return self.models.iter().map(|model| model.info.id.to_string()).collect();
        }
        let is_offline = self.upstreams.iter().all(|upstream| upstream.kind == UpstreamKind::Offline);
        vec![if is_offline { OFFLINE_MODEL } else { DEFAULT_MODEL }.to_owned()]
    }

    /// One upstream takes any model; of several, somebody has to say which.
    pub(super) fn check_model(&self, variable: &'static str, model: &str) -> Result<(), Fault> {
        let mut known = self.models.iter().map(|known| known.info.id.as_str());
        if self.upstreams.len() < 2 || known.any(|known| known == model) {
            return Ok(());
        }
        let known: Vec<_> = self.models.iter().map(|known| known.info.id.as_str()).collect();
        Err(Fault::given(variable, model, format!("models that AI_PROVIDERS describes: {}", known.join(", "))))
    }
}

impl SettingsArgs {
    pub(super) fn ai(&self, faults: &mut Faults) -> AiSettings {
        let seconds = faults
            .read(self.ai_timeout_seconds.as_deref(), 60, |value| number("AI_TIMEOUT_SECONDS", value, &(1..=3_600)));
        let timeout = Duration::from_secs(seconds);
        let file = present(self.ai_providers.as_deref()).map(|path| (path, read_file(path, timeout, faults)));
        match file {
            Some((path, settings)) if !settings.upstreams.is_empty() => {
                if let Some(single) = self.single_setting() {
                    let accepted = format!("a file without [[provider]], as there is {single}; or the file alone");
                    faults.push(Fault::given("AI_PROVIDERS", path, accepted));
                }
                settings
            }
            file => {
                let models = file.map(|(_, settings)| settings.models).unwrap_or_default();
                let upstream = self.single_upstream(timeout, faults);
                let of_upstream = |model| ModelSettings { upstream: upstream.name.clone(), ..model };
                let models = models.into_iter().map(of_upstream).collect();
                AiSettings { models, upstreams: vec![upstream] }
            }
        }
    }

    /// The first setting that is there of those that describe a single upstream.
    fn single_setting(&self) -> Option<&'static str> {
        let given = [
            ("AI_PROVIDER", present(self.ai_provider.as_deref())),
            ("AI_SERVICE_URL", present_secret(self.ai_service_url.as_ref())),
            ("AI_API_KEY", present_secret(self.ai_api_key.as_ref())),
            ("AI_TRANSCRIPTION_MODEL", present(self.ai_transcription_model.as_deref())),
        ];
        given.into_iter().find(|(_, value)| value.is_some()).map(|(name, _)| name)
    }

    fn single_upstream(&self, timeout: Duration, faults: &mut Faults) -> UpstreamSettings {
        let url = present_secret(self.ai_service_url.as_ref());
        let by_url = if url.is_some() { UpstreamKind::Pipeline } else { UpstreamKind::Offline };
        let kind = faults
            .read(self.ai_provider.as_deref(), by_url, |value| choice("AI_PROVIDER", value, &UpstreamKind::NAMES));
        let name = kind.as_str();
        let mut upstream = UpstreamSettings::new(name, kind, timeout);
        let address = url.and_then(|url| faults.keep(service_url("AI_SERVICE_URL", kind, url).map(Some), None));
        let hears = present(self.ai_transcription_model.as_deref());
        if let Some(model) = hears.filter(|_| kind != UpstreamKind::OpenAi) {
            let accepted = format!("nothing, as AI_PROVIDER is {name}; openai has such models");
            faults.push(Fault::given("AI_TRANSCRIPTION_MODEL", model, accepted));
        }
        upstream.transcription_model = hears.map(str::to_owned);
        if kind == UpstreamKind::Offline {
            return upstream;
        }
        if url.is_none() {
            let accepted = format!("the address of the {name} service, as AI_PROVIDER is {name}");
            faults.push(Fault::missing("AI_SERVICE_URL", accepted));
        }
        upstream.url = address.unwrap_or_default().into();
        let key = present_secret(self.ai_api_key.as_ref());
        upstream.api_key = key.and_then(|key| faults.keep(header_value("AI_API_KEY", key).map(Some), None));
        upstream
    }
}

/// An address that an upstream of this kind can have.
pub(super) fn service_url(variable: &'static str, kind: UpstreamKind, url: &str) -> Result<String, Fault> {
    // An address of a service may hold a password or a token.
    let fault = |accepted: &str| Fault::secret(variable, url, accepted);
    let parsed = reqwest::Url::parse(url).ok();
    let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let parsed = parsed.ok_or_else(|| fault("an address that begins with http:// or https://"))?;
    if kind == UpstreamKind::OpenAi && parsed.path().trim_end_matches('/').ends_with("/completions") {
        return Err(fault("the base address, which ends in /v1, without what comes after"));
    }
    Ok(url.to_owned())
}

/// A key or the value of another header.
pub(super) fn header_value(variable: &'static str, value: &str) -> Result<Secret, Fault> {
    let is_usable = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic());
    let fault = || Fault::secret(variable, value, "printable ASCII characters, one at least, no spaces");
    is_usable.then(|| Secret::from(value)).ok_or_else(fault)
}
