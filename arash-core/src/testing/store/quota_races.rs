use std::sync::Arc;

use crate::id::NodeId;
use crate::quota::{LeaseRequest, Period};
use crate::store::Store;
use crate::testing::store::fixtures::{at, at_once};
use crate::testing::store::quota::{SCOPE, left, request, spend};

pub(super) async fn of_64_tasks_none_leases_beyond_the_quota(store: Arc<dyn Store>) {
    const LIMIT: u64 = 100;
    let leased = at_once(64, |number| {
        let store = Arc::clone(&store);
        let asked = LeaseRequest { wanted: 1 + number as u64 % 3, ..request(NodeId::new(), LIMIT, at(0)) };
        async move {
            let mut leased = 0;
            for _ in 0..2 {
                leased += store.lease(asked).await.unwrap().amount;
            }
            leased
        }
    });
    let leased = leased.await;
    assert_eq!(leased.iter().sum::<u64>(), LIMIT, "all of it and no more: {leased:?}");
    assert_eq!(left(&*store, LIMIT, at(0)).await, 0);
}

pub(super) async fn leases_spends_and_returns_at_once_never_exceed_the_quota(store: Arc<dyn Store>) {
    const LIMIT: u64 = 60;
    let spent = at_once(16, |_| {
        let (store, node) = (Arc::clone(&store), NodeId::new());
        async move {
            let mut spent = 0;
            for _ in 0..6 {
                let asked = LeaseRequest { wanted: 3, ..request(node, LIMIT, at(0)) };
                let lease = store.lease(asked).await.unwrap();
                if lease.amount > 0 {
                    spend(&*store, Some(node), lease.bucket_start, 1).await;
                    spent += 1;
                    store.give_back(node, SCOPE, Period::Daily, lease.bucket_start, lease.amount - 1).await.unwrap();
                }
                let (used, _) = store.used(SCOPE, Period::Daily, at(0)).await.unwrap();
                assert!(used <= LIMIT, "{used} of {LIMIT} were used");
            }
            spent
        }
    });
    let spent: u64 = spent.await.into_iter().sum();
    assert_eq!(store.used(SCOPE, Period::Daily, at(0)).await.unwrap().0, spent);
    assert_eq!(left(&*store, LIMIT, at(0)).await, LIMIT - spent, "nothing stayed leased and nothing was lost");
    assert_eq!(store.reclaim(at(100_000)).await.unwrap(), 0);
}

pub(super) async fn reclaiming_at_once_gives_back_once(store: Arc<dyn Store>) {
    let mut leased = 0;
    for _ in 0..5 {
        leased += store.lease(LeaseRequest { wanted: 4, ..request(NodeId::new(), 20, at(0)) }).await.unwrap().amount;
    }
    assert_eq!(leased, 20);
    let reclaimed = at_once(8, |_| {
        let store = Arc::clone(&store);
        async move { store.reclaim(at(60)).await.unwrap() }
    });
    assert_eq!(reclaimed.await.into_iter().sum::<u64>(), 20);
    assert_eq!(left(&*store, 20, at(60)).await, 20);
}
