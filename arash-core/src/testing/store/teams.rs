use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::id::{ApiKeyId, TeamId};
use crate::store::Store;
use crate::team::{
    AccessLevel, ApiKey, KeyChange, KeyDigest, KeyMatch, KeyOwner, NewApiKey, NewTeam, PageAfter, Team, TeamChange,
};
use crate::testing::store::fixtures::{at, at_once, by, make_key, make_team, matching, new_key, new_team, rotation};

pub(super) async fn a_healthy_store_says_so(store: Arc<dyn Store>) {
    store.health().await.unwrap();
    store.close().await;
}

pub(super) async fn a_team_is_found_as_it_was_made(store: Arc<dyn Store>) {
    let full = NewTeam {
        description: Some("What it is for.".to_owned()),
        monthly_quota: Some(1_000_000_000_000),
        daily_quota: Some(0),
        allowed_models: Some(vec!["openai/gpt-5-chat".into(), "a/b".into()]),
        ..new_team("full")
    };
    let no_models = NewTeam { allowed_models: Some(Vec::new()), ..new_team("no models") };
    for new in [full, no_models, new_team("plain")] {
        let made = store.create_team(new.clone(), &by(at(1))).await.unwrap().result;
        assert!(made.id.0 > 0, "a page starts after id 0, so {} must be above it", made.id);
        assert_eq!(made, Team::from_new(made.id, new, at(1)));
        assert_eq!(store.team(made.id).await.unwrap(), Some(made));
    }
}

pub(super) async fn two_teams_never_share_a_name(store: Arc<dyn Store>) {
    let first = make_team(&*store, "Acme").await;
    let refused = store.create_team(new_team("Acme"), &by(at(1))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert_eq!(store.teams(false, PageAfter::first(10)).await.unwrap(), [first]);
}

pub(super) async fn of_16_teams_made_at_once_under_one_name_one_is_made(store: Arc<dyn Store>) {
    let answers = at_once(16, |_| {
        let store = Arc::clone(&store);
        async move { store.create_team(new_team("Acme"), &by(at(0))).await }
    });
    let (made, refused): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    assert!(refused.into_iter().all(|answer| answer.unwrap_err().kind() == ErrorKind::AlreadyExists));
    assert_eq!(store.teams(false, PageAfter::first(10)).await.unwrap().len(), 1);
}

pub(super) async fn what_is_unknown_is_not_found(store: Arc<dyn Store>) {
    let unknown = TeamId(4_711);
    assert_eq!(store.team(unknown).await.unwrap(), None);
    let refusals = [
        store.update_team(unknown, TeamChange::active(false), &by(at(0))).await.unwrap_err(),
        store.create_key(new_key(unknown, "key"), &by(at(0))).await.unwrap_err(),
        store.update_key(ApiKeyId(4_711), KeyChange::active(false), &by(at(0))).await.unwrap_err(),
        store.rotate_key(ApiKeyId(4_711), rotation("new", 0), &by(at(0))).await.unwrap_err(),
        store.delete_key(ApiKeyId(4_711), &by(at(0))).await.unwrap_err(),
    ];
    assert!(refusals.iter().all(|refusal| refusal.kind() == ErrorKind::NotFound), "{refusals:?}");
    assert_eq!(store.key(ApiKeyId(4_711)).await.unwrap(), None);
    assert_eq!(store.key_by_digest(&KeyDigest::of("key")).await.unwrap(), None);
    assert!(store.teams(false, PageAfter::first(10)).await.unwrap().is_empty());
    assert!(store.keys(None, PageAfter::first(10)).await.unwrap().is_empty());
}

pub(super) async fn teams_are_paged_in_order_of_id(store: Arc<dyn Store>) {
    let (mut all, mut active) = (Vec::new(), Vec::new());
    for number in 0..7 {
        let team = make_team(&*store, &format!("team {number}")).await.id;
        all.push(team);
        if number % 3 == 0 {
            store.update_team(team, TeamChange::active(false), &by(at(1))).await.unwrap();
        } else {
            active.push(team);
        }
    }
    assert!(all.is_sorted() && all.iter().collect::<BTreeSet<_>>().len() == all.len(), "ids grow: {all:?}");
    for (active_only, expected) in [(false, all), (true, active)] {
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = store.teams(active_only, PageAfter { after, limit: 2 }).await.unwrap();
            assert!(page.len() <= 2, "a page has at most as many entries as were asked for");
            let Some(last) = page.last() else { break };
            after = last.id.0;
            seen.extend(page.into_iter().map(|team| team.id));
            assert!(seen.len() <= expected.len(), "a page repeats what was told before: {seen:?}");
        }
        assert_eq!(seen, expected, "active only: {active_only}");
    }
}

