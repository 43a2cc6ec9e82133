use crate::ai::{ChatRequest, ToolSpec};
use crate::message::{Message, MessageKind};

/// What a message costs beside its text: its role and what separates it from the next.
const TOKENS_PER_MESSAGE: u64 = 4;
/// What a tool costs beside its schema: the words around it.
const TOKENS_PER_TOOL: u64 = 16;
/// What a picture costs at most, whatever its size: a model sees it in tiles or patches whose number is bounded, which
/// makes 258 to 2,489 tokens with the models of the large providers (GPT-4o 1,445, GPT-4.1 mini 2,489, Claude some
/// 1,600). A few small models count a multiple of that at a lower price.
const TOKENS_PER_IMAGE: u64 = 2_500;

/// At most about how many tokens a text has, for providers that do not say.
///
/// Counted by letters, and by the two common vocabularies of byte pairs, `cl100k_base` and `o200k_base`, the first of
/// which takes more tokens for nearly everything. No token is shorter than a byte, so a character of which nothing else
/// is known counts its bytes: Persian digits, rare letters of Arabic script and vowel marks do take a token for each of
/// their two bytes. The common letters of Arabic, Persian and Cyrillic are one token each at most. Small English letters
/// and spaces count half, although words are about four to a token: random ones take so many. The often-used "four
/// characters a token" is below the truth for all scripts but Latin.
pub fn estimate_tokens(text: &str) -> u64 {
    let mut letters = text.chars().peekable();
    let mut halves = 0;
    while let Some(letter) = letters.next() {
        halves += match letter {
            'a'..='z' => 1,
            // It is mostly part of the word after it, but not with every letter.
            ' ' if letters.peek().is_none_or(char::is_ascii) => 1,
            _ if letter.is_ascii() || is_one_token(letter) => 2,
            _ => 2 * letter.len_utf8() as u64,
        };
    }
    halves.div_ceil(2)
}

/// Whether a letter that is not ASCII is one token by itself in both vocabularies.
fn is_one_token(letter: char) -> bool {
    matches!(
        letter,
        '\u{60c}' | '\u{623}' | '\u{625}' | '\u{627}'..='\u{63a}' | '\u{641}'..='\u{64a}' | '\u{64e}'..='\u{652}'
            // The letters that Persian adds, but for the rare ones.
            | 'پ' | 'ک' | 'گ' | 'ی'
            | 'а'..='я'
    )
}

/// At most about how many tokens a message has, without what is attached to it.
pub(crate) fn estimate_message(message: &Message) -> u64 {
    let calls = message.tool_calls.iter().map(|call| {
        estimate_tokens(&call.id) + estimate_tokens(&call.name) + estimate_tokens(&call.arguments) + TOKENS_PER_MESSAGE
    });
    let answered = message.tool_call_id.as_deref().map_or(0, estimate_tokens);
    estimate_tokens(&message.text) + TOKENS_PER_MESSAGE + answered + calls.sum::<u64>()
}

fn estimate_tool(tool: &ToolSpec) -> u64 {
    let schema = tool.parameters.to_string();
    estimate_tokens(&tool.name) + estimate_tokens(&tool.description) + estimate_tokens(&schema) + TOKENS_PER_TOOL
}

