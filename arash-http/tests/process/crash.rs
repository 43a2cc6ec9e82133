//! `kill -9` under load, again and again, at moments of chance: what was told is there, once, and everything adds up.

use std::time::Duration;

use tokio::time::timeout;

use crate::database::Database;
use crate::program::Host;
use crate::scene::{End, Scene};

const KILLS: u64 = 50;
/// What the limited key may ask a day: less than it will.
const QUOTA: u64 = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_on_sqlite_loses_no_answer_and_counts_none_twice() {
    kill_at_any_moment(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_on_postgres_loses_no_answer_and_counts_none_twice() {
    kill_at_any_moment(Database::postgres().await).await;
}

async fn kill_at_any_moment(database: Database) {
    let mut scene = Scene::new(database, QUOTA).await;
    for number in 0..KILLS {
        if number % 8 == 7 {
            let moment = Duration::from_millis(scene.random.below(100));
            // Dropped before it listens, it is killed.
            drop(timeout(moment, Host::launch(scene.command())).await);
        } else {
            let moment = Duration::from_millis(scene.random.below(500));
            scene.run(scene.command(), End::Kill(moment)).await;
        }
        scene.check().await;
    }
    scene.end(KILLS).await;
}
