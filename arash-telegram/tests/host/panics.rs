//! A defect of the bot itself: whoever asked is told, and nothing stays that seems to go on.

use arash_core::testing::{Script, Step};
use arash_fake_telegram::Fault;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_default;
use tracing::{Event, Metadata, Subscriber};

use crate::running_bot::{RunningBot, texts};

/// Whoever logs these words panics.
struct PanicsAt(&'static str);

impl Visit for PanicsAt {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        assert!(field.name() != "message" || format!("{value:?}") != self.0, "the test says to panic");
    }
}

impl Subscriber for PanicsAt {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Self(self.0));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

const SENTENCE: &str = "Something went wrong on my side. Please try again.";

#[tokio::test]
async fn a_panic_amid_an_answer_makes_a_sentence_of_it_and_stops_the_model() {
    let _panics = set_default(PanicsAt("Telegram asks for a pause"));
    let bot = RunningBot::start().await;
    bot.telegram.fault(Fault::too_many_requests(1).on("editMessageText").after(1));
    let pause = || Step::Pause(std::time::Duration::from_secs(2));
    bot.provider.push(Script::new([Step::say("One"), pause(), Step::say(" two"), Step::Hang]));
    let ann = bot.telegram.person("Ann");
    ann.say("Count");
    bot.shows(&ann, "One").await;
    assert_eq!(bot.answer(&ann, 1).await.text(), SENTENCE);
    assert_eq!(texts(&ann), [SENTENCE]);
    bot.telegram.until(|_| (bot.provider.running() == 0).then_some(())).await.unwrap();
    bot.provider.push(Script::saying("Here I am"));
    ann.say("Hello?");
    bot.shows(&ann, "Here I am").await;
    bot.end().await;
}

#[tokio::test]
async fn of_several_messages_one_is_left() {
    let _panics = set_default(PanicsAt("an answer is shown without a rich message"));
    let bot = RunningBot::start_with(|args| args.telegram_rich_messages = Some("true".to_owned())).await;
    bot.telegram
        .fault(Fault::refusal(400, "Bad Request: no").on("editMessageText").containing("rich_message").always());
    let long = "word ".repeat(1_000);
    let pause = || Step::Pause(std::time::Duration::from_secs(6));
    bot.provider.push(Script::new([Step::say(long), pause(), Step::say("end")]));
    let ann = bot.telegram.person("Ann");
    ann.say("Tell me much");
    bot.telegram.until(|_| (texts(&ann).len() == 2).then_some(())).await.unwrap();
    bot.shows(&ann, SENTENCE).await;
    bot.telegram.until(|_| (texts(&ann) == [SENTENCE]).then_some(())).await.unwrap();
    bot.end().await;
}
