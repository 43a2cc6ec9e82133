//! Counts requests by operation: by the template of its path, never by the path itself, which holds names of chats.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, SharedString, Unit, counter, gauge, histogram};
use poem::Response;
use poem::http::{Method, StatusCode};

/// The statuses that are counted each for itself.
const STATUSES: [u16; 22] =
    [200, 201, 202, 204, 400, 401, 403, 404, 405, 406, 408, 409, 410, 413, 415, 422, 429, 500, 501, 502, 503, 504];

/// The figures of one operation. What a request needs of them is made once.
#[derive(Debug)]
pub(crate) struct Operation {
    route: SharedString,
    method: SharedString,
    duration: OnceLock<Histogram>,
    answers: [OnceLock<Counter>; STATUSES.len() + 1],
}

/// Tells the recorder what each figure is.
pub(crate) fn describe() {
    metrics::describe_counter!("arash_http_requests_total", "Requests answered, by route, method and status.");
    metrics::describe_histogram!(
        "arash_http_request_duration_seconds",
        Unit::Seconds,
        "From a request's head to the head of its answer, by route and method."
    );
    metrics::describe_gauge!("arash_http_requests_in_flight", "Requests that are being answered.");
}

impl Operation {
    /// The operation with this method at this path, in which `{name}` stands for any part.
    pub(crate) fn new(method: &Method, path: &str) -> Arc<Self> {
        Self::called(method.as_str(), path)
    }

    fn called(method: &str, route: &str) -> Arc<Self> {
        let (route, method) = (SharedString::from(route.to_owned()), SharedString::from(method.to_owned()));
        Arc::new(Self { route, method, duration: OnceLock::new(), answers: [const { OnceLock::new() }; _] })
    }

    /// Notes on an answer that it is of this operation.
    pub(crate) fn mark(self: &Arc<Self>, answer: &mut Response) {
        answer.set_data(Arc::clone(self));
    }

    /// The operation that an answer is of; one for all that are of none.
    pub(crate) fn of(answer: &Response) -> Arc<Self> {
        static UNMATCHED: LazyLock<Arc<Operation>> = LazyLock::new(|| Operation::called("any", "unmatched"));
        answer.data::<Arc<Self>>().unwrap_or(&UNMATCHED).clone()
    }

    /// Counts an answer of it.
    pub(crate) fn answered(&self, status: StatusCode, took: Duration) {
        let (route, method) = (|| self.route.clone(), || self.method.clone());
        let duration = || histogram!("arash_http_request_duration_seconds", "route" => route(), "method" => method());
        self.duration.get_or_init(duration).record(took);
        let known = STATUSES.iter().position(|&known| known == status.as_u16());
        let Some(counter) = self.answers.get(known.unwrap_or(STATUSES.len())) else { return };
        let status = || known.map_or(SharedString::const_str("other"), |_| status.as_str().to_owned().into());
        let new =
            || counter!("arash_http_requests_total", "route" => route(), "method" => method(), "status" => status());
        counter.get_or_init(new).increment(1);
    }
}

/// A request that is being answered; until dropped, also when its client goes away.
pub(crate) struct InFlight(Gauge);

impl InFlight {
    pub(crate) fn begin() -> Self {
        let gauge = gauge!("arash_http_requests_in_flight");
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
