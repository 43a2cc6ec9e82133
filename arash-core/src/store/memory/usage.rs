use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{ApiKeyId, TeamId, TurnId};
use crate::platform::ModelId;
use crate::store::MemoryStore;
use crate::store::memory::MAX_RECORDS;
use crate::usage::{HourlyUsage, UsageFilter, UsagePage, UsageRecord, UsageStore, UsageTotals};

/// What was used: a record a turn, and the sums of each hour.
#[derive(Default)]
pub(super) struct UsageLog {
    records: BTreeMap<TurnId, UsageRecord>,
    hours: BTreeMap<Timestamp, HashMap<SumKey, UsageTotals>>,
}

/// What an hour is added up by.
#[derive(PartialEq, Eq, Hash)]
struct SumKey {
    team_id: Option<TeamId>,
    api_key_id: Option<ApiKeyId>,
    platform: String,
    model_used: Option<ModelId>,
}

impl UsageLog {
    pub(super) fn add(&mut self, record: &UsageRecord) {
        let key = SumKey {
            team_id: record.team_id,
            api_key_id: record.api_key_id,
            platform: record.platform.clone(),
            model_used: record.model_used.clone(),
        };
        let hour = self.hours.entry(HourlyUsage::hour_of(record.created_at)).or_default();
        hour.entry(key).or_default().add(record);
        self.records.insert(record.turn_id, record.clone());
        while self.records.len() > MAX_RECORDS {
            self.records.pop_first();
        }
    }

    /// Drops records from before `until`; the sums stay.
    pub(super) fn purge(&mut self, until: Timestamp) {
        self.records.retain(|_, record| record.created_at >= until);
    }
}

fn is_in(filter: UsageFilter, team: Option<TeamId>, key: Option<ApiKeyId>) -> bool {
    filter.team.is_none_or(|wanted| team == Some(wanted)) && filter.key.is_none_or(|wanted| key == Some(wanted))
}

#[async_trait]
impl UsageStore for MemoryStore {
    async fn usage_records(&self, filter: UsageFilter, page: UsagePage) -> Result<Vec<UsageRecord>> {
        let state = self.lock();
        let end = page.before.map_or(Bound::Unbounded, Bound::Excluded);
        let newest_first = state.usage.records.range((Bound::Unbounded, end)).rev().map(|(_, record)| record);
        let wanted = newest_first.filter(|record| is_in(filter, record.team_id, record.api_key_id));
        Ok(wanted.take(page.limit as usize).cloned().collect())
    }

    async fn usage_hours(&self, filter: UsageFilter, from: Timestamp, to: Timestamp) -> Result<Vec<HourlyUsage>> {
        let (from, to) = (HourlyUsage::hour_of(from), HourlyUsage::hour_of(to));
        if from > to {
            return Ok(Vec::new());
        }
        let state = self.lock();
        let sums = state.usage.hours.range(from..=to).flat_map(|(&hour, sums)| sums.iter().map(move |sum| (hour, sum)));
        let wanted = sums.filter(|(_, (key, _))| is_in(filter, key.team_id, key.api_key_id));
        Ok(wanted
            .map(|(hour, (key, &totals))| HourlyUsage {
                team_id: key.team_id,
                api_key_id: key.api_key_id,
                platform: key.platform.clone(),
                model_used: key.model_used.clone(),
                hour,
                totals,
            })
            .collect())
    }
}
