//! The kinds of events that a team may be told of.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EventKind {
    /// A message was answered.
    #[serde(rename = "message.completed")]
    MessageCompleted,
    /// A message could not be answered.
    #[serde(rename = "message.failed")]
    MessageFailed,
    /// Much of a quota, or all of it, is used up.
    #[serde(rename = "quota.threshold")]
    QuotaThreshold,
    /// An API key was made.
    #[serde(rename = "key.created")]
    KeyCreated,
    /// An API key was revoked or deleted.
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    /// Somebody tries whether the endpoint works.
    #[serde(rename = "webhook.test")]
    WebhookTest,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::MessageCompleted,
        Self::MessageFailed,
        Self::QuotaThreshold,
        Self::KeyCreated,
        Self::KeyRevoked,
        Self::WebhookTest,
    ];

    /// Its name in payloads and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessageCompleted => "message.completed",
            Self::MessageFailed => "message.failed",
            Self::QuotaThreshold => "quota.threshold",
            Self::KeyCreated => "key.created",
            Self::KeyRevoked => "key.revoked",
            Self::WebhookTest => "webhook.test",
        }
    }

    /// The kind that [`EventKind::as_str`] names.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of kinds. As JSON, the list of their names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct EventKinds(u8);

impl EventKinds {
    /// No kind.
    pub const NONE: Self = Self(0);

    /// Whether `kind` is one of them.
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds, in the order of [`EventKind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.into_iter().filter(move |&kind| self.contains(kind))
    }
}

impl FromIterator<EventKind> for EventKinds {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }
}

impl fmt::Debug for EventKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for EventKinds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(EventKind::as_str))
    }
}

impl<'de> Deserialize<'de> for EventKinds {
    /// Names that nobody knows are left out.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Ok(names.iter().filter_map(|name| EventKind::from_name(name)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_the_list_of_its_names() {
        let set = EventKinds::from_iter([EventKind::KeyRevoked, EventKind::MessageCompleted]);
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(json, r#"["message.completed","key.revoked"]"#);
        assert_eq!(serde_json::from_str::<EventKinds>(&json).unwrap(), set);
        assert_eq!(serde_json::from_str::<EventKinds>(r#"["of.tomorrow"]"#).unwrap(), EventKinds::NONE);
        assert!(set.contains(EventKind::KeyRevoked) && !set.contains(EventKind::KeyCreated) && !set.is_empty());
        assert_eq!(EventKinds::from_iter(EventKind::ALL).iter().count(), EventKind::ALL.len());
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
