use arash_core::clock::Timestamp;
use serde_json::json;
use teloxide::types::MessageId;

use super::samples::{ANN, ann, ask, bot_user, ignored, meaning, private, text, with};
use crate::incoming::{HostCommand, Ignored, Incoming};

#[test]
fn a_text_in_private_is_asked_as_it_is() {
    let ask = ask(&private(json!({ "text": "  سلام 🌍\n  code" })));
    assert_eq!(ask.text, "  سلام 🌍\n  code");
    assert_eq!(ask.update_ids, [900_001]);
    assert_eq!(ask.origin.update_id, 900_001);
    assert_eq!(ask.origin.message_id, MessageId(10));
    assert_eq!(ask.origin.user_id, ANN);
    assert_eq!(ask.origin.language.as_deref(), Some("fa"));
    assert_eq!(ask.origin.sent_at, Timestamp::from_millis(1_780_000_000_000));
    assert_eq!((ask.origin.lane.to_string(), ask.origin.lane.is_group()), (ANN.to_string(), false));
    assert!(ask.media.is_empty() && ask.quote.is_none() && !ask.is_command && !ask.is_edit && !ask.is_aside);
}

#[test]
fn a_language_counts_only_in_the_form_of_a_tag() {
    for (given, taken) in [
        ("pt-br", Some("pt-br")),
        ("ru_RU", Some("ru-RU")),
        ("", None),
        ("fa\n", None),
        ("-", None),
        ("_ru", None),
        (&"x".repeat(36), None),
    ] {
        let from = with(ann(), json!({ "language_code": given }));
        let ask = ask(&private(json!({ "from": from, "text": "hi" })));
        assert_eq!(ask.origin.language.as_deref(), taken, "{given:?}");
    }
}

#[test]
fn the_bots_name_is_taken_out_of_texts_and_commands() {
    for (typed, taken) in [
        ("@ArashBot what is Rust?", "what is Rust?"),
        ("hey @arashbot what is Rust?", "hey what is Rust?"),
        ("what is Rust, @ArashBot?", "what is Rust, ?"),
        ("👋🏽 @ArashBot سلام @ArashBot", "👋🏽 سلام"),
        ("one\n@ArashBot two", "one\ntwo"),
        ("/help@ArashBot", "/help"),
        ("/model@arashbot openai/gpt-5  now", "/model openai/gpt-5  now"),
        ("@ArashBot /help", "/help"),
        ("@ArashBot\n/weather@ArashBot Tehran", "/weather Tehran"),
    ] {
        assert_eq!(ask(&private(text(typed))).text, taken, "{typed:?}");
    }
}

#[test]
fn the_name_of_another_stays() {
    let entities = json!([{ "type": "mention", "offset": 4, "length": 13 }]);
    let typed = "ask @ArashBotFan, or mail me@ArashBot";
    assert_eq!(ask(&private(json!({ "text": typed, "entities": entities }))).text, typed);
}

#[test]
fn a_bot_can_be_mentioned_without_a_name() {
    let entities = json!([{ "type": "text_mention", "offset": 3, "length": 8, "user": bot_user() }]);
    let ask = ask(&private(json!({ "text": "Hi Dear Bot, how are you?", "entities": entities })));
    assert_eq!(ask.text, "Hi , how are you?");
}

#[test]
fn a_mention_within_a_mention_is_taken_out_once() {
    let entities = json!([
        { "type": "mention", "offset": 5, "length": 9 },
        { "type": "text_mention", "offset": 0, "length": 18, "user": bot_user() },
    ]);
    assert_eq!(ask(&private(json!({ "text": "Dear @ArashBot Bot hi", "entities": entities }))).text, "hi");
}

#[test]
fn commands_for_another_bot_are_ignored() {
    for typed in ["/help@OtherBot", "@ArashBot /help@OtherBot"] {
        assert_eq!(ignored(&private(text(typed))), Ignored::ForAnotherBot);
    }
}

#[test]
fn the_hosts_own_commands_are_told_apart() {
    for (typed, command) in [
        ("/stop", HostCommand::Stop),
        ("/STOP@ArashBot now, please", HostCommand::Stop),
        ("@ArashBot /retry", HostCommand::Retry),
        ("/stats", HostCommand::Stats),
        ("/model  ", HostCommand::ChooseModel),
        ("/model@ArashBot", HostCommand::ChooseModel),
    ] {
        match meaning(&private(text(typed))) {
            Incoming::Command(call) => assert_eq!((call.command, call.origin.user_id), (command, ANN), "{typed}"),
            other => panic!("{typed}: {other:?}"),
        }
    }
    for typed in ["/model gpt-5", "/models", "/start payload", "/unknown"] {
        let ask = ask(&private(text(typed)));
        assert_eq!((ask.text.as_str(), ask.is_command), (typed, true));
    }
    for typed in ["//stop", "/usr/bin/env", "stop"] {
        let ask = ask(&private(text(typed)));
        assert_eq!((ask.text.as_str(), ask.is_command), (typed, false));
    }
}

#[test]
fn a_command_that_is_too_long_is_the_engines_to_refuse() {
    let long = format!("/model@ArashBot {}", "گ".repeat(4_000));
    let ask = ask(&private(json!({ "text": long })));
    assert!(ask.is_command && ask.text == long);
}

#[test]
fn nothing_to_read_is_ignored() {
    for typed in ["", "   \n", "@ArashBot"] {
        assert_eq!(ignored(&private(text(typed))), Ignored::Empty, "{typed:?}");
    }
}

#[test]
fn forwarded_texts_and_texts_by_way_of_a_bot_are_own_texts() {
    let origin = json!({ "type": "hidden_user", "sender_user_name": "Bob", "date": 1_770_000_000 });
    assert_eq!(ask(&private(json!({ "text": "news", "forward_origin": origin }))).text, "news");
    let other = json!({ "id": 42, "is_bot": true, "first_name": "gif", "username": "gif" });
    assert_eq!(ask(&private(json!({ "text": "found", "via_bot": other }))).text, "found");
}

#[test]
fn what_bots_write_is_ignored() {
    let other = json!({ "id": 42, "is_bot": true, "first_name": "Other", "username": "OtherBot" });
    for from in [bot_user(), other] {
        assert_eq!(ignored(&private(json!({ "from": from, "text": "beep" }))), Ignored::Bot);
    }
}