pub(super) async fn a_team_is_switched_off_and_on(store: Arc<dyn Store>) {
    let made = make_team(&*store, "Acme").await;
    let other = make_team(&*store, "Other").await;
    make_key(&*store, made.id, "key").await;
    for (is_active, when) in [(false, at(5)), (true, at(9))] {
        let switched = store.update_team(made.id, TeamChange::active(is_active), &by(when)).await.unwrap();
        let expected = Team { is_active, updated_at: when, ..made.clone() };
        assert_eq!(switched, expected);
        assert_eq!(store.team(made.id).await.unwrap().as_ref(), Some(&expected));
        let owner = matching(&*store, "key").await.owner;
        assert_eq!(owner.team, expected, "a key of an inactive team is found, with what its team is now");
        assert!(owner.key.is_active);
    }
    assert_eq!(store.team(other.id).await.unwrap(), Some(other));
}

pub(super) async fn a_key_is_found_by_its_digest(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await;
    let full = NewApiKey {
        access_level: AccessLevel::TeamLead,
        monthly_quota: Some(1_000_000_000_000),
        daily_quota: Some(0),
        created_by: Some("someone".to_owned()),
        description: Some("What it is for.".to_owned()),
        expires_at: Some(at(60)),
        ..new_key(team.id, "full")
    };
    let admin = NewApiKey { access_level: AccessLevel::Admin, ..new_key(team.id, "admin") };
    for new in [full, admin, new_key(team.id, "plain")] {
        let made = store.create_key(new.clone(), &by(at(1))).await.unwrap().result;
        let id = made.key.id;
        assert!(id.0 > 0, "a page starts after id 0, so {id} must be above it");
        assert_eq!(made, KeyOwner { key: ApiKey::from_new(id, new.clone(), at(1)), team: team.clone() });
        assert_eq!(store.key(id).await.unwrap().as_ref(), Some(&made));
        let valid_until = new.expires_at;
        assert_eq!(store.key_by_digest(&new.digest).await.unwrap(), Some(KeyMatch { owner: made, valid_until }));
    }
}

pub(super) async fn a_digest_is_stored_once(store: Arc<dyn Store>) {
    let (one, other) = (make_team(&*store, "one").await, make_team(&*store, "other").await);
    let first = make_key(&*store, one.id, "key").await;
    for team in [one.id, other.id] {
        let refused = store.create_key(new_key(team, "key"), &by(at(1))).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    }
    let keys = store.keys(None, PageAfter::first(10)).await.unwrap();
    assert_eq!(keys, [KeyOwner { key: first, team: one }]);
}

pub(super) async fn keys_are_paged_in_order_of_id(store: Arc<dyn Store>) {
    let teams = [make_team(&*store, "one").await.id, make_team(&*store, "other").await.id];
    let (mut all, mut of_one) = (Vec::new(), Vec::new());
    for number in 0..9 {
        let team = teams[number % 2];
        let key = make_key(&*store, team, &format!("key {number}")).await.id;
        all.push(key);
        if team == teams[0] {
            of_one.push(key);
        }
    }
    assert!(all.is_sorted() && all.iter().collect::<BTreeSet<_>>().len() == all.len(), "ids grow: {all:?}");
    for (team, expected) in [(None, all), (Some(teams[0]), of_one)] {
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = store.keys(team, PageAfter { after, limit: 2 }).await.unwrap();
            assert!(page.len() <= 2, "a page has at most as many entries as were asked for");
            let Some(last) = page.last() else { break };
            after = last.key.id.0;
            assert!(page.iter().all(|owner| owner.key.team_id == owner.team.id), "a key comes with its own team");
            seen.extend(page.into_iter().map(|owner| owner.key.id));
            assert!(seen.len() <= expected.len(), "a page repeats what was told before: {seen:?}");
        }
        assert_eq!(seen, expected, "of team {team:?}");
    }
}

pub(super) async fn a_revoked_key_stays_known_and_inactive(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await;
    let (key, other) = (make_key(&*store, team.id, "key").await, make_key(&*store, team.id, "other").await);
    store.update_key(key.id, KeyChange::active(false), &by(at(5))).await.unwrap();
    let revoked = KeyOwner { key: ApiKey { is_active: false, ..key }, team: team.clone() };
    assert_eq!(matching(&*store, "key").await.owner, revoked);
    let keys = store.keys(Some(team.id), PageAfter::first(10)).await.unwrap();
    assert_eq!(keys, [revoked, KeyOwner { key: other, team }]);
}

