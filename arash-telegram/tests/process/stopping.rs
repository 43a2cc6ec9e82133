//! The program is told to stop while it answers.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::program::Bot;
use crate::scene::{Scene, Source};

#[tokio::test]
async fn an_answer_that_runs_is_finished_before_the_program_ends() {
    for source in [Source::Polling, Source::Webhook] {
        let mut scene = Scene::new(source).await;
        let bot = Bot::start(scene.command()).await;
        scene.ask_for(Duration::from_secs(3));
        scene.until_something_is_said().await;
        let (code, said) = bot.stop("-TERM").await;
        assert_eq!((code, said.as_str()), (Some(0), ""));
        scene.check().await;
        assert_eq!(scene.interrupted().await, 0);
    }
}

#[tokio::test]
async fn what_takes_too_long_is_cut_off_and_answered_after_the_next_start() {
    let mut scene = Scene::new(Source::Polling).await;
    let bot = Bot::start(scene.command()).await;
    scene.ask_for(Duration::from_secs(28));
    scene.until_something_is_said().await;
    let begun = Instant::now();
    let (code, said) = bot.stop("-TERM").await;
    assert!(begun.elapsed() < Duration::from_secs(32), "it took {:?}", begun.elapsed());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("not all was answered in time"), "{said}");
    assert_eq!(scene.interrupted().await, 1);
    let bot = Bot::start(scene.command()).await;
    scene.until_all_is_answered().await;
    scene.check().await;
    assert_eq!(bot.stop("-TERM").await, (Some(0), String::new()));
}

#[tokio::test]
async fn a_request_that_is_never_finished_holds_up_the_end_no_longer_than_answers() {
    let scene = Scene::new(Source::Polling).await;
    let bot = Bot::start(scene.command()).await;
    let mut half = TcpStream::connect(bot.address.trim_start_matches("http://")).await.unwrap();
    half.write_all(b"GET /health HTTP/1.1\r\nHost: a").await.unwrap();
    let begun = Instant::now();
    assert_eq!(bot.stop("-TERM").await, (Some(0), String::new()));
    assert!(begun.elapsed() < Duration::from_secs(32), "it took {:?}", begun.elapsed());
}
