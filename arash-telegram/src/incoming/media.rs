use teloxide::types::{Document, FileMeta, MediaKind, Message, MessageCommon, MessageKind, PhotoSize};

use super::BotInfo;

/// Something beside the text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// A picture.
    Photo(RemoteFile),
    /// A file.
    Document(RemoteFile),
    /// A voice message.
    Voice(RemoteFile),
    /// Music, or any other sound.
    Audio(RemoteFile),
    /// Something that nothing is done with.
    Unsupported(Unsupported),
}

impl Media {
    /// The file that something is done with.
    pub(crate) fn file(&self) -> Option<&RemoteFile> {
        match self {
            Self::Photo(file) | Self::Document(file) | Self::Voice(file) | Self::Audio(file) => Some(file),
            Self::Unsupported(_) => None,
        }
    }
}

/// A file that Telegram keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteFile {
    /// What `getFile` asks for.
    pub(crate) id: String,
    /// Its name, as its sender wants it to be: any text at all.
    pub(crate) name: Option<String>,
    /// Its media type in lower case, as its sender's app tells it: `type/subtype`.
    pub(crate) media_type: Option<String>,
    /// Its size in bytes, where it is known.
    pub(crate) size: Option<u64>,
    /// How long it sounds, in seconds.
    pub(crate) seconds: Option<u32>,
}

/// What nothing is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// A video.
    Video,
    /// A round video.
    VideoNote,
    /// A sticker.
    Sticker,
    /// A moving picture without sound.
    Animation,
    /// A poll.
    Poll,
    /// Somebody's telephone number.
    Contact,
    /// A place, with a name or without.
    Location,
    /// Dice and the like.
    Dice,
    /// A story.
    Story,
    /// Media that have to be paid for.
    PaidMedia,
    /// A game.
    Game,
    /// A list of things to do.
    Checklist,
    /// A picture of which there is no size.
    Photo,
}

impl Media {
    /// How much memory it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let texts = match self {
            Self::Photo(file) | Self::Document(file) | Self::Voice(file) | Self::Audio(file) => {
                let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
                file.id.len() + length(&file.name) + length(&file.media_type)
            }
            Self::Unsupported(_) => 0,
        };
        size_of::<Self>() + texts
    }

    /// What is beside the text of a message; nothing beside a text alone.
    pub(super) fn of(message: &Message, bot: &BotInfo) -> Option<Self> {
        let media = match &message.kind {
            MessageKind::Common(MessageCommon { media_kind, .. }) => media_kind,
            MessageKind::Dice(_) => return Some(Self::Unsupported(Unsupported::Dice)),
            _ => return None,
        };
        match media {
            MediaKind::Photo(media) => Some(photo(&media.photo, bot.max_image_bytes)),
            MediaKind::Document(media) => Some(Self::Document(document(&media.document))),
            MediaKind::Voice(media) => {
                let (voice, seconds) = (&media.voice, Some(media.voice.duration.seconds()));
                let media_type = voice.mime_type.as_ref().map(|mime| mime.essence_str().to_owned());
                Some(Self::Voice(RemoteFile { media_type, seconds, ..file(&voice.file) }))
            }
            MediaKind::Audio(media) => {
                let (audio, seconds) = (&media.audio, Some(media.audio.duration.seconds()));
                let media_type = audio.mime_type.as_ref().map(|mime| mime.essence_str().to_owned());
                let name = audio.file_name.clone();
                Some(Self::Audio(RemoteFile { name, media_type, seconds, ..file(&audio.file) }))
            }
            other => unsupported(other).map(Self::Unsupported),
        }
    }
}

fn unsupported(media: &MediaKind) -> Option<Unsupported> {
    match media {
        MediaKind::Video(_) => Some(Unsupported::Video),
        MediaKind::VideoNote(_) => Some(Unsupported::VideoNote),
        MediaKind::Sticker(_) => Some(Unsupported::Sticker),
        MediaKind::Animation(_) => Some(Unsupported::Animation),
        MediaKind::Poll(_) => Some(Unsupported::Poll),
        MediaKind::Contact(_) => Some(Unsupported::Contact),
        MediaKind::Location(_) | MediaKind::Venue(_) => Some(Unsupported::Location),
        MediaKind::Story(_) => Some(Unsupported::Story),
        MediaKind::PaidMedia(_) => Some(Unsupported::PaidMedia),
        MediaKind::Game(_) => Some(Unsupported::Game),
        MediaKind::Checklist(_) => Some(Unsupported::Checklist),
        _ => None,
    }
}

fn document(document: &Document) -> RemoteFile {
    let media_type = document.mime_type.as_ref().map(|mime| mime.essence_str().to_owned());
    RemoteFile { name: document.file_name.clone(), media_type, ..file(&document.file) }
}

fn file(file: &FileMeta) -> RemoteFile {
    // What teloxide makes of a size that Telegram left out.
    let size = Some(file.size).filter(|&size| size != u32::MAX).map(u64::from);
    RemoteFile { id: file.id.0.clone(), name: None, media_type: None, size, seconds: None }
}

/// The largest size of a picture that is not too large; the smallest of all if none is known to be so.
fn photo(sizes: &[PhotoSize], max_bytes: u64) -> Media {
    let pixels = |size: &&PhotoSize| u64::from(size.width) * u64::from(size.height);
    let fits = |size: &&PhotoSize| u64::from(size.file.size) <= max_bytes;
    let chosen = sizes.iter().filter(fits).max_by_key(pixels).or_else(|| sizes.iter().min_by_key(pixels));
    chosen.map_or(Media::Unsupported(Unsupported::Photo), |size| Media::Photo(file(&size.file)))
}
