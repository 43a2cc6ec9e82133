//! Puts the operations, the document and the explorer behind the edge.

use std::sync::Arc;

use arash_core::Engine;
use arash_core::settings::HttpSettings;
use arash_telegram::Telegram;
use poem::endpoint::make_sync;
use poem::http::Method;
use poem::middleware::CatchPanic;
use poem::{Endpoint, EndpointExt, IntoEndpoint, Response, Route, RouteMethod};

use crate::api;
use crate::edge::Edge;
use crate::explorer::Explorer;
use crate::exposition;
use crate::limits::Limits;
use crate::operations::{Methods, counted_as, refusing_the_rest};
use crate::stopping::Stopping;
use crate::traffic::Operation;

/// All paths of the host, ready to be served.
pub fn routes(engine: &Engine, settings: &HttpSettings) -> impl Endpoint<Output = Response> + 'static {
    routes_within(Limits::default(), Stopping::default(), None, engine, settings)
}

/// The same with limits of one's own, and the webhook of a bot.
pub(crate) fn routes_within(
    limits: Limits,
    stopping: Stopping,
    telegram: Option<&Arc<Telegram>>,
    engine: &Engine,
    settings: &HttpSettings,
) -> impl Endpoint<Output = Response> + 'static {
    // Before anything is counted.
    exposition::recorder();
    let service = api::service(engine, telegram);
    let mut paths = Route::new();
    if settings.has_docs {
        let document = api::document();
        let explorer = Explorer::new(&service.swagger_ui_html(), &service.spec(), &document);
        let document = make_sync(move |_| Response::builder().content_type("application/json").body(document.clone()));
        paths = paths
            .at("/openapi.json", only_get("/openapi.json", document))
            .at("/docs", only_get("/docs", make_sync(move |_| explorer.answer())));
    }
    if let Some((path, webhook)) = telegram.and_then(|telegram| telegram.route()) {
        paths = paths.at(path, webhook);
    }
    let paths = paths.nest_no_strip("/", service.into_endpoint());
    let paths = paths.data(engine.clone()).data(settings.clone()).data(limits).data(stopping);
    guarded(paths, Edge::new(settings, limits))
}

/// What every path has in common. The edge is outermost, so that a panic too is named, logged and a problem.
fn guarded(paths: impl Endpoint + 'static, edge: Edge) -> impl Endpoint<Output = Response> + 'static {
    paths.with(CatchPanic::new()).with(edge)
}

fn only_get(path: &str, endpoint: impl Endpoint + 'static) -> RouteMethod {
    let operation = Operation::new(&Method::GET, path);
    let methods: Methods = [(Method::GET, counted_as(operation, endpoint.map_to_response()))].into();
    refusing_the_rest(methods)
        .into_iter()
        .fold(RouteMethod::new(), |table, (method, endpoint)| table.method(method, endpoint))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use poem::Request;
    use poem::http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing() {
        let mut settings = HttpSettings::default();
        settings.cors_origins.push("https://app.example".to_owned());
        let edge = Edge::new(&settings, Limits::default());
        let paths = guarded(make_sync(|_| -> Response { panic!("secret") }), edge);
        let request = Request::builder().header("X-Request-Id", "r1").header("Origin", "https://app.example").finish();
        let response = paths.call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.header("X-Request-Id"), Some("r1"));
        assert_eq!(response.content_type(), Some("application/problem+json"));
        assert_eq!(response.header("Access-Control-Allow-Origin"), Some("https://app.example"));
        assert_eq!(response.header("X-Frame-Options"), Some("DENY"));
        let body = response.into_body().into_string().await.unwrap();
        assert!(body.contains("internal_server_error") && !body.contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn a_request_that_never_ends_is_ended() {
        let edge =
            Edge::new(&HttpSettings::default(), Limits { request: Duration::from_millis(20), ..Limits::default() });
        let never = poem::endpoint::make(|_| std::future::pending::<poem::Result<Response>>());
        let response = guarded(never, edge).call(Request::default()).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
