use std::collections::BTreeSet;
use std::sync::Arc;

use crate::id::TeamId;
use crate::quota::{Period, QuotaScope, QuotaSpend};
use crate::store::Store;
use crate::testing::store::fixtures::{
    at, at_once, begin, begin_new, change, chat, commit, commit_new, following, interrupted, load, lost, opening,
    records, started, stored_start, texts, turn, turn_for, turn_in,
};
use crate::turn::{BeginOutcome, CommitOutcome, StoredTurn, TurnCommit, TurnState};
use crate::usage::{UsageFilter, UsageTotals};

/// Commits these turns from as many tasks at once; the outcomes stand with their turns.
async fn commit_at_once(store: &Arc<dyn Store>, turns: Vec<TurnCommit>) -> Vec<(TurnCommit, CommitOutcome)> {
    at_once(turns.len(), |number| {
        let (store, turn) = (Arc::clone(store), turns[number].clone());
        async move {
            let outcome = commit(&*store, &turn).await;
            (turn, outcome)
        }
    })
    .await
}

/// The one turn that was committed.
fn only_committed(outcomes: &[(TurnCommit, CommitOutcome)]) -> &TurnCommit {
    let mut committed = outcomes.iter().filter(|(_, outcome)| *outcome == CommitOutcome::Committed);
    let only = committed.next();
    assert!(only.is_some() && committed.next().is_none(), "one is committed: {outcomes:?}");
    &only.unwrap().0
}

fn duplicates_of<'a>(turn: &'a TurnCommit) -> impl Fn(&&'a (TurnCommit, CommitOutcome)) -> bool {
    move |(_, outcome)| matches!(outcome, CommitOutcome::Duplicate(earlier) if earlier.turn_id == turn.turn_id)
}

pub(super) async fn one_turn_of_16_tasks_is_written_once(store: Arc<dyn Store>) {
    let turn = turn_in(opening(&chat("1"), &["a", "b"], at(0)));
    let outcomes = commit_at_once(&store, vec![turn.clone(); 16]).await;
    only_committed(&outcomes);
    assert_eq!(outcomes.iter().filter(duplicates_of(&turn)).count(), 15);
    assert_eq!(records(&*store).await, [turn.usage]);
    assert_eq!(texts(&load(&*store, &chat("1"), at(1)).await), ["a", "b"]);
}

pub(super) async fn one_idempotency_key_of_16_turns_is_used_once(store: Arc<dyn Store>) {
    let turns = (0..16).map(|_| turn_for("key", at(0))).collect();
    let outcomes = commit_at_once(&store, turns).await;
    let committed = only_committed(&outcomes);
    assert_eq!(outcomes.iter().filter(duplicates_of(committed)).count(), 15);
    assert_eq!(records(&*store).await, std::slice::from_ref(&committed.usage));
}

pub(super) async fn one_session_of_16_tasks_is_opened_once(store: Arc<dyn Store>) {
    let texts_of: Vec<_> = (0..16).map(|number| number.to_string()).collect();
    let turns = texts_of.iter().map(|text| turn_in(opening(&chat("1"), &[text], at(0)))).collect();
    let outcomes = commit_at_once(&store, turns).await;
    let committed = only_committed(&outcomes);
    assert_eq!(outcomes.iter().filter(|(_, outcome)| *outcome == CommitOutcome::Stale).count(), 15);
    let session = load(&*store, &chat("1"), at(1)).await;
    let change = committed.session.as_ref().unwrap();
    assert_eq!((session.id, texts(&session)), (change.id, vec![&*change.messages[0].text]));
    assert_eq!(records(&*store).await, std::slice::from_ref(&committed.usage));
}

pub(super) async fn of_16_turns_on_one_version_one_is_written(store: Arc<dyn Store>) {
    let opened = change(&*store, opening(&chat("1"), &["a"], at(0))).await;
    let texts_of: Vec<_> = (0..16).map(|number| number.to_string()).collect();
    let turns = texts_of.iter().map(|text| turn_in(following(&opened, &[text], at(1)))).collect();
    let outcomes = commit_at_once(&store, turns).await;
    let committed = only_committed(&outcomes).session.as_ref().unwrap();
    assert_eq!(outcomes.iter().filter(|(_, outcome)| *outcome == CommitOutcome::Stale).count(), 15);
    let session = load(&*store, &chat("1"), at(2)).await;
    assert_eq!(texts(&session), ["a", &*committed.messages[0].text]);
    assert_eq!(session.version, committed.new_version());
    assert_eq!(records(&*store).await.len(), 2);
}

/// Appends `texts` as often as it takes; returns the version that it worked with.
async fn append(store: &dyn Store, texts: &[&str]) -> i64 {
    loop {
        let session = load(store, &chat("1"), at(1)).await;
        let outcome = commit(store, &turn_in(following(&session, texts, at(1)))).await;
        if outcome == CommitOutcome::Committed {
            return session.version;
        }
        assert_eq!(outcome, CommitOutcome::Stale);
        tokio::task::yield_now().await;
    }
}

