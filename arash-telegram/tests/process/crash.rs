//! `kill -9` while several chats are answered, again and again, at moments of chance: every message has one answer.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::program::Bot;
use crate::scene::{Scene, Source};

const KILLS: u64 = 50;
/// The longest time to a kill after the program answers, and before it does.
const MOMENTS: (Duration, Duration) = (Duration::from_millis(900), Duration::from_millis(150));
const LONGEST_ANSWER: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_cost_a_bot_that_polls_no_message() {
    kill_at_any_moment(Source::Polling).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_cost_a_bot_with_a_webhook_no_message() {
    kill_at_any_moment(Source::Webhook).await;
}

async fn kill_at_any_moment(source: Source) {
    let mut scene = Scene::new(source).await;
    for number in 0..KILLS {
        scene.ask(LONGEST_ANSWER);
        if number % 8 == 7 {
            let moment = Duration::from_millis(scene.random.below(MOMENTS.1.as_millis() as u64));
            // Dropped before it answers, it is killed.
            drop(timeout(moment, Bot::launch(scene.command())).await);
            continue;
        }
        let bot = Bot::start(scene.command()).await;
        scene.ask(LONGEST_ANSWER);
        // Telegram waits ever longer before it tries a webhook again.
        scene.telegram.turn_clock(Duration::from_secs(8));
        sleep(Duration::from_millis(scene.random.below(MOMENTS.0.as_millis() as u64))).await;
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
