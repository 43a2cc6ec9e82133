use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::{NodeId, TurnId};
use crate::quota::{LeaseRequest, Period, QuotaSpend};
use crate::session::SessionKey;
use crate::store::Store;
use crate::testing::store::fixtures::{
    at, begin_new, change, chat, commit_new, following, load, lost, opening, records, started, stored, stored_start,
    texts, turn, turn_for, turn_in,
};
use crate::testing::store::quota::{SCOPE, request};
use crate::turn::{BeginOutcome, CommitOutcome, TurnCommit, TurnState};
use crate::usage::UsageFilter;

async fn turn_ids(store: &dyn Store) -> Vec<TurnId> {
    let mut ids: Vec<_> = records(store).await.into_iter().map(|record| record.turn_id).collect();
    ids.sort_unstable();
    ids
}

fn id_of(outcome: &CommitOutcome) -> Option<TurnId> {
    match outcome {
        CommitOutcome::Duplicate(earlier) => Some(earlier.turn_id),
        _ => None,
    }
}

pub(super) async fn an_empty_batch_is_nothing(store: Arc<dyn Store>) {
    assert_eq!(store.commit(&[]).await.unwrap(), []);
    assert_eq!(store.begin(&[]).await.unwrap(), []);
    store.renew_turns(&[]).await.unwrap();
    assert!(records(&*store).await.is_empty());
}

pub(super) async fn a_bad_turn_keeps_no_other_from_being_written(store: Arc<dyn Store>) {
    let opened = change(&*store, opening(&chat("1"), &["a", "b"], at(0))).await;
    let earlier = turn_for("key", at(0));
    commit_new(&*store, &earlier).await;
    let batch = [
        turn_in(following(&opened, &["c", "d"], at(1))),
        earlier.clone(),
        turn_in(opening(&chat("2"), &["e", "f"], at(1))),
        turn_in(opening(&chat("1"), &["stale"], at(1))),
        turn(at(1)),
        turn_for("key", at(1)),
        turn_for("other key", at(1)),
    ];
    let outcomes = store.commit(&batch).await.unwrap();
    let bad: Vec<_> = outcomes.iter().map(|outcome| *outcome != CommitOutcome::Committed).collect();
    assert_eq!(bad, [false, true, false, true, false, true, false], "{outcomes:?}");
    assert_eq!((id_of(&outcomes[1]), id_of(&outcomes[5])), (Some(earlier.turn_id), Some(earlier.turn_id)));
    assert_eq!(outcomes[3], CommitOutcome::Stale);
    assert_eq!(texts(&load(&*store, &chat("1"), at(2)).await), ["a", "b", "c", "d"]);
    assert_eq!(texts(&load(&*store, &chat("2"), at(2)).await), ["e", "f"]);
    let written = turn_ids(&*store).await;
    assert_eq!(written.len(), 6, "two from before and four of the batch");
    for (turn, outcome) in batch.iter().zip(&outcomes) {
        let is_known = written.contains(&turn.turn_id);
        assert_eq!(is_known, *outcome == CommitOutcome::Committed || turn.turn_id == earlier.turn_id);
    }
}

pub(super) async fn a_turn_twice_in_a_batch_is_written_once(store: Arc<dyn Store>) {
    let twice = turn_in(opening(&chat("1"), &["a", "b"], at(0)));
    let outcomes = store.commit(&[twice.clone(), turn(at(0)), twice.clone()]).await.unwrap();
    assert_eq!(outcomes[..2], [CommitOutcome::Committed, CommitOutcome::Committed]);
    assert_eq!(id_of(&outcomes[2]), Some(twice.turn_id));
    assert_eq!(records(&*store).await.len(), 2);
    assert_eq!(texts(&load(&*store, &chat("1"), at(1)).await), ["a", "b"]);
    let hours = store.usage_hours(UsageFilter::default(), at(0), at(0)).await.unwrap();
    assert_eq!(hours.iter().map(|hour| hour.totals.requests).sum::<u64>(), 2);
}

pub(super) async fn an_idempotency_key_twice_in_a_batch_is_used_once(store: Arc<dyn Store>) {
    let batch = [turn_for("key", at(0)), turn_for("key", at(1)), turn_for("other", at(1))];
    let outcomes = store.commit(&batch).await.unwrap();
    assert_eq!(outcomes[0], CommitOutcome::Committed);
    assert_eq!(id_of(&outcomes[1]), Some(batch[0].turn_id));
    assert_eq!(outcomes[2], CommitOutcome::Committed);
    assert_eq!(turn_ids(&*store).await, [batch[0].turn_id, batch[2].turn_id]);
}

