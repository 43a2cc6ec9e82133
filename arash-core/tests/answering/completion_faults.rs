//! What breaks a completion: it is recorded once, and whoever waits for it knows.

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::{AiErrorKind, ChatDelta};
use arash_core::clock::{Clock, SystemClock, Timestamp};
use arash_core::quota::{Allowance, Period};
use arash_core::testing::{ManualClock, Script, ScriptedProvider, Step};
use arash_core::turn::{CompletionEvent, IdempotencyKey};
use arash_core::usage::TurnKind;
use arash_core::{Engine, ErrorKind};

use crate::answers::{records, soon};
use crate::completions::{chunks, heard, hello};
use crate::engines::{builder, caller, engine};
use crate::stores::{self, TestStore};
use crate::talk::until;

crate::on_each_store! {
    a_completion_whose_client_goes_away_is_recorded
    a_completion_that_breaks_off_is_recorded
    a_completion_is_stopped_by_its_turn
    a_completion_that_a_crash_cut_off_is_recorded_once
    shutdown_interrupts_a_completion
}

fn hanging() -> Script {
    Script::new([Step::Give(ChatDelta::Wire("{}".to_owned())), Step::say("half"), Step::Hang])
}

async fn a_completion_whose_client_goes_away_is_recorded(store: TestStore) {
    let engine = engine(&store, &ScriptedProvider::new([chunks()])).await;
    for pieces in 0..7 {
        let mut stream = engine.stream_completion(hello()).await.unwrap();
        for _ in 0..pieces {
            assert!(soon(stream.next()).await.is_some());
        }
        drop(stream);
        until(async || records(&store).await.len() == pieces + 1).await;
    }
    drop(tokio::time::timeout(Duration::ZERO, engine.complete(hello())).await);
    engine.shutdown(Duration::from_secs(5)).await;
    let store = store.reopen().await;
    let rows = records(&store).await;
    assert!(rows.iter().all(|row| row.success && row.tokens.total() == 15), "{rows:?}");
}

async fn a_completion_that_breaks_off_is_recorded(store: TestStore) {
    let broken = Script::new([Step::say("half"), Step::Fail(AiErrorKind::Malformed)]);
    let provider = ScriptedProvider::new([Script::failing(AiErrorKind::Connect), broken, Script::default()]);
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "unlucky", Some(5), None).await;
    let ask = || hello().principal(Arc::clone(&principal));
    assert_eq!(engine.complete(ask()).await.unwrap_err().kind(), ErrorKind::AiService);
    let (deltas, end) = heard(engine.stream_completion(ask()).await.unwrap()).await;
    assert_eq!((deltas, end.unwrap_err().kind()), (vec![ChatDelta::Text("half".to_owned())], ErrorKind::AiService));
    assert_eq!(engine.complete(ask()).await.unwrap_err().kind(), ErrorKind::AiService, "an empty answer is none");
    let rows = records(&store).await;
    let told: Vec<_> = rows.iter().rev().map(|row| (row.success, row.tokens.total() > 0)).collect();
    assert_eq!(told, [(false, false), (false, true), (false, false)]);
    let standing = engine.quotas().standing(&Allowance::of(&principal), Period::Daily).await.unwrap();
    assert_eq!(standing.used, 1, "what never began to be answered costs nothing");
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_completion_is_stopped_by_its_turn(store: TestStore) {
    let engine = engine(&store, &ScriptedProvider::new([hanging()])).await;
    let (owner, other) = (caller(&engine, "owner", None, None).await, caller(&engine, "other", None, None).await);
    let mut stream = engine.stream_completion(hello().principal(Arc::clone(&owner))).await.unwrap();
    assert!(matches!(soon(stream.next()).await, Some(CompletionEvent::Delta(ChatDelta::Wire(_)))));
    let turn_id = stream.turn_id();
    assert_eq!(engine.stop(turn_id, &other).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(engine.resume(turn_id, &owner, None).unwrap_err().kind(), ErrorKind::NotFound, "it is no session's");
    engine.stop(turn_id, &owner).unwrap();
    let (deltas, end) = heard(stream).await;
    assert!(deltas.len() <= 1 && end.unwrap().stopped, "{deltas:?}");
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].success, rows[0].tokens.estimated), (1, true, true));
    assert_eq!(engine.stop(turn_id, &owner).unwrap_err().kind(), ErrorKind::NotFound);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn shutdown_interrupts_a_completion(store: TestStore) {
    let provider = ScriptedProvider::new([hanging()]);
    let engine = engine(&store, &provider).await;
    let (end, ()) = tokio::join!(engine.complete(hello()), async {
        until(async || provider.running() == 1).await;
        engine.interrupt().await;
    });
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(engine.complete(hello()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].success, rows[0].kind), (1, false, TurnKind::Completion));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_completion_that_a_crash_cut_off_is_recorded_once(store: TestStore) {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let at = async |store: &TestStore, clock: &Arc<ManualClock>, script: Script| -> Engine {
        let builder = builder(store, &ScriptedProvider::new([script]));
        builder.clock(Arc::<ManualClock>::clone(clock)).build().await.unwrap()
    };
    let keyed = || hello().idempotency_key(IdempotencyKey::new("key:1:v1", "once").unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let engine = at(&store, &clock, hanging()).await;
                let mut stream = engine.stream_completion(keyed()).await.unwrap();
                assert!(soon(stream.next()).await.is_some());
                // Nothing of it is dropped in order.
                std::mem::forget(engine);
            });
            runtime.shutdown_background();
        });
    });
    let store = store.reopen().await;
    let begun = store.store.lost_turns(Timestamp::from_millis(i64::MAX), 10).await.unwrap();
    assert_eq!((begun.len(), records(&store).await.len()), (1, 0));
    clock.advance(Duration::from_secs(61));
    let engine = at(&store, &clock, chunks()).await;
    until(async || records(&store).await.len() == 1).await;
    let rows = records(&store).await;
    assert_eq!((rows[0].success, rows[0].kind, rows[0].session_key.as_deref()), (false, TurnKind::Completion, None));
    assert!(!engine.complete(keyed()).await.unwrap().receipt.replayed, "the key is free again");
    engine.shutdown(Duration::from_secs(5)).await;
}
