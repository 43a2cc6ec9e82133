//! Engines to test.

use std::sync::Arc;

use arash_core::team::{AccessLevel, KeySpec, Principal, TeamSpec};
use arash_core::testing::ScriptedProvider;
use arash_core::{Engine, EngineBuilder, IncomingMessage, Platform, TurnRequest};

use crate::stores::TestStore;

/// An engine with one private platform, `internal`, and one public one, `telegram`.
pub(crate) fn builder(store: &TestStore, provider: &ScriptedProvider) -> EngineBuilder {
    Engine::builder()
        .platform(Platform::private("internal").models(["test/one", "test/two"]).max_history(200))
        .platform(Platform::public("telegram").models(["test/one"]).max_history(10))
        .shared_store(Arc::clone(&store.store))
        .ai(provider.clone())
}

pub(crate) async fn engine(store: &TestStore, provider: &ScriptedProvider) -> Engine {
    builder(store, provider).build().await.unwrap()
}

/// A new team with these quotas, and a key of it.
pub(crate) async fn caller(engine: &Engine, name: &str, daily: Option<u64>, monthly: Option<u64>) -> Arc<Principal> {
    let spec = TeamSpec { daily_quota: daily, monthly_quota: monthly, ..TeamSpec::named(name) };
    let team = engine.teams().create(spec).await.unwrap();
    let key = engine.keys().create(KeySpec::new(team.id, "key").level(AccessLevel::User)).await.unwrap();
    engine.authenticate(key.secret.expose()).await.unwrap()
}

/// A message of `principal` in `chat`.
pub(crate) fn request(principal: &Arc<Principal>, chat: &str, text: &str) -> TurnRequest {
    TurnRequest::new(IncomingMessage::text("internal", "user", chat, text)).principal(Arc::clone(principal))
}
