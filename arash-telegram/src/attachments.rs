//! What is attached to a message, fetched from Telegram for the engine.

use std::time::Duration;

use arash_core::message::{Attachment, AttachmentSource, MessageKind};
use teloxide::payloads::GetFile;
use teloxide::types::FileId;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;

use crate::api::{ApiError, MAX_FILE_BYTES};
use crate::bot::Bot;
use crate::incoming::{Media, RemoteFile, Unsupported};
use crate::texts::{Said, UnsupportedKind};

/// Longest document that is read, in bytes.
const MAX_DOCUMENT_BYTES: usize = 10 << 20;
const MEGABYTE: usize = 1 << 20;
/// How much the files of all answers that are being made may take together.
const MEMORY_KILOBYTES: u32 = 256 << 10;
/// How often a file is asked for that Telegram does not give, and the time between.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// Longest time that Telegram may ask for before a file is asked for again. Nobody waits for an answer any longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Memory for the files of all answers that are being made.
#[derive(Debug)]
pub(crate) struct FileMemory {
    kilobytes: Semaphore,
}

impl Default for FileMemory {
    fn default() -> Self {
        Self { kilobytes: Semaphore::new(MEMORY_KILOBYTES as usize) }
    }
}

impl FileMemory {
    /// Waits for the memory that these files take, or for all of it if they take more.
    async fn take(&self, media: &[Media]) -> Option<SemaphorePermit<'_>> {
        let most = MAX_FILE_BYTES as u64;
        let size = |media: &Media| media.file().map_or(0, |file| file.size.map_or(most, |size| size.min(most)));
        let kilobytes = media.iter().map(size).sum::<u64>().div_ceil(1 << 10);
        let kilobytes = u32::try_from(kilobytes).unwrap_or(u32::MAX).min(MEMORY_KILOBYTES);
        self.kilobytes.acquire_many(kilobytes).await.ok()
    }
}

/// What is attached, and its memory.
pub(crate) type Fetched<'a> = (Vec<Attachment>, Option<SemaphorePermit<'a>>);

impl Bot {
    /// Fetches what is attached, when there is memory for it.
    ///
    /// # Errors
    /// What the person is to be told instead of an answer.
    pub(crate) async fn attachments(&self, media: &[Media]) -> Result<Fetched<'_>, Said<'static>> {
        let memory = self.file_memory.take(media).await;
        let mut attachments = Vec::with_capacity(media.len());
        for media in media {
            attachments.push(self.attachment(media).await?);
        }
        Ok((attachments, memory))
    }

    async fn attachment(&self, media: &Media) -> Result<Attachment, Said<'static>> {
        let too_large = |limit: usize| Said::FileTooLarge { megabytes: (limit / MEGABYTE) as u64 };
        let (kind, file, limit, refusal) = match media {
            Media::Photo(file) => {
                let limit = self.image_limit.ok_or(Said::ImagesNotSeen)?.min(MAX_FILE_BYTES);
                (MessageKind::Image, file, limit, Said::PhotoTooLarge { megabytes: (limit / MEGABYTE) as u64 })
            }
            Media::Document(file) if !is_readable(file) => return Err(Said::UnreadableDocument),
            Media::Document(file) => (MessageKind::Document, file, MAX_DOCUMENT_BYTES, too_large(MAX_DOCUMENT_BYTES)),
            Media::Voice(file) | Media::Audio(file) => {
                (MessageKind::Audio, file, MAX_FILE_BYTES, too_large(MAX_FILE_BYTES))
            }
            Media::Unsupported(kind) => return Err(Said::Unsupported { kind: told(*kind) }),
        };
        if file.size.is_some_and(|size| size > limit as u64) {
            return Err(refusal);
        }
        let bytes = self.fetch(file, limit).await.map_err(|error| {
            tracing::info!(%error, "an attachment cannot be had");
            let is_too_big = error.to_string().contains("file is too big");
            if is_too_big { too_large(MAX_FILE_BYTES) } else { Said::AttachmentUnavailable }
        })?;
        let bytes = bytes.ok_or(refusal)?;
        let media_type = file.media_type.clone().unwrap_or_else(|| default_type(kind, &bytes).to_owned());
        Ok(Attachment { kind, media_type: Some(media_type), source: AttachmentSource::Inline(bytes.into()) })
    }

    /// Fetches a file, which may be tried again whatever became of it.
    async fn fetch(&self, file: &RemoteFile, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
        let mut attempts = 1;
        loop {
            let error = match self.fetch_once(file, limit).await {
                Err(error) if attempts < ATTEMPTS => error,
                fetched => return fetched,
            };
            let pause = match &error {
                ApiError::NotSent { .. } | ApiError::Unknown { .. } => PAUSE,
                ApiError::Refused { code: 429, retry_after, .. } => retry_after.unwrap_or(PAUSE),
                ApiError::Refused { .. } => return Err(error),
            };
            if pause > LONGEST_PAUSE {
                return Err(error);
            }
            tracing::debug!(%error, pause_seconds = pause.as_secs(), "a file is asked for again");
            attempts += 1;
            sleep(pause).await;
        }
    }

    async fn fetch_once(&self, file: &RemoteFile, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
        let found = self.api.call(&GetFile::new(FileId(file.id.clone()))).await?;
        self.api.download(&found.path, limit).await
    }
}

