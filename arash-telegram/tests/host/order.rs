//! What comes together, what comes in order, and what waits for nobody.

use std::sync::Arc;

use arash_core::testing::{Script, Step};
use arash_fake_telegram::UserFile;
use tokio::sync::Notify;

use crate::running_bot::{RunningBot, texts};

#[tokio::test]
async fn an_album_is_one_turn() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    let photo = || UserFile::photo(&b"\xff\xd8\xff photo"[..]);
    ann.send_album(vec![photo().caption("What is this?"), photo(), photo()]);
    assert_eq!(bot.answer(&ann, 1).await.text(), "echo: What is this?");
    let requests = bot.provider.requests();
    assert_eq!((requests.len(), requests[0].newest().unwrap().attachments.len()), (1, 3));
    bot.end().await;
}

#[tokio::test]
async fn a_text_that_the_app_cut_is_one_turn_and_short_ones_are_turns_of_their_own() {
    let bot = RunningBot::start().await;
    let (ann, ben) = (bot.telegram.person("Ann"), bot.telegram.person("Ben"));
    let long = "abcdefg ".repeat(600);
    bot.provider.push(Script::saying("Read"));
    ann.say(long.trim());
    bot.answer(&ann, 1).await;
    assert_eq!(bot.provider.calls(), 1);
    assert_eq!(&*bot.provider.requests()[0].newest().unwrap().text, long.trim());
    ben.say("one");
    ben.say("two");
    bot.answer(&ben, 2).await;
    assert_eq!(bot.provider.calls(), 3);
    bot.end().await;
}

#[tokio::test]
async fn an_edit_of_a_message_that_waits_replaces_it_and_later_ones_mean_nothing() {
    let bot = RunningBot::start().await;
    let go = Arc::new(Notify::new());
    bot.provider.push(Script::new([Step::say("First"), Step::WaitFor(Arc::clone(&go)), Step::say(" done")]));
    bot.provider.push(Script::saying("Second done"));
    let ann = bot.telegram.person("Ann");
    let first = ann.say("one");
    bot.shows(&ann, "First").await;
    let second = ann.say("tow");
    ann.edit(second, "two").unwrap();
    ann.edit(first, "changed").unwrap();
    bot.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    go.notify_one();
    assert_eq!(bot.answer(&ann, 2).await.text(), "Second done");
    let asked: Vec<_> =
        bot.provider.requests().iter().map(|request| request.newest().unwrap().text.to_string()).collect();
    assert_eq!(asked, ["one", "two"]);
    bot.end().await;
}

#[tokio::test]
async fn a_chat_in_which_a_thousand_messages_wait_holds_nobody_up() {
    let bot = RunningBot::start_with(|args| args.telegram_rate_limit = Some("0".to_owned())).await;
    let (ann, ben) = (bot.telegram.person("Ann"), bot.telegram.person("Ben"));
    bot.provider.push(Script::new([Step::say("One"), Step::Hang]));
    ann.say("first");
    bot.shows(&ann, "One").await;
    bot.provider.push(Script::saying("Hello, Ben"));
    for number in 0..1_000 {
        ann.say(&format!("message {number}"));
    }
    ben.say("Hello");
    assert_eq!(bot.answer(&ben, 1).await.text(), "Hello, Ben");
    assert_eq!(texts(&ann), ["One"]);
    drop(bot);
}

#[tokio::test]
async fn what_cannot_be_taken_is_told() {
    let bot = RunningBot::start_with(|args| args.max_image_size_mb = Some("1".to_owned())).await;
    let cases = [
        (UserFile::document("a.zip", "application/zip", &b"PK"[..]), "I can't read this kind of file"),
        (
            UserFile::document("a.txt", "text/plain", vec![b'a'; 11 << 20]),
            "This file is too large: I can take up to 10 MB.",
        ),
        (UserFile::new(arash_fake_telegram::FileKind::Video, "a.mp4", &b"mp4"[..]), "I can't watch videos yet."),
    ];
    for (file, sentence) in cases {
        let person = bot.telegram.person("Ann");
        person.send(file);
        let said = bot.answer(&person, 1).await;
        assert!(said.text().starts_with(sentence), "{}", said.text());
    }
    assert_eq!(bot.provider.calls(), 0);
    bot.end().await;
}

#[tokio::test]
async fn documents_and_voices_are_given_to_the_model() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    ann.send(UserFile::document("notes.txt", "text/plain", &b"Milk, bread"[..]).caption("What shall I buy?"));
    assert_eq!(bot.answer(&ann, 1).await.text(), "echo: What shall I buy?");
    ann.send(UserFile::voice(&b"OggS"[..], 3));
    bot.answer(&ann, 2).await;
    let attached: Vec<_> =
        bot.provider.requests().iter().map(|request| request.newest().unwrap().attachments.len()).collect();
    assert_eq!(attached, [1, 1]);
    bot.end().await;
}

#[tokio::test]
async fn what_was_not_answered_before_the_end_is_answered_after_the_next_start_and_once() {
    let bot = RunningBot::start().await;
    let go = Arc::new(Notify::new());
    bot.provider.push(Script::new([Step::say("First"), Step::WaitFor(Arc::clone(&go)), Step::say(" done")]));
    bot.provider.push(Script::saying("Second done"));
    let ann = bot.telegram.person("Ann");
    ann.say("one");
    bot.shows(&ann, "First").await;
    ann.say("two");
    bot.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    let (bot, ()) = tokio::join!(bot.restart(), async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        go.notify_one();
    });
    bot.answer(&ann, 2).await;
    assert_eq!(texts(&ann), ["First done", "Second done"]);
    assert_eq!(bot.provider.calls(), 2);
    bot.end().await;
}

#[tokio::test]
async fn where_pictures_are_off_that_is_told() {
    let bot = RunningBot::start_with(|args| args.enable_image_processing = Some("false".to_owned())).await;
    let ann = bot.telegram.person("Ann");
    ann.send(UserFile::photo(&b"\xff\xd8\xff"[..]));
    let said = bot.answer(&ann, 1).await;
    assert_eq!(said.text(), "I can't look at pictures here. Please describe it in words.");
    assert_eq!(bot.provider.calls(), 0);
    bot.end().await;
}
