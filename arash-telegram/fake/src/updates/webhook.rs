//! `setWebhook` and what belongs to it.

use std::time::Duration;

use serde_json::{Value, json};
use url::{Host, Url};

use crate::clock::Timestamp;
use crate::object::Object;
use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::World;

const MAX_SECRET: usize = 256;
const PORTS: [u16; 4] = [80, 88, 443, 8443];

/// Where updates are sent.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(super) url: Url,
    pub(super) secret: Option<String>,
    pub(super) max_connections: usize,
    pub(super) last_error: Option<(Timestamp, String)>,
}

pub(crate) fn set_webhook(world: &mut World, parameters: &Parameters) -> Outcome {
    let Some(url) = parameters.text("url") else { return delete_webhook(world, parameters) };
    let now = world.now();
    let is_soon = world.updates.webhook_set.is_some_and(|at| now.since(at) < Duration::from_secs(1));
    if world.flood.is_controlled && is_soon {
        return Err(Refusal::too_many_requests(1));
    }
    let url = check_url(&url)?;
    let secret = parameters.text("secret_token");
    if secret.as_ref().is_some_and(|secret| secret.len() > MAX_SECRET) {
        return Err(Refusal::bad_request("secret token is too long"));
    }
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if !secret.iter().flat_map(|secret| secret.chars()).all(is_fine) {
        return Err(Refusal::bad_request("secret token contains unallowed characters"));
    }
    let max_connections = parameters.integer("max_connections").unwrap_or(40).clamp(1, 100).unsigned_abs() as usize;
    let updates = &mut world.updates;
    updates.webhook_set = Some(now);
    updates.allowed.update(parameters);
    updates.webhook = Some(Webhook { url, secret, max_connections, last_error: None });
    drop_pending(world, parameters);
    Ok(json!(true))
}

/// An address that Telegram would call, or one of this machine, where a test listens without TLS.
fn check_url(url: &str) -> Result<Url, Refusal> {
    let fault = |words: &str| Refusal::bad_request(format!("bad webhook: {words}"));
    let url = Url::parse(url).map_err(|_| Refusal::bad_request("invalid webhook URL specified"))?;
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(Refusal::bad_request("invalid webhook URL specified")),
    };
    match url.scheme() {
        "http" | "https" if is_local => Ok(url),
        "https" if url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) => Ok(url),
        "https" => Err(fault("Webhook can be set up only on ports 80, 88, 443 or 8443")),
        _ => Err(fault("An HTTPS URL must be provided for webhook")),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it has the form of all methods")]
pub(crate) fn delete_webhook(world: &mut World, parameters: &Parameters) -> Outcome {
    world.updates.webhook = None;
    for pending in &mut world.updates.queue {
        pending.is_under_way = false;
    }
    drop_pending(world, parameters);
    Ok(json!(true))
}

fn drop_pending(world: &mut World, parameters: &Parameters) {
    if parameters.flag("drop_pending_updates") {
        world.updates.queue.clear();
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it has the form of all methods")]
pub(crate) fn get_webhook_info(world: &mut World, _: &Parameters) -> Outcome {
    let now = world.now();
    let updates = &mut world.updates;
    let pending = updates.expire(now);
    let mut info = json!({ "url": "", "has_custom_certificate": false, "pending_update_count": pending });
    if let Some(webhook) = &updates.webhook {
        info.set("url", json!(webhook.url.as_str()));
        info.set("max_connections", webhook.max_connections);
        info.set("ip_address", "127.0.0.1");
        if let Some((at, words)) = &webhook.last_error {
            info.set("last_error_date", json!(at.unix_seconds()));
            info.set("last_error_message", words.as_str());
        }
    }
    if let Some(names) = updates.allowed.names() {
        info.set("allowed_updates", names.iter().cloned().collect::<Value>());
    }
    Ok(info)
}
