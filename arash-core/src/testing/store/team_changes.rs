use std::sync::Arc;
use std::time::Duration;

use crate::error::ErrorKind;
use crate::id::ApiKeyId;
use crate::store::Store;
use crate::team::{
    AccessLevel, Actor, ApiKey, AuditPage, ChangeContext, Edit, KeyChange, KeyOwner, NewTeam, PageAfter, Team,
    TeamChange,
};
use crate::testing::store::fixtures::{at, at_once, by, make_key, make_team, matching, new_key, new_team, rotation};

pub(super) async fn a_team_becomes_what_its_change_says(store: Arc<dyn Store>) {
    let new = NewTeam { daily_quota: Some(5), description: Some("Old.".to_owned()), ..new_team("Acme") };
    let made = store.create_team(new, &by(at(0))).await.unwrap().result;
    let other = make_team(&*store, "Other").await;
    make_key(&*store, made.id, "key").await;
    let change = TeamChange {
        name: Some("Renamed".to_owned()),
        description: Edit::Clear,
        monthly_quota: Edit::Set(0),
        daily_quota: Edit::Keep,
        allowed_models: Edit::Set(vec!["a/b".into()]),
        is_active: Some(false),
    };
    let changed = store.update_team(made.id, change, &by(at(7))).await.unwrap();
    let expected = Team {
        name: "Renamed".to_owned(),
        description: None,
        monthly_quota: Some(0),
        allowed_models: Some(vec!["a/b".into()]),
        is_active: false,
        updated_at: at(7),
        ..made.clone()
    };
    assert_eq!(changed, expected);
    assert_eq!(store.team(made.id).await.unwrap().as_ref(), Some(&expected));
    assert_eq!(matching(&*store, "key").await.owner.team, expected);
    let cleared = TeamChange { allowed_models: Edit::Clear, monthly_quota: Edit::Clear, ..TeamChange::default() };
    let cleared = store.update_team(made.id, cleared, &by(at(8))).await.unwrap();
    assert_eq!(cleared, Team { monthly_quota: None, allowed_models: None, updated_at: at(8), ..expected });
    assert_eq!(store.team(other.id).await.unwrap(), Some(other), "another team stays as it is");
    let again = store.create_team(new_team("Acme"), &by(at(9))).await.unwrap().result;
    assert!(again.id > made.id, "the name that was given up is free");
}

fn named(name: &str) -> TeamChange {
    TeamChange { name: Some(name.to_owned()), ..TeamChange::default() }
}

