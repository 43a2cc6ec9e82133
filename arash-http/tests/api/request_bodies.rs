//! What a body may be: tried with every operation of the OpenAPI document that takes one.

use serde_json::json;

use crate::support::{Key, Operation, Things, World};

/// Every operation with a body, and a key that may do it.
fn operations<'a>(world: &'a World, things: &'a Things) -> Vec<(Operation, &'a Key)> {
    let with_body = Operation::guarded().into_iter().filter(Operation::has_body);
    let key = |operation: &Operation| if operation.is_admins() { &world.host.admin } else { &things.key };
    let operations: Vec<_> = with_body.map(|operation| (operation.clone(), key(&operation))).collect();
    assert!(operations.len() >= 9, "{operations:?}");
    operations
}

#[tokio::test]
async fn a_field_that_is_not_known_is_named_and_nothing_is_done() {
    let world = World::start().await;
    let things = world.things("ours").await;
    let before = world.state(&things).await;
    for (operation, key) in operations(&world, &things) {
        if operation.takes_any_field() {
            assert!(operation.is_openai(), "{}", operation.name());
            continue;
        }
        for mut body in [operation.body(&things), json!({})] {
            body["surprise"] = json!({"nested": [null]});
            let request = operation.request_with(&world.host, &things, body.to_string()).bearer_auth(&key.secret);
            let answer = world.host.send(request).await;
            assert_eq!((answer.status, answer.error().as_str()), (422, "validation_failed"), "{}", operation.name());
            assert!(answer.fields().contains(&"surprise".to_owned()), "{}: {}", operation.name(), answer.text);
        }
    }
    assert_eq!(world.state(&things).await, before);
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_and_nothing_is_done() {
    let world = World::start().await;
    let things = world.things("ours").await;
    let before = world.state(&things).await;
    for (operation, key) in operations(&world, &things) {
        let valid = operation.body(&things).to_string();
        // There the engine reads it, which tells no JSON from JSON of another kind.
        let (invalid, malformed) =
            (operation.invalid_status(), if operation.is_openai() { "validation_failed" } else { "malformed_request" });
        for (body, status, error) in [
            ("[]", invalid, "validation_failed"),
            ("null", invalid, "validation_failed"),
            ("\"text\"", invalid, "validation_failed"),
            ("1", invalid, "validation_failed"),
            ("", 400, "malformed_request"),
            ("{", 400, malformed),
            ("name=x", 400, malformed),
            (&valid[..valid.len() - 1], 400, malformed),
            (&format!("{valid}{valid}"), 400, malformed),
        ] {
            let request = operation.request_with(&world.host, &things, body).bearer_auth(&key.secret);
            let answer = world.host.send(request).await;
            let told = (answer.status, answer.error());
            assert_eq!(told, (status, error.to_owned()), "{} {body}", operation.name());
        }
    }
    assert_eq!(world.state(&things).await, before);
}

#[tokio::test]
async fn what_is_not_declared_as_json_is_not_read() {
    let world = World::start().await;
    let things = world.things("ours").await;
    let before = world.state(&things).await;
    for (operation, key) in operations(&world, &things) {
        let body = operation.body(&things).to_string();
        let request = || {
            let path = operation.path_to(&things);
            world.host.request(&operation.method, &path).bearer_auth(&key.secret)
        };
        for request in [
            request(),
            request().body(body.clone()),
            request().header("Content-Type", "text/plain").body(body.clone()),
            request().header("Content-Type", "application/x-www-form-urlencoded").body("name=x"),
            request().header("Content-Type", "application/merge-patch+json").body(body.clone()),
        ] {
            let answer = world.host.send(request).await;
            let told = (answer.status, answer.error());
            assert_eq!(told, (415, "unsupported_media_type".to_owned()), "{}", operation.name());
        }
    }
    assert_eq!(world.state(&things).await, before);
}

#[tokio::test]
async fn a_field_of_a_wrong_type_is_named() {
    let world = World::start().await;
    let things = world.things("ours").await;
    let before = world.state(&things).await;
    for (operation, key) in operations(&world, &things) {
        let body = operation.body(&things);
        for name in body.as_object().unwrap().keys() {
            let mut wrong = body.clone();
            wrong[name] = json!({"a": 1});
            let request = operation.request_with(&world.host, &things, wrong.to_string()).bearer_auth(&key.secret);
            let answer = world.host.send(request).await;
            assert_eq!(answer.status, operation.invalid_status(), "{} {name}", operation.name());
            assert_eq!(answer.fields(), [name.as_str()], "{}", operation.name());
        }
    }
    assert_eq!(world.state(&things).await, before);
}
