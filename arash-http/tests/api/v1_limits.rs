//! Rate limits and quotas of completions.

use arash_core::team::{AccessLevel, KeySpec, TeamSpec};
use arash_core::testing::ScriptedProvider;
use arash_core::{Engine, Platform};
use insta::assert_snapshot;
use regex::Regex;
use serde_json::{Value, json};

use crate::support::{Answer, Key, TestHost, question, question_with};

async fn limited(per_minute: u32) -> TestHost {
    let platform = Platform::private("internal").models(["lab/small"]).rate_limit(per_minute);
    TestHost::with(|_| Engine::builder().platform(platform).ai(ScriptedProvider::default())).await
}

fn as_user(name: &str) -> Value {
    question_with(json!({"user": name}))
}

fn should_retry(answer: &Answer) -> Option<&str> {
    answer.header("x-should-retry")
}

#[tokio::test]
async fn the_user_is_limited_else_the_key() {
    let host = limited(2).await;
    let key = host.user("Team").await;
    let other = host.key_of(key.team, AccessLevel::User).await;
    for body in [question("Hello"), as_user("Sara")] {
        for status in [200, 200, 429] {
            assert_eq!(host.complete(&key, &body).await.status, status, "{body}");
        }
    }
    assert_eq!(host.complete(&key, &as_user("Ali")).await.status, 200);
    assert_eq!(host.complete(&other, &as_user("Sara")).await.status, 429, "she is one user for all keys of the team");
    assert_eq!(host.complete(&other, &question("Hello")).await.status, 200, "without a user each key is its own");
}

#[tokio::test]
async fn who_is_too_fast_is_told_when_to_come_back() {
    let host = limited(1).await;
    let key = host.user("Team").await;
    for stream in [false, true] {
        let body = question_with(json!({"user": format!("user {stream}"), "stream": stream}));
        assert_eq!(host.complete(&key, &body).await.status, 200);
        let refused = host.complete(&key, &body).await;
        assert_eq!(refused.header("ratelimit-policy"), Some("\"per-minute\";q=1;w=60"));
        assert!(refused.header("ratelimit").unwrap().starts_with("\"per-minute\";r=0;t="));
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(should_retry(&refused), None, "clients may wait so long by themselves");
        assert_eq!(refused.at("/error/type"), "rate_limit_error");
        assert_eq!(refused.at("/error/code"), "rate_limit_exceeded");
    }
}

async fn key_with_quota(host: &TestHost, daily: u64) -> Key {
    let team = host.engine.teams().create(TeamSpec { daily_quota: Some(daily), ..TeamSpec::named("Team") }).await;
    host.engine.keys().create(KeySpec::new(team.unwrap().id, "key")).await.unwrap().into()
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_not_asked_for_in_vain() {
    let host = TestHost::start().await;
    let key = key_with_quota(&host, 2).await;
    for stream in [false, true] {
        assert_eq!(host.complete(&key, &question_with(json!({"stream": stream}))).await.status, 200);
    }
    let refused = host.complete(&key, &question("Hello")).await;
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() > 60);
    assert_eq!(
        (should_retry(&refused), refused.header("ratelimit-policy")),
        (Some("false"), Some("\"daily\";q=2;w=86400"))
    );
    let told = Regex::new("[0-9]{4}-[0-9T:.-]+Z").unwrap().replace_all(&refused.text, "[time]").into_owned();
    assert_snapshot!(told, @r#"{"error":{"code":"insufficient_quota","message":"Daily quota of 2 requests is used up; it frees up from [time].","param":null,"type":"insufficient_quota"}}"#);
    assert_eq!(host.get(&key, "/api/v1/quota").await.at("/daily/used"), 2);
}

#[tokio::test]
async fn a_quota_of_zero_is_never_asked_for_again() {
    let host = TestHost::start().await;
    let key = key_with_quota(&host, 0).await;
    let refused = host.complete(&key, &question("Hello")).await;
    assert_eq!((refused.status, should_retry(&refused)), (429, Some("false")));
    assert_eq!(refused.at("/error/type"), "insufficient_quota");
}
