//! Several chats that ask, a program that comes and goes, and what has to be true of that in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::time::Duration;

use arash_fake_telegram::FakeTelegram;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::conversation::{Conversation, Seen};
use crate::database::{Contents, Database};
use crate::program::program;
use crate::random::Random;
use crate::upstream::Upstream;

const CHATS: usize = 16;
/// In so many of them answers are stopped.
const CHATS_WITH_STOPS: usize = 4;
/// How long the last program may take for what was left to it.
const LAST_ANSWERS: Duration = Duration::from_secs(150);

/// How the program gets its updates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Polling,
    Webhook,
}

pub(crate) struct Scene {
    pub(crate) telegram: FakeTelegram,
    pub(crate) database: Database,
    random: Random,
    upstream: Upstream,
    source: Source,
    /// The same for each program, because the webhook names it.
    port: u16,
    chats: Vec<Conversation>,
}

impl Scene {
    pub(crate) async fn new(source: Source) -> Self {
        Self::on(Database::sqlite(), source).await
    }

    pub(crate) async fn on(database: Database, source: Source) -> Self {
        let telegram = FakeTelegram::start().await.unwrap();
        let person = |number: usize| telegram.person(&format!("Person {number}"));
        let chats: Vec<_> = (0..CHATS).map(|number| Conversation::new(person(number), number)).collect();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self {
            telegram,
            database,
            random: Random::seeded("TELEGRAM_CRASH_SEED"),
            upstream: Upstream::start().await,
            source,
            port,
            chats,
        }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = program(self.database.folder(), &self.telegram);
        command.env("DATABASE_URL", self.database.url()).env("API_PORT", self.port.to_string());
        command.env("AI_PROVIDER", "openai").env("AI_SERVICE_URL", self.upstream.url());
        command.env("TELEGRAM_RATE_LIMIT", "0").env("TELEGRAM_MODELS", "test/model");
        if self.source == Source::Webhook {
            command.env("TELEGRAM_WEBHOOK_URL", format!("http://127.0.0.1:{}", self.port));
        }
        command
    }

    /// A time by chance, shorter than `longest`.
    pub(crate) fn time_below(&mut self, longest: Duration) -> Duration {
        Duration::from_millis(self.random.below(longest.as_millis().max(1) as u64))
    }

    /// Somebody does something; an answer takes at most so long.
    pub(crate) fn do_something(&mut self, longest: Duration) {
        let wait = self.time_below(longest);
        let number = self.random.below(CHATS as u64) as usize;
        let chat = &mut self.chats[number];
        if number < CHATS_WITH_STOPS {
            chat.ask_or_stop(wait, &mut self.random);
        } else {
            chat.do_something(wait, &mut self.random);
        }
    }

    /// Somebody asks something whose answer takes so long.
    pub(crate) fn ask_for(&mut self, time: Duration) {
        self.anybody().ask(time);
    }

    /// Somebody whose answers nobody stops.
    pub(crate) fn anybody(&mut self) -> &mut Conversation {
        let others = (CHATS - CHATS_WITH_STOPS) as u64;
        let number = CHATS_WITH_STOPS + self.random.below(others) as usize;
        &mut self.chats[number]
    }

    /// Waits until somebody is shown anything.
    pub(crate) async fn until_something_is_said(&self) {
        let is_said = |_: &FakeTelegram| self.chats.iter().find(|chat| !chat.person.messages_of_bot().is_empty());
        assert!(self.telegram.until(is_said).await.is_some(), "nothing is said");
    }

    /// Waits until everything that was asked is answered, and nothing moves any more.
    pub(crate) async fn until_all_is_answered(&self) {
        let begun = Instant::now();
        while begun.elapsed() < LAST_ANSWERS && self.is_open() {
            // Telegram waits ever longer before it tries a webhook again.
            self.telegram.turn_clock(Duration::from_secs(1));
            sleep(Duration::from_millis(500)).await;
        }
        // What would be answered twice would be so soon.
        sleep(Duration::from_secs(3)).await;
    }

    fn is_open(&self) -> bool {
        self.telegram.pending_updates() > 0 || self.chats.iter().any(|chat| chat.seen(&self.telegram).is_err())
    }

    /// Everything has one final answer, in its order, and the database tells the same.
    pub(crate) async fn check(&self) {
        let found = self.database.contents().await;
        let mut turns = 0;
        for chat in &self.chats {
            let name = chat.person.chat_id();
            let seen = chat.seen(&self.telegram).unwrap_or_else(|fault| panic!("in chat {name}: {fault}"));
            turns += seen.answers.len() + seen.commands;
            if !chat.has_stops() {
                check_messages(&name.to_string(), &seen, &found);
            }
        }
        check_turns(turns, &found);
    }

    /// How many documents the bot has sent.
    pub(crate) fn documents(&self) -> usize {
        let messages = self.chats.iter().flat_map(|chat| chat.person.messages_of_bot());
        messages.filter(|message| message.file().is_some()).count()
    }

    /// How many answers were cut off.
    pub(crate) async fn interrupted(&self) -> usize {
        self.database.contents().await.turns.iter().filter(|(_, state)| state == "interrupted").count()
    }
}

fn check_messages(chat: &str, seen: &Seen, found: &Contents) {
    let of_chat = found.messages.iter().filter(|message| message.chat == chat);
    let (asked, said): (Vec<_>, Vec<_>) = of_chat.partition(|message| message.role == "user");
    let said: Vec<_> = said.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(said, seen.answers, "a conversation is another one than was had in chat {chat}");
    assert_eq!(asked.len(), said.len(), "each question of chat {chat} has its answer");
}

fn check_turns(count: usize, found: &Contents) {
    let usage: BTreeMap<&str, bool> = found.usage.iter().map(|row| (row.turn.as_str(), row.is_success)).collect();
    assert_eq!(usage.len(), found.usage.len(), "a turn is recorded twice");
    let turns: BTreeMap<&str, &str> = found.turns.iter().map(|(id, state)| (id.as_str(), state.as_str())).collect();
    assert_eq!(turns.keys().collect::<Vec<_>>(), usage.keys().collect::<Vec<_>>(), "turns and records differ");
    let ended: BTreeSet<_> = turns.iter().filter(|(_, state)| **state != "interrupted").collect();
    for (turn, state) in &turns {
        assert!(["completed", "interrupted", "stopped"].contains(state), "turn {turn} is {state}");
        assert!(*state == "stopped" || usage[turn] == (*state == "completed"), "turn {turn} is {state}");
    }
    assert_eq!(ended.len(), count, "each question has one turn that ended");
}
