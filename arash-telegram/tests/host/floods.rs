//! People who send much at once: it costs nobody else an answer.

use std::time::{Duration, Instant};

use arash_core::id::BotId;
use arash_core::testing::{Script, Step};

use crate::running_bot::{RunningBot, texts};

/// Waits until nothing waits any more for its answer; how long that took.
async fn until_all_is_done(bot: &RunningBot) -> Duration {
    let begun = Instant::now();
    loop {
        let waiting = bot.engine.inbox().waiting(BotId(bot.telegram.bot_id())).await.unwrap();
        if waiting == 0 && bot.telegram.pending_updates() == 0 {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{waiting} updates wait");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn commands_in_great_number_hold_nothing_up() {
    let bot = RunningBot::start().await;
    let (ann, ben) = (bot.telegram.person("Ann"), bot.telegram.person("Ben"));
    for _ in 0..200 {
        ann.say("/stop");
        ann.say("/model");
    }
    ben.say("Hello");
    bot.answer(&ben, 1).await;
    let took = until_all_is_done(&bot).await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!((2..20).contains(&texts(&ann).len()), "{:?}", texts(&ann));
    bot.end().await;
}

#[tokio::test]
async fn one_member_of_a_group_does_not_take_its_pace_for_himself() {
    let bot = RunningBot::start().await;
    let (ann, ben) = (bot.telegram.person("Ann"), bot.telegram.person("Ben"));
    let group = bot.telegram.group("Friends", &[&ann, &ben]);
    let (ann, ben) = (ann.at(&group), ben.at(&group));
    for _ in 0..20 {
        ann.say("/model@arash_test_bot");
    }
    let asked = Instant::now();
    ben.say("/help@arash_test_bot");
    let help = |text: &String| text.contains("/clear");
    bot.telegram.until(|_| texts(&ben).iter().any(help).then_some(())).await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    bot.end().await;
}

#[tokio::test]
async fn an_answer_is_stopped_although_more_waits_in_its_chat_than_is_kept_in_memory() {
    let bot = RunningBot::start_with(|args| args.telegram_rate_limit = Some("3".to_owned())).await;
    let ann = bot.telegram.person("Ann");
    bot.provider.push(Script::new([Step::say("One"), Step::Hang]));
    bot.provider.push(Script::saying("Done"));
    ann.say("Count");
    bot.shows(&ann, "One").await;
    for number in 0..600 {
        ann.say(&format!("message {number}"));
    }
    bot.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    let asked = Instant::now();
    ann.say("/stop");
    bot.shows(&ann, "One\n\nStopped.").await;
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    // All of it is answered in its order: what is within her limit, and of the rest that it is too much.
    until_all_is_done(&bot).await;
    let texts = texts(&ann);
    assert_eq!((texts.len(), texts[1].as_str(), texts[2].as_str()), (4, "Done", "Done"), "{texts:?}");
    let asked =
        bot.provider.requests().iter().map(|request| request.newest().unwrap().text.to_string()).collect::<Vec<_>>();
    assert_eq!(asked, ["Count", "message 0", "message 1"]);
    bot.end().await;
}
