//! One call: counted, perhaps struck by a fault, done, written down.

use serde_json::Value;

use super::methods::{self, Method, Weight};
use super::parameters::Parameters;
use super::refusal::{Outcome, Refusal};
use crate::clock::Timestamp;
use crate::faults::Failure;
use crate::record::{Call, Told};
use crate::updates::get_updates;
use crate::world::{Shared, World};

/// What the client is told.
pub(super) enum Reply {
    Outcome(Outcome),
    /// The same, later.
    Slow(Outcome, std::time::Duration),
    BadGateway,
    Nothing,
}

/// Does what a call asks for, unless a fault keeps it from that.
pub(super) async fn call(shared: &Shared, name: &str, parameters: &Parameters) -> Reply {
    let method = methods::find(name);
    let (number, failure) = shared.change(|world| begin(world, name, parameters));
    let (reply, outcome, told) = match failure {
        Some(Failure::Refuse(refusal)) => {
            let status = refusal.code;
            (Reply::Outcome(Err(refusal)), None, Told::Status(status))
        }
        Some(Failure::BadGateway) => (Reply::BadGateway, None, Told::Status(502)),
        Some(Failure::Reset) => (Reply::Nothing, None, Told::Nothing),
        Some(Failure::LoseReply) => (Reply::Nothing, Some(run(shared, method, parameters).await), Told::Nothing),
        Some(Failure::Slow(delay)) => {
            let outcome = run(shared, method, parameters).await;
            (Reply::Slow(outcome.clone(), delay), Some(outcome), Told::Outcome)
        }
        None => {
            let outcome = run(shared, method, parameters).await;
            (Reply::Outcome(outcome.clone()), Some(outcome), Told::Outcome)
        }
    };
    shared.change(|world| world.record.end(number, outcome, told));
    reply
}

/// A call that came as the answer of a webhook, of whose outcome nobody is told.
pub(crate) fn call_from_webhook(world: &mut World, name: &str, parameters: &Parameters) {
    let (number, _) = begin(world, name, parameters);
    let outcome = run_now(world, methods::find(name), parameters);
    world.record.end(number, Some(outcome), Told::Nothing);
}

fn begin(world: &mut World, name: &str, parameters: &Parameters) -> (usize, Option<Failure>) {
    let (now, chat_id) = (world.now(), parameters.integer("chat_id"));
    let call = Call {
        at: Timestamp::default(),
        method: methods::find(name).map_or(name, |method| method.name).to_owned(),
        chat_id,
        payload: parameters.values.clone(),
        uploads: parameters.uploads.keys().cloned().collect(),
        outcome: None,
        told: Told::Outcome,
    };
    let number = world.record.begin(now, call);
    (number, world.faults.strike(&name.to_ascii_lowercase(), chat_id, &parameters.values))
}

async fn run(shared: &Shared, method: Option<&Method>, parameters: &Parameters) -> Outcome {
    if method.is_some_and(|method| method.name == "getUpdates") && shared.look(|world| !world.bot.is_revoked) {
        return get_updates(shared, parameters).await;
    }
    shared.change(|world| run_now(world, method, parameters))
}

fn run_now(world: &mut World, method: Option<&Method>, parameters: &Parameters) -> Outcome {
    if world.bot.is_revoked {
        return Err(Refusal::new(401, "Unauthorized"));
    }
    let method = method.ok_or_else(|| Refusal::new(404, "Not Found: method not found"))?;
    count(world, method.weight, parameters)?;
    (method.run)(world, parameters)
}

/// Counts a call for flood control.
fn count(world: &mut World, weight: Weight, parameters: &Parameters) -> Result<(), Refusal> {
    let now = world.now();
    let messages = match weight {
        Weight::Free => return Ok(()),
        Weight::Light => return world.flood.all(now, 1),
        Weight::Message => 1,
        Weight::Album => match parameters.json("media", "media")? {
            Some(Value::Array(items)) => items.len(),
            _ => 1,
        },
    };
    let chat = parameters.integer("chat_id").and_then(|id| world.chats.get(&id));
    match chat.map(|chat| (chat.id, chat.kind)) {
        Some((id, kind)) => world.flood.send(now, id, kind, messages),
        None => world.flood.all(now, messages),
    }
}
