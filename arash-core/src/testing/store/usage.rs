use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::id::{ApiKeyId, TeamId, TurnId};
use crate::money::Micros;
use crate::platform::ModelId;
use crate::store::Store;
use crate::testing::store::fixtures::{at, commit_new, make_key, make_team, records, turn};
use crate::turn::TurnCommit;
use crate::usage::{DailyUsage, HourlyUsage, TokenUsage, TurnKind, UsageFilter, UsagePage, UsageTotals};

const EVERYTHING: UsagePage = UsagePage { before: None, limit: 1_000 };

/// Two teams, the first with two keys, the second with one.
async fn callers(store: &dyn Store) -> Vec<(TeamId, ApiKeyId)> {
    let (one, other) = (make_team(store, "one").await.id, make_team(store, "other").await.id);
    let mut callers = Vec::new();
    for (team, name) in [(one, "first"), (one, "second"), (other, "third")] {
        callers.push((team, make_key(store, team, name).await.id));
    }
    callers
}

fn turn_of(caller: Option<(TeamId, ApiKeyId)>, seconds: u64) -> TurnCommit {
    let mut turn = turn(at(seconds));
    turn.usage.team_id = caller.map(|(team, _)| team);
    turn.usage.api_key_id = caller.map(|(_, key)| key);
    turn
}

pub(super) async fn records_are_read_as_they_were_written(store: Arc<dyn Store>) {
    let callers = callers(&*store).await;
    let mut expected = Vec::new();
    for kind in [TurnKind::Chat, TurnKind::Command, TurnKind::Stream, TurnKind::Completion] {
        let mut full = turn_of(Some(callers[0]), 1);
        full.usage.kind = kind;
        full.usage.session_key = Some("internal_1_chat".to_owned());
        let mut bare = turn_of(None, 1);
        bare.usage.kind = kind;
        bare.usage.model_used = None;
        bare.usage.tokens = TokenUsage { estimated: true, ..TokenUsage::default() };
        bare.usage.cost = Micros(0);
        bare.usage.success = false;
        bare.usage.response_time = Duration::ZERO;
        bare.usage.error = Some("ai_service_timeout".to_owned());
        for turn in [full, bare] {
            commit_new(&*store, &turn).await;
            expected.insert(0, turn.usage);
        }
    }
    assert_eq!(records(&*store).await, expected);
}

pub(super) async fn records_are_paged_newest_first(store: Arc<dyn Store>) {
    let mut expected = Vec::new();
    for second in 0..11 {
        let turn = turn_of(None, second);
        commit_new(&*store, &turn).await;
        expected.insert(0, turn.turn_id);
    }
    for limit in [1, 3, 11, 100] {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = store.usage_records(UsageFilter::default(), UsagePage { before, limit }).await.unwrap();
            assert!(page.len() <= limit as usize, "a page has at most as many entries as were asked for");
            let Some(last) = page.last() else { break };
            before = Some(last.turn_id);
            seen.extend(page.into_iter().map(|record| record.turn_id));
            assert!(seen.len() <= expected.len(), "a page repeats what was told before, in pages of {limit}");
        }
        assert_eq!(seen, expected, "no gap and no repeat, in pages of {limit}");
    }
}

pub(super) async fn records_keep_to_their_filter(store: Arc<dyn Store>) {
    let callers = callers(&*store).await;
    for second in 0..8 {
        let caller = callers.get(second as usize % 4).copied();
        commit_new(&*store, &turn_of(caller, second)).await;
    }
    let all = records(&*store).await;
    let (one, other) = (callers[0].0, callers[2].0);
    for (team, key, count) in [
        (None, None, 8),
        (Some(one), None, 4),
        (Some(other), None, 2),
        (None, Some(callers[1].1), 2),
        (Some(one), Some(callers[0].1), 2),
        (Some(other), Some(callers[0].1), 0),
        (Some(TeamId(4_711)), None, 0),
        // Nobody's id, and not that of what has none.
        (Some(TeamId(0)), None, 0),
        (None, Some(ApiKeyId(0)), 0),
    ] {
        let filter = UsageFilter { team, key };
        let mut expected = all.clone();
        expected.retain(|record| team.is_none_or(|team| record.team_id == Some(team)));
        expected.retain(|record| key.is_none_or(|key| record.api_key_id == Some(key)));
        let filtered = store.usage_records(filter, EVERYTHING).await.unwrap();
        assert_eq!(filtered, expected, "{filter:?}");
        assert_eq!(filtered.len(), count, "{filter:?}");
        let hours = store.usage_hours(filter, at(0), at(10)).await.unwrap();
        assert_eq!(hours.iter().map(|hour| hour.totals.requests).sum::<u64>(), count as u64, "{filter:?}");
    }
}

type SumKey = (Option<TeamId>, Option<ApiKeyId>, String, Option<ModelId>, i64);

