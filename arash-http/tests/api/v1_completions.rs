//! `POST /v1/chat/completions`, whole, where the upstream does not speak the protocol.

use arash_core::ai::{ChatDelta, FinishReason, Offline};
use arash_core::message::Role;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::usage::TokenUsage;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{TestHost, question, question_with};

const USAGE: TokenUsage = TokenUsage { prompt_tokens: 12, completion_tokens: 3, estimated: false };

#[tokio::test]
async fn a_conversation_is_completed() {
    let script = Script::new([Step::say("Hi "), Step::say("there."), Step::Usage(USAGE)]);
    let provider = ScriptedProvider::new([script]);
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    let key = host.user("Team").await;
    // By a name that is not the id: clients find in the answer what they asked for.
    let body = json!({"model": "small", "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."}, {"role": "user", "content": [{"type": "text", "text": "/help"}]},
    ]});
    let answer = host.complete(&key, &body).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("idempotency-replayed"), None);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.at("/id"), format!("chatcmpl-{}", answer.header("x-turn-id").unwrap()));
    assert_snapshot!(answer, @r#"
    200
    {
      "choices": [
        {
          "finish_reason": "stop",
          "index": 0,
          "logprobs": null,
          "message": {
            "content": "Hi there.",
            "refusal": null,
            "role": "assistant"
          }
        }
      ],
      "created": "[seconds]",
      "id": "chatcmpl-[uuid]",
      "model": "small",
      "object": "chat.completion",
      "usage": {
        "completion_tokens": 3,
        "prompt_tokens": 12,
        "total_tokens": 15
      }
    }
    "#);
    let asked = provider.requests().remove(0);
    let said: Vec<_> = asked.messages.iter().map(|message| (message.role, &*message.text)).collect();
    let expected =
        [(Role::System, "Be brief."), (Role::User, "Hello"), (Role::Assistant, "Hi."), (Role::User, "/help")];
    assert_eq!((said, asked.model.as_str()), (expected.to_vec(), "lab/small"));
    assert_eq!(host.get(&key, "/api/v1/sessions").await.at("/total"), 0);
}

