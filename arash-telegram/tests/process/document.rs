//! A program that is killed while it sends the document of a long answer.

use std::time::Duration;

use arash_fake_telegram::Fault;

use crate::program::Bot;
use crate::scene::{Scene, Source};

/// More than five messages.
const LETTERS: usize = 25_000;

#[tokio::test]
async fn a_document_that_was_not_sent_before_a_kill_is_sent_after_it() {
    let mut scene = Scene::new(Source::Polling).await;
    scene.telegram.fault(Fault::internal_error().on("sendDocument").always());
    let bot = Bot::start(scene.command()).await;
    scene.anybody().ask_for_letters(Duration::ZERO, LETTERS);
    let is_tried = |telegram: &arash_fake_telegram::FakeTelegram| telegram.calls_of("sendDocument").pop();
    assert!(scene.telegram.until(is_tried).await.is_some());
    bot.kill().await;
    scene.telegram.mend();
    let bot = Bot::start(scene.command()).await;
    scene.until_all_is_answered().await;
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
    scene.check().await;
    assert_eq!(scene.documents(), 1);
}

#[tokio::test]
async fn a_document_that_nobody_knows_to_be_there_comes_once_more_rather_than_never() {
    let mut scene = Scene::new(Source::Polling).await;
    // It is there, but Telegram has not said so when the program dies.
    scene.telegram.fault(Fault::slow(Duration::from_secs(30)).on("sendDocument"));
    let bot = Bot::start(scene.command()).await;
    scene.anybody().ask_for_letters(Duration::ZERO, LETTERS);
    assert!(scene.telegram.until(|_| Some(()).filter(|()| scene.documents() == 1)).await.is_some());
    bot.kill().await;
    let bot = Bot::start(scene.command()).await;
    scene.until_all_is_answered().await;
    assert!(scene.telegram.until(|_| Some(()).filter(|()| scene.documents() == 2)).await.is_some());
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
    scene.check().await;
    assert_eq!(scene.interrupted().await, 0, "the answer was made once");
}
