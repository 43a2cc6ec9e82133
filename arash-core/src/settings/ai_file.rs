//! The file of upstreams and models that `AI_PROVIDERS` names.

use std::collections::HashSet;
use std::time::Duration;

use crate::ai::is_own_header;
use crate::money::Price;
use crate::platform::{Capability, ModelInfo};
use crate::secret::Secret;
use crate::settings::ai::{MAX_RETRIES, header_value, service_url};
use crate::settings::resolve::Faults;
use crate::settings::toml_table::Table;
use crate::settings::value::choice;
use crate::settings::{AiSettings, Fault, ModelSettings, UpstreamKind, UpstreamSettings};

const VARIABLE: &str = "AI_PROVIDERS";
/// Most questions at once that can be set.
const MAX_CONCURRENT: u64 = 100_000;
/// The highest price of a million tokens: a million.
const MAX_PRICE: u64 = 1_000_000_000_000;
/// What the engine makes of the rest of a request, so that no parameter may set it.
const NOT_PARAMETERS: [&str; 5] = ["messages", "model", "stream", "stream_options", "tools"];

/// What the file at `path` says; all its faults are told. `timeout` is what a provider has that sets none.
pub(super) fn read_file(path: &str, timeout: Duration, faults: &mut Faults) -> AiSettings {
    let text = std::fs::read_to_string(path).map_err(|fault| {
        let accepted = format!("a TOML file that can be read ({})", fault.kind());
        Fault::given(VARIABLE, path, accepted)
    });
    ai_file(&faults.keep(text, String::new()), timeout, faults)
}

/// What a file with this text says.
pub(super) fn ai_file(text: &str, timeout: Duration, faults: &mut Faults) -> AiSettings {
    let before = faults.count();
    let mut file = Table::parse(VARIABLE, text, faults);
    if faults.count() > before {
        // What stands after a fault of grammar may be read as something else.
        return AiSettings { upstreams: Vec::new(), models: Vec::new() };
    }
    let (providers, models) = (file.tables("provider", faults), file.tables("model", faults));
    file.finish(faults);
    let mut names = HashSet::new();
    let upstreams: Vec<_> = providers.into_iter().map(|table| provider(table, timeout, &mut names, faults)).collect();
    let mut reading =
        Models { upstreams: &upstreams, ids: HashSet::new(), names: HashSet::new(), fallbacks: Vec::new() };
    let models: Vec<_> = models.into_iter().map(|table| reading.read(table, faults)).collect();
    let Models { ids, fallbacks, .. } = reading;
    for (fallback, place) in fallbacks {
        if !ids.contains(&fallback) {
            faults.push(Fault::given(VARIABLE, &fallback, "the id of another model of the file").at(place));
        }
    }
    if upstreams.len() > 1 && models.is_empty() {
        faults
            .push(Fault::missing(VARIABLE, "a [[model]] at least, as there is more than one [[provider]]").at("model"));
    }
    AiSettings { upstreams, models }
}

fn provider(
    mut table: Table<'_>,
    timeout: Duration,
    names: &mut HashSet<String>,
    faults: &mut Faults,
) -> UpstreamSettings {
    let name = needed(&mut table, "name", "the provider's name", faults);
    if !name.is_empty() && !names.insert(name.clone()) {
        faults.push(Fault::given(VARIABLE, &name, "a name that no other provider has").at(table.place("name")));
    }
    let kind = needed(&mut table, "kind", "offline, pipeline, openai", faults);
    let kind = Some(kind)
        .filter(|kind| !kind.is_empty())
        .map(|kind| choice(VARIABLE, &kind, &UpstreamKind::NAMES).map_err(|fault| fault.at(table.place("kind"))));
    let kind = faults.keep(kind.unwrap_or(Ok(UpstreamKind::OpenAi)), UpstreamKind::OpenAi);
    let mut upstream = UpstreamSettings::new(name, kind, timeout);
    let url = table.secret("url", faults, |url| service_url(VARIABLE, kind, url));
    if kind != UpstreamKind::Offline && !table.was_given("url") {
        faults.push(Fault::missing(VARIABLE, "the upstream's address").at(table.place("url")));
    }
    upstream.url = url.unwrap_or_default().into();
    upstream.api_key = api_key(&mut table, faults);
    upstream.headers = headers(&mut table, faults);
    if let Some(seconds) = table.count("timeout_seconds", &(1..=3_600), faults) {
        upstream.timeout = Duration::from_secs(seconds);
    }
    if let Some(retries) = table.count("retries", &(0..=MAX_RETRIES as u64), faults) {
        upstream.retries = retries as usize;
    }
    upstream.max_concurrent = max_concurrent(&mut table, faults);
    upstream.transcription_model = table.text("transcription_model", faults);
    table.finish(faults);
    upstream
}

fn api_key(table: &mut Table<'_>, faults: &mut Faults) -> Option<Secret> {
    let key = table.secret("api_key", faults, |key| header_value(VARIABLE, key));
    let Some(variable) = table.text("api_key_env", faults) else { return key };
    let place = table.place("api_key_env");
    // Who takes it for the place of the key itself must not find that in the log.
    let is_name = variable.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let fault = |accepted: &str| {
        let fault = if is_name { Fault::given } else { Fault::secret };
        fault(VARIABLE, &variable, accepted.to_owned()).at(place.as_str())
    };
    if key.is_some() {
        faults.push(fault("api_key or api_key_env, not both"));
        return key;
    }
    let Ok(key) = std::env::var(&variable) else {
        faults.push(fault("the name of an environment variable that is set"));
        return None;
    };
    faults.keep(header_value(VARIABLE, key.trim()).map(Some).map_err(|fault| fault.at(place)), None)
}

