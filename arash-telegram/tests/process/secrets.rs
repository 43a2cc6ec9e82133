//! The token is in nothing that the program says, whatever goes wrong.

use std::fs::{File, read_to_string};

use arash_fake_telegram::Fault;
use tokio::time::{Duration, sleep};

use crate::health::health_with;
use crate::program::Bot;
use crate::scene::{Scene, Source};

#[tokio::test]
async fn the_token_is_in_no_log_line_and_no_health() {
    for source in [Source::Polling, Source::Webhook] {
        let mut scene = Scene::new(source).await;
        let log = scene.database.file("log");
        let mut command = scene.command();
        command.env("LOG_LEVEL", "trace").env("LOG_FORMAT", "json").stderr(File::create(&log).unwrap());
        let token = scene.telegram.token();
        let method = if source == Source::Polling { "getUpdates" } else { "getWebhookInfo" };
        let echo = format!("Bad Request: /bot{token}/{method}, or /bot{}/{method}", token.replace(':', "%3A"));
        scene.telegram.fault(Fault::refusal(418, &echo).on(method).times(2));
        let bot = Bot::start(command).await;
        let (_, told) = health_with(&bot, "degraded").await;
        assert!(told["detail"].as_str().unwrap().contains("[token]"), "{told}");
        for fault in [Fault::internal_error(), Fault::reset(), Fault::lost_reply(), Fault::bad_gateway()] {
            scene.telegram.fault(fault.clone().on("sendMessage"));
            scene.telegram.fault(fault.clone().on("editMessageText"));
            scene.telegram.fault(fault.on("getUpdates"));
        }
        scene.ask_for(Duration::from_millis(200));
        scene.until_all_is_answered().await;
        scene.telegram.revoke_token();
        scene.ask_for(Duration::from_millis(200));
        sleep(Duration::from_secs(2)).await;
        let health = bot.health().await.1.to_string();
        let (code, said) = bot.stop("-TERM").await;
        assert_eq!(code, Some(0));
        let logged = read_to_string(&log).unwrap();
        assert!(logged.contains("TRACE") || logged.contains("DEBUG"), "little was logged: {logged}");
        let (_, secret) = token.split_once(':').unwrap();
        for (what, text) in
            [("the log", logged), ("its health", health), ("its fault", told.to_string()), ("what it said", said)]
        {
            let found = text.lines().find(|line| line.contains(secret));
            assert_eq!(found, None, "{what} has the token");
        }
    }
}
