//! What the provider asks, and what it makes of good answers.

use std::sync::Arc;

use crate::chat::{KEY, ask, client, events, pieces, reply, streamed, whole};
use crate::upstream::Upstream;
use arash_core::ErrorKind;
use arash_core::ai::{
    AiErrorKind, AiProvider, ChatDelta, ChatReply, ChatRequest, FinishReason, OpenAi, ToolCall, ToolSpec, WireRequest,
    estimate_tokens,
};
use arash_core::clock::Timestamp;
use arash_core::message::{Attachment, AttachmentSource, Message, MessageKind, Role};
use arash_core::secret::Secret;
use arash_core::usage::TokenUsage;
use bytes::Bytes;
use serde_json::{Value, json};

const GOOD: &str = concat!(
    r#"{"id":"1","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello Sara"},"#,
    r#""finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#
);

fn tokens(prompt_tokens: u64, completion_tokens: u64) -> TokenUsage {
    TokenUsage { prompt_tokens, completion_tokens, estimated: false }
}

fn good() -> ChatReply {
    ChatReply {
        heard: Vec::new(),
        text: "Hello Sara".to_owned(),
        finish: Some(FinishReason::Stop),
        usage: Some(tokens(9, 2)),
        ..ChatReply::default()
    }
}

async fn asked(request: ChatRequest) -> Value {
    let upstream = Upstream::start(whole(GOOD)).await;
    client(&upstream).complete(request).await.unwrap();
    serde_json::from_str(&upstream.requests()[0].body).unwrap()
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

fn attachment(kind: MessageKind, media_type: &str, source: AttachmentSource) -> Attachment {
    Attachment { kind, media_type: Some(media_type.to_owned()), source }
}

#[tokio::test]
async fn a_whole_answer_is_asked_and_read() {
    let upstream = Upstream::start(whole(GOOD)).await;
    let client = client(&upstream).with_header("X-Title", Secret::new("arash")).unwrap();
    assert_eq!(client.complete(ask("Hello\n")).await.unwrap(), good());
    let [request] = upstream.requests().try_into().unwrap();
    assert!(request.head.starts_with("POST /run/chat/completions?token=canary-url HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("content-type"), ["application/json"]);
    assert_eq!(request.header("authorization"), [format!("Bearer {KEY}")]);
    assert_eq!(request.header("x-title"), ["arash"]);
    assert!(request.header("accept-encoding").is_empty(), "compression could hide a huge answer");
    let body = r#"{"messages":[{"content":"Hello\n","role":"user"}],"model":"m-1","stream":false}"#;
    assert_eq!(request.body, body);
}

#[tokio::test]
async fn a_stream_is_asked_and_read() {
    let body = events(&[
        r#"{"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        r#"{"choices":[{"delta":{"content":"Hello"}}],"usage":null}"#,
        r#"{"choices":[{"delta":{"content":" Sara"}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#,
    ]);
    let upstream = Upstream::start(streamed(body)).await;
    let (deltas, failure) = pieces(&client(&upstream), ask("Hello")).await;
    assert!(failure.is_none());
    let text = |text: &str| ChatDelta::Text(text.to_owned());
    let end = [ChatDelta::Finish(FinishReason::Stop), ChatDelta::Usage(tokens(9, 2))];
    assert_eq!(deltas, [&[text("Hello"), text(" Sara")], &end[..]].concat());
    let body: Value = serde_json::from_str(&upstream.requests()[0].body).unwrap();
    assert_eq!((&body["stream"], &body["stream_options"]), (&json!(true), &json!({"include_usage": true})));
}

#[tokio::test]
async fn connections_are_kept() {
    let stream = events(&[r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#]);
    for play in [whole(GOOD), streamed(stream)] {
        let upstream = Upstream::start(play).await;
        let client = client(&upstream);
        for _ in 0..3 {
            assert!(pieces(&client, ask("Hello")).await.1.is_none());
        }
        assert_eq!((upstream.requests().len(), upstream.connections()), (3, 1));
    }
}

#[tokio::test]
async fn usage_may_be_told_with_every_chunk_once_or_never() {
    let chunk = |usage: &str| format!(r#"{{"choices":[{{"delta":{{"content":"a"}},"finish_reason":null}}]{usage}}}"#);
    let end = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    for (usages, told) in [
        (
            [
                r#","usage":{"prompt_tokens":5,"completion_tokens":1}"#,
                r#","usage":{"prompt_tokens":5,"completion_tokens":2}"#,
            ],
            Some(tokens(5, 2)),
        ),
        (["", r#","usage":{"prompt_tokens":0,"completion_tokens":0}"#], Some(tokens(0, 0))),
        ([r#","usage":{}"#, r#","usage":{"prompt_tokens":"5","completion_tokens":-1}"#], None),
        (["", ""], None),
    ] {
        let body = events(&[&chunk(usages[0]), &chunk(usages[1]), end]);
        let upstream = Upstream::start(streamed(body)).await;
        let (deltas, failure) = pieces(&client(&upstream), ask("Hello")).await;
        assert!(failure.is_none());
        assert_eq!(reply(deltas).usage, told, "{usages:?}");
    }
}

#[tokio::test]
async fn a_conversation_with_tools_goes_upstream() {
    let now = Timestamp::from_millis(0);
    let messages = [
        Message::new(Role::System, "Be brief.", now),
        Message::new(Role::User, "Weather?", now),
        Message::calling("", vec![call("c1", "weather", r#"{"city": "Shiraz"}"#)], now),
        Message::tool_result("c1", "21 °C", now),
    ];
    let mut request = ChatRequest::new("m-1".into(), messages.into_iter().map(Arc::new).collect());
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let (name, description) = ("weather".to_owned(), "The weather now.".to_owned());
    request.tools = [ToolSpec { name, description, parameters: parameters.clone() }].into();
    let extra = json!({"temperature": 0.5, "model": "never", "messages": [], "stream": true});
    request.parameters = Arc::new(extra.as_object().unwrap().clone());
    let function = json!({"name": "weather", "arguments": r#"{"city": "Shiraz"}"#});
    assert_eq!(
        asked(request).await,
        json!({
            "model": "m-1", "stream": false, "temperature": 0.5,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
                {"role": "tool", "tool_call_id": "c1", "content": "21 °C"},
            ],
            "tools": [{"type": "function", "function":
                {"name": "weather", "description": "The weather now.", "parameters": parameters}}],
        })
    );
}

#[tokio::test]
async fn the_model_may_call_tools() {
    let function = r#"{"name":"weather","arguments":"{\"city\":\"Yazd\"}"}"#;
    let message = format!(r#"{{"content":null,"tool_calls":[{{"id":"c1","type":"function","function":{function}}}]}}"#);
    let body = format!(r#"{{"choices":[{{"message":{message},"finish_reason":"tool_calls"}}]}}"#);
    let upstream = Upstream::start(whole(body)).await;
    let found = client(&upstream).complete(ask("Weather?")).await.unwrap();
    assert_eq!(found.tool_calls, [call("c1", "weather", r#"{"city":"Yazd"}"#)]);
    assert_eq!((found.text.as_str(), found.finish), ("", Some(FinishReason::ToolCalls)));

    let body = events(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":""}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"two","arguments":"{\"x\""}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}},{"index":1,"function":{"arguments":":1}"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
    ]);
    let upstream = Upstream::start(streamed(body)).await;
    let (deltas, _) = pieces(&client(&upstream), ask("Weather?")).await;
    let calls = [call("a", "one", "{}"), call("b", "two", r#"{"x":1}"#)].map(ChatDelta::ToolCall);
    assert_eq!(deltas, [&calls[..], &[ChatDelta::Finish(FinishReason::ToolCalls)]].concat(), "only whole calls");
}

#[tokio::test]
async fn images_and_documents_go_along_with_the_new_message() {
    let inline = AttachmentSource::Inline(Bytes::from_static(b"\xff\x00a?"));
    let mut request = ask("Look");
    request.messages.insert(0, Arc::new(Message::new(Role::User, "Earlier", Timestamp::from_millis(0))));
    request.attachments = vec![
        attachment(MessageKind::Image, "image/png", inline.clone()),
        attachment(MessageKind::Image, "image/png", AttachmentSource::Url("https://example.com/a.png".to_owned())),
        attachment(MessageKind::Document, "application/pdf", inline),
    ];
    let body = asked(request).await;
    assert_eq!(body["messages"][0]["content"], "Earlier");
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,/wBhPw=="}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "file", "file": {"filename": "attachment", "file_data": "data:application/pdf;base64,/wBhPw=="}},
        ])
    );
}

#[tokio::test]
async fn sound_is_written_down_first() {
    let both = GOOD.replacen('{', r#"{"text":"I am Sara","#, 1);
    let upstream = Upstream::start(whole(both)).await;
    let client = client(&upstream).with_transcription_model("whisper-1");
    let mut request = ask("");
    let sound = AttachmentSource::Inline(Bytes::from_static(b"OggS-sound"));
    request.attachments = vec![attachment(MessageKind::Audio, "audio/mpeg", sound)];
    let (deltas, failure) = pieces(&client, request.clone()).await;
    assert!(failure.is_none());
    let answer = reply(deltas);
    assert_eq!((answer.usage, request.transcripts.usage()), (Some(tokens(9, 2)), tokens(9, 2)));
    assert_eq!(answer.heard, ["I am Sara"]);
    let [first, second] = upstream.requests().try_into().unwrap();
    assert!(first.head.starts_with("POST /run/audio/transcriptions?token=canary-url "), "{}", first.head);
    assert_eq!(first.header("authorization"), [format!("Bearer {KEY}")]);
    assert!(first.header("content-type")[0].starts_with("multipart/form-data; boundary="));
    for part in [
        "name=\"file\"; filename=\"sound.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\nOggS-sound\r\n",
        "name=\"model\"\r\n\r\nwhisper-1\r\n",
        "name=\"response_format\"\r\n\r\njson\r\n",
    ] {
        assert!(first.body.contains(part), "{}", first.body);
    }
    let second: Value = serde_json::from_str(&second.body).unwrap();
    assert_eq!(second["messages"], json!([{"role": "user", "content": "I am Sara"}]));
}

#[tokio::test]
async fn sound_is_not_written_down_again_by_who_is_asked_next() {
    let first = Upstream::start(whole(r#"{"text":"I am Sara","usage":{"input_tokens":14,"output_tokens":4}}"#)).await;
    let mut request = ask("");
    let sound = AttachmentSource::Inline(Bytes::from_static(b"OggS-sound"));
    request.attachments = vec![attachment(MessageKind::Audio, "audio/mpeg", sound)];
    let failure = client(&first).with_transcription_model("whisper-1").complete(request.clone()).await.unwrap_err();
    assert_eq!((failure.kind(), first.requests().len()), (AiErrorKind::Malformed, 2));
    assert_eq!(request.transcripts.usage(), tokens(14, 4), "it was paid for");
    assert!(!format!("{request:?}").contains("I am Sara"));
    // This one could not have done it.
    let second = Upstream::start(whole(GOOD)).await;
    let answer = client(&second).complete(request.clone()).await.unwrap();
    assert_eq!((answer.heard, second.requests().len()), (vec!["I am Sara".to_owned()], 1));
    assert_eq!(request.transcripts.usage(), tokens(14, 4));
}

#[tokio::test]
async fn attachments_that_cannot_be_sent_are_refused_before_anything_is() {
    let link = AttachmentSource::Url("https://example.com/a".to_owned());
    let inline = AttachmentSource::Inline(Bytes::from_static(b"x"));
    let upstream = Upstream::start(whole(GOOD)).await;
    let deaf = client(&upstream);
    let hears = deaf.clone().with_transcription_model("whisper-1");
    for (client, kind, source) in [
        (&deaf, MessageKind::Audio, inline),
        (&hears, MessageKind::Audio, link.clone()),
        (&hears, MessageKind::Document, link),
    ] {
        let mut request = ask("Look");
        request.attachments = vec![attachment(kind, "a/b", source)];
        let failure = pieces(client, request).await.1.unwrap();
        assert_eq!(failure.kind(), AiErrorKind::Attachment);
        assert_eq!(failure.to_string(), "the AI service cannot take what is attached");
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_clients_own_request_passes_untouched_and_so_does_its_answer() {
    let chunks = [
        r#"{"choices": [{"index":1,"delta":{"content":"other"}},{"index":0,"delta":{"content":"Hi"}}],"new":[1.50]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"eos"}]}"#,
    ];
    let upstream = Upstream::start(streamed(events(&chunks))).await;
    let mut request = ask("for the estimate only");
    let own = r#"{"model":"theirs","stream":true,"messages":[{"role":"user","content":"Hi"}],"top_k":5,"n":2}"#;
    request.wire = Some(Arc::new(WireRequest::parse(own).unwrap()));
    let (deltas, failure) = pieces(&client(&upstream), request.clone()).await;
    assert!(failure.is_none());
    let wire = |json: &str| ChatDelta::Wire(json.to_owned());
    let finish = ChatDelta::Finish(FinishReason::Other("eos".to_owned()));
    let unsaid = ChatDelta::Unsaid(estimate_tokens("other"));
    assert_eq!(deltas, [wire(chunks[0]), ChatDelta::Text("Hi".to_owned()), unsaid, wire(chunks[1]), finish]);
    let sent = concat!(
        r#"{"model":"m-1","stream":true,"messages":[{"role":"user","content":"Hi"}],"top_k":5,"n":2,"#,
        r#""stream_options":{"include_usage":true}}"#
    );
    assert_eq!(upstream.requests()[0].body, sent);

    let upstream = Upstream::start(whole(GOOD)).await;
    request.wire = Some(Arc::new(WireRequest::parse(&own.replace("true", "false")).unwrap()));
    let (deltas, failure) = pieces(&client(&upstream), request).await;
    assert!(failure.is_none());
    assert_eq!(reply(deltas), ChatReply { wire: vec![GOOD.to_owned()], ..good() });
    assert!(upstream.requests()[0].body.contains(r#""stream":false"#));
}

#[tokio::test]
async fn the_model_that_answers_is_told_with_the_first_piece() {
    let upstream = Upstream::start(whole(GOOD.replace("\"m-1\"", "\"m-1-2026\""))).await;
    assert_eq!(client(&upstream).complete(ask("Hi")).await.unwrap().model, Some("m-1-2026".into()));
    let body = events(&[
        r#"{"model":"m-2","choices":[{"delta":{"role":"assistant"}}]}"#,
        r#"{"model":"m-2","choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#,
    ]);
    let (deltas, _) = pieces(&client(&Upstream::start(streamed(body)).await), ask("Hi")).await;
    assert_eq!(deltas[..2], [ChatDelta::Model("m-2".into()), ChatDelta::Text("Hi".to_owned())]);
}

#[test]
fn addresses_keys_and_headers_are_checked_when_they_are_set() {
    for url in ["", "canary", "ftp://canary/", "http://", "https://canary/v1/chat/completions/"] {
        let error = OpenAi::new(url).unwrap_err();
        assert_eq!((error.kind(), error.fields()[0].field.as_ref()), (ErrorKind::InvalidInput, "url"), "{url}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let client = OpenAi::new("http://localhost:1/v1/").unwrap();
    for error in [
        client.clone().with_api_key(Secret::new("canary\r\nx: y")).unwrap_err(),
        client.clone().with_header("a b", Secret::new("canary")).unwrap_err(),
        client.clone().with_header("ab", Secret::new("canary\n")).unwrap_err(),
        client.clone().with_header("Content-Length", Secret::new("canary")).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!format!("{error:?}").contains("canary"));
    }
}
