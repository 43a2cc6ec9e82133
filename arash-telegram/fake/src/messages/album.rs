//! Albums: several files that are sent and shown as one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::media::{Source, read_caption};
use super::message::Content;
use super::place::Place;
use super::render::render;
use super::store::Draft;
use crate::files::FileKind;
use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::World;

const MOST: usize = 10;

pub(crate) fn send_media_group(world: &mut World, parameters: &Parameters) -> Outcome {
    let Some(Value::Array(items)) = parameters.json("media", "media")? else {
        return Err(Refusal::bad_request("Expected an Array of InputMedia"));
    };
    if items.is_empty() {
        return Err(Refusal::bad_request("there are no messages to send"));
    }
    if items.len() > MOST {
        return Err(Refusal::bad_request("too many messages to send as an album"));
    }
    let items = items.into_iter().map(|item| read_item(item, parameters)).collect::<Result<Vec<_>, _>>()?;
    let kinds: BTreeSet<FileKind> = items.iter().map(|(kind, _)| *kind).collect();
    let goes_together = kinds.len() == 1 || kinds.iter().all(|kind| matches!(kind, FileKind::Photo | FileKind::Video));
    if !goes_together || kinds.contains(&FileKind::Voice) {
        return Err(Refusal::bad_request("Can't use the media of the specified type in the album"));
    }
    let place = Place::read(world, parameters)?;
    let mut contents = Vec::new();
    for (kind, item) in &items {
        let caption = read_caption(item)?;
        let file = Source::read(item, "media", *kind)?.take(world, item, *kind)?;
        contents.push(Content::File { file, caption });
    }
    let album = (contents.len() > 1).then(|| world.messages.new_album());
    let from = world.bot.id;
    let post = |content| world.post(Draft { from, place, content, album: album.clone(), keyboard: Value::Null });
    let ids: Vec<i64> = contents.into_iter().map(post).collect();
    Ok(json!(
        ids.iter()
            .filter_map(|id| world.message(place.chat_id, *id))
            .map(|message| render(world, message))
            .collect::<Vec<_>>()
    ))
}

/// What the album says of one file, as if it were a call of its own.
fn read_item(item: Value, parameters: &Parameters) -> Result<(FileKind, Parameters), Refusal> {
    let fault = |what: &str| Refusal::bad_request(format!("can't parse InputMedia: {what}"));
    let Value::Object(values) = item else { return Err(fault("expected an Object")) };
    let kind = values.get("type").and_then(Value::as_str).ok_or_else(|| fault("Can't find field \"type\""))?;
    let kind = FileKind::named(kind).ok_or_else(|| fault("type must be one of photo, video, document, audio"))?;
    let attached = values.get("media").and_then(Value::as_str).and_then(|media| media.strip_prefix("attach://"));
    let upload = attached.and_then(|name| parameters.uploads.get_key_value(name));
    let uploads = upload.map(|(name, upload)| (name.clone(), upload.clone())).into_iter().collect();
    Ok((kind, Parameters { values, uploads }))
}
