use std::sync::Arc;

use serde_json::json;

use crate::id::{ApiKeyId, TeamId};
use crate::store::Store;
use crate::team::{Actor, AuditEntry, AuditPage, ChangeContext, Edit, KeyChange, KeyDigest, TeamChange};
use crate::testing::store::fixtures::{at, by, make_key, make_team, new_key, new_team, rotation};

/// All entries, oldest first.
async fn entries(store: &dyn Store) -> Vec<AuditEntry> {
    let mut entries = store.audit_log(None, AuditPage::first(1_000)).await.unwrap();
    entries.reverse();
    entries
}

async fn actions(store: &dyn Store) -> Vec<(String, String)> {
    entries(store).await.into_iter().map(|entry| (entry.action, entry.object)).collect()
}

pub(super) async fn every_change_has_its_entry(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "key").await.id;
    store.update_team(team, TeamChange::active(false), &by(at(1))).await.unwrap();
    store.update_key(key, KeyChange { daily_quota: Edit::Set(1), ..KeyChange::default() }, &by(at(2))).await.unwrap();
    store.rotate_key(key, rotation("new", 60), &by(at(3))).await.unwrap();
    store.update_key(key, KeyChange::active(false), &by(at(4))).await.unwrap();
    store.delete_key(key, &by(at(5))).await.unwrap();
    let (team, key) = (format!("team:{team}"), format!("key:{key}"));
    let expected = [
        ("team.created", &team),
        ("key.created", &key),
        ("team.updated", &team),
        ("key.updated", &key),
        ("key.rotated", &key),
        ("key.revoked", &key),
        ("key.deleted", &key),
    ];
    let expected = expected.map(|(action, object)| (action.to_owned(), object.clone()));
    assert_eq!(actions(&*store).await, expected);
}

pub(super) async fn an_entry_tells_who_and_what(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "key").await.id;
    let actor = Actor::admin(ApiKeyId(77)).in_request("request 1/a");
    let by_admin = ChangeContext::new(actor, at(5));
    let change = KeyChange { description: Edit::Set("ß \"quoted\"".to_owned()), ..KeyChange::default() };
    store.update_key(key, change, &by_admin).await.unwrap();
    store.delete_key(key, &by_admin).await.unwrap();
    let entries = entries(&*store).await;
    assert_eq!(entries.len(), 4, "{entries:?}");
    let (created, updated, deleted) = (&entries[1], &entries[2], &entries[3]);
    assert_eq!((created.actor_key_id, created.request_id.as_deref(), created.at), (None, None, at(0)));
    assert_eq!(created.before, None);
    assert_eq!(created.after.as_ref().unwrap()["name"], json!("key"));
    assert_eq!((updated.actor_key_id, updated.request_id.as_deref()), (Some(ApiKeyId(77)), Some("request 1/a")));
    assert_eq!((updated.at, updated.team_id), (at(5), Some(team)));
    assert_eq!(updated.before.as_ref(), json!({"description": null}).as_object(), "only what changed");
    assert_eq!(updated.after.as_ref(), json!({"description": "ß \"quoted\""}).as_object());
    assert_eq!(deleted.before.as_ref().unwrap()["description"], json!("ß \"quoted\""));
    assert_eq!(deleted.after, None);
}

pub(super) async fn a_refused_change_has_no_entry(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "key").await.id;
    store.update_key(key, KeyChange::active(false), &by(at(1))).await.unwrap();
    let before = entries(&*store).await;
    store.create_team(new_team("Acme"), &by(at(2))).await.unwrap_err();
    store.create_key(new_key(TeamId(4_711), "other"), &by(at(2))).await.unwrap_err();
    store.create_key(new_key(team, "key"), &by(at(2))).await.unwrap_err();
    store.rotate_key(key, rotation("new", 0), &by(at(2))).await.unwrap_err();
    let lead = ChangeContext::new(Actor::lead(ApiKeyId(1), TeamId(4_711)), at(2));
    store.delete_key(key, &lead).await.unwrap_err();
    assert_eq!(entries(&*store).await, before);
}

pub(super) async fn the_first_key_has_its_entries(store: Arc<dyn Store>) {
    let first = store.create_first_key(new_team("Administrators"), new_key(TeamId::HOST, "first"), &by(at(1))).await;
    let first = first.unwrap().unwrap();
    let none = store.create_first_key(new_team("Others"), new_key(TeamId::HOST, "second"), &by(at(2))).await;
    assert_eq!(none.unwrap(), None);
    let expected = [
        ("team.created".to_owned(), format!("team:{}", first.team.id)),
        ("key.created".to_owned(), format!("key:{}", first.key.id)),
    ];
    assert_eq!(actions(&*store).await, expected);
}

pub(super) async fn entries_are_paged_newest_first(store: Arc<dyn Store>) {
    let (one, other) = (make_team(&*store, "one").await.id, make_team(&*store, "other").await.id);
    for number in 0..5_u64 {
        let quota = TeamChange { daily_quota: Edit::Set(number), ..TeamChange::default() };
        store.update_team(one, quota.clone(), &by(at(number))).await.unwrap();
        store.update_team(other, quota, &by(at(number))).await.unwrap();
    }
    let all = store.audit_log(None, AuditPage::first(1_000)).await.unwrap();
    assert!(all.is_sorted_by(|newer, older| newer.id > older.id), "ids grow");
    let of_one: Vec<_> = all.iter().filter(|entry| entry.team_id == Some(one)).cloned().collect();
    assert_eq!((all.len(), of_one.len()), (12, 6));
    for (team, expected) in [(None, all), (Some(one), of_one), (Some(TeamId(4_711)), Vec::new())] {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = store.audit_log(team, AuditPage { before, limit: 4 }).await.unwrap();
            assert!(page.len() <= 4, "a page has at most as many entries as were asked for");
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            seen.extend(page);
            assert!(seen.len() <= expected.len(), "a page repeats what was told before");
        }
        assert_eq!(seen, expected, "of team {team:?}");
    }
}

pub(super) async fn an_entry_never_holds_a_digest(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "old").await.id;
    store.rotate_key(key, rotation("new", 60), &by(at(3))).await.unwrap();
    store.delete_key(key, &by(at(5))).await.unwrap();
    let told = format!("{:?}", entries(&*store).await);
    for secret in ["old", "new"] {
        assert!(!told.contains(&KeyDigest::of(secret).to_hex()), "{told}");
    }
}