fn by_key(hours: Vec<HourlyUsage>) -> HashMap<SumKey, UsageTotals> {
    let count = hours.len();
    let sums: HashMap<_, _> = hours
        .into_iter()
        .map(|hour| {
            let key = (hour.team_id, hour.api_key_id, hour.platform, hour.model_used, hour.hour.as_millis());
            (key, hour.totals)
        })
        .collect();
    assert_eq!(sums.len(), count, "each hour of each key, platform and model is told once");
    sums
}

pub(super) async fn hours_are_the_sums_of_their_records(store: Arc<dyn Store>) {
    let callers = callers(&*store).await;
    let mut batch = Vec::new();
    for number in 0..120_u64 {
        let mut turn = turn_of(callers.get(number as usize % 4).copied(), number * 97);
        let usage = &mut turn.usage;
        usage.platform = ["internal", "telegram"][number as usize % 2].into();
        usage.model_used = [None, Some("a/b"), Some("c/d")][number as usize % 3].map(ModelId::from);
        usage.tokens =
            TokenUsage { prompt_tokens: number * 31, completion_tokens: number % 7, estimated: number % 40 == 0 };
        usage.cost = Micros(number as i64 * 13);
        usage.success = number % 5 != 0;
        usage.response_time = Duration::from_millis(number * number * 3);
        batch.push(turn);
        // Sums grow within a batch and from one to the next.
        if batch.len() == 1 + number as usize % 6 {
            store.commit(&batch).await.unwrap();
            batch.clear();
        }
    }
    store.commit(&batch).await.unwrap();
    let mut expected: HashMap<SumKey, UsageTotals> = HashMap::new();
    let records = records(&*store).await;
    assert_eq!(records.len(), 120);
    for record in &records {
        let hour = HourlyUsage::hour_of(record.created_at).as_millis();
        let key = (record.team_id, record.api_key_id, record.platform.clone(), record.model_used.clone(), hour);
        expected.entry(key).or_default().add(record);
    }
    let hours = store.usage_hours(UsageFilter::default(), at(0), at(120 * 97)).await.unwrap();
    let [team, key] =
        [UsageFilter { team: Some(callers[0].0), key: None }, UsageFilter { team: None, key: Some(callers[2].1) }];
    let both = UsageFilter { team: Some(callers[0].0), key: Some(callers[1].1) };
    for filter in [UsageFilter::default(), team, key, both] {
        let hours = store.usage_hours(filter, at(3_600), at(110 * 97)).await.unwrap();
        let mut days = store.usage_days(filter, at(3_600), at(110 * 97)).await.unwrap();
        days.sort_by(|one, other| (one.day, &one.model_used).cmp(&(other.day, &other.model_used)));
        assert_eq!(days, DailyUsage::from_hours(&hours), "{filter:?}");
        assert!(!days.is_empty(), "{filter:?}");
    }
    assert_eq!(by_key(hours), expected);
}

pub(super) async fn hours_are_told_apart_by_what_they_sum_up(store: Arc<dyn Store>) {
    let caller = callers(&*store).await[0];
    let mut turns = vec![turn_of(Some(caller), 0), turn_of(None, 0), turn_of(None, 0), turn_of(None, 0)];
    turns[1].usage.model_used = None;
    turns[2].usage.model_used = Some("a/b".into());
    turns[3].usage.platform = "web".into();
    for turn in turns.iter().chain(&turns.clone()) {
        let mut turn = turn.clone();
        turn.turn_id = TurnId::new();
        turn.usage.turn_id = turn.turn_id;
        commit_new(&*store, &turn).await;
    }
    let sums = by_key(store.usage_hours(UsageFilter::default(), at(0), at(0)).await.unwrap());
    assert_eq!(sums.len(), 4, "{sums:?}");
    assert!(sums.values().all(|totals| totals.requests == 2), "{sums:?}");
}

pub(super) async fn hours_are_told_from_first_to_last(store: Arc<dyn Store>) {
    const HOUR: u64 = 3_600;
    // The cases start at a full hour.
    for second in [0, HOUR - 1, HOUR, 3 * HOUR + 1_800, 4 * HOUR] {
        commit_new(&*store, &turn_of(None, second)).await;
    }
    for (from, to, expected) in [
        (0, 0, vec![(0, 2)]),
        (HOUR - 1, HOUR - 1, vec![(0, 2)]),
        (HOUR - 1, HOUR, vec![(0, 2), (1, 1)]),
        (HOUR, 3 * HOUR, vec![(1, 1), (3, 1)]),
        (3 * HOUR + 3_599, 10 * HOUR, vec![(3, 1), (4, 1)]),
        (2 * HOUR, 3 * HOUR - 1, Vec::new()),
        (4 * HOUR, HOUR, Vec::new()),
    ] {
        let hours = store.usage_hours(UsageFilter::default(), at(from), at(to)).await.unwrap();
        let mut told: Vec<_> =
            hours.iter().map(|hour| (hour.hour.since(at(0)).as_secs() / HOUR, hour.totals.requests)).collect();
        told.sort_unstable();
        assert_eq!(told, expected, "from second {from} to second {to}");
    }
}
