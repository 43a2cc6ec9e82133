use std::sync::Arc;
use std::time::Duration;

use arash_core::clock::{Clock, Timestamp};
use arash_core::id::TeamId;
use arash_core::store::MemoryStore;
use arash_core::team::{AccessLevel, KeySpec};
use arash_core::testing::ManualClock;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Key, Spent, TestHost};

const USAGE: &str = "/api/v1/usage";
const TEAM_USAGE: &str = "/api/v1/team/usage";
const DAY: Duration = Duration::from_hours(24);

/// A host at noon on 2025-11-01 whose store the test writes.
async fn host() -> (TestHost, MemoryStore, Arc<ManualClock>) {
    let (store, clock) =
        (MemoryStore::default(), Arc::new(ManualClock::new(Timestamp::from_millis(1_761_998_400_000))));
    let (shared, turned) = (store.clone(), Arc::clone(&clock));
    (TestHost::with(|builder| builder.store(shared).clock(turned)).await, store, clock)
}

/// Three answers of two models on two days, one of which failed.
async fn use_some(host: &TestHost, store: &MemoryStore, clock: &ManualClock, key: &Key) {
    let (team, id, now) = (key.team, host.id(key).await, clock.now());
    let spent = Spent::new(team, id, "openai/gpt-5-chat", now.minus(DAY));
    spent.write(store).await;
    Spent { millis: 2_000, model: "lab/small", ..spent.clone() }.write(store).await;
    Spent { error: Some("ai_service_timeout"), at: now, ..spent }.write(store).await;
}

/// A host and a key of it that had an answer and a failure of one model; another team's key was used too.
async fn used_host() -> (TestHost, Key) {
    let (host, store, clock) = host().await;
    let (key, other) = (host.user("Team").await, host.user("Other").await);
    let spent = Spent::new(key.team, host.id(&key).await, "lab/small", clock.now());
    spent.write(&store).await;
    Spent { error: Some("ai_service_timeout"), millis: 2_000, ..spent }.write(&store).await;
    use_some(&host, &store, &clock, &other).await;
    (host, key)
}

