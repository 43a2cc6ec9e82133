use std::sync::Arc;
use std::time::Duration;

use crate::id::TeamId;
use crate::money::Micros;
use crate::quota::{Period, QuotaScope, QuotaSpend};
use crate::store::Store;
use crate::testing::store::events::{claim, claimed, event, make_endpoint};
use crate::testing::store::fixtures::{
    at, begin, begin_new, change, chat, commit, commit_new, following, interrupted, load, lost, make_key, make_team,
    matching, opening, records, started, stored, stored_start, texts, turn, turn_for, turn_in,
};
use crate::turn::{BeginOutcome, CommitOutcome, StartedTurn, StoredTurn, TurnCommit, TurnState};
use crate::usage::{TokenUsage, UsageFilter};

async fn requests(store: &dyn Store) -> u64 {
    let hours = store.usage_hours(UsageFilter::default(), at(0), at(100_000)).await.unwrap();
    hours.iter().map(|hour| hour.totals.requests).sum()
}

pub(super) async fn a_begun_turn_is_ended_once(store: Arc<dyn Store>) {
    let ended = begin_new(&*store, &turn_in(opening(&chat("1"), &["a", "b"], at(5))), at(0)).await;
    assert!(records(&*store).await.is_empty(), "what has begun is no usage yet");
    assert_eq!(requests(&*store).await, 0);
    commit_new(&*store, &ended).await;
    let late = interrupted(&started(&ended, at(0)), at(40));
    for again in [&ended, &late] {
        assert_eq!(commit(&*store, again).await, CommitOutcome::Duplicate(stored(&ended)));
    }
    assert_eq!(begin(&*store, &started(&ended, at(6))).await, BeginOutcome::Duplicate(stored(&ended)));
    assert_eq!(records(&*store).await, [ended.usage]);
    assert_eq!(requests(&*store).await, 1);
    assert_eq!(texts(&load(&*store, &chat("1"), at(6)).await), ["a", "b"]);
}

pub(super) async fn a_begun_turn_is_written_whole(store: Arc<dyn Store>) {
    let team_id = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team_id, "key").await;
    let period = Period::Daily;
    let spend = QuotaSpend {
        scope: QuotaScope::Team(TeamId(1)),
        period,
        bucket_start: period.bucket_start(at(0)),
        leased_by: None,
    };
    let mut ended = turn_in(opening(&chat("1"), &["a", "b"], at(7)));
    (ended.usage.team_id, ended.usage.api_key_id) = (Some(team_id), Some(key.id));
    ended.quota = vec![spend];
    ended.events = vec![event(team_id, "{}")];
    ended.touched_key = Some(key.id);
    let ended = begin_new(&*store, &ended, at(0)).await;
    assert_eq!(store.used(spend.scope, period, at(8)).await.unwrap(), (0, None), "what has begun counts nowhere yet");
    commit_new(&*store, &ended).await;
    assert_eq!(records(&*store).await, std::slice::from_ref(&ended.usage), "as it ended, not as it began");
    assert_eq!(requests(&*store).await, 1);
    assert_eq!(store.used(spend.scope, period, at(8)).await.unwrap(), (1, Some(spend.bucket_start)));
    make_endpoint(&*store, team_id, at(0)).await;
    let told: Vec<_> = claimed(&*store, &claim(at(7))).await.into_iter().map(|told| told.event).collect();
    assert_eq!(told, ended.events);
    let owner = matching(&*store, "key").await.owner;
    assert_eq!(owner.key.last_used_at, Some(at(7)));
}

pub(super) async fn a_begun_turn_is_known_before_it_ends(store: Arc<dyn Store>) {
    let start = started(&turn_for("key", at(0)), at(0));
    assert_eq!(begin(&*store, &start).await, BeginOutcome::Begun);
    let known = stored_start(&start);
    let (key, _) = start.idempotency.clone().unwrap();
    assert_eq!(store.find_turn(&key).await.unwrap(), Some(known.clone()));
    assert_eq!(begin(&*store, &start).await, BeginOutcome::Duplicate(known), "it begins once");
}

pub(super) async fn a_begun_turn_is_ended_only_as_one(store: Arc<dyn Store>) {
    let ended = begin_new(&*store, &turn_in(opening(&chat("1"), &["a", "b"], at(5))), at(0)).await;
    let blind = TurnCommit { is_begun: false, ..ended.clone() };
    let known = CommitOutcome::Duplicate(stored_start(&started(&ended, at(0))));
    assert_eq!(commit(&*store, &blind).await, known, "who does not know that it was begun is told");
    assert!(records(&*store).await.is_empty());
    commit_new(&*store, &ended).await;
}

