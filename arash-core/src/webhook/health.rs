//! What attempts tell of the endpoints that they went to.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::id::TeamId;
use crate::team::{Actor, AuditEntry, ChangeContext};
use crate::webhook::{Attempt, Endpoint};

/// What a batch of attempts tells of one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointNews {
    /// Whether one succeeded.
    has_succeeded: bool,
    /// The first failure; of those after the last success, if there was one.
    failed_at: Option<Timestamp>,
    /// When it is to be switched off, and why.
    disable: Option<(Timestamp, String)>,
}

impl EndpointNews {
    /// What these attempts tell, by endpoint: its team, and when it was changed last.
    pub fn of(attempts: &[Attempt]) -> BTreeMap<(TeamId, Timestamp), Self> {
        let mut sent: Vec<_> = attempts.iter().filter(|attempt| attempt.is_sent()).collect();
        sent.sort_by_key(|attempt| attempt.at);
        let mut news = BTreeMap::<_, Self>::new();
        for attempt in sent {
            news.entry((attempt.team_id, attempt.endpoint_version)).or_default().add(attempt);
        }
        news
    }

    /// What a test tells: a failure is nothing that lasts.
    pub fn of_test(attempt: &Attempt) -> BTreeMap<(TeamId, Timestamp), Self> {
        let mut news = Self::of(std::slice::from_ref(attempt));
        for news in news.values_mut() {
            news.failed_at = None;
        }
        news
    }

    fn add(&mut self, attempt: &Attempt) {
        if attempt.is_delivered() {
            (self.has_succeeded, self.failed_at) = (true, None);
        } else {
            self.failed_at = self.failed_at.or(Some(attempt.at));
        }
        if let Some(reason) = &attempt.disable {
            self.disable.get_or_insert_with(|| (attempt.at, reason.clone()));
        }
    }

    /// Since when the endpoint is failing, if it was `before`.
    pub fn failing_since(&self, before: Option<Timestamp>) -> Option<Timestamp> {
        if self.has_succeeded { self.failed_at } else { before.or(self.failed_at) }
    }

    /// Whether an attempt succeeded, and the first failure since.
    pub const fn health(&self) -> (bool, Option<Timestamp>) {
        (self.has_succeeded, self.failed_at)
    }

    /// Whether the endpoint is to be switched off.
    pub const fn switches_off(&self) -> bool {
        self.disable.is_some()
    }

    /// The endpoint as it is switched off, and the line for the audit log; `None` if it stays as it is.
    pub fn disabled(&self, endpoint: &Endpoint) -> Option<(Endpoint, AuditEntry)> {
        let (at, reason) = self.disable.as_ref().filter(|_| endpoint.enabled)?;
        let after = Endpoint { enabled: false, disabled_reason: Some(reason.clone()), ..endpoint.clone() };
        let by = ChangeContext::new(Actor::program(), *at);
        let entry = AuditEntry::changed(endpoint, &after, "disabled", &by);
        Some((after, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKind;
    use crate::id::EventId;
    use crate::webhook::{Endpoint, Event, NextStep, Sealed};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn attempt(millis: i64, next: NextStep) -> Attempt {
        let team_id = TeamId(7);
        let event = Event { id: EventId::new(), team_id, kind: EventKind::WebhookTest, payload: "{}".to_owned() };
        let endpoint = Endpoint {
            team_id,
            url: "https://a.example".to_owned(),
            secret: Sealed(Vec::new()),
            secret_hint: String::new(),
            previous_secret: None,
            enabled: true,
            events: EventKind::ALL.into_iter().collect(),
            failing_since: None,
            disabled_reason: None,
            updated_at: at(1),
        };
        Attempt::first_of(&event, &endpoint, at(millis), next)
    }

    /// Since when an endpoint is failing that was so before since `before`.
    fn failing(attempts: &[Attempt], before: Option<i64>) -> Option<i64> {
        let news = EndpointNews::of(attempts);
        news[&(TeamId(7), at(1))].failing_since(before.map(at)).map(Timestamp::as_millis)
    }

    #[test]
    fn a_failure_begins_the_failing_and_a_success_ends_it() {
        let (failure, success) =
            (|millis| attempt(millis, NextStep::Dead), |millis| attempt(millis, NextStep::Delivered));
        assert_eq!(failing(&[failure(20), failure(10)], None), Some(10));
        assert_eq!(failing(&[failure(20)], Some(5)), Some(5));
        assert_eq!(failing(&[success(20)], Some(5)), None);
        assert_eq!(failing(&[failure(10), success(20)], Some(5)), None);
        assert_eq!(failing(&[failure(40), failure(30), success(20)], Some(5)), Some(30), "what came after the success");
    }

    #[test]
    fn what_was_not_sent_tells_nothing() {
        assert!(EndpointNews::of(&[attempt(10, NextStep::GiveBack)]).is_empty());
    }

    #[test]
    fn a_test_ends_the_failing_and_begins_none() {
        let news = |next| EndpointNews::of_test(&attempt(10, next))[&(TeamId(7), at(1))].clone();
        assert_eq!(news(NextStep::Dead).failing_since(None), None);
        assert_eq!(news(NextStep::Dead).failing_since(Some(at(5))), Some(at(5)));
        assert_eq!(news(NextStep::Delivered).failing_since(Some(at(5))), None);
    }

    #[test]
    fn the_first_reason_to_switch_off_stands() {
        let gone = |millis, reason: &str| Attempt {
            disable: Some(reason.to_owned()),
            ..attempt(millis, NextStep::RetryAt(at(99)))
        };
        let news = EndpointNews::of(&[gone(20, "second"), gone(10, "first")]);
        assert_eq!(news[&(TeamId(7), at(1))].disable, Some((at(10), "first".to_owned())));
    }
}
