use std::sync::Arc;
use std::time::{Duration, Instant};

use arash_core::settings::HttpSettings;
use arash_core::testing::{Script, ScriptedProvider, Step};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{TestHost, told};

#[tokio::test]
async fn a_stream_that_runs_is_told_to_its_end() {
    let go_on = Arc::new(Notify::new());
    let script = Script::new([Step::say("half "), Step::WaitFor(Arc::clone(&go_on)), Step::say("and the rest")]);
    let mut host = TestHost::with(|builder| builder.ai(ScriptedProvider::new([script]))).await;
    let key = host.user("Team").await;
    let mut stream = host.stream(&key, "c", "Hi").await;
    let mut events = vec![stream.next().await.unwrap(), stream.next().await.unwrap()];
    let follower = host.open(host.resuming(&key, &stream.turn_id(), None)).await;
    let mut stopping = JoinSet::new();
    stopping.spawn(async move { host.stop().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    go_on.notify_one();
    let began = Instant::now();
    events.extend(stream.rest().await);
    assert_eq!((told(&events), events.last().unwrap().name.as_str()), ("half and the rest".to_owned(), "done"));
    assert_eq!(follower.rest().await, events);
    tokio::time::timeout(Duration::from_secs(10), stopping.join_next()).await.unwrap().unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "streams that have ended hold up nobody: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_stream_that_does_not_end_is_told_so_within_the_deadline() {
    let provider = ScriptedProvider::new([Script::new([Step::say("half"), Step::Hang])]);
    let mut settings = HttpSettings::default();
    settings.shutdown_deadline = Duration::from_secs(2);
    settings.keep_alive = Duration::from_millis(50);
    let mut host = TestHost::with_settings(|builder| builder.ai(provider.clone()), settings).await;
    let key = host.user("Team").await;
    let stream = host.stream(&key, "c", "Hi").await;
    let (engine, began) = (host.engine.clone(), Instant::now());
    let mut stopping = JoinSet::new();
    stopping.spawn(async move { host.stop().await });
    let end = stream.rest().await.pop().unwrap();
    assert_eq!((end.name.as_str(), &end.data["error"]), ("error", &json!("unavailable")));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    tokio::time::timeout(Duration::from_secs(10), stopping.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(provider.running(), 0);
    let report = engine.usage().report(arash_core::usage::UsageFilter::default(), 1).await.unwrap();
    assert_eq!((report.totals.requests, report.totals.failed()), (1, 1), "it is recorded");
}
