use clap::Args;

use crate::secret::Secret;

/// The settings as they were given, by flag or environment, not looked at yet.
///
/// All are texts, so that [`resolve`](SettingsArgs::resolve) can name every fault at once.
#[expect(clippy::doc_markdown, reason = "these comments are the help text, which has no markup")]
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings (flag or environment; .env is read)")]
pub struct SettingsArgs {
    /// Where this runs: dev, stage or prod [default: dev]
    #[arg(long, env = "ENVIRONMENT", global = true, value_name = "NAME")]
    pub environment: Option<String>,
    /// Address or host name to listen on [default: 127.0.0.1]
    #[arg(long, env = "API_HOST", global = true, value_name = "HOST")]
    pub api_host: Option<String>,
    /// Port to listen on; 0 takes a free one [default: 3000]
    #[arg(long, env = "API_PORT", global = true, value_name = "PORT")]
    pub api_port: Option<String>,
    /// Serves /docs and /openapi.json [default: true, false in prod]
    #[arg(long, env = "ENABLE_API_DOCS", global = true, value_name = "BOOL")]
    pub enable_api_docs: Option<String>,
    /// Whether messages may have images [default: true]
    #[arg(long, env = "ENABLE_IMAGE_PROCESSING", global = true, value_name = "BOOL")]
    pub enable_image_processing: Option<String>,
    /// Largest image of a message, in MiB, 1 to 100 [default: 20]
    #[arg(long, env = "MAX_IMAGE_SIZE_MB", global = true, value_name = "MIB")]
    pub max_image_size_mb: Option<String>,
    /// Origins whose web pages may call this, as in scheme://host:port: a JSON array or a comma list; * for all, but
    /// not in prod [default: none]
    #[arg(long, env = "CORS_ORIGINS", global = true, value_name = "LIST")]
    pub cors_origins: Option<String>,
    /// What /metrics asks for: Authorization: Bearer TOKEN [default: it is open]
    #[arg(long, env = "METRICS_TOKEN", hide_env_values = true, global = true, value_name = "TOKEN")]
    pub metrics_token: Option<Secret>,
    /// Where everything is kept: sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME [default: sqlite://arash.db]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true, value_name = "URL")]
    pub database_url: Option<Secret>,
    /// The parts of a PostgreSQL address, instead of DATABASE_URL: host name, IP address or folder of a socket
    #[arg(long, env = "DB_HOST", global = true, value_name = "HOST")]
    pub db_host: Option<String>,
    /// Port of the PostgreSQL server [default: 5432]
    #[arg(long, env = "DB_PORT", global = true, value_name = "PORT")]
    pub db_port: Option<String>,
    /// User at the PostgreSQL server
    #[arg(long, env = "DB_USER", global = true, value_name = "NAME")]
    pub db_user: Option<String>,
    /// The user's password, as it is: nothing in it needs to be encoded
    #[arg(long, env = "DB_PASSWORD", hide_env_values = true, global = true, value_name = "PASSWORD")]
    pub db_password: Option<Secret>,
    /// Name of the PostgreSQL database; it has to exist
    #[arg(long, env = "DB_NAME", global = true, value_name = "NAME")]
    pub db_name: Option<String>,
    /// TLS to the PostgreSQL server: disable, allow, prefer, require, verify-ca or verify-full [default: prefer]
    #[arg(long, env = "DB_SSLMODE", global = true, value_name = "MODE")]
    pub db_sslmode: Option<String>,
    /// What an answer that was given survives: full is a loss of power, process only the end of the program, but
    /// nothing waits for the disk [default: full]
    #[arg(long, env = "DURABILITY", global = true, value_name = "NAME")]
    pub durability: Option<String>,
    /// For how many days single turns and usage records are kept, 1 to 36500; hourly sums stay [default: for ever]
    #[arg(long, env = "RETENTION_DAYS", global = true, value_name = "DAYS")]
    pub retention_days: Option<String>,
    /// The keys that secrets in the database are sealed with, the newest first, as in 2:BASE64,1:BASE64; arash-http
    /// secrets new-key makes one [default: those of a file beside the database, which the first start makes]
    #[arg(long, env = "SECRET_KEYS", hide_env_values = true, global = true, value_name = "KEYS")]
    pub secret_keys: Option<Secret>,
    /// Lets webhooks go to private addresses, on any port: for development [default: false]
    #[arg(long, env = "WEBHOOK_ALLOW_PRIVATE", global = true, value_name = "BOOL")]
    pub webhook_allow_private: Option<String>,
    /// Lets webhooks go by http://, which everybody on the way reads [default: false]
    #[arg(long, env = "WEBHOOK_ALLOW_HTTP", global = true, value_name = "BOOL")]
    pub webhook_allow_http: Option<String>,
    /// Who answers: offline, pipeline or openai, which is any compatible service [default: pipeline with an
    /// AI_SERVICE_URL, else offline]
    #[arg(long, env = "AI_PROVIDER", global = true, value_name = "NAME")]
    pub ai_provider: Option<String>,
    /// The exact address of the pipeline service, or the base address of the OpenAI-compatible one, which ends in /v1
    #[arg(long, env = "AI_SERVICE_URL", hide_env_values = true, global = true, value_name = "URL")]
    pub ai_service_url: Option<Secret>,
    /// The key for the service, if it wants one
    #[arg(long, env = "AI_API_KEY", hide_env_values = true, global = true, value_name = "KEY")]
    pub ai_api_key: Option<Secret>,
    /// The model of an `openai` service that writes down what was said in sound [default: sound is refused]
    #[arg(long, env = "AI_TRANSCRIPTION_MODEL", global = true, value_name = "MODEL")]
    pub ai_transcription_model: Option<String>,
    /// How long an answer may take, in seconds, 1 to 3600 [default: 60]
    #[arg(long, env = "AI_TIMEOUT_SECONDS", global = true, value_name = "SECONDS")]
    pub ai_timeout_seconds: Option<String>,
    /// A TOML file of several services, of models with names and prices, or of both; see the README
    #[arg(long, env = "AI_PROVIDERS", global = true, value_name = "FILE")]
    pub ai_providers: Option<String>,
    /// After how many minutes without a message a session is forgotten, 1 to 525600 [default: 30]
    #[arg(long, env = "SESSION_TIMEOUT_MINUTES", global = true, value_name = "MINUTES")]
    pub session_timeout_minutes: Option<String>,
    /// The model of the platform `internal` that answers by default [default: the first of INTERNAL_MODELS]
    #[arg(long, env = "INTERNAL_DEFAULT_MODEL", global = true, value_name = "MODEL")]
    pub internal_default_model: Option<String>,
    /// The models of the platform `internal`: a JSON array or a comma list [default: those of AI_PROVIDERS]
    #[arg(long, env = "INTERNAL_MODELS", global = true, value_name = "LIST")]
    pub internal_models: Option<String>,
    /// Messages a minute of one user on `internal`; 0 means no limit [default: 60]
    #[arg(long, env = "INTERNAL_RATE_LIMIT", global = true, value_name = "COUNT")]
    pub internal_rate_limit: Option<String>,
    /// Most messages that are sent upstream as context, 1 to 1000 [default: 30]
    #[arg(long, env = "INTERNAL_MAX_HISTORY", global = true, value_name = "COUNT")]
    pub internal_max_history: Option<String>,
    /// The first admin key, 32 to 512 printable ASCII characters [default: one is made and printed once]
    #[arg(long, env = "INTERNAL_API_KEY", hide_env_values = true, global = true, value_name = "KEY")]
    pub internal_api_key: Option<Secret>,
    /// Users who are administrators on `internal`: a JSON array or a comma list
    #[arg(long, env = "INTERNAL_ADMIN_USERS", global = true, value_name = "LIST")]
    pub internal_admin_users: Option<String>,
    /// The token of the bot on Telegram, from @BotFather [default: there is no bot]
    #[arg(long, env = "TELEGRAM_BOT_TOKEN", hide_env_values = true, global = true, value_name = "TOKEN")]
    pub telegram_bot_token: Option<Secret>,
    /// The model of the platform `telegram` that answers by default [default: the first of TELEGRAM_MODELS]
    #[arg(long, env = "TELEGRAM_DEFAULT_MODEL", global = true, value_name = "MODEL")]
    pub telegram_default_model: Option<String>,
    /// The models of the platform `telegram`: a JSON array or a comma list [default: the default of `internal`]
    #[arg(long, env = "TELEGRAM_MODELS", global = true, value_name = "LIST")]
    pub telegram_models: Option<String>,
    /// Messages a minute of one user on `telegram`; 0 means no limit [default: 20]
    #[arg(long, env = "TELEGRAM_RATE_LIMIT", global = true, value_name = "COUNT")]
    pub telegram_rate_limit: Option<String>,
    /// Most messages on `telegram` that are sent upstream as context, 1 to 1000 [default: 10]
    #[arg(long, env = "TELEGRAM_MAX_HISTORY", global = true, value_name = "COUNT")]
    pub telegram_max_history: Option<String>,
    /// The only commands that work on `telegram`: a JSON array or a comma list [default: all]
    #[arg(long, env = "TELEGRAM_COMMANDS", global = true, value_name = "LIST")]
    pub telegram_commands: Option<String>,
    /// Users who are administrators on `telegram`, by their ids: a JSON array or a comma list
    #[arg(long, env = "TELEGRAM_ADMIN_USERS", global = true, value_name = "LIST")]
    pub telegram_admin_users: Option<String>,
    /// The address that Telegram sends updates to, by https:// (http:// only on this machine); a secret path is added
    /// [default: they are asked for]
    #[arg(long, env = "TELEGRAM_WEBHOOK_URL", hide_env_values = true, global = true, value_name = "URL")]
    pub telegram_webhook_url: Option<Secret>,
    /// Where the Bot API is, for a server of your own [default: Telegram's]
    #[arg(long, env = "TELEGRAM_API_URL", hide_env_values = true, global = true, value_name = "URL")]
    pub telegram_api_url: Option<Secret>,
    /// Shows answers in private chats of Telegram by drafts while they are written [default: false]
    #[arg(long, env = "TELEGRAM_DRAFTS", global = true, value_name = "BOOL")]
    pub telegram_drafts: Option<String>,
    /// Shows answers on Telegram as rich messages once they are final, with tables and headings [default: false]
    #[arg(long, env = "TELEGRAM_RICH_MESSAGES", global = true, value_name = "BOOL")]
    pub telegram_rich_messages: Option<String>,
    /// Runs the bot on Telegram beside the API; needs TELEGRAM_BOT_TOKEN [default: false]
    #[arg(long, env = "RUN_TELEGRAM_BOT", global = true, value_name = "BOOL")]
    pub run_telegram_bot: Option<String>,
    /// What is logged: off, error, warn, info, debug or trace [default: info]
    #[arg(long, env = "LOG_LEVEL", global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// How log lines look: text or json [default: text]
    #[arg(long, env = "LOG_FORMAT", global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// A file that the log goes to as well, a new one each day: FILE is a link to the newest, FILE.DATE [default: none]
    #[arg(long, env = "LOG_FILE", global = true, value_name = "FILE")]
    pub log_file: Option<String>,
    /// The OpenTelemetry collector that traces go to, by OTLP over HTTP (needs the feature otel) [default: none]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true, global = true, value_name = "URL")]
    pub otel_exporter_otlp_endpoint: Option<Secret>,
}
