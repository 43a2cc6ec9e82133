use crate::clock::Timestamp;
use crate::event::EventKinds;
use crate::id::TeamId;
use crate::seal::Sealed;

/// Where a team is told of events, as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose it is. A team has one at most.
    pub team_id: TeamId,
    /// Where events are posted to.
    pub url: String,
    /// What they are signed with.
    pub secret: Sealed,
    /// What shows which secret it is: `whsec_…` and the last four characters.
    pub secret_hint: String,
    /// The secret before, and until when events are signed with it too.
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
