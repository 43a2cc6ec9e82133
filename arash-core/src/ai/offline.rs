use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;

use crate::ai::given_name::{asks_for_name, given_name};
use crate::ai::{AiError, AiProvider, ChatDelta, ChatReply, ChatRequest, ChatStream};
use crate::message::Role;

/// The model that [`Offline`] answers as.
pub const OFFLINE_MODEL: &str = "offline/assistant";

/// Longest part of a message that is quoted, in characters.
const MAX_QUOTE_CHARS: usize = 120;

/// The provider that needs no account and no network.
///
/// It says that it is the offline assistant, quotes the message, remembers the name that the user gave, and
/// counts the session's messages; in Persian when it is written to in Persian. The same request always gets
/// the same answer. It streams word by word and leaves the count of tokens to the engine.
///
/// ```
/// use arash_core::ai::{AiProvider, ChatRequest, OFFLINE_MODEL, Offline};
/// use arash_core::clock::Timestamp;
/// use arash_core::message::{Message, Role};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), arash_core::ai::AiError> {
/// let hello = Message::new(Role::User, "I am Sara", Timestamp::from_millis(0));
/// let request = ChatRequest::new(OFFLINE_MODEL.into(), vec![hello.into()]);
/// let reply = Offline::new().complete(request).await?;
/// assert!(reply.text.starts_with("Nice to meet you, Sara."));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Offline {
    pause: Duration,
}

impl Offline {
    /// Answers at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for `pause` before each further word of a stream, to show or to test how streams look.
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }
}

#[async_trait]
impl AiProvider for Offline {
    fn name(&self) -> &'static str {
        "offline"
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        let answer = answer(&request);
        let words: Vec<String> = answer.split_inclusive(' ').map(str::to_owned).collect();
        let pause = self.pause;
        let words = stream::unfold(words.into_iter().enumerate(), move |mut words| async move {
            let (index, word) = words.next()?;
            if index > 0 && !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Some((Ok(ChatDelta::Text(word)), words))
        });
        Ok(Box::pin(words))
    }

    async fn complete(&self, request: ChatRequest) -> Result<ChatReply, AiError> {
        Ok(ChatReply { text: answer(&request), ..ChatReply::default() })
    }
}

/// What is said, before it is put in words of a language.
enum Saying {
    /// The user gave this name.
    Greeting(String),
    /// The user asked for the name, which is this if one was given.
    Name(Option<String>),
    /// Anything else, to be quoted.
    Quote(String),
    /// There is no text.
    Nothing,
}

fn answer(request: &ChatRequest) -> String {
    let newest = request.newest().map(|message| &*message.text).unwrap_or_default();
    let saying = if asks_for_name(newest) {
        Saying::Name(name_of_user(request))
    } else if let Some(name) = given_name(newest) {
        Saying::Greeting(name)
    } else if newest.trim().is_empty() {
        Saying::Nothing
    } else {
        Saying::Quote(quote(newest))
    };
    let (files, count) = (request.attachments.len(), request.message_count);
    if is_persian(newest) { in_persian(&saying, files, count) } else { in_english(&saying, files, count) }
}

/// The name that the user gave last.
fn name_of_user(request: &ChatRequest) -> Option<String> {
    request.messages.iter().rev().filter(|message| message.role == Role::User).find_map(|m| given_name(&m.text))
}

fn in_english(saying: &Saying, files: usize, count: u64) -> String {
    let first = match saying {
        Saying::Greeting(name) => format!("Nice to meet you, {name}. "),
        Saying::Name(Some(name)) => format!("Your name is {name}. "),
        Saying::Name(None) => "You have not told me your name yet. ".to_owned(),
        Saying::Quote(text) => format!("You wrote: “{text}”. "),
        Saying::Nothing => String::new(),
    };
    let attached = match files {
        0 => String::new(),
        1 => "I cannot open the attachment. ".to_owned(),
        _ => format!("I cannot open the {files} attachments. "),
    };
    let messages = if count == 1 { "message" } else { "messages" };
    format!(
        "{first}{attached}I am the offline assistant, no AI model is connected. \
         You have sent {count} {messages} in this session."
    )
}

fn in_persian(saying: &Saying, files: usize, count: u64) -> String {
    let first = match saying {
        Saying::Greeting(name) => format!("از آشنایی با شما خوشحالم، {name}. "),
        Saying::Name(Some(name)) => format!("نام شما {name} است. "),
        Saying::Name(None) => "هنوز نامتان را به من نگفته‌اید. ".to_owned(),
        Saying::Quote(text) => format!("شما نوشتید: «{text}». "),
        Saying::Nothing => String::new(),
    };
    let attached = if files == 0 {
        String::new()
    } else {
        format!("نمی‌توانم {files} پیوست شما را باز کنم. ")
    };
    format!(
        "{first}{attached}من دستیار آفلاین هستم و به هیچ مدل هوش مصنوعی وصل نیستم. \
         شما در این گفتگو {count} پیام فرستاده‌اید."
    )
}

