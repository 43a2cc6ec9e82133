use serde_json::{Value, json};

use super::samples::{GROUP, ann, ask, bot_user, group, ignored, meaning, text, with};
use crate::incoming::{Ignored, Incoming};

fn reply_to(from: &Value) -> Value {
    group(json!({ "message_id": 15, "from": from, "text": "earlier" }))
}

#[test]
fn a_group_is_answered_when_it_speaks_to_the_bot() {
    for typed in ["@arashbot hi", "hi @ArashBot", "/help", "/help@ArashBot", "/unknown@ArashBot"] {
        assert!(ask(&group(text(typed))).origin.lane.is_group(), "{typed}");
    }
    let by_id = json!([{ "type": "text_mention", "offset": 0, "length": 5, "user": bot_user() }]);
    assert_eq!(ask(&group(json!({ "text": "Arash hi", "entities": by_id }))).text, "hi");
    let reply = ask(&group(json!({ "text": "and then?", "reply_to_message": reply_to(&bot_user()) })));
    assert_eq!((reply.text.as_str(), reply.origin.lane.to_string()), ("and then?", GROUP.to_string()));
}

#[test]
fn a_group_that_speaks_of_other_things_is_left_alone() {
    let reply = json!({ "text": "no", "reply_to_message": reply_to(&ann()) });
    let by_id = json!([{ "type": "text_mention", "offset": 0, "length": 3, "user": ann() }]);
    let forwarded = json!({ "type": "hidden_user", "sender_user_name": "Bob", "date": 1 });
    for fields in [
        reply,
        text("/unknown"),
        json!({ "sticker": { "file_id": "s", "file_unique_id": "s", "type": "regular", "width": 512, "height": 512,
            "is_animated": false, "is_video": false } }),
        with(text("@ArashBot hi"), json!({ "forward_origin": forwarded })),
    ] {
        assert_eq!(ignored(&group(fields.clone())), Ignored::NotForBot, "{fields}");
    }
    for fields in [text("@OtherBot hi"), text("hi all"), json!({ "text": "Ann hi", "entities": by_id })] {
        assert!(matches!(meaning(&group(fields)), Incoming::Aside(aside) if aside.is_aside));
    }
    assert_eq!(ignored(&group(text("/help@OtherBot"))), Ignored::ForAnotherBot);
    assert_eq!(ignored(&group(text("@ArashBot"))), Ignored::Empty);
}

#[test]
fn the_hosts_commands_work_with_and_without_the_bots_name() {
    for typed in ["/stop", "/stop@ArashBot", "/model", "/stats@ArashBot"] {
        assert!(matches!(meaning(&group(text(typed))), Incoming::Command(_)), "{typed}");
    }
    // Which it has not, by its settings.
    assert_eq!(ignored(&group(text("/models"))), Ignored::NotForBot);
}

#[test]
fn parts_of_an_album_may_belong_to_one_that_speaks_to_the_bot() {
    let photo = json!([{ "file_id": "p", "file_unique_id": "p", "width": 90, "height": 90, "file_size": 900 }]);
    let part = group(json!({ "photo": photo, "media_group_id": "137" }));
    assert!(matches!(meaning(&part), Incoming::Aside(aside) if aside.album.as_deref() == Some("137")));
    assert_eq!(ignored(&group(json!({ "photo": photo }))), Ignored::NotForBot);
}

#[test]
fn who_writes_in_the_name_of_a_chat_is_that_chat() {
    let anonymous =
        json!({ "id": 1_087_968_824, "is_bot": true, "first_name": "Group", "username": "GroupAnonymousBot" });
    let itself = json!({ "id": GROUP, "title": "Friends", "type": "supergroup" });
    let administrator = with(text("@ArashBot hi"), json!({ "from": anonymous, "sender_chat": itself }));
    let hidden = ask(&group(administrator.clone()));
    assert_eq!((hidden.origin.user_id, hidden.origin.language), (GROUP, None));
    let channel = json!({ "id": 136_817_688, "is_bot": true, "first_name": "Channel", "username": "Channel_Bot" });
    let of_channel = json!({ "id": -1_009, "title": "News", "type": "channel" });
    let post = with(text("@ArashBot hi"), json!({ "from": channel, "sender_chat": of_channel }));
    assert_eq!(ask(&group(post)).origin.user_id, -1_009);
    // An impostor has another name than teloxide wants to see with that number.
    let odd = json!({ "id": 1_087_968_824, "is_bot": false, "first_name": "X" });
    assert_eq!(ignored(&group(with(text("@ArashBot hi"), json!({ "from": odd })))), Ignored::Bot);
}

#[test]
fn posts_of_a_channel_are_ignored_where_they_are_discussed() {
    let telegram = json!({ "id": 777_000, "is_bot": false, "first_name": "Telegram" });
    let of_channel = json!({ "id": -1_009, "title": "News", "type": "channel" });
    let post = json!({ "from": telegram, "sender_chat": of_channel, "is_automatic_forward": true });
    assert_eq!(ignored(&group(with(text("@ArashBot hi"), post))), Ignored::Channel);
}
