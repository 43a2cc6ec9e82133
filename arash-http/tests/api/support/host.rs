use std::sync::{Arc, Once};
use std::time::Duration;

use arash_core::id::TeamId;
use arash_core::seal::Keyring;
use arash_core::settings::HttpSettings;
use arash_core::store::MemoryStore;
use arash_core::team::{AccessLevel, IssuedKey, KeySpec, TeamSpec};
use arash_core::testing::ScriptedProvider;
use arash_core::{Engine, EngineBuilder, Platform};
use arash_http::Limits;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Answer, Events, Line, Receiver, documented};

/// An API key and the team that it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) secret: String,
    pub(crate) team: i64,
}

impl Key {
    /// The key that an answer gave.
    pub(crate) fn issued(answer: &Answer) -> Self {
        Self {
            secret: answer.at("/api_key").as_str().unwrap().to_owned(),
            team: answer.at("/key_info/team_id").as_i64().unwrap(),
        }
    }
}

impl From<IssuedKey> for Key {
    fn from(IssuedKey { secret, key }: IssuedKey) -> Self {
        Self { secret: secret.expose().to_owned(), team: key.team_id.0 }
    }
}

/// A host with a private platform `internal` and a public one `telegram`; it goes when this is dropped.
pub(crate) struct TestHost {
    pub(crate) engine: Engine,
    pub(crate) admin: Key,
    address: String,
    client: Client,
    server: JoinSet<()>,
    stop: Arc<Notify>,
}

impl TestHost {
    /// Messages are answered with `echo: ` and their text.
    pub(crate) async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Self {
        Self::with_settings(change, HttpSettings::default()).await
    }

    pub(crate) async fn with_settings(
        change: impl FnOnce(EngineBuilder) -> EngineBuilder,
        settings: HttpSettings,
    ) -> Self {
        Self::launch(change, settings, Limits::default()).await
    }

