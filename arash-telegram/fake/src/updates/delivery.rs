//! Tells updates to the webhook.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, redirect};
use serde_json::{Map, Value};

use super::queue::Pending;
use super::webhook::Webhook;
use crate::clock::Timestamp;
use crate::transport::{self, Parameters};
use crate::world::{Shared, World};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: u64 = 60;
/// How often the clock is looked at while something waits for its time.
const TICK: Duration = Duration::from_millis(50);

/// Delivers what is due, as long as the server runs. Updates of one chat are told one after the other.
pub(crate) async fn deliver(shared: Arc<Shared>) {
    let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).no_proxy().build();
    let Ok(client) = client else { return };
    let mut changes = shared.changes();
    loop {
        for (webhook, pending) in shared.change_quietly(take_due) {
            let (shared, client) = (Arc::clone(&shared), client.clone());
            shared.clone().tasks.spawn(async move {
                let sent = tokio::select! {
                    sent = send(&client, &webhook, &pending) => sent,
                    () = shared.stop.cancelled() => return,
                };
                shared.change(|world| settle(world, &webhook, &pending, sent));
            });
        }
        let waits = shared.look(|world| world.updates.webhook.is_some() && !world.updates.queue.is_empty());
        tokio::select! {
            () = shared.stop.cancelled() => return,
            _ = changes.changed() => {}
            () = tokio::time::sleep(TICK), if waits => {}
        }
    }
}

fn take_due(world: &mut World) -> Vec<(Webhook, Pending)> {
    let now = world.now();
    let Some(webhook) = world.updates.webhook.clone() else { return Vec::new() };
    world.updates.expire(now);
    let queue = &mut world.updates.queue;
    let mut busy: Vec<i64> =
        queue.iter().filter(|pending| pending.is_under_way).map(|pending| pending.chat_id).collect();
    let mut free = webhook.max_connections.saturating_sub(busy.len());
    let mut due = Vec::new();
    for pending in queue {
        if busy.contains(&pending.chat_id) {
            continue;
        }
        // What comes after it in its chat waits for it, even if it is not due itself.
        busy.push(pending.chat_id);
        if pending.due <= now && free > 0 {
            free -= 1;
            pending.is_under_way = true;
            due.push((webhook.clone(), pending.clone()));
        }
    }
    due
}

/// What went wrong with a delivery, and how long the receiver wants to be left alone.
struct Failed {
    words: String,
    retry_after: Option<u64>,
}

/// Sends an update. An answer may be a call of a method.
async fn send(client: &Client, webhook: &Webhook, pending: &Pending) -> Result<Option<Map<String, Value>>, Failed> {
    let mut request = client.post(webhook.url.clone()).header("content-type", "application/json");
    if let Some(secret) = &webhook.secret {
        request = request.header("x-telegram-bot-api-secret-token", secret);
    }
    let sent = request.body(pending.body.to_string()).send().await;
    let answer = sent.map_err(|fault| {
        let words = if fault.is_timeout() { "Read timeout expired" } else { "Connection refused" };
        Failed { words: words.to_owned(), retry_after: None }
    })?;
    if !answer.status().is_success() {
        return Err(refused(&answer));
    }
    let body = answer.bytes().await.unwrap_or_default();
    Ok(serde_json::from_slice(&body).ok().filter(|call: &Map<String, Value>| call.contains_key("method")))
}

fn refused(answer: &Response) -> Failed {
    let status = answer.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Failed { words: format!("Wrong response from the webhook: {} {reason}", status.as_u16()), retry_after }
}

fn settle(world: &mut World, webhook: &Webhook, told: &Pending, sent: Result<Option<Map<String, Value>>, Failed>) {
    let now = world.now();
    let call = match sent {
        Ok(call) => {
            let updates = &mut world.updates;
            for pending in updates.queue.iter_mut().filter(|pending| pending.id == told.id) {
                pending.is_under_way = false;
                pending.repeats = pending.repeats.saturating_sub(1);
            }
            updates.queue.retain(|pending| pending.id != told.id || told.repeats > 0);
            call
        }
        Err(failed) => {
            note(world, webhook, now, failed.words);
            for pending in world.updates.queue.iter_mut().filter(|pending| pending.id == told.id) {
                // The first repetition comes at once, then each after twice the pause.
                let pause = match pending.failures {
                    0 => 0,
                    failures => 2_u64.saturating_pow(failures).min(LONGEST_PAUSE),
                };
                pending.due = now.plus(Duration::from_secs(failed.retry_after.unwrap_or(pause)));
                pending.failures += 1;
                pending.is_under_way = false;
            }
            None
        }
    };
    if let Some(mut values) = call {
        let method = values.remove("method");
        let parameters = Parameters { values, ..Parameters::default() };
        transport::call_from_webhook(world, method.as_ref().and_then(Value::as_str).unwrap_or_default(), &parameters);
    }
}

fn note(world: &mut World, webhook: &Webhook, now: Timestamp, words: String) {
    let current = world.updates.webhook.as_mut().filter(|current| current.url == webhook.url);
    if let Some(current) = current {
        current.last_error = Some((now, words));
    }
}
