use crate::clock::Timestamp;
use crate::quota::{Period, QuotaScope};
use crate::team::{KeyOwner, Principal};

/// What one caller may use and where its use is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub(super) team: QuotaScope,
    pub(super) key: QuotaScope,
    team_quota: [Option<u64>; 2],
    key_quota: [Option<u64>; 2],
}

impl Allowance {
    /// The allowance of whoever was recognised.
    pub fn of(principal: &Principal) -> Self {
        Self::of_key(principal.owner())
    }

    /// The allowance of a key of a team.
    pub fn of_key(owner: &KeyOwner) -> Self {
        Self {
            team: QuotaScope::Team(owner.team.id),
            key: QuotaScope::Key(owner.key.id),
            team_quota: [owner.team.daily_quota, owner.team.monthly_quota],
            key_quota: [owner.key.daily_quota, owner.key.monthly_quota],
        }
    }

    /// Whose use is judged against which quota: the key's own where it has one, else the team's.
    pub(super) fn judged(&self, period: Period) -> Option<(QuotaScope, u64)> {
        let (scope, quota) = self.counted(period);
        quota.map(|limit| (scope, limit))
    }

    /// Whose use tells how the caller stands, and the quota: the team's where neither it nor the key has one.
    pub(super) fn counted(&self, period: Period) -> (QuotaScope, Option<u64>) {
        let index = match period {
            Period::Daily => 0,
            Period::Monthly => 1,
        };
        let quota = |quotas: &[Option<u64>; 2]| quotas.get(index).copied().flatten();
        match quota(&self.key_quota) {
            Some(limit) => (self.key, Some(limit)),
            None => (self.team, quota(&self.team_quota)),
        }
    }
}

/// How a caller stands in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaStanding {
    /// The window.
    pub period: Period,
    /// The quota; `None` is unlimited.
    pub quota: Option<u64>,
    /// What was used over the window: by the key if the quota is its own, else by its team. Requests that are being
    /// answered are not in it yet.
    pub used: u64,
    /// When the oldest use leaves the window, so that more may be used; `None` where nothing was used, or where that
    /// would change nothing: without a quota, and with one that lets nothing through.
    pub resets_at: Option<Timestamp>,
}

impl QuotaStanding {
    /// How many requests are left; `None` is unlimited.
    pub fn remaining(&self) -> Option<u64> {
        self.quota.map(|quota| quota.saturating_sub(self.used))
    }

    /// Whether nothing is left.
    pub fn is_exceeded(&self) -> bool {
        self.remaining() == Some(0)
    }
}
