use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::{EventId, TeamId};
use crate::store::Store;
use crate::testing::store::fixtures::{at, commit_new, make_team, turn};
use crate::webhook::{Event, EventKind};

fn event(team_id: TeamId, payload: &str) -> Event {
    Event { id: EventId::new(), team_id, kind: EventKind::MessageCompleted, payload: payload.to_owned() }
}

async fn payloads(store: &dyn Store, now: Timestamp, limit: u32) -> Vec<String> {
    let due = store.due_events(now, limit).await.unwrap();
    due.into_iter().map(|due| due.event.payload).collect()
}

pub(super) async fn events_wait_until_they_are_due(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let mut cause = turn(at(5));
    cause.events = vec![event(team, r#"{"number":1}"#), event(team, r#"{"number":2}"#)];
    commit_new(&*store, &cause).await;
    assert!(payloads(&*store, at(4), 10).await.is_empty());
    let due = store.due_events(at(5), 10).await.unwrap();
    assert_eq!(due.len(), 2);
    for event in &cause.events {
        let found = due.iter().find(|due| due.event.id == event.id).unwrap();
        assert_eq!((&found.event, found.turn_id, found.due_at), (event, Some(cause.turn_id), at(5)));
    }
    assert_eq!(store.due_events(at(500), 10).await.unwrap(), due, "to look at them does not take them out");
}

pub(super) async fn due_events_are_told_oldest_first(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    for second in [3, 1, 4, 2, 5] {
        let mut cause = turn(at(second));
        cause.events = vec![event(team, &second.to_string())];
        commit_new(&*store, &cause).await;
    }
    assert_eq!(payloads(&*store, at(4), 10).await, ["1", "2", "3", "4"]);
    assert_eq!(payloads(&*store, at(4), 2).await, ["1", "2"]);
    assert!(payloads(&*store, at(4), 0).await.is_empty());
}
