use std::path::PathBuf;
use std::time::Duration;

use crate::secret::Secret;
use crate::settings::models::GivenModels;
use crate::settings::value::{boolean, choice, list, number, present, present_secret};
use crate::settings::{
    AiSettings, Environment, Fault, HttpSettings, LogFormat, LogSettings, PlatformSettings, Settings, SettingsArgs,
};
use crate::team::is_well_formed;

/// Collects faults, so that the first one does not hide the rest.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    #[cfg(test)]
    pub(super) fn into_vec(self) -> Vec<Fault> {
        self.0
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The value, or `instead` after noting the fault.
    pub(super) fn keep<T>(&mut self, read: Result<T, Fault>, instead: T) -> T {
        read.unwrap_or_else(|fault| {
            self.push(fault);
            instead
        })
    }

    /// What `read` makes of the value, `instead` when it is not set.
    pub(super) fn read<T>(
        &mut self,
        value: Option<&str>,
        instead: T,
        read: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> T {
        match present(value) {
            None => instead,
            Some(value) => self.keep(read(value), instead),
        }
    }
}

impl SettingsArgs {
    /// Checks all that was given.
    ///
    /// # Errors
    /// Every fault, in the order of the settings.
    pub fn resolve(self) -> Result<Settings, Vec<Fault>> {
        let mut faults = Faults::default();
        let environment = faults.read(self.environment.as_deref(), Environment::Dev, environment);
        let http = self.http(environment, &mut faults);
        let database = self.database(&mut faults);
        let sealing = self.sealing(&database.url, &mut faults);
        let retention = faults.read(self.retention_days.as_deref(), None, |value| {
            number("RETENTION_DAYS", value, &(1..=36_500_u64)).map(|days| Some(Duration::from_secs(days * 86_400)))
        });
        let webhook_targets = self.webhook_targets(&mut faults);
        let ai = self.ai(&mut faults);
        let minutes = faults.read(self.session_timeout_minutes.as_deref(), 30_u64, |value| {
            number("SESSION_TIMEOUT_MINUTES", value, &(1..=525_600))
        });
        let internal = self.internal(&ai, &mut faults);
        let first_api_key = self.first_api_key(&mut faults);
        let telegram = self.telegram(&ai, &internal.models, &mut faults);
        let settings = Settings {
            environment,
            http,
            database,
            sealing,
            webhook_targets,
            retention,
            internal,
            ai,
            session_timeout: Duration::from_secs(minutes * 60),
            first_api_key,
            telegram,
            log: self.log(&mut faults),
            trace_endpoint: self.trace_endpoint(&mut faults),
        };
        if faults.0.is_empty() { Ok(settings) } else { Err(faults.0) }
    }

    fn http(&self, environment: Environment, faults: &mut Faults) -> HttpSettings {
        let normal = HttpSettings::default();
        HttpSettings {
            host: faults.read(self.api_host.as_deref(), normal.host, host),
            port: faults.read(self.api_port.as_deref(), normal.port, |value| number("API_PORT", value, &(0..=65_535))),
            has_docs: faults.read(self.enable_api_docs.as_deref(), environment != Environment::Prod, |value| {
                boolean("ENABLE_API_DOCS", value)
            }),
            has_images: faults.read(self.enable_image_processing.as_deref(), normal.has_images, |value| {
                boolean("ENABLE_IMAGE_PROCESSING", value)
            }),
            max_image_mib: faults.read(self.max_image_size_mb.as_deref(), normal.max_image_mib, |value| {
                number("MAX_IMAGE_SIZE_MB", value, &(1..=100))
            }),
            cors_origins: self.cors_origins(environment, faults),
            metrics_token: self.metrics_token(faults),
            ..normal
        }
    }

    fn internal(&self, ai: &AiSettings, faults: &mut Faults) -> PlatformSettings {
        let mut models = GivenModels::read(
            ("INTERNAL_DEFAULT_MODEL", self.internal_default_model.as_deref()),
            ("INTERNAL_MODELS", self.internal_models.as_deref()),
            ai,
            faults,
        );
        if models.all.is_empty() && (models.default.is_none() || ai.has_models()) {
            models.all = ai.default_models();
        }
        PlatformSettings {
            models: models.into_ids(),
            rate_limit: faults.read(self.internal_rate_limit.as_deref(), 60, |value| {
                number("INTERNAL_RATE_LIMIT", value, &(0..=1_000_000))
            }),
            max_history: faults.read(self.internal_max_history.as_deref(), 30, |value| {
                number("INTERNAL_MAX_HISTORY", value, &(1..=1_000))
            }),
            admin_users: faults
                .read(self.internal_admin_users.as_deref(), Vec::new(), |value| list("INTERNAL_ADMIN_USERS", value)),
        }
    }

    fn first_api_key(&self, faults: &mut Faults) -> Option<Secret> {
        let key = present_secret(self.internal_api_key.as_ref())?;
        if is_well_formed(key) {
            return Some(Secret::from(key));
        }
        let accepted =
            "32 to 512 printable ASCII characters, no spaces; what begins with sk_live_ or sk_test_ must check out";
        faults.push(Fault::secret("INTERNAL_API_KEY", key, accepted));
        None
    }

    fn log(&self, faults: &mut Faults) -> LogSettings {
        let levels = ["off", "error", "warn", "info", "debug", "trace"];
        let level = |value: &str| {
            let known = levels.into_iter().find(|level| level.eq_ignore_ascii_case(value));
            known.ok_or_else(|| Fault::given("LOG_LEVEL", value, levels.join(", ")))
        };
        LogSettings {
            level: faults.read(self.log_level.as_deref(), "info", level),
            format: faults.read(self.log_format.as_deref(), LogFormat::Text, |value| {
                choice("LOG_FORMAT", value, &[(&["text"], LogFormat::Text), (&["json"], LogFormat::Json)])
            }),
            file: faults.read(self.log_file.as_deref(), None, |value| log_file(value).map(Some)),
        }
    }
}

fn environment(value: &str) -> Result<Environment, Fault> {
    let choices: [(&[&str], Environment); 3] = [
        (&["dev", "development"], Environment::Dev),
        (&["stage", "staging"], Environment::Stage),
        (&["prod", "production"], Environment::Prod),
    ];
    choice("ENVIRONMENT", value, &choices)
}

fn host(value: &str) -> Result<String, Fault> {
    let is_name = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
    if is_name { Ok(value.to_owned()) } else { Err(Fault::given("API_HOST", value, "an IP address or a host name")) }
}

fn log_file(value: &str) -> Result<PathBuf, Fault> {
    let path = PathBuf::from(value);
    let is_file = !value.ends_with('/') && path.file_name().is_some() && !value.chars().any(char::is_control);
    if is_file { Ok(path) } else { Err(Fault::given("LOG_FILE", value, "the path of a file")) }
}
