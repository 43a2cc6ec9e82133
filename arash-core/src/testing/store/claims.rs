//! What holds on a store that several nodes share. Each case returns at once on any other store.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::{NodeId, SessionId};
use crate::session::{Claim, ClaimRequest, SessionFilter, SessionKey, SessionPage};
use crate::store::Store;
use crate::testing::store::fixtures::{
    ALL, at, at_once, change, chat, commit, commit_new, following, load, opening, records, texts, turn_in,
};
use crate::turn::{CommitOutcome, SessionChange};

/// How long claims last here.
const LEASE: Duration = Duration::from_secs(30);

async fn claim(store: &dyn Store, key: &SessionKey, node: NodeId, now: Timestamp) -> Claim {
    let request = ClaimRequest { node, now, until: now.plus(LEASE) };
    store.shared().unwrap().claim(key, "user-1", request).await.unwrap()
}

/// Claims a session, which must be free: its id, the counter and the version.
async fn claim_free(store: &dyn Store, key: &SessionKey, node: NodeId, now: Timestamp) -> (SessionId, i64, i64) {
    match claim(store, key, node, now).await {
        Claim::Held { session, fence, version } => {
            assert!(fence >= 1, "a claim has a counter of 1 or more");
            (session, fence, version)
        }
        Claim::Busy => unreachable!("{key} must be free at {now}"),
    }
}

async fn is_busy(store: &dyn Store, key: &SessionKey, node: NodeId, now: Timestamp) -> bool {
    claim(store, key, node, now).await == Claim::Busy
}

/// The first change of a session that was claimed when it was new.
fn first(key: &SessionKey, claimed: (SessionId, i64, i64), texts: &[&str], at: Timestamp) -> SessionChange {
    let (id, fence, version) = claimed;
    assert_eq!(version, 0, "the session is new");
    SessionChange { id, fence, ..opening(key, texts, at) }
}

/// A session that was opened under a claim, which has ended: its id, the counter and the version.
async fn open(store: &dyn Store, key: &SessionKey, texts: &[&str], at: Timestamp) -> (SessionId, i64, i64) {
    let claimed = claim_free(store, key, NodeId::new(), at).await;
    let first = first(key, claimed, texts, at);
    commit_new(store, &turn_in(first.clone())).await;
    (first.id, first.fence, first.new_version())
}

/// The next change under this claim.
async fn next(store: &dyn Store, key: &SessionKey, fence: i64, texts: &[&str], at: Timestamp) -> SessionChange {
    SessionChange { fence, ..following(&load(store, key, at).await, texts, at) }
}

pub(super) async fn a_claim_is_exclusive(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let (one, other) = (NodeId::new(), NodeId::new());
    // Both where there is a session and where there is none.
    open(&*store, &chat("open"), &["a", "b"], at(0)).await;
    for key in [chat("open"), chat("new")] {
        claim_free(&*store, &key, one, at(1)).await;
        assert!(is_busy(&*store, &key, other, at(1)).await);
        assert!(is_busy(&*store, &key, other, at(30)).await);
    }
    claim_free(&*store, &chat("another"), other, at(1)).await;
}

pub(super) async fn a_claim_ends_with_its_time(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let (id, _, version) = open(&*store, &chat("open"), &["a", "b"], at(0)).await;
    for key in [chat("open"), chat("new")] {
        let (_, first, _) = claim_free(&*store, &key, NodeId::new(), at(0)).await;
        let other = NodeId::new();
        assert!(is_busy(&*store, &key, other, at(29)).await);
        let (_, second, _) = claim_free(&*store, &key, other, at(30)).await;
        assert!(second > first);
    }
    let (found, _, unchanged) = claim_free(&*store, &chat("open"), NodeId::new(), at(60)).await;
    assert_eq!((found, unchanged), (id, version), "the session is the same");
    assert_eq!(texts(&load(&*store, &chat("open"), at(60)).await), ["a", "b"]);
}

