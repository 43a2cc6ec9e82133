use serde_json::{Value, json};

use super::samples::{ANN, GROUP, ann, bot_user, group, ignored, meaning, parse, private, with};
use crate::incoming::{Ignored, Incoming, Lane, Membership, Standing};

fn member(status: &str) -> Value {
    let rest = match status {
        "kicked" => json!({ "until_date": 0 }),
        "restricted" => restricted(true),
        _ => json!({}),
    };
    with(json!({ "user": bot_user(), "status": status }), rest)
}

fn restricted(is_member: bool) -> Value {
    let may_not = ["messages", "audios", "documents", "photos", "videos", "video_notes", "voice_notes", "polls"];
    let sending = may_not.map(|what| (format!("can_send_{what}"), json!(false)));
    let more = ["can_send_other_messages", "can_add_web_page_previews", "can_change_info", "can_invite_users"];
    let pinning = ["can_pin_messages", "can_manage_topics"];
    let other = more.into_iter().chain(pinning).map(|name| (name.to_owned(), json!(false)));
    with(json!({ "until_date": 0, "is_member": is_member }), sending.into_iter().chain(other).collect())
}

fn change(chat: &Value, old: &Value, new: &Value) -> Incoming {
    let change = json!({ "chat": chat, "from": ann(), "date": 1_780_000_000, "old_chat_member": old,
        "new_chat_member": new });
    parse("my_chat_member", &change)
}

#[test]
fn the_bot_is_told_where_it_is() {
    let private = json!({ "id": ANN, "first_name": "Ann", "type": "private" });
    let group = json!({ "id": GROUP, "title": "Friends", "type": "supergroup" });
    for (chat, id, old, new, standing) in [
        (&private, ANN, "member", "kicked", Standing::Blocked),
        (&private, ANN, "kicked", "member", Standing::Unblocked),
        (&group, GROUP, "left", "member", Standing::Added),
        (&group, GROUP, "left", "administrator", Standing::Added),
        (&group, GROUP, "kicked", "restricted", Standing::Added),
        (&group, GROUP, "member", "left", Standing::Left),
        (&group, GROUP, "administrator", "kicked", Standing::Kicked),
    ] {
        let expected = Membership { lane: Lane::of_chat(id), user_id: ANN, standing };
        assert_eq!(change(chat, &member(old), &member(new)), Incoming::Membership(expected), "{old} -> {new}");
    }
    let gone = with(member("restricted"), json!({ "is_member": false }));
    for old in ["member", "restricted"] {
        let told = change(&group, &member(old), &gone);
        assert!(matches!(told, Incoming::Membership(now) if now.standing == Standing::Left), "{old}");
    }
    let rights = change(&group, &member("member"), &member("administrator"));
    assert_eq!(rights, Incoming::Ignored(Ignored::Rights));
    let channel = json!({ "id": -1_009, "title": "News", "type": "channel" });
    assert_eq!(change(&channel, &member("left"), &member("administrator")), Incoming::Ignored(Ignored::Channel));
}

#[test]
fn a_group_that_moved_is_told_from_both_sides() {
    let moved = Incoming::Migrated { from: -42, to: GROUP };
    let old = json!({ "id": -42, "title": "Friends", "type": "group" });
    assert_eq!(meaning(&group(json!({ "chat": old, "migrate_to_chat_id": GROUP }))), moved);
    assert_eq!(meaning(&group(json!({ "migrate_from_chat_id": -42 }))), moved);
}

#[test]
fn what_happens_in_a_chat_is_ignored() {
    for fields in [
        json!({ "new_chat_members": [bot_user()] }),
        json!({ "left_chat_member": ann() }),
        json!({ "new_chat_title": "@ArashBot" }),
        json!({ "group_chat_created": true }),
        json!({ "pinned_message": group(json!({ "text": "@ArashBot hi" })) }),
        json!({ "forum_topic_created": { "name": "A", "icon_color": 7_322_096 } }),
        json!({ "message_auto_delete_timer_changed": { "message_auto_delete_time": 60 } }),
    ] {
        assert_eq!(ignored(&group(fields.clone())), Ignored::Service, "{fields}");
    }
}

#[test]
fn other_updates_mean_nothing() {
    let channel = json!({ "id": -1_009, "title": "News", "type": "channel" });
    let post = json!({ "message_id": 1, "chat": channel, "date": 1, "text": "@ArashBot /help" });
    for kind in ["channel_post", "edited_channel_post", "message"] {
        assert_eq!(parse(kind, &post), Incoming::Ignored(Ignored::Channel));
    }
    assert_eq!(parse("business_message", &private(json!({ "text": "hi" }))), Incoming::Ignored(Ignored::Kind));
    let query = json!({ "id": "1", "from": ann(), "query": "", "offset": "" });
    assert_eq!(parse("inline_query", &query), Incoming::Ignored(Ignored::Kind));
    for kind in ["guest_message", "stopped_message_generation", "subscription"] {
        assert_eq!(parse(kind, &private(json!({ "text": "hi" }))), Incoming::Ignored(Ignored::Malformed));
    }
}
