//! A database, the programs that live and die on it one after the other, and those who talk to them.

use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use crate::chores::{chores, new_key};
use crate::database::Database;
use crate::ledger::Ledger;
use crate::load::{Line, Load, Talker};
use crate::program::{Host, all, program};
use crate::random::Random;
use crate::slow_upstream::SlowUpstream;

const KEY: &str = "the-key-of-the-crash-test-which-is-long-enough";
const TALKERS: u64 = 8;
/// Within this a turn that a program began and did not end is recorded as interrupted by the next one; on PostgreSQL it may
/// be another node's for a while.
const SWEPT: Duration = Duration::from_secs(60);
/// The same where the next program knows that there is no other.
const SWEPT_ON_SQLITE: Duration = Duration::from_secs(5);

pub(crate) struct Scene {
    pub(crate) database: Database,
    pub(crate) random: Random,
    upstream: SlowUpstream,
    ledger: Ledger,
    limited_key: String,
    /// Counts the programs that were talked to.
    round: u64,
}

/// How a program ends that does not do so by itself, so long after it listens.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Kill(Duration),
    Stop(Duration),
}

impl Scene {
    /// With a key for which this daily quota holds.
    pub(crate) async fn new(database: Database, quota: u64) -> Self {
        let (upstream, ledger) = (SlowUpstream::start().await, Ledger::default());
        let random = Random::seeded("CRASH_SEED");
        let mut scene = Self { database, random, upstream, ledger, limited_key: String::new(), round: 0 };
        let host = Host::start(scene.command()).await;
        let key = new_key(&Line::new(&host.address), KEY, "Limited", quota, &mut scene.ledger).await;
        scene.limited_key = key.unwrap().text;
        assert_eq!(host.stop("-TERM").await.0, Some(0));
        scene
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = program(self.database.folder());
        command.env("DATABASE_URL", self.database.url()).env("AI_SERVICE_URL", self.upstream.url());
        command.env("INTERNAL_API_KEY", KEY).env("INTERNAL_RATE_LIMIT", "0").env("INTERNAL_MAX_HISTORY", "20");
        // Nobody reads what it says while it runs.
        command.env("LOG_LEVEL", "off");
        command
    }

    /// Starts a program, talks to it until it ends, and gives what it said on standard error.
    pub(crate) async fn run(&mut self, command: Command, end: End) -> String {
        self.round += 1;
        let mut host = match Host::launch(command).await {
            Ok(host) => host,
            Err(said) => return said,
        };
        let load = Load::start(&host.address, self.round, self.talkers(), &mut self.random);
        let (line, End::Kill(moment) | End::Stop(moment)) = (Line::new(&host.address), end);
        let ending = async {
            let has_ended = timeout(moment, host.child.wait()).await.is_ok();
            if matches!(end, End::Kill(_)) {
                host.child.kill().await.unwrap();
            }
            has_ended
        };
        let chores = do_chores(&line, self.round, Instant::now() + moment, &mut self.ledger);
        let (has_ended, ()) = tokio::join!(ending, chores);
        self.ledger.note(load.end().await);
        if has_ended || matches!(end, End::Kill(_)) {
            return all(host.child.stderr.take().unwrap()).await;
        }
        let (code, said) = host.stop("-TERM").await;
        assert!(code == Some(0) || said.contains("fail point "), "it ended with {code:?}: {said}");
        said
    }

    /// Some go on in the chats of earlier rounds, some begin new ones, some have little to spend.
    fn talkers(&self) -> Vec<Talker> {
        let talker = |number: u64| {
            let is_limited = number >= TALKERS - 2;
            let chat = if number % 3 == 2 { format!("chat-{number}-{}", self.round) } else { format!("chat-{number}") };
            let key = if is_limited { self.limited_key.clone() } else { KEY.to_owned() };
            let is_careful = number.is_multiple_of(2);
            let first = self.ledger.unsure_of(&chat).filter(|_| is_careful);
            Talker { key, chat, is_careful, first }
        };
        (0..TALKERS).map(talker).collect()
    }

    /// What was told is there, once, and everything adds up. No program runs meanwhile.
    pub(crate) async fn check(&self) {
        self.ledger.check(&self.database.contents().await);
    }

    /// What the programs before left behind is cleared up by a last one.
    pub(crate) async fn end(self, ends: u64) {
        let host = Host::start(self.command()).await;
        let begun = Instant::now();
        let swept = if self.database.is_shared() { SWEPT } else { SWEPT_ON_SQLITE };
        loop {
            let turns = self.database.contents().await.turns;
            let started = turns.iter().filter(|(_, state)| state == "started").count();
            if started == 0 {
                break;
            }
            assert!(begun.elapsed() < swept, "{started} turns are left as if they still ran");
            sleep(Duration::from_millis(500)).await;
        }
        assert_eq!(host.stop("-TERM").await.0, Some(0));
        self.check().await;
        let answers = self.ledger.answers();
        println!("{ends} ends, {answers} answers; all turns were ended after {:?}", begun.elapsed());
        assert!(answers as u64 > ends * 4, "only {answers} answers: the ends came before the load");
    }
}

/// Until the program goes away, at most until the deadline.
async fn do_chores(line: &Line, round: u64, deadline: Instant, ledger: &mut Ledger) {
    for number in 0.. {
        let is_gone = chores(line, KEY, &format!("team-{round}-{number}"), ledger).await.is_none();
        if is_gone || Instant::now() >= deadline {
            break;
        }
    }
}