impl ChatRequest {
    /// At most about how many tokens it has as a prompt: messages, tools, and a flat 2,500 for each picture. Sound and
    /// documents are not counted: their size says nothing of what is in them.
    pub fn estimate_tokens(&self) -> u64 {
        let messages = self.messages.iter().map(|message| estimate_message(message)).sum::<u64>();
        let tools = self.tools.iter().map(estimate_tool).sum::<u64>();
        let pictures = self.attachments.iter().filter(|shown| shown.kind == MessageKind::Image).count() as u64;
        messages + tools + pictures * TOKENS_PER_IMAGE
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;
    use crate::message::{Attachment, AttachmentSource, Role};

    /// Texts with their true counts in `cl100k_base` and `o200k_base`, by the npm package `gpt-tokenizer`, whose
    /// vocabularies are OpenAI's own.
    const COUNTED: [(&str, u64, u64); 15] = [
        ("سلام، حال شما چطور است؟ امروز هوا در تهران آفتابی است و من می‌خواهم به بازار بروم تا میوه بخرم.", 64, 33),
        ("مرحبا، كيف حالك اليوم؟ الطقس جميل في القاهرة وأريد أن أذهب إلى السوق لأشتري الفاكهة.", 62, 27),
        ("۰۱۲۳۴۵۶۷۸۹ ۱۴۰۴/۰۸/۳۰", 39, 18),
        ("پچژگ ژاله گچ پژمرده چکش ژرف", 31, 15),
        ("بِسْمِ ٱللَّهِ ٱلرَّحْمَٰنِ ٱلرَّحِيمِ", 42, 31),
        ("می‌خواهم نمی‌توانم کتاب‌ها خانه‌های", 28, 11),
        ("ـــــ سـلام", 15, 5),
        ("و و و و و و", 6, 6),
        ("ﷺ ﷲ ﻻ ﻼ", 12, 11),
        ("Привет, как дела сегодня? Я хотел бы узнать погоду.", 27, 14),
        ("你好，今天天气怎么样？", 13, 7),
        ("😀🎉👍🏽🇮🇷", 17, 10),
        (
            "The quick brown fox jumps over the lazy dog. How are you today? I would like to know what the weather is.",
            25,
            25,
        ),
        ("fn main() { let x: Vec<u8> = vec![1, 2, 3]; println!(\"{:?}\", x); }", 29, 29),
        ("aGVsbG8gd29ybGQgdGhpcyBpcyBhIHRlc3Q9PSBaWDFqUTJ6", 34, 31),
    ];

    #[test]
    fn no_text_has_more_tokens_than_estimated() {
        for (text, cl100k, o200k) in COUNTED {
            let estimate = estimate_tokens(text);
            assert!(estimate >= cl100k.max(o200k), "{text}: {estimate} for {cl100k} and {o200k}");
            assert!(estimate <= 3 * cl100k, "{text}: {estimate} for {cl100k}");
        }
    }

    #[test]
    fn tools_calls_and_pictures_count() {
        let now = Timestamp::default();
        let mut request = ChatRequest::new("m".into(), vec![Arc::new(Message::new(Role::User, "look", now))]);
        assert_eq!(request.estimate_tokens(), 2 + 4);
        let source = AttachmentSource::Inline(Bytes::from_static(b"x"));
        let picture = Attachment { kind: MessageKind::Image, media_type: None, source };
        request.attachments = vec![picture.clone(), picture.clone()];
        assert_eq!(request.estimate_tokens(), 6 + 5_000);
        let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let schema = estimate_tokens(&parameters.to_string());
        let tool = ToolSpec { name: "weather".to_owned(), description: "Tells it.".to_owned(), parameters };
        request.tools = vec![tool].into();
        assert_eq!(request.estimate_tokens(), 5_006 + schema + 4 + 6 + 16);

        let call =
            crate::message::ToolCall { id: "c1".to_owned(), name: "abcd".to_owned(), arguments: "{}".to_owned() };
        assert_eq!(estimate_message(&Message::calling("", vec![call], now)), 4 + 2 + 2 + 2 + 4);
    }

    proptest! {
        #[test]
        fn an_estimate_is_within_the_bounds_of_bytes(text in any::<String>(), more in any::<String>()) {
            let (one, both) = (estimate_tokens(&text), estimate_tokens(&format!("{text}{more}")));
            prop_assert!(one <= text.len() as u64 && 4 * one >= text.len() as u64);
            prop_assert!(both <= one + estimate_tokens(&more) + 1);
        }
    }
}
