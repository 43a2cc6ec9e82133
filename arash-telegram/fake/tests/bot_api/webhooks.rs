//! Updates by webhook.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use poem::http::StatusCode;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Endpoint, Request, Response, Server};
use serde_json::{Value, json};

use crate::support::Stage;

/// The secret that came with an update, and the update.
type Came = (Option<String>, Value);

/// What came, and how the next ones are answered.
#[derive(Clone, Default)]
struct Receiver {
    came: Arc<Mutex<Vec<Came>>>,
    failures: Arc<Mutex<usize>>,
    answer: Arc<Mutex<String>>,
    busy: Arc<Mutex<(usize, usize)>>,
}

impl Endpoint for Receiver {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let secret = request.header("x-telegram-bot-api-secret-token").map(str::to_owned);
        let update = request.take_body().into_json().await?;
        {
            let mut busy = self.busy.lock().unwrap();
            busy.0 += 1;
            busy.1 = busy.1.max(busy.0);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.busy.lock().unwrap().0 -= 1;
        let fails = std::mem::replace(&mut *self.failures.lock().unwrap(), 0);
        if fails > 0 {
            *self.failures.lock().unwrap() = fails - 1;
            return Ok(StatusCode::SERVICE_UNAVAILABLE.into());
        }
        self.came.lock().unwrap().push((secret, update));
        Ok(Response::builder().body(self.answer.lock().unwrap().clone()))
    }
}

impl Receiver {
    /// One that listens, and where.
    async fn listening() -> (Self, String) {
        let receiver = Self::default();
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let url = format!("http://{}/opaque", acceptor.local_addr()[0].as_socket_addr().unwrap());
        let server = Server::new_with_acceptor(acceptor).run(receiver.clone());
        tokio_util::task::TaskTracker::new().spawn(server);
        (receiver, url)
    }

    fn texts(&self) -> Vec<String> {
        let came = self.came.lock().unwrap();
        came.iter().map(|(_, update)| update["message"]["text"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn updates_come_with_the_secret_in_order() {
    let stage = Stage::new().await;
    let (receiver, url) = Receiver::listening().await;
    stage.ann.say("before");
    stage.ok("setWebhook", json!({ "url": url, "secret_token": "s-e_cret1" })).await;
    stage.ann.say("after");
    stage.telegram.until(|_| (receiver.texts().len() == 2).then_some(())).await.unwrap();
    assert_eq!(receiver.texts(), ["before", "after"]);
    assert_eq!(receiver.came.lock().unwrap()[0].0.as_deref(), Some("s-e_cret1"));
    stage.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
}

#[tokio::test]
async fn what_is_not_taken_comes_again_after_growing_pauses() {
    let stage = Stage::new().await;
    let (receiver, url) = Receiver::listening().await;
    *receiver.failures.lock().unwrap() = 3;
    stage.ok("setWebhook", json!({ "url": url })).await;
    stage.ann.say("hard");
    let failures = |left: usize| {
        let receiver = receiver.clone();
        move |_: &_| (*receiver.failures.lock().unwrap() <= left).then_some(())
    };
    // The first repetition comes at once, the second after two seconds.
    stage.telegram.until(failures(1)).await.unwrap();
    stage.telegram.turn_clock(Duration::from_secs(2));
    stage.telegram.until(failures(0)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let info = stage.ok("getWebhookInfo", json!({})).await;
    assert_eq!((&info["url"], &info["pending_update_count"]), (&json!(url), &json!(1)));
    assert_eq!(info["last_error_message"], "Wrong response from the webhook: 503 Service Unavailable");
    assert!(info["last_error_date"].is_u64() && receiver.texts().is_empty());
    stage.telegram.turn_clock(Duration::from_secs(4));
    stage.telegram.until(|_| (receiver.texts() == ["hard"]).then_some(())).await.unwrap();
}

#[tokio::test]
async fn chats_are_told_side_by_side_as_far_as_connections_go() {
    let stage = Stage::new().await;
    let (receiver, url) = Receiver::listening().await;
    let people: Vec<_> = (0..6).map(|_| stage.telegram.person("Bob")).collect();
    for person in people.iter().chain(&people) {
        person.say("x");
    }
    stage.ok("setWebhook", json!({ "url": url, "max_connections": 3 })).await;
    stage.telegram.until(|_| (receiver.texts().len() == 12).then_some(())).await.unwrap();
    assert_eq!(receiver.busy.lock().unwrap().1, 3);
}

#[tokio::test]
async fn an_update_comes_twice_on_demand() {
    let stage = Stage::new().await;
    let (receiver, url) = Receiver::listening().await;
    stage.telegram.repeat_updates(1);
    stage.ok("setWebhook", json!({ "url": url })).await;
    stage.ann.say("twice");
    stage.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    let came = receiver.came.lock().unwrap();
    assert_eq!((came.len(), &came[0]), (2, &came[1]));
}

#[tokio::test]
async fn an_answer_may_be_a_call() {
    let stage = Stage::new().await;
    let (receiver, url) = Receiver::listening().await;
    let call = json!({ "method": "sendMessage", "chat_id": stage.ann.chat_id(), "text": "at once" });
    *receiver.answer.lock().unwrap() = call.to_string();
    stage.ok("setWebhook", json!({ "url": url })).await;
    stage.ann.say("Hello");
    let message = stage.telegram.until(|_| stage.ann.messages_of_bot().pop()).await.unwrap();
    assert_eq!(message.text(), "at once");
}

#[tokio::test]
async fn addresses_and_secrets_are_checked() {
    let stage = Stage::new().await;
    for (payload, words) in [
        (json!({ "url": "http://example.org/" }), "bad webhook: An HTTPS URL must be provided for webhook"),
        (
            json!({ "url": "https://example.org:8080/" }),
            "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
        (json!({ "url": "nonsense" }), "invalid webhook URL specified"),
        (json!({ "url": "https://example.org/", "secret_token": "a b" }), "secret token contains unallowed characters"),
        (json!({ "url": "https://example.org/", "secret_token": "a".repeat(257) }), "secret token is too long"),
    ] {
        assert_eq!(stage.refusal("setWebhook", payload).await, format!("Bad Request: {words}"));
    }
    stage.telegram.control_floods(true);
    stage.ok("setWebhook", json!({ "url": "http://127.0.0.1:9/" })).await;
    let again = stage.refusal("setWebhook", json!({ "url": "http://127.0.0.1:9/" })).await;
    assert_eq!(again, "Too Many Requests: retry after 1");
    stage.ann.say("x");
    stage.ok("deleteWebhook", json!({ "drop_pending_updates": true })).await;
    assert_eq!(
        stage.ok("getWebhookInfo", json!({})).await,
        json!({
            "url": "", "has_custom_certificate": false, "pending_update_count": 0
        })
    );
}
