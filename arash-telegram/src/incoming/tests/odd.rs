//! What teloxide cannot read, or not without harm.

use serde_json::{Value, json};

use super::samples::{ANN, ask, bot, bot_user, group, ignored, meaning, parse, private, update, with};
use crate::incoming::{Ignored, Incoming, Media, Standing, Unsupported};

#[test]
fn what_is_no_update_is_malformed() {
    let huge = update("message", &private(json!({ "text": "hi" }))).replace("900001", "99999999999");
    let no_id = json!({ "message": private(json!({ "text": "hi" })) }).to_string();
    for raw in ["", "null", "[]", "{}", "\0", r#"{"update_id":1}"#, r#"{"update_id":1,"message":1}"#, &huge, &no_id] {
        assert_eq!(Incoming::parse(raw, &bot()), Incoming::Ignored(Ignored::Malformed), "{raw}");
    }
}

#[test]
fn new_kinds_of_entities_cost_nobody_their_message() {
    let newer = json!({ "type": "date_time", "offset": 0, "length": 2, "unix_time": 1 });
    let no_address = json!({ "type": "text_link", "offset": 0, "length": 2, "url": "http://[" });
    let mention = json!({ "type": "mention", "offset": 3, "length": 9 });
    let link = json!({ "type": "mention", "offset": -1, "length": 9 });
    for entity in [newer, no_address, link, json!(7)] {
        let asked = ask(&group(json!({ "text": "hi @ArashBot", "entities": [entity, mention] })));
        assert_eq!(asked.text, "hi", "{entity}");
    }
}

#[test]
fn files_of_no_type_are_files() {
    for kind in [json!("x"), json!(""), json!("a b/c"), json!(7), Value::Null] {
        let file = json!({ "file_id": "f", "file_unique_id": "u", "file_size": 9, "mime_type": kind,
            "thumbnail": { "file_id": 7 } });
        let asked = ask(&private(json!({ "document": file, "caption": "read" })));
        assert!(matches!(&asked.media[..], [Media::Document(file)] if file.media_type.is_none()), "{kind}");
        assert_eq!(asked.text, "read");
    }
    let voice = json!({ "file_id": "f", "file_unique_id": "u", "duration": 3 });
    assert!(matches!(&ask(&private(json!({ "voice": voice }))).media[..], [Media::Voice(_)]));
    assert!(matches!(&ask(&private(json!({ "audio": voice }))).media[..], [Media::Audio(_)]));
    let large = with(voice.clone(), json!({ "file_size": 5_000_000_000_u64 }));
    let asked = ask(&private(json!({ "document": large })));
    assert!(matches!(&asked.media[..], [Media::Document(file)] if file.size.is_none()));
    let video = with(voice, json!({ "width": 9, "height": 9, "mime_type": "x" }));
    let media = ask(&private(json!({ "video": video }))).media;
    assert_eq!(media, [Media::Unsupported(Unsupported::Video)]);
}

#[test]
fn what_surrounds_a_message_may_be_anything() {
    let replied = private(json!({ "message_id": 7, "from": bot_user(), "text": "it is", "entities": [{}] }));
    let quote = json!({ "text": "it", "position": 0, "is_manual": true, "entities": [{}] });
    let odd = json!({ "text": "why?", "reply_to_message": replied, "quote": quote, "external_reply": 7,
        "reply_markup": 7, "link_preview_options": 7, "forward_origin": { "type": "newer" }, "effect_id": 7,
        "via_bot": 7 });
    assert_eq!(ask(&private(odd)).prompt(&[]), "> it\n\nwhy?");
}

#[test]
fn content_of_a_new_kind_is_ignored() {
    assert_eq!(ignored(&private(json!({ "rich_message": { "blocks": [] } }))), Ignored::Content);
}

#[test]
fn a_change_of_rights_that_are_not_known_is_read() {
    let change = json!({ "chat": { "id": -5, "type": "group", "title": "A" }, "from": { "id": ANN, "is_bot": false,
        "first_name": "Ann" }, "date": 1, "old_chat_member": { "user": bot_user(), "status": "left" },
        "new_chat_member": { "user": bot_user(), "status": "administrator", "can_everything": 7 } });
    let told = parse("my_chat_member", &change);
    assert!(matches!(told, Incoming::Membership(now) if now.standing == Standing::Added));
}

#[test]
fn numbers_that_nobody_has_do_no_harm() {
    let chat = json!({ "id": i64::MIN, "type": "private" });
    let from = json!({ "id": u64::MAX, "is_bot": false, "first_name": "" });
    let asked = ask_in(&json!({ "chat": chat, "from": from, "text": "@ArashBot", "date": i64::MIN }));
    assert_eq!(asked, Incoming::Ignored(Ignored::Malformed));
    let asked = ask_in(&json!({ "chat": chat, "from": from, "text": "hi", "message_id": i32::MIN }));
    assert!(matches!(asked, Incoming::Aside(aside) if aside.origin.user_id == i64::MAX));
}

fn ask_in(fields: &Value) -> Incoming {
    meaning(&private(fields.clone()))
}

#[test]
fn what_is_nested_without_end_fills_no_stack() {
    for depth in [30, 60, 110, 300] {
        let mut message = private(json!({ "text": "innermost" }));
        for _ in 0..depth {
            message = private(json!({ "text": "outer", "reply_to_message": message }));
        }
        let _ = meaning(&message);
        for (open, close) in [("[", "]"), (r#"{"message":"#, "}"), (r#"{"a\"":"#, "}")] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for raw in [nested.clone(), format!(r#"{{"update_id":1,"message":{nested}}}"#)] {
                let _ = Incoming::parse(&raw, &bot());
            }
        }
    }
    // As deep as nobody writes, and still read.
    let mut message = private(json!({ "text": "innermost" }));
    for _ in 0..8 {
        message = private(json!({ "text": "outer", "reply_to_message": message }));
    }
    assert_eq!(ask(&message).text, "outer");
}
