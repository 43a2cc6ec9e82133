//! What was called, in order.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::transport::Outcome;

/// What a client was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The outcome, as it is.
    Outcome,
    /// Something else, by a fault on purpose: an HTTP status.
    Status(u16),
    /// Nothing: the connection was reset.
    Nothing,
}

/// A call of a method.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it came. Strictly increasing over all calls.
    pub at: Timestamp,
    /// The method as Telegram spells it, or as the client did if there is none.
    pub method: String,
    /// The chat that it concerns.
    pub chat_id: Option<i64>,
    /// Its parameters; those of a query, a form or multipart are texts, files are missing.
    pub payload: Map<String, Value>,
    /// The names of the parameters that were files.
    pub uploads: Vec<String>,
    /// What came of it; none while it is under way, as a long poll is, and if a fault kept it from happening.
    pub outcome: Option<Outcome>,
    /// What the client was told of it.
    pub told: Told,
}

impl Call {
    /// A parameter as text; empty if there is none.
    pub fn text(&self, name: &str) -> String {
        match self.payload.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        }
    }

    /// Whether it did what it was asked for, whatever the client was told.
    pub fn succeeded(&self) -> bool {
        self.outcome.as_ref().is_some_and(Result::is_ok)
    }

    /// The code with which it was refused, by the server or by a fault.
    pub fn refused_with(&self) -> Option<u16> {
        match (&self.told, &self.outcome) {
            (Told::Status(status), _) => Some(*status),
            (_, Some(Err(refusal))) => Some(refusal.code),
            _ => None,
        }
    }
}

/// All calls so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    calls: Vec<Call>,
    last: Timestamp,
}

impl Record {
    /// Writes a call down and tells its number.
    pub(crate) fn begin(&mut self, now: Timestamp, mut call: Call) -> usize {
        self.last = now.max(self.last.plus(Duration::from_micros(1)));
        call.at = self.last;
        self.calls.push(call);
        self.calls.len() - 1
    }

    pub(crate) fn end(&mut self, number: usize, outcome: Option<Outcome>, told: Told) {
        if let Some(call) = self.calls.get_mut(number) {
            call.outcome = outcome;
            call.told = told;
        }
    }

    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }
}
