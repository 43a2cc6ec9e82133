use serde_json::json;

use crate::clock::Timestamp;
use crate::event::EventKinds;
use crate::id::TeamId;
use crate::seal::{Place, Sealed};
use crate::team::{Audited, VisibleFields};

/// Where a team is told of events, as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose it is. A team has one at most.
    pub team_id: TeamId,
    /// Where events are posted to.
    pub url: String,
    /// What they are signed with, sealed for [`SecretColumn::Present`].
    pub secret: Sealed,
    /// What shows which secret it is: `whsec_…` and the last four characters.
    pub secret_hint: String,
    /// The secret before, sealed for [`SecretColumn::Previous`], and until when events are signed with it too.
    pub previous_secret: Option<(Sealed, Timestamp)>,
    /// Whether events are sent.
    pub enabled: bool,
    /// What it is told of.
    pub events: EventKinds,
    /// Since when no attempt succeeded; `None` after one that did.
    pub failing_since: Option<Timestamp>,
    /// Why it was switched off, if nobody did it by hand.
    pub disabled_reason: Option<String>,
    /// When it was last changed by hand.
    pub updated_at: Timestamp,
}

impl Endpoint {
    /// What of it is sealed, and where it lies.
    pub fn sealed(&self) -> impl Iterator<Item = (SecretColumn, &Sealed)> {
        let previous = self.previous_secret.as_ref().map(|(sealed, _)| (SecretColumn::Previous, sealed));
        std::iter::once((SecretColumn::Present, &self.secret)).chain(previous)
    }

    /// Whether it got another address or was switched on again, so that what failed `before` may succeed now.
    pub fn is_mended_since(&self, before: &Self) -> bool {
        self.url != before.url || (self.enabled && !before.enabled)
    }
}

/// Which of an endpoint's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretColumn {
    /// The present one.
    Present,
    /// The one before.
    Previous,
}

impl SecretColumn {
    /// The place that such a secret of this team is sealed for.
    pub const fn of(self, team: TeamId) -> Place {
        let column = match self {
            Self::Present => "secret",
            Self::Previous => "previous_secret",
        };
        Place::new("webhook_endpoints", column, team.0)
    }
}

impl Audited for Endpoint {
    const KIND: &'static str = "webhook";

    /// A team has one, so it goes by the team's number.
    fn number(&self) -> i64 {
        self.team_id.0
    }

    fn team_id(&self) -> TeamId {
        self.team_id
    }

    fn visible_fields(&self) -> VisibleFields {
        let previous_end = self.previous_secret.as_ref().map(|(_, end)| end.to_rfc3339());
        [
            ("webhook_url", json!(self.url)),
            ("webhook_secret", json!(self.secret_hint)),
            ("webhook_enabled", json!(self.enabled)),
            ("events", json!(self.events)),
            ("previous_secret_expires_at", json!(previous_end)),
            ("disabled_reason", json!(self.disabled_reason)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
    }
}