pub(super) async fn two_turns_of_one_session_in_a_batch_keep_their_order(store: Arc<dyn Store>) {
    for (key, is_new) in [(chat("new"), true), (chat("open"), false)] {
        let (said, first) = first_turn(&*store, &key, is_new, at(1)).await;
        let change = first.session.as_ref().unwrap();
        let mut next = opening(&key, &["c", "d"], at(2));
        (next.id, next.expected_version) = (change.id, change.new_version());
        next.stored_messages = change.stored_messages + 2;
        let batch = [first, turn_in(next)];
        let outcomes = store.commit(&batch).await.unwrap();
        assert_eq!(outcomes[0], CommitOutcome::Committed);
        let session = load(&*store, &key, at(3)).await;
        let mut expected = [said, vec!["a", "b"]].concat();
        let mut version = batch[0].session.as_ref().unwrap().new_version();
        // The second may be refused, for its caller to try it anew; it must not be half written.
        if outcomes[1] == CommitOutcome::Committed {
            expected.extend(["c", "d"]);
            version += 2;
        } else {
            assert_eq!(outcomes[1], CommitOutcome::Stale);
        }
        assert_eq!(texts(&session), expected);
        assert_eq!((session.version, session.stored_messages), (version, expected.len() as u64));
    }
}

/// What was said before, and the turn that says `a` and `b`.
async fn first_turn(
    store: &dyn Store,
    key: &SessionKey,
    is_new: bool,
    at: Timestamp,
) -> (Vec<&'static str>, TurnCommit) {
    if is_new {
        return (Vec::new(), turn_in(opening(key, &["a", "b"], at)));
    }
    let session = change(store, opening(key, &["x", "y", "z"], at)).await;
    (vec!["x", "y", "z"], turn_in(following(&session, &["a", "b"], at)))
}

pub(super) async fn a_session_opened_twice_in_a_batch_is_opened_once(store: Arc<dyn Store>) {
    let key = chat("1");
    let batch = [turn_in(opening(&key, &["a", "b"], at(0))), turn_in(opening(&key, &["c", "d"], at(0)))];
    let outcomes = store.commit(&batch).await.unwrap();
    assert_eq!(outcomes.iter().filter(|&outcome| *outcome == CommitOutcome::Committed).count(), 1);
    assert_eq!(outcomes.iter().filter(|&outcome| *outcome == CommitOutcome::Stale).count(), 1);
    let expected = if outcomes[0] == CommitOutcome::Committed { ["a", "b"] } else { ["c", "d"] };
    assert_eq!(texts(&load(&*store, &key, at(1)).await), expected);
    assert_eq!(records(&*store).await.len(), 1);
}

pub(super) async fn a_large_batch_is_written_whole(store: Arc<dyn Store>) {
    const TURNS: usize = 600;
    let batch: Vec<_> =
        (0..TURNS).map(|number| turn_in(opening(&chat(&number.to_string()), &["a", "b", "c"], at(0)))).collect();
    let outcomes = store.commit(&batch).await.unwrap();
    assert_eq!(outcomes, vec![CommitOutcome::Committed; TURNS]);
    let mut ids: Vec<_> = batch.iter().map(|turn| turn.turn_id).collect();
    ids.sort_unstable();
    assert_eq!(turn_ids(&*store).await, ids);
    for number in [0, 1, TURNS / 2, TURNS - 1] {
        assert_eq!(texts(&load(&*store, &chat(&number.to_string()), at(1)).await), ["a", "b", "c"]);
    }
}

