//! What the fake Bot API server tells is read as what its people did.

use arash_fake_telegram::{FakeTelegram, FileKind, Status, UserFile};
use serde_json::Value;

use super::samples;
use crate::incoming::{BotInfo, HostCommand, Incoming, Media, Standing, Unsupported};

struct Stage {
    telegram: FakeTelegram,
    bot: BotInfo,
}

impl Stage {
    async fn new() -> Self {
        let telegram = FakeTelegram::start().await.unwrap();
        let stage = Self { bot: samples::bot(), telegram };
        let me = stage.ask("getMe").await;
        let username = me["username"].as_str().unwrap().to_owned();
        let bot = BotInfo { id: me["id"].as_u64().unwrap(), username, ..stage.bot };
        Self { bot, ..stage }
    }

    async fn ask(&self, method: &str) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("{}/bot{}/{method}", self.telegram.url(), self.telegram.token());
        let answer: Value =
            serde_json::from_str(&client.get(address).send().await.unwrap().text().await.unwrap()).unwrap();
        answer["result"].clone()
    }

    /// The meaning of everything since the beginning.
    async fn told(&self) -> Vec<Incoming> {
        let updates = self.ask("getUpdates").await;
        let parse = |update: &Value| Incoming::parse(&update.to_string(), &self.bot);
        updates.as_array().unwrap().iter().map(parse).collect()
    }
}

fn asked(incoming: &Incoming) -> String {
    match incoming {
        Incoming::Ask(ask) => format!("{}: {}", ask.origin.lane, ask.text),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn in_private() {
    let stage = Stage::new().await;
    let ann = stage.telegram.person_speaking("Ann", "fa");
    let first = ann.say("/start");
    ann.reply(first, "why?");
    ann.edit(first, "/help").unwrap();
    ann.say("/stop it");
    ann.send(UserFile::document("a.pdf", "application/pdf", *b"%PDF").caption("read"));
    ann.send(UserFile::voice(*b"Ogg", 3));
    ann.send(UserFile::new(FileKind::Video, "a.mp4", *b"mp4"));
    ann.send_album(vec![UserFile::photo(*b"one").caption("both"), UserFile::photo(*b"two")]);
    ann.block_bot();
    let told = stage.told().await;
    let mut told =
        told.iter().filter(|told| !matches!(told, Incoming::Membership(now) if now.standing == Standing::Unblocked));
    let mut next = || told.next().unwrap();
    assert_eq!(asked(next()), format!("{}: /start", ann.id()));
    let Incoming::Ask(reply) = next() else { panic!() };
    assert_eq!((&*reply.prompt(&[]), reply.origin.language.as_deref()), ("> /start\n\nwhy?", Some("fa")));
    assert!(matches!(next(), Incoming::Edit(edit) if edit.text == "/help" && edit.is_command));
    assert!(matches!(next(), Incoming::Command(call) if call.command == HostCommand::Stop));
    let mut media = || match next() {
        Incoming::Ask(ask) => (ask.text.clone(), ask.media[0].clone(), ask.album.clone()),
        other => panic!("{other:?}"),
    };
    assert!(matches!(media(), (text, Media::Document(file), None)
        if text == "read" && file.media_type.as_deref() == Some("application/pdf") && file.size == Some(4)));
    assert!(matches!(media(), (_, Media::Voice(file), None) if file.seconds == Some(3)));
    assert!(matches!(media(), (_, Media::Unsupported(Unsupported::Video), None)));
    let ((caption, _, album), (_, second, same)) = (media(), media());
    assert_eq!((caption.as_str(), &album), ("both", &same));
    assert!(album.is_some() && matches!(second, Media::Photo(_)));
    assert!(matches!(next(), Incoming::Membership(now) if now.standing == Standing::Blocked));
}

#[tokio::test]
async fn in_groups() {
    let stage = Stage::new().await;
    let ann = stage.telegram.person("Ann");
    let group = stage.telegram.supergroup("Forum", &[&ann]);
    let topic = group.topic("Rust");
    let name = stage.bot.username.clone();
    ann.at(&topic).say(&format!("/help@{name}"));
    ann.at(&group).say("/help");
    topic.close();
    topic.reopen();
    group.set_bot(Status::Administrator);
    ann.at(&group).say(&format!("hi @{name}"));
    group.set_bot(Status::Kicked);
    let told = stage.told().await;
    let (lane, chat) = (format!("{}:{}", group.id(), topic.id()), group.id());
    let of_ann: Vec<String> = told.iter().filter(|told| matches!(told, Incoming::Ask(_))).map(asked).collect();
    assert_eq!(of_ann, [format!("{lane}: /help"), format!("{chat}: /help"), format!("{chat}: hi")]);
    let topics: Vec<(String, bool)> = told
        .iter()
        .filter_map(|told| match told {
            Incoming::Topic { lane, is_open } => Some((lane.to_string(), *is_open)),
            _ => None,
        })
        .collect();
    assert_eq!(topics, [(lane.clone(), false), (lane, true)]);
    assert!(matches!(told.last(), Some(Incoming::Membership(now)) if now.standing == Standing::Kicked));
}

#[tokio::test]
async fn a_group_moves() {
    let stage = Stage::new().await;
    let ann = stage.telegram.person("Ann");
    let group = stage.telegram.group("Friends", &[&ann]);
    let moved = group.migrate();
    let moves = stage.told().await.into_iter().filter(|told| matches!(told, Incoming::Migrated { .. }));
    let expected = Incoming::Migrated { from: group.id(), to: moved.id() };
    assert_eq!(moves.collect::<Vec<_>>(), [expected.clone(), expected]);
}
