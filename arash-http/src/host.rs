//! The service itself: opens what it needs, tells where it is, answers until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use arash_core::Engine;
use arash_core::settings::{DatabaseSettings, Settings};
use arash_core::store::SqlStore;
use arash_telegram::{FluentTexts, Telegram};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Fault, console};

/// How long the first attempt to reach Telegram may hold up the API: a token that is refused then ends the program, later
/// it makes the health 503.
const FIRST_ATTEMPT: Duration = Duration::from_secs(1);

/// Runs until it is told to stop.
pub(crate) async fn run(settings: &Settings) -> Result<(), Fault> {
    let mut stop = Stop::listen()?;
    let (engine, telegram, listener) = tokio::select! {
        started = start(settings) => started?,
        () = stop.wait() => return Err("stopped before it had started".into()),
    };
    serve(engine, telegram, settings, listener, stop).await
}

/// Opens what it needs and tells where it is.
async fn start(settings: &Settings) -> Result<(Engine, Option<Arc<Telegram>>, TcpListener), Fault> {
    let store = open_store(&settings.database).await?;
    let keyring = settings.sealing.keyring(&store).await?;
    let builder = settings.engine()?.keyring(keyring).store(store);
    let builder = if settings.telegram.is_enabled { builder.texts(FluentTexts) } else { builder };
    let engine = builder.build().await?;
    let greeting = async {
        let telegram = connect(&engine, settings).await?;
        let listener = listen(settings).await?;
        greet(&engine, settings, &listener).await?;
        Ok((telegram, listener))
    };
    match greeting.await {
        Ok((telegram, listener)) => Ok((engine, telegram, listener)),
        Err(fault) => {
            engine.shutdown(Duration::from_secs(5)).await;
            Err(fault)
        }
    }
}

/// Answers requests until the first signal, then lets those that run come to their end, but not beyond a second one.
async fn serve(
    engine: Engine,
    telegram: Option<Arc<Telegram>>,
    settings: &Settings,
    listener: TcpListener,
    mut stop: Stop,
) -> Result<(), Fault> {
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let told = async {
        // Told, or nobody is left who could tell.
        let _ = told.await;
    };
    let mut serving = std::pin::pin!(arash_http::serve_with_bot(telegram, engine, &settings.http, listener, told));
    tokio::select! {
        outcome = &mut serving => return Ok(outcome?),
        () = stop.wait() => drop(tell),
    }
    tokio::select! {
        outcome = &mut serving => Ok(outcome?),
        () = stop.wait() => Err("ended at once by a second signal".into()),
    }
}

/// The bot that runs beside the API, if one is to. Where Telegram does not answer at once, the bot reaches it later.
async fn connect(engine: &Engine, settings: &Settings) -> Result<Option<Arc<Telegram>>, Fault> {
    if !settings.telegram.is_enabled {
        return Ok(None);
    }
    let telegram = Telegram::new(engine.clone(), &settings.telegram, settings.http.image_limit())?;
    tokio::time::timeout(FIRST_ATTEMPT, telegram.reach()).await.unwrap_or(Ok(false))?;
    match telegram.username() {
        Some(name) => console::say(&format!("@{name} answers on Telegram")),
        None => console::complain("Telegram cannot be reached yet; the bot answers as soon as it can be"),
    }
    Ok(Some(Arc::new(telegram)))
}

async fn open_store(database: &DatabaseSettings) -> arash_core::Result<SqlStore> {
    SqlStore::open_with(database.url.expose(), database.options).await
}

async fn listen(settings: &Settings) -> Result<TcpListener, Fault> {
    let (host, port) = (settings.http.host.as_str(), settings.http.port);
    TcpListener::bind((host, port))
        .await
        .map_err(|fault| format!("cannot listen on {host} port {port}: {fault}").into())
}

/// Makes the first admin key if there is none yet, and tells where the service is.
async fn greet(engine: &Engine, settings: &Settings, listener: &TcpListener) -> Result<(), Fault> {
    let first = engine.keys().create_first(settings.first_api_key.clone()).await?;
    let address = format!("http://{}", listener.local_addr()?);
    match (&first, &settings.first_api_key) {
        (Some(issued), None) => {
            console::say(&format!("\nAdmin API key (shown once): {}\n", issued.secret.expose()));
        }
        (None, Some(own)) if engine.authenticate(own.expose()).await.is_err() => {
            console::complain("INTERNAL_API_KEY is not used: there are keys already, and it is none of them");
        }
        _ => {}
    }
    console::say(&format!("arash-http listens on {address}"));
    console::say(&format!("Try: {}", first_request(&address)));
    Ok(())
}

fn first_request(address: &str) -> String {
    format!(
        "curl {address}/api/v1/chat -H 'Authorization: Bearer <key>' -H 'Content-Type: application/json' \
         -d '{{\"user_id\":\"me\",\"chat_id\":\"first\",\"text\":\"Hello\"}}'"
    )
}

/// The signals that end the program.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// From here on they end nothing by themselves.
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
