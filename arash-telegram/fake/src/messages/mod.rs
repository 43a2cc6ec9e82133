//! Messages: sent, edited, deleted; their keyboards, and the buttons that are pressed.

mod album;
mod callbacks;
mod delete;
mod draft;
mod edit;
mod keyboard;
mod media;
mod message;
mod place;
mod render;
mod send;
mod store;

pub(crate) use album::send_media_group;
pub use callbacks::{CallbackAnswer, QueryId};
pub(crate) use callbacks::{Callbacks, answer_callback_query};
pub(crate) use delete::{delete_message, delete_messages};
pub(crate) use draft::send_message_draft;
pub(crate) use edit::{edit_message_caption, edit_message_reply_markup, edit_message_text};
pub use keyboard::Button;
pub(crate) use media::{send_audio, send_document, send_photo, send_video, send_voice};
pub use message::{Content, Message, Version};
pub(crate) use place::Place;
pub(crate) use render::render;
pub(crate) use send::send_message;
pub(crate) use store::{Draft, Messages};
