use std::sync::Arc;
use std::time::Duration;

use arash_core::id::TurnId;
use arash_core::testing::{Script, ScriptedProvider, Step};
use insta::assert_snapshot;
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{Event, TestHost, told, transcript};

/// Says three words, and goes on after the first one when it is let go.
async fn paused_host() -> (TestHost, Arc<Notify>) {
    let go_on = Arc::new(Notify::new());
    let script = Script::new([
        Step::say("one "),
        Step::WaitFor(Arc::clone(&go_on)),
        Step::say("two "),
        Step::Pause(Duration::from_millis(5)),
        Step::say("three"),
    ]);
    (TestHost::with(|builder| builder.ai(ScriptedProvider::new([script]))).await, go_on)
}

#[tokio::test]
async fn an_answer_is_read_on_from_another_connection() {
    let (host, go_on) = paused_host().await;
    let key = host.user("Team").await;
    let mut first = host.stream(&key, "c", "Hi").await;
    let turn_id = first.turn_id();
    let mut heard = vec![first.next().await.unwrap(), first.next().await.unwrap()];
    drop(first);
    let rest = host.open(host.resuming(&key, &turn_id, Some(&heard[1].id))).await;
    assert_eq!(rest.turn_id(), turn_id);
    go_on.notify_one();
    heard.extend(rest.rest().await);
    assert_snapshot!(transcript(&heard), @r#"
    0 start {"session_id":"internal_2_c","turn_id":"[uuid]"}
    1 delta {"text":"one "}
    2 delta {"text":"two "}
    3 delta {"text":"three"}
    4 done {"data":{"command":null,"history_length":2,"message_count":1,"model":"GPT-5 Chat","session_id":"internal_2_c","turn_id":"[uuid]","usage":{"completion_tokens":7,"cost_micros":0,"currency":"USD","estimated":true,"prompt_tokens":6,"total_tokens":13}},"response":"one two three","success":true}
    "#);
}

#[tokio::test]
async fn from_each_event_the_rest_is_the_same() {
    let (host, go_on) = paused_host().await;
    let key = host.user("Team").await;
    go_on.notify_one();
    let stream = host.stream(&key, "c", "Hi").await;
    let turn_id = stream.turn_id();
    let all = stream.rest().await;
    let whole = host.open(host.resuming(&key, &turn_id, None)).await.rest().await;
    assert_eq!(whole, all);
    for (number, event) in all.iter().enumerate() {
        let rest = host.open(host.resuming(&key, &turn_id, Some(&event.id))).await.rest().await;
        assert_eq!(rest, all[number + 1..], "after {event}");
    }
}

#[tokio::test]
async fn any_number_of_readers_follow() {
    let (host, go_on) = paused_host().await;
    let key = host.user("Team").await;
    let stream = host.stream(&key, "c", "Hi").await;
    let turn_id = stream.turn_id();
    let mut readers = JoinSet::new();
    for _ in 0..20 {
        let events = host.open(host.resuming(&key, &turn_id, None)).await;
        readers.spawn(events.rest());
    }
    go_on.notify_one();
    let all = stream.rest().await;
    assert_eq!(told(&all), "one two three");
    for events in readers.join_all().await {
        assert_eq!(events, all);
    }
}

#[tokio::test]
async fn what_no_event_was_called_is_refused() {
    let (host, _go_on) = paused_host().await;
    let key = host.user("Team").await;
    let mut stream = host.stream(&key, "c", "Hi").await;
    let mut last = Event { id: String::new(), name: String::new(), data: json!(null) };
    while last.name != "delta" {
        last = stream.next().await.unwrap();
    }
    let beyond = (last.id.parse::<u64>().unwrap() + 1).to_string();
    let huge = u128::MAX.to_string();
    for id in [beyond.as_str(), &huge, "-1", "+1", "1.0", "x", "", "1 2", "é"] {
        let request = host.resuming(&key, &stream.turn_id(), None).header("Last-Event-ID", id);
        let answer = host.send(request).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["Last-Event-ID".to_owned()]), "{id:?}");
    }
    assert_snapshot!(host.send(host.resuming(&key, &stream.turn_id(), Some("99"))).await, @r#"
    422
    {
      "detail": "The request is not valid: Last-Event-ID must be the id of an event that this stream has had.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "Last-Event-ID",
          "message": "must be the id of an event that this stream has had"
        }
      ],
      "request_id": "[uuid]",
      "status": 422,
      "success": false,
      "title": "Validation failed",
      "type": "urn:arash:error:validation_failed"
    }
    "#);
}

#[tokio::test]
async fn only_the_own_teams_answers_are_found() {
    let (host, go_on) = paused_host().await;
    let (key, other) = (host.user("Team").await, host.user("Other").await);
    go_on.notify_one();
    let stream = host.stream(&key, "c", "Hi").await;
    let turn_id = stream.turn_id();
    let none = TurnId::new().to_string();
    for (key, turn_id, last) in
        [(&other, turn_id.as_str(), None), (&other, &turn_id, Some("9")), (&key, &none, None), (&key, "turn-1", None)]
    {
        assert_eq!(host.send(host.resuming(key, turn_id, last)).await.status, 404, "{turn_id}");
    }
    let all = stream.rest().await;
    assert_eq!(host.open(host.resuming(&host.admin, &turn_id, None)).await.rest().await, all);
    let nobody = host.request("GET", &format!("/api/v1/chat/stream/{turn_id}"));
    assert_eq!(host.send(nobody).await.status, 401);
    assert_snapshot!(host.send(host.resuming(&key, "turn-1", None)).await, @r#"
    404
    {
      "detail": "A turn's id is a UUID; there is no turn of this name.",
      "error": "not_found",
      "request_id": "[uuid]",
      "status": 404,
      "success": false,
      "title": "Not found",
      "type": "urn:arash:error:not_found"
    }
    "#);
}

#[tokio::test]
async fn a_replay_is_read_on_as_the_first_answer_is() {
    let (host, go_on) = paused_host().await;
    let key = host.user("Team").await;
    go_on.notify_one();
    let keyed = || {
        let body = crate::support::message("c", "Hi");
        host.posting(&key, "/api/v1/chat/stream", &body).header("Idempotency-Key", "once")
    };
    let first = host.open(keyed()).await.rest().await;
    let mut replay = host.open(keyed()).await;
    let (turn_id, start, text) = (replay.turn_id(), replay.next().await.unwrap(), replay.next().await.unwrap());
    assert_eq!((&start, text.data["text"].as_str()), (&first[0], Some("one two three")));
    let rest = host.open(host.resuming(&key, &turn_id, Some(&text.id))).await.rest().await;
    assert_eq!(rest.as_slice(), &first[first.len() - 1..]);
    let whole = host.open(host.resuming(&key, &turn_id, Some(&start.id))).await.rest().await;
    assert_eq!(told(&whole), "one two three");
}