#[tokio::test]
async fn it_is_recorded_and_reported_like_a_message() {
    let provider = ScriptedProvider::new([Script::new([Step::say("Hi"), Step::Usage(USAGE)])]);
    let host = TestHost::with(|builder| builder.ai(provider)).await;
    let key = host.user("Team").await;
    let turn = host.complete(&key, &question("Hello")).await.header("x-turn-id").unwrap().to_owned();
    let rows = host.get(&host.admin, "/api/v1/admin/usage/recent").await;
    assert_eq!(rows.at("/items/0/turn_id"), turn);
    assert_snapshot!(rows, @r#"
    200
    {
      "items": [
        {
          "api_key_id": 2,
          "completion_tokens": 3,
          "cost_micros": 0,
          "created_at": "[time]",
          "currency": "USD",
          "error_message": null,
          "estimated": false,
          "kind": "completion",
          "model_used": "lab/small",
          "platform": "internal",
          "prompt_tokens": 12,
          "request_count": 1,
          "response_time_ms": "[ms]",
          "session_id": null,
          "success": true,
          "team_id": 2,
          "tokens_used": 15,
          "turn_id": "[uuid]"
        }
      ],
      "next_cursor": null
    }
    "#);
    let report = host.get(&key, "/api/v1/usage").await;
    assert_eq!((report.at("/totals/requests"), report.at("/totals/tokens_used")), (json!(1), json!(15)));
    assert_eq!(host.get(&key, "/api/v1/quota").await.at("/daily/used"), 1);
}

#[tokio::test]
async fn calls_come_to_the_client_and_results_go_to_the_model() {
    let calling = Script::new([
        Step::call("c1", "clock", r#"{"zone": "UTC"}"#),
        Step::call("c2", "clock", "{not JSON"),
        Step::Give(ChatDelta::Finish(FinishReason::ToolCalls)),
    ]);
    let provider = ScriptedProvider::new([calling, Script::saying("It is noon.")]);
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    let key = host.user("Team").await;
    let tool = json!({"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}});
    let mut body = question_with(json!({"tools": [tool], "tool_choice": "auto"}));
    let answer = host.complete(&key, &body).await;
    assert_eq!((answer.at("/choices/0/finish_reason"), provider.calls()), (json!("tool_calls"), 1));
    assert_snapshot!(format!("{:#}", answer.at("/choices/0/message")), @r#"
    {
      "content": null,
      "refusal": null,
      "role": "assistant",
      "tool_calls": [
        {
          "function": {
            "arguments": "{\"zone\": \"UTC\"}",
            "name": "clock"
          },
          "id": "c1",
          "type": "function"
        },
        {
          "function": {
            "arguments": "{not JSON",
            "name": "clock"
          },
          "id": "c2",
          "type": "function"
        }
      ]
    }
    "#);
    assert_eq!(provider.requests()[0].tools[0].name, "clock");
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(answer.at("/choices/0/message"));
    messages.push(json!({"role": "tool", "tool_call_id": "c1", "content": "noon"}));
    let answer = host.complete(&key, &body).await;
    assert_eq!(answer.at("/choices/0/message/content"), "It is noon.");
    assert_eq!(answer.at("/choices/0/message").get("tool_calls"), None);
    let asked = provider.requests().remove(1);
    assert_eq!(asked.messages[1].tool_calls[1].arguments, "{not JSON");
    assert_eq!(asked.messages[2].tool_call_id.as_deref(), Some("c1"));
}

#[tokio::test]
async fn the_offline_assistant_completes_too() {
    let host = TestHost::with(|builder| builder.ai(Offline::default())).await;
    let answer = host.complete(&host.admin, &question("My name is Sara")).await;
    assert!(answer.at("/choices/0/message/content").as_str().unwrap().contains("Sara"), "{answer}");
    assert_eq!(answer.at("/choices/0/finish_reason"), "stop");
    let [prompt, answered, total] =
        ["prompt", "completion", "total"].map(|name| answer.at(&format!("/usage/{name}_tokens")).as_u64().unwrap());
    assert!(prompt > 0 && answered > 0 && total == prompt + answered, "{answer}");
}

#[tokio::test]
async fn what_is_null_counts_as_left_out() {
    let host = TestHost::start().await;
    let body = question_with(json!({"stream": null, "stream_options": null, "tools": null, "user": null}));
    let answer = host.complete(&host.admin, &body).await;
    assert_eq!((answer.status, answer.at("/object")), (200, json!("chat.completion")));
}

#[tokio::test]
async fn a_table_of_numbers_is_a_text_like_any_other() {
    let host = TestHost::start().await;
    let table = "1,2,3\n".repeat(50_000);
    let answer = host.complete(&host.admin, &question(&table)).await;
    assert_eq!((answer.status, answer.at("/choices/0/message/content")), (200, json!(format!("echo: {table}"))));
    let many = question_with(json!({"stop": vec![1; 70_000]}));
    let answer = host.complete(&host.admin, &many).await;
    assert_eq!((answer.status, answer.error()), (400, "validation_failed".to_owned()));
    assert!(answer.detail().contains("more than 65536 values"), "{}", answer.detail());
}

#[tokio::test]
async fn it_may_be_stopped_by_its_turn() {
    let provider = ScriptedProvider::new([Script::new([Step::say("half"), Step::Hang])]);
    let host = TestHost::with(|builder| builder.ai(provider)).await;
    let key = host.user("Team").await;
    let mut stream = host.open(host.asking(&key, &question_with(json!({"stream": true})))).await;
    assert!(stream.next_data().await.unwrap().contains("half"));
    let stop = format!("/api/v1/chat/turn/{}", stream.turn_id());
    assert_eq!(host.delete(&key, &stop).await.status, 202);
    let end: Value = serde_json::from_str(&stream.next_data().await.unwrap()).unwrap();
    assert_eq!(end["choices"][0]["finish_reason"], "stop");
    assert_eq!((stream.next_data().await.as_deref(), stream.next_data().await), (Some("[DONE]"), None));
}
