//! A client of the REST host: talks to the one at `ARASH_URL` with the key `ARASH_KEY`, or to one that it starts itself,
//! as a program of yours may.

use arash_core::ai::Offline;
use arash_core::settings::HttpSettings;
use arash_core::{Engine, Platform};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

type Fault = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Fault> {
    // Two TLS back ends are in the tree.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let (stop, stopped) = oneshot::channel::<()>();
    let (url, key, host) = if let (Ok(url), Ok(key)) = (std::env::var("ARASH_URL"), std::env::var("ARASH_KEY")) {
        (url, key, None)
    } else {
        let engine = Engine::builder()
            .platform(Platform::private("internal").models(["offline/assistant"]))
            .ai(Offline::default())
            .build()
            .await?;
        let first = engine.keys().create_first(None).await?.ok_or("a new store has no key")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let host = async move {
            let stopped = async { drop(stopped.await) };
            arash_http::serve(engine, &HttpSettings::default(), listener, stopped).await
        };
        (url, first.secret.expose().to_owned(), Some(host))
    };
    let talk = async {
        for text in ["My name is Sara", "What is my name?"] {
            let reply = chat(&url, &key, text).await?;
            let response = reply.get("response").and_then(Value::as_str).ok_or("an answer has a response")?;
            println!("{text}\n  {response}");
        }
        drop(stop);
        Ok::<_, Fault>(())
    };
    match host {
        Some(host) => {
            let (talked, served) = tokio::join!(talk, host);
            served?;
            talked
        }
        None => talk.await,
    }
}

async fn chat(url: &str, key: &str, text: &str) -> Result<Value, Fault> {
    let client = reqwest::Client::builder().build()?;
    let message = json!({"user_id": "sara", "chat_id": "rust", "text": text});
    let answer = client.post(format!("{url}/api/v1/chat")).bearer_auth(key).json(&message).send().await?;
    Ok(answer.error_for_status()?.json().await?)
}
