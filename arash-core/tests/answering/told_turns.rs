//! What teams are told of turns: answered ones and failed ones, each once, and only who wants to be.

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::AiErrorKind;
use arash_core::session::SessionKey;
use arash_core::team::{AccessLevel, KeySpec, Principal, TeamSpec};
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::webhook::{DeliveryPage, Event, EventKind};
use arash_core::{Engine, ErrorKind};

use crate::answers::soon;
use crate::engines::{engine, request};
use crate::stores::{self, TestStore};
use crate::talk::until;
use crate::told::{events_told, told_of};

crate::on_each_store! {
    a_failed_answer_is_told_by_its_code
    a_stream_that_breaks_is_told
    an_interrupted_answer_is_told
    what_is_no_message_is_not_told
    who_wants_answers_only_is_told_of_those_only
    what_is_told_of_a_turn_goes_with_its_session
}

/// A key of a team that is told of these kinds.
pub(crate) async fn told_caller(
    engine: &Engine,
    store: &TestStore,
    kinds: impl IntoIterator<Item = EventKind>,
) -> Arc<Principal> {
    let team = engine.teams().create(TeamSpec::named("told")).await.unwrap();
    told_of(&*store.store, team.id, kinds).await;
    let key = engine.keys().create(KeySpec::new(team.id, "key").level(AccessLevel::User)).await.unwrap();
    engine.authenticate(key.secret.expose()).await.unwrap()
}

const OF_MESSAGES: [EventKind; 2] = [EventKind::MessageCompleted, EventKind::MessageFailed];

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

/// The end of a payload: what came of the message.
fn response(event: &Event) -> &str {
    &event.payload[event.payload.find(r#""response":"#).unwrap()..]
}

async fn a_failed_answer_is_told_by_its_code(store: TestStore) {
    let provider = ScriptedProvider::new([Script::failing(AiErrorKind::Failed), Script::failing(AiErrorKind::Timeout)]);
    let engine = engine(&store, &provider).await;
    let caller = told_caller(&engine, &store, OF_MESSAGES).await;
    for chat in ["one", "two"] {
        engine.process(request(&caller, chat, "Hello")).await.unwrap_err();
    }
    let events = events_told(&*store.store).await;
    assert_eq!(kinds(&events), [EventKind::MessageFailed; 2]);
    assert_eq!(response(&events[0]), r#""response":{"success":false,"error":"ai_service_error","model":"One"}}"#);
    assert_eq!(response(&events[1]), r#""response":{"success":false,"error":"ai_service_timeout","model":"One"}}"#);
    let message = r#""message":{"user_id":"user","chat_id":"one","text":"Hello","type":"text"}"#;
    assert!(events[0].payload.contains(message), "{}", events[0].payload);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_stream_that_breaks_is_told(store: TestStore) {
    let broken = Script::new([Step::say("half"), Step::Fail(AiErrorKind::Failed)]);
    let engine = engine(&store, &ScriptedProvider::new([broken])).await;
    let caller = told_caller(&engine, &store, OF_MESSAGES).await;
    let stream = engine.stream(request(&caller, "chat", "Hello")).await.unwrap();
    soon(stream.finish()).await.unwrap_err();
    let events = events_told(&*store.store).await;
    assert_eq!(kinds(&events), [EventKind::MessageFailed]);
    assert!(!events[0].payload.contains("half"), "{}", events[0].payload);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn an_interrupted_answer_is_told(store: TestStore) {
    let provider = ScriptedProvider::new([Script::new([Step::Hang])]);
    let engine = engine(&store, &provider).await;
    let caller = told_caller(&engine, &store, OF_MESSAGES).await;
    let answer = engine.process(request(&caller, "chat", "Hello"));
    let interrupt = async {
        until(async || provider.running() == 1).await;
        engine.interrupt().await;
    };
    let (answer, ()) = tokio::join!(answer, interrupt);
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unavailable);
    let events = events_told(&*store.store).await;
    assert_eq!(kinds(&events), [EventKind::MessageFailed]);
    assert!(response(&events[0]).contains(r#""error":"unavailable""#), "{}", events[0].payload);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn what_is_no_message_is_not_told(store: TestStore) {
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let caller = told_caller(&engine, &store, OF_MESSAGES).await;
    engine.process(request(&caller, "chat", "/help")).await.unwrap();
    engine.process(request(&caller, "chat", "/model nothing")).await.unwrap();
    engine.process(request(&caller, "chat", "")).await.unwrap_err();
    assert_eq!(events_told(&*store.store).await, []);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn who_wants_answers_only_is_told_of_those_only(store: TestStore) {
    let provider = ScriptedProvider::new([Script::failing(AiErrorKind::Failed), Script::saying("Hi")]);
    let engine = engine(&store, &provider).await;
    let caller = told_caller(&engine, &store, [EventKind::MessageCompleted]).await;
    engine.process(request(&caller, "chat", "Hello")).await.unwrap_err();
    engine.process(request(&caller, "chat", "Hello")).await.unwrap();
    let events = events_told(&*store.store).await;
    assert_eq!(kinds(&events), [EventKind::MessageCompleted]);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn what_is_told_of_a_turn_goes_with_its_session(store: TestStore) {
    let provider = ScriptedProvider::new([Script::saying("Hi"), Script::failing(AiErrorKind::Failed)]);
    let engine = engine(&store, &provider).await;
    let caller = told_caller(&engine, &store, OF_MESSAGES).await;
    engine.process(request(&caller, "chat", "Hello")).await.unwrap();
    engine.process(request(&caller, "chat", "Hello")).await.unwrap_err();
    let log = async || store.store.deliveries(caller.team_id(), DeliveryPage::first(10)).await.unwrap().len();
    assert_eq!(log().await, 2);
    engine.delete_session(&SessionKey::private("internal", caller.team_id(), "chat")).await.unwrap();
    assert_eq!(log().await, 0);
    engine.shutdown(Duration::from_secs(5)).await;
}
