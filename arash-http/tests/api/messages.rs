use arash_core::team::AccessLevel;
use arash_core::testing::{Script, ScriptedProvider, Step};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, Key, TestHost, message};

fn path(key: &Key, chat: &str) -> String {
    format!("/api/v1/session/internal_{}_{chat}/messages", key.team)
}

fn contents(answer: &Answer) -> Vec<String> {
    let items = answer.at("/items");
    items.as_array().unwrap().iter().map(|item| item["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_conversation_is_told_as_it_went() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    host.say(&key, "c", "Hello").await;
    host.say(&key, "c", "/help").await;
    assert_snapshot!(host.get(&key, &path(&key, "c")).await, @r#"
    200
    {
      "items": [
        {
          "attachments": [],
          "content": "Hello",
          "created_at": "[time]",
          "role": "user",
          "seq": 1,
          "turn_id": "[uuid]"
        },
        {
          "attachments": [],
          "content": "echo: Hello",
          "created_at": "[time]",
          "role": "assistant",
          "seq": 2,
          "turn_id": "[uuid]"
        }
      ],
      "next_cursor": null
    }
    "#);
    let turns = host.get(&key, &path(&key, "c")).await;
    assert_eq!(turns.at("/items/0/turn_id"), turns.at("/items/1/turn_id"), "a question and its answer are one turn");
}

#[tokio::test]
async fn calls_of_tools_and_their_results_are_told() {
    let calling = Script::new([Step::say("Let me look."), Step::call("c1", "clock", r#"{"zone": "UTC"}"#)]);
    let provider = ScriptedProvider::new([calling, Script::saying("I have no clock.")]);
    let host = TestHost::with(|builder| builder.ai(provider)).await;
    let key = host.user("Team").await;
    host.say(&key, "c", "What time is it?").await;
    let items = host.get(&key, &path(&key, "c")).await.at("/items");
    let fields = |item: &Value| [&item["role"], &item["tool_calls"], &item["tool_call_id"]].map(Clone::clone);
    let told: Vec<_> = items.as_array().unwrap().iter().map(fields).collect();
    let call = json!([{"id": "c1", "name": "clock", "arguments": r#"{"zone": "UTC"}"#}]);
    let expected = [
        [json!("user"), Value::Null, Value::Null],
        [json!("assistant"), call, Value::Null],
        [json!("tool"), Value::Null, json!("c1")],
        [json!("assistant"), Value::Null, Value::Null],
    ];
    assert_eq!(told, expected, "{items:#}");
    assert!(items[0].get("tool_calls").is_none() && items[0].get("tool_call_id").is_none(), "they are left out");
}

#[tokio::test]
async fn attachments_are_told_without_their_content() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let mut body = message("c", "look");
    body["attachments"] = json!([
        {"kind": "image", "data": STANDARD.encode(b"\x89PNG\r\n\x1a\nand so on")},
        {"kind": "document", "media_type": "application/pdf", "url": "https://example.com/a.pdf"},
    ]);
    assert_eq!(host.post(&key, "/api/v1/chat", &body).await.status, 200);
    let answer = host.get(&key, &path(&key, "c")).await;
    assert_eq!(
        answer.at("/items/0/attachments"),
        json!([
            {"kind": "image", "media_type": "image/png", "bytes": 17, "url": null},
            {"kind": "document", "media_type": "application/pdf", "bytes": null, "url": "https://example.com/a.pdf"},
        ])
    );
    assert_eq!(answer.at("/items/1/attachments"), json!([]));
}

#[tokio::test]
async fn the_first_page_is_the_newest_and_each_page_is_in_order() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    for text in ["1", "2", "3"] {
        host.say(&key, "c", text).await;
    }
    let all = ["1", "echo: 1", "2", "echo: 2", "3", "echo: 3"];
    for limit in [1, 2, 4, 5, 6, 200] {
        let (mut pages, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let answer = host.get(&key, &format!("{}{query}", path(&key, "c"))).await;
            assert_eq!(answer.status, 200, "{answer}");
            pages.insert(0, contents(&answer));
            assert!(pages[0].len() <= limit && !pages[0].is_empty(), "{pages:?}");
            let Value::String(cursor) = answer.at("/next_cursor") else { break };
            query = format!("?limit={limit}&cursor={cursor}");
        }
        assert_eq!(pages.concat(), all, "in pages of {limit}");
    }
}

#[tokio::test]
async fn what_is_cleared_is_not_told() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    host.say(&key, "c", "secret").await;
    host.say(&key, "c", "/clear").await;
    let answer = host.get(&key, &path(&key, "c")).await;
    assert_snapshot!(answer, @r#"
    200
    {
      "items": [],
      "next_cursor": null
    }
    "#);
    host.say(&key, "c", "new").await;
    assert_eq!(contents(&host.get(&key, &path(&key, "c")).await), ["new", "echo: new"]);
}

#[tokio::test]
async fn only_the_own_team_and_administrators_read_a_conversation() {
    let host = TestHost::start().await;
    let (key, other) = (host.user("Team").await, host.key("Other", AccessLevel::TeamLead).await);
    host.say(&key, "c", "Hello").await;
    assert_eq!(host.get(&other, &path(&key, "c")).await.status, 403);
    assert_eq!(host.get(&other, &path(&key, "not-there")).await.status, 403);
    assert_eq!(host.get(&key, "/api/v1/session/telegram_1/messages").await.status, 403);
    assert_eq!(contents(&host.get(&host.admin, &path(&key, "c")).await), ["Hello", "echo: Hello"]);
    assert_snapshot!(host.get(&key, &path(&key, "not-there")).await, @r#"
    404
    {
      "detail": "There is no session internal_2_not-there.",
      "error": "not_found",
      "request_id": "[uuid]",
      "status": 404,
      "success": false,
      "title": "Not found",
      "type": "urn:arash:error:not_found"
    }
    "#);
    assert_eq!(host.get(&key, "/api/v1/session/nonsense/messages").await.status, 404);
}

#[tokio::test]
async fn a_page_that_cannot_be_is_invalid() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    host.say(&key, "c", "Hello").await;
    for (query, field) in [("limit=0", "limit"), ("limit=201", "limit"), ("cursor=!", "cursor"), ("cursor=", "cursor")]
    {
        let answer = host.get(&key, &format!("{}?{query}", path(&key, "c"))).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![field.to_owned()]), "{query}");
    }
}
