//! The program dies at every fail point under load: what was told is there, once, and everything adds up.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::sleep;

use crate::database::Database;
use crate::program::Host;
use crate::scene::{End, Scene};

/// What the limited key may ask a day: so much that leased blocks are never spent whole, and go back.
const QUOTA: u64 = 10_000;
/// How long a point may take to come by, before the program is told to stop.
const VISIT: Duration = Duration::from_secs(1);
/// The passes that the program may die at: in its stride, or where a point does not come by so often, the first; tried
/// twice, because some come by now and then.
const PASSES: [u64; 3] = [4, 1, 1];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fail_point_on_sqlite_costs_an_answer() {
    visit_every_fail_point(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fail_point_on_postgres_costs_an_answer() {
    visit_every_fail_point(Database::postgres().await).await;
}

async fn visit_every_fail_point(database: Database) {
    let mut scene = Scene::new(database, QUOTA).await;
    let (at_rest, points) = fail_points(&mut scene).await;
    println!("fail points: {points:?}; at rest: {at_rest:?}");
    assert!(points.contains("after answer"), "{points:?}");
    for point in &points {
        // What is done now and then, load or no load, comes by once in so short a time.
        let passes = if at_rest.contains(point) { &PASSES[1..] } else { &PASSES };
        let mut has_ended = false;
        for pass in passes {
            has_ended = has_ended || visit(&mut scene, point, *pass).await;
        }
        // A batch is written again in parts only where something came in between, which cannot be called up.
        let is_rare = point.ends_with("_in_parts");
        assert!(has_ended || is_rare, "nothing passed {point:?} again");
    }
    scene.end(points.len() as u64).await;
}

/// Whether the program died at this pass of a fail point.
async fn visit(scene: &mut Scene, point: &str, pass: u64) -> bool {
    let mut command = scene.command();
    command.env("ARASH_FAIL_POINT", format!("{point}:{pass}"));
    let said = scene.run(command, End::Stop(VISIT)).await;
    scene.check().await;
    said.contains(&format!("fail point {point:?}"))
}

/// The fail points that the program passes when nobody talks to it, and all of them.
async fn fail_points(scene: &mut Scene) -> (BTreeSet<String>, BTreeSet<String>) {
    let file = scene.database.file("fail-points");
    let passed = || std::fs::read_to_string(&file).unwrap_or_default().lines().map(str::to_owned).collect();
    let mut command = scene.command();
    command.env("ARASH_FAIL_POINT_LOG", &file);
    let host = Host::start(command).await;
    sleep(Duration::from_millis(300)).await;
    let at_rest = passed();
    assert_eq!(host.stop("-TERM").await.0, Some(0));
    let mut command = scene.command();
    command.env("ARASH_FAIL_POINT_LOG", &file);
    scene.run(command, End::Stop(VISIT)).await;
    (at_rest, passed())
}