pub(super) async fn a_node_may_claim_anew_what_it_holds(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let (node, other) = (NodeId::new(), NodeId::new());
    open(&*store, &chat("open"), &["a", "b"], at(0)).await;
    for key in [chat("open"), chat("new")] {
        let (_, first, version) = claim_free(&*store, &key, node, at(0)).await;
        let (_, second, unchanged) = claim_free(&*store, &key, node, at(20)).await;
        assert!(second > first, "a claim anew has a counter of its own");
        assert_eq!(unchanged, version);
        assert!(is_busy(&*store, &key, other, at(49)).await, "the later claim counts");
        claim_free(&*store, &key, other, at(50)).await;
    }
}

pub(super) async fn the_counter_of_claims_grows(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let (key, mut last) = (chat("1"), 0);
    let (_, opened, _) = open(&*store, &key, &["a"], at(0)).await;
    last = last.max(opened);
    for round in 1..6 {
        let (session, fence, _) = claim_free(&*store, &key, NodeId::new(), at(round)).await;
        assert!(fence > last, "{fence} after {last}");
        last = fence;
        if round % 2 == 0 {
            let change = next(&*store, &key, fence, &["b"], at(round)).await;
            commit_new(&*store, &turn_in(change)).await;
        } else {
            store.shared().unwrap().release(session, fence).await.unwrap();
        }
    }
}

pub(super) async fn a_commit_ends_its_claim(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let key = chat("1");
    let opened = open(&*store, &key, &["a", "b"], at(0)).await;
    let (session, fence, version) = claim_free(&*store, &key, NodeId::new(), at(1)).await;
    assert_eq!((session, version), (opened.0, opened.2));
    let change = next(&*store, &key, fence, &["c", "d"], at(2)).await;
    let version = change.new_version();
    commit_new(&*store, &turn_in(change)).await;
    let (again, _, current) = claim_free(&*store, &key, NodeId::new(), at(2)).await;
    assert_eq!((again, current), (session, version));
    assert_eq!(texts(&load(&*store, &key, at(3)).await), ["a", "b", "c", "d"]);
}

pub(super) async fn a_stale_commit_leaves_the_claim(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let key = chat("1");
    open(&*store, &key, &["a", "b"], at(0)).await;
    let (_, fence, _) = claim_free(&*store, &key, NodeId::new(), at(1)).await;
    let good = next(&*store, &key, fence, &["c"], at(2)).await;
    let stale = SessionChange { expected_version: good.expected_version - 1, ..good.clone() };
    assert_eq!(commit(&*store, &turn_in(stale)).await, CommitOutcome::Stale);
    assert!(is_busy(&*store, &key, NodeId::new(), at(2)).await);
    commit_new(&*store, &turn_in(good)).await;
}

pub(super) async fn a_commit_under_an_older_claim_is_stale(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    open(&*store, &chat("open"), &["a"], at(0)).await;
    let suspended = NodeId::new();
    for (key, texts_before) in [(chat("open"), vec!["a"]), (chat("new"), vec![])] {
        let old = claim_free(&*store, &key, suspended, at(1)).await;
        let late = if old.2 == 0 {
            first(&key, old, &["late"], at(40))
        } else {
            next(&*store, &key, old.1, &["late"], at(40)).await
        };
        let new = claim_free(&*store, &key, NodeId::new(), at(40)).await;
        let good = if new.2 == 0 {
            first(&key, new, &["good"], at(40))
        } else {
            next(&*store, &key, new.1, &["good"], at(40)).await
        };
        let before = records(&*store).await.len();
        assert_eq!(commit(&*store, &turn_in(late.clone())).await, CommitOutcome::Stale, "while the other works");
        commit_new(&*store, &turn_in(good)).await;
        assert_eq!(commit(&*store, &turn_in(late)).await, CommitOutcome::Stale, "and after it");
        assert_eq!(records(&*store).await.len(), before + 1);
        assert_eq!(texts(&load(&*store, &key, at(41)).await), [texts_before, vec!["good"]].concat());
    }
}

pub(super) async fn a_commit_after_its_claim_has_ended_is_written_unless_somebody_claimed(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let key = chat("1");
    open(&*store, &key, &["a"], at(0)).await;
    let (_, fence, _) = claim_free(&*store, &key, NodeId::new(), at(1)).await;
    let slow = next(&*store, &key, fence, &["b"], at(100)).await;
    commit_new(&*store, &turn_in(slow)).await;
    assert_eq!(texts(&load(&*store, &key, at(100)).await), ["a", "b"]);
}

