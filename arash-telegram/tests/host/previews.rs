//! An answer while it is written: at a pace, without repetition, over several messages.

use std::time::Duration;

use arash_core::testing::{Script, Step};
use arash_fake_telegram::{Call, FakeTelegram, Person, Settings};

use crate::running_bot::{RunningBot, texts};

/// So many words, one each 100 milliseconds.
fn words(count: usize, word: &str) -> Script {
    let pause = || Step::Pause(Duration::from_millis(100));
    Script::new((0..count).flat_map(|number| [Step::say(format!("{word}{number} ")), pause()]))
}

/// The changes of messages in this chat.
fn edits(bot: &RunningBot, person: &Person) -> Vec<Call> {
    let calls = bot.telegram.calls_of("editMessageText").into_iter();
    calls.filter(|call| call.chat_id == Some(person.chat_id())).collect()
}

#[tokio::test]
async fn an_answer_grows_at_the_pace_of_its_chat_and_never_by_nothing() {
    let telegram = FakeTelegram::start_with(Settings { has_privacy: false, ..Settings::default() }).await.unwrap();
    let bot = RunningBot::start_on(telegram, |_| {}).await;
    let ann = bot.telegram.person("Ann");
    let in_group = ann.at(&bot.telegram.group("Friends", &[&ann]));
    bot.provider.push(words(120, "word"));
    ann.say("Tell me");
    in_group.say("@arash_test_bot tell us");
    bot.answer(&ann, 1).await;
    bot.answer(&in_group, 1).await;
    // Less by what the way of one may take longer than that of the next.
    for (person, pace) in [(&ann, 1_000 - 100), (&in_group, 3_000 - 100)] {
        let edits = edits(&bot, person);
        assert!(edits.len() >= 3, "it is seen while it grows: {edits:?}");
        // The last one is the final, which waits for no pace.
        for pair in edits[..edits.len() - 1].windows(2) {
            assert_ne!(pair[0].payload, pair[1].payload);
            let pause = pair[1].at.since(pair[0].at);
            assert!(pause >= Duration::from_millis(pace), "{pause:?}");
        }
    }
    assert!(bot.telegram.calls().iter().all(|call| call.refused_with().is_none()));
    bot.end().await;
}

#[tokio::test]
async fn while_it_grows_only_the_last_of_its_messages_can_be_stopped() {
    let bot = RunningBot::start().await;
    let part = "word ".repeat(1_000);
    bot.provider.push(Script::new([Step::say(part.clone()), Step::Pause(Duration::from_secs(8)), Step::say("end")]));
    let ann = bot.telegram.person("Ann");
    ann.say("Tell me much");
    // The second one is empty at first.
    let two = || Some(ann.messages_of_bot()).filter(|seen| seen.len() == 2 && seen[1].text() != "…");
    let seen = bot.telegram.until(|_| two()).await.unwrap();
    assert_eq!(seen.iter().map(|message| message.keyboard.is_null()).collect::<Vec<_>>(), [true, false]);
    bot.answer(&ann, 2).await;
    assert_eq!(texts(&ann).join(" ").split_whitespace().count(), 1_001);
    bot.end().await;
}

#[tokio::test]
async fn a_message_that_was_deleted_meanwhile_is_replaced() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::say("One"), Step::Pause(Duration::from_secs(3)), Step::say(" two")]));
    let ann = bot.telegram.person("Ann");
    ann.say("Count");
    let preview = bot.shows(&ann, "One").await;
    ann.delete(preview.id);
    let answer = bot.answer(&ann, 1).await;
    assert!(answer.text() == "One two" && answer.id != preview.id);
    bot.end().await;
}
