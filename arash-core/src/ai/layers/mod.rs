//! Layers: providers that wrap a provider and make it hold out, or choose among several.
//!
//! | layer | what it does | where it belongs |
//! |---|---|---|
//! | [`Timeout`] | ends an answer that does not come | innermost, so that every attempt has its own time |
//! | [`CircuitBreaker`] | does not ask an upstream that keeps failing | around the time-out, whose ends are failures too |
//! | [`Retry`] | asks again where that may help | around the breaker, which ends useless attempts |
//! | [`ConcurrencyLimit`] | lets only so many ask at once | around the attempts: one place a question |
//! | [`Router`] | takes a model to its upstream | around all that belongs to one upstream |
//! | [`Fallback`] | asks another model instead | outermost: when one upstream is given up, the next is asked |
//!
//! Asking again and asking another happen before the first piece of an answer only: nobody is told anything twice.
//!
//! # The order matters
//!
//! Right: each of three attempts has a minute, each failure counts, and one that waits to be tried again keeps its place.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use arash_core::ai::layers::{CircuitBreaker, ConcurrencyLimit, Retry, Timeout};
//! use arash_core::ai::{Offline, TimeLimits};
//! use arash_core::clock::SystemClock;
//!
//! let attempt = Timeout::new(Offline::new(), TimeLimits::within(Duration::from_secs(60)));
//! let upstream = ConcurrencyLimit::new(Retry::new(CircuitBreaker::new(attempt, Arc::new(SystemClock))), 100);
//! ```
//!
//! Wrong: the attempts share one minute, which a slow failure takes from all of them; what the time-out ends is dropped,
//! so the breaker never hears of an upstream that hangs; and it sees three failed attempts as one failure.
//!
//! ```
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! # use arash_core::ai::layers::{CircuitBreaker, Retry, Timeout};
//! # use arash_core::ai::{Offline, TimeLimits};
//! # use arash_core::clock::SystemClock;
//! let breaker = CircuitBreaker::new(Retry::new(Offline::new()), Arc::new(SystemClock));
//! let upstream = Timeout::new(breaker, TimeLimits::within(Duration::from_secs(60)));
//! ```
//!
//! Several upstreams are put behind a router, and what stands in for a model around that:
//!
//! ```
//! use std::sync::Arc;
//! use arash_core::ai::layers::{Fallback, Route, Router};
//! use arash_core::ai::{AiProvider, ChatRequest, OFFLINE_MODEL, Offline};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), arash_core::ai::AiError> {
//! let router = Router::new()
//!     .route("house/small", Route::new(Arc::new(Offline::new())).upstream_model(OFFLINE_MODEL))
//!     .route("house/large", Route::new(Arc::new(Offline::new())));
//! let provider = Fallback::new(router).instead_of("house/large", ["house/small"]);
//! provider.complete(ChatRequest::new("house/large".into(), Vec::new())).await?;
//! # Ok(())
//! # }
//! ```

mod circuit_breaker;
mod concurrency_limit;
mod fallback;
mod first_delta;
mod retry;
mod router;
mod timeout;

pub use circuit_breaker::CircuitBreaker;
pub use concurrency_limit::ConcurrencyLimit;
pub use fallback::Fallback;
pub use retry::Retry;
pub use router::{Route, Router};
pub use timeout::Timeout;
