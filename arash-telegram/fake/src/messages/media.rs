//! Messages with a file: photos, documents, voice, audio, video.

use super::keyboard::Markup;
use super::message::Content;
use super::place::Place;
use super::send::send;
use crate::files::{Attachment, FileKind};
use crate::text::{FormattedText, MAX_CAPTION};
use crate::transport::{Outcome, Parameters, Refusal, Upload};
use crate::world::World;

const MAX_PHOTO_BYTES: usize = 10 * 1024 * 1024;

pub(crate) fn send_photo(world: &mut World, parameters: &Parameters) -> Outcome {
    send_file(world, parameters, FileKind::Photo)
}

pub(crate) fn send_document(world: &mut World, parameters: &Parameters) -> Outcome {
    send_file(world, parameters, FileKind::Document)
}

pub(crate) fn send_voice(world: &mut World, parameters: &Parameters) -> Outcome {
    send_file(world, parameters, FileKind::Voice)
}

pub(crate) fn send_audio(world: &mut World, parameters: &Parameters) -> Outcome {
    send_file(world, parameters, FileKind::Audio)
}

pub(crate) fn send_video(world: &mut World, parameters: &Parameters) -> Outcome {
    send_file(world, parameters, FileKind::Video)
}

fn send_file(world: &mut World, parameters: &Parameters, kind: FileKind) -> Outcome {
    let source = Source::read(parameters, kind.name(), kind)?;
    let caption = read_caption(parameters)?;
    let markup = Markup::read(parameters)?;
    let place = Place::read(world, parameters)?;
    let file = source.take(world, parameters, kind)?;
    send(world, place, Content::File { file, caption }, markup)
}

/// The caption of a call: not too long once it is parsed.
pub(super) fn read_caption(parameters: &Parameters) -> Result<FormattedText, Refusal> {
    let caption = FormattedText::read(parameters, "caption", "caption_entities")?;
    if caption.length() > MAX_CAPTION {
        return Err(Refusal::bad_request("message caption is too long"));
    }
    Ok(caption)
}

/// Where the file of a call comes from.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Upload(&'a Upload),
    Known(String),
}

impl<'a> Source<'a> {
    /// Reads the parameter `name`: an upload, `attach://` and the name of one, or a file that the server has.
    pub(super) fn read(parameters: &'a Parameters, name: &str, kind: FileKind) -> Result<Self, Refusal> {
        let given = parameters.text(name).unwrap_or_default();
        let attached = given.strip_prefix("attach://").unwrap_or(name);
        match parameters.uploads.get(attached) {
            Some(upload) if upload.bytes.is_empty() => Err(Refusal::bad_request("file must be non-empty")),
            Some(upload) if kind == FileKind::Photo && upload.bytes.len() > MAX_PHOTO_BYTES => {
                let size = upload.bytes.len();
                let words = format!(
                    "file of size {size} bytes is too big for a photo; the maximum size is {MAX_PHOTO_BYTES} bytes"
                );
                Err(Refusal::bad_request(words))
            }
            Some(upload) => Ok(Self::Upload(upload)),
            None if given.is_empty() || given.starts_with("attach://") => {
                Err(Refusal::bad_request(format!("there is no {} in the request", kind.name())))
            }
            // Nothing here goes out to the net.
            None if given.contains("://") => Err(Refusal::bad_request("failed to get HTTP URL content")),
            None => Ok(Self::Known(given)),
        }
    }

    pub(super) fn take(
        self,
        world: &mut World,
        parameters: &Parameters,
        kind: FileKind,
    ) -> Result<Attachment, Refusal> {
        match self {
            Self::Upload(upload) => {
                let duration = parameters.integer("duration").and_then(|seconds| seconds.try_into().ok());
                Ok(world.files.add(kind, &upload.name, upload.mime.as_deref(), duration, upload.bytes.clone()))
            }
            Self::Known(id) => match world.files.attachment(&id) {
                Some(known) if known.kind == kind => Ok(known.clone()),
                Some(known) => {
                    let words = format!("can't use file of type {:?} as {kind:?}", known.kind);
                    Err(Refusal::bad_request(words))
                }
                None => Err(Refusal::bad_request("wrong file identifier/HTTP URL specified")),
            },
        }
    }
}
