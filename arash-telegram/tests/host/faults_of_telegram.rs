//! Telegram refuses, is slow or says nothing: the answer is there in the end, whole and once.

use std::time::Duration;

use arash_core::testing::{Script, Step};
use arash_fake_telegram::{FakeTelegram, Fault, UserFile};
use serde_json::{Value, json};

use crate::running_bot::{RunningBot, texts};

const WORDS: [&str; 4] = ["One", " two", " three", " four"];

fn slowly() -> Script {
    Script::new(WORDS.iter().flat_map(|word| [Step::say(*word), Step::Pause(Duration::from_millis(1_000))]))
}

#[tokio::test]
async fn each_kind_of_fault_on_each_kind_of_call_leaves_one_whole_answer() {
    let faults = [
        Fault::too_many_requests(2),
        Fault::lost_reply(),
        Fault::reset(),
        Fault::internal_error(),
        Fault::bad_gateway(),
    ];
    let mut running = tokio::task::JoinSet::new();
    for fault in faults {
        for (method, after) in
            [("sendMessage", 0), ("editMessageText", 0), ("editMessageText", 2), ("sendChatAction", 0)]
        {
            let fault = fault.clone().on(method).after(after);
            running.spawn(async move {
                let bot = RunningBot::start().await;
                bot.provider.push(slowly());
                let ann = bot.telegram.person("Ann");
                bot.telegram.fault(fault.clone());
                ann.say("Count");
                assert_eq!(bot.answer(&ann, 1).await.text(), "One two three four", "{fault:?}");
                // What was sent and not confirmed may leave a placeholder behind.
                let whole = texts(&ann).iter().filter(|text| text.as_str() == "One two three four").count();
                assert_eq!(whole, 1, "{fault:?}");
                bot.end().await;
            });
        }
    }
    running.join_all().await;
}

#[tokio::test]
async fn nothing_is_sent_to_a_chat_while_telegram_wants_a_pause() {
    let bot = RunningBot::start().await;
    bot.provider.push(slowly());
    let ann = bot.telegram.person("Ann");
    bot.telegram.fault(Fault::too_many_requests(3).on("editMessageText"));
    ann.say("Count");
    bot.answer(&ann, 1).await;
    let calls = bot.telegram.calls();
    let of_chat: Vec<_> = calls.iter().filter(|call| call.chat_id == Some(ann.chat_id())).collect();
    let refused = of_chat.iter().position(|call| call.refused_with() == Some(429)).unwrap();
    let pause = of_chat[refused + 1].at.since(of_chat[refused].at);
    assert!(pause >= Duration::from_secs(3), "{pause:?}");
    assert_eq!(of_chat.iter().filter(|call| call.refused_with() == Some(429)).count(), 1);
    bot.end().await;
}

#[tokio::test]
async fn formatting_that_telegram_refuses_is_left_out() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::saying("Hello, **Ann**!"));
    let ann = bot.telegram.person("Ann");
    let refusal = "Bad Request: can't parse entities: unsupported start tag";
    bot.telegram.fault(Fault::refusal(400, refusal).on("editMessageText").containing("bold").always());
    ann.say("Hello");
    let answer = bot.answer(&ann, 1).await;
    assert_eq!((answer.text(), answer.formatted().entities.len()), ("Hello, Ann!", 0));
    bot.end().await;
}

#[tokio::test]
async fn a_document_arrives_although_telegram_cannot_be_reached_at_first() {
    for fault in [Fault::reset(), Fault::internal_error(), Fault::too_many_requests(1)] {
        let bot = RunningBot::start().await;
        bot.provider.push(Script::saying("word ".repeat(6_000)));
        let ann = bot.telegram.person("Ann");
        bot.telegram.fault(fault.on("sendDocument"));
        ann.say("Tell me all");
        bot.answer(&ann, 2).await;
        assert!(ann.messages_of_bot()[1].file().is_some());
        bot.end().await;
    }
}

#[tokio::test]
async fn a_chat_that_is_closed_costs_nothing_more() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::say("One"), Step::Hang]));
    let ann = bot.telegram.person("Ann");
    ann.say("Count");
    bot.shows(&ann, "One").await;
    ann.block_bot();
    bot.telegram.until(|_| (bot.provider.running() == 0).then_some(())).await.unwrap();
    ann.unblock_bot();
    bot.provider.push(Script::saying("Here I am"));
    ann.say("Hello?");
    bot.shows(&ann, "Here I am").await;
    assert_eq!(bot.provider.requests()[1].messages.len(), 1, "the conversation was closed");
    bot.end().await;
}

#[tokio::test]
async fn a_topic_that_is_deleted_stops_its_answer() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::say("One"), Step::Hang]));
    let ann = bot.telegram.person("Ann");
    let group = bot.telegram.supergroup("Forum", &[&ann]);
    let topic = group.topic("Here");
    let here = ann.at(&topic);
    here.say("/help");
    let help = bot.answer(&here, 1).await;
    here.reply(help.id, "Count");
    bot.shows(&here, "One").await;
    topic.delete();
    let gone = "Bad Request: message thread not found";
    bot.telegram.fault(Fault::refusal(400, gone).in_chat(group.id()).always());
    bot.telegram.until(|_| (bot.provider.running() == 0).then_some(())).await.unwrap();
    bot.end().await;
}

