use proptest::prelude::*;
use serde_json::{Value, json};

use super::samples::{ann, bot, bot_user, group, meaning, private, text, topic, update, with};
use crate::incoming::Incoming;

/// Any JSON, with names that mean something.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        "(private|supergroup|mention|stop|/help@ArashBot x|@ArashBot)".prop_map(Value::from),
        Just(private(json!({ "text": "hi" }))),
        Just(bot_user()),
    ];
    let name =
        "(message|text|entities|from|chat|id|type|date|message_id|photo|document|quote|reply_to_message|[a-z]{1,6})";
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// A message as Telegram sends it, with a field or two that hold anything.
fn any_message() -> impl Strategy<Value = Value> {
    let base = prop_oneof![
        Just(private(text("@ArashBot hi"))),
        Just(group(text("/help@ArashBot"))),
        Just(topic(json!({ "text": "hi", "reply_to_message": group(json!({ "from": bot_user(), "text": "ho" })) }))),
        Just(private(json!({ "document": { "file_id": "f", "file_unique_id": "u" }, "caption": "c" }))),
    ];
    let name = "(message_id|message_thread_id|is_topic_message|from|sender_chat|date|chat|text|entities|caption|photo|\
        caption_entities|document|voice|audio|video|media_group_id|reply_to_message|quote|external_reply|\
        forward_origin|        reply_markup|new_chat_members|migrate_to_chat_id|forum_topic_closed|dice|pinned_message)";
    (base, prop::collection::vec((name, any_json()), 0..3))
        .prop_map(|(base, fields)| with(base, fields.into_iter().collect()))
}

/// A text with entities of which the offsets may be anything.
fn any_text() -> impl Strategy<Value = (String, Vec<(usize, usize, bool)>)> {
    let part = prop_oneof!["[a-z ]{0,4}", Just("@ArashBot".to_owned()), Just("👩‍👩‍👧".to_owned()), "\\PC{0,3}", "\\s"];
    let offset = prop_oneof![0..40_usize, any::<usize>()];
    let entity = (offset.clone(), prop_oneof![Just(9), offset], any::<bool>());
    (prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat()), prop::collection::vec(entity, 0..6))
}

fn entities(given: &[(usize, usize, bool)]) -> Value {
    let entity = |&(offset, length, has_user): &(usize, usize, bool)| {
        if has_user {
            return json!({ "type": "text_mention", "offset": offset, "length": length, "user": bot_user() });
        }
        json!({ "type": "mention", "offset": offset, "length": length })
    };
    given.iter().map(entity).collect()
}

fn text_of(incoming: &Incoming) -> Option<&str> {
    match incoming {
        Incoming::Ask(ask) | Incoming::Aside(ask) | Incoming::Edit(ask) => Some(&ask.text),
        _ => None,
    }
}

fn without_space(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

proptest! {
    #[test]
    fn any_bytes_have_a_meaning(raw in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Incoming::parse(&raw, &bot());
        let _ = Incoming::parse(&String::from_utf8_lossy(&bytes), &bot());
    }

    #[test]
    fn any_json_has_a_meaning(
        kind in "(message|edited_message|callback_query|my_chat_member|channel_post|poll|newer)",
        value in any_json(),
    ) {
        let _ = Incoming::parse(&value.to_string(), &bot());
        let _ = Incoming::parse(&update(&kind, &value), &bot());
    }

    #[test]
    fn any_message_has_a_meaning(message in any_message(), cut in any::<prop::sample::Index>()) {
        for kind in ["message", "edited_message"] {
            let _ = Incoming::parse(&update(kind, &message), &bot());
        }
        let query = json!({ "id": "1", "from": ann(), "chat_instance": "1", "data": "stop", "message": message });
        let raw = update("callback_query", &query);
        let _ = Incoming::parse(&raw, &bot());
        let ends: Vec<usize> = raw.char_indices().map(|(at, _)| at).collect();
        let _ = Incoming::parse(&raw[..ends[cut.index(ends.len())]], &bot());
    }

    #[test]
    fn offsets_may_be_anything((typed, given) in any_text()) {
        for message in [private, group, topic] {
            let _ = meaning(&message(json!({ "text": typed, "entities": entities(&given) })));
        }
    }

    #[test]
    fn what_is_no_mention_stays_whole(
        before in "[a-z👋 \n]{0,6}",
        between in "[a-z😀\u{301}، ]{0,6}",
        after in "[a-z😀 ]{1,6}\\.",
    ) {
        let first = before.encode_utf16().count();
        let second = first + 9 + between.encode_utf16().count();
        let typed = format!("{before}@ArashBot{between}@arashbot{after}");
        let mentions = entities(&[(second, 9, false), (first, 9, false)]);
        let meaning = meaning(&private(json!({ "text": typed, "entities": mentions })));
        let rest = text_of(&meaning).unwrap();
        prop_assert_eq!(without_space(rest), without_space(&format!("{before}{between}{after}")));
    }

    #[test]
    fn a_text_without_mentions_is_as_it_was_typed(typed in "[^/\\s][\\s\\S]{0,60}") {
        let message = private(json!({ "text": typed }));
        let meaning = meaning(&message);
        prop_assert_eq!(text_of(&meaning), Some(typed.as_str()));
    }
}
