use std::time::Duration;

use arash_core::clock::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::samples::{ann, ask, group, meaning, private, text, with};
use crate::incoming::{Ask, Incoming, Joining, Media, Waiting};

const NOW: Timestamp = Timestamp::from_millis(1_780_000_001_000);

/// What is in the lane, with the time since each was received in milliseconds.
fn joining(queue: &[(&Ask, u64)]) -> Joining {
    let ago = |&millis: &u64| NOW.minus(Duration::from_millis(millis));
    let waiting: Vec<_> = queue.iter().map(|(ask, millis)| Waiting { ask, received_at: ago(millis) }).collect();
    Joining::of(&waiting, NOW)
}

fn until(millis: u64) -> Joining {
    Joining::Until(NOW.plus(Duration::from_millis(millis)))
}

fn said(typed: &str) -> Ask {
    ask(&private(json!({ "text": typed })))
}

/// Sent so many seconds later, in another update.
fn later(seconds: u64, ask: Ask) -> Ask {
    let mut later = ask;
    later.origin.sent_at = later.origin.sent_at.plus(Duration::from_secs(seconds));
    later.origin.update_id += 1;
    later.update_ids = vec![later.origin.update_id];
    later
}

fn photo(album: &str, caption: &str) -> Ask {
    let size = json!([{ "file_id": caption, "file_unique_id": "p", "width": 90, "height": 90, "file_size": 900 }]);
    ask(&private(json!({ "photo": size, "media_group_id": album, "caption": caption })))
}

