use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::sync::Notify;

use crate::ai::{AiError, AiErrorKind, AiProvider, ChatDelta, ChatRequest, ChatStream};
use crate::message::ToolCall;
use crate::usage::TokenUsage;

/// One thing that a [`ScriptedProvider`] does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Answers a piece of text.
    Say(String),
    /// Tells the tokens.
    Usage(TokenUsage),
    /// Gives this piece of the answer: a tool call, say.
    Give(ChatDelta),
    /// Waits for this long.
    Pause(Duration),
    /// Waits until the test says to go on, by [`Notify::notify_one`].
    WaitFor(Arc<Notify>),
    /// Fails so; what follows is not done.
    Fail(AiErrorKind),
    /// Never goes on.
    Hang,
    /// Panics.
    Panic,
}

impl Step {
    /// Answers a piece of text.
    pub fn say(text: impl Into<String>) -> Self {
        Self::Say(text.into())
    }

    /// Calls a tool with these arguments, which should be JSON; the result is known by `id`.
    pub fn call(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self::Give(ChatDelta::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() }))
    }
}

/// What a [`ScriptedProvider`] does for one request, in order.
///
/// All before the first piece happens while the provider is asked, so that a failure there is the
/// error of [`AiProvider::stream`]; the rest happens within the stream.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: VecDeque<Step>,
}

impl Script {
    /// Does these steps.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect() }
    }

    /// Answers `text` in one piece.
    pub fn saying(text: impl Into<String>) -> Self {
        Self::new([Step::say(text)])
    }

    /// Fails at once.
    pub fn failing(kind: AiErrorKind) -> Self {
        Self::new([Step::Fail(kind)])
    }
}

/// A provider for tests that does what it was told and remembers what it was asked.
///
/// Each request takes the next script, and the last one again when there is no further; with no script it
/// answers `echo: ` and the newest message. Clones share everything.
///
/// ```
/// use arash_core::ai::AiErrorKind;
/// use arash_core::testing::{Script, ScriptedProvider, Step};
///
/// let provider = ScriptedProvider::new([
///     Script::failing(AiErrorKind::Overloaded),
///     Script::new([Step::say("Hello "), Step::say("there")]),
/// ]);
/// assert_eq!(provider.calls(), 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ScriptedProvider {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    running: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    scripts: Vec<Script>,
    requests: Vec<ChatRequest>,
}

impl ScriptedProvider {
    /// Does these scripts, one a request.
    pub fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        let provider = Self::default();
        provider.state().scripts.extend(scripts);
        provider
    }

    /// Adds a script after those that there are.
    pub fn push(&self, script: Script) {
        self.state().scripts.push(script);
    }

    /// All requests so far, oldest first.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.state().requests.clone()
    }

    /// How many requests there were.
    pub fn calls(&self) -> usize {
        self.state().requests.len()
    }

    /// How many requests are being answered: their streams have not ended and were not dropped.
    pub fn running(&self) -> usize {
        self.shared.running.load(Ordering::SeqCst)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, request: ChatRequest) -> Script {
        let mut state = self.state();
        let script = state.scripts.get(state.requests.len()).or(state.scripts.last()).cloned();
        let script = script.unwrap_or_else(|| {
            Script::saying(format!("echo: {}", request.newest().map(|message| &*message.text).unwrap_or_default()))
        });
        state.requests.push(request);
        script
    }
}

#[async_trait]
impl AiProvider for ScriptedProvider {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        let script = self.take(request);
        let mut run = Run { steps: script.steps, _running: Running::new(&self.shared) };
        let first = run.next().await.transpose()?;
        let rest = stream::unfold(run, |mut run| async {
            let delta = run.next().await?;
            if delta.is_err() {
                run.steps.clear();
            }
            Some((delta, run))
        });
        Ok(Box::pin(stream::iter(first.map(Ok)).chain(rest)))
    }
}

/// A script while it is done.
struct Run {
    steps: VecDeque<Step>,
    _running: Running,
}

