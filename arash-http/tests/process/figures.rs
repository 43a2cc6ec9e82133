//! What `/metrics` tells after a known scene, to the last count, and that it tells nothing else.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::chores::new_key;
use crate::ledger::Ledger;
use crate::load::Line;
use crate::program::{Host, client, program};
use crate::slow_upstream::{SlowUpstream, question};

const ADMIN: &str = "the-key-of-the-test-of-figures-which-is-long-enough";

async fn figures(host: &Host) -> String {
    client().get(format!("{}/metrics", host.address)).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn figures_are_exact_and_name_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = SlowUpstream::start().await;
    let mut command = program(folder.path());
    command.env("INTERNAL_API_KEY", ADMIN).env("INTERNAL_RATE_LIMIT", "4");
    command.env("AI_SERVICE_URL", upstream.url()).env("INTERNAL_MODELS", "openai/gpt-5-chat");
    let host = Host::start(command).await;
    let line = Line::new(&host.address);
    let key = new_key(&line, ADMIN, "An unheard-of team", 1, &mut Ledger::default()).await.unwrap();

    let say = async |key: &str, user: &str, text: &str| {
        let body = json!({"user_id": user, "chat_id": "chat-unheard-of", "text": text});
        line.send(line.request(Method::POST, key, "chat", &body)).await.unwrap()
    };
    let ask = |name: &str, fails: bool| question(name, Duration::from_millis(1), fails);
    let mut tokens = (0, 0);
    for (key, text) in
        [(ADMIN, ask("one", false)), (ADMIN, ask("two", false)), (key.text.as_str(), ask("three", false))]
    {
        let (status, reply) = say(key, "user-unheard-of", &text).await;
        assert_eq!(status, 200, "{reply}");
        let count = |name: &str| reply["data"]["usage"][name].as_u64().unwrap();
        tokens = (tokens.0 + count("prompt_tokens"), tokens.1 + count("completion_tokens"));
    }
    assert_eq!(say(ADMIN, "user-unheard-of", &ask("four", true)).await.0, 502);
    assert_eq!(say(&key.text, "user-unheard-of", &ask("five", false)).await.0, 429, "the quota");
    for _ in 0..4 {
        assert_eq!(say(ADMIN, "hasty", "/help").await.0, 200);
    }
    assert_eq!(say(ADMIN, "hasty", "/help").await.0, 429, "the rate limit");
    for (path, status) in [("session/internal_1_unheard-of", 404), ("nowhere/chat-unheard-of", 404)] {
        assert_eq!(line.send(line.request(Method::GET, ADMIN, path, &Value::Null)).await.unwrap().0, status);
    }

    let text = figures(&host).await;
    for expected in expected(tokens) {
        assert!(text.lines().any(|line| line == expected), "{expected} is not in\n{text}");
    }
    every_figure_is_described(&text);
    for somebody in
        [ADMIN, key.text.as_str(), "unheard", "hasty", "internal_", "team=", "team_id", "key_id", "session_id="]
    {
        assert!(!text.contains(somebody), "{somebody} is in\n{text}");
    }
    let again = figures(&host).await;
    assert!(again.contains(r#"arash_http_requests_total{route="/metrics",method="GET",status="200"} 1"#), "{again}");
}

/// The lines that tell of the scene, in which messages and answers had so many tokens.
fn expected(tokens: (u64, u64)) -> Vec<String> {
    let model = r#"model="openai/gpt-5-chat""#;
    let lines = [
        r#"arash_turns_total{kind="chat",state="completed",platform="internal"} 3"#,
        r#"arash_turns_total{kind="chat",state="failed",platform="internal"} 1"#,
        r#"arash_turns_total{kind="command",state="completed",platform="internal"} 4"#,
        r#"arash_turn_duration_seconds_count{kind="chat"} 4"#,
        r#"arash_refused_messages_total{reason="quota_exceeded",platform="internal"} 1"#,
        r#"arash_refused_messages_total{reason="rate_limited",platform="internal"} 1"#,
        &format!(r#"arash_tokens_total{{{model},direction="prompt"}} {}"#, tokens.0),
        &format!(r#"arash_tokens_total{{{model},direction="completion"}} {}"#, tokens.1),
        &format!(r#"arash_provider_calls_total{{{model},outcome="ok"}} 3"#),
        &format!(r#"arash_provider_calls_total{{{model},outcome="unanswered"}} 1"#),
        &format!("arash_provider_call_duration_seconds_count{{{model}}} 4"),
        &format!("arash_provider_first_text_seconds_count{{{model}}} 3"),
        r#"arash_recorder_batch_turns_sum{what="end"} 8"#,
        r#"arash_http_requests_total{route="/api/v1/chat",method="POST",status="200"} 7"#,
        r#"arash_http_requests_total{route="/api/v1/chat",method="POST",status="429"} 2"#,
        r#"arash_http_requests_total{route="/api/v1/chat",method="POST",status="502"} 1"#,
        r#"arash_http_request_duration_seconds_count{route="/api/v1/chat",method="POST"} 10"#,
        r#"arash_http_requests_total{route="/api/v1/session/{session_id}",method="GET",status="404"} 1"#,
        r#"arash_http_requests_total{route="unmatched",method="any",status="404"} 1"#,
        "arash_http_requests_in_flight 1",
        r#"arash_component_healthy{component="database"} 1"#,
        "arash_turns_running 0",
        "arash_recorder_free_places 4096",
        "arash_recorder_waiting_writes 0",
        "arash_sessions_cached 2",
        "arash_sessions_held 0",
        "arash_sessions_waiting_messages 0",
        "# TYPE arash_turn_duration_seconds histogram",
    ];
    lines.map(str::to_owned).to_vec()
}

fn every_figure_is_described(text: &str) {
    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).filter_map(|line| line.split(' ').next()) {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
        assert!(name.starts_with("arash_") || name.starts_with("process_"), "{name}");
    }
}
