use arash_core::FieldError;
use arash_core::webhook::Redelivery;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use serde_json::{Map, Value};

use crate::api::Done;
use crate::body::JsonBody;
use crate::moment::Moment;

/// Which events are sent again: the oldest 1,000 that happened between two moments. Unknown fields are refused.
#[derive(Debug, Object)]
pub(crate) struct RedeliveryInput {
    /// The first moment.
    from: Moment,
    /// The last moment.
    to: Moment,
    /// Only what was never delivered. Otherwise what was delivered is sent again too; what is pending never is.
    #[oai(default = "yes")]
    only_dead: bool,
}

fn yes() -> bool {
    true
}

impl JsonBody for RedeliveryInput {
    fn more_faults(fields: &Map<String, Value>, faults: &mut Vec<FieldError>) {
        let mut moment = |name: &'static str| {
            let text = fields.get(name)?.as_str()?;
            let moment = Moment::read(text);
            if moment.is_none() {
                let message = "must be a time such as 2026-11-21T09:05:00Z (RFC 3339)";
                faults.push(FieldError { field: name.into(), message: message.into() });
            }
            moment
        };
        let (from, to) = (moment("from"), moment("to"));
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            faults.push(FieldError { field: "to".into(), message: "must not be before from".into() });
        }
    }
}

impl From<RedeliveryInput> for Redelivery {
    fn from(input: RedeliveryInput) -> Self {
        Self::Range { from: input.from.0, to: input.to.0, only_dead: input.only_dead }
    }
}

/// One event is sent again.
#[derive(ApiResponse)]
pub(crate) enum RedeliveryAccepted {
    /// The event is sent again, with attempts that count anew and the same `webhook-id`.
    #[oai(status = 202)]
    Accepted(Json<Done>),
}

impl RedeliveryAccepted {
    pub(crate) fn new() -> Self {
        Self::Accepted(Json(Done::saying("Delivery is sent again")))
    }
}

/// How many events are sent again.
#[derive(Debug, Object)]
pub(crate) struct Redelivered {
    /// Always true.
    success: bool,
    /// How many events are sent again.
    redelivered: u64,
}

/// Events are sent again.
#[derive(ApiResponse)]
pub(crate) enum RedeliveryRangeAccepted {
    /// The events are sent again, with attempts that count anew, each with the same `webhook-id`.
    #[oai(status = 202)]
    Accepted(Json<Redelivered>),
}

impl RedeliveryRangeAccepted {
    pub(crate) fn of(redelivered: u64) -> Self {
        Self::Accepted(Json(Redelivered { success: true, redelivered }))
    }
}
