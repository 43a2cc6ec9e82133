//! `getUpdates`.

use std::time::Duration;

use serde_json::json;

use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::{Shared, World};

const LONGEST_POLL: i64 = 50;

/// How a look at the queue ended.
enum Look {
    Ready(Outcome),
    Wait,
}

/// Tells what waits, or waits for something to tell. Of two polls at a time the older one is refused.
pub(crate) async fn get_updates(shared: &Shared, parameters: &Parameters) -> Outcome {
    let mut changes = shared.changes();
    let limit = usize::try_from(parameters.integer("limit").unwrap_or(100).clamp(1, 100)).unwrap_or(100);
    let timeout = parameters.integer("timeout").unwrap_or(0).clamp(0, LONGEST_POLL);
    let poll = match shared.change(|world| begin(world, parameters, limit, timeout > 0)) {
        Ok(Begun::Ready(updates)) => return Ok(updates),
        Ok(Begun::Waits(poll)) => poll,
        Err(refusal) => return Err(refusal),
    };
    let deadline = tokio::time::sleep(Duration::from_secs(timeout.unsigned_abs()));
    tokio::pin!(deadline);
    loop {
        if let Look::Ready(outcome) = shared.look(|world| look(world, poll, limit)) {
            return outcome;
        }
        tokio::select! {
            () = &mut deadline => return Ok(json!([])),
            () = shared.stop.cancelled() => return Ok(json!([])),
            _ = changes.changed() => {}
        }
    }
}

enum Begun {
    Ready(serde_json::Value),
    Waits(u64),
}

fn begin(world: &mut World, parameters: &Parameters, limit: usize, waits: bool) -> Result<Begun, Refusal> {
    let now = world.now();
    let updates = &mut world.updates;
    if updates.webhook.is_some() {
        let words =
            "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
        return Err(Refusal::conflict(words));
    }
    updates.allowed.update(parameters);
    updates.confirm(now, parameters.integer("offset").unwrap_or(0));
    let first = updates.first(limit);
    if !first.is_empty() || !waits {
        return Ok(Begun::Ready(json!(first)));
    }
    updates.poll += 1;
    Ok(Begun::Waits(updates.poll))
}

fn look(world: &World, poll: u64, limit: usize) -> Look {
    let updates = &world.updates;
    if updates.webhook.is_some() {
        return Look::Ready(Err(Refusal::conflict("terminated by setWebhook request")));
    }
    if updates.poll != poll {
        let words = "terminated by other getUpdates request; make sure that only one bot instance is running";
        return Look::Ready(Err(Refusal::conflict(words)));
    }
    let first = updates.first(limit);
    if first.is_empty() { Look::Wait } else { Look::Ready(Ok(json!(first))) }
}
