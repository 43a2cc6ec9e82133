use std::sync::Arc;

use crate::id::{NodeId, TeamId, TurnId};
use crate::quota::{LeaseRequest, Period, QuotaScope, QuotaSpend};
use crate::store::Store;
use crate::team::PageAfter;
use crate::testing::store::events::{claim, claimed, event, log, make_endpoint};
use crate::testing::store::fixtures::{
    ALL, at, change, chat, commit, commit_new, following, load, make_key, make_team, matching, opening, records,
    stored, texts, turn, turn_for, turn_in,
};
use crate::turn::{CommitOutcome, IdempotencyKey, RequestDigest, SessionChange, StoredTurn, TurnCommit, TurnState};
use crate::usage::UsageFilter;

const SCOPE: QuotaScope = QuotaScope::Team(TeamId(1));

fn spend() -> QuotaSpend {
    let period = Period::Daily;
    QuotaSpend { scope: SCOPE, period, bucket_start: period.bucket_start(at(0)), leased_by: None }
}

/// All that turns leave behind, to see that nothing of it changed.
async fn traces(store: &dyn Store) -> impl PartialEq + std::fmt::Debug + use<> {
    let hours = store.usage_hours(UsageFilter::default(), at(0), at(100_000)).await.unwrap();
    let sum: u64 = hours.iter().map(|hour| hour.totals.requests).sum();
    let used = store.used(SCOPE, Period::Daily, at(100)).await.unwrap();
    let mut events = Vec::new();
    for team in store.teams(false, PageAfter::first(10)).await.unwrap() {
        events.extend(log(store, team.id).await);
    }
    (records(store).await, sum, used, events)
}

pub(super) async fn a_turn_is_written_whole(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "key").await;
    let mut written = turn_in(opening(&chat("1"), &["a", "b"], at(7)));
    written.usage.team_id = Some(team);
    written.usage.api_key_id = Some(key.id);
    written.quota = vec![spend(), QuotaSpend { scope: QuotaScope::Key(key.id), ..spend() }];
    written.events = vec![event(team, "{}")];
    written.touched_key = Some(key.id);
    commit_new(&*store, &written).await;

    assert_eq!(texts(&load(&*store, &chat("1"), at(8)).await), ["a", "b"]);
    assert_eq!(records(&*store).await, [written.usage.clone()]);
    let hours = store.usage_hours(UsageFilter::default(), at(0), at(8)).await.unwrap();
    assert_eq!(hours.iter().map(|hour| hour.totals.requests).collect::<Vec<_>>(), [1]);
    for spend in &written.quota {
        let used = store.used(spend.scope, spend.period, at(8)).await.unwrap();
        assert_eq!(used, (1, Some(spend.bucket_start)));
    }
    make_endpoint(&*store, team, at(0)).await;
    let told = claimed(&*store, &claim(at(7))).await;
    let told: Vec<_> = told.into_iter().map(|told| (told.event, told.session_id, told.created_at)).collect();
    assert_eq!(told, [(written.events[0].clone(), written.usage.session_key.clone(), at(7))]);
    let owner = matching(&*store, "key").await.owner;
    assert_eq!(owner.key.last_used_at, Some(at(7)));
}

pub(super) async fn a_turn_is_committed_once(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let mut first = TurnCommit { state: TurnState::Stopped, ..turn_in(opening(&chat("1"), &["a", "b"], at(0))) };
    first.quota = vec![spend()];
    first.events = vec![event(team, "{}")];
    commit_new(&*store, &first).await;
    let (session, before) = (load(&*store, &chat("1"), at(1)).await, traces(&*store).await);
    // Its session has moved on by its own doing; it is a duplicate all the same.
    for _ in 0..2 {
        assert_eq!(commit(&*store, &first).await, CommitOutcome::Duplicate(stored(&first)));
    }
    let changed = TurnCommit { session: Some(following(&session, &["c"], at(1))), ..first.clone() };
    assert_eq!(commit(&*store, &changed).await, CommitOutcome::Duplicate(stored(&first)));
    assert_eq!(load(&*store, &chat("1"), at(1)).await, session);
    assert_eq!(traces(&*store).await, before, "a duplicate writes nothing");
}

pub(super) async fn an_idempotency_key_finds_its_turn(store: Arc<dyn Store>) {
    let (one, other) = (turn_for("one", at(0)), turn_for("other", at(1)));
    for turn in [&one, &other] {
        let (key, _) = turn.idempotency.as_ref().unwrap();
        assert_eq!(store.find_turn(key).await.unwrap(), None);
        commit_new(&*store, turn).await;
        assert_eq!(store.find_turn(key).await.unwrap(), Some(stored(turn)));
    }
}

