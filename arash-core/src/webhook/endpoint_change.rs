use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, EventKinds};
use crate::id::TeamId;
use crate::seal::Sealed;
use crate::team::{AuditEntry, ChangeContext};
use crate::webhook::Endpoint;

/// For how long events are signed with a secret that was replaced, too.
pub const SECRET_OVERLAP: Duration = Duration::from_secs(24 * 3_600);

/// What is to become of a team's endpoint; what is not named stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointChange {
    /// Whose endpoint.
    pub team_id: TeamId,
    /// Where events are posted to; a new endpoint needs it.
    pub url: Option<String>,
    /// Whether events are sent; of a new endpoint they are, unless this says otherwise.
    pub enabled: Option<bool>,
    /// What it is told of; a new endpoint of answered messages, unless this says otherwise.
    pub events: Option<EventKinds>,
    /// A secret for it.
    pub secret: NewSecret,
    /// The secret that the new one takes the place of; without this, the new one is only for an endpoint that has none.
    pub replaced: Option<ReplacedSecret>,
}

/// A secret as it is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSecret {
    /// The secret, sealed for [`SecretColumn::Present`](crate::webhook::SecretColumn::Present).
    pub sealed: Sealed,
    /// What shows which one it is.
    pub hint: String,
}

/// The present secret of an endpoint, on its way to becoming the previous one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedSecret {
    /// As it is stored. Where that is another one by now, the change is refused: it was made of what is over.
    pub present: Sealed,
    /// The same, sealed for [`SecretColumn::Previous`](crate::webhook::SecretColumn::Previous); `None` where it cannot be
    /// opened any more, so that nothing can be signed with it either.
    pub previous: Option<Sealed>,
}

impl EndpointChange {
    /// What it makes of the team's endpoint, and the line for the audit log; `None` when that changes nothing.
    ///
    /// Switched on again or told another address, an endpoint is no longer taken for failing.
    ///
    /// # Errors
    /// Those of [`Actor::require_over_webhook`](crate::team::Actor::require_over_webhook);
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a new endpoint without an address;
    /// [`Conflict`](ErrorKind::Conflict) when the secret to be replaced is another one by now.
    pub fn on(&self, before: Option<&Endpoint>, by: &ChangeContext) -> Result<Option<(Endpoint, AuditEntry)>> {
        by.actor.require_over_webhook(self.team_id)?;
        let Some(before) = before else {
            let new = self.new_endpoint(by)?;
            let entry = AuditEntry::created(&new, by);
            return Ok(Some((new, entry)));
        };
        let mut after = before.clone();
        self.replace_secret(&mut after, by)?;
        after.url = self.url.clone().unwrap_or(after.url);
        after.events = self.events.unwrap_or(after.events);
        after.enabled = self.enabled.unwrap_or(after.enabled);
        if after.is_mended_since(before) {
            after.failing_since = None;
        }
        if after.enabled && !before.enabled {
            after.disabled_reason = None;
        }
        if after == *before {
            return Ok(None);
        }
        // It tells one version from another, also of two within one moment or after a clock was put back.
        after.updated_at = by.at.max(before.updated_at.plus(Duration::from_millis(1)));
        let entry = AuditEntry::changed(before, &after, "updated", by);
        Ok(Some((after, entry)))
    }

    fn new_endpoint(&self, by: &ChangeContext) -> Result<Endpoint> {
        if self.replaced.is_some() {
            return Err(changed_meanwhile());
        }
        let url = self.url.clone().ok_or_else(|| Error::invalid("webhook_url", "is missing; there is none yet"))?;
        Ok(Endpoint {
            team_id: self.team_id,
            url,
            secret: self.secret.sealed.clone(),
            secret_hint: self.secret.hint.clone(),
            previous_secret: None,
            enabled: self.enabled.unwrap_or(true),
            events: self.events.unwrap_or_else(|| EventKinds::from_iter([EventKind::MessageCompleted])),
            failing_since: None,
            disabled_reason: None,
            updated_at: by.at,
        })
    }

    fn replace_secret(&self, endpoint: &mut Endpoint, by: &ChangeContext) -> Result<()> {
        let Some(replaced) = &self.replaced else { return Ok(()) };
        if replaced.present != endpoint.secret {
            return Err(changed_meanwhile());
        }
        endpoint.previous_secret = replaced.previous.clone().map(|previous| (previous, by.at.plus(SECRET_OVERLAP)));
        endpoint.secret = self.secret.sealed.clone();
        endpoint.secret_hint.clone_from(&self.secret.hint);
        Ok(())
    }
}

