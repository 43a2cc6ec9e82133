//! `GET /v1/models` and `GET /v1/models/{model}`.

use insta::assert_snapshot;

use crate::models::key_with_models;
use crate::support::TestHost;

#[tokio::test]
async fn models_are_listed_as_openai_does() {
    let host = TestHost::start().await;
    assert_snapshot!(host.get(&host.admin, "/v1/models").await, @r#"
    200
    {
      "data": [
        {
          "created": 0,
          "id": "openai/gpt-5-chat",
          "object": "model",
          "owned_by": "openai"
        },
        {
          "created": 0,
          "id": "lab/small",
          "object": "model",
          "owned_by": "lab"
        }
      ],
      "object": "list"
    }
    "#);
}

#[tokio::test]
async fn only_models_that_the_team_may_use_are_told() {
    let host = TestHost::start().await;
    let key = key_with_models(&host, &["lab/small", "no/such"]).await;
    let told = host.get(&key, "/v1/models").await;
    assert_eq!((told.at("/data/0/id"), told.json()["data"].as_array().unwrap().len()), ("lab/small".into(), 1));
    assert_eq!(host.get(&key, "/v1/models/lab/small").await.status, 200);
    assert_eq!(host.get(&key, "/v1/models/openai/gpt-5-chat").await.status, 404);
}

#[tokio::test]
async fn a_model_is_shown_whose_slashes_are_encoded_or_not() {
    let host = TestHost::start().await;
    let encoded = host.get(&host.admin, "/v1/models/openai%2Fgpt-5-chat").await;
    let plain = host.get(&host.admin, "/v1/models/openai/gpt-5-chat").await;
    assert_eq!(encoded.text, plain.text);
    assert_eq!(host.get(&host.admin, "/v1/models/GPT-5%20Chat").await.text, plain.text, "by its name too");
    assert_snapshot!(plain, @r#"
    200
    {
      "created": 0,
      "id": "openai/gpt-5-chat",
      "object": "model",
      "owned_by": "openai"
    }
    "#);
    assert_snapshot!(host.get(&host.admin, "/v1/models/gpt-4o").await, @r#"
    404
    {
      "error": {
        "code": "model_not_found",
        "message": "There is no model \"gpt-4o\" that this key may use.",
        "param": "model",
        "type": "invalid_request_error"
      }
    }
    "#);
    for path in ["/v1/models/", "/v1/models/openai", "/v1/models/openai/gpt-5-chat/", "/v1/models/%FF"] {
        assert_eq!(host.get(&host.admin, path).await.status, 404, "{path}");
    }
    let answer = host.delete(&host.admin, "/v1/models/openai/gpt-5-chat").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
}
