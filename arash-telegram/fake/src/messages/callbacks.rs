//! Buttons that were pressed, and what the bot answers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::clock::Timestamp;
use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::World;

/// For how long a press can be answered.
const ANSWERABLE: Duration = Duration::from_secs(60);
const MAX_ANSWER: usize = 200;

/// The number of a press.
pub type QueryId = String;

/// What the bot answered to a press.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallbackAnswer {
    /// What is shown; empty if nothing is.
    pub text: String,
    /// Whether it is shown in a window of its own.
    pub is_alert: bool,
}

#[derive(Debug)]
struct Query {
    at: Timestamp,
    answer: Option<CallbackAnswer>,
}

/// All presses.
#[derive(Debug, Default)]
pub(crate) struct Callbacks {
    queries: BTreeMap<QueryId, Query>,
}

impl Callbacks {
    pub(crate) fn press(&mut self, at: Timestamp) -> QueryId {
        let id = (4_000_000_000_000_000_000_u64 + self.queries.len() as u64).to_string();
        self.queries.insert(id.clone(), Query { at, answer: None });
        id
    }

    pub(crate) fn answer(&self, id: &str) -> Option<&CallbackAnswer> {
        self.queries.get(id).and_then(|query| query.answer.as_ref())
    }
}

pub(crate) fn answer_callback_query(world: &mut World, parameters: &Parameters) -> Outcome {
    let now = world.now();
    let text = parameters.text("text").unwrap_or_default();
    let query = world.callbacks.queries.get_mut(&parameters.text("callback_query_id").unwrap_or_default());
    match query {
        Some(query) if query.answer.is_none() && now.since(query.at) < ANSWERABLE => {
            if text.chars().count() > MAX_ANSWER {
                return Err(Refusal::bad_request("MESSAGE_TOO_LONG"));
            }
            query.answer = Some(CallbackAnswer { text, is_alert: parameters.flag("show_alert") });
            Ok(json!(true))
        }
        _ => {
            let words = "query is too old and response timeout expired or query ID is invalid";
            Err(Refusal::bad_request(words))
        }
    }
}