pub(super) async fn a_batch_of_begins_has_an_outcome_for_each(store: Arc<dyn Store>) {
    let ended = turn_for("ended", at(0));
    commit_new(&*store, &ended).await;
    let running = begin_new(&*store, &turn_for("running", at(0)), at(0)).await;
    let (first, other) = (turn_for("first", at(1)), turn(at(1)));
    let batch: Vec<_> = [
        first.clone(),
        TurnCommit { idempotency: ended.idempotency.clone(), ..turn(at(1)) },
        other.clone(),
        TurnCommit { idempotency: running.idempotency.clone(), ..turn(at(1)) },
        turn_for("first", at(1)),
        other.clone(),
        ended.clone(),
    ]
    .iter()
    .map(|turn| started(turn, at(1)))
    .collect();
    let expected = [
        BeginOutcome::Begun,
        BeginOutcome::Duplicate(stored(&ended)),
        BeginOutcome::Begun,
        BeginOutcome::Duplicate(stored_start(&started(&running, at(0)))),
        BeginOutcome::Duplicate(stored_start(&batch[0])),
        BeginOutcome::Duplicate(stored_start(&batch[2])),
        BeginOutcome::Duplicate(stored(&ended)),
    ];
    assert_eq!(store.begin(&batch).await.unwrap(), expected);
    assert_eq!(lost(&*store, at(1_000)).await, [running.turn_id, first.turn_id, other.turn_id]);
    assert_eq!(records(&*store).await, [ended.usage], "what has begun is no usage yet");
}

pub(super) async fn a_large_batch_begins_is_renewed_and_ends(store: Arc<dyn Store>) {
    const TURNS: usize = 300;
    let name = |number: usize| number.to_string();
    let turns: Vec<_> = (0..TURNS)
        .map(|number| TurnCommit {
            session: Some(opening(&chat(&name(number)), &["a", "b"], at(5))),
            ..turn_for(&name(number), at(5))
        })
        .collect();
    let mut begun: Vec<_> = turns.iter().map(|turn| started(turn, at(0))).collect();
    assert_eq!(store.begin(&begun).await.unwrap(), vec![BeginOutcome::Begun; TURNS]);
    for turn in &mut begun {
        turn.lease_until = at(60);
    }
    store.renew_turns(&begun).await.unwrap();
    assert!(lost(&*store, at(59)).await.is_empty());
    assert_eq!(lost(&*store, at(60)).await.len(), TURNS);
    assert_eq!(store.lost_turns(at(60), 10).await.unwrap().len(), 10, "as many as were asked for");
    let ends: Vec<_> = turns.into_iter().map(|turn| TurnCommit { is_begun: true, ..turn }).collect();
    assert_eq!(store.commit(&ends).await.unwrap(), vec![CommitOutcome::Committed; TURNS]);
    assert!(lost(&*store, at(60)).await.is_empty());
    assert_eq!(records(&*store).await.len(), TURNS);
    assert_eq!(texts(&load(&*store, &chat("7"), at(6)).await), ["a", "b"]);
}

pub(super) async fn begun_turns_and_others_are_committed_in_one_batch(store: Arc<dyn Store>) {
    let opened = change(&*store, opening(&chat("1"), &["a"], at(0))).await;
    let begun = begin_new(&*store, &turn_for("begun", at(2)), at(1)).await;
    let stale = turn_in(opening(&chat("1"), &["stale"], at(2)));
    let stale = begin_new(&*store, &stale, at(1)).await;
    let swept = TurnCommit { state: TurnState::Interrupted, receipt: None, ..begun.clone() };
    let plain = turn_in(following(&opened, &["b"], at(2)));
    let outcomes = store.commit(&[begun.clone(), stale.clone(), plain, swept]).await.unwrap();
    assert_eq!(outcomes[..3], [CommitOutcome::Committed, CommitOutcome::Stale, CommitOutcome::Committed]);
    assert_eq!(outcomes[3], CommitOutcome::Duplicate(stored(&begun)), "it was ended within the batch");
    assert_eq!(lost(&*store, at(1_000)).await, [stale.turn_id], "a stale turn goes on");
    assert_eq!(turn_ids(&*store).await.len(), 3);
}

/// A team's use is counted for all its keys, but judged for those without a quota of their own only.
pub(super) async fn what_two_kinds_of_keys_used_of_one_bucket_is_written_together(store: Arc<dyn Store>) {
    let node = NodeId::new();
    let bucket_start = store.lease(LeaseRequest { wanted: 5, ..request(node, 5, at(0)) }).await.unwrap().bucket_start;
    let spend = |leased_by| QuotaSpend { scope: SCOPE, period: Period::Daily, bucket_start, leased_by };
    let batch = [Some(node), None, Some(node)].map(|node| TurnCommit { quota: vec![spend(node)], ..turn(at(1)) });
    assert_eq!(store.commit(&batch).await.unwrap(), vec![CommitOutcome::Committed; 3]);
    assert_eq!(store.used(SCOPE, Period::Daily, at(1)).await.unwrap().0, 3);
    assert_eq!(store.reclaim(at(100_000)).await.unwrap(), 3, "two of five were spent");
}
