//! *Bare*: a plain poem handler that forwards with reqwest. No keys, no limits, no sessions, no storage.

use futures_util::TryStreamExt;
use poem::http::StatusCode;
use poem::http::header::CONTENT_TYPE;
use poem::listener::TcpListener;
use poem::web::Data;
use poem::{Body, EndpointExt, Response, Route, Server, handler, post};

/// Forwards what comes to `port` to `upstream`, for ever.
pub(crate) async fn serve(port: u16, upstream: String) {
    let client = reqwest::Client::builder().build().expect("a client can be made");
    let routes = Route::new().at("/api/v1/chat", post(forward)).at("/v1/chat/completions", post(forward_as_it_comes));
    let routes = routes.data(client).data(upstream);
    Server::new(TcpListener::bind(("127.0.0.1", port))).run(routes).await.expect("the port is free");
}

#[handler]
async fn forward(client: Data<&reqwest::Client>, upstream: Data<&String>, body: Vec<u8>) -> Response {
    let answer = async { ask(&client, upstream.as_str(), body).await?.bytes().await };
    match answer.await {
        Ok(answer) => Response::builder().content_type("application/json").body(answer),
        Err(_) => StatusCode::BAD_GATEWAY.into(),
    }
}

#[handler]
async fn forward_as_it_comes(client: Data<&reqwest::Client>, upstream: Data<&String>, body: Vec<u8>) -> Response {
    match ask(&client, &format!("{}v1/chat/completions", upstream.as_str()), body).await {
        Ok(answer) => {
            let kind = answer.headers().get("content-type").cloned();
            let chunks = answer.bytes_stream().map_err(std::io::Error::other);
            let mut response = Response::builder().body(Body::from_bytes_stream(chunks));
            response.headers_mut().extend(kind.map(|kind| (CONTENT_TYPE, kind)));
            response
        }
        Err(_) => StatusCode::BAD_GATEWAY.into(),
    }
}

async fn ask(client: &reqwest::Client, url: &str, body: Vec<u8>) -> reqwest::Result<reqwest::Response> {
    client.post(url).header("Content-Type", "application/json").body(body).send().await
}
