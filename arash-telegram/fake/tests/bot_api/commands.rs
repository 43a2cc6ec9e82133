//! The commands that the bot offers.

use serde_json::json;

use crate::support::Stage;

#[tokio::test]
async fn lists_are_kept_by_scope_and_language() {
    let stage = Stage::new().await;
    let list = |text: &str| json!([{ "command": "help", "description": text }]);
    stage.ok("setMyCommands", json!({ "commands": list("Help") })).await;
    stage.ok("setMyCommands", json!({ "commands": list("Hilfe"), "language_code": "de" })).await;
    let scope = json!({ "type": "chat", "chat_id": stage.ann.chat_id() });
    stage.ok("setMyCommands", json!({ "commands": list("For Ann"), "scope": scope })).await;
    assert_eq!(stage.telegram.commands("default", "")[0].description, "Help");
    assert_eq!(stage.telegram.commands("default", "de")[0].description, "Hilfe");
    assert_eq!(stage.ok("getMyCommands", json!({ "scope": scope })).await, list("For Ann"));
    stage.ok("deleteMyCommands", json!({ "language_code": "de" })).await;
    assert_eq!(stage.ok("getMyCommands", json!({ "language_code": "de" })).await, json!([]));
}

#[tokio::test]
async fn names_descriptions_scopes_and_languages_are_checked() {
    let stage = Stage::new().await;
    let command =
        |name: &str, description: &str| json!({ "commands": [{ "command": name, "description": description }] });
    for (payload, words) in [
        (command("hilfe-bitte", "x"), "BOT_COMMAND_INVALID"),
        (command(&"x".repeat(33), "x"), "BOT_COMMAND_INVALID"),
        (command("help", ""), "BOT_COMMAND_DESCRIPTION_INVALID"),
        (command("help", &"x".repeat(257)), "BOT_COMMAND_DESCRIPTION_INVALID"),
        (json!({ "commands": vec![json!({ "command": "x", "description": "x" }); 101] }), "BOT_COMMANDS_TOO_MUCH"),
        (json!({}), "expected an Array of BotCommand"),
        (json!({ "commands": [], "language_code": "deu" }), "invalid language code specified"),
        (
            json!({ "commands": [], "scope": { "type": "moon" } }),
            "can't parse BotCommandScope: Unsupported type specified",
        ),
        (json!({ "commands": [], "scope": { "type": "chat", "chat_id": 5 } }), "chat not found"),
    ] {
        assert_eq!(stage.refusal("setMyCommands", payload.clone()).await, format!("Bad Request: {words}"), "{payload}");
    }
}
