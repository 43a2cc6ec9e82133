use arash_core::clock::Timestamp;
use arash_core::id::EventId;
use arash_core::webhook::{Delivery, DeliveryPage, DeliveryState};
use poem_openapi::{Enum, Object};
use uuid::Uuid;

use crate::choice::Choice;
use crate::cursor::{self, Cursor};
use crate::page::PageLimit;
use crate::time::Time;

/// How a delivery stands: it is to be sent, or sent again; the endpoint has it; it is not sent again unless somebody asks
/// for it.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename = "DeliveryState", rename_all = "snake_case")]
pub(crate) enum DeliveryStateName {
    Pending,
    Delivered,
    Dead,
}

impl From<DeliveryStateName> for DeliveryState {
    fn from(name: DeliveryStateName) -> Self {
        match name {
            DeliveryStateName::Pending => Self::Pending,
            DeliveryStateName::Delivered => Self::Delivered,
            DeliveryStateName::Dead => Self::Dead,
        }
    }
}

impl From<DeliveryState> for DeliveryStateName {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Dead => Self::Dead,
        }
    }
}

/// An event and what became of it.
#[derive(Debug, Object)]
#[oai(rename = "Delivery")]
pub(crate) struct DeliveryView {
    /// Its id.
    id: Uuid,
    /// What happened.
    event: String,
    /// The header `webhook-id`, the same in every attempt.
    webhook_id: Uuid,
    /// The session that it tells of; null when it tells of none.
    #[oai(nullable)]
    session_id: Option<String>,
    /// How many attempts there were, one that is on its way included, since it was last asked for.
    attempts: u32,
    /// How it stands.
    state: DeliveryStateName,
    /// What the endpoint answered last; null when it did not answer.
    #[oai(nullable)]
    status_code: Option<u16>,
    /// How long the last attempt took; null before the first one.
    #[oai(nullable)]
    response_time_ms: Option<u64>,
    /// Why the last attempt failed; null when it did not.
    #[oai(nullable)]
    error: Option<String>,
    /// When the next attempt is due; null when there is none to come.
    #[oai(nullable)]
    next_attempt_at: Option<Time>,
    /// When it happened.
    created_at: Time,
    /// When it was delivered; null when it was not.
    #[oai(nullable)]
    delivered_at: Option<Time>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let id = *delivery.event_id.as_uuid();
        Self {
            id,
            event: delivery.kind.as_str().to_owned(),
            webhook_id: id,
            session_id: delivery.session_id,
            attempts: delivery.attempts,
            state: delivery.state.into(),
            status_code: delivery.status_code,
            response_time_ms: delivery.response_time.map(|time| time.as_millis() as u64),
            error: delivery.error,
            next_attempt_at: delivery.next_attempt_at.map(Time::from),
            created_at: delivery.created_at.into(),
            delivered_at: delivery.delivered_at.map(Time::from),
        }
    }
}

/// A page of the delivery log.
#[derive(Debug, Object)]
pub(crate) struct DeliveryList {
    /// Newest first.
    items: Vec<DeliveryView>,
    /// Leads to the next page; null on the last one.
    #[oai(nullable)]
    next_cursor: Option<String>,
}

impl DeliveryList {
    /// What is asked for, with one more than a page has.
    pub(crate) fn page(
        state: Option<Choice<DeliveryStateName>>,
        limit: PageLimit,
        cursor: Option<Cursor<(Timestamp, EventId)>>,
    ) -> DeliveryPage {
        let state = state.map(|Choice(state)| state.into());
        DeliveryPage { state, before: cursor.map(|Cursor(before)| before), limit: limit.with_one_more() }
    }

    /// A page of at most `limit` deliveries, which were asked for with one more.
    pub(crate) fn of(mut deliveries: Vec<Delivery>, limit: PageLimit) -> Self {
        let next_cursor = cursor::page(&mut deliveries, limit.entries(), |last| (last.created_at, last.event_id));
        Self { items: deliveries.into_iter().map(DeliveryView::from).collect(), next_cursor }
    }
}
