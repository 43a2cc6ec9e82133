use std::sync::Arc;
use std::time::Duration;

use arash_core::IncomingMessage;
use arash_core::ai::AiErrorKind;
use arash_core::clock::{Clock, SystemClock, Timestamp};
use arash_core::store::MemoryStore;
use arash_core::team::{KeySpec, TeamSpec};
use arash_core::testing::{ManualClock, Script, ScriptedProvider, Step};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Key, Spent, TestHost};

const USAGE: &str = "/api/v1/admin/usage";
const RECENT: &str = "/api/v1/admin/usage/recent";

#[tokio::test]
async fn the_usage_of_any_team_and_key_is_reported() {
    let (store, clock) =
        (MemoryStore::default(), Arc::new(ManualClock::new(Timestamp::from_millis(1_761_998_400_000))));
    let (shared, turned) = (store.clone(), Arc::clone(&clock));
    let host = TestHost::with(|builder| builder.store(shared).clock(turned)).await;
    let (key, other) = (host.user("Team").await, host.user("Other").await);
    let spent = Spent::new(key.team, host.id(&key).await, "lab/small", clock.now());
    for millis in [1, 40, 700, 9_000] {
        Spent { millis, ..spent.clone() }.write(&store).await;
    }
    Spent::new(other.team, host.id(&other).await, "lab/small", clock.now()).write(&store).await;
    let of_team = host.get(&host.admin, &format!("{USAGE}/team/{}", key.team)).await;
    let totals = json!({
        "requests": 4, "succeeded": 4, "failed": 0, "success_rate": 1.0, "prompt_tokens": 800, "completion_tokens": 40,
        "tokens_used": 840, "cost_micros": 1_532, "currency": "USD", "response_time_ms": {"p50": 50, "p95": 9_000},
    });
    assert_eq!((of_team.status, of_team.at("/totals")), (200, totals));
    assert_eq!(of_team.at("/by_day/0/date"), "2025-11-01");
    assert_eq!(of_team.at("/by_model/0/model"), "lab/small");
    let of_key = host.get(&host.admin, &format!("{USAGE}/api-key/{}?days=365", host.id(&key).await)).await;
    assert_eq!((of_key.status, of_key.at("/totals")), (200, of_team.at("/totals")));
    assert_eq!(of_key.at("/from"), "2024-11-01T12:00:00Z");
    for path in ["team/1", "api-key/1"] {
        let answer = host.get(&host.admin, &format!("{USAGE}/{path}?days=366")).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["days".to_owned()]), "{path}");
    }
}

#[tokio::test]
async fn what_a_deleted_key_used_is_told_and_what_never_was_is_not_found() {
    let (store, clock) =
        (MemoryStore::default(), Arc::new(ManualClock::new(Timestamp::from_millis(1_761_998_400_000))));
    let (shared, turned) = (store.clone(), Arc::clone(&clock));
    let host = TestHost::with(|builder| builder.store(shared).clock(turned)).await;
    let (used, unused) = (host.user("Used").await, host.user("Unused").await);
    let (used_id, unused_id) = (host.id(&used).await, host.id(&unused).await);
    Spent::new(used.team, used_id, "lab/small", clock.now()).write(&store).await;
    // Traffic without a key is nobody's.
    host.engine.process(IncomingMessage::text("telegram", "user-1", "c", "Hello")).await.unwrap();
    let requests = async |id: i64, query: &str| {
        let answer = host.get(&host.admin, &format!("{USAGE}/api-key/{id}{query}")).await;
        if answer.status == 200 { answer.at("/totals/requests") } else { json!(answer.status) }
    };
    assert_eq!((requests(used_id, "").await, requests(unused_id, "").await), (json!(1), json!(0)));
    for id in [used_id, unused_id] {
        let path = format!("/api/v1/admin/api-keys/{id}?permanent=true");
        assert_eq!(host.delete(&host.admin, &path).await.status, 200);
    }
    assert_eq!((requests(used_id, "").await, requests(unused_id, "").await), (json!(1), json!(404)));
    clock.advance(Duration::from_hours(24 * 60));
    assert_eq!(requests(used_id, "?days=30").await, 0, "it is known, and used nothing in these days");
    assert_eq!(requests(used_id, "?days=365").await, 1);
    for id in [0, -1, 4_711, i64::MAX, i64::MIN] {
        assert_eq!(requests(id, "").await, 404, "{id}");
        assert_eq!(host.get(&host.admin, &format!("{USAGE}/team/{id}")).await.status, 404, "{id}");
        assert_eq!(host.get(&host.admin, &format!("{USAGE}/quota/{id}")).await.status, 404, "{id}");
    }
    assert_snapshot!(host.get(&host.admin, &format!("{USAGE}/quota/{used_id}")).await, @r#"
    404
    {
      "detail": "There is no API key 2.",
      "error": "not_found",
      "request_id": "[uuid]",
      "status": 404,
      "success": false,
      "title": "Not found",
      "type": "urn:arash:error:not_found"
    }
    "#);
}

#[tokio::test]
async fn the_quota_of_any_key_is_shown() {
    let host = TestHost::start().await;
    let spec = TeamSpec { daily_quota: Some(10), monthly_quota: Some(100), ..TeamSpec::named("Team") };
    let team = host.engine.teams().create(spec).await.unwrap().id;
    let spec = KeySpec { monthly_quota: Some(50), ..KeySpec::new(team, "key") };
    let issued = host.engine.keys().create(spec).await.unwrap();
    let id = issued.key.id;
    host.say(&Key { secret: issued.secret.expose().to_owned(), team: team.0 }, "c", "Hello").await;
    let path = format!("{USAGE}/quota/{id}");
    assert_snapshot!(host.get(&host.admin, &path).await, @r#"
    200
    {
      "exceeded": false,
      "period": "daily",
      "quota": 10,
      "remaining": 9,
      "resets_at": "[time]",
      "used": 1
    }
    "#);
    let standing = async |query: &str| {
        let answer = host.get(&host.admin, &format!("{path}{query}")).await;
        (answer.at("/period"), answer.at("/quota"), answer.at("/remaining"))
    };
    assert_eq!(standing("?period=daily").await, (json!("daily"), json!(10), json!(9)));
    assert_eq!(standing("?period=monthly").await, (json!("monthly"), json!(50), json!(49)));
    for period in ["weekly", "", "Daily"] {
        let answer = host.get(&host.admin, &format!("{path}?period={period}")).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["period".to_owned()]), "{period}");
        assert_eq!(answer.at("/errors/0/message"), "must be one of daily, monthly");
    }
    host.engine.keys().revoke(id).await.unwrap();
    assert_eq!(host.get(&host.admin, &path).await.status, 200, "a revoked key is still there");
}

