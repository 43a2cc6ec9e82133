//! When an upstream that keeps failing is left alone.

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::layers::CircuitBreaker;
use arash_core::ai::{AiErrorKind, AiProvider, WireRequest};
use arash_core::clock::Timestamp;
use arash_core::testing::{ManualClock, Script, ScriptedProvider, Step};
use futures_util::StreamExt;

use crate::{SECOND, answer, ask, failed, said};

struct Guarded {
    inner: ScriptedProvider,
    clock: ManualClock,
    breaker: CircuitBreaker<ScriptedProvider>,
}

impl Guarded {
    fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        let (inner, clock) = (ScriptedProvider::new(scripts), ManualClock::new(Timestamp::from_millis(0)));
        let breaker = CircuitBreaker::new(inner.clone(), Arc::new(clock.clone()));
        Self { inner, clock, breaker }
    }

    /// A breaker that has just opened.
    async fn open() -> Self {
        let guarded = Self::new([Script::failing(AiErrorKind::Failed)]);
        for _ in 0..5 {
            assert_eq!(answer(&guarded.breaker, "m").await, failed(AiErrorKind::Failed));
        }
        guarded
    }

    async fn refused_for(&self) -> Option<Duration> {
        let calls = self.inner.calls();
        let failure = self.breaker.stream(ask("m")).await.err().unwrap();
        assert_eq!((failure.kind(), self.inner.calls()), (AiErrorKind::Unavailable, calls), "it was not asked");
        failure.retry_after()
    }
}

#[tokio::test]
async fn a_breaker_opens_and_tells_for_how_long() {
    let guarded = Guarded::open().await;
    assert_eq!(guarded.refused_for().await, Some(5 * SECOND));
    guarded.clock.advance(2 * SECOND);
    assert_eq!(guarded.refused_for().await, Some(3 * SECOND));
    let error = arash_core::Error::from(guarded.breaker.complete(ask("m")).await.unwrap_err());
    assert_eq!((error.kind(), error.retry_after()), (arash_core::ErrorKind::Unavailable, Some(3 * SECOND)));
}

#[tokio::test]
async fn a_breaker_tries_with_one_question_and_closes_or_waits_longer() {
    let guarded = Guarded::open().await;
    for seconds in [10, 20, 40, 60, 60] {
        guarded.clock.advance(60 * SECOND);
        assert_eq!(answer(&guarded.breaker, "m").await, failed(AiErrorKind::Failed), "one is let through");
        assert_eq!(guarded.refused_for().await, Some(seconds * SECOND));
    }
    guarded.clock.advance(60 * SECOND);
    guarded.inner.push(Script::new([Step::say("a"), Step::Hang]));
    let mut probe = guarded.breaker.stream(ask("m")).await.unwrap();
    assert_eq!(guarded.refused_for().await, Some(SECOND), "while the first one is under way");
    assert!(probe.next().await.unwrap().is_ok());
    guarded.inner.push(Script::saying("again"));
    assert_eq!(answer(&guarded.breaker, "m").await, said("again"), "its first piece is enough");
    for _ in 0..4 {
        guarded.inner.push(Script::failing(AiErrorKind::Connect));
        assert_eq!(answer(&guarded.breaker, "m").await, failed(AiErrorKind::Connect), "it counts from the start");
    }
}

#[tokio::test]
async fn a_probe_that_is_dropped_makes_room_for_another() {
    let guarded = Guarded::open().await;
    guarded.clock.advance(5 * SECOND);
    guarded.inner.push(Script::new([Step::Hang]));
    {
        let asking = guarded.breaker.stream(ask("m"));
        assert!(tokio::time::timeout(Duration::from_millis(20), asking).await.is_err());
    }
    guarded.inner.push(Script::saying("again"));
    assert_eq!(answer(&guarded.breaker, "m").await, said("again"));
}

#[tokio::test]
async fn only_the_upstreams_own_failures_count_and_only_in_a_row() {
    use AiErrorKind::{Connect, Failed, Malformed, Overloaded, RateLimited, Refused, Timeout};
    let guarded = Guarded::new([Script::failing(RateLimited), Script::failing(Refused)]);
    for _ in 0..20 {
        assert_ne!(answer(&guarded.breaker, "m").await.1, Some(AiErrorKind::Unavailable));
    }
    let four = [Connect, Timeout, Overloaded, Malformed].map(Script::failing);
    let guarded = Guarded::new(four.iter().cloned().chain([Script::saying("a")]).chain(four.clone()));
    for _ in 0..9 {
        assert_ne!(answer(&guarded.breaker, "m").await.1, Some(AiErrorKind::Unavailable));
    }
    // A fifth one that breaks off in the middle counts too.
    guarded.inner.push(Script::new([Step::say("half"), Step::Fail(Failed)]));
    assert_eq!(answer(&guarded.breaker, "m").await, ("half".to_owned(), Some(Failed)));
    guarded.refused_for().await;
}

#[tokio::test]
async fn a_client_cannot_open_a_breaker_by_what_it_writes() {
    use AiErrorKind::{Connect, Failed, Malformed, Overloaded, Timeout, Unavailable};
    let mut own = ask("m");
    own.wire = Some(Arc::new(WireRequest::parse("{}").unwrap()));
    let fail = async |guarded: &Guarded, kind| {
        guarded.inner.push(Script::failing(kind));
        let mut deltas = match guarded.breaker.stream(own.clone()).await {
            Ok(deltas) => deltas,
            Err(failure) => return assert_eq!(failure.kind(), kind),
        };
        assert_eq!(deltas.next().await.unwrap().unwrap_err().kind(), kind);
        assert!(deltas.next().await.is_none());
    };
    let guarded = Guarded::new([]);
    for _ in 0..10 {
        fail(&guarded, Failed).await;
        fail(&guarded, Malformed).await;
    }
    for kind in [Connect, Timeout, Overloaded, Connect] {
        fail(&guarded, kind).await;
        // It does not speak for the upstream either.
        fail(&guarded, Failed).await;
    }
    fail(&guarded, Connect).await;
    guarded.refused_for().await;
    guarded.clock.advance(60 * SECOND);
    for _ in 0..3 {
        fail(&guarded, Failed).await;
    }
    guarded.inner.push(Script::failing(Timeout));
    assert_eq!(answer(&guarded.breaker, "m").await, failed(Timeout), "it is not closed by them");
    assert_eq!(answer(&guarded.breaker, "m").await, failed(Unavailable));
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_keep_a_breaker_open() {
    let guarded = Guarded::open().await;
    guarded.clock.set(Timestamp::from_millis(-86_400_000));
    guarded.inner.push(Script::saying("again"));
    assert_eq!(answer(&guarded.breaker, "m").await, said("again"));
}
