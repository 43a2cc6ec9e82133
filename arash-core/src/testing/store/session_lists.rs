use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::SessionId;
use crate::session::{SessionCounts, SessionFilter, SessionGroup, SessionKey, SessionPage, SessionSummary};
use crate::store::Store;
use crate::testing::store::fixtures::{TIMEOUT, at, change, chat, following, load, make_team, opening};
use crate::turn::SessionChange;

const EVERYTHING: SessionPage = SessionPage { before: None, limit: 1_000 };

pub(super) async fn sessions_are_listed_as_they_are(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = SessionKey::private("internal", team, "chat 1");
    let opened = SessionChange { model: Some("a/b".into()), ..opening(&key, &["a", "b"], at(0)) };
    let opened = change(&*store, opened).await;
    let session = change(&*store, following(&opened, &["c", "d"], at(5))).await;
    let listed = store.sessions(&SessionFilter::default(), EVERYTHING, at(6)).await.unwrap();
    let expected = SessionSummary {
        id: session.id,
        key,
        team_id: Some(team),
        user_id: "user-1".to_owned(),
        model: Some("a/b".into()),
        message_count: 2,
        stored_messages: 4,
        created_at: opened.created_at,
        last_activity_at: at(5),
    };
    assert_eq!(listed, [expected]);
}

pub(super) async fn sessions_are_paged_newest_activity_first(store: Arc<dyn Store>) {
    let mut expected = Vec::new();
    for number in 0..23 {
        // Several share a moment, so that a page must go on by id.
        let opened = opening(&chat(&number.to_string()), &["a", "b"], at(number * 7 % 5));
        expected.push((opened.last_activity_at, opened.id));
        change(&*store, opened).await;
    }
    expected.sort_unstable_by(|one, other| other.cmp(one));
    for limit in [1, 4, 23, 100] {
        let (mut seen, mut before): (Vec<(Timestamp, SessionId)>, _) = (Vec::new(), None);
        loop {
            let page = SessionPage { before, limit };
            let listed = store.sessions(&SessionFilter::default(), page, at(10)).await.unwrap();
            assert!(listed.len() <= limit as usize, "a page has at most as many entries as were asked for");
            seen.extend(listed.iter().map(|session| (session.last_activity_at, session.id)));
            assert!(seen.len() <= expected.len(), "a page repeats what was told before, in pages of {limit}");
            match listed.last() {
                Some(last) => before = Some((last.last_activity_at, last.id)),
                None => break,
            }
        }
        assert!(seen.is_sorted_by(|one, other| one.0 >= other.0), "newest activity first, in pages of {limit}");
        assert_eq!(seen, expected, "no gap and no repeat, in pages of {limit}");
    }
}

pub(super) async fn lists_leave_out_what_has_expired(store: Arc<dyn Store>) {
    let old = change(&*store, opening(&chat("old"), &["a", "b"], at(0))).await;
    let new = change(&*store, opening(&chat("new"), &["a", "b"], at(60))).await;
    let all = SessionFilter::default();
    for (now, expected) in
        [(at(61), vec![new.id, old.id]), (old.expires_at, vec![new.id]), (new.expires_at, Vec::new())]
    {
        let listed = store.sessions(&all, EVERYTHING, now).await.unwrap();
        assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), expected, "at {now}");
        let counts = store.count_sessions(&all, at(0), now).await.unwrap();
        assert_eq!(counts.total, expected.len() as u64, "at {now}");
        assert_eq!(counts.by_platform.values().sum::<u64>(), counts.total, "at {now}");
    }
}

pub(super) async fn lists_and_counts_keep_to_their_filter(store: Arc<dyn Store>) {
    let (one, other) = (make_team(&*store, "one").await.id, make_team(&*store, "other").await.id);
    let keys = [
        SessionKey::private("internal", one, "1"),
        SessionKey::private("internal", other, "1"),
        SessionKey::private("web", one, "1"),
        chat("1"),
    ];
    for (key, second) in keys.iter().zip(0..) {
        change(&*store, opening(key, &["a", "b"], at(second))).await;
    }
    let [internal_one, internal_other, web_one, public] = keys.each_ref();
    let cases = [
        (None, None, vec![public, web_one, internal_other, internal_one]),
        (Some(one), None, vec![web_one, internal_one]),
        (Some(other), None, vec![internal_other]),
        (None, Some("internal"), vec![internal_other, internal_one]),
        (Some(one), Some("internal"), vec![internal_one]),
        (Some(other), Some("web"), Vec::new()),
        (None, Some("telegram"), vec![public]),
        (None, Some("inter"), Vec::new()),
    ];
    for (team, platform, expected) in cases {
        let filter = SessionFilter { team, platform: platform.map(str::to_owned) };
        let listed = store.sessions(&filter, EVERYTHING, at(10)).await.unwrap();
        assert_eq!(listed.iter().map(|session| &session.key).collect::<Vec<_>>(), expected, "{filter:?}");
        let counts = store.count_sessions(&filter, at(0), at(10)).await.unwrap();
        assert_eq!(counts.total, expected.len() as u64, "{filter:?}");
        let mut by_platform = BTreeMap::new();
        for key in expected {
            *by_platform.entry(key.platform().to_owned()).or_default() += 1;
        }
        assert_eq!(counts.by_platform, by_platform, "{filter:?}");
    }
}