pub(super) async fn a_turn_without_a_reply_keeps_no_idempotency_key(store: Arc<dyn Store>) {
    let no_reply = TurnCommit { receipt: None, state: TurnState::Interrupted, ..turn_for("key", at(0)) };
    commit_new(&*store, &no_reply).await;
    let (key, _) = no_reply.idempotency.as_ref().unwrap();
    assert_eq!(store.find_turn(key).await.unwrap(), None);
    assert_eq!(commit(&*store, &no_reply).await, CommitOutcome::Duplicate(stored(&no_reply)), "the turn is known");
    let again = turn_for("key", at(1));
    commit_new(&*store, &again).await;
    assert_eq!(store.find_turn(key).await.unwrap(), Some(stored(&again)));
    assert_eq!(records(&*store).await.len(), 2);
}

pub(super) async fn an_idempotency_key_is_used_once(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let first = turn_for("key", at(0));
    commit_new(&*store, &first).await;
    let before = traces(&*store).await;
    let mut second = TurnCommit { session: Some(opening(&chat("1"), &["a", "b"], at(1))), ..turn_for("key", at(1)) };
    second.idempotency.as_mut().unwrap().1 = RequestDigest::of([&b"another request"[..]]);
    second.quota = vec![spend()];
    second.events = vec![event(team, "{}")];
    assert_eq!(commit(&*store, &second).await, CommitOutcome::Duplicate(stored(&first)));
    assert_eq!(store.load(&chat("1"), ALL, at(1)).await.unwrap(), None);
    assert_eq!(traces(&*store).await, before, "a duplicate writes nothing");
    // The refused turn is not known: without the key it is a turn of its own.
    let anew = TurnCommit { idempotency: None, receipt: None, ..second };
    commit_new(&*store, &anew).await;
}

pub(super) async fn idempotency_scopes_never_meet(store: Arc<dyn Store>) {
    let mut turns = Vec::new();
    for (scope, key) in [("key:1", "a"), ("key:2", "a"), ("key:1", "A"), ("key:1", "a "), ("key:1:a", "a")] {
        let key = IdempotencyKey::new(scope, key).unwrap();
        let mut turn = turn_for("x", at(0));
        turn.idempotency.as_mut().unwrap().0 = key.clone();
        commit_new(&*store, &turn).await;
        turns.push((key, turn));
    }
    for (key, turn) in turns {
        assert_eq!(store.find_turn(&key).await.unwrap(), Some(stored(&turn)), "{key:?}");
    }
}

pub(super) async fn a_turn_without_an_idempotency_key_keeps_no_reply(store: Arc<dyn Store>) {
    let first = TurnCommit { idempotency: None, ..turn_for("x", at(0)) };
    assert!(first.receipt.is_some());
    commit_new(&*store, &first).await;
    let kept = StoredTurn { receipt: None, ..stored(&first) };
    assert_eq!(commit(&*store, &first).await, CommitOutcome::Duplicate(kept));
}

pub(super) async fn a_reply_is_forgotten_when_its_time_is_over(store: Arc<dyn Store>) {
    let (old, new) = (turn_for("old", at(0)), turn_for("new", at(1)));
    commit_new(&*store, &old).await;
    commit_new(&*store, &new).await;
    store.forget_receipts(at(0)).await.unwrap();
    let key = |turn: &TurnCommit| turn.idempotency.clone().unwrap().0;
    assert_eq!(store.find_turn(&key(&old)).await.unwrap(), None);
    assert_eq!(store.find_turn(&key(&new)).await.unwrap(), Some(stored(&new)));
    // The key may be used again, by another turn; the old turn itself stays known.
    let again = TurnCommit { idempotency: old.idempotency.clone(), ..turn_for("again", at(2)) };
    commit_new(&*store, &again).await;
    assert_eq!(store.find_turn(&key(&old)).await.unwrap(), Some(stored(&again)));
    let forgotten = StoredTurn { request_digest: None, receipt: None, ..stored(&old) };
    let repeated = TurnCommit { idempotency: None, ..old };
    assert_eq!(commit(&*store, &repeated).await, CommitOutcome::Duplicate(forgotten));
}

pub(super) async fn every_state_is_kept(store: Arc<dyn Store>) {
    for state in [TurnState::Completed, TurnState::Failed, TurnState::Interrupted, TurnState::Stopped] {
        let turn = TurnCommit { state, ..turn_for(state.as_str(), at(0)) };
        commit_new(&*store, &turn).await;
        let (key, _) = turn.idempotency.as_ref().unwrap();
        assert_eq!(store.find_turn(key).await.unwrap(), Some(stored(&turn)));
    }
}

