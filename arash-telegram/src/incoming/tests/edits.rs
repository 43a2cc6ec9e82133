use serde_json::{Value, json};

use super::samples::{ask, bot, group, parse, private, text, with};
use crate::incoming::{Ask, Ignored, Incoming, edited};

fn edit(message: &Value) -> Incoming {
    parse("edited_message", &with(message.clone(), json!({ "edit_date": 1_780_000_005 })))
}

fn edit_of(message: &Value) -> Ask {
    match edit(message) {
        Incoming::Edit(edit) => *edit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_edit_changes_the_message_that_waits() {
    let mut waiting =
        vec![ask(&private(json!({ "message_id": 8, "text": "first" }))), ask(&private(json!({ "text": "teh" })))];
    let mut edit = edit_of(&private(json!({ "text": "the" })));
    assert!(edit.is_edit);
    (edit.origin.update_id, edit.update_ids) = (900_002, vec![900_002]);
    assert_eq!(edited(&waiting, &edit), Some(1));
    let changed = &mut waiting[1];
    changed.become_what(edit);
    assert_eq!((changed.text.as_str(), changed.is_edit), ("the", false));
    assert_eq!((changed.origin.update_id, &changed.update_ids[..]), (900_001, &[900_001, 900_002][..]));
}

#[test]
fn an_edit_of_another_message_changes_nothing() {
    let waiting = [ask(&private(json!({ "text": "hi" })))];
    assert_eq!(edited(&waiting, &edit_of(&private(json!({ "message_id": 9, "text": "ho" })))), None);
    assert_eq!(edited([], &edit_of(&private(json!({ "text": "ho" })))), None);
    // The same number in another chat.
    assert_eq!(edited(&waiting, &edit_of(&group(with(text("@ArashBot ho"), json!({ "message_id": 10 }))))), None);
}

#[test]
fn a_message_from_which_the_bots_name_went_is_no_longer_for_it() {
    let mut waiting = ask(&group(text("@ArashBot hi")));
    waiting.become_what(edit_of(&group(text("hi all"))));
    assert!(waiting.is_aside);
}

#[test]
fn no_message_becomes_a_command_of_the_hosts() {
    assert_eq!(edit(&private(text("/stop"))), Incoming::Ignored(Ignored::EditedCommand));
    assert_eq!(edit(&private(text(""))), Incoming::Ignored(Ignored::Empty));
    assert!(edit_of(&private(text("/help"))).is_command);
    assert!(bot().commands.contains(&"stop".to_owned()));
}
