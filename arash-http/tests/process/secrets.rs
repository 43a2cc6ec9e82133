//! Nothing that is secret is in anything that the program says, however much it is told to say.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::database::Database;
use crate::program::{Host, client, program};
use crate::slow_upstream::{SlowUpstream, question};

const ADMIN: &str = "secret-admin-key-5d1c7e2f9ab04c31";
const AI_KEY: &str = "secret-ai-key-77c0ffee";
const TOKEN: &str = "secret-metrics-token-9b1d";
const PASSWORD: &str = "secret-database-password-31f0";
const COLLECTOR: &str = "secret-collector-password-c4a2";
const SEALING: &str = "c2VjcmV0LXNlYWxpbmcta2V5LTAxMjM0NTY3ODlhYmM=";
const TYPED: &str = "secret-typed-where-it-does-not-belong";

#[tokio::test]
async fn nothing_secret_is_said_in_text() {
    nothing_secret_is_said("text").await;
}

#[tokio::test]
async fn nothing_secret_is_said_in_json() {
    nothing_secret_is_said("json").await;
}

async fn nothing_secret_is_said(format: &str) {
    let (database, upstream) = (Database::postgres().await, SlowUpstream::start().await);
    let mut address = reqwest::Url::parse(database.url()).unwrap();
    // A server that trusts its own machine takes any; one that does not has told the right one.
    let password = address.password().unwrap_or(PASSWORD).to_owned();
    address.set_password(Some(&password)).unwrap();
    let mut command = command(database.folder(), format);
    command.env("DATABASE_URL", address.as_str()).env("AI_SERVICE_URL", upstream.url());
    let host = Host::start(command).await;
    let (made, mut told) = requests(&host).await;
    let (code, said) = host.stop("-TERM").await;
    assert_eq!(code, Some(0), "{said}");
    told.push(said);
    let log = log_of(database.folder());
    assert!(
        log.contains("stopped") && log.contains("traces could not be sent"),
        "the log was written to its end:\n{log}"
    );
    told.push(log);
    for secret in [ADMIN, AI_KEY, TOKEN, &password, COLLECTOR, SEALING, TYPED, &made] {
        for text in &told {
            assert!(!text.contains(secret), "{secret} is in\n{text}");
        }
    }
}

fn command(folder: &Path, format: &str) -> Command {
    let mut command = program(folder);
    command.env("LOG_LEVEL", "trace").env("LOG_FORMAT", format).env("LOG_FILE", "logs/arash.log");
    command.env("INTERNAL_API_KEY", ADMIN).env("AI_API_KEY", AI_KEY).env("METRICS_TOKEN", TOKEN);
    command.env("SECRET_KEYS", format!("1:{SEALING}"));
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://me:{COLLECTOR}@127.0.0.1:9"));
    command
}

/// Does what succeeds and what fails; gives a key that was made, and all that was told of failures and figures.
async fn requests(host: &Host) -> (String, Vec<String>) {
    let body = |text: &str| json!({"user_id": "u", "chat_id": "c", "text": text});
    let wait = |fails: bool| body(&question("q", std::time::Duration::from_millis(1), fails));
    let (_, issued) = send(host, "POST", "admin/api-keys", ADMIN, &json!({"team_id": 1, "name": "made"})).await;
    let made = issued["api_key"].as_str().unwrap().to_owned();
    let mut told = Vec::new();
    for (method, path, key, body, status) in [
        ("POST", "chat", made.as_str(), wait(false), 200),
        ("POST", "chat", ADMIN, wait(true), 502),
        ("POST", "chat", ADMIN, body("/help"), 200),
        ("POST", "chat", TYPED, wait(false), 401),
        ("POST", "chat", ADMIN, json!({"user_id": TYPED, TYPED.to_uppercase(): 1}), 422),
        ("GET", &format!("sessions?key={TYPED}&limit=x"), ADMIN, Value::Null, 422),
        ("GET", "admin/teams", &made, Value::Null, 403),
        ("GET", "nowhere", ADMIN, Value::Null, 404),
        ("PUT", "chat", ADMIN, Value::Null, 405),
    ] {
        let (found, answer) = send(host, method, path, key, &body).await;
        assert_eq!(found, status, "{method} {path}: {answer}");
        told.push(answer.to_string());
    }
    for (token, status) in [(TYPED, 401), (TOKEN, 200)] {
        let answer = client().get(format!("{}/metrics", host.address)).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), status);
        told.push(answer.text().await.unwrap());
    }
    (made, told)
}

async fn send(host: &Host, method: &str, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let address = format!("{}/api/v1/{path}", host.address);
    let request = client().request(method.parse().unwrap(), address).bearer_auth(key);
    let request =
        request.header("Content-Type", "application/json").header("traceparent", TYPED).body(body.to_string());
    crate::program::answer(request).await
}

fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("logs/arash.log")).unwrap()
}
