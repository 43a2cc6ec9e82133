//! What a turn costs: each answer of it at the price of the model that gave it, and what was paid for on the way.

use std::time::Duration;

use arash_core::ai::{AiError, AiErrorKind, AiProvider, ChatDelta, ChatRequest, ChatStream};
use arash_core::money::Price;
use arash_core::platform::ModelInfo;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::tool::ToolLimits;
use arash_core::usage::TokenUsage;
use arash_core::{Engine, Platform};

use crate::answers::records;
use crate::stores;
use crate::talk::said;
use crate::test_tools::{TestTool, with_tools};

fn priced(id: &str, micros: u64) -> ModelInfo {
    ModelInfo::new(id).priced(Price { prompt_micros_per_million: micros, completion_micros_per_million: micros })
}

fn usage(prompt_tokens: u64, completion_tokens: u64) -> TokenUsage {
    TokenUsage { prompt_tokens, completion_tokens, estimated: false }
}

#[tokio::test]
async fn each_answer_of_a_turn_is_charged_at_the_price_of_its_model() {
    let model = |model: &str| Step::Give(ChatDelta::Model(model.into()));
    let calls = |told| Script::new([told, Step::call("c1", "look", "{}"), Step::Usage(usage(10, 1))]);
    let last = |step| Script::new([step, Step::say("seen"), Step::Usage(usage(100, 10))]);
    for (scripts, answered, tokens, cost) in [
        // 11 tokens at half a micro-unit and 110 at 2.25: rounded up once.
        (vec![calls(model("test/two")), last(Step::say("I have "))], "test/one", 121, 253),
        (vec![calls(Step::say("Let me see.")), last(model("test/two"))], "test/two", 121, 80),
        // What failed had been answered by another.
        (vec![calls(model("test/two")), Script::failing(AiErrorKind::Failed)], "test/two", 11, 6),
    ] {
        let (provider, store) = (ScriptedProvider::new(scripts), stores::memory());
        let builder = with_tools(&store, &provider, [TestTool::saying("look", "nothing")]);
        let builder = builder.model(priced("test/one", 2_250_000)).model(priced("test/two", 500_000));
        let engine = builder.build().await.unwrap();
        let reply = engine.process(said("hello")).await;
        let row = &records(&store).await[0];
        assert_eq!((row.tokens.prompt_tokens + row.tokens.completion_tokens, row.cost.0), (tokens, cost));
        assert_eq!(row.model_used.as_ref().unwrap().as_str(), answered);
        assert!(reply.is_ok_and(|reply| reply.receipt.cost == row.cost) || !row.success);
        engine.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn calls_that_are_left_out_in_the_end_are_counted() {
    let arguments = format!(r#"{{"city": "{}"}}"#, "x".repeat(2_000));
    let provider = ScriptedProvider::new([Script::new([Step::say("Well."), Step::call("c1", "look", arguments)])]);
    let (store, mut limits) = (stores::memory(), ToolLimits::default());
    limits.max_rounds = 0;
    let engine =
        with_tools(&store, &provider, [TestTool::saying("look", "")]).tool_limits(limits).build().await.unwrap();
    let reply = engine.process(said("hello")).await.unwrap();
    assert!(reply.receipt.usage.estimated && reply.receipt.usage.completion_tokens > 1_000, "{:?}", reply.receipt);
    engine.shutdown(Duration::from_secs(5)).await;
}

/// Writes down sound, and then has no answer or one whose tokens nobody tells.
#[derive(Debug)]
struct Hears(Option<&'static str>);

#[async_trait::async_trait]
impl AiProvider for Hears {
    fn name(&self) -> &'static str {
        "hears"
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        request.transcripts.push("I am Sara", usage(1_000, 4));
        let text = self.0.ok_or_else(|| AiError::new(AiErrorKind::Overloaded))?;
        let deltas = [ChatDelta::Heard("I am Sara".to_owned()), ChatDelta::Text(text.to_owned())];
        Ok(Box::pin(futures_util::stream::iter(deltas.map(Ok))))
    }
}

#[tokio::test]
async fn sound_that_was_written_down_is_paid_for_with_or_without_an_answer() {
    for (answer, least, most, is_told) in [(None, 1_004, 1_004, true), (Some("Hello Sara"), 1_010, 1_050, false)] {
        let store = stores::memory();
        let builder = Engine::builder().platform(Platform::private("internal").models(["test/one"]));
        let builder = builder.shared_store(std::sync::Arc::clone(&store.store)).model(priced("test/one", 1_000_000));
        let engine = builder.ai(Hears(answer)).build().await.unwrap();
        assert_eq!(engine.process(said("Listen")).await.is_ok(), answer.is_some());
        let row = &records(&store).await[0];
        let tokens = row.tokens.prompt_tokens + row.tokens.completion_tokens;
        assert!((least..=most).contains(&tokens) && row.cost.0 == i64::try_from(tokens).unwrap(), "{row:?}");
        assert_eq!((row.success, row.tokens.estimated), (answer.is_some(), !is_told));
        engine.shutdown(Duration::from_secs(5)).await;
    }
}
