//! An AI service that writes its answer word by word, in the time that the question names: `q7: wait 120 ms`.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use poem::listener::TcpAcceptor;
use poem::web::Json;
use poem::{Body, Response, Server, handler, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) struct Upstream {
    address: SocketAddr,
    _task: JoinSet<()>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener).unwrap());
        let mut task = JoinSet::new();
        task.spawn(async { server.run(poem::Route::new().at("/v1/chat/completions", post(answer))).await.unwrap() });
        Self { address, _task: task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// The question of this name whose answer takes so long.
pub(crate) fn question(name: &str, wait: Duration) -> String {
    format!("{name}: wait {} ms", wait.as_millis())
}

/// The answer to a question.
pub(crate) fn answer_to(question: &str) -> String {
    format!("What ({question}) asks for is done.")
}

#[handler]
fn answer(Json(asked): Json<Value>) -> Response {
    let newest = asked["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
    let wait: u64 = newest.split_once("wait ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    let words: Vec<String> = answer_to(newest).split_inclusive(' ').map(str::to_owned).collect();
    let pause = Duration::from_millis(wait) / words.len() as u32;
    let chunk =
        |content: &str| json!({"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": null}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let chunks: Vec<String> = words.iter().map(|word| chunk(word)).chain([end]).map(|it| it.to_string()).collect();
    let lines = stream::iter(chunks.into_iter().chain(["[DONE]".to_owned()])).then(move |data| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(format!("data: {data}\n\n"))
    });
    Response::builder().content_type("text/event-stream").body(Body::from_bytes_stream(lines))
}