/// The text on one line, cut when it is long.
fn quote(text: &str) -> String {
    let mut quoted = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        for letter in (length > 0).then_some(' ').into_iter().chain(word.chars()) {
            if length == MAX_QUOTE_CHARS {
                quoted.push('…');
                return quoted;
            }
            quoted.push(letter);
            length += 1;
        }
    }
    quoted
}

/// Whether more letters of the text are of the Arabic script, in which Persian is written, than of others.
fn is_persian(text: &str) -> bool {
    let is_arabic = |letter: &char| matches!(letter, '\u{0600}'..='\u{06ff}' | '\u{fb50}'..='\u{feff}');
    let letters = || text.chars().filter(|letter| letter.is_alphabetic());
    letters().filter(is_arabic).count() * 2 > letters().count()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use futures_util::StreamExt;

    use super::*;
    use crate::clock::Timestamp;
    use crate::message::{Attachment, AttachmentSource, Message, MessageKind};

    const TAIL: &str = "I am the offline assistant, no AI model is connected. You have sent";

    fn session(lines: &[(Role, &str)]) -> ChatRequest {
        let message = |(role, text): &(Role, &str)| Arc::new(Message::new(*role, *text, Timestamp::from_millis(0)));
        ChatRequest::new(OFFLINE_MODEL.into(), lines.iter().map(message).collect())
    }

    fn user(text: &str) -> ChatRequest {
        session(&[(Role::User, text)])
    }

    #[test]
    fn a_message_is_quoted_and_counted() {
        let mut request = user("tell me\na story");
        assert_eq!(answer(&request), format!("You wrote: “tell me a story”. {TAIL} 1 message in this session."));
        request.message_count = 40;
        assert!(answer(&request).ends_with("You have sent 40 messages in this session."));
    }

    #[test]
    fn a_long_message_is_cut() {
        assert_eq!(quote(&"آ".repeat(5000)).chars().count(), MAX_QUOTE_CHARS + 1);
        assert_eq!(quote(&"a ".repeat(60)).chars().count(), 119, "an exact fit has no dots");
    }

    #[test]
    fn the_name_is_remembered_from_what_the_user_said() {
        let mut lines = vec![
            (Role::User, "Hello, my name is Sara."),
            (Role::Assistant, "I am Botty."),
            (Role::User, "tell me a story"),
            (Role::User, "What is my name?"),
        ];
        assert_eq!(answer(&session(&lines)), format!("Your name is Sara. {TAIL} 3 messages in this session."));
        lines.remove(0);
        assert!(answer(&session(&lines)).starts_with("You have not told me your name yet."));
        assert!(answer(&user("I am Ali. What's my name?")).starts_with("Your name is Ali."));
    }

    #[test]
    fn persian_is_answered_in_persian() {
        let lines = [(Role::User, "من سارا هستم"), (Role::User, "اسم من چیست؟")];
        let said = answer(&session(&lines));
        assert!(said.starts_with("نام شما سارا است. من دستیار آفلاین هستم"), "{said}");
        assert!(said.contains("2 پیام"), "{said}");
        assert!(answer(&user("یک داستان بگو")).starts_with("شما نوشتید: «یک داستان بگو»."));
    }

    #[test]
    fn attachments_are_mentioned() {
        let source = AttachmentSource::Inline(Bytes::from_static(b"x"));
        let image = Attachment { kind: MessageKind::Image, media_type: None, source };
        let mut request = user("");
        request.attachments.push(image.clone());
        assert_eq!(answer(&request), format!("I cannot open the attachment. {TAIL} 1 message in this session."));
        request.attachments.push(image);
        assert!(answer(&request).starts_with("I cannot open the 2 attachments."));
    }

    #[test]
    fn an_empty_request_is_answered() {
        assert!(answer(&session(&[])).starts_with("I am the offline assistant"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_the_whole_answer_word_by_word() {
        let (provider, request) = (Offline::new().with_pause(Duration::from_millis(50)), user("tell me  a story"));
        let whole = provider.complete(request.clone()).await.unwrap();
        let start = tokio::time::Instant::now();
        let deltas: Vec<ChatDelta> = provider.stream(request).await.unwrap().map(Result::unwrap).collect().await;
        let words: Vec<&str> = whole.text.split_inclusive(' ').collect();
        assert_eq!(deltas, words.iter().map(|word| ChatDelta::Text((*word).to_owned())).collect::<Vec<_>>());
        assert_eq!(start.elapsed(), Duration::from_millis(50) * (words.len() as u32 - 1));
        assert_eq!(whole.usage, None);
    }
}
