//! Names of things: UUIDv7 (RFC 9562) where a node makes them, integers where the store does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, ordered by the time of its making.
            #[expect(clippy::new_without_default, reason = "a default that differs at every call would surprise")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id with these bytes.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bytes of this id.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

uuid_id! {
    /// Names one turn: a message and its reply.
    TurnId,
    /// Names one session in the store; clients see its [`SessionKey`](crate::session::SessionKey).
    SessionId,
    /// Names one event in the outbox; the `webhook-id` of its deliveries.
    EventId,
    /// Names one attempt to deliver an event.
    AttemptId,
    /// Names one entry of the audit log.
    AuditId,
    /// Names one running engine; new at every start.
    NodeId,
}

macro_rules! integer_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

integer_id! {
    /// Names a team, the tenant that keys, sessions and usage belong to.
    TeamId,
    /// Names an API key; never the key itself.
    ApiKeyId,
    /// Names a bot, as its messenger does.
    BotId,
    /// Names an update that a messenger sent to a bot; unique for the bot.
    UpdateId,
}

impl TeamId {
    /// The host program itself: messages on a private platform that came with no key.
    pub const HOST: Self = Self(0);
}
