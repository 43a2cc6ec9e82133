use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::event::EventKind;
use crate::id::{ApiKeyId, TeamId};
use crate::quota::{QuotaScope, QuotaThreshold};
use crate::webhook::Event;

#[derive(Serialize)]
struct Body {
    quota: Quota,
}

#[derive(Serialize)]
struct Quota {
    scope: &'static str,
    api_key_id: Option<ApiKeyId>,
    period: &'static str,
    threshold_percent: u8,
    limit: u64,
    used: u64,
    resets_at: Option<String>,
}

impl Event {
    /// The event that tells `team` how much is used of a quota of its own, or of one of its keys.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) if it cannot be written as JSON.
    pub fn quota_threshold(team: TeamId, threshold: &QuotaThreshold, at: Timestamp) -> Result<Self> {
        let (scope, api_key_id) = match threshold.scope {
            QuotaScope::Team(_) => ("team", None),
            QuotaScope::Key(key) => ("api_key", Some(key)),
        };
        let quota = Quota {
            scope,
            api_key_id,
            period: threshold.period.as_str(),
            threshold_percent: threshold.percent,
            limit: threshold.limit,
            used: threshold.used,
            resets_at: threshold.resets_at.map(Timestamp::to_rfc3339),
        };
        Self::new(EventKind::QuotaThreshold, team, at, Body { quota })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::Period;

    #[test]
    fn the_payload_tells_whose_quota_and_how_much_of_it() {
        let at = Timestamp::from_millis(1_761_998_400_000);
        let threshold = QuotaThreshold {
            scope: QuotaScope::Team(TeamId(100)),
            period: Period::Daily,
            percent: 80,
            limit: 500,
            used: 400,
            resets_at: Some(Period::Daily.frees_at(at)),
        };
        let event = Event::quota_threshold(TeamId(100), &threshold, at).unwrap();
        assert_eq!(
            event.payload,
            concat!(
                r#"{"event":"quota.threshold","timestamp":"2025-11-01T12:00:00Z","team_id":100,"#,
                r#""quota":{"scope":"team","api_key_id":null,"period":"daily","threshold_percent":80,"#,
                r#""limit":500,"used":400,"resets_at":"2025-11-02T12:05:00Z"}}"#
            )
        );
        let of_key = QuotaThreshold {
            scope: QuotaScope::Key(ApiKeyId(12)),
            period: Period::Monthly,
            percent: 100,
            used: 500,
            resets_at: None,
            ..threshold
        };
        assert_eq!(
            Event::quota_threshold(TeamId(100), &of_key, at).unwrap().payload,
            concat!(
                r#"{"event":"quota.threshold","timestamp":"2025-11-01T12:00:00Z","team_id":100,"#,
                r#""quota":{"scope":"api_key","api_key_id":12,"period":"monthly","threshold_percent":100,"#,
                r#""limit":500,"used":500,"resets_at":null}}"#
            )
        );
    }
}