pub(super) async fn a_stale_turn_changes_nothing(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let api_key = make_key(&*store, team, "key").await;
    let key = chat("1");
    let opened = change(&*store, opening(&key, &["a", "b"], at(0))).await;
    let current = change(&*store, following(&opened, &["c", "d"], at(1))).await;
    let node = NodeId::new();
    let period = Period::Daily;
    let (now, until) = (at(1), at(60));
    let request = LeaseRequest { node, scope: SCOPE, period, limit: 3, wanted: 3, now, until };
    assert_eq!(store.lease(request).await.unwrap().amount, 3);
    let before = traces(&*store).await;
    let ahead = {
        let mut ahead = current.clone();
        ahead.version += 1;
        ahead
    };
    for session in [&opened, &ahead] {
        let mut stale = turn_for("stale", at(2));
        stale.session = Some(following(session, &["e", "f"], at(2)));
        stale.session.as_mut().unwrap().clears = true;
        stale.quota = vec![spend(), QuotaSpend { leased_by: Some(node), ..spend() }];
        stale.events = vec![event(team, "{}")];
        stale.touched_key = Some(api_key.id);
        assert_eq!(commit(&*store, &stale).await, CommitOutcome::Stale);
        assert_eq!(load(&*store, &key, at(3)).await, current);
        assert_eq!(traces(&*store).await, before);
        let (idempotency_key, _) = stale.idempotency.as_ref().unwrap();
        assert_eq!(store.find_turn(idempotency_key).await.unwrap(), None);
        let owner = matching(&*store, "key").await.owner;
        assert_eq!(owner.key.last_used_at, None);
    }
    assert_eq!(store.reclaim(until).await.unwrap(), 3, "the block is still leased in full");
}

pub(super) async fn a_stale_turn_may_be_committed_anew(store: Arc<dyn Store>) {
    let key = chat("1");
    let opened = change(&*store, opening(&key, &["a", "b"], at(0))).await;
    let current = change(&*store, following(&opened, &["c", "d"], at(1))).await;
    let stale = TurnCommit { session: Some(following(&opened, &["e", "f"], at(2))), ..turn_for("key", at(2)) };
    assert_eq!(commit(&*store, &stale).await, CommitOutcome::Stale);
    let anew = TurnCommit { session: Some(following(&current, &["e", "f"], at(2))), ..stale };
    commit_new(&*store, &anew).await;
    assert_eq!(texts(&load(&*store, &key, at(3)).await), ["a", "b", "c", "d", "e", "f"]);
}

pub(super) async fn a_session_is_opened_once(store: Arc<dyn Store>) {
    let key = chat("1");
    let opened = change(&*store, opening(&key, &["a", "b"], at(0))).await;
    let again = turn_in(opening(&key, &["c", "d"], at(1)));
    assert_eq!(commit(&*store, &again).await, CommitOutcome::Stale);
    let same_id = turn_in(SessionChange { id: opened.id, ..opening(&key, &["c", "d"], at(1)) });
    assert_eq!(commit(&*store, &same_id).await, CommitOutcome::Stale);
    assert_eq!(load(&*store, &key, at(1)).await, opened);
}

pub(super) async fn a_session_that_is_gone_is_stale(store: Arc<dyn Store>) {
    let key = chat("1");
    let opened = change(&*store, opening(&key, &["a", "b"], at(0))).await;
    assert!(store.delete_session(&key, at(1)).await.unwrap());
    let anew = change(&*store, opening(&key, &["c", "d"], at(2))).await;
    assert_eq!(anew.version, opened.version, "the versions agree, the sessions do not");
    let late = turn_in(following(&opened, &["late"], at(3)));
    assert_eq!(commit(&*store, &late).await, CommitOutcome::Stale);
    assert_eq!(load(&*store, &key, at(3)).await, anew);
    let never = TurnCommit { turn_id: TurnId::new(), ..turn(at(3)) };
    let never = TurnCommit { session: Some(following(&opened, &["x"], at(3))), ..never };
    assert_eq!(commit(&*store, &never).await, CommitOutcome::Stale);
}

pub(super) async fn purging_turns_keeps_the_sums(store: Arc<dyn Store>) {
    let (old, edge, new) = (turn_for("old", at(0)), turn_for("edge", at(10)), turn_for("new", at(11)));
    for turn in [&old, &edge, &new] {
        commit_new(&*store, turn).await;
    }
    let hours = store.usage_hours(UsageFilter::default(), at(0), at(20)).await.unwrap();
    store.purge_turns(at(10)).await.unwrap();
    assert_eq!(records(&*store).await, [new.usage.clone(), edge.usage.clone()], "what ended at that moment stays");
    assert_eq!(store.usage_hours(UsageFilter::default(), at(0), at(20)).await.unwrap(), hours);
    let key = |turn: &TurnCommit| turn.idempotency.clone().unwrap().0;
    assert_eq!(store.find_turn(&key(&old)).await.unwrap(), None);
    for turn in [&edge, &new] {
        assert_eq!(store.find_turn(&key(turn)).await.unwrap(), Some(stored(turn)));
    }
    commit_new(&*store, &turn_for("old", at(12))).await;
    store.purge_turns(at(10)).await.unwrap();
    assert_eq!(records(&*store).await.len(), 3, "there is nothing more to purge");
}