fn headers(table: &mut Table<'_>, faults: &mut Faults) -> Vec<(String, Secret)> {
    let headers = table.secrets("headers", faults);
    let place = table.place("headers");
    for (name, value) in &headers {
        let is_name = is_own_header(name);
        let is_value = reqwest::header::HeaderValue::from_str(value.expose()).is_ok();
        if !is_name {
            let accepted = "the name of a header that is not about the form of the request";
            faults.push(Fault::given(VARIABLE, name, accepted).at(place.as_str()));
        } else if !is_value {
            let fault = Fault::secret(VARIABLE, value.expose(), "the value of a header");
            faults.push(fault.at(format!("{place}.{name}")));
        }
    }
    headers
}

fn max_concurrent(table: &mut Table<'_>, faults: &mut Faults) -> Option<usize> {
    table.count("max_concurrent", &(1..=MAX_CONCURRENT), faults).map(|limit| limit as usize)
}

/// A text that may not be left out; empty after the fault.
fn needed(table: &mut Table<'_>, name: &'static str, what: &str, faults: &mut Faults) -> String {
    let text = table.text(name, faults);
    if !table.was_given(name) {
        faults.push(Fault::missing(VARIABLE, what).at(table.place(name)));
    }
    text.unwrap_or_default()
}

/// The models as they are read, and what is known of those before.
struct Models<'a> {
    upstreams: &'a [UpstreamSettings],
    ids: HashSet<String>,
    /// Ids, names and aliases in small letters: what users may call a model.
    names: HashSet<String>,
    /// Where a fallback is named that has to be the id of a model.
    fallbacks: Vec<(String, String)>,
}

impl Models<'_> {
    fn read(&mut self, mut table: Table<'_>, faults: &mut Faults) -> ModelSettings {
        let id = needed(&mut table, "id", "the model's id, such as openai/gpt-5-chat", faults);
        self.ids.insert(id.clone());
        let upstream = self.upstream(&mut table, faults);
        let upstream_id = table.text("upstream_id", faults).map(Into::into);
        let mut info = ModelInfo::new(id.as_str());
        info.aliases = table.texts("aliases", faults);
        let mut own: Vec<String> = info.aliases.iter().map(|alias| alias.to_ascii_lowercase()).collect();
        own.push(id.to_ascii_lowercase());
        if let Some(name) = table.text("name", faults) {
            own.push(name.to_ascii_lowercase());
            info = info.named(name);
        }
        own.sort();
        own.dedup();
        for name in own.into_iter().filter(|name| !name.is_empty()) {
            if !self.names.insert(name.clone()) {
                let accepted = "ids, names and aliases that no other model has";
                faults.push(Fault::given(VARIABLE, &name, accepted).at(table.place("id")));
            }
        }
        let window = table.count("context_window", &(1..=u64::from(u32::MAX)), faults);
        info.context_window = window.and_then(|tokens| tokens.try_into().ok());
        info.price = Price {
            prompt_micros_per_million: price("prompt_price", &mut table, faults),
            completion_micros_per_million: price("completion_price", &mut table, faults),
        };
        info.capabilities = capabilities(&mut table, faults);
        let parameters = table.json("parameters", faults);
        for name in NOT_PARAMETERS.into_iter().filter(|name| parameters.contains_key(*name)) {
            let accepted = "parameters that the engine does not set itself";
            faults.push(Fault::given(VARIABLE, name, accepted).at(table.place("parameters")));
        }
        let fallbacks = table.texts("fallbacks", faults);
        let fallback_place = table.place("fallbacks");
        for fallback in &fallbacks {
            // A model cannot stand in for itself.
            let name = if *fallback == id { format!("{fallback} itself") } else { fallback.clone() };
            self.fallbacks.push((name, fallback_place.clone()));
        }
        let max_concurrent = max_concurrent(&mut table, faults);
        table.finish(faults);
        let fallbacks = fallbacks.into_iter().map(Into::into).collect();
        ModelSettings { info, upstream, upstream_id, parameters, fallbacks, max_concurrent }
    }

    /// The name of the model's upstream; it may be left out where there is only one.
    fn upstream(&self, table: &mut Table<'_>, faults: &mut Faults) -> String {
        let named = table.text("provider", faults);
        let place = table.place("provider");
        let names: Vec<&str> = self.upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
        match (named, names.as_slice()) {
            (Some(name), names) if names.contains(&name.as_str()) => return name,
            (Some(name), []) => {
                faults.push(Fault::given(VARIABLE, &name, "none, as the file has no [[provider]]").at(place));
            }
            (Some(name), names) => faults.push(Fault::given(VARIABLE, &name, names.join(", ")).at(place)),
            (None, [only]) => return (*only).to_owned(),
            (None, []) => {}
            (None, names) => faults.push(Fault::missing(VARIABLE, names.join(", ")).at(place)),
        }
        String::new()
    }
}

/// A price in micro-units per million tokens.
fn price(name: &'static str, table: &mut Table<'_>, faults: &mut Faults) -> u64 {
    let accepted =
        format!("millionths of a dollar for a million tokens, such as 1250000 for 1.25; at most {MAX_PRICE}");
    table.number(name, &(0..=MAX_PRICE), &accepted, faults).unwrap_or_default()
}

fn capabilities(table: &mut Table<'_>, faults: &mut Faults) -> Option<Vec<Capability>> {
    let names = Capability::ALL.map(Capability::as_str).join(", ");
    table.read("capabilities", &format!("a list of these: {names}"), faults, |value| {
        let names = value.as_array()?.iter().map(|name| name.get_ref().as_str());
        names.map(|name| Capability::from_name(name?)).collect()
    })
}
