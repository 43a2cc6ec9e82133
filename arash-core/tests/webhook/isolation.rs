//! Endpoints that let us wait delay nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arash_core::webhook::{Sent, WebhookSender};
use futures_util::future::join_all;

use crate::scripted_sender::ScriptedSender;
use crate::sending::local_sender;
use crate::stores;
use crate::tenants::{Tenant, builder};
use crate::upstream::{Play, Upstream};

const DRIPPING: usize = 200;
const HEALTHY: usize = 5;
const ROUNDS: usize = 20;

/// 200 endpoints drip the head of their answer for longer than an attempt lasts, each with events that wait; others are
/// told in time all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_endpoints_do_not_feel_two_hundred_dripping_ones() {
    let head = b"HTTP/1.1 200 OK\r\nx-drip: ".to_vec();
    let drip = Upstream::start(Play::Drip(head, vec![b'x'; 60], Duration::from_millis(500))).await;
    let (over_http, arrived) = (Arc::new(local_sender()), Arc::<Mutex<HashMap<String, Instant>>>::default());
    let noted = Arc::clone(&arrived);
    let sender = ScriptedSender::new(move |event| {
        let (over_http, noted, event) = (Arc::clone(&over_http), Arc::clone(&noted), event.clone());
        async move {
            if event.url.starts_with("http:") {
                return over_http.send(&event).await;
            }
            let (_, text) = event.event.payload.split_once(r#""text":""#).unwrap();
            let text = text.split_once('"').unwrap().0.to_owned();
            noted.lock().unwrap().insert(text, Instant::now());
            Sent::delivered()
        }
    });
    let store = stores::memory();
    let engine = builder(&store.store).webhook_sender(sender.clone()).build().await.unwrap();
    let dripping = join_all((0..DRIPPING).map(|number| {
        let (engine, url) = (&engine, drip.url());
        async move { Tenant::new(engine, &format!("Drip {number}"), &url).await }
    }));
    let dripping = dripping.await;
    for tenant in &dripping {
        for chat in 0..4 {
            tenant.say(&engine, &format!("chat-{chat}"), "Hello").await;
        }
    }
    sender.wait_for(DRIPPING).await;
    let healthy = join_all((0..HEALTHY).map(|number| {
        let engine = &engine;
        async move { Tenant::new(engine, &format!("Well {number}"), "https://hooks.example/").await }
    }));
    let healthy = healthy.await;
    let mut said = HashMap::new();
    for round in 0..ROUNDS {
        for (number, tenant) in healthy.iter().enumerate() {
            let text = format!("round {round} of {number}");
            tenant.say(&engine, &format!("chat-{round}"), &text).await;
            said.insert(text, Instant::now());
        }
        // Past the end of the first attempts, so that second ones and failing endpoints are among the circumstances.
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let arrived = arrived.lock().unwrap().clone();
    let delay =
        |(text, at): (&String, &Instant)| arrived.get(text).map(|arrived| arrived.saturating_duration_since(*at));
    let mut delays: Vec<_> = said.iter().map(|said| delay(said).expect("every event arrived")).collect();
    delays.sort_unstable();
    let p99 = delays[delays.len() * 99 / 100];
    assert!(p99 <= Duration::from_secs(2), "{p99:?} of {delays:?}");
    let tried: Vec<_> = sender.attempts().into_iter().filter(|attempt| attempt.url.starts_with("http:")).collect();
    let most = dripping.iter().map(|tenant| tried.iter().filter(|one| one.event.team_id == tenant.team).count()).max();
    assert!(most <= Some(4), "{most:?} attempts at one within fifteen seconds");
    engine.shutdown(Duration::from_secs(1)).await;
}
