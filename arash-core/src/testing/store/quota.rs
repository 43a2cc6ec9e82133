use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::{ApiKeyId, NodeId, TeamId};
use crate::quota::{BlockPlace, Lease, LeaseRequest, Period, QuotaScope, QuotaSpend};
use crate::store::Store;
use crate::testing::store::fixtures::{at, commit_new, turn};

pub(super) const SCOPE: QuotaScope = QuotaScope::Team(TeamId(1));
const DAILY: Period = Period::Daily;

/// Asks for one request of `limit` a day for a minute from `now`.
pub(super) fn request(node: NodeId, limit: u64, now: Timestamp) -> LeaseRequest {
    let until = now.plus(Duration::from_mins(1));
    LeaseRequest { node, scope: SCOPE, period: DAILY, limit, wanted: 1, now, until }
}

/// The day's bucket that begins at `bucket_start`.
fn daily(bucket_start: Timestamp) -> BlockPlace {
    BlockPlace { scope: SCOPE, period: DAILY, bucket_start }
}

/// Leases `amount` at `now` out of a quota that has room for it.
async fn lease(store: &dyn Store, node: NodeId, amount: u64, now: Timestamp) -> Lease {
    let lease = store.lease(LeaseRequest { wanted: amount, ..request(node, 1_000, now) }).await.unwrap();
    assert!(lease.amount >= amount, "{lease:?}");
    store.give_back(node, SCOPE, DAILY, lease.bucket_start, lease.amount - amount).await.unwrap();
    Lease { amount, ..lease }
}

/// How many of `limit` are neither used nor leased at `now`: leases them all and gives them back.
pub(super) async fn left(store: &dyn Store, limit: u64, now: Timestamp) -> u64 {
    let node = NodeId::new();
    let lease = store.lease(LeaseRequest { wanted: limit, ..request(node, limit, now) }).await.unwrap();
    store.give_back(node, SCOPE, DAILY, lease.bucket_start, lease.amount).await.unwrap();
    lease.amount
}

/// Commits `count` requests.
pub(super) async fn spend(store: &dyn Store, leased_by: Option<NodeId>, bucket_start: Timestamp, count: usize) {
    let mut turn = turn(bucket_start);
    turn.quota = vec![QuotaSpend { scope: SCOPE, period: DAILY, bucket_start, leased_by }; count];
    commit_new(store, &turn).await;
}

async fn used(store: &dyn Store, now: Timestamp) -> (u64, Option<Timestamp>) {
    store.used(SCOPE, DAILY, now).await.unwrap()
}

pub(super) async fn a_block_is_what_is_waited_for_or_a_share_of_what_is_left(store: Arc<dyn Store>) {
    let node = NodeId::new();
    let now = at(123);
    let bucket_start = DAILY.bucket_start(now);
    for (wanted, amount, oldest_bucket) in [(1, 31, None), (100, 100, Some(bucket_start)), (1, 27, Some(bucket_start))]
    {
        let lease = store.lease(LeaseRequest { wanted, ..request(node, 1_000, now) }).await.unwrap();
        assert_eq!(lease, Lease { amount, bucket_start, oldest_bucket });
    }
    let rest = store.lease(LeaseRequest { wanted: 5_000, ..request(node, 1_000, now) }).await.unwrap();
    assert_eq!(rest.amount, 842, "never more than is left");
    assert_eq!(used(&*store, now).await, (0, None), "what is leased is not used");
}

pub(super) async fn a_used_up_quota_grants_nothing(store: Arc<dyn Store>) {
    let node = NodeId::new();
    let first = lease(&*store, node, 2, at(0)).await.bucket_start;
    spend(&*store, Some(node), first, 2).await;
    let second = lease(&*store, node, 3, at(600)).await.bucket_start;
    store.renew(node, &[daily(first), daily(second)], at(1_000_000)).await.unwrap();
    let none = store.lease(request(node, 5, at(1_200))).await.unwrap();
    let bucket_start = DAILY.bucket_start(at(1_200));
    assert_eq!(none, Lease { amount: 0, bucket_start, oldest_bucket: Some(first) });
    let lowered = store.lease(request(node, 3, at(1_200))).await.unwrap();
    assert_eq!(lowered.amount, 0, "a limit that was lowered below what is taken");
    let raised = store.lease(LeaseRequest { wanted: 9, ..request(node, 6, at(1_200)) }).await.unwrap();
    assert_eq!(raised.amount, 1);
    let once_the_first_has_left = DAILY.frees_at(first);
    let later = store.lease(request(NodeId::new(), 4, once_the_first_has_left)).await.unwrap();
    assert_eq!(later.oldest_bucket, Some(second), "a block that is leased frees up too");
    assert_eq!(later.amount, 0);
}