    /// One that waits for its clients as long as these say.
    pub(crate) async fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        Self::with_limits_and(change, |builder| builder).await
    }

    pub(crate) async fn with_limits_and(
        change: impl FnOnce(&mut Limits),
        change_engine: impl FnOnce(EngineBuilder) -> EngineBuilder,
    ) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        Self::launch(change_engine, HttpSettings::default(), limits).await
    }

    async fn launch(
        change: impl FnOnce(EngineBuilder) -> EngineBuilder,
        settings: HttpSettings,
        limits: Limits,
    ) -> Self {
        let internal = Platform::private("internal").models(["openai/gpt-5-chat", "lab/small"]);
        let builder = Engine::builder()
            .platform(internal.rate_limit(60).max_history(4))
            .platform(Platform::public("telegram").models(["openai/gpt-5-chat"]).rate_limit(20).max_history(10))
            .ai(ScriptedProvider::default())
            .store(MemoryStore::default())
            .keyring(Keyring::generate().unwrap())
            .webhook_sender(Receiver::default());
        let engine = change(builder).build().await.unwrap();
        let admin = engine.keys().create_first(None).await.unwrap().unwrap().into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        let stop = Arc::new(Notify::new());
        let (served, stopped) = (engine.clone(), Arc::clone(&stop));
        server.spawn(async move {
            arash_http::serve_within(limits, served, &settings, listener, stopped.notified()).await.unwrap();
        });
        Self { engine, admin, address, client: client(), server, stop }
    }

    /// Tells the server to stop, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        self.stop.notify_one();
        self.server.join_next().await.unwrap().unwrap();
    }

    /// A connection of one's own making.
    pub(crate) async fn connect(&self) -> Line {
        Line::to(self.address.strip_prefix("http://").unwrap()).await
    }

    /// A new team and a key of it.
    pub(crate) async fn key(&self, team: &str, level: AccessLevel) -> Key {
        let team = self.engine.teams().create(TeamSpec::named(team)).await.unwrap();
        self.key_of(team.id.0, level).await
    }

    /// A new key of a team that is there.
    pub(crate) async fn key_of(&self, team: i64, level: AccessLevel) -> Key {
        self.engine.keys().create(KeySpec::new(TeamId(team), "key").level(level)).await.unwrap().into()
    }

    /// A new team and a key of level user.
    pub(crate) async fn user(&self, team: &str) -> Key {
        self.key(team, AccessLevel::User).await
    }

    /// The id of a key that works.
    pub(crate) async fn id_of(&self, key: &Key) -> i64 {
        self.engine.authenticate(&key.secret).await.unwrap().key_id().0
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.address))
    }

    /// Sends a request and checks that its answer is documented.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let answer = Answer::read(self.client.execute(request).await.unwrap()).await;
        documented::check(&method, &path, answer.status);
        answer.check_shape(&path);
        assert!(answer.header("x-request-id").is_some());
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        answer
    }

    /// The status alone, which is checked to be documented; what follows of a stream is not waited for.
    pub(crate) async fn status(&self, request: RequestBuilder) -> u16 {
        let request = request.build().unwrap();
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let status = self.client.execute(request).await.unwrap().status().as_u16();
        documented::check(&method, &path, status);
        status
    }

    pub(crate) async fn get(&self, key: &Key, path: &str) -> Answer {
        self.send(self.request("GET", path).bearer_auth(&key.secret)).await
    }

    pub(crate) async fn delete(&self, key: &Key, path: &str) -> Answer {
        self.send(self.request("DELETE", path).bearer_auth(&key.secret)).await
    }

    pub(crate) async fn post(&self, key: &Key, path: &str, body: &Value) -> Answer {
        self.send(self.posting(key, path, body)).await
    }

    pub(crate) fn posting(&self, key: &Key, path: &str, body: &Value) -> RequestBuilder {
        self.sending("POST", key, path, body)
    }

    /// Posts with an idempotency key.
    pub(crate) async fn post_once(&self, key: &Key, once: &str, path: &str, body: &Value) -> Answer {
        self.send(self.posting(key, path, body).header("Idempotency-Key", once)).await
    }

    pub(crate) async fn patch(&self, key: &Key, path: &str, body: &Value) -> Answer {
        self.send(self.sending("PATCH", key, path, body)).await
    }

    pub(crate) async fn put(&self, key: &Key, path: &str, body: &Value) -> Answer {
        self.send(self.sending("PUT", key, path, body)).await
    }

    fn sending(&self, method: &str, key: &Key, path: &str, body: &Value) -> RequestBuilder {
        let request = self.request(method, path).bearer_auth(&key.secret);
        request.header("Content-Type", "application/json").body(body.to_string())
    }

    /// The id of a key.
    pub(crate) async fn id(&self, key: &Key) -> i64 {
        self.engine.authenticate(&key.secret).await.unwrap().key_id().0
    }

    /// Opens a stream, which must be one.
    pub(crate) async fn open(&self, request: RequestBuilder) -> Events {
        let events = Events::of(request.send().await.unwrap());
        assert_eq!(events.header("content-type"), Some("text/event-stream"));
        assert_eq!(
            (events.header("cache-control"), events.header("x-accel-buffering")),
            (Some("no-store"), Some("no"))
        );
        assert!(events.header("x-request-id").is_some());
        events
    }

    /// Says `text` in `chat` and reads the answer as it is written.
    pub(crate) async fn stream(&self, key: &Key, chat: &str, text: &str) -> Events {
        self.open(self.posting(key, "/api/v1/chat/stream", &message(chat, text))).await
    }

    /// Reads an answer on, after the event `last`.
    pub(crate) fn resuming(&self, key: &Key, turn_id: &str, last: Option<&str>) -> RequestBuilder {
        let request = self.request("GET", &format!("/api/v1/chat/stream/{turn_id}")).bearer_auth(&key.secret);
        match last {
            Some(last) => request.header("Last-Event-ID", last),
            None => request,
        }
    }

    /// A request for a completion.
    pub(crate) fn asking(&self, key: &Key, body: &Value) -> RequestBuilder {
        self.posting(key, "/v1/chat/completions", body)
    }

    /// Asks for a completion.
    pub(crate) async fn complete(&self, key: &Key, body: &Value) -> Answer {
        self.send(self.asking(key, body)).await
    }

    /// The address of the server, without a scheme.
    pub(crate) fn socket(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    /// Says `text` in `chat`.
    pub(crate) async fn say(&self, key: &Key, chat: &str, text: &str) -> Answer {
        self.post(key, "/api/v1/chat", &message(chat, text)).await
    }
}

/// A message of `user-1`.
pub(crate) fn message(chat: &str, text: &str) -> Value {
    serde_json::json!({"user_id": "user-1", "chat_id": chat, "text": text})
}

/// A request for a completion of `text`.
pub(crate) fn question(text: &str) -> Value {
    serde_json::json!({"model": "lab/small", "messages": [{"role": "user", "content": text}]})
}

/// The same with more fields.
pub(crate) fn question_with(mut fields: Value) -> Value {
    let mut body = question("Hello");
    body.as_object_mut().unwrap().append(fields.as_object_mut().unwrap());
    body
}

fn client() -> Client {
    static TLS: Once = Once::new();
    // Two TLS back ends are in the tree.
    TLS.call_once(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
    Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}
