//! The outermost layer: what every request and every answer has in common.

use std::time::{Duration, Instant};

use arash_core::settings::HttpSettings;
use poem::http::Method;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response};
use tracing::Instrument;

use crate::cors::Cors;
use crate::limits::Limits;
use crate::problem::{Problem, Shape};
use crate::request_id::{self, RequestId};
use crate::security_headers;
use crate::traffic::{InFlight, Operation};

/// Names requests, counts and logs them, bounds their time, tells browsers what they may do, and sees to it that every
/// failure is a problem.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    cors: Cors,
    longest_request: Duration,
}

impl Edge {
    pub(crate) fn new(settings: &HttpSettings, limits: Limits) -> Self {
        Self { cors: Cors::new(settings), longest_request: limits.request }
    }
}

impl<E: Endpoint> Middleware<E> for Edge {
    type Output = EdgeEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        EdgeEndpoint { edge: self.clone(), inner }
    }
}

/// An endpoint behind the [`Edge`].
#[derive(Debug)]
pub(crate) struct EdgeEndpoint<E> {
    edge: Edge,
    inner: E,
}

impl<E: Endpoint> Endpoint for EdgeEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let (started, _in_flight) = (Instant::now(), InFlight::begin());
        let id = RequestId::of(&request);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        request.set_data(id.clone());
        let allowed = self.edge.cors.allowed(&request);
        let span = tracing::debug_span!("request", request_id = id.as_str(), %method);
        crate::trace_context::continue_from(request.headers(), &span);
        let answer = match allowed.as_ref().and_then(|_| Cors::preflight(&request)) {
            Some(preflight) => preflight,
            None => self.answer(request).instrument(span.clone()).await,
        };
        let operation = Operation::of(&answer);
        let mut response = span.in_scope(|| with_problem(answer, Shape::at(&path), &id));
        if let Some(id) = id.to_header() {
            response.headers_mut().insert(request_id::HEADER, id);
        }
        security_headers::add(response.headers_mut());
        self.edge.cors.add_headers(response.headers_mut(), allowed);
        operation.answered(response.status(), started.elapsed());
        // Never the query: it may hold what a client should not have put there.
        // As texts, which are quoted: what a client calls its request cannot look like other fields.
        tracing::info!(
            request_id = id.as_str(),
            %method,
            path = told(&path),
            status = response.status().as_u16(),
            elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "request",
        );
        Ok(response)
    }
}

impl<E: Endpoint> EdgeEndpoint<E> {
    async fn answer(&self, mut request: Request) -> Response {
        // poem's router knows no other methods; this one no path has, so it is refused with `Allow`.
        if !crate::operations::METHODS.contains(request.method()) {
            request.set_method(Method::TRACE);
        }
        match tokio::time::timeout(self.edge.longest_request, self.inner.call(request)).await {
            Ok(Ok(answer)) => answer.into_response(),
            Ok(Err(error)) => Problem::of(error).into_response(),
            Err(_) => Problem::from(arash_core::Error::internal("a request took too long")).into_response(),
        }
    }
}

/// A path as it is logged: that of a webhook of Telegram's is known to Telegram alone.
fn told(path: &str) -> &str {
    const WEBHOOK: &str = "/telegram/";
    if path.starts_with(WEBHOOK) { WEBHOOK } else { path }
}

/// Writes the problem that an answer is, or stands in place of a failure that poem answered in plain text.
fn with_problem(answer: Response, shape: Shape, id: &RequestId) -> Response {
    if !answer.status().is_client_error() && !answer.status().is_server_error() {
        return answer;
    }
    let (problem, mut answer) = match answer.data::<Problem>() {
        Some(problem) => (problem.clone(), answer),
        // An operation's own report, as that of health; what poem refuses by itself is plain text.
        None if answer.content_type().is_some_and(|media_type| media_type.starts_with("application/json")) => {
            return answer;
        }
        None => (Problem::of_status(answer.status()), Response::default()),
    };
    problem.write_to(&mut answer, shape, id);
    answer
}