pub(super) async fn a_quota_of_zero_grants_nothing(store: Arc<dyn Store>) {
    let lease = store.lease(request(NodeId::new(), 0, at(0))).await.unwrap();
    assert_eq!(lease, Lease { amount: 0, bucket_start: DAILY.bucket_start(at(0)), oldest_bucket: None });
}

pub(super) async fn nodes_share_a_quota(store: Arc<dyn Store>) {
    let (one, other) = (NodeId::new(), NodeId::new());
    lease(&*store, one, 6, at(0)).await;
    let rest = store.lease(LeaseRequest { wanted: 10, ..request(other, 10, at(1)) }).await.unwrap();
    assert_eq!(rest.amount, 4);
    assert_eq!(store.lease(request(one, 10, at(1))).await.unwrap().amount, 0);
}

pub(super) async fn scopes_and_periods_are_counted_apart(store: Arc<dyn Store>) {
    let node = NodeId::new();
    let scopes = [SCOPE, QuotaScope::Team(TeamId(2)), QuotaScope::Key(ApiKeyId(1)), QuotaScope::Key(ApiKeyId(11))];
    for scope in scopes {
        for period in Period::ALL {
            let asked = LeaseRequest { scope, period, wanted: 5, ..request(node, 5, at(0)) };
            let lease = store.lease(asked).await.unwrap();
            assert_eq!((lease.amount, lease.bucket_start), (5, period.bucket_start(at(0))), "{scope} {period}");
        }
    }
    store.give_back(node, SCOPE, DAILY, DAILY.bucket_start(at(0)), 5).await.unwrap();
    for scope in scopes {
        for period in Period::ALL {
            let asked = LeaseRequest { scope, period, ..request(node, 5, at(0)) };
            let is_free = scope == SCOPE && period == DAILY;
            assert_eq!(store.lease(asked).await.unwrap().amount, u64::from(is_free), "{scope} {period}");
        }
    }
}

pub(super) async fn what_is_given_back_can_be_leased_again(store: Arc<dyn Store>) {
    let (one, other) = (NodeId::new(), NodeId::new());
    let first = lease(&*store, one, 10, at(0)).await;
    assert_eq!(left(&*store, 10, at(0)).await, 0);
    store.give_back(one, SCOPE, DAILY, first.bucket_start, 4).await.unwrap();
    assert_eq!(left(&*store, 10, at(0)).await, 4);
    store.renew(one, &[daily(first.bucket_start)], at(1_000)).await.unwrap();
    let again = store.lease(LeaseRequest { wanted: 10, ..request(other, 10, at(400)) }).await.unwrap();
    assert_eq!(again.amount, 4, "also in a later bucket and by another node");
}

pub(super) async fn no_more_is_given_back_than_was_leased(store: Arc<dyn Store>) {
    let (one, other) = (NodeId::new(), NodeId::new());
    let bucket = lease(&*store, one, 3, at(0)).await.bucket_start;
    lease(&*store, other, 5, at(0)).await;
    store.give_back(NodeId::new(), SCOPE, DAILY, bucket, 5).await.unwrap();
    store.give_back(one, SCOPE, DAILY, bucket.plus(DAILY.bucket()), 5).await.unwrap();
    assert_eq!(left(&*store, 10, at(0)).await, 2, "a node without a lease gives nothing back");
    for _ in 0..2 {
        store.give_back(one, SCOPE, DAILY, bucket, 100).await.unwrap();
        assert_eq!(left(&*store, 10, at(0)).await, 5, "the other node's block stays leased");
    }
    spend(&*store, Some(other), bucket, 5).await;
    store.give_back(other, SCOPE, DAILY, bucket, 5).await.unwrap();
    assert_eq!(left(&*store, 10, at(0)).await, 5, "what is spent is not given back");
    assert_eq!(used(&*store, at(0)).await, (5, Some(bucket)));
}