#[tokio::test]
async fn records_are_shown_newest_first() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    for text in ["Hello", "/help"] {
        host.say(&key, "c", text).await;
    }
    assert_snapshot!(host.get(&host.admin, RECENT).await, @r#"
    200
    {
      "items": [
        {
          "api_key_id": 2,
          "completion_tokens": 0,
          "cost_micros": 0,
          "created_at": "[time]",
          "currency": "USD",
          "error_message": null,
          "estimated": false,
          "kind": "command",
          "model_used": null,
          "platform": "internal",
          "prompt_tokens": 0,
          "request_count": 1,
          "response_time_ms": "[ms]",
          "session_id": "internal_2_c",
          "success": true,
          "team_id": 2,
          "tokens_used": 0,
          "turn_id": "[uuid]"
        },
        {
          "api_key_id": 2,
          "completion_tokens": 7,
          "cost_micros": 0,
          "created_at": "[time]",
          "currency": "USD",
          "error_message": null,
          "estimated": true,
          "kind": "chat",
          "model_used": "openai/gpt-5-chat",
          "platform": "internal",
          "prompt_tokens": 7,
          "request_count": 1,
          "response_time_ms": "[ms]",
          "session_id": "internal_2_c",
          "success": true,
          "team_id": 2,
          "tokens_used": 14,
          "turn_id": "[uuid]"
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[tokio::test]
async fn the_record_of_a_failure_names_its_kind() {
    let failing = Script::new([Step::Fail(AiErrorKind::Timeout)]);
    let host = TestHost::with(|builder| builder.ai(ScriptedProvider::new([failing]))).await;
    let key = host.user("Team").await;
    let refused = host.say(&key, "c", "Hello").await;
    let answer = host.get(&host.admin, RECENT).await;
    assert_eq!(
        (answer.at("/items/0/success"), answer.at("/items/0/error_message")),
        (json!(false), refused.at("/error"))
    );
}

#[tokio::test]
async fn records_keep_to_their_team_and_key() {
    let host = TestHost::start().await;
    let (one, other) = (host.user("One").await, host.user("Other").await);
    let (one_id, other_id) = (host.id(&one).await, host.id(&other).await);
    for key in [&one, &one, &other] {
        host.say(key, "c", "Hello").await;
    }
    host.engine.process(IncomingMessage::text("telegram", "user-1", "c", "Hello")).await.unwrap();
    let (one, other) = (one.team, other.team);
    for (query, count) in [
        (String::new(), 4),
        (format!("?team_id={one}"), 2),
        (format!("?api_key_id={one_id}"), 2),
        (format!("?team_id={one}&api_key_id={one_id}"), 2),
        (format!("?team_id={other}&api_key_id={other_id}"), 1),
        (format!("?team_id={other}&api_key_id={one_id}"), 0),
        ("?team_id=4711".to_owned(), 0),
        ("?api_key_id=4711".to_owned(), 0),
        ("?team_id=0".to_owned(), 0),
        ("?api_key_id=0".to_owned(), 0),
    ] {
        let items = host.get(&host.admin, &format!("{RECENT}{query}")).await.at("/items");
        assert_eq!(items.as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn records_are_read_page_by_page() {
    let (store, host) = {
        let store = MemoryStore::default();
        (store.clone(), TestHost::with(|builder| builder.store(store)).await)
    };
    let mut expected = Vec::new();
    for _ in 0..105 {
        let turn = Spent::new(1, 1, "lab/small", SystemClock.now()).write(&store).await;
        expected.insert(0, turn.to_string());
    }
    let (mut seen, mut pages, mut path) = (Vec::new(), Vec::new(), format!("{RECENT}?team_id=1"));
    loop {
        let answer = host.get(&host.admin, &path).await;
        let items = answer.at("/items");
        let items = items.as_array().unwrap();
        pages.push(items.len());
        seen.extend(items.iter().map(|item| item["turn_id"].as_str().unwrap().to_owned()));
        let Value::String(cursor) = answer.at("/next_cursor") else { break };
        path = format!("{RECENT}?team_id=1&cursor={cursor}");
    }
    assert_eq!((seen, pages), (expected, vec![100, 5]), "100 a page unless asked otherwise");
    assert_eq!(host.get(&host.admin, &format!("{RECENT}?limit=200")).await.at("/next_cursor"), Value::Null);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=!", "cursor"),
        ("cursor=MTI", "cursor"),
        ("team_id=x", "team_id"),
        ("api_key_id=9223372036854775808", "api_key_id"),
    ] {
        let answer = host.get(&host.admin, &format!("{RECENT}?{query}")).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![field.to_owned()]), "{query}");
    }
}