pub(super) async fn a_begun_turn_that_nobody_knows_was_taken_for_lost(store: Arc<dyn Store>) {
    let unknown = TurnCommit { is_begun: true, ..turn_in(opening(&chat("1"), &["a", "b"], at(5))) };
    let purged =
        StoredTurn { turn_id: unknown.turn_id, state: TurnState::Interrupted, request_digest: None, receipt: None };
    assert_eq!(commit(&*store, &unknown).await, CommitOutcome::Duplicate(purged));
    assert!(records(&*store).await.is_empty());
    assert_eq!(store.load(&chat("1"), 1, at(6)).await.unwrap(), None);
}

pub(super) async fn a_begun_turn_is_lost_when_its_lease_is_over(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "key").await;
    let mut running = turn_for("key", at(0));
    (running.usage.team_id, running.usage.api_key_id) = (Some(team), Some(key.id));
    running.usage.session_key = Some("internal_1_chat".to_owned());
    let early = StartedTurn { events: vec![event(team, "\u{7}")], ..started(&running, at(0)) };
    let late = started(&turn(at(0)), at(10));
    store.begin(&[early.clone(), late.clone()]).await.unwrap();
    assert!(lost(&*store, at(29)).await.is_empty());
    let found = store.lost_turns(at(30), 100).await.unwrap();
    assert_eq!(found.len(), 1, "a lease is over at its moment");
    let StartedTurn { turn_id, idempotency, usage, events, lease_until } = &found[0];
    assert_eq!((*turn_id, idempotency, *lease_until), (early.turn_id, &early.idempotency, early.lease_until));
    assert_eq!((usage, events), (&early.usage, &early.events), "it is told as it began");
    let mut both = [early.turn_id, late.turn_id];
    both.sort_unstable();
    assert_eq!(lost(&*store, at(40)).await, both);
    assert_eq!(lost(&*store, at(40)).await, both, "to look at them does not take them out");
    assert_eq!(store.lost_turns(at(40), 1).await.unwrap().len(), 1);
    assert!(store.lost_turns(at(40), 0).await.unwrap().is_empty());
}

pub(super) async fn a_lost_turn_is_ended_by_whoever_finds_it(store: Arc<dyn Store>) {
    let ended = begin_new(&*store, &turn_in(opening(&chat("1"), &["a", "b"], at(35))), at(0)).await;
    let found = store.lost_turns(at(30), 100).await.unwrap().remove(0);
    let swept = interrupted(&found, at(31));
    commit_new(&*store, &swept).await;
    assert!(lost(&*store, at(1_000)).await.is_empty());
    assert_eq!(records(&*store).await, std::slice::from_ref(&swept.usage));
    assert_eq!(requests(&*store).await, 1);
    assert_eq!(commit(&*store, &ended).await, CommitOutcome::Duplicate(stored(&swept)), "the node comes back late");
    assert_eq!(store.load(&chat("1"), 1, at(36)).await.unwrap(), None, "what it answered is not kept");
    assert_eq!(records(&*store).await, [swept.usage]);
}

pub(super) async fn a_renewed_turn_is_not_lost(store: Arc<dyn Store>) {
    let (one, other) = (started(&turn_for("one", at(0)), at(0)), started(&turn(at(0)), at(0)));
    store.begin(&[one.clone(), other.clone()]).await.unwrap();
    let mut renewed = StartedTurn { lease_until: at(50), ..one.clone() };
    renewed.usage.tokens = TokenUsage { prompt_tokens: 200, completion_tokens: 77, estimated: true };
    (renewed.usage.cost, renewed.usage.response_time) = (Micros(999), Duration::from_secs(20));
    renewed.usage.created_at = at(20);
    store.renew_turns(std::slice::from_ref(&renewed)).await.unwrap();
    assert_eq!(lost(&*store, at(49)).await, [other.turn_id]);
    let found = store.lost_turns(at(50), 100).await.unwrap();
    let found = found.iter().find(|turn| turn.turn_id == one.turn_id).unwrap();
    assert_eq!(found.usage, renewed.usage, "what it used so far is told");
    assert_eq!((&found.idempotency, found.lease_until), (&one.idempotency, at(50)));
}

pub(super) async fn an_ended_turn_is_not_renewed(store: Arc<dyn Store>) {
    let ended = begin_new(&*store, &turn_for("key", at(5)), at(0)).await;
    commit_new(&*store, &ended).await;
    let unknown = started(&turn(at(0)), at(0));
    store.renew_turns(&[started(&ended, at(10)), unknown]).await.unwrap();
    assert!(lost(&*store, at(1_000)).await.is_empty());
    assert_eq!(records(&*store).await, std::slice::from_ref(&ended.usage));
    let (key, _) = ended.idempotency.as_ref().unwrap();
    assert_eq!(store.find_turn(key).await.unwrap(), Some(stored(&ended)));
}

