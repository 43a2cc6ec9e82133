//! `kill -9` under load, again and again, at moments of chance: what was told is there, once, and everything adds up.

use std::time::Duration;

use tokio::time::timeout;

use crate::database::Database;
use crate::program::Host;
use crate::scene::{End, Scene};

const KILLS: u64 = 50;
/// So many are enough to tell that no answer waits in the program for a disk that nobody waits for.
const KILLS_WITHOUT_FSYNC: u64 = 10;
/// What the limited key may ask a day: less than it will.
const QUOTA: u64 = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_on_sqlite_loses_no_answer_and_counts_none_twice() {
    kill_at_any_moment(Database::sqlite(), "full", KILLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_on_postgres_loses_no_answer_and_counts_none_twice() {
    kill_at_any_moment(Database::postgres().await, "full", KILLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_that_waits_for_no_disk_loses_nothing_either() {
    kill_at_any_moment(Database::sqlite(), "process", KILLS_WITHOUT_FSYNC).await;
    kill_at_any_moment(Database::postgres().await, "process", KILLS_WITHOUT_FSYNC).await;
}

async fn kill_at_any_moment(database: Database, durability: &str, kills: u64) {
    let mut scene = Scene::new(database, QUOTA).await;
    let program = |scene: &Scene| {
        let mut command = scene.command();
        command.env("DURABILITY", durability);
        command
    };
    for number in 0..kills {
        if number % 8 == 7 {
            let moment = Duration::from_millis(scene.random.below(100));
            // Dropped before it listens, it is killed.
            drop(timeout(moment, Host::launch(program(&scene))).await);
        } else {
            let moment = Duration::from_millis(scene.random.below(500));
            scene.run(program(&scene), End::Kill(moment)).await;
        }
        scene.check().await;
    }
    scene.end(kills).await;
}
