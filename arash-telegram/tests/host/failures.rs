//! What a person is told when something fails.

use std::time::Duration;

use arash_core::ai::AiErrorKind;
use arash_core::testing::{Script, Step};
use arash_fake_telegram::{FakeTelegram, Fault, UserFile};

use crate::running_bot::{RunningBot, texts};

#[tokio::test]
async fn a_failing_service_is_told_in_one_sentence_of_each_language() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::failing(AiErrorKind::Failed));
    let mut sentences = Vec::new();
    for language in ["en", "fa", "ru"] {
        let person = bot.telegram.person_speaking("Somebody", language);
        person.say("Hello");
        let said = bot.answer(&person, 1).await;
        assert!(!said.text().contains('\n') && texts(&person).len() == 1, "{}", said.text());
        sentences.push(said.text().to_owned());
    }
    sentences.dedup();
    assert_eq!(sentences.len(), 3, "{sentences:?}");
    bot.end().await;
}

#[tokio::test]
async fn a_provider_that_panics_costs_one_answer() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::Panic]));
    bot.provider.push(Script::new([Step::say("One two"), Step::Panic]));
    bot.provider.push(Script::saying("Here I am"));
    let ann = bot.telegram.person("Ann");
    ann.say("First");
    assert_eq!(bot.answer(&ann, 1).await.text(), "Something went wrong on my side. Please try again.");
    ann.say("Second");
    assert!(bot.answer(&ann, 2).await.text().starts_with("One two\n\nThe answer broke off"));
    ann.say("Third");
    assert_eq!(bot.answer(&ann, 3).await.text(), "Here I am");
    bot.end().await;
}

#[tokio::test]
async fn administrators_are_told_once_and_nobody_waits_for_them() {
    let telegram = FakeTelegram::start().await.unwrap();
    let (admin, ann) = (telegram.person("Admin"), telegram.person("Ann"));
    admin.say("/start");
    let bot = RunningBot::start_on(telegram, |args| args.telegram_admin_users = Some(admin.id().to_string())).await;
    bot.answer(&admin, 1).await;
    bot.telegram.fault(Fault::too_many_requests(8).on("sendMessage").in_chat(admin.chat_id()));
    bot.provider.push(Script::failing(AiErrorKind::Failed));
    for number in 1..=2 {
        ann.say("Hello");
        let answered = tokio::time::timeout(Duration::from_secs(4), bot.answer(&ann, number)).await;
        assert!(answered.is_ok(), "the administrator's chat holds back that of others");
    }
    let told = bot.answer(&admin, 2).await;
    assert_eq!(told.text(), "1 message could not be answered. The AI service is failing.");
    assert_eq!(texts(&admin).len(), 2);
    bot.end().await;
}

#[tokio::test]
async fn who_writes_too_much_is_told_once() {
    let bot = RunningBot::start_with(|args| args.telegram_rate_limit = Some("1".to_owned())).await;
    let ann = bot.telegram.person("Ann");
    for text in ["one", "two", "three", "four"] {
        ann.say(text);
    }
    bot.answer(&ann, 2).await;
    bot.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    ann.say("/stop");
    bot.answer(&ann, 3).await;
    let texts = texts(&ann);
    assert_eq!(texts.iter().filter(|text| text.contains("a bit fast for me")).count(), 1, "{texts:?}");
    assert_eq!((texts.len(), bot.provider.calls()), (3, 1), "{texts:?}");
    bot.end().await;
}

#[tokio::test]
async fn a_message_longer_than_the_engine_takes_is_no_defect() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    ann.say(&"word ".repeat(8_000));
    let said = bot.answer(&ann, 1).await;
    assert!(!said.text().contains("Something went wrong"), "{}", said.text());
    assert!(texts(&ann).len() == 1 && bot.provider.calls() <= 1, "it is one turn");
    bot.end().await;
}

#[tokio::test]
async fn what_the_model_cannot_make_anything_of_is_named() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::failing(AiErrorKind::Attachment));
    let cases = [
        (UserFile::voice(&b"OggS"[..], 3), "I can't listen to voice messages here. Please write it to me."),
        (UserFile::photo(&b"\xff\xd8\xff"[..]), "I can't look at pictures here. Please describe it in words."),
    ];
    for (file, sentence) in cases {
        let person = bot.telegram.person("Ann");
        person.send(file);
        assert_eq!(bot.answer(&person, 1).await.text(), sentence);
    }
    bot.end().await;
}

#[tokio::test]
async fn a_text_that_is_too_long_is_told_to_be_so_whatever_is_attached() {
    let bot = RunningBot::start().await;
    // An album whose parts all have a caption, in letters of four bytes.
    let caption = "😀".repeat(1_024);
    let photo = UserFile::photo(&b"\xff\xd8\xff"[..]);
    let note = UserFile::document("notes.txt", "text/plain", &b"Milk"[..]);
    for file in [photo, note] {
        let person = bot.telegram.person("Ann");
        person.send_album(vec![file.caption(&caption); 9]);
        let said = bot.answer(&person, 1).await;
        assert!(said.text().starts_with("This conversation has become too long"), "{}", said.text());
    }
    assert_eq!(bot.provider.calls(), 0);
    bot.end().await;
}

#[tokio::test]
async fn of_who_writes_too_much_nothing_is_fetched() {
    let bot = RunningBot::start_with(|args| args.telegram_rate_limit = Some("1".to_owned())).await;
    let (ann, ben) = (bot.telegram.person("Ann"), bot.telegram.person("Ben"));
    let note = |text: &str| UserFile::document("notes.txt", "text/plain", &b"Milk"[..]).caption(text);
    ann.send(note("one"));
    bot.shows(&ann, "echo: one").await;
    for _ in 0..3 {
        ann.send(note("more"));
    }
    ben.send(note("two"));
    bot.shows(&ben, "echo: two").await;
    bot.answer(&ann, 2).await;
    ann.say("/stop");
    bot.answer(&ann, 3).await;
    let texts = texts(&ann);
    assert_eq!(texts.iter().filter(|text| text.contains("a bit fast for me")).count(), 1, "{texts:?}");
    assert_eq!(bot.telegram.calls_of("getFile").len(), 2, "one of each");
    bot.end().await;
}
