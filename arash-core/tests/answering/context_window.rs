//! What of a conversation is sent upstream: as much as the platform says and the model can take.

use std::sync::Arc;
use std::time::Duration;

use arash_core::message::{Attachment, AttachmentSource, MessageKind};
use arash_core::platform::ModelInfo;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::{Engine, ErrorKind, IncomingMessage, Platform};

use crate::answers::records;
use crate::stores;
use crate::stores::TestStore;
use crate::talk::said;
use crate::test_tools::{TestTool, lines, results};

/// An engine with a model whose context window has so many tokens, and one that nobody knows anything of.
async fn engine(store: &TestStore, provider: &ScriptedProvider, tokens: u32, tool: TestTool) -> Engine {
    let platform = Platform::private("internal").models(["test/small", "test/one"]).rate_limit(2).tools(["read"]);
    let model = ModelInfo::new("test/small").context_window(tokens);
    let builder = Engine::builder().platform(platform).model(model).tool(tool).ai(provider.clone());
    builder.shared_store(Arc::clone(&store.store)).build().await.unwrap()
}

/// A message of a user that nobody else has, for whom no rate limit comes up.
fn from(user: &str, text: &str) -> IncomingMessage {
    IncomingMessage::text("internal", user, "chat", text)
}

#[tokio::test]
async fn what_does_not_fit_any_more_is_left_out_oldest_first() {
    let (store, provider) = (stores::memory(), ScriptedProvider::new([Script::saying("ok")]));
    let engine = engine(&store, &provider, 1_000, TestTool::saying("read", "")).await;
    let long = |name: &str| format!("{name} {}", "x ".repeat(300));
    for name in ["one", "two", "three"] {
        engine.process(from(name, &long(name))).await.unwrap();
    }
    let asked: Vec<_> = provider.requests().iter().map(|request| request.messages.len()).collect();
    assert_eq!(asked, [1, 3, 4], "an answer is kept where its question is not");
    let last = provider.requests().pop().unwrap();
    assert!(last.estimate_tokens() <= 750, "a quarter is left for the answer: {}", last.estimate_tokens());
    let elsewhere = engine.process(from("four", &long("four")).with_model("test/one")).await.unwrap();
    assert_eq!((elsewhere.receipt.history_length, provider.requests()[3].messages.len()), (8, 7));
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_message_that_does_not_fit_by_itself_is_refused_with_the_limit() {
    let (store, provider) = (stores::memory(), ScriptedProvider::default());
    let engine = engine(&store, &provider, 1_000, TestTool::saying("read", "")).await;
    let too_long = engine.process(said(&"X".repeat(2_000))).await.unwrap_err();
    assert_eq!((too_long.kind(), too_long.fields()[0].field.as_ref()), (ErrorKind::InvalidInput, "text"));
    assert!(too_long.to_string().contains("test/small accepts at most 750"), "{too_long}");
    let mut shown = said("look");
    let source = AttachmentSource::Url("https://example.com/a.png".to_owned());
    shown.attachments.push(Attachment { kind: MessageKind::Image, media_type: None, source });
    let too_large = engine.process(shown).await.unwrap_err();
    assert!(too_large.to_string().contains("tokens with what belongs to it"), "{too_large}");
    assert!(records(&store).await.is_empty() && provider.calls() == 0, "what is refused is no turn");
    // Refused, they took nothing of the two messages a minute.
    for text in ["hello", "/help"] {
        engine.process(said(text)).await.unwrap();
    }
    assert_eq!(engine.process(said("hello")).await.unwrap_err().kind(), ErrorKind::RateLimited);
    engine.process(from("other", &"X".repeat(2_000)).with_model("test/one")).await.unwrap();
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn results_are_cut_to_what_the_model_can_take() {
    let calls = Script::new([Step::call("a", "read", "{}"), Step::call("b", "read", "{}")]);
    let provider = ScriptedProvider::new([Script::saying("ok"), calls, Script::saying("I see.")]);
    let engine = engine(&stores::memory(), &provider, 4_000, TestTool::saying("read", &"X".repeat(20_000))).await;
    engine.process(from("one", &"x ".repeat(1_000))).await.unwrap();
    engine.process(from("two", "read it")).await.unwrap();
    let requests = provider.requests();
    let cut = results(&requests[2]);
    assert!(
        cut.iter().all(|text| text.len() > 500 && text.ends_with("[cut off: the result has 20000 bytes]")),
        "{cut:?}"
    );
    assert!(requests[2].estimate_tokens() <= 3_000, "{}", requests[2].estimate_tokens());
    assert_eq!(lines(&requests[2].messages)[0].split_once(' ').unwrap().0, "assistant", "the old question had to go");
    engine.shutdown(Duration::from_secs(5)).await;
}
