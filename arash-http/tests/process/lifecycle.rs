//! The program itself: started, asked, stopped and started again.

use crate::program::{Host, PATIENCE, program};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

/// Runs to the end; gives the exit code, standard output and standard error.
pub(crate) async fn run(mut command: Command) -> (Option<i32>, String, String) {
    let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn what_was_said_outlives_the_program_and_the_key_is_printed_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = Host::start(program(folder.path())).await;
    let key = first.printed_key().unwrap().to_owned();
    assert_eq!(key.len(), 48);
    let (status, reply) = first.chat(&key, "Hello").await;
    assert_eq!((status, &reply["data"]["message_count"]), (200, &json!(1)), "{reply}");
    let (code, said) = first.stop("-TERM").await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches(&key).count(), 1);

    let second = Host::start(program(folder.path())).await;
    assert_eq!(second.printed_key(), None);
    let session = reply["data"]["session_id"].as_str().unwrap();
    let (status, shown) = second.get(&key, &format!("/api/v1/session/{session}")).await;
    assert_eq!((status, &shown["session"]["message_count"]), (200, &json!(1)), "{shown}");
    assert_eq!(second.chat(&key, "Hello again").await.1["data"]["message_count"], 2);
    let (code, said) = second.stop("-INT").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains(&key));
}

#[tokio::test]
async fn a_key_of_ones_own_is_taken_and_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let own = "my-very-own-key-of-forty-characters-or-so";
    // From a file, as most will do it.
    std::fs::write(folder.path().join(".env"), format!("INTERNAL_API_KEY={own}\n")).unwrap();
    let host = Host::start(program(folder.path())).await;
    assert_eq!(host.printed_key(), None);
    assert_eq!(host.get(own, "/api/v1/admin/teams").await.0, 200);
    let (code, said) = host.stop("-TERM").await;
    assert_eq!(code, Some(0));
    assert!(!said.contains(own), "{said}");
}

#[tokio::test]
async fn a_key_of_ones_own_that_comes_too_late_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let first = Host::start(program(folder.path())).await;
    first.stop("-TERM").await;
    let mut command = program(folder.path());
    command.env("INTERNAL_API_KEY", "a-key-that-comes-after-the-first-start");
    let (_, said) = Host::start(command).await.stop("-TERM").await;
    assert!(said.contains("INTERNAL_API_KEY is not used"), "{said}");
    assert!(!said.contains("a-key-that-comes"), "{said}");
}

#[tokio::test]
async fn a_setting_without_effect_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.env("REDIS_URL", "redis://cache").env("TELEGRAM_BOT_TOKEN", "1:hunter2").env("LOG_FILE", "");
    let (code, said) = Host::start(command).await.stop("-TERM").await;
    assert_eq!(code, Some(0));
    assert!(said.contains("without effect: REDIS_URL\n"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn requests_are_logged_without_secrets_or_queries() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.env("LOG_LEVEL", "info").env("LOG_FORMAT", "json");
    let host = Host::start(command).await;
    let key = host.printed_key().unwrap().to_owned();
    assert_eq!(host.get(&key, "/api/v1/sessions?limit=7&cursor=hunter2").await.0, 422);
    let (_, said) = host.stop("-TERM").await;
    let line = said.lines().find(|line| line.contains("\"request\"")).unwrap_or_else(|| panic!("{said}"));
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["method"], &line["path"], &line["status"]),
        (&json!("GET"), &json!("/api/v1/sessions"), &json!(422))
    );
    assert!(line["elapsed_ms"].is_u64() && line["request_id"].is_string(), "{line}");
    assert!(!said.contains("hunter2"));
    assert_eq!(said.matches(&key).count(), 1, "only where it is printed");
}

#[tokio::test]
async fn wrong_settings_are_all_told_and_secrets_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.env("API_PORT", "high").env("ENVIRONMENT", "moon").env("INTERNAL_API_KEY", "hunter2");
    command.env("DATABASE_URL", "mysql://arash:hunter2@db/arash").args(["--log-format", "xml"]);
    let (code, output, faults) = run(command).await;
    assert_eq!((code, output.as_str()), (Some(2), ""));
    for variable in ["API_PORT", "ENVIRONMENT", "INTERNAL_API_KEY", "DATABASE_URL", "LOG_FORMAT"] {
        assert_eq!(faults.matches(&format!("{variable}: ")).count(), 1, "{faults}");
    }
    assert!(!faults.contains("hunter2"), "{faults}");
}

#[tokio::test]
async fn a_fault_at_the_start_is_not_a_wrong_setting() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut command = program(folder.path());
    command.env("API_PORT", port.to_string());
    let (code, output, fault) = run(command).await;
    assert_eq!((code, output.as_str()), (Some(1), ""), "{fault}");
    assert!(fault.contains(&format!("cannot listen on 127.0.0.1 port {port}")), "{fault}");
}

#[tokio::test]
async fn the_help_and_the_document_need_no_setting() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.env("INTERNAL_API_KEY", "hunter2").arg("--help");
    let (code, help, _) = run(command).await;
    assert_eq!(code, Some(0));
    assert!(help.contains("API_PORT") && help.contains("Exit codes") && !help.contains("hunter2"), "{help}");
    let mut command = program(folder.path());
    command.arg("openapi").env("API_PORT", "high");
    let (code, document, _) = run(command).await;
    assert_eq!(code, Some(0));
    assert_eq!(serde_json::from_str::<Value>(&document).unwrap()["openapi"], "3.0.0");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was written");
}

#[tokio::test]
async fn a_wrong_command_line_is_a_usage_fault() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.arg("--no-such-flag");
    assert_eq!(run(command).await.0, Some(2));
}

#[cfg(not(feature = "otel"))]
#[tokio::test]
async fn traces_that_are_not_built_in_are_said_to_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:hunter2@localhost:4318");
    let (code, said) = Host::start(command).await.stop("-TERM").await;
    assert_eq!(code, Some(0));
    assert!(said.contains("built without the feature otel") && !said.contains("hunter2"), "{said}");
}
