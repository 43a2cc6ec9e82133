//! What layers promise, each around a provider that does what a script says.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod circuit_breaker;

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::layers::{ConcurrencyLimit, Fallback, Retry, Route, Router, Timeout};
use arash_core::ai::{
    AiError, AiErrorKind, AiProvider, ChatDelta, ChatReply, ChatRequest, ChatStream, TimeLimits, ToolSpec,
};
use arash_core::team::{KeySpec, TeamSpec};
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::{Engine, IncomingMessage, Platform, TurnRequest};
use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn ask(model: &str) -> ChatRequest {
    ChatRequest::new(model.into(), Vec::new())
}

fn failing(kinds: &[AiErrorKind]) -> ScriptedProvider {
    let scripts = kinds.iter().map(|kind| Script::failing(*kind)).chain([Script::saying("hello")]);
    ScriptedProvider::new(scripts)
}

/// The text so far, and the kind of the failure that it ended with.
async fn answer(provider: &impl AiProvider, model: &str) -> (String, Option<AiErrorKind>) {
    let mut reply = ChatReply::default();
    let mut deltas = match provider.stream(ask(model)).await {
        Ok(deltas) => deltas,
        Err(failure) => return (String::new(), Some(failure.kind())),
    };
    while let Some(delta) = deltas.next().await {
        match delta {
            Ok(delta) => reply.push(delta),
            Err(failure) => return (reply.text, Some(failure.kind())),
        }
    }
    (reply.text, None)
}

fn said(text: &str) -> (String, Option<AiErrorKind>) {
    (text.to_owned(), None)
}

fn failed(kind: AiErrorKind) -> (String, Option<AiErrorKind>) {
    (String::new(), Some(kind))
}

/// Fails with a wait that it asks for.
#[derive(Debug)]
struct Busy(Duration);

