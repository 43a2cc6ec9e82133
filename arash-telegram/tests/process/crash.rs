//! `kill -9` while several chats are answered, again and again, at moments of chance: all that was asked has one answer.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::database::Database;
use crate::program::Bot;
use crate::scene::{Scene, Source};

/// How programs are killed.
struct Kills {
    count: u64,
    /// How long a program runs at most before people do something.
    quiet: Duration,
    /// How many do something then.
    people: u64,
    /// How long an answer takes at most, …
    answer: Duration,
    /// … and how long they may be answered before the kill.
    busy: Duration,
}

/// The next program takes over at once.
const ON_SQLITE: Kills = Kills {
    count: 50,
    quiet: Duration::ZERO,
    people: 1,
    answer: Duration::from_millis(600),
    busy: Duration::from_millis(900),
};
/// The next program waits until the leases of the killed one have run out: some are killed before that, some after.
const ON_POSTGRES: Kills = Kills {
    count: 4,
    quiet: Duration::from_secs(17),
    people: 6,
    answer: Duration::from_secs(4),
    busy: Duration::from_secs(3),
};
/// The longest time to a kill of a program that does not answer yet.
const STARTING: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_cost_a_bot_that_polls_no_message() {
    kill_at_any_moment(Database::sqlite(), Source::Polling, &ON_SQLITE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_cost_a_bot_with_a_webhook_no_message() {
    kill_at_any_moment(Database::sqlite(), Source::Webhook, &ON_SQLITE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_cost_a_bot_that_polls_on_postgres_no_message() {
    kill_at_any_moment(Database::postgres().await, Source::Polling, &ON_POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_cost_a_bot_with_a_webhook_on_postgres_no_message() {
    kill_at_any_moment(Database::postgres().await, Source::Webhook, &ON_POSTGRES).await;
}

async fn kill_at_any_moment(database: Database, source: Source, kills: &Kills) {
    let mut scene = Scene::on(database, source).await;
    for number in 0..kills.count {
        scene.do_something(kills.answer);
        if number % 8 == 7 {
            let moment = scene.time_below(STARTING);
            // Dropped before it answers, it is killed.
            drop(timeout(moment, Bot::launch(scene.command())).await);
            continue;
        }
        let bot = Bot::start(scene.command()).await;
        sleep(scene.time_below(kills.quiet)).await;
        for _ in 0..kills.people {
            scene.do_something(kills.answer);
        }
        // Telegram waits ever longer before it tries a webhook again.
        scene.telegram.turn_clock(Duration::from_secs(8));
        sleep(scene.time_below(kills.busy)).await;
        let said = bot.kill().await;
        assert!(!said.contains("panicked"), "{said}");
    }
    let bot = Bot::start(scene.command()).await;
    scene.until_all_is_answered().await;
    let (code, said) = bot.stop("-TERM").await;
    eprintln!("the last one said: {said}");
    assert_eq!(code, Some(0));
    scene.check().await;
    assert!(scene.interrupted().await > 0, "no answer was cut off");
}
