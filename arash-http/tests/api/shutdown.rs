use std::sync::Arc;
use std::time::Duration;

use arash_core::testing::{Script, ScriptedProvider, Step};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{Answer, TestHost, message};

#[tokio::test]
async fn a_request_that_runs_is_answered_and_no_other_is_taken() {
    let go = Arc::new(Notify::new());
    let provider = ScriptedProvider::new([Script::new([Step::WaitFor(Arc::clone(&go)), Step::say("at last")])]);
    let mut host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    let key = host.user("Team").await;
    let mut running = JoinSet::new();
    running.spawn(host.posting(&key, "/api/v1/chat", &message("c", "Hi")).send());
    while provider.running() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let late = host.request("GET", "/health/live");
    let mut stopping = JoinSet::new();
    stopping.spawn(async move {
        host.stop().await;
    });
    // The listener is closed as soon as the signal is seen.
    let refused = async {
        while late.try_clone().unwrap().send().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), refused).await.unwrap();
    go.notify_one();
    let answer = Answer::read(running.join_next().await.unwrap().unwrap().unwrap()).await;
    assert_eq!((answer.status, answer.at("/response")), (200, "at last".into()));
    tokio::time::timeout(Duration::from_secs(5), stopping.join_next()).await.unwrap().unwrap().unwrap();
}
