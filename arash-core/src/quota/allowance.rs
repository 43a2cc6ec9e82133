use crate::clock::Timestamp;
use crate::quota::{Period, QuotaScope};
use crate::team::Principal;

/// What one caller may use and where its use is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub(super) team: QuotaScope,
    pub(super) key: QuotaScope,
    team_quota: [Option<u64>; 2],
    key_quota: [Option<u64>; 2],
}

impl Allowance {
    /// The allowance of a key of a team.
    pub fn of(principal: &Principal) -> Self {
        let owner = principal.owner();
        Self {
            team: QuotaScope::Team(owner.team.id),
            key: QuotaScope::Key(owner.key.id),
            team_quota: [owner.team.daily_quota, owner.team.monthly_quota],
            key_quota: [owner.key.daily_quota, owner.key.monthly_quota],
        }
    }

    /// Whose use is judged against which quota: the key's own where it has one, else the team's.
    pub(super) fn judged(&self, period: Period) -> Option<(QuotaScope, u64)> {
        let index = match period {
            Period::Daily => 0,
            Period::Monthly => 1,
        };
        let quota = |quotas: &[Option<u64>; 2]| quotas.get(index).copied().flatten();
        quota(&self.key_quota)
            .map(|limit| (self.key, limit))
            .or_else(|| quota(&self.team_quota).map(|limit| (self.team, limit)))
    }
}

/// How a caller stands in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaStanding {
    /// The window.
    pub period: Period,
    /// The quota; `None` is unlimited.
    pub quota: Option<u64>,
    /// What was used over the window.
    pub used: u64,
    /// When the oldest use leaves the window; `None` when nothing was used.
    pub resets_at: Option<Timestamp>,
}
