use arash_core::Platform;
use arash_core::money::Price;
use arash_core::platform::ModelInfo;
use arash_core::team::{KeySpec, TeamSpec};
use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{Answer, Key, TestHost};

const MODELS: &str = "/api/v1/models";

fn ids(answer: &Answer) -> Vec<(String, bool)> {
    let models = answer.at("/models");
    let id = |model: &Value| (model["id"].as_str().unwrap().to_owned(), model["default"] == true);
    models.as_array().unwrap().iter().map(id).collect()
}

pub(crate) async fn key_with_models(host: &TestHost, models: &[&str]) -> Key {
    let allowed_models = Some(models.iter().map(|&model| model.into()).collect());
    let spec = TeamSpec { allowed_models, ..TeamSpec::named(format!("With {models:?}")) };
    let team = host.engine.teams().create(spec).await.unwrap().id;
    let key = host.engine.keys().create(KeySpec::new(team, "key")).await.unwrap();
    Key { secret: key.secret.expose().to_owned(), team: team.0 }
}

#[tokio::test]
async fn models_are_told_with_names_and_prices() {
    let price = Price { prompt_micros_per_million: 1_250_000, completion_micros_per_million: 10_000_000 };
    let model = ModelInfo::new("openai/gpt-5-chat").priced(price).context_window(128_000);
    let host = TestHost::with(|builder| builder.model(model)).await;
    let key = host.user("Team").await;
    assert_snapshot!(host.get(&key, MODELS).await, @r#"
    200
    {
      "models": [
        {
          "context_window": 128000,
          "default": true,
          "id": "openai/gpt-5-chat",
          "name": "GPT-5 Chat",
          "price": {
            "completion_micros_per_million": 10000000,
            "currency": "USD",
            "prompt_micros_per_million": 1250000
          }
        },
        {
          "context_window": null,
          "default": false,
          "id": "lab/small",
          "name": "Small",
          "price": {
            "completion_micros_per_million": 0,
            "currency": "USD",
            "prompt_micros_per_million": 0
          }
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn only_models_that_the_team_may_use_are_told() {
    let host = TestHost::start().await;
    let key = key_with_models(&host, &["lab/small", "no/such"]).await;
    let told = host.get(&key, MODELS).await;
    assert_eq!(ids(&told), [("lab/small".to_owned(), true)], "the first one that is open is the default");
    let answered = host.say(&key, "c", "Hi").await;
    assert_eq!(answered.at("/data/model"), told.at("/models/0/name"), "as it is in a chat");
    let key = key_with_models(&host, &[]).await;
    assert_eq!(ids(&host.get(&key, MODELS).await), []);
}

#[tokio::test]
async fn models_of_public_platforms_are_none_of_a_keys() {
    let host = TestHost::with(|builder| {
        let web = Platform::private("web").models(["lab/small", "lab/large"]);
        builder.platform(web).platform(Platform::public("open").models(["lab/open"]))
    })
    .await;
    let told = ids(&host.get(&host.admin, MODELS).await);
    let expected = [("openai/gpt-5-chat", true), ("lab/small", false), ("lab/large", false)];
    assert_eq!(told, expected.map(|(id, is_default)| (id.to_owned(), is_default)));
}