fn aside(fields: serde_json::Value) -> Ask {
    match meaning(&group(fields)) {
        Incoming::Aside(ask) => *ask,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_short_text_is_a_turn_of_its_own_at_once() {
    let (one, two) = (said("hi"), later(0, said("there")));
    assert_eq!(joining(&[]), Joining::Idle);
    assert_eq!(joining(&[(&one, 0)]), Joining::Turn(vec![0]));
    assert_eq!(joining(&[(&one, 0), (&two, 0)]), Joining::Turn(vec![0]));
    assert_eq!(joining(&[(&said(&"a".repeat(3_999)), 0), (&two, 0)]), Joining::Turn(vec![0]));
}

#[test]
fn a_long_text_waits_a_second_for_its_rest() {
    let long = said(&"😀".repeat(2_000));
    let (rest, late) = (later(1, said("the rest")), later(2, said("another thing")));
    assert_eq!(joining(&[(&long, 0)]), until(1_000));
    assert_eq!(joining(&[(&long, 999)]), until(1));
    assert_eq!(joining(&[(&long, 1_000)]), Joining::Turn(vec![0]));
    assert_eq!(joining(&[(&long, 400), (&rest, 0)]), Joining::Turn(vec![0, 1]));
    // All that was sent while the bot was away comes at once.
    assert_eq!(joining(&[(&long, 0), (&late, 0)]), Joining::Turn(vec![0]));
    let longer = later(0, said(&"b".repeat(4_096)));
    assert_eq!(joining(&[(&long, 900), (&longer, 100)]), until(900));
    assert_eq!(joining(&[(&long, 900), (&longer, 100), (&rest, 0)]), Joining::Turn(vec![0, 1, 2]));
}

#[test]
fn only_a_text_alone_of_the_same_person_is_the_rest() {
    let long = said(&"a".repeat(4_096));
    let reply = json!({ "text": "no", "reply_to_message": private(json!({ "message_id": 3, "text": "earlier" })) });
    for next in [said("/help"), photo("1", "p"), ask(&private(reply))] {
        assert_eq!(joining(&[(&long, 0), (&next, 0)]), Joining::Turn(vec![0]), "{next:?}");
    }
    let bob = json!({ "id": 5, "is_bot": false, "first_name": "Bob" });
    let other = ask(&private(json!({ "text": "me too", "from": bob })));
    assert_eq!(joining(&[(&long, 0), (&other, 0)]), until(1_000));
    let rest = later(0, said("rest"));
    assert_eq!(joining(&[(&long, 0), (&other, 0), (&rest, 0)]), Joining::Turn(vec![0, 2]));
    let command = said(&format!("/model {}", "a".repeat(4_010)));
    assert_eq!(joining(&[(&command, 0), (&rest, 0)]), Joining::Turn(vec![0]));
}

#[test]
fn a_text_has_an_end() {
    let long = said(&"a".repeat(4_096));
    let queue = vec![(&long, 0); 40];
    assert_eq!(joining(&queue), Joining::Turn((0..32).collect()));
}

#[test]
fn an_album_waits_for_its_parts() {
    let (one, two) = (photo("7", "one"), later(0, photo("7", "")));
    let other = later(0, photo("8", "other"));
    assert_eq!(joining(&[(&one, 0)]), until(700));
    assert_eq!(joining(&[(&one, 600), (&two, 100)]), until(600));
    assert_eq!(joining(&[(&one, 800), (&two, 700)]), Joining::Turn(vec![0, 1]));
    assert_eq!(joining(&[(&one, 800), (&other, 0), (&two, 700)]), Joining::Turn(vec![0, 2]));
    assert_eq!(joining(&[(&one, 0); 10]), Joining::Turn((0..10).collect()));
    assert_eq!(joining(&[(&one, 0); 12]), Joining::Turn((0..10).collect()));
}

#[test]
fn in_a_group_an_album_is_for_the_bot_if_a_part_of_it_is() {
    let size = json!([{ "file_id": "p", "file_unique_id": "p", "width": 90, "height": 90, "file_size": 900 }]);
    let part = aside(json!({ "photo": size, "media_group_id": "7" }));
    let mention = json!([{ "type": "mention", "offset": 0, "length": 9 }]);
    let asked = ask(&group(json!({ "photo": size, "media_group_id": "7", "caption": "@ArashBot what?",
        "caption_entities": mention })));
    assert_eq!(joining(&[(&part, 0)]), until(700));
    assert_eq!(joining(&[(&part, 700), (&part, 700)]), Joining::Drop(vec![0, 1]));
    assert_eq!(joining(&[(&part, 700), (&asked, 700)]), Joining::Turn(vec![0, 1]));
    let whole = Ask::merge([part, asked]).unwrap();
    assert_eq!((whole.text.as_str(), whole.media.len(), whole.is_aside), ("what?", 2, false));
}

#[test]
fn in_a_group_the_rest_of_a_text_needs_no_mention() {
    let long = ask(&group(text(&format!("@ArashBot {}", "a".repeat(4_086)))));
    let rest = aside(json!({ "text": "rest" }));
    assert_eq!(joining(&[(&long, 0), (&rest, 0)]), Joining::Turn(vec![0, 1]));
    assert_eq!(joining(&[(&rest, 0), (&long, 0)]), Joining::Drop(vec![0]));
    let aside = aside(json!({ "text": "a".repeat(4_096) }));
    assert_eq!(joining(&[(&aside, 0)]), Joining::Drop(vec![0]));
}

#[test]
fn texts_are_joined_where_they_were_cut() {
    let whole = |parts: &[&str]| Ask::merge(parts.iter().map(|part| said(part))).unwrap().text;
    let (full, cut) = ("a".repeat(4_096), "b".repeat(4_090));
    assert_eq!(whole(&[&full, "rest"]), format!("{full}rest"));
    assert_eq!(whole(&[&cut, "rest"]), format!("{cut}\nrest"));
    assert_eq!(whole(&[&full, &cut, "rest"]), format!("{full}{cut}\nrest"));
}

#[test]
fn what_is_joined_keeps_all_that_it_was_made_of() {
    let first = photo("7", "one");
    let rest = (0..11).map(|at| later(0, photo("7", if at == 3 { "two" } else { "" })));
    let whole = Ask::merge([first.clone()].into_iter().chain(rest)).unwrap();
    assert_eq!((whole.text.as_str(), whole.media.len(), whole.update_ids.len()), ("one\ntwo", 10, 12));
    assert_eq!((&whole.origin, whole.update_ids[0]), (&first.origin, first.origin.update_id));
    assert!(matches!(&whole.media[0], Media::Photo(file) if file.id == "one"));
    assert_eq!(Ask::merge([]), None);
    let command = Ask::merge([photo("7", ""), photo("7", "/help")]).unwrap();
    assert!(command.is_command && command.text == "/help");
    let caption = Ask::merge([photo("7", "see"), photo("7", "/help")]).unwrap();
    assert!(!caption.is_command && caption.text == "see\n/help");
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let kind = (0..4_u8, 0..3_i64, 0..3_u64, prop_oneof![Just(3_usize), Just(4_000), Just(4_096)]);
    kind.prop_map(|(kind, user, seconds, length)| {
        let from = with(ann(), json!({ "id": user + 1 }));
        let typed = "a".repeat(length);
        let made = match kind {
            0 => photo(&user.to_string(), "p"),
            1 => aside(json!({ "text": typed, "from": from })),
            2 => said("/help"),
            _ => ask(&private(json!({ "text": typed, "from": from }))),
        };
        later(seconds, made)
    })
}

proptest! {
    #[test]
    fn a_lane_is_emptied_in_the_end(asks in prop::collection::vec((any_ask(), 0..2_000_u64), 0..20)) {
        let mut queue: Vec<(&Ask, u64)> = asks.iter().map(|(ask, ago)| (ask, *ago)).collect();
        while !queue.is_empty() {
            let parts = match joining(&queue) {
                Joining::Turn(parts) => {
                    prop_assert!(parts.iter().any(|&at| !queue[at].0.is_aside));
                    parts
                }
                Joining::Drop(parts) => {
                    prop_assert!(parts.iter().all(|&at| queue[at].0.is_aside));
                    parts
                }
                Joining::Until(due) => {
                    prop_assert!(due > NOW && due <= NOW.plus(Duration::from_secs(1)));
                    for (_, ago) in &mut queue {
                        *ago += 1_000;
                    }
                    continue;
                }
                Joining::Idle => unreachable!(),
            };
            prop_assert_eq!(parts.first(), Some(&0));
            prop_assert!(parts.is_sorted());
            for at in parts.into_iter().rev() {
                queue.remove(at);
            }
        }
    }
}