pub(super) async fn a_release_ends_its_own_claim_only(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    open(&*store, &chat("open"), &["a"], at(0)).await;
    for key in [chat("open"), chat("new")] {
        let (node, other) = (NodeId::new(), NodeId::new());
        let (session, first, _) = claim_free(&*store, &key, node, at(0)).await;
        let (_, second, _) = claim_free(&*store, &key, node, at(1)).await;
        let shared = store.shared().unwrap();
        shared.release(session, first).await.unwrap();
        assert!(is_busy(&*store, &key, other, at(2)).await, "an older counter ends nothing");
        shared.release(session, second + 1).await.unwrap();
        shared.release(SessionId::new(), second).await.unwrap();
        assert!(is_busy(&*store, &key, other, at(2)).await);
        shared.release(session, second).await.unwrap();
        let (_, third, _) = claim_free(&*store, &key, other, at(2)).await;
        shared.release(session, second).await.unwrap();
        assert!(is_busy(&*store, &key, node, at(2)).await, "a release twice does no harm to the next holder");
        assert!(third > second);
    }
}

pub(super) async fn renewing_reaches_own_claims_only(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let (one, other) = (NodeId::new(), NodeId::new());
    let (renewed, superseded, released) = (chat("renewed"), chat("superseded"), chat("released"));
    let (first, fence, _) = claim_free(&*store, &renewed, one, at(0)).await;
    let (second, old, _) = claim_free(&*store, &superseded, one, at(0)).await;
    let (_, current, _) = claim_free(&*store, &superseded, one, at(0)).await;
    assert!(current > old);
    let (third, ended, _) = claim_free(&*store, &released, one, at(0)).await;
    let shared = store.shared().unwrap();
    shared.release(third, ended).await.unwrap();
    shared.renew_claims(&[(first, fence), (second, old), (third, ended)], at(100)).await.unwrap();
    shared.renew_claims(&[], at(1_000)).await.unwrap();
    assert!(is_busy(&*store, &renewed, other, at(99)).await);
    claim_free(&*store, &renewed, other, at(100)).await;
    claim_free(&*store, &superseded, other, at(30)).await;
    claim_free(&*store, &released, other, at(1)).await;
}

pub(super) async fn a_claimed_new_session_is_not_seen_until_it_is_committed(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let key = chat("1");
    let claimed = claim_free(&*store, &key, NodeId::new(), at(0)).await;
    let filter = SessionFilter::default();
    let page = SessionPage { before: None, limit: 10 };
    assert_eq!(store.load(&key, ALL, at(1)).await.unwrap(), None);
    assert!(store.sessions(&filter, page, at(1)).await.unwrap().is_empty());
    assert_eq!(store.count_sessions(&filter, at(0), at(1)).await.unwrap().total, 0);
    assert!(!store.delete_session(&chat("2"), at(1)).await.unwrap());
    let opened = SessionChange { user_id: "user-7".to_owned(), ..first(&key, claimed, &["a", "b"], at(2)) };
    commit_new(&*store, &turn_in(opened.clone())).await;
    let session = load(&*store, &key, at(3)).await;
    assert_eq!((session.id, session.user_id.as_str(), session.version), (claimed.0, "user-7", opened.new_version()));
    assert_eq!(texts(&session), ["a", "b"]);
    assert_eq!(store.sessions(&filter, page, at(3)).await.unwrap().len(), 1);
    assert_eq!(store.count_sessions(&filter, at(0), at(3)).await.unwrap().total, 1);
}

pub(super) async fn an_expired_session_is_opened_anew_by_a_claim(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let key = chat("1");
    open(&*store, &key, &["old", "old too"], at(0)).await;
    let old = load(&*store, &key, at(1)).await;
    let claimed = claim_free(&*store, &key, NodeId::new(), old.expires_at).await;
    assert_eq!(claimed.2, 0, "it is new");
    assert_ne!(claimed.0, old.id);
    assert_eq!(store.load(&key, ALL, old.expires_at).await.unwrap(), None);
    let late = SessionChange { fence: claimed.1, ..following(&old, &["late"], old.expires_at) };
    assert_eq!(commit(&*store, &turn_in(late)).await, CommitOutcome::Stale, "the old session is gone");
    let anew = change(&*store, first(&key, claimed, &["new"], old.expires_at)).await;
    assert_eq!((anew.id, texts(&anew)), (claimed.0, vec!["new"]));
    assert_eq!(anew.stored_messages, 1);
}

