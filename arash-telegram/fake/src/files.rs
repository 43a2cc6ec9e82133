//! Files that people and the bot have sent, and how they are downloaded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::object::Object;
use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::World;

/// The largest file that a bot may download.
const MAX_DOWNLOAD_BYTES: usize = 20 * 1024 * 1024;
/// For how long the path of a file can be used.
const PATH_VALID: Duration = Duration::from_secs(3600);
/// What a small photo is instead of the large one made small: a picture of one point.
const SMALL_PHOTO: &[u8] = include_bytes!("small_photo.png");

/// What a file is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// A picture, in several sizes.
    Photo,
    /// A file of any kind.
    Document,
    /// A voice message.
    Voice,
    /// A piece of music.
    Audio,
    /// A video.
    Video,
}

impl FileKind {
    const ALL: [Self; 5] = [Self::Photo, Self::Document, Self::Voice, Self::Audio, Self::Video];

    /// The field of a message that it is in, which is the parameter of the method that sends it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Document => "document",
            Self::Voice => "voice",
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn mime(self) -> &'static str {
        match self {
            Self::Photo => "image/jpeg",
            Self::Document => "application/octet-stream",
            Self::Voice => "audio/ogg",
            Self::Audio => "audio/mpeg",
            Self::Video => "video/mp4",
        }
    }
}

/// A file in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What it is.
    pub kind: FileKind,
    /// The `file_id` of each size of a photo, the largest last; of others the only one.
    pub ids: Vec<String>,
    /// Its size in bytes; of a photo, that of the largest.
    pub size: usize,
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub mime: String,
    /// How long it takes, in seconds; none if nobody said.
    pub duration: Option<u32>,
}

impl Attachment {
    /// The `file_id` of it, for a photo that of the largest size.
    pub fn id(&self) -> &str {
        self.ids.last().map_or("", String::as_str)
    }

    pub(crate) fn to_json(&self) -> Value {
        if self.kind == FileKind::Photo {
            let last = self.ids.len() - 1;
            let size = |(number, id): (usize, &String)| {
                let (width, height, bytes) =
                    if number == last { (1280, 960, self.size) } else { (90, 67, SMALL_PHOTO.len()) };
                json!({ "file_id": id, "file_unique_id": unique(id), "width": width, "height": height, "file_size": bytes })
            };
            return self.ids.iter().enumerate().map(size).collect();
        }
        let id = self.id();
        let mut file =
            json!({ "file_id": id, "file_unique_id": unique(id), "mime_type": self.mime, "file_size": self.size });
        match self.kind {
            FileKind::Document | FileKind::Audio | FileKind::Video => file.set("file_name", self.name.as_str()),
            FileKind::Photo | FileKind::Voice => {}
        }
        match self.kind {
            FileKind::Voice | FileKind::Audio => file.set("duration", self.duration.unwrap_or(1)),
            FileKind::Video => {
                file.set("duration", json!(self.duration.unwrap_or(1)));
                file.set("width", 640);
                file.set("height", 480);
            }
            FileKind::Photo | FileKind::Document => {}
        }
        file
    }
}

fn unique(id: &str) -> String {
    id.replacen("AgAC", "AQAD", 1)
}

#[derive(Clone, Debug)]
struct Stored {
    bytes: Arc<[u8]>,
    path: String,
    attachment: Attachment,
    valid_until: Option<Timestamp>,
}

/// All files.
#[derive(Debug, Default)]
pub(crate) struct Files {
    by_id: BTreeMap<String, Stored>,
}

impl Files {
    pub(crate) fn add(
        &mut self,
        kind: FileKind,
        name: &str,
        mime: Option<&str>,
        duration: Option<u32>,
        bytes: Vec<u8>,
    ) -> Attachment {
        let sizes = if kind == FileKind::Photo { vec![SMALL_PHOTO.to_vec(), bytes] } else { vec![bytes] };
        let number = self.by_id.len();
        let ids: Vec<String> = (0..sizes.len()).map(|size| format!("AgACfile{:08}", number + size)).collect();
        let attachment = Attachment {
            kind,
            size: sizes.last().map_or(0, Vec::len),
            name: name.to_owned(),
            mime: mime.unwrap_or(kind.mime()).to_owned(),
            duration,
            ids: ids.clone(),
        };
        let ending = match kind {
            FileKind::Photo => ".jpg",
            FileKind::Voice => ".oga",
            _ => name.rfind('.').and_then(|dot| name.get(dot..)).filter(|ending| ending.is_ascii()).unwrap_or_default(),
        };
        for (size, (id, bytes)) in ids.into_iter().zip(sizes).enumerate() {
            let path = format!("{}s/file_{}{ending}", kind.name(), number + size).replace("voices", "voice");
            let attachment = attachment.clone();
            self.by_id.insert(id, Stored { bytes: bytes.into(), path, attachment, valid_until: None });
        }
        attachment
    }

    pub(crate) fn attachment(&self, id: &str) -> Option<&Attachment> {
        self.by_id.get(id).map(|stored| &stored.attachment)
    }

    pub(crate) fn bytes(&self, id: &str) -> Option<Arc<[u8]>> {
        self.by_id.get(id).map(|stored| Arc::clone(&stored.bytes))
    }

    /// What lies at a path that `getFile` has told not too long ago.
    pub(crate) fn download(&self, path: &str, now: Timestamp) -> Option<Arc<[u8]>> {
        let stored = self.by_id.values().find(|stored| stored.path == path)?;
        stored.valid_until.filter(|until| now < *until).map(|_| Arc::clone(&stored.bytes))
    }
}

pub(crate) fn get_file(world: &mut World, parameters: &Parameters) -> Outcome {
    let Some(id) = parameters.text("file_id") else {
        return Err(Refusal::bad_request("file_id not specified"));
    };
    let until = world.now().plus(PATH_VALID);
    let stored = world.files.by_id.get_mut(&id).ok_or_else(|| Refusal::bad_request("invalid file_id"))?;
    let size = stored.bytes.len();
    if size > MAX_DOWNLOAD_BYTES {
        return Err(Refusal::bad_request("file is too big"));
    }
    stored.valid_until = Some(until);
    Ok(json!({ "file_id": id, "file_unique_id": unique(&id), "file_size": size, "file_path": stored.path }))
}
