use serde_json::{Value, json};

use super::samples::{ask, group, private, text, with};
use crate::incoming::{Ask, BotInfo, Incoming, Media, RemoteFile, Unsupported};

fn media(fields: Value) -> Media {
    let mut ask = ask(&private(fields));
    assert_eq!(ask.media.len(), 1);
    ask.media.remove(0)
}

fn size(id: &str, side: u32, bytes: Option<u32>) -> Value {
    let size = json!({ "file_id": id, "file_unique_id": id, "width": side, "height": side });
    bytes.map_or(size.clone(), |bytes| with(size, json!({ "file_size": bytes })))
}

fn chosen(sizes: &Value) -> RemoteFile {
    match media(json!({ "photo": sizes })) {
        Media::Photo(file) => file,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_photo_the_largest_size_that_fits_is_taken() {
    let (small, medium) = (size("s", 90, Some(1_500)), size("m", 320, Some(20_000)));
    let (large, largest) = (size("l", 800, Some(200_000)), size("x", 1_280, Some(200_001)));
    let file = chosen(&json!([small, large, medium, largest]));
    assert_eq!((file.id.as_str(), file.size), ("l", Some(200_000)));
    let unknown = chosen(&json!([size("x", 1_280, None), size("s", 90, None)]));
    assert_eq!((unknown.id.as_str(), unknown.size), ("s", None));
    assert_eq!(media(json!({ "photo": [] })), Media::Unsupported(Unsupported::Photo));
}

#[test]
fn the_caption_is_the_text() {
    let photo = json!([size("s", 90, Some(1_500))]);
    let mention = json!([{ "type": "mention", "offset": 6, "length": 9 }]);
    let fields = json!({ "photo": photo, "caption": "what, @ArashBot", "caption_entities": mention });
    assert_eq!(ask(&group(fields)).text, "what,");
    let command = ask(&private(json!({ "photo": photo, "caption": "/help" })));
    assert!(command.is_command && command.media.len() == 1);
    assert_eq!(ask(&private(json!({ "photo": photo }))).text, "");
}

#[test]
fn files_and_sounds_tell_what_they_are() {
    let meta = json!({ "file_id": "f", "file_unique_id": "u", "file_size": 20_971_520 });
    let document = with(meta.clone(), json!({ "file_name": "../a.pdf", "mime_type": "Application/PDF; x=y" }));
    let whole = RemoteFile {
        id: "f".to_owned(),
        name: Some("../a.pdf".to_owned()),
        media_type: Some("application/pdf".to_owned()),
        size: Some(20_971_520),
        seconds: None,
    };
    assert_eq!(media(json!({ "document": document })), Media::Document(whole.clone()));
    let voice = with(meta.clone(), json!({ "duration": 3, "mime_type": "audio/ogg" }));
    let sound = |name: Option<&str>, kind: &str, seconds| RemoteFile {
        name: name.map(str::to_owned),
        media_type: Some(kind.to_owned()),
        seconds: Some(seconds),
        ..whole.clone()
    };
    assert_eq!(media(json!({ "voice": voice })), Media::Voice(sound(None, "audio/ogg", 3)));
    let audio = with(meta, json!({ "duration": 180, "mime_type": "audio/mpeg", "file_name": "a.mp3", "title": "A" }));
    assert_eq!(media(json!({ "audio": audio })), Media::Audio(sound(Some("a.mp3"), "audio/mpeg", 180)));
}

#[test]
fn what_nothing_is_done_with_has_a_name() {
    let meta = json!({ "file_id": "f", "file_unique_id": "u", "file_size": 9 });
    let video = with(meta.clone(), json!({ "width": 9, "height": 9, "duration": 1, "mime_type": "video/mp4" }));
    let sticker = json!({ "type": "regular", "width": 9, "height": 9, "is_animated": false, "is_video": false });
    let place = json!({ "latitude": 35.7, "longitude": 51.4 });
    let poll = json!({ "id": "1", "question": "?", "options": [], "total_voter_count": 0, "is_closed": false,
        "is_anonymous": true, "type": "regular", "allows_multiple_answers": false });
    for (fields, kind) in [
        (json!({ "video": video }), Unsupported::Video),
        (json!({ "video_note": with(meta.clone(), json!({ "length": 9, "duration": 1 })) }), Unsupported::VideoNote),
        (json!({ "sticker": with(meta.clone(), sticker) }), Unsupported::Sticker),
        // Telegram tells of an animation as a document too.
        (json!({ "animation": video, "document": meta }), Unsupported::Animation),
        (json!({ "poll": poll }), Unsupported::Poll),
        (json!({ "contact": { "phone_number": "+98", "first_name": "Bob" } }), Unsupported::Contact),
        (json!({ "location": place }), Unsupported::Location),
        (
            json!({ "location": place, "venue": { "location": place, "title": "A", "address": "B" } }),
            Unsupported::Location,
        ),
        (json!({ "dice": { "emoji": "🎲", "value": 3 } }), Unsupported::Dice),
        (json!({ "story": { "id": 1, "chat": { "id": 5, "type": "private" } } }), Unsupported::Story),
        (json!({ "paid_media": { "star_count": 1, "paid_media": [] } }), Unsupported::PaidMedia),
    ] {
        assert_eq!(media(fields.clone()), Media::Unsupported(kind), "{fields}");
    }
}

#[test]
fn the_limit_of_pictures_is_the_bots() {
    let bot = BotInfo { max_image_bytes: 1_500, ..super::samples::bot() };
    let photo = private(json!({ "photo": [size("s", 90, Some(1_500)), size("m", 320, Some(20_000))] }));
    let meaning = Incoming::parse(&super::samples::update("message", &photo), &bot);
    let Incoming::Ask(ask) = meaning else { panic!("{meaning:?}") };
    assert!(matches!(&ask.media[..], [Media::Photo(file)] if file.id == "s"));
}

#[test]
fn parts_of_an_album_have_its_id() {
    let part: Ask = ask(&private(with(
        text(""),
        json!({
            "photo": [size("s", 90, Some(1_500))], "media_group_id": "13700000000000001",
        }),
    )));
    assert_eq!(part.album.as_deref(), Some("13700000000000001"));
}
