//! Which web pages may call the API. poem's own middleware answers 403 to whatever comes from another origin, also to
//! who only happens to send the header; here the browser is told nothing, and that is enough for it to refuse.

use arash_core::settings::HttpSettings;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// The headers of requests that mean something here. Others that a page asks for are let through too: they do no harm.
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, X-Request-Id, Last-Event-ID";
const ANSWER_HEADERS: &str = "X-Request-Id, X-Turn-Id, Retry-After, RateLimit, RateLimit-Policy, Idempotency-Key, \
                              Idempotency-Replayed, X-Should-Retry, WWW-Authenticate, Allow";
/// Longest list of headers that is let through, in bytes.
const MAX_ASKED: usize = 1 << 10;
/// For how long a browser need not ask again, in seconds; none remembers for longer.
const MAX_AGE: &str = "7200";

/// The origins whose pages may call the API. Never with cookies or other credentials of the browser's own: there are
/// none here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    has_any: bool,
}

impl Cors {
    pub(crate) fn new(settings: &HttpSettings) -> Self {
        let origins = settings.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
        Self { origins, has_any: settings.cors_origins.iter().any(|origin| origin == "*") }
    }

    /// What the page that sent `request` is told of its origin; nothing if that may not call.
    pub(crate) fn allowed(&self, request: &Request) -> Option<HeaderValue> {
        let origin = request.headers().get(header::ORIGIN)?;
        if self.has_any {
            return Some(HeaderValue::from_static("*"));
        }
        self.origins.iter().find(|known| *known == origin).cloned()
    }

    /// The answer to a browser that asks whether a page may send the request that it wants to send.
    pub(crate) fn preflight(request: &Request) -> Option<Response> {
        let headers = request.headers();
        if *request.method() != Method::OPTIONS || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|names| names.to_str().ok());
        let asked = asked.filter(|names| names.len() <= MAX_ASKED);
        let names = asked.map_or_else(|| REQUEST_HEADERS.to_owned(), |asked| format!("{REQUEST_HEADERS}, {asked}"));
        let answer = Response::builder()
            .status(StatusCode::NO_CONTENT)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS)
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, names)
            .header(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(answer.finish())
    }

    /// Tells the page of an allowed origin that it may read the answer, also one that is a problem.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap, allowed: Option<HeaderValue>) {
        if !self.has_any && !self.origins.is_empty() {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ANSWER_HEADERS));
        }
    }
}
