//! The sign that something is being written.

use std::time::Duration;

use arash_core::testing::{Script, Step};

use crate::running_bot::RunningBot;

#[tokio::test]
async fn it_is_shown_every_four_seconds_and_ends_with_the_answer() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::Pause(Duration::from_secs(10)), Step::say("Well")]));
    let ann = bot.telegram.person("Ann");
    ann.say("Think");
    bot.shows(&ann, "Well").await;
    bot.answer(&ann, 1).await;
    let typed = bot.telegram.calls_of("sendChatAction");
    assert_eq!(typed.len(), 3, "{typed:?}");
    for pair in typed.windows(2) {
        let pause = pair[1].at.since(pair[0].at);
        assert!((3_900..4_900).contains(&pause.as_millis()), "{pause:?}");
    }
    assert!(typed.iter().all(|call| call.text("action") == "typing" && call.chat_id == Some(ann.chat_id())));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((bot.telegram.calls_of("sendChatAction").len(), ann.action()), (3, None));
    bot.end().await;
}