#[tokio::test]
async fn updates_are_taken_once_whatever_becomes_of_asking_for_them() {
    for fault in [Fault::lost_reply(), Fault::reset(), Fault::bad_gateway(), Fault::too_many_requests(1)] {
        let bot = RunningBot::start().await;
        let ann = bot.telegram.person("Ann");
        bot.telegram.fault(fault.on("getUpdates"));
        ann.say("one");
        bot.answer(&ann, 1).await;
        ann.say("two");
        bot.answer(&ann, 2).await;
        assert_eq!(texts(&ann), ["echo: one", "echo: two"]);
        bot.end().await;
    }
}

#[tokio::test]
async fn a_file_is_asked_for_again() {
    let faults = [Fault::lost_reply(), Fault::reset(), Fault::bad_gateway(), Fault::too_many_requests(1)];
    for (fault, method) in faults.iter().flat_map(|fault| [(fault, "getFile"), (fault, "file")]) {
        let bot = RunningBot::start().await;
        let ann = bot.telegram.person("Ann");
        bot.telegram.fault(fault.clone().on(method).times(2));
        ann.send(UserFile::document("notes.txt", "text/plain", &b"Milk"[..]).caption("What?"));
        assert_eq!(bot.answer(&ann, 1).await.text(), "echo: What?", "{fault:?} {method}");
        bot.end().await;
    }
}

#[tokio::test]
async fn a_file_is_not_asked_for_again_before_telegram_wants_that() {
    let bot = RunningBot::start().await;
    let (ann, ben) = (bot.telegram.person("Ann"), bot.telegram.person("Ben"));
    bot.telegram.fault(Fault::too_many_requests(3).on("getFile"));
    ann.send(UserFile::document("notes.txt", "text/plain", &b"Milk"[..]).caption("What?"));
    bot.answer(&ann, 1).await;
    let asked = bot.telegram.calls_of("getFile");
    let pause = asked[1].at.since(asked[0].at);
    assert!(pause >= Duration::from_secs(3), "{pause:?}");
    bot.telegram.fault(Fault::too_many_requests(4_000).on("getFile"));
    ben.send(UserFile::document("notes.txt", "text/plain", &b"Milk"[..]));
    let said = bot.answer(&ben, 1).await;
    assert_eq!(said.text(), "I could not get your file from Telegram. Please send it again.");
    assert_eq!(bot.telegram.calls_of("getFile").len(), 3, "nobody waits so long");
    bot.end().await;
}

#[tokio::test]
async fn telegram_is_not_called_without_a_pause() {
    let bot = RunningBot::start().await;
    bot.telegram.fault(Fault::too_many_requests(0).on("getUpdates").always());
    let ann = bot.telegram.person("Ann");
    ann.say("one");
    let refused = |telegram: &FakeTelegram| telegram.calls_of("getUpdates").len();
    let before = refused(&bot.telegram);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(refused(&bot.telegram) <= before + 5, "{} calls", refused(&bot.telegram) - before);
    bot.telegram.mend();
    bot.answer(&ann, 1).await;
    bot.end().await;
}

#[tokio::test]
async fn updates_that_come_again_and_again_are_answered_once_and_not_fetched_without_a_pause() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("one");
    bot.answer(&ann, 1).await;
    // Whatever the bot confirms, it is not this.
    bot.telegram.tell(ann.chat_id(), |id| written(id - 1, ann.chat_id()));
    bot.telegram.tell(ann.chat_id(), |id| written(id - 2, ann.chat_id()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = bot.telegram.calls_of("getUpdates").len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let calls = bot.telegram.calls_of("getUpdates").len() - before;
    assert!(calls <= 5, "{calls} calls");
    drop(bot);
}

#[tokio::test]
async fn a_number_that_needs_more_than_31_bits_is_one() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("/start");
    bot.answer(&ann, 1).await;
    bot.telegram.tell(ann.chat_id(), |_| written(3_000_000_000, ann.chat_id()));
    assert_eq!(bot.answer(&ann, 2).await.text(), "echo: hello");
    let confirmed = |telegram: &FakeTelegram| telegram.calls_of("getUpdates").pop()?.payload["offset"].as_i64();
    let at = bot.telegram.until(|telegram| confirmed(telegram).filter(|offset| *offset > 1_000_000_000)).await;
    assert_eq!(at, Some(3_000_000_001));
    bot.end().await;
}

/// A message as Telegram tells it.
fn written(id: i64, chat: i64) -> Value {
    let from = json!({ "id": chat, "is_bot": false, "first_name": "A" });
    json!({ "update_id": id, "message": { "message_id": 1, "date": 0, "text": "hello", "from": from,
        "chat": { "id": chat, "type": "private", "first_name": "A" } } })
}

#[tokio::test]
async fn a_file_that_telegram_does_not_give_is_told() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    bot.telegram.fault(Fault::reset().on("getFile").always());
    ann.send(UserFile::document("notes.txt", "text/plain", &b"Milk"[..]));
    let said = bot.answer(&ann, 1).await;
    assert_eq!(said.text(), "I could not get your file from Telegram. Please send it again.");
    assert_eq!(bot.provider.calls(), 0);
    bot.end().await;
}