pub(super) async fn a_begun_turn_holds_its_idempotency_key(store: Arc<dyn Store>) {
    let first = turn_for("key", at(5));
    let running = begin_new(&*store, &first, at(0)).await;
    let known = stored_start(&started(&first, at(0)));
    let second = turn_for("key", at(6));
    assert_eq!(begin(&*store, &started(&second, at(1))).await, BeginOutcome::Duplicate(known.clone()));
    assert_eq!(commit(&*store, &second).await, CommitOutcome::Duplicate(known));
    assert!(records(&*store).await.is_empty());
    assert_eq!(lost(&*store, at(1_000)).await, [first.turn_id], "the second was not written");
    commit_new(&*store, &running).await;
    assert_eq!(begin(&*store, &started(&second, at(6))).await, BeginOutcome::Duplicate(stored(&running)));
}

pub(super) async fn an_interrupted_turn_frees_its_idempotency_key(store: Arc<dyn Store>) {
    // Whether or not the end names the key that was taken at the beginning.
    for (name, is_named) in [("named", true), ("not named", false)] {
        let running = begin_new(&*store, &turn_for(name, at(5)), at(0)).await;
        let (key, digest) = running.idempotency.clone().unwrap();
        let mut end = interrupted(&started(&running, at(0)), at(40));
        end.idempotency = is_named.then(|| (key.clone(), digest));
        commit_new(&*store, &end).await;
        assert_eq!(store.find_turn(&key).await.unwrap(), None);
        let bare = StoredTurn { turn_id: end.turn_id, state: end.state, request_digest: None, receipt: None };
        assert_eq!(commit(&*store, &running).await, CommitOutcome::Duplicate(bare));
        let again = turn_for(name, at(50));
        let again = begin_new(&*store, &again, at(45)).await;
        commit_new(&*store, &again).await;
        assert_eq!(store.find_turn(&key).await.unwrap(), Some(stored(&again)));
    }
}

pub(super) async fn a_begun_turn_keeps_its_reply(store: Arc<dyn Store>) {
    let ended = begin_new(&*store, &turn_for("key", at(5)), at(0)).await;
    let (key, _) = ended.idempotency.clone().unwrap();
    commit_new(&*store, &ended).await;
    assert_eq!(store.find_turn(&key).await.unwrap(), Some(stored(&ended)));
    store.forget_receipts(at(4)).await.unwrap();
    assert_eq!(store.find_turn(&key).await.unwrap(), Some(stored(&ended)), "it counts from when the turn ended");
    store.forget_receipts(at(5)).await.unwrap();
    assert_eq!(store.find_turn(&key).await.unwrap(), None);
}

pub(super) async fn a_stale_end_leaves_a_begun_turn_running(store: Arc<dyn Store>) {
    let opened = change(&*store, opening(&chat("1"), &["a"], at(0))).await;
    let mut end = turn_for("key", at(5));
    end.session = Some(following(&opened, &["c"], at(5)));
    let end = begin_new(&*store, &end, at(0)).await;
    let current = change(&*store, following(&opened, &["b"], at(4))).await;
    assert_eq!(commit(&*store, &end).await, CommitOutcome::Stale);
    let (key, _) = end.idempotency.as_ref().unwrap();
    assert_eq!(store.find_turn(key).await.unwrap(), Some(stored_start(&started(&end, at(0)))));
    assert_eq!(lost(&*store, at(30)).await, [end.turn_id], "its lease and its usage stay as they were");
    assert_eq!(records(&*store).await.len(), 2);
    let anew = TurnCommit { session: Some(following(&current, &["c"], at(6))), ..end };
    commit_new(&*store, &anew).await;
    assert_eq!(texts(&load(&*store, &chat("1"), at(7)).await), ["a", "b", "c"]);
}

pub(super) async fn a_begun_turn_is_neither_purged_nor_forgotten(store: Arc<dyn Store>) {
    let opened = change(&*store, opening(&chat("1"), &["a"], at(0))).await;
    let mut running = turn_for("key", at(90));
    running.usage.session_key = Some(opened.key.as_str().to_owned());
    let running = begin_new(&*store, &running, at(0)).await;
    store.purge_turns(at(80)).await.unwrap();
    store.forget_receipts(at(80)).await.unwrap();
    assert!(store.delete_session(&opened.key, at(80)).await.unwrap());
    let (key, _) = running.idempotency.as_ref().unwrap();
    assert_eq!(store.find_turn(key).await.unwrap(), Some(stored_start(&started(&running, at(0)))));
    assert_eq!(lost(&*store, at(80)).await, [running.turn_id]);
    commit_new(&*store, &running).await;
}
