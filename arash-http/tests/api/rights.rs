//! Which keys may do what: tried with every operation of the OpenAPI document, so with those that are new too.

use arash_core::id::{ApiKeyId, TeamId};
use arash_core::team::{AccessLevel, KeySpec};

use crate::support::{Key, Operation, TestHost, World};

/// All that anybody may ask.
const OPEN: [&str; 4] = ["GET /health", "GET /health/live", "GET /health/ready", "GET /metrics"];

const LEVELS: [AccessLevel; 3] = [AccessLevel::User, AccessLevel::TeamLead, AccessLevel::Admin];

/// What a client may show in place of a good key: the value of `Authorization`, if any.
async fn bad_credentials(host: &TestHost) -> Vec<Option<String>> {
    let good = &host.admin.secret;
    let wrong_checksum = format!("{}{}", &good[..47], if good.ends_with('0') { '1' } else { '0' });
    let (revoked, ended) = (host.key("Revoked", AccessLevel::Admin).await, host.key("Ended", AccessLevel::Admin).await);
    host.engine.keys().revoke(ApiKeyId(host.id(&revoked).await)).await.unwrap();
    host.engine.keys().delete(ApiKeyId(host.id(&ended).await)).await.unwrap();
    let of_another_host = TestHost::start().await.admin.secret.clone();
    let bearers = [&wrong_checksum, &of_another_host, &revoked.secret, &ended.secret, "x", ""];
    let mut values: Vec<_> = bearers.into_iter().map(|secret| Some(format!("Bearer {secret}"))).collect();
    values.extend([None, Some(good.clone()), Some("Basic YWRtaW46YWRtaW4=".to_owned())]);
    values
}

#[test]
fn every_operation_says_who_may_do_it() {
    let open: Vec<String> = Operation::all().iter().filter(|one| !one.needs_key()).map(Operation::name).collect();
    assert_eq!(open, OPEN);
    for operation in Operation::guarded() {
        // A key of an inactive team is known and has no right.
        for status in [401, 403] {
            assert!(operation.documents(status), "{} {status}", operation.name());
        }
        assert!(operation.path.starts_with("/api/v1/") || operation.is_openai(), "{}", operation.name());
    }
}

#[tokio::test]
async fn every_operation_answers() {
    let world = World::start().await;
    for operation in Operation::guarded() {
        // Some of them end what they are about.
        let things = world.things(&operation.name().replace(['/', '{', '}'], " ")).await;
        let key = if operation.is_admins() { &world.host.admin } else { &things.key };
        let status = world.host.status(operation.request_of(&world.host, key, &things)).await;
        assert!((200..300).contains(&status), "{} answered {status}", operation.name());
    }
    for open in OPEN {
        let path = open.strip_prefix("GET ").unwrap();
        assert_eq!(world.host.status(world.host.request("GET", path)).await, 200, "{open}");
    }
}

#[tokio::test]
async fn without_a_good_key_nothing_is_done_and_nothing_told() {
    let world = World::start().await;
    let things = world.things("mine").await;
    let bad = bad_credentials(&world.host).await;
    let before = world.state(&things).await;
    for operation in Operation::guarded() {
        for value in &bad {
            // A broken body must not be what is looked at first.
            for request in
                [operation.request(&world.host, &things), operation.request_with(&world.host, &things, "{broken")]
            {
                let request = match value {
                    Some(value) => request.header("Authorization", value),
                    None => request,
                };
                let answer = world.host.send(request).await;
                let told = (answer.status, answer.header("www-authenticate"));
                assert_eq!(told, (401, Some("Bearer")), "{} with {value:?}", operation.name());
                assert_eq!(answer.error(), "unauthenticated", "{}", operation.name());
            }
        }
    }
    assert_eq!(world.state(&things).await, before);
}

#[tokio::test]
async fn each_area_needs_its_level_before_anything_else() {
    let world = World::start().await;
    let things = world.things("mine").await;
    let [user, lead] =
        [AccessLevel::User, AccessLevel::TeamLead].map(|level| world.host.key_of(things.key.team, level));
    let (user, lead) = (user.await, lead.await);
    let before = world.state(&things).await;
    let mut tried = 0;
    for operation in Operation::guarded() {
        let too_low: &[&Key] = match (operation.is_admins(), operation.is_leads()) {
            (true, _) => &[&user, &lead],
            (_, true) => &[&user],
            _ => &[],
        };
        for key in too_low {
            for request in
                [operation.request(&world.host, &things), operation.request_with(&world.host, &things, "{broken")]
            {
                let answer = world.host.send(request.bearer_auth(&key.secret)).await;
                assert_eq!((answer.status, answer.error().as_str()), (403, "forbidden"), "{}", operation.name());
            }
            tried += 1;
        }
    }
    assert!(tried > 30, "{tried}");
    assert_eq!(world.state(&things).await, before);
}

#[tokio::test]
async fn a_key_of_an_inactive_team_has_no_right_at_all() {
    let world = World::start().await;
    let things = world.things("mine").await;
    let mut keys = Vec::new();
    for level in LEVELS {
        let spec = KeySpec::new(TeamId(things.key.team), "of the inactive").level(level);
        keys.push(Key::from(world.host.engine.keys().create(spec).await.unwrap()));
    }
    world.host.engine.teams().set_active(TeamId(things.key.team), false).await.unwrap();
    let before = world.state(&things).await;
    for operation in Operation::guarded() {
        for key in &keys {
            let answer = world.host.send(operation.request_of(&world.host, key, &things)).await;
            assert_eq!((answer.status, answer.error().as_str()), (403, "forbidden"), "{}", operation.name());
            assert_eq!(answer.detail(), "The team of this key is not active.", "{}", operation.name());
        }
    }
    assert_eq!(world.state(&things).await, before);
}