pub(super) async fn a_session_that_expires_during_its_turn_is_committed(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let key = chat("1");
    open(&*store, &key, &["a"], at(0)).await;
    let old = load(&*store, &key, at(1)).await;
    let begun = old.expires_at.minus(Duration::from_secs(1));
    let (_, fence, _) = claim_free(&*store, &key, NodeId::new(), begun).await;
    let ended = old.expires_at.plus(Duration::from_secs(5));
    assert!(is_busy(&*store, &key, NodeId::new(), ended).await, "it is still worked with");
    let late = SessionChange { fence, ..following(&old, &["b"], ended) };
    commit_new(&*store, &turn_in(late)).await;
    assert_eq!(texts(&load(&*store, &key, ended).await), ["a", "b"]);
}

pub(super) async fn a_claimed_session_that_was_deleted_is_stale(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    open(&*store, &chat("open"), &["a"], at(0)).await;
    for (key, is_open) in [(chat("open"), true), (chat("new"), false)] {
        let claimed = claim_free(&*store, &key, NodeId::new(), at(1)).await;
        let late = if is_open {
            next(&*store, &key, claimed.1, &["b"], at(3)).await
        } else {
            first(&key, claimed, &["b"], at(3))
        };
        assert_eq!(store.delete_session(&key, at(2)).await.unwrap(), is_open);
        assert_eq!(commit(&*store, &turn_in(late.clone())).await, CommitOutcome::Stale);
        assert_eq!(store.load(&key, ALL, at(3)).await.unwrap(), None);
        let (session, _, version) = claim_free(&*store, &key, NodeId::new(), at(3)).await;
        assert_eq!(version, 0, "its claim went with it");
        assert_ne!(session, claimed.0);
        assert_eq!(commit(&*store, &turn_in(late)).await, CommitOutcome::Stale);
    }
}

pub(super) async fn purging_spares_what_is_claimed(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    let (expiring, new) = (chat("expiring"), chat("new"));
    open(&*store, &expiring, &["a"], at(0)).await;
    let old = load(&*store, &expiring, at(1)).await;
    let begun = old.expires_at.minus(Duration::from_secs(1));
    let (_, fence, _) = claim_free(&*store, &expiring, NodeId::new(), begun).await;
    let fresh = claim_free(&*store, &new, NodeId::new(), begun).await;
    let now = old.expires_at.plus(Duration::from_secs(1));
    assert_eq!(store.purge_expired(now, 100).await.unwrap(), 0);
    commit_new(&*store, &turn_in(SessionChange { fence, ..following(&old, &["b"], now) })).await;
    commit_new(&*store, &turn_in(first(&new, fresh, &["c"], now))).await;
    let abandoned = claim_free(&*store, &chat("abandoned"), NodeId::new(), now).await;
    let later = now.plus(LEASE);
    assert_eq!(store.purge_expired(later, 100).await.unwrap(), 1, "a claim that came to nothing goes");
    let anew = claim_free(&*store, &chat("abandoned"), NodeId::new(), later).await;
    assert_ne!(anew.0, abandoned.0);
}

pub(super) async fn of_16_nodes_that_claim_a_session_one_gets_it(store: Arc<dyn Store>) {
    if store.shared().is_none() {
        return;
    }
    open(&*store, &chat("open"), &["a"], at(0)).await;
    for key in [chat("open"), chat("new")] {
        let claims = at_once(16, |_| {
            let (store, key) = (Arc::clone(&store), key.clone());
            async move { claim(&*store, &key, NodeId::new(), at(1)).await }
        });
        let claims = claims.await;
        assert_eq!(claims.iter().filter(|claim| **claim == Claim::Busy).count(), 15, "{claims:?}");
    }
}
