//! Chat ids stand verbatim in session ids, which are percent-encoded in paths.

use std::fmt::Write as _;

use arash_core::team::AccessLevel;
use serde_json::json;

use crate::support::TestHost;

const CHATS: [&str; 22] = [
    "plain",
    "a/b",
    "/",
    "a/messages",
    "messages",
    "50%",
    "%2F",
    "%",
    "two words",
    "a+b",
    "a?b=c&d#e",
    "a\\b",
    ".",
    "..",
    "../../admin",
    "_",
    "1_2_",
    "سلام دنیا",
    "نیم\u{200c}فاصله",
    "👩🏽‍🚀🇮🇷",
    "e\u{301}",
    "{id}:*;@!$'()\"<>|^`~[]",
];

/// Every byte that could mean something in a path, as `%` and its digits.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => path.push(byte.into()),
            _ => write!(path, "%{byte:02X}").unwrap(),
        }
        path
    })
}

#[tokio::test]
async fn every_chat_id_leads_to_its_session_in_all_operations() {
    let host = TestHost::start().await;
    let key = host.key("Team", AccessLevel::TeamLead).await;
    for chat in CHATS {
        assert_eq!(host.say(&key, chat, &format!("in {chat}")).await.status, 200, "{chat:?}");
    }
    for chat in CHATS {
        let id = format!("internal_{}_{chat}", key.team);
        let path = format!("/api/v1/session/{}", encoded(&id));
        let shown = host.get(&key, &path).await;
        assert_eq!((shown.status, shown.at("/session/chat_id")), (200, json!(chat)), "{path}");
        assert_eq!(shown.at("/session/session_id"), json!(id));
        let said = host.get(&key, &format!("{path}/messages")).await;
        assert_eq!((said.status, said.at("/items/0/content")), (200, json!(format!("in {chat}"))), "{path}");
        assert_eq!(host.delete(&key, &path).await.status, 200, "{path}");
        assert_eq!(host.get(&key, &path).await.status, 404, "{path}");
        assert_eq!(host.get(&key, &format!("{path}/messages")).await.status, 404, "{path}");
    }
    assert_eq!(host.get(&key, "/api/v1/sessions").await.at("/total"), 0, "each deletion was of its own session");
}

#[tokio::test]
async fn an_id_that_is_not_utf_8_leads_nowhere() {
    let host = TestHost::start().await;
    for path in ["/api/v1/session/%FF", "/api/v1/session/internal_1_%C3%28/messages", "/api/v1/session/internal_1_%00"]
    {
        assert_eq!(host.get(&host.admin, path).await.status, 404, "{path}");
    }
    assert_eq!(host.delete(&host.admin, "/api/v1/session/%FF").await.status, 404);
}