pub(super) async fn a_deleted_key_is_unknown(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await;
    let (key, other) = (make_key(&*store, team.id, "key").await, make_key(&*store, team.id, "other").await);
    let before = store.key_epoch().await.unwrap();
    store.delete_key(key.id, &by(at(1))).await.unwrap();
    let gone = store.delete_key(key.id, &by(at(1))).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "it is gone already");
    assert!(store.key_epoch().await.unwrap() > before);
    assert_eq!(store.key_by_digest(&KeyDigest::of("key")).await.unwrap(), None);
    let keys = store.keys(Some(team.id), PageAfter::first(10)).await.unwrap();
    assert_eq!(keys, [KeyOwner { key: other, team: team.clone() }]);
    // Its id is not given to another key, to which its usage would then belong.
    assert!(make_key(&*store, team.id, "next").await.id > key.id);
}

pub(super) async fn every_change_moves_the_epoch(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "key").await.id;
    let mut epochs = vec![store.key_epoch().await.unwrap()];
    store.update_team(team, TeamChange::active(false), &by(at(1))).await.unwrap();
    epochs.push(store.key_epoch().await.unwrap());
    store.update_team(team, TeamChange::active(true), &by(at(2))).await.unwrap();
    epochs.push(store.key_epoch().await.unwrap());
    store.update_key(key, KeyChange::active(false), &by(at(3))).await.unwrap();
    epochs.push(store.key_epoch().await.unwrap());
    store.update_key(key, KeyChange::active(true), &by(at(4))).await.unwrap();
    epochs.push(store.key_epoch().await.unwrap());
    store.rotate_key(key, rotation("new", 60), &by(at(5))).await.unwrap();
    epochs.push(store.key_epoch().await.unwrap());
    store.delete_key(key, &by(at(6))).await.unwrap();
    epochs.push(store.key_epoch().await.unwrap());
    assert!(epochs.is_sorted_by(|earlier, later| earlier < later), "the epoch grows: {epochs:?}");
}

pub(super) async fn the_first_key_brings_its_team(store: Arc<dyn Store>) {
    let key = NewApiKey { access_level: AccessLevel::Admin, ..new_key(TeamId::HOST, "first") };
    let owner = store.create_first_key(new_team("Administrators"), key.clone(), &by(at(1))).await.unwrap().unwrap();
    let team_id = owner.team.id;
    assert_eq!(owner.team, Team::from_new(team_id, new_team("Administrators"), at(1)));
    let expected = ApiKey::from_new(owner.key.id, NewApiKey { team_id, ..key }, at(1));
    assert_eq!(owner.key, expected, "the key belongs to the team that came with it");
    assert_eq!(matching(&*store, "first").await.owner, owner);
}

pub(super) async fn the_first_key_joins_a_team_that_has_the_name_already(store: Arc<dyn Store>) {
    let known = make_team(&*store, "Administrators").await;
    let key = new_key(TeamId::HOST, "first");
    let owner = store.create_first_key(new_team("Administrators"), key, &by(at(1))).await.unwrap().unwrap();
    assert_eq!((owner.key.team_id, owner.team), (known.id, known));
}

pub(super) async fn there_is_no_first_key_after_another(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await;
    let key = make_key(&*store, team.id, "key").await;
    store.update_key(key.id, KeyChange::active(false), &by(at(1))).await.unwrap();
    let first = store.create_first_key(new_team("Administrators"), new_key(TeamId::HOST, "first"), &by(at(2))).await;
    assert_eq!(first.unwrap(), None, "a revoked key is a key");
    assert_eq!(store.teams(false, PageAfter::first(10)).await.unwrap(), [team]);
}

pub(super) async fn of_8_first_starts_one_makes_the_key(store: Arc<dyn Store>) {
    let made = at_once(8, |number| {
        let store = Arc::clone(&store);
        let (team, key) = (new_team("Administrators"), new_key(TeamId::HOST, &format!("first {number}")));
        async move { store.create_first_key(team, key, &by(at(0))).await.unwrap() }
    });
    let made: Vec<_> = made.await.into_iter().flatten().collect();
    assert_eq!(made.len(), 1);
    assert_eq!(store.keys(None, PageAfter::first(10)).await.unwrap(), made);
    assert_eq!(store.teams(false, PageAfter::first(10)).await.unwrap().len(), 1);
}
