use std::time::Duration;

use proptest::prelude::*;

use crate::ai::OFFLINE_MODEL;
use crate::platform::Access;
use crate::secret::Secret;
use crate::settings::{AiSettings, Environment, HttpSettings, LogFormat, LogSettings, SettingsArgs, UpstreamKind};
use crate::store::SqlOptions;

#[expect(clippy::unnecessary_wraps, reason = "a setting that is given is a Some")]
fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn lines(args: SettingsArgs) -> Vec<String> {
    args.resolve().err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn kind(ai: &AiSettings) -> UpstreamKind {
    ai.upstreams[0].kind
}

fn models(args: SettingsArgs) -> Vec<String> {
    args.resolve().unwrap().internal.models.iter().map(ToString::to_string).collect()
}

#[test]
fn without_any_setting_it_runs_offline_on_a_file() {
    let settings = SettingsArgs::default().resolve().unwrap();
    assert_eq!(settings.environment, Environment::Dev);
    assert_eq!(settings.http, HttpSettings::default());
    assert_eq!(settings.database.url.expose(), "sqlite://arash.db");
    assert_eq!(settings.database.options, SqlOptions::default());
    assert_eq!(settings.retention, None);
    assert_eq!(kind(&settings.ai), UpstreamKind::Offline);
    assert_eq!(settings.session_timeout, Duration::from_secs(1_800));
    assert_eq!((settings.internal.rate_limit, settings.internal.max_history), (60, 30));
    assert_eq!(settings.log, LogSettings { level: "info", format: LogFormat::Text, file: None });
    assert_eq!(models(SettingsArgs::default()), [OFFLINE_MODEL]);
    let platforms = settings.platforms();
    let names: Vec<_> = platforms.iter().map(|platform| (platform.name(), platform.access())).collect();
    assert_eq!(names, [("telegram", Access::Public), ("internal", Access::Private)]);
}

#[test]
fn all_faults_are_told_at_once_and_secrets_are_not() {
    let args = SettingsArgs {
        environment: text("moon"),
        api_host: text("not a host"),
        api_port: text("70000"),
        enable_api_docs: text("maybe"),
        max_image_size_mb: text("0"),
        database_url: Some("mysql://arash:hunter2@db/arash".into()),
        db_password: Some("hunter2".into()),
        durability: text("half"),
        secret_keys: Some("1:hunter2".into()),
        webhook_allow_private: text("perhaps"),
        webhook_allow_http: text("never"),
        retention_days: text("0"),
        ai_provider: text("pipeline"),
        ai_service_url: Some("ftp://token:hunter2@ai".into()),
        ai_api_key: Some("hunter2 hunter2".into()),
        ai_timeout_seconds: text("-1"),
        session_timeout_minutes: text("half"),
        internal_default_model: text("a,b"),
        internal_models: text("[1]"),
        internal_rate_limit: text("many"),
        internal_max_history: text("0"),
        internal_api_key: Some("hunter2".into()),
        internal_admin_users: text("a,,b"),
        telegram_bot_token: Some("hunter2".into()),
        telegram_default_model: text("a,b"),
        telegram_models: text("[1]"),
        telegram_rate_limit: text("-1"),
        telegram_max_history: text("1001"),
        telegram_commands: text("/help, /fly"),
        telegram_admin_users: text("@sara"),
        telegram_webhook_url: Some("http://hunter2.example/".into()),
        telegram_api_url: Some("ftp://hunter2".into()),
        telegram_drafts: text("some"),
        telegram_rich_messages: text("some"),
        run_telegram_bot: text("now"),
        log_level: text("loud"),
        log_format: text("xml"),
        log_file: text("logs/"),
        enable_image_processing: text("perhaps"),
        cors_origins: text("https://app.example/path"),
        metrics_token: Some("hunter2 hunter2".into()),
        otel_exporter_otlp_endpoint: Some("grpc://hunter2@collector".into()),
        ..SettingsArgs::default()
    };
    let lines = lines(args);
    assert_eq!(lines.len(), 40, "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains("hunter2") && !line.contains('\n')), "{lines:#?}");
    assert_eq!(lines[2], r#"API_PORT: "70000" cannot be used; accepted: a whole number from 0 to 65535"#);
    let key = "INTERNAL_API_KEY: the value given (***, 7 characters) cannot be used; \
               accepted: 32 to 512 printable ASCII characters, no spaces; what begins with sk_live_ or sk_test_ must check out";
    assert!(lines.iter().any(|line| line == key), "{lines:#?}");
}

#[test]
fn an_openai_service_is_given_by_its_base_address() {
    let given = |url: &str| SettingsArgs {
        ai_provider: text("openai"),
        ai_service_url: Some(url.into()),
        ai_api_key: Some("sk-1".into()),
        ..SettingsArgs::default()
    };
    let settings = given("https://api.example/v1").resolve().unwrap();
    assert_eq!((kind(&settings.ai), &*settings.ai.upstreams[0].name), (UpstreamKind::OpenAi, "openai"));
    assert_eq!(settings.ai.upstreams[0].url.expose(), "https://api.example/v1");
    assert!(settings.ai.upstreams[0].api_key.is_some());
    let url = "https://user:hunter2@a.example/v1/chat/completions";
    let line = format!(
        "AI_SERVICE_URL: the value given (***, {} characters) cannot be used; \
         accepted: the base address, which ends in /v1, without what comes after",
        url.len()
    );
    assert_eq!(lines(given(url)), [line]);
}

#[test]
fn only_an_openai_service_hears() {
    let given = |provider: &str| SettingsArgs {
        ai_provider: text(provider),
        ai_service_url: Some("https://api.example/v1".into()),
        ai_transcription_model: text("whisper-1"),
        ..SettingsArgs::default()
    };
    let settings = given("openai").resolve().unwrap();
    assert_eq!(settings.ai.upstreams[0].transcription_model.as_deref(), Some("whisper-1"));
    for provider in ["pipeline", "offline"] {
        let line = format!(
            "AI_TRANSCRIPTION_MODEL: \"whisper-1\" cannot be used; \
             accepted: nothing, as AI_PROVIDER is {provider}; openai has such models"
        );
        assert_eq!(lines(given(provider)), [line]);
    }
}

#[test]
fn the_provider_follows_from_the_address() {
    let url = || Some(Secret::from("https://ai.example/chat"));
    let by_url = SettingsArgs { ai_service_url: url(), ..SettingsArgs::default() };
    assert_eq!(kind(&by_url.clone().resolve().unwrap().ai), UpstreamKind::Pipeline);
    assert_eq!(models(by_url), ["openai/gpt-5-chat"]);
    let told = SettingsArgs { ai_service_url: url(), ai_provider: text("offline"), ..SettingsArgs::default() };
    assert_eq!(kind(&told.resolve().unwrap().ai), UpstreamKind::Offline);
    let missing = lines(SettingsArgs { ai_provider: text("pipeline"), ..SettingsArgs::default() });
    assert_eq!(missing.len(), 1);
    assert!(missing[0].starts_with("AI_SERVICE_URL: not set"), "{missing:?}");
}

#[test]
fn the_default_model_comes_first() {
    let given = |default: &str, list: &str| SettingsArgs {
        internal_default_model: text(default),
        internal_models: text(list),
        ..SettingsArgs::default()
    };
    assert_eq!(models(given("b", "a, b ,c")), ["b", "a", "c"]);
    assert_eq!(models(given("d", r#"["a", "b"]"#)), ["d", "a", "b"]);
    assert_eq!(models(given("d", "")), ["d"]);
    assert_eq!(models(given("", "a")), ["a"]);
}

#[test]
fn docs_are_off_in_production_unless_they_are_asked_for() {
    let given = |environment: &str, docs: &str| SettingsArgs {
        environment: text(environment),
        enable_api_docs: text(docs),
        ..SettingsArgs::default()
    };
    for (environment, docs, has_docs) in
        [("dev", "", true), ("prod", "", false), ("PRODUCTION", "", false), ("prod", "on", true), ("stage", "0", false)]
    {
        assert_eq!(given(environment, docs).resolve().unwrap().http.has_docs, has_docs, "{environment} {docs}");
    }
}

#[test]
fn origins_are_taken_as_browsers_write_them_and_all_are_refused_in_production() {
    let given = |environment: &str, origins: &str| SettingsArgs {
        environment: text(environment),
        cors_origins: text(origins),
        ..SettingsArgs::default()
    };
    let origins = |text: &str| given("prod", text).resolve().unwrap().http.cors_origins;
    assert_eq!(origins(""), [""; 0]);
    assert_eq!(
        origins("https://App.example:443, http://localhost:8080"),
        ["https://app.example", "http://localhost:8080"]
    );
    assert_eq!(origins(r#"["capacitor://localhost", "http://[::1]:80"]"#), ["capacitor://localhost", "http://[::1]"]);
    for environment in ["dev", "stage"] {
        assert_eq!(given(environment, "*").resolve().unwrap().http.cors_origins, ["*"]);
    }
    assert!(lines(given("prod", "https://a.example, *"))[0].ends_with("* is refused as ENVIRONMENT is prod"));
    for wrong in ["https://a.example/", "a.example", "null", "https://u:p@a.example", "https://*.a.example", "https://"]
    {
        let lines = lines(given("dev", wrong));
        assert!(lines.len() == 1 && lines[0].starts_with("CORS_ORIGINS: "), "{wrong}: {lines:?}");
    }
}

#[test]
fn what_is_kept_is_kept_for_days() {
    let given = |days: &str| SettingsArgs { retention_days: text(days), ..SettingsArgs::default() };
    for (days, seconds) in [("", None), ("1", Some(86_400)), ("36500", Some(36_500 * 86_400))] {
        assert_eq!(given(days).resolve().unwrap().retention, seconds.map(Duration::from_secs), "{days}");
    }
    let events = |days: &str| given(days).resolve().unwrap().event_retention().as_secs() / 86_400;
    assert_eq!(["", "1", "10", "36500"].map(events), [30, 4, 10, 30], "until they were tried for the last time");
    for days in ["0", "36501", "-1", "1.5", "for ever"] {
        let line = format!("RETENTION_DAYS: {days:?} cannot be used; accepted: a whole number from 1 to 36500");
        assert_eq!(lines(given(days)), [line]);
    }
}

proptest! {
    #[test]
    fn any_text_is_judged_without_a_panic_and_in_one_line(value in any::<String>(), url in any::<bool>()) {
        let given = || Some(value.clone());
        let part = || (!url).then(|| value.clone());
        let secret = || Secret::from(value.clone());
        let args = SettingsArgs {
            environment: given(), api_host: given(), api_port: given(), enable_api_docs: given(),
            max_image_size_mb: given(), database_url: url.then(secret), db_host: part(), db_port: part(),
            db_user: part(), db_password: (!url).then(secret), db_name: part(), db_sslmode: part(),
            secret_keys: Some(secret()), webhook_allow_private: given(), webhook_allow_http: given(),
            durability: given(), retention_days: given(), ai_provider: given(), ai_service_url: Some(secret()),
            ai_api_key: Some(secret()), ai_transcription_model: given(), ai_timeout_seconds: given(), ai_providers: None, session_timeout_minutes: given(),
            internal_default_model: given(), internal_models: given(), internal_rate_limit: given(),
            internal_max_history: given(), internal_api_key: Some(secret()), internal_admin_users: given(),
            telegram_bot_token: Some(secret()), telegram_default_model: given(), telegram_models: given(),
            telegram_rate_limit: given(), telegram_max_history: given(), telegram_commands: given(),
            telegram_admin_users: given(), telegram_webhook_url: Some(secret()), telegram_api_url: Some(secret()),
            telegram_drafts: given(), telegram_rich_messages: given(), run_telegram_bot: given(),
            log_level: given(), log_format: given(), log_file: given(), enable_image_processing: given(),
            cors_origins: given(), metrics_token: Some(secret()), otel_exporter_otlp_endpoint: Some(secret()),
        };
        for line in lines(args) {
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn white_space_alone_counts_as_not_set(space in "[ \t\n]{0,4}") {
        let args = SettingsArgs { api_port: text(&space), ai_provider: text(&space), ..SettingsArgs::default() };
        prop_assert_eq!(args.resolve().unwrap().http.port, 3000);
    }

    #[test]
    fn every_port_is_accepted(port in any::<u16>()) {
        let args = SettingsArgs { api_port: text(&port.to_string()), ..SettingsArgs::default() };
        prop_assert_eq!(args.resolve().unwrap().http.port, port);
    }
}
