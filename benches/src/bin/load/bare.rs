//! *Bare*: a plain poem handler that forwards with reqwest. No keys, no limits, no sessions, no storage.

use poem::http::StatusCode;
use poem::listener::TcpListener;
use poem::web::Data;
use poem::{EndpointExt, Response, Route, Server, handler, post};

/// Forwards what comes to `port` to `upstream`, for ever.
pub(crate) async fn serve(port: u16, upstream: String) {
    let client = reqwest::Client::builder().build().expect("a client can be made");
    let routes = Route::new().at("/api/v1/chat", post(forward)).data(client).data(upstream);
    Server::new(TcpListener::bind(("127.0.0.1", port))).run(routes).await.expect("the port is free");
}

#[handler]
async fn forward(client: Data<&reqwest::Client>, upstream: Data<&String>, body: Vec<u8>) -> Response {
    let request = client.post(upstream.as_str()).header("Content-Type", "application/json").body(body);
    let answer = async { request.send().await?.bytes().await };
    match answer.await {
        Ok(answer) => Response::builder().content_type("application/json").body(answer),
        Err(_) => StatusCode::BAD_GATEWAY.into(),
    }
}
