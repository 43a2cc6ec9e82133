use std::time::{Duration, Instant};

use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::usage::UsageFilter;
use insta::assert_snapshot;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Answer, TestHost, message, transcript};

/// Says something and then hangs.
async fn hanging_host() -> (TestHost, ScriptedProvider) {
    let provider = ScriptedProvider::new([Script::new([Step::say("half"), Step::Hang])]);
    (TestHost::with(|builder| builder.ai(provider.clone())).await, provider)
}

fn path(turn_id: &str) -> String {
    format!("/api/v1/chat/turn/{turn_id}")
}

#[tokio::test]
async fn a_stopped_stream_ends_with_what_has_come() {
    let (host, provider) = hanging_host().await;
    let key = host.user("Team").await;
    let mut stream = host.stream(&key, "c", "Hi").await;
    let turn_id = stream.turn_id();
    let mut events = vec![stream.next().await.unwrap(), stream.next().await.unwrap()];
    let answer = host.delete(&key, &path(&turn_id)).await;
    assert_eq!(answer.at("/turn_id"), json!(turn_id));
    assert_snapshot!(answer, @r#"
    202
    {
      "success": true,
      "turn_id": "[uuid]"
    }
    "#);
    events.extend(stream.rest().await);
    assert_snapshot!(transcript(&events), @r#"
    0 start {"session_id":"internal_2_c","turn_id":"[uuid]"}
    1 delta {"text":"half"}
    2 done {"data":{"command":null,"history_length":2,"message_count":1,"model":"GPT-5 Chat","session_id":"internal_2_c","stopped":true,"turn_id":"[uuid]","usage":{"completion_tokens":2,"cost_micros":0,"currency":"USD","estimated":true,"prompt_tokens":6,"total_tokens":8}},"response":"half","success":true}
    "#);
    assert_eq!(provider.running(), 0);
    let answer = host.delete(&key, &path(&turn_id)).await;
    assert_eq!((answer.status, answer.at("/error")), (404, json!("not_found")));
    assert_eq!(answer.at("/detail"), json!(format!("No turn {turn_id} is running here.")));
    provider.push(Script::saying("whole"));
    let next = host.say(&key, "c", "Go on").await;
    assert_eq!((next.at("/data/message_count"), next.json()["data"].get("stopped")), (json!(2), None));
    let report = host.engine.usage().report(UsageFilter::default(), 1).await.unwrap();
    assert_eq!((report.totals.requests, report.totals.succeeded), (2, 2));
}

#[tokio::test]
async fn a_whole_answer_that_is_stopped_elsewhere_says_so() {
    let (host, provider) = hanging_host().await;
    let key = host.user("Team").await;
    let mut running = JoinSet::new();
    running.spawn(host.posting(&key, "/api/v1/chat", &message("c", "Hi")).send());
    while provider.running() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let turn_id = provider.requests()[0].turn_id.to_string();
    assert_eq!(host.delete(&key, &path(&turn_id)).await.status, 202);
    let answer = Answer::read(running.join_next().await.unwrap().unwrap().unwrap()).await;
    assert_snapshot!(answer, @r#"
    200
    {
      "data": {
        "command": null,
        "history_length": 2,
        "message_count": 1,
        "model": "GPT-5 Chat",
        "session_id": "internal_2_c",
        "stopped": true,
        "turn_id": "[uuid]",
        "usage": {
          "completion_tokens": 2,
          "cost_micros": 0,
          "currency": "USD",
          "estimated": true,
          "prompt_tokens": 6,
          "total_tokens": 8
        }
      },
      "response": "half",
      "success": true
    }
    "#);
}

#[tokio::test]
async fn only_what_runs_and_is_of_the_team_is_stopped() {
    let (host, provider) = hanging_host().await;
    let (key, other) = (host.user("Team").await, host.user("Other").await);
    let stream = host.stream(&key, "c", "Hi").await;
    let turn_id = stream.turn_id();
    for (key, id) in [(&other, turn_id.as_str()), (&key, "turn-1"), (&key, "0193f0f0-0000-7000-8000-000000000000")] {
        let answer = host.delete(key, &path(id)).await;
        assert_eq!((answer.status, answer.at("/error")), (404, json!("not_found")), "{id}");
    }
    assert_eq!(host.send(host.request("DELETE", &path(&turn_id))).await.status, 401);
    assert_eq!(provider.running(), 1, "it still runs");
    assert_eq!(host.delete(&host.admin, &path(&turn_id)).await.status, 202);
    assert_eq!(stream.rest().await.pop().unwrap().data["data"]["stopped"], json!(true));
}

#[tokio::test]
async fn a_message_that_waits_for_its_session_goes_on_when_the_one_before_is_stopped() {
    let (host, provider) = hanging_host().await;
    let key = host.user("Team").await;
    let mut first = host.stream(&key, "c", "one").await;
    assert_eq!((first.next().await.unwrap().name, first.next().await.unwrap().name), ("start".into(), "delta".into()));
    provider.push(Script::saying("whole"));
    let mut waiting = JoinSet::new();
    waiting.spawn(host.posting(&key, "/api/v1/chat/stream", &message("c", "two")).send());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(provider.calls(), 1, "it waits");
    let stopped = Instant::now();
    assert_eq!(host.delete(&key, &path(&first.turn_id())).await.status, 202);
    let answer = waiting.join_next().await.unwrap().unwrap().unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(2), "{:?}", stopped.elapsed());
    assert!(answer.text().await.unwrap().contains("whole"));
}
