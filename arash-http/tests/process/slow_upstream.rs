//! An AI service that does with a question what the question says: `wait 120 ms` and `fail`.

use std::net::SocketAddr;
use std::time::Duration;

use poem::listener::TcpAcceptor;
use poem::web::Json;
use poem::{Server, handler, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) struct SlowUpstream {
    address: SocketAddr,
    _task: JoinSet<()>,
}

impl SlowUpstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener).unwrap());
        let mut task = JoinSet::new();
        task.spawn(async { server.run(post(answer)).await.unwrap() });
        Self { address, _task: task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

/// The question that the service answers after this wait, or does not answer.
pub(crate) fn question(name: &str, wait: Duration, fails: bool) -> String {
    format!("{name}: wait {} ms{}", wait.as_millis(), if fails { ", fail" } else { "" })
}

/// Whether the service fails to answer it.
pub(crate) fn fails(question: &str) -> bool {
    question.ends_with(", fail")
}

#[handler]
async fn answer(Json(asked): Json<Value>) -> Json<Value> {
    let newest = asked["History"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
    let wait = newest.split_once("wait ").unwrap().1.split(' ').next().unwrap();
    tokio::time::sleep(Duration::from_millis(wait.parse().unwrap())).await;
    let status = if fails(newest) { "failed" } else { "ok" };
    Json(json!({"Response": format!("What {newest:?} asks for is done."), "Pipeline": "p", "Status": status}))
}
