use bytes::Bytes;
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use serde_json::Value;

use crate::ai::openai::form::usage;
use crate::ai::openai::{OpenAi, failure};
use crate::ai::upstream::{malformed, read, unreachable};
use crate::ai::{AiError, AiErrorKind, ChatRequest};
use crate::message::{Attachment, AttachmentSource, MessageKind};

/// Longest transcription that is read, in bytes.
const MAX_TRANSCRIPTION_BYTES: usize = 1 << 20;

/// The answer's body; other fields are ignored.
#[derive(Deserialize)]
struct Transcription {
    text: String,
    usage: Option<Value>,
}

impl OpenAi {
    /// Has the sound that is attached written down, piece by piece, as far as an earlier attempt did not; gives what was
    /// said.
    pub(super) async fn transcribe(&self, request: &ChatRequest) -> Result<Vec<String>, AiError> {
        // A client that speaks the protocol itself sends sound within its messages.
        if request.wire.is_some() {
            return Ok(Vec::new());
        }
        let known = request.transcripts.texts().len();
        let sounds = request.attachments.iter().filter(|attachment| attachment.kind == MessageKind::Audio);
        for sound in sounds.skip(known) {
            let Transcription { text, usage: told } = self.transcribe_one(sound).await?;
            request.transcripts.push(text, told.as_ref().and_then(usage).unwrap_or_default());
        }
        Ok(request.transcripts.texts())
    }

    async fn transcribe_one(&self, sound: &Attachment) -> Result<Transcription, AiError> {
        let refused = |why: &str| AiError::new(AiErrorKind::Attachment).with_source(why.to_owned());
        let model = self.transcription_model.as_deref().ok_or_else(|| refused("there is no model for sound"))?;
        let AttachmentSource::Inline(content) = &sound.source else {
            // Neither does the service fetch it, nor the engine, which may stand where others may not look.
            return Err(refused("sound by its address"));
        };
        let form = Form::new().part("file", file(content, sound.media_type.as_deref()));
        let form = form.text("model", model.to_owned()).text("response_format", "json");
        let sending = self.client.post(self.transcriptions.clone()).headers(self.headers.clone()).multipart(form);
        let response = sending.send().await.map_err(|fault| unreachable(fault, AiErrorKind::Failed))?;
        if !response.status().is_success() {
            return Err(failure::of_response(response).await);
        }
        let body = read(response, MAX_TRANSCRIPTION_BYTES).await?;
        // The fault's own text may quote what was said.
        serde_json::from_slice(&body).map_err(|_| malformed("the transcription has no text"))
    }
}

/// The file with a name, by whose ending services tell what kind of sound it is.
fn file(content: &Bytes, media_type: Option<&str>) -> Part {
    let part = || Part::stream_with_length(Body::from(content.clone()), content.len() as u64);
    let ending = media_type.map_or("ogg", ending);
    let file_name = format!("sound.{ending}");
    let typed = media_type.and_then(|media_type| part().mime_str(media_type).ok());
    typed.unwrap_or_else(part).file_name(file_name)
}

fn ending(media_type: &str) -> &'static str {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/mp4" | "audio/m4a" | "audio/x-m4a" | "audio/aac" => "m4a",
        "audio/wav" | "audio/x-wav" | "audio/wave" => "wav",
        "audio/webm" => "webm",
        "audio/flac" | "audio/x-flac" => "flac",
        _ => "ogg",
    }
}