pub(super) async fn a_spent_request_moves_from_leased_to_used(store: Arc<dyn Store>) {
    let node = NodeId::new();
    let bucket = lease(&*store, node, 4, at(0)).await.bucket_start;
    for count in 1..=4 {
        spend(&*store, Some(node), bucket, 1).await;
        assert_eq!(used(&*store, at(1)).await, (count, Some(bucket)));
        assert_eq!(left(&*store, 10, at(1)).await, 6, "the sum of used and leased stays");
    }
    assert_eq!(store.reclaim(at(3_600)).await.unwrap(), 0, "nothing of the block is left");
}

pub(super) async fn use_without_a_quota_is_counted_too(store: Arc<dyn Store>) {
    let bucket = DAILY.bucket_start(at(0));
    spend(&*store, None, bucket, 3).await;
    assert_eq!(used(&*store, at(0)).await, (3, Some(bucket)));
    assert_eq!(left(&*store, 5, at(0)).await, 2, "it counts towards a quota that is set later");
    spend(&*store, None, bucket, 9).await;
    assert_eq!(left(&*store, 5, at(0)).await, 0);
}

pub(super) async fn a_block_goes_back_when_its_time_is_over(store: Arc<dyn Store>) {
    let (one, other) = (NodeId::new(), NodeId::new());
    let bucket = lease(&*store, one, 6, at(0)).await.bucket_start;
    lease(&*store, other, 4, at(30)).await;
    spend(&*store, Some(one), bucket, 2).await;
    let just_before = Timestamp::from_millis(at(60).as_millis() - 1);
    assert_eq!(store.reclaim(just_before).await.unwrap(), 0);
    assert_eq!(store.reclaim(at(60)).await.unwrap(), 4, "what the first node did not spend");
    assert_eq!(store.reclaim(at(60)).await.unwrap(), 0, "it goes back once");
    assert_eq!(left(&*store, 10, at(60)).await, 4);
    assert_eq!(store.reclaim(at(90)).await.unwrap(), 4);
    assert_eq!(left(&*store, 10, at(90)).await, 8);
    assert_eq!(used(&*store, at(90)).await, (2, Some(bucket)));
    store.give_back(one, SCOPE, DAILY, bucket, 4).await.unwrap();
    assert_eq!(left(&*store, 10, at(90)).await, 8, "what was reclaimed cannot be given back as well");
}

pub(super) async fn a_renewed_block_stays(store: Arc<dyn Store>) {
    let (one, other) = (NodeId::new(), NodeId::new());
    lease(&*store, one, 2, at(0)).await;
    let asked = LeaseRequest { period: Period::Monthly, wanted: 3, ..request(one, 3, at(0)) };
    assert_eq!(store.lease(asked).await.unwrap().amount, 3);
    lease(&*store, other, 4, at(0)).await;
    let month = BlockPlace { scope: SCOPE, period: Period::Monthly, bucket_start: Period::Monthly.bucket_start(at(0)) };
    store.renew(one, &[daily(DAILY.bucket_start(at(0))), month], at(200)).await.unwrap();
    assert_eq!(store.reclaim(at(100)).await.unwrap(), 4, "only the block of the node that did not renew");
    assert_eq!(left(&*store, 10, at(100)).await, 8);
    assert_eq!(store.reclaim(at(200)).await.unwrap(), 5);
    assert_eq!(left(&*store, 10, at(200)).await, 10);
}

pub(super) async fn a_request_of_a_reclaimed_block_is_counted(store: Arc<dyn Store>) {
    let (late, other) = (NodeId::new(), NodeId::new());
    let bucket = lease(&*store, late, 2, at(0)).await.bucket_start;
    lease(&*store, other, 3, at(100)).await;
    assert_eq!(store.reclaim(at(100)).await.unwrap(), 2);
    spend(&*store, Some(late), bucket, 1).await;
    assert_eq!(used(&*store, at(100)).await, (1, Some(bucket)));
    assert_eq!(left(&*store, 10, at(100)).await, 6, "the other node's block stays leased");
    spend(&*store, Some(other), bucket, 3).await;
    assert_eq!(used(&*store, at(100)).await, (4, Some(bucket)));
    assert_eq!(left(&*store, 10, at(100)).await, 6);
}