#[async_trait::async_trait]
impl AiProvider for Busy {
    fn name(&self) -> &'static str {
        "busy"
    }

    async fn stream(&self, _: ChatRequest) -> Result<ChatStream, AiError> {
        Err(AiError::new(AiErrorKind::RateLimited).with_retry_after(self.0))
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_ends_what_does_not_come() {
    let limits =
        TimeLimits { first_delta: 5 * SECOND, between_deltas: 2 * SECOND, total: Duration::from_millis(8_500) };
    let pause = |seconds| Step::Pause(seconds * SECOND);
    let say = || Step::say("a");
    for (steps, text, ends_after) in [
        (vec![Step::Hang], "", 5),
        (vec![pause(4), say(), Step::Hang], "a", 6),
        (vec![pause(6), say()], "", 5),
        (vec![say(), pause(1), say(), pause(3), say()], "aa", 3),
        (
            vec![pause(4), say(), pause(1), say(), pause(1), say(), pause(1), say(), pause(1), say(), pause(1), say()],
            "aaaaa",
            8,
        ),
    ] {
        let inner = ScriptedProvider::new([Script::new(steps)]);
        let (provider, begun) = (Timeout::new(inner.clone(), limits), Instant::now());
        let found = answer(&provider, "m").await;
        assert_eq!(found, (text.to_owned(), Some(AiErrorKind::Timeout)));
        assert_eq!((begun.elapsed().as_secs(), inner.running()), (ends_after, 0));
    }
    for limits in [limits, TimeLimits::within(Duration::MAX)] {
        let provider = Timeout::new(ScriptedProvider::default(), limits);
        assert_eq!(answer(&provider, "m").await, said("echo: "));
    }
    let provider = Timeout::new(ScriptedProvider::new([Script::new([say(), Step::Hang])]), limits);
    assert_eq!(provider.complete(ask("m")).await.unwrap_err().kind(), AiErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_asked_again_twice() {
    use AiErrorKind::{Connect, Overloaded, RateLimited};
    let (inner, begun) = (failing(&[Connect, Overloaded]), Instant::now());
    assert_eq!(answer(&Retry::new(inner.clone()), "m").await, said("hello"));
    assert_eq!(inner.calls(), 3);
    let waited = begun.elapsed();
    assert!(waited > Duration::from_millis(700) && waited < 2 * SECOND, "{waited:?}");

    let inner = failing(&[RateLimited, RateLimited, RateLimited]);
    assert_eq!(answer(&Retry::new(inner.clone()).retries(9), "m").await, failed(RateLimited));
    assert_eq!(inner.calls(), 3);
    let inner = failing(&[RateLimited]);
    assert_eq!(answer(&Retry::new(inner.clone()).retries(0), "m").await, failed(RateLimited));
}

#[tokio::test(start_paused = true)]
async fn what_will_not_pass_is_not_asked_again() {
    use AiErrorKind::{
        Attachment, ContextLength, Failed, Malformed, Misconfigured, Refused, Timeout, Unanswered, Unavailable,
        UnknownModel,
    };
    for kind in [
        Attachment,
        ContextLength,
        Failed,
        Malformed,
        Misconfigured,
        Refused,
        Timeout,
        Unanswered,
        Unavailable,
        UnknownModel,
    ] {
        let inner = failing(&[kind]);
        assert_eq!((answer(&Retry::new(inner.clone()), "m").await, inner.calls()), (failed(kind), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_again_after_the_first_piece() {
    let late = Script::new([Step::say("half"), Step::Fail(AiErrorKind::Overloaded)]);
    let inner = ScriptedProvider::new([late]);
    let found = answer(&Retry::new(inner.clone()), "m").await;
    assert_eq!(found, ("half".to_owned(), Some(AiErrorKind::Overloaded)));
    assert_eq!(inner.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_upstream_asks_for_is_kept_up_to_a_bound() {
    let begun = Instant::now();
    let failure = Retry::new(Busy(4 * SECOND)).stream(ask("m")).await.err().unwrap();
    assert_eq!((failure.retry_after(), begun.elapsed().as_secs()), (Some(4 * SECOND), 8));
    let begun = Instant::now();
    let failure = Retry::new(Busy(6 * SECOND)).stream(ask("m")).await.err().unwrap();
    assert_eq!((failure.retry_after(), begun.elapsed()), (Some(6 * SECOND), Duration::ZERO));
    let begun = Instant::now();
    let provider = Retry::new(Busy(4 * SECOND)).give_up_after(5 * SECOND);
    assert!(provider.stream(ask("m")).await.is_err());
    assert_eq!(begun.elapsed().as_secs(), 4, "the second retry would begin too late");
}

#[tokio::test(start_paused = true)]
async fn so_many_at_once_and_the_others_in_their_order() {
    let go = Arc::new(Notify::new());
    let slow = Script::new([Step::say("a"), Step::WaitFor(Arc::clone(&go))]);
    let inner = ScriptedProvider::new([slow, Script::saying("b")]);
    let provider = Arc::new(ConcurrencyLimit::new(inner.clone(), 1).longest_wait(10 * SECOND));
    let first = provider.stream(ask("1")).await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for model in ["2", "3", "4"] {
        let provider = Arc::clone(&provider);
        waiting.spawn(async move { answer(&*provider, model).await });
        tokio::task::yield_now().await;
    }
    assert_eq!(inner.calls(), 1);
    let begun = Instant::now();
    let failure = provider.stream(ask("5")).await.err().unwrap();
    assert_eq!((failure.kind(), failure.retry_after()), (AiErrorKind::Unavailable, Some(SECOND)));
    assert_eq!(begun.elapsed(), 10 * SECOND);
    assert_eq!(waiting.join_all().await, vec![failed(AiErrorKind::Unavailable); 3], "they waited as long");

    let mut waiting = tokio::task::JoinSet::new();
    for model in ["6", "7"] {
        let provider = Arc::clone(&provider);
        waiting.spawn(async move { answer(&*provider, model).await });
        tokio::task::yield_now().await;
    }
    drop(first);
    assert_eq!(waiting.join_all().await, [said("b"), said("b")]);
    let asked: Vec<_> = inner.requests().iter().map(|request| request.model.to_string()).collect();
    assert_eq!(asked, ["1", "6", "7"]);
}

fn route(provider: &ScriptedProvider) -> Route {
    Route::new(Arc::new(provider.clone()))
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn a_router_takes_each_model_to_its_upstream() {
    let (one, two) = (ScriptedProvider::default(), ScriptedProvider::default());
    let parameters = object(&json!({"temperature": 0.5, "top_k": 1}));
    let router =
        Router::new().route("a", route(&one).upstream_model("a-2026").parameters(parameters)).route("b", route(&two));
    let mut request = ask("a");
    request.parameters = Arc::new(object(&json!({"top_k": 7})));
    request.tools = Arc::from(Vec::<ToolSpec>::new());
    router.complete(request).await.unwrap();
    router.complete(ask("b")).await.unwrap();
    assert_eq!(one.requests()[0].model, "a-2026".into());
    assert_eq!(*one.requests()[0].parameters, object(&json!({"temperature": 0.5, "top_k": 7})));
    assert_eq!((two.requests()[0].model.as_str(), two.requests()[0].parameters.len()), ("b", 0));
    let failure = router.complete(ask("c")).await.unwrap_err();
    assert_eq!(failure.kind(), AiErrorKind::UnknownModel);
    let router = router.otherwise(Arc::new(two.clone()));
    router.complete(ask("c")).await.unwrap();
    assert_eq!(two.requests()[1].model, "c".into());
}

/// Says that another model answers.
#[derive(Debug)]
struct Told(&'static str);

#[async_trait::async_trait]
impl AiProvider for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    async fn stream(&self, _: ChatRequest) -> Result<ChatStream, AiError> {
        let deltas = [Ok(ChatDelta::Model(self.0.into())), Err(AiError::new(AiErrorKind::Failed))];
        Ok(Box::pin(futures_util::stream::iter(deltas)))
    }
}

#[tokio::test]
async fn a_router_tells_models_by_its_own_names() {
    for (told, model) in [("b-up", Some("b")), ("b", Some("b")), ("same", None), ("a-2026-01-01", None)] {
        let router = Router::new()
            .route("a", Route::new(Arc::new(Told(told))))
            .route("b", Route::new(Arc::new(Told("x"))).upstream_model("b-up"))
            .route("c", Route::new(Arc::new(Told("x"))).upstream_model("same"))
            .route("d", Route::new(Arc::new(Told("x"))).upstream_model("same"));
        let mut deltas: Vec<_> = router.stream(ask("a")).await.unwrap().collect().await;
        let failure = deltas.pop().unwrap().unwrap_err();
        assert!(format!("{failure:?}").contains("told"), "logs say where: {failure:?}");
        let found: Vec<_> = deltas.into_iter().map(Result::unwrap).collect();
        assert_eq!(found, model.map(|model| ChatDelta::Model(model.into())).into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn another_model_is_asked_instead_and_told() {
    let (one, two) = (failing(&[AiErrorKind::Timeout; 3]), failing(&[AiErrorKind::Overloaded]));
    let router = Router::new().route("a", route(&one)).route("b", route(&two)).route("c", route(&two));
    let provider = Fallback::new(router).instead_of("a", ["b", "c"]);
    let reply = provider.complete(ask("a")).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.model), ("hello", Some("c".into())));
    assert_eq!((one.calls(), two.calls()), (1, 2));
    assert_eq!(provider.complete(ask("b")).await.unwrap().model, None, "it has nobody to stand in");
}

#[tokio::test]
async fn when_all_fail_the_first_failure_is_told() {
    let (one, two) = (failing(&[AiErrorKind::RateLimited]), failing(&[AiErrorKind::Failed]));
    let router = Router::new().route("a", route(&one)).route("b", route(&two));
    let provider = Fallback::new(router).instead_of("a", ["b"]);
    assert_eq!(answer(&provider, "a").await, failed(AiErrorKind::RateLimited));
}

#[tokio::test]
async fn nobody_else_is_asked_when_the_request_is_refused_or_something_was_said() {
    let late = Script::new([Step::say("half"), Step::Fail(AiErrorKind::Failed)]);
    for (script, text, kind) in
        [(Script::failing(AiErrorKind::Refused), "", AiErrorKind::Refused), (late, "half", AiErrorKind::Failed)]
    {
        let (one, two) = (ScriptedProvider::new([script]), ScriptedProvider::default());
        let router = Router::new().route("a", route(&one)).route("b", route(&two));
        let provider = Fallback::new(router).instead_of("a", ["b"]);
        assert_eq!(answer(&provider, "a").await, (text.to_owned(), Some(kind)));
        assert_eq!(two.calls(), 0);
    }
}

#[tokio::test]
async fn another_model_stands_in_for_one_that_says_it_has_no_answer() {
    let (one, two) = (failing(&[AiErrorKind::Unanswered]), ScriptedProvider::new([Script::saying("I have")]));
    let router = Router::new().route("a", route(&one)).route("b", route(&two));
    let provider = Fallback::new(router).instead_of("a", ["b"]);
    assert_eq!(answer(&provider, "a").await, ("I have".to_owned(), None));
}

#[tokio::test]
async fn a_model_that_a_team_may_not_use_does_not_stand_in() {
    let (one, two) = (failing(&[AiErrorKind::Failed; 2]), ScriptedProvider::default());
    let router = Router::new().route("a", route(&one)).route("b", route(&two));
    let platform = Platform::private("internal").models(["a", "b"]);
    let engine = Engine::builder().platform(platform).ai(Fallback::new(router).instead_of("a", ["b"]));
    let engine = engine.build().await.unwrap();
    for (allowed, is_answered) in [(Some(vec!["a".into()]), false), (None, true)] {
        let name = format!("may use {allowed:?}");
        let team = TeamSpec { allowed_models: allowed, ..TeamSpec::named(name) };
        let team = engine.teams().create(team).await.unwrap().id;
        let key = engine.keys().create(KeySpec::new(team, "key")).await.unwrap();
        let caller = engine.authenticate(key.secret.expose()).await.unwrap();
        let request = TurnRequest::new(IncomingMessage::text("internal", "u", "c", "Hello")).principal(caller);
        assert_eq!(engine.process(request).await.is_ok(), is_answered);
        assert_eq!(two.calls(), usize::from(is_answered));
    }
}
