//! An AI service that writes its answer piece by piece, as the question says: `q7: wait 120 ms, 9000 letters`.

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

/// The same whose answer has so many letters, about.
pub(crate) fn long_question(name: &str, wait: Duration, letters: usize) -> String {
    format!("{}, {letters} letters", question(name, wait))
}

/// The answer to a question, or to several in one text: their names, and as many letters as are asked for.
pub(crate) fn answer_to(text: &str) -> String {
    let names = text.split_whitespace().filter_map(|word| word.strip_suffix(':').filter(|name| name.starts_with('q')));
    let names = names.collect::<Vec<_>>().join("+");
    let letters = text.split_once(" ms, ").map_or(0, |(_, rest)| first_number(rest)) as usize;
    let words: Vec<String> = (0..letters / 7).map(|number| format!(" w{number:05}")).collect();
    format!("What ({names}) asks for is done.{}", words.concat())
}

fn first_number(text: &str) -> u64 {
    text.split(' ').next().unwrap().parse().unwrap()
}

/// The text of the newest message, which may have pictures beside it.
fn newest(asked: &Value) -> String {
    let content = &asked["messages"].as_array().unwrap().last().unwrap()["content"];
    let parts = content.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
    content.as_str().map_or_else(|| parts.collect(), str::to_owned)
}

#[handler]
fn answer(Json(asked): Json<Value>) -> Response {
    let newest = newest(&asked);
    let wait = newest.split_once("wait ").map_or(0, |(_, rest)| first_number(rest));
    let words: Vec<String> = answer_to(&newest).split_inclusive(' ').map(str::to_owned).collect();
    // However long it is, it comes in a few pieces.
    let pieces: Vec<String> = words.chunks(words.len().div_ceil(12)).map(<[String]>::concat).collect();
    let pause = Duration::from_millis(wait) / pieces.len() as u32;
    let chunk =
        |content: &str| json!({"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": null}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let chunks: Vec<String> = pieces.iter().map(|piece| chunk(piece)).chain([end]).map(|it| it.to_string()).collect();
    let lines = stream::iter(chunks.into_iter().chain(["[DONE]".to_owned()])).then(move |data| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(format!("data: {data}\n\n"))
    });
    Response::builder().content_type("text/event-stream").body(Body::from_bytes_stream(lines))
}