pub(super) async fn what_64_tasks_append_is_all_there_in_order(store: Arc<dyn Store>) {
    const TASKS: usize = 64;
    change(&*store, opening(&chat("1"), &["first"], at(0))).await;
    let appended = at_once(TASKS, |number| {
        let store = Arc::clone(&store);
        async move {
            let texts = [format!("question {number}"), format!("answer {number}")];
            (append(&*store, &[&texts[0], &texts[1]]).await, texts)
        }
    });
    let mut appended = appended.await;
    appended.sort_unstable_by_key(|(version, _)| *version);
    let versions: BTreeSet<_> = appended.iter().map(|(version, _)| version).collect();
    assert_eq!(versions.len(), TASKS, "no two turns worked with one version");
    let session = load(&*store, &chat("1"), at(2)).await;
    let expected: Vec<_> = appended.iter().flat_map(|(_, texts)| texts.iter().map(String::as_str)).collect();
    assert_eq!(texts(&session)[1..], expected, "in the order of their versions, none torn apart, none lost");
    assert_eq!(session.version, 1 + 2 * TASKS as i64);
    assert_eq!(session.stored_messages, 1 + 2 * TASKS as u64);
    assert_eq!(records(&*store).await.len(), 1 + TASKS);
}

pub(super) async fn sums_hold_what_many_tasks_wrote(store: Arc<dyn Store>) {
    const TASKS: usize = 32;
    let (scope, period) = (QuotaScope::Team(TeamId(1)), Period::Daily);
    let bucket_start = period.bucket_start(at(0));
    at_once(TASKS, |_| {
        let store = Arc::clone(&store);
        async move {
            for second in 0..4 {
                let mut turn = turn(at(second));
                turn.quota = vec![QuotaSpend { scope, period, bucket_start, leased_by: None }];
                commit_new(&*store, &turn).await;
            }
        }
    })
    .await;
    let records = records(&*store).await;
    assert_eq!(records.len(), TASKS * 4);
    let mut expected = UsageTotals::default();
    for record in &records {
        expected.add(record);
    }
    let hours = store.usage_hours(UsageFilter::default(), at(0), at(10)).await.unwrap();
    assert_eq!(hours.iter().map(|hour| hour.totals).collect::<Vec<_>>(), [expected]);
    assert_eq!(store.used(scope, period, at(10)).await.unwrap(), (TASKS as u64 * 4, Some(bucket_start)));
}

pub(super) async fn of_two_that_end_a_begun_turn_one_does(store: Arc<dyn Store>) {
    let ended = TurnCommit { session: Some(opening(&chat("1"), &["a", "b"], at(2))), ..turn_for("key", at(2)) };
    let ended = begin_new(&*store, &ended, at(0)).await;
    let swept = interrupted(&started(&ended, at(0)), at(40));
    let turns = (0..16).map(|number| if number % 2 == 0 { ended.clone() } else { swept.clone() }).collect();
    let outcomes = commit_at_once(&store, turns).await;
    let committed = only_committed(&outcomes);
    assert_eq!(outcomes.iter().filter(duplicates_of(committed)).count(), 15);
    let told = |(_, outcome): &&(TurnCommit, CommitOutcome)| match outcome {
        CommitOutcome::Duplicate(StoredTurn { state, .. }) => *state == committed.state,
        _ => true,
    };
    assert!(outcomes.iter().all(|outcome| told(&outcome)), "who comes late is told how it ended: {outcomes:?}");
    assert_eq!(records(&*store).await, std::slice::from_ref(&committed.usage));
    let is_open = store.load(&chat("1"), 1, at(3)).await.unwrap().is_some();
    assert_eq!(is_open, committed.state == TurnState::Completed);
    assert!(lost(&*store, at(1_000)).await.is_empty());
}

pub(super) async fn of_16_that_begin_under_one_idempotency_key_one_does(store: Arc<dyn Store>) {
    let begun = at_once(16, |_| {
        let (store, turn) = (Arc::clone(&store), started(&turn_for("key", at(0)), at(0)));
        async move { (begin(&*store, &turn).await, turn) }
    });
    let outcomes = begun.await;
    let first: Vec<_> = outcomes.iter().filter(|(outcome, _)| *outcome == BeginOutcome::Begun).collect();
    assert_eq!(first.len(), 1, "{outcomes:?}");
    let known = stored_start(&first[0].1);
    assert!(
        outcomes.iter().all(|(outcome, _)| match outcome {
            BeginOutcome::Begun => true,
            BeginOutcome::Duplicate(earlier) => *earlier == known,
        }),
        "{outcomes:?}"
    );
    assert_eq!(lost(&*store, at(1_000)).await, [first[0].1.turn_id]);
}
