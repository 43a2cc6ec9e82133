//! What one team has, another team's keys neither see nor touch: tried with every operation of the OpenAPI document.

use arash_core::team::AccessLevel;

use crate::support::{Operation, Things, World};

/// Stands in all that the owning team may name.
const MARK: &str = "hers alone";

#[tokio::test]
async fn what_is_another_teams_can_be_neither_seen_nor_touched() {
    let world = World::start().await;
    let things = world.things(MARK).await;
    let user = world.host.user("Others").await;
    let lead = world.host.key_of(user.team, AccessLevel::TeamLead).await;
    let before = world.state(&things).await;
    let mut tried = 0;
    for operation in Operation::guarded() {
        let path = operation.path_to(&things);
        // What belongs to a team is named by the path, or by the query.
        if path == operation.path || operation.is_openai() && !operation.names_a_thing() {
            continue;
        }
        for key in [&user, &lead] {
            let answer = world.host.send(operation.request_of(&world.host, key, &things)).await;
            // The id of a session says whose it is; of another id not even that is told.
            let names_its_team = operation.parameters("path").contains(&"session_id");
            let is_too_low = operation.is_admins() || (operation.is_leads() && key.secret == user.secret);
            let expected = if names_its_team || is_too_low { 403 } else { 404 };
            assert_eq!(answer.status, expected, "{} {path}: {}", operation.name(), answer.text);
            assert!(!answer.text.contains("hers"), "{}", answer.text);
            tried += 1;
        }
    }
    assert!(tried >= 30, "{tried}");
    assert_eq!(world.state(&things).await, before);
    // It was there to be found all the time.
    let stop = format!("/api/v1/chat/turn/{}", things.turn);
    assert_eq!(world.host.delete(&things.key, &stop).await.status, 202);
}

#[tokio::test]
async fn an_id_of_another_team_looks_like_one_of_nobody() {
    let world = World::start().await;
    let hers = world.things(MARK).await;
    let nobody = "019abc00-0000-7000-8000-000000000000".to_owned();
    let nobodys = Things { key_id: 4711, turn: nobody.clone(), delivery: nobody, ..hers.clone() };
    let lead = world.host.key("Others", AccessLevel::TeamLead).await;
    for operation in Operation::guarded() {
        let has_ids = operation.names_a_thing() && !operation.path.contains("{session_id}");
        if operation.is_admins() || !has_ids {
            continue;
        }
        let mut told = Vec::new();
        for things in [&hers, &nobodys] {
            let answer = world.host.send(operation.request_of(&world.host, &lead, things)).await;
            let detail = answer.detail().replace(&things.turn, "[id]").replace(&things.delivery, "[id]");
            told.push((answer.status, detail.replace(&format!(" {}", things.key_id), " [id]")));
        }
        assert_eq!((told[0].0, &told[0]), (404, &told[1]), "{}", operation.name());
    }
}

#[tokio::test]
async fn lists_and_reports_are_the_teams_own() {
    let world = World::start().await;
    world.things(MARK).await;
    let own = world.things("our own").await;
    let user = world.host.key_of(own.key.team, AccessLevel::User).await;
    let mut seen = 0;
    for operation in Operation::guarded() {
        if operation.method != "GET" || operation.is_stream() || operation.is_admins() {
            continue;
        }
        for key in [&user, &own.key] {
            let answer = world.host.get(key, &operation.path_to(&own)).await;
            assert!(!answer.text.contains("hers"), "{}: {}", operation.name(), answer.text);
            seen += usize::from(answer.text.contains("our own"));
        }
    }
    // Sessions, one session and its messages, the team, its keys and its audit log.
    assert!(seen >= 9, "{seen}");
}

#[tokio::test]
async fn what_a_team_used_is_in_no_other_teams_report() {
    let world = World::start().await;
    world.things(MARK).await;
    let lead = world.host.key("Others", AccessLevel::TeamLead).await;
    for path in ["/api/v1/usage", "/api/v1/team/usage"] {
        assert_eq!(world.host.get(&lead, path).await.at("/totals/requests"), 0, "{path}");
    }
    assert_eq!(world.host.get(&lead, "/api/v1/sessions").await.at("/total"), 0);
}

#[tokio::test]
async fn an_admin_sees_all_teams() {
    let world = World::start().await;
    let (hers, ours) = (world.things(MARK).await, world.things("our own").await);
    for list in ["/api/v1/sessions", "/api/v1/admin/teams", "/api/v1/admin/api-keys", "/api/v1/admin/audit"] {
        let answer = world.host.get(&world.host.admin, list).await;
        assert!(answer.text.contains(MARK) && answer.text.contains("our own"), "{list}: {}", answer.text);
    }
    let used = world.host.get(&world.host.admin, "/api/v1/admin/usage/recent").await;
    for things in [hers, ours] {
        assert!(used.text.contains(&format!("\"team_id\":{}", things.key.team)), "{}", used.text);
        for operation in Operation::guarded() {
            if operation.method == "GET" && operation.path_to(&things) != operation.path && !operation.is_leads() {
                let request = operation.request_of(&world.host, &world.host.admin, &things);
                assert_eq!(world.host.status(request).await, 200, "{}", operation.name());
            }
        }
    }
}
