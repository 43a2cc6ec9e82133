use serde::{Deserialize, Serialize};

/// How far the answer to an update has come, as the inbox keeps it: whoever goes on after a crash answers into the same
/// messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    /// How many turns were begun for it and cut off.
    pub(crate) attempt: u32,
    /// The messages of the answer, in their order.
    pub(crate) messages: Vec<i32>,
    /// The answer's document is there.
    pub(crate) has_document: bool,
    /// The chat that the group has become since it was asked: that is where the messages are.
    pub(crate) moved_to: Option<i64>,
}

impl Progress {
    /// What was noted; what cannot be read is nothing.
    pub(crate) fn parse(noted: Option<&str>) -> Self {
        noted.and_then(|noted| serde_json::from_str(noted).ok()).unwrap_or_default()
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_again() {
        let progress = Progress { attempt: 1, messages: vec![7, 8], has_document: true, moved_to: Some(-100) };
        assert_eq!(Progress::parse(Some(&progress.to_json())), progress);
        for odd in [None, Some(""), Some("{}"), Some("7")] {
            assert_eq!(Progress::parse(odd), Progress::default());
        }
    }
}
