use crate::message::Message;

/// What a message costs beside its text: its role and what separates it from the next.
const TOKENS_PER_MESSAGE: u64 = 4;

/// About how many tokens a text has, for providers that do not say: one for every two bytes, rounded up.
///
/// Meant as an upper bound. English has some four bytes to a token; Persian and Arabic, whose letters take
/// two bytes each, come closest to the bound, which the often-used "four characters a token" is far below.
pub fn estimate_tokens(text: &str) -> u64 {
    text.len().div_ceil(2) as u64
}

/// About how many tokens these messages have as a prompt.
pub(crate) fn estimate_prompt<'a>(messages: impl IntoIterator<Item = &'a Message>) -> u64 {
    messages.into_iter().map(|message| estimate_tokens(&message.text) + TOKENS_PER_MESSAGE).sum()
}
