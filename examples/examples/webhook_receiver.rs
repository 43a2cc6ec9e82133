//! A receiver of webhooks: it believes only what is signed with its secret, answers at once, and does each thing once,
//! however often it is told.
//!
//! With `WEBHOOK_SECRET` set, it listens at port 8090 until it is ended; without, it is told some things here and ends:
//!
//! `cargo run -p arash-examples --example webhook_receiver`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use arash_core::Secret;
use arash_core::clock::{Clock, SystemClock};
use arash_core::id::EventId;
use arash_core::webhook::signature::{
    BODY_SIGNATURE, ID, Received, SIGNATURE, TIMESTAMP, TOLERANCE, VerifyError, sign, verify, verify_body,
};
use poem::http::{HeaderMap, StatusCode};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::Data;
use poem::{EndpointExt, Route, Server, handler, post};
use serde_json::Value;
use tokio::sync::mpsc;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// How many events are remembered. One that is repeated later than that many others is done again.
const MAX_REMEMBERED: usize = 100_000;

/// What the receiver knows. A real one remembers in its database, in the transaction that does what the event asks for.
struct Receiver {
    secret: Secret,
    seen: Mutex<(HashSet<String>, VecDeque<String>)>,
    /// What is to be done with events takes its time; whoever told of them does not wait for it.
    work: mpsc::Sender<Value>,
}

impl Receiver {
    /// Whether the sender has our secret. One of the two signatures would do; the one of Standard Webhooks also tells
    /// that nobody sends again what he once overheard.
    fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), VerifyError> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let received = Received { id: header(ID), timestamp: header(TIMESTAMP), signatures: header(SIGNATURE) };
        verify(&self.secret, received, body, SystemClock.now(), TOLERANCE)?;
        verify_body(&self.secret, header(BODY_SIGNATURE), body)
    }

    /// Whether this is the first time that the event comes. An event has one id, however often it is sent.
    fn is_new(&self, id: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (ids, order) = &mut *seen;
        let is_new = ids.insert(id.to_owned());
        if is_new {
            order.push_back(id.to_owned());
            if order.len() > MAX_REMEMBERED {
                order.pop_front().map(|oldest| ids.remove(&oldest));
            }
        }
        is_new
    }

    fn forget(&self, id: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.0.remove(id);
        seen.1.retain(|known| known != id);
    }
}

#[handler]
#[expect(clippy::needless_pass_by_value, reason = "a handler takes what it extracts")]
fn receive(receiver: Data<&Arc<Receiver>>, headers: &HeaderMap, body: Vec<u8>) -> StatusCode {
    if let Err(fault) = receiver.check(headers, &body) {
        println!("refused: {fault}");
        return StatusCode::UNAUTHORIZED;
    }
    let id = headers.get(ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(event) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST };
    if !receiver.is_new(id) {
        println!("known already");
    } else if receiver.work.try_send(event).is_err() {
        // Too much to do: it is sent again later.
        receiver.forget(id);
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::NO_CONTENT
}

/// What is done with events.
async fn work(mut events: mpsc::Receiver<Value>) {
    while let Some(event) = events.recv().await {
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        println!("{}: {} -> {}", text("/event"), text("/message/text"), text("/response/response"));
    }
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let given = std::env::var("WEBHOOK_SECRET").ok();
    let address = if given.is_some() { "0.0.0.0:8090" } else { "127.0.0.1:0" };
    let secret = Secret::new(given.clone().unwrap_or_else(|| "whsec_dGhlIHNlY3JldCBvZiB0aGUgZXhhbXBsZQ==".to_owned()));
    let (sender, events) = mpsc::channel(1_000);
    let receiver = Arc::new(Receiver { secret: secret.clone(), seen: Mutex::default(), work: sender });
    let acceptor = TcpListener::bind(address).into_acceptor().await?;
    let local = acceptor.local_addr().into_iter().find_map(|address| address.as_socket_addr().copied());
    let url = format!("http://{}/webhook", local.ok_or("it listens somewhere")?);
    println!("listening at {url}");
    let app = Route::new().at("/webhook", post(receive)).data(receiver);
    tokio::select! {
        served = Server::new_with_acceptor(acceptor).run(app) => served?,
        () = work(events) => {}
        told = tell(&url, &secret), if given.is_none() => told?,
    }
    Ok(())
}

/// Tells the receiver of an event twice, as it happens when an answer is lost, and of one that somebody else made up.
async fn tell(url: &str, secret: &Secret) -> Result<(), Fault> {
    let body = r#"{"event":"message.completed","message":{"text":"Hello"},"response":{"response":"Hi there!"}}"#;
    let client = reqwest::Client::builder().build()?;
    let id = EventId::new().to_string();
    let forged = Secret::new("whsec_c29tZWJvZHkgZWxzZSdzIG93biBzZWNyZXQ=");
    for (secret, expected) in [(secret, 204), (secret, 204), (&forged, 401)] {
        let signed = sign(std::slice::from_ref(secret), &id, SystemClock.now(), body.as_bytes());
        let mut request = client.post(url).header("content-type", "application/json").body(body);
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        let status = request.send().await?.status().as_u16();
        if status != expected {
            return Err(format!("the receiver answered {status}, not {expected}").into());
        }
    }
    Ok(())
}
