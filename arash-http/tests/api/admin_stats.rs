use std::sync::Arc;
use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::team::{KeySpec, TeamSpec};
use arash_core::testing::ManualClock;
use arash_core::{IncomingMessage, TurnRequest};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::TestHost;

const STATS: &str = "/api/v1/admin/stats";

/// Conversations of two teams, of the program itself, and on a public platform.
async fn converse(host: &TestHost) {
    let (one, other) = (host.user("One").await, host.user("Other").await);
    host.say(&one, "a", "Hello").await;
    host.say(&one, "a", "Hello again").await;
    host.say(&one, "b", "/model small").await;
    host.say(&one, "c", "Hello").await;
    host.say(&other, "a", "/model Small").await;
    host.say(&other, "a", "Hello").await;
    for chat in ["1", "2"] {
        host.engine.process(IncomingMessage::text("telegram", "user-1", chat, "Hello")).await.unwrap();
    }
    host.engine.process(IncomingMessage::text("internal", "user-1", "own", "Hello")).await.unwrap();
}

#[tokio::test]
async fn sessions_are_counted_by_platform_model_and_team() {
    let host = TestHost::start().await;
    converse(&host).await;
    assert_snapshot!(host.get(&host.admin, STATS).await, @r#"
    200
    {
      "active_sessions": 7,
      "internal": {
        "active": 5,
        "messages": 5,
        "models_used": {
          "GPT-5 Chat": 3,
          "Small": 2
        },
        "sessions": 5,
        "team_breakdown": [
          {
            "active": 1,
            "messages": 1,
            "models_used": {
              "GPT-5 Chat": 1
            },
            "sessions": 1,
            "team_id": null,
            "team_name": null
          },
          {
            "active": 3,
            "messages": 3,
            "models_used": {
              "GPT-5 Chat": 2,
              "Small": 1
            },
            "sessions": 3,
            "team_id": 2,
            "team_name": "One"
          },
          {
            "active": 1,
            "messages": 1,
            "models_used": {
              "Small": 1
            },
            "sessions": 1,
            "team_id": 3,
            "team_name": "Other"
          }
        ]
      },
      "telegram": {
        "active": 2,
        "messages": 2,
        "model": "GPT-5 Chat",
        "sessions": 2
      },
      "total_sessions": 7,
      "uptime_seconds": 0
    }
    "#);
}

#[tokio::test]
async fn platforms_without_a_session_are_told_too() {
    let host = TestHost::start().await;
    assert_snapshot!(host.get(&host.admin, STATS).await, @r#"
    200
    {
      "active_sessions": 0,
      "internal": {
        "active": 0,
        "messages": 0,
        "models_used": {},
        "sessions": 0,
        "team_breakdown": []
      },
      "telegram": {
        "active": 0,
        "messages": 0,
        "model": "GPT-5 Chat",
        "sessions": 0
      },
      "total_sessions": 0,
      "uptime_seconds": 0
    }
    "#);
}

#[tokio::test]
async fn a_session_is_active_for_five_minutes_and_counted_anew_each_time() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_761_998_400_000)));
    let turned = Arc::clone(&clock);
    let host = TestHost::with(|builder| builder.clock(turned)).await;
    let key = host.user("Team").await;
    let counts = async || {
        let stats = host.get(&host.admin, STATS).await;
        let active = host.get(&host.admin, "/api/v1/admin").await.at("/active_sessions");
        assert_eq!(stats.at("/active_sessions"), active);
        (stats.at("/total_sessions"), active)
    };
    assert_eq!(counts().await, (json!(0), json!(0)));
    host.say(&key, "a", "Hello").await;
    assert_eq!(counts().await, (json!(1), json!(1)), "few sessions are never told from memory");
    clock.advance(Duration::from_mins(4));
    host.say(&key, "b", "Hello").await;
    assert_eq!(counts().await, (json!(2), json!(2)));
    clock.advance(Duration::from_mins(2));
    assert_eq!(counts().await, (json!(2), json!(1)));
    clock.advance(Duration::from_mins(40));
    assert_eq!(counts().await, (json!(0), json!(0)), "what has expired is not counted");
}

#[tokio::test]
async fn every_team_of_many_has_its_name() {
    let host = TestHost::start().await;
    let mut teams = Vec::new();
    // More than are read at once, and only some of them with a session.
    for number in 0..1_100 {
        let team = host.engine.teams().create(TeamSpec::named(format!("Team {number}"))).await.unwrap();
        if [0, 1, 498, 499, 500, 501, 1_099].contains(&number) {
            let key = host.engine.keys().create(KeySpec::new(team.id, "key")).await.unwrap();
            let principal = host.engine.authenticate(key.secret.expose()).await.unwrap();
            let message = IncomingMessage::text("internal", "user-1", "c", "Hello");
            let request = TurnRequest::new(message).principal(principal);
            host.engine.process(request).await.unwrap();
            teams.push((json!(team.id.0), json!(format!("Team {number}"))));
        }
    }
    let breakdown = host.get(&host.admin, STATS).await.at("/internal/team_breakdown");
    let told: Vec<_> =
        breakdown.as_array().unwrap().iter().map(|team| (team["team_id"].clone(), team["team_name"].clone())).collect();
    assert_eq!(told, teams);
}
