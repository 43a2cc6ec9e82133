use serde_json::{Value, json};
use teloxide::types::MessageId;

use super::samples::{ann, ask, bot_user, group, ignored, private, text, with};
use crate::incoming::{Ask, Ignored};

fn replying(typed: &str, from: &Value, replied: Value) -> Ask {
    let replied = private(with(json!({ "message_id": 7, "from": from }), replied));
    ask(&private(with(text(typed), json!({ "reply_to_message": replied }))))
}

#[test]
fn what_is_replied_to_stands_above_the_text() {
    let ask = replying("what is it?", &ann(), json!({ "text": "first\n\nsecond" }));
    assert_eq!(ask.prompt(&[]), "> first\n>\n> second\n\nwhat is it?");
    let ask = replying("what is it?", &ann(), json!({ "caption": "a cat", "photo": [] }));
    assert_eq!(ask.prompt(&[]), "> a cat\n\nwhat is it?");
}

#[test]
fn the_newest_answer_is_not_repeated() {
    let ask = replying("why?", &bot_user(), json!({ "text": "because" }));
    assert_eq!(ask.prompt(&[MessageId(6), MessageId(7)]), "why?");
    assert_eq!(ask.prompt(&[MessageId(9)]), "> because\n\nwhy?");
}

#[test]
fn a_part_that_was_chosen_is_quoted_of_any_message() {
    let replied = private(json!({ "message_id": 7, "from": bot_user(), "text": "one, two, three" }));
    let quote = json!({ "text": "two", "position": 5, "is_manual": true });
    let ask = ask(&private(json!({ "text": "this?", "reply_to_message": replied, "quote": quote })));
    assert_eq!(ask.prompt(&[MessageId(7)]), "> two\n\nthis?");
}

#[test]
fn a_message_of_another_chat_is_quoted() {
    let origin = json!({ "type": "hidden_user", "sender_user_name": "Bob", "date": 1_770_000_000 });
    let outside = json!({ "origin": origin, "document": { "file_id": "d", "file_unique_id": "d" } });
    let quote = json!({ "text": "elsewhere", "position": 0 });
    let ask = ask(&private(json!({ "text": "this?", "external_reply": outside, "quote": quote })));
    assert_eq!(ask.prompt(&[]), "> elsewhere\n\nthis?");
}

#[test]
fn a_command_has_no_quote() {
    let ask = replying("/help", &ann(), json!({ "text": "first" }));
    assert_eq!(ask.prompt(&[]), "/help");
}

#[test]
fn two_slashes_stand_for_one_below_a_quote_too() {
    assert_eq!(replying("//x", &ann(), json!({ "text": "first" })).prompt(&[]), "> first\n\n/x");
    assert_eq!(ask(&private(text("//x"))).prompt(&[]), "//x");
}

#[test]
fn a_quote_has_an_end() {
    let ask = replying("?", &ann(), json!({ "text": "آ".repeat(4_096) }));
    assert_eq!(ask.prompt(&[]), format!("> {}…\n\n?", "آ".repeat(1_024)));
    let ask = replying("?", &ann(), json!({ "text": "آ".repeat(1_024) }));
    assert_eq!(ask.prompt(&[]), format!("> {}\n\n?", "آ".repeat(1_024)));
}

#[test]
fn a_mention_alone_asks_about_the_message_that_it_replies_to() {
    let of_ann = group(json!({ "message_id": 7, "text": "is it true?" }));
    let asked = ask(&group(with(text("@ArashBot"), json!({ "reply_to_message": of_ann }))));
    assert_eq!(asked.prompt(&[]), "> is it true?\n");
    let of_bot = group(json!({ "message_id": 7, "from": bot_user(), "text": "it is" }));
    let nothing = group(with(text("@ArashBot"), json!({ "reply_to_message": of_bot })));
    assert_eq!(ignored(&nothing), Ignored::Empty);
}