fn changed_meanwhile() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the webhook was changed by somebody else in the meantime; look at it and try again",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;
    use crate::id::ApiKeyId;
    use crate::team::Actor;

    const TEAM: TeamId = TeamId(7);

    fn secret(text: &str) -> NewSecret {
        NewSecret { sealed: Sealed(text.as_bytes().to_vec()), hint: format!("…{text}") }
    }

    fn keeping() -> EndpointChange {
        let (url, enabled, events, replaced) = (None, None, None, None);
        EndpointChange { team_id: TEAM, url, enabled, events, secret: secret("unused"), replaced }
    }

    fn making() -> EndpointChange {
        EndpointChange { url: Some("https://a.example/hook".to_owned()), secret: secret("one"), ..keeping() }
    }

    fn by(millis: i64) -> ChangeContext {
        ChangeContext::new(Actor::program(), Timestamp::from_millis(millis))
    }

    fn made() -> Endpoint {
        making().on(None, &by(10)).unwrap().unwrap().0
    }

    fn rotating(from: &str, to: &str) -> EndpointChange {
        let previous = Sealed(format!("{from} before").into_bytes());
        let replaced = ReplacedSecret { present: secret(from).sealed, previous: Some(previous) };
        EndpointChange { secret: secret(to), replaced: Some(replaced), ..keeping() }
    }

    #[test]
    fn a_new_endpoint_is_told_of_answered_messages() {
        let (made, entry) = making().on(None, &by(10)).unwrap().unwrap();
        assert!(made.enabled && made.events.iter().eq([EventKind::MessageCompleted]));
        assert_eq!((&made.secret, made.secret_hint.as_str()), (&secret("one").sealed, "…one"));
        assert_eq!((entry.action.as_str(), entry.object.as_str()), ("webhook.created", "webhook:7"));
        assert_eq!(entry.after.unwrap()["webhook_secret"], json!("…one"));
        let refused = keeping().on(None, &by(10)).unwrap_err();
        assert_eq!(refused.fields()[0].field, "webhook_url");
    }

    #[test]
    fn what_is_named_is_set_and_the_rest_stays() {
        let events = EventKinds::from_iter([EventKind::KeyCreated]);
        let change = EndpointChange { enabled: Some(false), events: Some(events), ..keeping() };
        let (after, entry) = change.on(Some(&made()), &by(20)).unwrap().unwrap();
        assert_eq!(after, Endpoint { enabled: false, events, updated_at: Timestamp::from_millis(20), ..made() });
        let changed = json!({"webhook_enabled": false, "events": ["key.created"]});
        assert_eq!((entry.action.as_str(), entry.after.as_ref()), ("webhook.updated", changed.as_object()));
        for nothing in [keeping(), EndpointChange { enabled: Some(true), ..making() }] {
            assert_eq!(nothing.on(Some(&made()), &by(20)).unwrap(), None);
        }
    }

    #[test]
    fn each_change_makes_another_version() {
        let switched = |before: &Endpoint, enabled, millis| {
            let change = EndpointChange { enabled: Some(enabled), ..keeping() };
            change.on(Some(before), &by(millis)).unwrap().unwrap().0
        };
        let off = switched(&made(), false, 10);
        let on = switched(&off, true, 3);
        let versions = [&off, &on, &switched(&on, false, 50)].map(|endpoint| endpoint.updated_at.as_millis());
        assert_eq!(versions, [11, 12, 50]);
    }

    #[test]
    fn a_replaced_secret_stays_good_for_a_day() {
        let (after, _) = rotating("one", "two").on(Some(&made()), &by(20)).unwrap().unwrap();
        let end = Timestamp::from_millis(20 + 86_400_000);
        assert_eq!(after.previous_secret, Some((Sealed(b"one before".to_vec()), end)));
        assert_eq!((&after.secret, after.secret_hint.as_str()), (&secret("two").sealed, "…two"));
        let kept = EndpointChange { enabled: Some(false), ..keeping() }.on(Some(&after), &by(30)).unwrap().unwrap().0;
        assert_eq!(kept.previous_secret, after.previous_secret);
    }

    #[test]
    fn a_secret_that_is_another_one_by_now_is_not_replaced() {
        for before in [None, Some(&made())] {
            let refused = rotating("another", "two").on(before, &by(20)).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Conflict);
        }
    }

    #[test]
    fn an_endpoint_that_is_switched_on_again_or_moved_is_not_failing() {
        let failing = Endpoint { failing_since: Some(Timestamp::from_millis(5)), ..made() };
        let gone = Endpoint { enabled: false, disabled_reason: Some("gone".to_owned()), ..failing.clone() };
        let on = EndpointChange { enabled: Some(true), ..keeping() };
        let after = on.on(Some(&gone), &by(20)).unwrap().unwrap().0;
        assert_eq!((after.enabled, after.failing_since, after.disabled_reason), (true, None, None));
        let elsewhere = EndpointChange { url: Some("https://b.example".to_owned()), ..keeping() };
        assert_eq!(elsewhere.on(Some(&failing), &by(20)).unwrap().unwrap().0.failing_since, None);
        // Whoever changes something else has not mended it.
        let told = EndpointChange { events: Some(EventKinds::from_iter(EventKind::ALL)), ..keeping() };
        let after = told.on(Some(&gone), &by(20)).unwrap().unwrap().0;
        assert_eq!((after.failing_since, after.disabled_reason.as_deref()), (failing.failing_since, Some("gone")));
    }

    #[test]
    fn a_team_lead_changes_the_own_teams_only() {
        let by = |team| ChangeContext::new(Actor::lead(ApiKeyId(3), TeamId(team)), Timestamp::from_millis(20));
        assert!(making().on(None, &by(7)).is_ok());
        for before in [None, Some(&made())] {
            assert_eq!(making().on(before, &by(8)).unwrap_err().kind(), ErrorKind::NotFound);
        }
    }
}
