//! The users, and the bot among them.

use serde_json::{Value, json};

use crate::object::Object;

/// A person.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) language: Option<String>,
}

impl User {
    pub(crate) fn to_json(&self) -> Value {
        let mut user = json!({ "id": self.id, "is_bot": false, "first_name": self.name });
        if let Some(language) = &self.language {
            user.set("language_code", language.as_str());
        }
        user
    }
}

/// The bot whose server this is.
#[derive(Clone, Debug)]
pub(crate) struct Bot {
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) username: String,
    /// Whether it is shown only what concerns it in groups.
    pub(crate) has_privacy: bool,
    pub(crate) is_revoked: bool,
}

impl Bot {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "id": self.id, "is_bot": true, "first_name": self.username, "username": self.username })
    }
}