impl Run {
    /// Goes on to the next piece of the answer.
    #[expect(clippy::panic, reason = "a provider that panics is what this step is for")]
    async fn next(&mut self) -> Option<Result<ChatDelta, AiError>> {
        loop {
            match self.steps.pop_front()? {
                Step::Say(text) => return Some(Ok(ChatDelta::Text(text))),
                Step::Usage(usage) => return Some(Ok(ChatDelta::Usage(usage))),
                Step::Give(delta) => return Some(Ok(delta)),
                Step::Pause(length) => tokio::time::sleep(length).await,
                Step::WaitFor(signal) => signal.notified().await,
                Step::Fail(kind) => return Some(Err(AiError::new(kind))),
                Step::Hang => std::future::pending().await,
                Step::Panic => panic!("the script says to panic"),
            }
        }
    }
}

/// Counts as a running request until it is dropped.
struct Running(Arc<Shared>);

impl Running {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.running.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;
    use crate::clock::Timestamp;
    use crate::message::{Message, Role, ToolCall};
    use crate::platform::ModelId;

    fn ask(text: &str) -> ChatRequest {
        let message = Message::new(Role::User, text, Timestamp::from_millis(0));
        ChatRequest::new(ModelId::from("m"), vec![Arc::new(message)])
    }

    async fn text(provider: &ScriptedProvider) -> String {
        provider.complete(ask("hi")).await.unwrap().text
    }

    #[tokio::test]
    async fn it_echoes_by_default_and_remembers_the_requests() {
        let provider = ScriptedProvider::default();
        let reply = provider.clone().complete(ask("hi")).await.unwrap();
        assert_eq!(reply.text, "echo: hi");
        assert_eq!((provider.calls(), provider.running()), (1, 0));
        assert_eq!(&*provider.requests()[0].newest().unwrap().text, "hi");
    }

    #[tokio::test]
    async fn the_last_script_repeats_until_another_is_added() {
        let provider = ScriptedProvider::new([Script::saying("a"), Script::saying("b")]);
        assert_eq!([text(&provider).await, text(&provider).await], ["a", "b"]);
        provider.push(Script::saying("c"));
        assert_eq!([text(&provider).await, text(&provider).await], ["c", "c"]);
    }

    #[tokio::test]
    async fn it_gives_any_piece() {
        let call = ToolCall { id: "1".to_owned(), name: "clock".to_owned(), arguments: "{}".to_owned() };
        let script = Script::new([Step::Give(ChatDelta::ToolCall(call.clone())), Step::say("a")]);
        let reply = ScriptedProvider::new([script]).complete(ask("hi")).await.unwrap();
        assert_eq!((reply.tool_calls, reply.text.as_str()), (vec![call], "a"));
    }

    #[tokio::test]
    async fn a_failure_comes_before_or_within_the_stream() {
        let late = Script::new([Step::say("a"), Step::Fail(AiErrorKind::Timeout), Step::say("never")]);
        let provider = ScriptedProvider::new([Script::failing(AiErrorKind::Connect), late]);
        assert_eq!(provider.stream(ask("hi")).await.err().unwrap().kind(), AiErrorKind::Connect);
        let deltas: Vec<_> = provider.stream(ask("hi")).await.unwrap().collect().await;
        assert_eq!(deltas.len(), 2);
        assert_eq!(deltas[1].as_ref().unwrap_err().kind(), AiErrorKind::Timeout);
        assert_eq!(provider.running(), 0);
    }

    #[tokio::test]
    async fn it_waits_for_the_test_and_stops_when_dropped() {
        let go = Arc::new(Notify::new());
        let waiting = Script::new([Step::WaitFor(Arc::clone(&go)), Step::say("went"), Step::Hang]);
        let provider = ScriptedProvider::new([waiting]);
        let mut tasks = JoinSet::new();
        let asked = provider.clone();
        tasks.spawn(async move { asked.stream(ask("hi")).await.unwrap().next().await });
        while provider.running() == 0 {
            tokio::task::yield_now().await;
        }
        go.notify_one();
        let first = tasks.join_next().await.unwrap().unwrap().unwrap().unwrap();
        assert_eq!((first, provider.running()), (ChatDelta::Text("went".to_owned()), 0));
    }

    #[tokio::test]
    async fn a_panic_leaves_no_running_request() {
        let provider = ScriptedProvider::new([Script::new([Step::Panic])]);
        let mut tasks = JoinSet::new();
        let asked = provider.clone();
        tasks.spawn(async move { asked.complete(ask("hi")).await });
        assert!(tasks.join_next().await.unwrap().unwrap_err().is_panic());
        assert_eq!((provider.calls(), provider.running()), (1, 0));
    }
}
