use std::time::Duration;

use arash_core::store::SqlStore;
use insta::assert_snapshot;

use crate::support::TestHost;

#[tokio::test]
async fn a_key_that_cannot_be_looked_up_is_no_wrong_key() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let store = SqlStore::open(&url).await.unwrap();
    let host = TestHost::with(|builder| builder.store(store)).await;
    let key = host.user("Team").await;
    // Closes the store under the running host.
    host.engine.shutdown(Duration::from_secs(5)).await;
    let answer = host.get(&key, "/api/v1/sessions").await;
    assert!(answer.header("retry-after").is_some());
    assert_snapshot!(answer, @r#"
    503
    {
      "detail": "Storage cannot be reached right now.",
      "error": "unavailable",
      "request_id": "[uuid]",
      "status": 503,
      "success": false,
      "title": "Service unavailable",
      "type": "urn:arash:error:unavailable"
    }
    "#);
}
