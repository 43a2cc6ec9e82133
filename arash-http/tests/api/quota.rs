use arash_core::team::{KeySpec, TeamSpec};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Key, TestHost};

const QUOTA: &str = "/api/v1/quota";

/// A team with a quota a day and none a month, and two keys of it: one without a quota of its own, one with.
async fn keys(host: &TestHost, team: Option<u64>, own: Option<u64>) -> [Key; 2] {
    let spec = TeamSpec { daily_quota: team, ..TeamSpec::named("Team") };
    let team = host.engine.teams().create(spec).await.unwrap().id;
    let issue = async |own: Option<u64>| {
        let spec = KeySpec { daily_quota: own, ..KeySpec::new(team, "key") };
        let issued = host.engine.keys().create(spec).await.unwrap();
        Key { secret: issued.secret.expose().to_owned(), team: team.0 }
    };
    [issue(None).await, issue(own).await]
}

#[tokio::test]
async fn a_key_sees_what_is_left() {
    let host = TestHost::start().await;
    let [shared, _] = keys(&host, Some(100), None).await;
    assert_snapshot!(host.get(&shared, QUOTA).await, @r#"
    200
    {
      "daily": {
        "exceeded": false,
        "period": "daily",
        "quota": 100,
        "remaining": 100,
        "resets_at": null,
        "used": 0
      },
      "monthly": {
        "exceeded": false,
        "period": "monthly",
        "quota": null,
        "remaining": null,
        "resets_at": null,
        "used": 0
      }
    }
    "#);
    host.say(&shared, "c", "Hello").await;
    host.say(&shared, "c", "/help").await;
    assert_snapshot!(host.get(&shared, QUOTA).await, @r#"
    200
    {
      "daily": {
        "exceeded": false,
        "period": "daily",
        "quota": 100,
        "remaining": 99,
        "resets_at": "[time]",
        "used": 1
      },
      "monthly": {
        "exceeded": false,
        "period": "monthly",
        "quota": null,
        "remaining": null,
        "resets_at": null,
        "used": 1
      }
    }
    "#);
}

#[tokio::test]
async fn a_key_with_its_own_quota_is_judged_by_its_own_use() {
    let host = TestHost::start().await;
    let [shared, own] = keys(&host, Some(3), Some(2)).await;
    for key in [&shared, &own] {
        assert_eq!(host.say(key, "c", "Hello").await.status, 200);
    }
    let daily = async |key: &Key| {
        let mut daily = host.get(key, QUOTA).await.at("/daily");
        assert!(daily["resets_at"].as_str().unwrap().ends_with('Z'));
        daily.as_object_mut().unwrap().remove("resets_at");
        daily
    };
    let standing = |quota: u64, used: u64| {
        let remaining = quota - used;
        json!({"period": "daily", "quota": quota, "used": used, "remaining": remaining, "exceeded": remaining == 0})
    };
    assert_eq!(daily(&shared).await, standing(3, 2), "by the use of all keys");
    assert_eq!(daily(&own).await, standing(2, 1));
    assert_eq!(host.say(&own, "c", "Hello").await.status, 200);
    assert_eq!(daily(&own).await, standing(2, 2));
    let refused = host.say(&own, "c", "Hello").await;
    assert_eq!(refused.status, 429);
    let resets_at = host.get(&own, QUOTA).await.at("/daily/resets_at");
    assert!(refused.at("/detail").as_str().unwrap().contains(resets_at.as_str().unwrap()), "{refused}");
}

#[tokio::test]
async fn a_quota_of_zero_is_exceeded_and_frees_up_never() {
    let host = TestHost::start().await;
    let [_, nothing] = keys(&host, None, Some(0)).await;
    assert_eq!(host.say(&nothing, "c", "Hello").await.status, 429);
    let expected =
        json!({"period": "daily", "quota": 0, "used": 0, "remaining": 0, "exceeded": true, "resets_at": null});
    assert_eq!(host.get(&nothing, QUOTA).await.at("/daily"), expected);
}
