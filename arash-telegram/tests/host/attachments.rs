//! What is attached to a question, while it is fetched and when it is too large.

use std::time::Duration;

use arash_core::testing::Script;
use arash_fake_telegram::{Fault, Person, UserFile};
use tokio::time::{advance, pause, resume};

use crate::log::Complaints;
use crate::running_bot::{RunningBot, texts};

fn note() -> UserFile {
    UserFile::document("notes.txt", "text/plain", &b"Milk"[..]).caption("What?")
}

/// Waits until Telegram is asked for a file.
async fn is_fetched(bot: &RunningBot) {
    bot.telegram.until(|telegram| telegram.calls_of("getFile").pop()).await.unwrap();
}

/// How many bytes of a picture the model was shown last.
fn shown(bot: &RunningBot) -> u64 {
    bot.provider.requests().last().unwrap().newest().unwrap().attachments.first().unwrap().bytes.unwrap()
}

async fn is_typing(bot: &RunningBot, person: &Person, times: usize) {
    let typed = || bot.telegram.calls_of("sendChatAction").len() >= times && person.action().is_some();
    bot.telegram.until(|_| typed().then_some(())).await.unwrap();
}

#[tokio::test]
async fn while_a_file_is_fetched_the_bot_is_typing() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    bot.telegram.fault(Fault::slow(Duration::from_secs(6)).on("getFile"));
    ann.send(note());
    is_typing(&bot, &ann, 2).await;
    assert_eq!((texts(&ann).len(), bot.provider.calls()), (0, 0), "it is not fetched yet");
    assert_eq!(bot.answer(&ann, 1).await.text(), "echo: What?");
    assert_eq!(bot.telegram.calls_of("sendChatAction").len(), 2, "it goes on, and does not begin anew");
    bot.end().await;
}

#[tokio::test]
async fn files_that_do_not_come_within_a_minute_are_told() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    // Each by itself comes in time.
    bot.telegram.fault(Fault::slow(Duration::from_secs(15)).on("getFile").always());
    ann.send_album(vec![note(); 8]);
    for fetched in 1..=4 {
        bot.telegram.until(|telegram| (telegram.calls_of("getFile").len() == fetched).then_some(())).await.unwrap();
        pause();
        advance(Duration::from_millis(15_100)).await;
        resume();
    }
    let said = bot.answer(&ann, 1).await;
    assert_eq!(said.text(), "I could not get your file from Telegram. Please send it again.");
    assert_eq!((texts(&ann).len(), bot.provider.calls()), (1, 0));
    bot.telegram.mend();
    ann.say("Hello");
    bot.shows(&ann, "echo: Hello").await;
    bot.end().await;
}

#[tokio::test]
async fn while_a_file_is_fetched_it_can_be_stopped() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    bot.telegram.fault(Fault::slow(Duration::from_secs(3_600)).on("getFile").always());
    ann.send(note());
    is_fetched(&bot).await;
    ann.say("/stop");
    assert_eq!(bot.answer(&ann, 1).await.text(), "Stopped.");
    ann.say("/stop");
    assert!(bot.answer(&ann, 2).await.text().starts_with("There is nothing to stop"));
    assert_eq!((texts(&ann).len(), bot.provider.calls()), (2, 0));
    bot.end().await;
}

#[tokio::test]
async fn for_who_has_blocked_the_bot_no_file_is_waited_for() {
    let (complaints, bot) = (Complaints::listen(), RunningBot::start().await);
    let ann = bot.telegram.person("Ann");
    bot.telegram.fault(Fault::slow(Duration::from_secs(3_600)).on("getFile").always());
    let blocked = Fault::refusal(403, "Forbidden: bot was blocked by the user");
    bot.telegram.fault(blocked.on("sendChatAction").after(1).always());
    ann.send(note());
    is_fetched(&bot).await;
    let refused = |call: &arash_fake_telegram::Call| call.refused_with() == Some(403);
    bot.telegram.until(|telegram| telegram.calls_of("sendChatAction").into_iter().find(refused)).await.unwrap();
    bot.telegram.mend();
    bot.provider.push(Script::saying("Here I am"));
    ann.say("Hello?");
    bot.shows(&ann, "Here I am").await;
    assert_eq!(bot.provider.calls(), 1);
    assert_eq!(complaints.all(), "");
    bot.end().await;
}

#[tokio::test]
async fn of_a_picture_the_largest_size_that_fits_is_shown_to_the_model() {
    let bot = RunningBot::start_with(|args| args.max_image_size_mb = Some("1".to_owned())).await;
    let ann = bot.telegram.person("Ann");
    let photo = |bytes: usize| UserFile::photo([&b"\xff\xd8\xff"[..], &vec![0; bytes - 3]].concat());
    ann.send(photo(1 << 20));
    bot.answer(&ann, 1).await;
    assert_eq!(shown(&bot), 1 << 20);
    ann.send(photo((1 << 20) + 1));
    bot.answer(&ann, 2).await;
    assert!((1..10_000).contains(&shown(&bot)), "the smaller one");
    assert_eq!(bot.provider.calls(), 2);
    bot.end().await;
}