#[tokio::test]
async fn a_key_that_used_nothing_sees_that() {
    let (host, ..) = host().await;
    let key = host.user("Team").await;
    assert_snapshot!(host.get(&key, USAGE).await, @r#"
    200
    {
      "by_day": [],
      "by_model": [],
      "from": "[time]",
      "to": "[time]",
      "totals": {
        "completion_tokens": 0,
        "cost_micros": 0,
        "currency": "USD",
        "failed": 0,
        "prompt_tokens": 0,
        "requests": 0,
        "response_time_ms": {
          "p50": 0,
          "p95": 0
        },
        "succeeded": 0,
        "success_rate": 1.0,
        "tokens_used": 0
      }
    }
    "#);
}

#[tokio::test]
async fn a_key_sees_what_it_used() {
    let (host, key) = used_host().await;
    assert_snapshot!(host.get(&key, USAGE).await, @r#"
    200
    {
      "by_day": [
        {
          "completion_tokens": 20,
          "cost_micros": 766,
          "currency": "USD",
          "date": "2025-11-01",
          "failed": 1,
          "prompt_tokens": 400,
          "requests": 2,
          "response_time_ms": {
            "p50": 50,
            "p95": 2350
          },
          "succeeded": 1,
          "success_rate": 0.5,
          "tokens_used": 420
        }
      ],
      "by_model": [
        {
          "completion_tokens": 20,
          "cost_micros": 766,
          "currency": "USD",
          "failed": 1,
          "model": "lab/small",
          "prompt_tokens": 400,
          "requests": 2,
          "response_time_ms": {
            "p50": 50,
            "p95": 2350
          },
          "succeeded": 1,
          "success_rate": 0.5,
          "tokens_used": 420
        }
      ],
      "from": "[time]",
      "to": "[time]",
      "totals": {
        "completion_tokens": 20,
        "cost_micros": 766,
        "currency": "USD",
        "failed": 1,
        "prompt_tokens": 400,
        "requests": 2,
        "response_time_ms": {
          "p50": 50,
          "p95": 2350
        },
        "succeeded": 1,
        "success_rate": 0.5,
        "tokens_used": 420
      }
    }
    "#);
}

#[tokio::test]
async fn a_report_adds_up_by_day_and_by_model() {
    let (host, store, clock) = host().await;
    let key = host.user("Team").await;
    use_some(&host, &store, &clock, &key).await;
    let answer = host.get(&key, USAGE).await;
    assert_eq!(answer.at("/from"), "2025-10-02T12:00:00Z");
    assert_eq!(answer.at("/to"), "2025-11-01T12:00:00Z");
    let sums = |list: &str, name: &str| {
        let sums = answer.at(list);
        let sum = |sum: &Value| json!([sum[name], sum["requests"], sum["failed"], sum["success_rate"]]);
        sums.as_array().unwrap().iter().map(sum).collect::<Vec<_>>()
    };
    assert_eq!(sums("/by_day", "date"), [json!(["2025-10-31", 2, 0, 1.0]), json!(["2025-11-01", 1, 1, 0.0])]);
    let by_model = [json!(["lab/small", 1, 0, 1.0]), json!(["openai/gpt-5-chat", 2, 1, 0.5])];
    assert_eq!(sums("/by_model", "model"), by_model);
}

#[tokio::test]
async fn a_report_is_about_as_many_days_as_were_asked_for() {
    let (host, store, clock) = host().await;
    let key = host.user("Team").await;
    let (team, id) = (key.team, host.id(&key).await);
    for days in [0, 6, 29, 364, 366] {
        Spent::new(team, id, "lab/small", clock.now().minus(DAY * days)).write(&store).await;
    }
    for (query, requests) in [("", 3), ("?days=1", 1), ("?days=7", 2), ("?days=30", 3), ("?days=365", 4)] {
        let answer = host.get(&key, &format!("{USAGE}{query}")).await;
        assert_eq!(answer.at("/totals/requests"), requests, "{query}");
    }
    let key = host.key("Led", AccessLevel::TeamLead).await;
    for path in [USAGE, TEAM_USAGE] {
        for days in ["0", "366", "-1", "x", "", "1.5", "99999999999"] {
            let answer = host.get(&key, &format!("{path}?days={days}")).await;
            assert_eq!((answer.status, answer.fields()), (422, vec!["days".to_owned()]), "{path} {days}");
        }
    }
    assert_snapshot!(host.get(&key, &format!("{USAGE}?days=366")).await, @r#"
    422
    {
      "detail": "The request is not valid: days must be a whole number from 1 to 365.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "days",
          "message": "must be a whole number from 1 to 365"
        }
      ],
      "request_id": "[uuid]",
      "status": 422,
      "success": false,
      "title": "Validation failed",
      "type": "urn:arash:error:validation_failed"
    }
    "#);
}

#[tokio::test]
async fn what_was_said_is_in_the_report_at_once() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    host.say(&key, "c", "Hello").await;
    host.say(&key, "c", "/help").await;
    let answer = host.get(&key, USAGE).await;
    assert_eq!(answer.at("/totals/requests"), 2, "a command is recorded too");
    assert_eq!(answer.at("/totals/success_rate"), json!(1.0));
    assert_eq!(answer.at("/by_model").as_array().unwrap().len(), 1, "but no model answers it");
    assert_eq!(answer.at("/by_model/0/model"), "openai/gpt-5-chat", "by its id");
}

#[tokio::test]
async fn a_lead_sees_what_all_keys_of_the_own_team_used() {
    let (host, store, clock) = host().await;
    let lead = host.key("Team", AccessLevel::TeamLead).await;
    let user = {
        let spec = KeySpec::new(TeamId(lead.team), "user");
        let issued = host.engine.keys().create(spec).await.unwrap();
        Key { secret: issued.secret.expose().to_owned(), team: lead.team }
    };
    let other = host.key("Other", AccessLevel::TeamLead).await;
    for key in [&lead, &user, &user] {
        use_some(&host, &store, &clock, key).await;
    }
    assert_eq!(host.get(&lead, TEAM_USAGE).await.at("/totals/requests"), 9);
    assert_eq!(host.get(&lead, USAGE).await.at("/totals/requests"), 3);
    assert_eq!(host.get(&user, USAGE).await.at("/totals/requests"), 6);
    assert_eq!(host.get(&other, TEAM_USAGE).await.at("/totals/requests"), 0);
    assert_eq!(host.get(&host.admin, TEAM_USAGE).await.at("/totals/requests"), 0, "an administrator's own team");
    assert_snapshot!(host.get(&user, TEAM_USAGE).await, @r#"
    403
    {
      "detail": "This needs a key of level team_lead; this key's level is user.",
      "error": "forbidden",
      "request_id": "[uuid]",
      "status": 403,
      "success": false,
      "title": "Forbidden",
      "type": "urn:arash:error:forbidden"
    }
    "#);
    let anyone = host.send(host.request("GET", TEAM_USAGE)).await;
    assert_eq!((anyone.status, anyone.header("www-authenticate")), (401, Some("Bearer")));
}
