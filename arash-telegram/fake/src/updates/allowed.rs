//! Which kinds of updates a bot wants.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::transport::Parameters;

/// What comes unless it is asked for by name.
const DEFAULT: &[&str] = &[
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "inline_query",
    "chosen_inline_result",
    "callback_query",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
];
const BY_NAME: &[&str] = &["chat_member", "message_reaction", "message_reaction_count"];

/// The kinds that the bot wants; remembered from call to call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Allowed(Option<BTreeSet<String>>);

impl Allowed {
    /// Takes what a call says; one that says nothing, or nothing that can be understood, changes nothing.
    pub(super) fn update(&mut self, parameters: &Parameters) {
        let Ok(Some(Value::Array(names))) = parameters.json("allowed_updates", "allowed updates") else { return };
        let Some(names) = names.iter().map(Value::as_str).collect::<Option<Vec<_>>>() else { return };
        let known = |name: &String| DEFAULT.contains(&name.as_str()) || BY_NAME.contains(&name.as_str());
        let names: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).filter(known).collect();
        self.0 = Some(names).filter(|names| !names.is_empty());
    }

    pub(super) fn allows(&self, kind: &str) -> bool {
        match &self.0 {
            Some(names) => names.contains(kind),
            None => DEFAULT.contains(&kind),
        }
    }

    pub(super) fn names(&self) -> Option<&BTreeSet<String>> {
        self.0.as_ref()
    }
}
