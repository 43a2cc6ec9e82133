//! What the outside is let see: web pages of other origins, figures, traces.

use reqwest::Url;

use crate::secret::Secret;
use crate::settings::resolve::Faults;
use crate::settings::value::{list, present_secret};
use crate::settings::{Environment, Fault, SettingsArgs};

/// All origins.
const ANY: &str = "*";

impl SettingsArgs {
    pub(super) fn cors_origins(&self, environment: Environment, faults: &mut Faults) -> Vec<String> {
        faults.read(self.cors_origins.as_deref(), Vec::new(), |value| origins(value, environment))
    }

    pub(super) fn metrics_token(&self, faults: &mut Faults) -> Option<Secret> {
        let token = present_secret(self.metrics_token.as_ref())?;
        if (1..=512).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(Secret::from(token));
        }
        faults.push(Fault::secret("METRICS_TOKEN", token, "1 to 512 printable ASCII characters, no spaces"));
        None
    }

    pub(super) fn trace_endpoint(&self, faults: &mut Faults) -> Option<Secret> {
        let url = present_secret(self.otel_exporter_otlp_endpoint.as_ref())?;
        let is_usable = Url::parse(url).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        if is_usable {
            return Some(Secret::from(url));
        }
        let accepted = "the address of a collector such as http://localhost:4318, to which /v1/traces is added";
        // It may hold a password.
        faults.push(Fault::secret("OTEL_EXPORTER_OTLP_ENDPOINT", url, accepted));
        None
    }
}

fn origins(value: &str, environment: Environment) -> Result<Vec<String>, Fault> {
    let accepted = "* or origins without a path, as in https://app.example.com, http://localhost:8080";
    let mut origins = Vec::new();
    for entry in list("CORS_ORIGINS", value)? {
        if entry == ANY && environment == Environment::Prod {
            let accepted = "single origins such as https://app.example.com; * is refused as ENVIRONMENT is prod";
            return Err(Fault::given("CORS_ORIGINS", value, accepted));
        }
        origins.push(origin(&entry).ok_or_else(|| Fault::given("CORS_ORIGINS", &entry, accepted))?);
    }
    Ok(origins)
}

/// The origin as browsers write it.
fn origin(entry: &str) -> Option<String> {
    if entry == ANY {
        return Some(entry.to_owned());
    }
    let url = Url::parse(entry).ok().filter(Url::has_host)?;
    let own_path = entry.split_once("://")?.1;
    let is_bare = !own_path.contains(['/', '?', '#', '@', '\\', '*']);
    // Those of apps, such as capacitor://localhost, have no origin in the sense of the web, but are sent as one.
    let written = if url.origin().is_tuple() { url.origin().ascii_serialization() } else { entry.to_ascii_lowercase() };
    is_bare.then_some(written)
}
