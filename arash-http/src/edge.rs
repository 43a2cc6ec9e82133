//! The outermost layer: what every request and every answer has in common.

use std::time::Instant;

use poem::http::{HeaderMap, HeaderValue, Method, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response};

use crate::problem::{self, Problem};
use crate::request_id::{self, RequestId};

/// Names requests, logs them, and sees to it that every failure is a problem and no answer is cached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge;

impl<E: Endpoint> Middleware<E> for Edge {
    type Output = EdgeEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        EdgeEndpoint { inner }
    }
}

/// An endpoint behind the [`Edge`].
#[derive(Debug)]
pub(crate) struct EdgeEndpoint<E> {
    inner: E,
}

impl<E: Endpoint> Endpoint for EdgeEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        let id = RequestId::of(&request);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        request.set_data(id.clone());
        // poem's router knows no other methods; this one no path has, so it is refused with `Allow`.
        if !is_standard(&method) {
            request.set_method(Method::TRACE);
        }
        let response = match self.inner.call(request).await {
            Ok(answer) => answer.into_response(),
            Err(error) => Problem::of(error).into_response_for(&id),
        };
        let mut response = as_problem(response, &id);
        add_headers(response.headers_mut(), &id);
        // Never the query: it may hold what a client should not have put there.
        tracing::info!(
            request_id = %id,
            %method,
            path,
            status = response.status().as_u16(),
            elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "request",
        );
        Ok(response)
    }
}

fn is_standard(method: &Method) -> bool {
    crate::operations::METHODS.contains(method)
}

/// The answer, or the problem in place of a failure that poem answered in plain text.
fn as_problem(response: Response, id: &RequestId) -> Response {
    let is_failure = response.status().is_client_error() || response.status().is_server_error();
    if !is_failure || response.content_type() == Some(problem::CONTENT_TYPE) {
        return response;
    }
    Problem::of_status(response.status()).into_response_for(id)
}

fn add_headers(headers: &mut HeaderMap, id: &RequestId) {
    if let Some(id) = id.to_header() {
        headers.insert(request_id::HEADER, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
