//! The program is told to stop while it answers.

use std::time::Duration;

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
