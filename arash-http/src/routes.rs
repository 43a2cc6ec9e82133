//! Puts the operations, the document and the explorer behind the edge.

use arash_core::Engine;
use arash_core::settings::HttpSettings;
use poem::endpoint::make_sync;
use poem::http::Method;
use poem::middleware::CatchPanic;
use poem::web::Html;
use poem::{Endpoint, EndpointExt, IntoEndpoint, Request, Response, Route, RouteMethod};

use crate::api;
use crate::edge::Edge;
use crate::operations::{Methods, refusing_the_rest};

/// All paths of the host, ready to be served.
pub fn routes(engine: &Engine, settings: &HttpSettings) -> impl Endpoint<Output = Response> + 'static {
    let service = api::service(engine);
    let mut paths = Route::new();
    if settings.has_docs {
        let (document, explorer) = (api::document(), service.swagger_ui_html());
        let document = make_sync(move |_| Response::builder().content_type("application/json").body(document.clone()));
        paths = paths
            .at("/openapi.json", only_get(document))
            .at("/docs", only_get(make_sync(move |_| Html(explorer.clone()))));
    }
    let paths = paths.nest_no_strip("/", service.into_endpoint()).data(engine.clone()).data(settings.clone());
    guarded(paths.before(|request| async { Ok(without_final_slash(request)) }))
}

/// The areas whose own address may end in a slash.
const AREAS: [&str; 2] = ["/api/v1/admin/", "/api/v1/team/"];

/// The same request with the one address of its area.
fn without_final_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    if AREAS.contains(&path) {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        // What was an address is still one.
        if let Ok(uri) = format!("{}{query}", path.trim_end_matches('/')).parse() {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// What every path has in common. The edge is outermost, so that a panic too is named, logged and a problem.
fn guarded(paths: impl Endpoint + 'static) -> impl Endpoint<Output = Response> + 'static {
    paths.with(CatchPanic::new()).with(Edge)
}

fn only_get(endpoint: impl Endpoint + 'static) -> RouteMethod {
    let methods: Methods = [(Method::GET, endpoint.map_to_response().boxed())].into();
    refusing_the_rest(methods)
        .into_iter()
        .fold(RouteMethod::new(), |table, (method, endpoint)| table.method(method, endpoint))
}

#[cfg(test)]
mod tests {
    use poem::http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing() {
        let paths = guarded(make_sync(|_| -> Response { panic!("secret") }));
        let response = paths.call(Request::builder().header("X-Request-Id", "r1").finish()).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.header("X-Request-Id"), Some("r1"));
        assert_eq!(response.content_type(), Some("application/problem+json"));
        let body = response.into_body().into_string().await.unwrap();
        assert!(body.contains("internal_server_error") && !body.contains("secret"), "{body}");
    }
}