pub(super) async fn sessions_are_counted_by_platform_and_activity(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let nothing = store.count_sessions(&SessionFilter::default(), at(0), at(0)).await.unwrap();
    assert_eq!(nothing, SessionCounts::default());
    for number in 0..6 {
        change(&*store, opening(&chat(&number.to_string()), &["a", "b"], at(number * 100))).await;
    }
    let oldest = load(&*store, &chat("0"), at(10)).await;
    for number in 0..3 {
        let key = SessionKey::private("internal", team, &number.to_string());
        change(&*store, opening(&key, &["a", "b"], at(number * 100))).await;
    }
    let active_since = |since| {
        let store = Arc::clone(&store);
        async move { store.count_sessions(&SessionFilter::default(), since, at(600)).await.unwrap() }
    };
    let counts = active_since(at(150)).await;
    assert_eq!((counts.total, counts.active), (9, 5));
    assert_eq!(counts.by_platform, BTreeMap::from([("telegram".to_owned(), 6), ("internal".to_owned(), 3)]));
    assert_eq!(active_since(at(599)).await.active, 0);
    assert_eq!(active_since(Timestamp::from_millis(0)).await.active, 9);
    let after_some = store.count_sessions(&SessionFilter::default(), at(0), at(150).plus(TIMEOUT)).await.unwrap();
    assert_eq!((after_some.total, after_some.active), (5, 5), "what has expired is not counted");
    change(&*store, following(&oldest, &["c", "d"], at(590))).await;
    assert_eq!(active_since(at(550)).await.active, 1, "what counts is the last turn, not the first");
}

pub(super) async fn sessions_are_grouped_by_platform_team_and_model(store: Arc<dyn Store>) {
    assert_eq!(store.session_groups(at(0), at(0)).await.unwrap(), []);
    let (one, other) = (make_team(&*store, "one").await.id, make_team(&*store, "other").await.id);
    let said: [&[&str]; 3] = [&["a", "b"], &["a", "b", "c", "d"], &[]];
    let mut second = 0;
    for (key, models) in [
        (chat("1"), vec![None, None]),
        (SessionKey::private("internal", one, "1"), vec![None, Some("a/b"), Some("a/b"), Some("c/d")]),
        (SessionKey::private("internal", other, "1"), vec![Some("a/b")]),
        (SessionKey::private("web", one, "1"), vec![Some("a/b")]),
    ] {
        for (number, model) in models.into_iter().enumerate() {
            let key = match key.team() {
                Some(team) => SessionKey::private(key.platform(), team, &number.to_string()),
                None => SessionKey::public(key.platform(), &number.to_string()),
            };
            let opened = SessionChange { model: model.map(Into::into), ..opening(&key, said[number % 3], at(second)) };
            change(&*store, opened).await;
            second += 10;
        }
    }
    let group = |platform: &str, team, model: Option<&str>, (sessions, messages, active)| SessionGroup {
        platform: platform.to_owned(),
        team,
        model: model.map(Into::into),
        sessions,
        messages,
        active,
    };
    let mut groups = store.session_groups(at(40), at(80)).await.unwrap();
    groups.sort_unstable();
    let expected = [
        group("internal", Some(one), None, (1, 1, 0)),
        group("internal", Some(one), Some("a/b"), (2, 2, 1)),
        group("internal", Some(one), Some("c/d"), (1, 1, 1)),
        group("internal", Some(other), Some("a/b"), (1, 1, 1)),
        group("telegram", None, None, (2, 3, 0)),
        group("web", Some(one), Some("a/b"), (1, 1, 1)),
    ];
    assert_eq!(groups, expected);
    let mut later = store.session_groups(at(40), at(30).plus(TIMEOUT)).await.unwrap();
    later.sort_unstable();
    let open = expected.map(|group| group.sessions).iter().sum::<u64>() - 4;
    assert_eq!(later.iter().map(|group| group.sessions).sum::<u64>(), open, "what has expired is left out");
}
