//! A person, and what they do.

use std::sync::Arc;

use serde_json::json;

use super::chat::Status;
use super::group::Spot;
use crate::files::FileKind;
use crate::messages::{CallbackAnswer, Content, Message, Place, QueryId, Version, render};
use crate::text::{FormattedText, MAX_TEXT};
use crate::world::{Shared, World};

/// What a person cannot do, such as press a button that is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Impossible(pub(crate) String);

/// A file that a person sends.
#[derive(Clone, Debug)]
pub struct UserFile {
    kind: FileKind,
    name: String,
    mime: Option<String>,
    duration: Option<u32>,
    caption: String,
    bytes: Vec<u8>,
}

impl UserFile {
    /// A file of this kind.
    pub fn new(kind: FileKind, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, caption) = (name.to_owned(), String::new());
        Self { kind, name, mime: None, duration: None, caption, bytes: bytes.into() }
    }

    /// A picture.
    pub fn photo(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(FileKind::Photo, "photo.jpg", bytes)
    }

    /// A document with this name and media type.
    pub fn document(name: &str, mime: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { mime: Some(mime.to_owned()), ..Self::new(FileKind::Document, name, bytes) }
    }

    /// A voice message of so many seconds.
    pub fn voice(bytes: impl Into<Vec<u8>>, seconds: u32) -> Self {
        Self { duration: Some(seconds), ..Self::new(FileKind::Voice, "voice.oga", bytes) }
    }

    /// The same with a text under it.
    #[must_use]
    pub fn caption(self, caption: &str) -> Self {
        Self { caption: caption.to_owned(), ..self }
    }

    /// The same with this media type, unless it is empty.
    pub(crate) fn mime(self, mime: &str) -> Self {
        let mime = Some(mime.to_owned()).filter(|mime| !mime.is_empty()).or(self.mime);
        Self { mime, ..self }
    }

    fn store(self, world: &mut World) -> Content {
        let file = world.files.add(self.kind, &self.name, self.mime.as_deref(), self.duration, self.bytes);
        Content::File { file, caption: FormattedText::typed(&self.caption) }
    }
}

/// A person in a chat: in the one with the bot, until [`Person::at`] takes them elsewhere.
#[derive(Clone, Debug)]
pub struct Person {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: i64,
    pub(crate) spot: Spot,
}

impl Person {
    /// The person with this number, in the chat with the bot.
    pub(crate) fn new(shared: &Arc<Shared>, id: i64) -> Self {
        Self { shared: Arc::clone(shared), id, spot: Spot { chat_id: id, topic_id: None } }
    }

    /// Who it is.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The chat that they are in.
    pub fn chat_id(&self) -> i64 {
        self.spot.chat_id
    }

    /// The same person in a group or a topic.
    pub fn at(&self, place: impl Into<Spot>) -> Self {
        Self { spot: place.into(), ..self.clone() }
    }

    fn place(&self, reply_to: Option<i64>) -> Place {
        Place { chat_id: self.spot.chat_id, topic_id: self.spot.topic_id, reply_to }
    }

    /// Sends a text and tells the number of the message. Of a text that is too long for one, an app makes several, as here;
    /// the first is told.
    pub fn say(&self, text: &str) -> i64 {
        self.write(None, text)
    }

    /// Replies to a message.
    pub fn reply(&self, to: i64, text: &str) -> i64 {
        self.write(Some(to), text)
    }

    fn write(&self, reply_to: Option<i64>, text: &str) -> i64 {
        let characters: Vec<char> = text.chars().collect();
        let (first, rest) = characters.split_at(characters.len().min(MAX_TEXT));
        let content = |part: &[char]| Content::Text(FormattedText::typed(&part.iter().collect::<String>()));
        self.shared.change(|world| {
            let id = world.sends(self.id, self.place(reply_to), content(first), None);
            for part in rest.chunks(MAX_TEXT) {
                world.sends(self.id, self.place(None), content(part), None);
            }
            id
        })
    }

    /// Sends a file.
    pub fn send(&self, file: UserFile) -> i64 {
        self.shared.change(|world| {
            let content = file.store(world);
            world.sends(self.id, self.place(None), content, None)
        })
    }

