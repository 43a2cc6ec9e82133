use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::id::TeamId;
use crate::message::is_id;
use crate::platform::Access;
use crate::team::{AccessLevel, Principal};

/// Names a conversation: `{platform}_{team}_{chat}` on private platforms, `{platform}_{chat}` on public ones.
///
/// The chat's id stands verbatim, underscores and all. Two different conversations never share a text form,
/// because a platform's name has no underscore, a team's id is digits, and a platform is either private or public.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    text: Arc<str>,
    platform_end: usize,
    chat_start: usize,
}

/// A text that names no conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a session id: {{platform}}_{{team}}_{{chat}} or {{platform}}_{{chat}} is expected")]
pub struct SessionKeyError;

impl SessionKey {
    /// The conversation `chat_id` of a team on a private platform.
    pub fn private(platform: &str, team: TeamId, chat_id: &str) -> Self {
        let text = format!("{platform}_{team}_{chat_id}");
        let chat_start = text.len() - chat_id.len();
        Self { text: text.into(), platform_end: platform.len(), chat_start }
    }

    /// The conversation `chat_id` on a public platform.
    pub fn public(platform: &str, chat_id: &str) -> Self {
        let text = format!("{platform}_{chat_id}");
        Self { text: text.into(), platform_end: platform.len(), chat_start: platform.len() + 1 }
    }

    /// Reads a key back from its text; `access_of` tells how a platform is used, `None` if there is no such one.
    ///
    /// # Errors
    /// [`SessionKeyError`] when the text has not that form or the platform is unknown.
    pub fn parse(text: &str, access_of: impl FnOnce(&str) -> Option<Access>) -> Result<Self, SessionKeyError> {
        let (platform, rest) = text.split_once('_').ok_or(SessionKeyError)?;
        let key = match access_of(platform).ok_or(SessionKeyError)? {
            Access::Public => Self::public(platform, rest),
            Access::Private => {
                let (team, chat_id) = rest.split_once('_').ok_or(SessionKeyError)?;
                let id: i64 = team.parse().map_err(|_| SessionKeyError)?;
                // Only the one way to write a number names a team: not `+1`, not `01`.
                if id < 0 || id.to_string() != team {
                    return Err(SessionKeyError);
                }
                Self::private(platform, TeamId(id), chat_id)
            }
        };
        // A chat that no message can come from has no conversation.
        if is_id(key.chat_id()) { Ok(key) } else { Err(SessionKeyError) }
    }

    /// The one check of who may see a session: its own team, and administrators.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden), whether or not the session exists: its name says whose it is.
    pub fn require_access(&self, principal: &Principal) -> Result<(), Error> {
        if principal.access_level() == AccessLevel::Admin || self.team() == Some(principal.team_id()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Forbidden, format!("session {self} belongs to another team")))
    }

    /// Its text form: the `session_id` that clients see.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The platform's name.
    pub fn platform(&self) -> &str {
        self.text.get(..self.platform_end).unwrap_or_default()
    }

    /// The team, on a private platform.
    pub fn team(&self) -> Option<TeamId> {
        let digits = self.text.get(self.platform_end + 1..self.chat_start.checked_sub(1)?)?;
        digits.parse().ok().map(TeamId)
    }

    /// The chat's id as the caller gave it.
    pub fn chat_id(&self) -> &str {
        self.text.get(self.chat_start..).unwrap_or_default()
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn access_of(platform: &str) -> Option<Access> {
        match platform {
            "internal" | "web" => Some(Access::Private),
            "telegram" => Some(Access::Public),
            _ => None,
        }
    }

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Parts(&'static str, Option<i64>, String);

    fn parts() -> impl Strategy<Value = Parts> {
        // Few letters, so that near collisions are tried often.
        let chat = "[_01a]{1,6}|\\PC{1,20}";
        prop_oneof![
            (prop_oneof![Just("internal"), Just("web")], 0_i64..12, chat).prop_map(|(p, t, c)| Parts(p, Some(t), c)),
            chat.prop_map(|c| Parts("telegram", None, c)),
        ]
    }

    fn key(parts: &Parts) -> SessionKey {
        match parts.1 {
            Some(team) => SessionKey::private(parts.0, TeamId(team), &parts.2),
            None => SessionKey::public(parts.0, &parts.2),
        }
    }

    proptest! {
        #[test]
        fn parsing_is_the_inverse_of_writing(parts in parts()) {
            let written = key(&parts);
            prop_assert_eq!(written.platform(), parts.0);
            prop_assert_eq!(written.team(), parts.1.map(TeamId));
            prop_assert_eq!(written.chat_id(), parts.2.as_str());
            prop_assert_eq!(SessionKey::parse(written.as_str(), access_of), Ok(written.clone()));
        }

        #[test]
        fn different_conversations_have_different_texts(one in parts(), other in parts()) {
            prop_assert_eq!(one == other, key(&one).as_str() == key(&other).as_str());
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text in "\\PC{0,40}|(internal|telegram)_[_0-9+-]{0,9}") {
            if let Ok(key) = SessionKey::parse(&text, access_of) {
                prop_assert_eq!(key.as_str(), text.as_str());
            }
        }
    }

    #[test]
    fn the_form_is_the_documented_one() {
        assert_eq!(SessionKey::private("internal", TeamId(100), "chat_4_56").as_str(), "internal_100_chat_4_56");
        assert_eq!(SessionKey::public("telegram", "-1001").as_str(), "telegram_-1001");
        for text in
            ["", "internal", "internal_", "internal_x_1", "internal_01_c", "internal_+1_c", "internal_1_", "nowhere_1"]
        {
            assert_eq!(SessionKey::parse(text, access_of), Err(SessionKeyError), "{text:?}");
        }
    }
}