pub(super) async fn use_leaves_the_window_bucket_by_bucket(store: Arc<dyn Store>) {
    let buckets = [0, 1_000, 50_000].map(|second| DAILY.bucket_start(at(second)));
    for (bucket, count) in buckets.into_iter().zip(1..) {
        spend(&*store, None, bucket, count).await;
    }
    let mut expected = vec![(6, Some(buckets[0])), (5, Some(buckets[1])), (3, Some(buckets[2])), (0, None)].into_iter();
    assert_eq!(Some(used(&*store, at(50_000)).await), expected.next());
    for bucket in buckets {
        let frees_at = DAILY.frees_at(bucket);
        let just_before = Timestamp::from_millis(frees_at.as_millis() - 1);
        let (before, after) = (used(&*store, just_before).await, used(&*store, frees_at).await);
        assert_eq!(before.1, Some(bucket), "it is in the window until {frees_at}");
        assert_eq!(Some(after), expected.next());
        assert_eq!(left(&*store, 6, just_before).await, 6 - before.0);
        assert_eq!(left(&*store, 6, frees_at).await, 6 - after.0);
    }
}

pub(super) async fn purging_forgets_only_what_left_the_window(store: Arc<dyn Store>) {
    let (first, second) = (DAILY.bucket_start(at(0)), DAILY.bucket_start(at(1_000)));
    spend(&*store, None, first, 1).await;
    spend(&*store, None, second, 2).await;
    let mut monthly = turn(at(0));
    let period = Period::Monthly;
    let hour = period.bucket_start(at(0));
    monthly.quota = vec![QuotaSpend { scope: SCOPE, period, bucket_start: hour, leased_by: None }];
    commit_new(&*store, &monthly).await;
    store.purge_buckets(Timestamp::from_millis(DAILY.frees_at(first).as_millis() - 1)).await.unwrap();
    assert_eq!(used(&*store, at(1_000)).await, (3, Some(first)));
    store.purge_buckets(DAILY.frees_at(first)).await.unwrap();
    assert_eq!(used(&*store, at(1_000)).await, (2, Some(second)), "what left the window is forgotten");
    assert_eq!(store.used(SCOPE, period, at(1_000)).await.unwrap(), (1, Some(hour)), "a month is longer");
}

pub(super) async fn purging_keeps_a_bucket_that_is_still_leased(store: Arc<dyn Store>) {
    let node = NodeId::new();
    let bucket = lease(&*store, node, 3, at(0)).await.bucket_start;
    spend(&*store, Some(node), bucket, 1).await;
    store.renew(node, &[daily(bucket)], at(100 * 3_600)).await.unwrap();
    store.purge_buckets(at(25 * 3_600)).await.unwrap();
    assert_eq!(used(&*store, at(0)).await, (1, Some(bucket)));
    assert_eq!(left(&*store, 10, at(0)).await, 7, "two of three are still leased");
    store.give_back(node, SCOPE, DAILY, bucket, 2).await.unwrap();
    store.purge_buckets(at(25 * 3_600)).await.unwrap();
    assert_eq!(used(&*store, at(0)).await, (0, None), "it is forgotten once nothing is leased any more");
}

pub(super) async fn what_was_leased_before_a_purge_can_be_settled_after_it(store: Arc<dyn Store>) {
    let (patient, crashed) = (NodeId::new(), NodeId::new());
    let now = at(25 * 3_600);
    let reclaimed = lease(&*store, crashed, 2, at(0)).await.bucket_start;
    let kept = lease(&*store, patient, 2, at(600)).await.bucket_start;
    store.renew(patient, &[daily(kept)], now.plus(Duration::from_mins(1))).await.unwrap();
    assert_eq!(store.reclaim(now).await.unwrap(), 2);
    store.purge_buckets(now).await.unwrap();
    for (node, bucket) in [(patient, kept), (crashed, reclaimed)] {
        spend(&*store, Some(node), bucket, 1).await;
        store.give_back(node, SCOPE, DAILY, bucket, 1).await.unwrap();
    }
    assert_eq!(used(&*store, at(600)).await, (2, Some(reclaimed)), "each is counted where it was leased");
    assert_eq!(used(&*store, now).await, (0, None), "which is long ago");
    assert_eq!(left(&*store, 10, now).await, 10);
}