    /// Sends several files as an album.
    pub fn send_album(&self, files: Vec<UserFile>) -> Vec<i64> {
        self.shared.change(|world| {
            let album = world.messages.new_album();
            let send = |file: UserFile| {
                let content = file.store(world);
                world.sends(self.id, self.place(None), content, Some(album.clone()))
            };
            files.into_iter().map(send).collect()
        })
    }

    /// Changes the text of a message of one's own.
    ///
    /// # Errors
    /// If there is no such message, or it has no text.
    pub fn edit(&self, message_id: i64, text: &str) -> Result<(), Impossible> {
        self.shared.change(|world| {
            let now = world.now();
            let message = world.messages.find_mut(self.spot.chat_id, message_id);
            let message = message.filter(|message| message.from == self.id && message.file().is_none());
            let message = message.ok_or_else(|| Impossible(format!("message {message_id} is no text of theirs")))?;
            (message.content, message.edited_at) = (Content::Text(FormattedText::typed(text)), Some(now));
            message.versions.push(Version { at: now, text: text.to_owned() });
            world.tell_of(self.spot.chat_id, message_id, "edited_message");
            Ok(())
        })
    }

    /// Deletes a message, of which bots are not told.
    pub fn delete(&self, message_id: i64) {
        self.shared.change(|world| {
            if let Some(message) = world.messages.find_mut(self.spot.chat_id, message_id) {
                message.is_deleted = true;
            }
        });
    }

    /// Presses the button under a message that has this text or this data.
    ///
    /// # Errors
    /// If there is no such message or no such button.
    pub fn press(&self, message_id: i64, button: &str) -> Result<QueryId, Impossible> {
        self.shared.change(|world| {
            let chat_id = self.spot.chat_id;
            let message = world.message(chat_id, message_id);
            let message = message.ok_or_else(|| Impossible(format!("there is no message {message_id}")))?;
            let buttons = message.buttons().into_iter().flatten();
            let is_it = |button: &str, data: &str, text: &str| data == button || text == button;
            let data = buttons.filter_map(|found| found.data.map(|data| (data, found.text)));
            let data = data.into_iter().find(|(data, text)| is_it(button, data, text));
            let (data, _) =
                data.ok_or_else(|| Impossible(format!("message {message_id} has no button \"{button}\"")))?;
            let (now, rendered) = (world.now(), render(world, message));
            let from = world.users.get(&self.id).map(super::User::to_json);
            let query = world.callbacks.press(now);
            let instance = chat_id.to_string();
            let what =
                json!({ "id": query, "from": from, "message": rendered, "chat_instance": instance, "data": data });
            world.updates.push(now, "callback_query", chat_id, what);
            Ok(query)
        })
    }

    /// What the bot answered to a press; none if it has not yet.
    pub fn answer(&self, query: &str) -> Option<CallbackAnswer> {
        self.shared.look(|world| world.callbacks.answer(query).cloned())
    }

    /// Blocks the bot, in the chat with it.
    pub fn block_bot(&self) {
        self.shared.change(|world| world.set_bot(self.id, self.id, Status::Kicked));
    }

    /// No longer blocks the bot.
    pub fn unblock_bot(&self) {
        self.shared.change(|world| world.set_bot(self.id, self.id, Status::Member));
    }

    /// The messages of the chat that were not deleted, in order; those of the topic if they are in one.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.look(|world| {
            let is_here = |message: &&Message| self.spot.topic_id.is_none_or(|topic| message.topic_id == Some(topic));
            let of_chat = world.messages.of_chat(self.spot.chat_id);
            of_chat.filter(|message| !message.is_deleted).filter(is_here).cloned().collect()
        })
    }

    /// The messages of the bot among them.
    pub fn messages_of_bot(&self) -> Vec<Message> {
        self.messages().into_iter().filter(|message| message.is_from_bot).collect()
    }

    /// What the bot shows to be doing in the chat, as `typing`.
    pub fn action(&self) -> Option<String> {
        self.shared.look(|world| {
            let chat = world.chats.get(&self.spot.chat_id)?;
            chat.action.as_ref().filter(|action| world.now() < action.until).map(|action| action.name.clone())
        })
    }

    /// The text that the bot is drafting in the chat.
    pub fn draft(&self) -> Option<String> {
        self.shared.look(|world| {
            let chat = world.chats.get(&self.spot.chat_id)?;
            chat.draft.as_ref().filter(|(_, until)| world.now() < *until).map(|(text, _)| text.clone())
        })
    }
}
