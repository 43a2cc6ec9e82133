//! Several chats that ask, a program that comes and goes, and what has to be true of that in the end.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::TcpListener;
use std::time::Duration;

use arash_fake_telegram::{FakeTelegram, Message, Person};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::database::{Contents, Database};
use crate::program::program;
use crate::random::Random;
use crate::upstream::{Upstream, answer_to, question};

const CHATS: usize = 8;
/// How long the last program may take for what was left to it.
const LAST_ANSWERS: Duration = Duration::from_secs(150);
const PLACEHOLDER: &str = "…";

/// How the program gets its updates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Polling,
    Webhook,
}

pub(crate) struct Scene {
    pub(crate) telegram: FakeTelegram,
    pub(crate) database: Database,
    pub(crate) random: Random,
    upstream: Upstream,
    source: Source,
    /// The same for each program, because the webhook names it.
    port: u16,
    people: Vec<Person>,
    /// What was asked in each chat, in its order.
    asked: Vec<Vec<String>>,
}

impl Scene {
    pub(crate) async fn new(source: Source) -> Self {
        let telegram = FakeTelegram::start().await.unwrap();
        let people: Vec<_> = (0..CHATS).map(|number| telegram.person(&format!("Person {number}"))).collect();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self {
            telegram,
            database: Database::sqlite(),
            random: Random::seeded("TELEGRAM_CRASH_SEED"),
            upstream: Upstream::start().await,
            source,
            port,
            asked: vec![Vec::new(); people.len()],
            people,
        }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = program(self.database.folder(), &self.telegram);
        command.env("DATABASE_URL", self.database.url()).env("API_PORT", self.port.to_string());
        command.env("AI_PROVIDER", "openai").env("AI_SERVICE_URL", self.upstream.url());
        command.env("TELEGRAM_RATE_LIMIT", "0").env("TELEGRAM_MODELS", "test/model");
        if self.source == Source::Webhook {
            command.env("TELEGRAM_WEBHOOK_URL", format!("http://127.0.0.1:{}", self.port));
            // So that one of the two tests meets rich messages as well.
            command.env("TELEGRAM_RICH_MESSAGES", "true");
        }
        command
    }

    /// Somebody asks something whose answer takes at most so long.
    pub(crate) fn ask(&mut self, longest: Duration) {
        let time = self.random.below(longest.as_millis() as u64);
        self.ask_for(Duration::from_millis(time));
    }

    /// Somebody asks something whose answer takes so long.
    pub(crate) fn ask_for(&mut self, time: Duration) {
        let chat = self.random.below(self.people.len() as u64) as usize;
        let question = question(&format!("q{chat}.{}", self.asked[chat].len()), time);
        self.people[chat].say(&question);
        self.asked[chat].push(question);
    }

    /// Waits until somebody is shown anything.
    pub(crate) async fn until_something_is_said(&self) {
        let is_said = |_: &FakeTelegram| self.people.iter().find(|person| !person.messages_of_bot().is_empty());
        self.telegram.until(is_said).await.unwrap();
    }

    /// Waits until everything that was asked is answered, and nothing moves any more.
    pub(crate) async fn until_all_is_answered(&self) {
        let begun = Instant::now();
        while begun.elapsed() < LAST_ANSWERS && !self.unanswered().is_empty() {
            // Telegram waits ever longer before it tries a webhook again.
            self.telegram.turn_clock(Duration::from_secs(1));
            sleep(Duration::from_millis(500)).await;
        }
        // What would be answered twice would be so soon.
        sleep(Duration::from_secs(3)).await;
    }

    fn unanswered(&self) -> Vec<&str> {
        let chats = self.people.iter().zip(&self.asked);
        let open = chats.flat_map(|(person, asked)| {
            let said: Vec<String> = finals(person).iter().map(|message| message.text().to_owned()).collect();
            asked.iter().filter(move |question| !said.contains(&answer_to(question)))
        });
        open.map(String::as_str).collect()
    }

    /// Every question has one final answer, in its order, and the database tells the same.
    pub(crate) async fn check(&self) {
        assert_eq!(self.unanswered(), Vec::<&str>::new(), "these are lost");
        for (person, asked) in self.people.iter().zip(&self.asked) {
            let answers: Vec<String> = finals(person).iter().map(|message| message.text().to_owned()).collect();
            let unique: BTreeSet<&String> = answers.iter().collect();
            assert_eq!(unique.len(), answers.len(), "one is answered twice: {answers:?}");
            assert_eq!(unique, asked.iter().map(|it| answer_to(it)).collect::<BTreeSet<_>>().iter().collect());
            let are_rich = self.source == Source::Webhook;
            assert!(finals(person).iter().all(|message| message.is_rich() == are_rich), "{:?}", finals(person));
            let buttons = person.messages_of_bot().iter().filter(|it| is_final(it) && !it.keyboard.is_null()).count();
            assert_eq!(buttons, 0, "an answer can still be stopped");
        }
        self.check_records(&self.database.contents().await);
    }

    fn check_records(&self, found: &Contents) {
        let usage: BTreeMap<&str, bool> = found.usage.iter().map(|row| (row.turn.as_str(), row.is_success)).collect();
        assert_eq!(usage.len(), found.usage.len(), "a turn is recorded twice");
        let turns: BTreeMap<&str, &str> = found.turns.iter().map(|(id, state)| (id.as_str(), state.as_str())).collect();
        assert_eq!(turns.keys().collect::<Vec<_>>(), usage.keys().collect::<Vec<_>>(), "turns and records differ");
        for (turn, state) in &turns {
            assert!(["completed", "interrupted"].contains(state), "turn {turn} is {state}");
            assert_eq!(usage[turn], *state == "completed", "turn {turn} is {state}");
        }
        let completed: HashSet<_> =
            turns.iter().filter(|(_, state)| **state == "completed").map(|(id, _)| *id).collect();
        let asked: usize = self.asked.iter().map(Vec::len).sum();
        assert_eq!(completed.len(), asked, "each question has one turn that completed");
        for (person, asked) in self.people.iter().zip(&self.asked) {
            let chat = person.chat_id().to_string();
            let said: Vec<_> = found.messages.iter().filter(|message| message.chat == chat).collect();
            let texts: Vec<_> = said.iter().map(|message| message.text.clone()).collect();
            let expected: Vec<_> = asked.iter().flat_map(|question| [question.clone(), answer_to(question)]).collect();
            assert_eq!(texts, expected, "a conversation is another one than was had");
        }
    }

    /// How many answers were cut off.
    pub(crate) async fn interrupted(&self) -> usize {
        self.database.contents().await.turns.iter().filter(|(_, state)| state == "interrupted").count()
    }
}

/// All that the bot said in this chat but for placeholders, which a kill may leave behind.
fn finals(person: &Person) -> Vec<Message> {
    person.messages_of_bot().into_iter().filter(is_final).collect()
}

fn is_final(message: &Message) -> bool {
    message.text() != PLACEHOLDER
}
