//! Traces that reach a collector, and what is in them.

use std::sync::{Arc, Mutex};

use poem::listener::TcpAcceptor;
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Server, handler};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::program::{Host, answer, client, program};
use crate::slow_upstream::{SlowUpstream, question};

const ADMIN: &str = "the-key-of-the-test-of-traces-which-is-long-enough";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What was sent, path and body.
type Received = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

#[handler]
fn receive(request: &poem::Request, body: Vec<u8>, Data(received): Data<&Received>) {
    received.lock().unwrap().push((request.uri().path().to_owned(), body));
}

fn collector(received: &Received) -> impl Endpoint + use<> {
    receive.data(Arc::clone(received))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn spans_reach_the_collector_and_tell_nothing_of_what_was_said() {
    let received = Received::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let mut task = JoinSet::new();
    let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener).unwrap());
    task.spawn(server.run(collector(&received)));

    let (folder, upstream) = (tempfile::tempdir().unwrap(), SlowUpstream::start().await);
    let mut command = program(folder.path());
    command.env("INTERNAL_API_KEY", ADMIN).env("AI_SERVICE_URL", upstream.url()).env("LOG_LEVEL", "off");
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("ENVIRONMENT", "stage");
    let host = Host::start(command).await;
    let body = json!({"user_id": "u", "chat_id": "c", "text": question("a-word-that-was-said", std::time::Duration::from_millis(1), false)});
    let request = client().post(format!("{}/api/v1/chat", host.address)).bearer_auth(ADMIN);
    let request = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
    let (status, reply) = answer(request.header("Content-Type", "application/json").body(body.to_string())).await;
    assert_eq!(status, 200, "{reply}");
    let (code, said) = host.stop("-TERM").await;
    assert_eq!(code, Some(0), "{said}");

    let received = received.lock().unwrap();
    assert!(received.iter().all(|(path, _)| path == "/v1/traces") && !received.is_empty());
    let spans: Vec<u8> = received.iter().flat_map(|(_, body)| body.clone()).collect();
    let turn = reply["data"]["turn_id"].as_str().unwrap();
    for part in ["request", "turn", "provider call", "transaction", "arash-http", "stage", "internal", turn] {
        assert!(contains(&spans, part.as_bytes()), "{part}");
    }
    let trace: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&TRACE[2 * at..2 * at + 2], 16).unwrap()).collect();
    let of_the_client = spans.windows(16).filter(|window| *window == trace).count();
    assert!(of_the_client >= 3, "the request, its turn and the provider's call: {of_the_client}");
    for part in [ADMIN, "a-word-that-was-said"] {
        assert!(!contains(&spans, part.as_bytes()), "{part}");
    }
}