/// Whether a model can be given a document: a text, or a PDF.
fn is_readable(file: &RemoteFile) -> bool {
    const TYPES: [&str; 7] = [
        "application/pdf",
        "application/json",
        "application/xml",
        "application/x-yaml",
        "application/toml",
        "application/javascript",
        "application/sql",
    ];
    const ENDINGS: [&str; 14] =
        ["pdf", "txt", "md", "csv", "json", "xml", "yaml", "yml", "toml", "log", "rs", "py", "js", "html"];
    let by_type = file.media_type.as_deref().is_some_and(|kind| kind.starts_with("text/") || TYPES.contains(&kind));
    let ending = file.name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end.to_ascii_lowercase());
    by_type || ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The media type of what Telegram does not tell the type of.
fn default_type(kind: MessageKind, bytes: &[u8]) -> &'static str {
    match kind {
        // Telegram makes every photo one.
        MessageKind::Image if bytes.starts_with(b"\x89PNG") => "image/png",
        MessageKind::Image => "image/jpeg",
        MessageKind::Audio => "audio/ogg",
        _ if bytes.starts_with(b"%PDF") => "application/pdf",
        _ => "text/plain",
    }
}

fn told(kind: Unsupported) -> UnsupportedKind {
    match kind {
        Unsupported::Sticker => UnsupportedKind::Sticker,
        Unsupported::Poll => UnsupportedKind::Poll,
        Unsupported::Contact => UnsupportedKind::Contact,
        Unsupported::Video => UnsupportedKind::Video,
        Unsupported::VideoNote => UnsupportedKind::VideoMessage,
        Unsupported::Animation => UnsupportedKind::Animation,
        Unsupported::Location => UnsupportedKind::Location,
        Unsupported::Dice => UnsupportedKind::Dice,
        Unsupported::Story => UnsupportedKind::Story,
        _ => UnsupportedKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn sound(size: Option<u64>) -> Media {
        Media::Audio(RemoteFile { id: "a".to_owned(), name: None, media_type: None, size, seconds: None })
    }

    #[tokio::test]
    async fn files_of_all_answers_have_so_much_memory_together() {
        let memory = FileMemory::default();
        let album = vec![sound(Some(20 << 20)); 10];
        let first = memory.take(&album).now_or_never().unwrap();
        assert!(memory.take(&album).now_or_never().is_none());
        assert!(memory.take(&[sound(None)]).now_or_never().is_some(), "of an unknown size it is the largest");
        assert!(memory.take(&[]).now_or_never().is_some());
        drop(first);
        // Never more than there is, or nobody would ever have it.
        assert!(memory.take(&vec![sound(Some(u64::MAX)); 100]).now_or_never().is_some());
    }
}
