use serde_json::json;

use super::samples::{GROUP, ask, bot_user, group, meaning, private, text, topic};
use crate::incoming::{Incoming, Lane};

#[test]
fn a_topic_is_a_lane_of_its_own() {
    let lane = ask(&topic(text("@ArashBot hi"))).origin.lane;
    assert_eq!(lane.to_string(), format!("{GROUP}:5"));
    let of_person = ask(&private(json!({ "text": "hi", "message_thread_id": 8, "is_topic_message": true })));
    assert!(of_person.origin.lane.to_string().ends_with(":8"));
}

#[test]
fn a_thread_that_is_no_topic_belongs_to_the_chat() {
    let reply = group(json!({ "message_id": 15, "from": bot_user(), "text": "earlier" }));
    let in_general = group(json!({ "text": "and?", "message_thread_id": 15, "reply_to_message": reply }));
    assert_eq!(ask(&in_general).origin.lane, Lane::of_chat(GROUP));
}

#[test]
fn what_stands_in_a_topic_is_no_reply_to_its_beginning() {
    // As Telegram tells it of every message in a topic; this one the bot began.
    let beginning = topic(json!({
        "message_id": 5, "from": bot_user(),
        "forum_topic_created": { "name": "Help", "icon_color": 7_322_096 },
    }));
    let aside = meaning(&topic(json!({ "text": "hi all", "reply_to_message": beginning })));
    assert!(matches!(aside, Incoming::Aside(_)), "{aside:?}");
    let answer = topic(json!({ "message_id": 6, "from": bot_user(), "text": "hello" }));
    assert_eq!(ask(&topic(json!({ "text": "hi", "reply_to_message": answer }))).text, "hi");
}

#[test]
fn topics_are_closed_and_opened() {
    for (name, is_open) in [("forum_topic_closed", false), ("forum_topic_reopened", true)] {
        let happened = meaning(&topic(json!({ name: {} })));
        match happened {
            Incoming::Topic { lane, is_open: told } => {
                assert_eq!((lane.to_string(), told), (format!("{GROUP}:5"), is_open));
            }
            other => panic!("{other:?}"),
        }
    }
}
