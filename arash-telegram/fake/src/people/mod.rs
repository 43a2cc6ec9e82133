//! Who and where: users, chats, topics, members; what they do on their side, and what bots may learn of them.

mod access;
mod chat;
mod commands;
mod group;
mod life;
mod members;
mod person;
mod user;

pub(crate) use access::{Access, reach};
pub(crate) use chat::Chat;
pub use chat::{ChatKind, Status};
pub use commands::Command;
pub(crate) use commands::{Commands, delete_my_commands, get_my_commands, set_my_commands};
pub use group::{Group, Spot, Topic};
pub(crate) use members::{
    get_chat, get_chat_administrators, get_chat_member, get_chat_member_count, get_me, leave_chat, send_chat_action,
};
pub use person::{Impossible, Person, UserFile};
pub(crate) use user::{Bot, User};