pub(super) async fn a_team_never_takes_another_ones_name(store: Arc<dyn Store>) {
    let (one, other) = (make_team(&*store, "one").await, make_team(&*store, "other").await);
    let epoch = store.key_epoch().await.unwrap();
    let change = TeamChange { is_active: Some(false), ..named("one") };
    let refused = store.update_team(other.id, change, &by(at(1))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert_eq!(store.teams(false, PageAfter::first(10)).await.unwrap(), [one.clone(), other]);
    assert_eq!(store.key_epoch().await.unwrap(), epoch);
    let own = store.update_team(one.id, TeamChange { monthly_quota: Edit::Set(1), ..named("one") }, &by(at(1))).await;
    assert_eq!(own.unwrap().name, "one", "its own name is not taken");
}

pub(super) async fn of_16_teams_renamed_at_once_to_one_name_one_is(store: Arc<dyn Store>) {
    let mut teams = Vec::new();
    for number in 0..16 {
        teams.push(make_team(&*store, &format!("team {number}")).await.id);
    }
    let answers = at_once(16, |number| {
        let (store, team) = (Arc::clone(&store), teams[number]);
        async move { store.update_team(team, named("Acme"), &by(at(1))).await }
    });
    let (renamed, refused): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!(renamed.len(), 1);
    assert!(refused.into_iter().all(|answer| answer.unwrap_err().kind() == ErrorKind::AlreadyExists));
}

pub(super) async fn a_key_becomes_what_its_change_says(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await;
    let (key, other) = (make_key(&*store, team.id, "key").await, make_key(&*store, team.id, "other").await);
    let change = KeyChange {
        name: Some("Renamed".to_owned()),
        description: Edit::Set("New.".to_owned()),
        monthly_quota: Edit::Set(1_000_000_000_000),
        daily_quota: Edit::Set(0),
        access_level: Some(AccessLevel::Admin),
        expires_in_days: Edit::Set(1),
        is_active: Some(false),
    };
    let changed = store.update_key(key.id, change, &by(at(7))).await.unwrap();
    let end = at(7).plus(Duration::from_secs(86_400));
    let expected = ApiKey {
        name: "Renamed".to_owned(),
        description: Some("New.".to_owned()),
        monthly_quota: Some(1_000_000_000_000),
        daily_quota: Some(0),
        access_level: AccessLevel::Admin,
        expires_at: Some(end),
        is_active: false,
        ..key
    };
    assert_eq!(changed, KeyOwner { key: expected.clone(), team: team.clone() });
    let found = matching(&*store, "key").await;
    assert_eq!((found.owner, found.valid_until), (changed, Some(end)));
    let cleared = KeyChange {
        description: Edit::Clear,
        monthly_quota: Edit::Clear,
        daily_quota: Edit::Clear,
        expires_in_days: Edit::Clear,
        ..KeyChange::active(true)
    };
    let cleared = store.update_key(expected.id, cleared, &by(at(8))).await.unwrap().key;
    let plain = ApiKey {
        description: None,
        monthly_quota: None,
        daily_quota: None,
        expires_at: None,
        is_active: true,
        ..expected
    };
    assert_eq!(cleared, plain, "one that was switched off is switched on again");
    assert_eq!(store.key(other.id).await.unwrap(), Some(KeyOwner { key: other, team }), "another stays as it is");
}

pub(super) async fn what_changes_nothing_writes_nothing(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await;
    let key = make_key(&*store, team.id, "key").await;
    let state =
        async || (store.key_epoch().await.unwrap(), store.audit_log(None, AuditPage::first(100)).await.unwrap());
    let before = state().await;
    for change in [TeamChange::default(), named("Acme"), TeamChange::active(true)] {
        assert_eq!(store.update_team(team.id, change, &by(at(5))).await.unwrap(), team);
    }
    let same = KeyChange { name: Some("key".to_owned()), expires_in_days: Edit::Clear, ..KeyChange::active(true) };
    for change in [KeyChange::default(), same] {
        assert_eq!(store.update_key(key.id, change, &by(at(5))).await.unwrap().key, key);
    }
    assert_eq!(state().await, before);
}

pub(super) async fn changes_made_at_once_are_all_there(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await;
    let key = make_key(&*store, team.id, "key").await;
    at_once(16, |number| {
        let (store, team, key) = (Arc::clone(&store), team.id, key.id);
        let number = number as u64;
        async move {
            let quota = Edit::Set(number);
            let (team_change, key_change) = if number.is_multiple_of(2) {
                let team_change = TeamChange { monthly_quota: quota, ..TeamChange::default() };
                (team_change, KeyChange { monthly_quota: quota, ..KeyChange::default() })
            } else {
                let team_change = TeamChange { daily_quota: quota, ..TeamChange::default() };
                (team_change, KeyChange { daily_quota: quota, ..KeyChange::default() })
            };
            store.update_team(team, team_change, &by(at(1))).await.unwrap();
            store.update_key(key, key_change, &by(at(1))).await.unwrap();
        }
    })
    .await;
    let KeyOwner { key, team } = store.key(key.id).await.unwrap().unwrap();
    for (monthly, daily) in [(team.monthly_quota, team.daily_quota), (key.monthly_quota, key.daily_quota)] {
        assert!(monthly.is_some_and(|quota| quota.is_multiple_of(2)), "{monthly:?}");
        assert!(daily.is_some_and(|quota| !quota.is_multiple_of(2)), "no change undid another one: {daily:?}");
    }
    let entries = store.audit_log(None, AuditPage::first(100)).await.unwrap();
    for object in [format!("team:{}", team.id), format!("key:{}", key.id)] {
        let mut before = None;
        for entry in entries.iter().filter(|entry| entry.object == object && entry.action.ends_with(".updated")) {
            let quota =
                |name: &str| (entry.before.as_ref().unwrap().get(name), entry.after.as_ref().unwrap().get(name));
            let (was, is) = quota("monthly_quota");
            if let (Some(was), Some(is)) = (was, is) {
                assert!(before.is_none_or(|before| before == is), "{object}: the log tells the order of changes");
                before = Some(was);
            }
        }
    }
}

fn lead(team: &Team) -> ChangeContext {
    ChangeContext::new(Actor::lead(ApiKeyId(1), team.id), at(5))
}

pub(super) async fn nobody_changes_a_key_beyond_the_own_reach(store: Arc<dyn Store>) {
    let (own, other) = (make_team(&*store, "own").await, make_team(&*store, "other").await);
    let mut admin = new_key(own.id, "admin");
    admin.access_level = AccessLevel::Admin;
    let admin = store.create_key(admin, &by(at(0))).await.unwrap().result.key;
    let (user, foreign) = (make_key(&*store, own.id, "user").await, make_key(&*store, other.id, "foreign").await);
    let lead = lead(&own);
    for (key, kind) in [(admin, ErrorKind::Forbidden), (foreign, ErrorKind::NotFound)] {
        let refusals = [
            store.update_key(key.id, KeyChange::default(), &lead).await.unwrap_err(),
            store.rotate_key(key.id, rotation("new", 0), &lead).await.unwrap_err(),
            store.delete_key(key.id, &lead).await.unwrap_err(),
        ];
        assert!(refusals.iter().all(|refusal| refusal.kind() == kind), "{refusals:?}");
        assert_eq!(store.key(key.id).await.unwrap().unwrap().key, key);
    }
    let raised = KeyChange { access_level: Some(AccessLevel::Admin), ..KeyChange::default() };
    let refused = store.update_key(user.id, raised, &lead).await.unwrap_err();
    assert_eq!((refused.kind(), store.key(user.id).await.unwrap().unwrap().key), (ErrorKind::Forbidden, user.clone()));
    assert_eq!(
        store.update_team(own.id, TeamChange::active(false), &lead).await.unwrap_err().kind(),
        ErrorKind::Forbidden
    );
    store.update_key(user.id, KeyChange::active(false), &lead).await.unwrap();
    store.delete_key(user.id, &lead).await.unwrap();
}

/// Whoever raises a key and whoever may not touch it then meet: either the lead came first, or is refused.
pub(super) async fn a_key_raised_meanwhile_is_not_touched(store: Arc<dyn Store>) {
    let team = make_team(&*store, "own").await;
    for round in 0..8 {
        let key = make_key(&*store, team.id, &format!("key {round}")).await.id;
        let by_lead = lead(&team);
        let outcomes = at_once(2, |number| {
            let (store, by_lead) = (Arc::clone(&store), by_lead.clone());
            async move {
                if number == 0 {
                    let raised = KeyChange { access_level: Some(AccessLevel::Admin), ..KeyChange::default() };
                    store.update_key(key, raised, &by(at(5))).await.map(drop)
                } else {
                    store.update_key(key, KeyChange::active(false), &by_lead).await.map(drop)
                }
            }
        });
        let refused: Vec<_> = outcomes.await.into_iter().filter_map(Result::err).collect();
        let is_active = store.key(key).await.unwrap().unwrap().key.is_active;
        assert!(refused.iter().all(|refusal| refusal.kind() == ErrorKind::Forbidden), "{refused:?}");
        assert_eq!(is_active, !refused.is_empty(), "a refusal changes nothing");
        let entries = store.audit_log(None, AuditPage::first(2)).await.unwrap();
        let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
        let expected = if is_active { ["key.updated", "key.created"] } else { ["key.updated", "key.revoked"] };
        assert_eq!(actions, expected, "what the lead did came before the key was raised");
    }
}
