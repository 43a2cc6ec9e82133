//! Very many chats with one bot: what it takes, and how quickly they are answered at the pace that Telegram allows.
//!
//! `cargo run --release -p arash-benches --bin chats`: the program arash-telegram as a process of its own, with a SQLite
//! file and the offline assistant, in front of the fake Bot API server with its flood control.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run should stop")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use arash_fake_telegram::{Call, FakeTelegram, Message, Person};
use clap::Parser;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// Messages that wait in a busy chat.
const BUSY: usize = 1_000;

/// Measures arash-telegram with many chats and prints a table.
#[derive(Debug, Parser)]
struct Args {
    /// How many people write one message each, all at once.
    #[arg(long, default_value_t = 10_000)]
    chats: usize,
    /// For how many seconds their answers are counted.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many people are answered one after another, alone and beside a busy chat.
    #[arg(long, default_value_t = 200)]
    others: usize,
    /// A small run that shows that this program works.
    #[arg(long)]
    short: bool,
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut args = Args::parse();
    if args.short {
        (args.chats, args.seconds, args.others) = (100, 5, 10);
    }
    let telegram = FakeTelegram::start().await.expect("a port is free");
    let people: Vec<Person> = (0..args.chats).map(|number| telegram.person(&format!("Person {number}"))).collect();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut bot = start(&build().await, folder.path(), &telegram).await;
    let idle = memory(&bot, "VmRSS");
    let alone = p99_wait(&telegram, args.others).await;
    let busy = telegram.person("Busy");
    for number in 0..BUSY {
        busy.say(&format!("message {number}"));
    }
    while telegram.pending_updates() > 0 {
        sleep(Duration::from_millis(10)).await;
    }
    let beside = p99_wait(&telegram, args.others).await;
    let begun = Instant::now();
    for person in &people {
        person.say("Hello");
    }
    while telegram.pending_updates() > 0 {
        sleep(Duration::from_millis(100)).await;
    }
    let (stored, waiting) = (begun.elapsed(), memory(&bot, "VmRSS"));
    sleep(Duration::from_secs(args.seconds).saturating_sub(begun.elapsed())).await;
    let (counted, end, most) = (begun.elapsed(), memory(&bot, "VmRSS"), memory(&bot, "VmHWM"));
    bot.kill().await.expect("it can be ended");
    let is_refused = |call: &&Call| matches!(&call.outcome, Some(Err(refusal)) if refusal.code == 429);
    let seen = Seen::by(&people, &telegram);
    let figures = [
        ("chats that write at once", args.chats.to_string()),
        ("memory at the start", mib(idle)),
        ("memory once all updates are stored", mib(waiting)),
        ("memory at the end, at most", format!("{}, {}", mib(end), mib(most))),
        ("memory a chat at the end", format!("{:.1} KiB", (end - idle) / args.chats as f64 / 1024.0)),
        ("updates stored", per_second(args.chats, stored)),
        ("answers begun", per_second(seen.placeholders.len(), counted)),
        ("answers final", per_second(seen.answers, counted)),
        ("to the placeholder, of the answers begun: p50, p99", seen.times()),
        ("an answer before that, people one after another: p99", millis(alone)),
        ("the same beside a chat in which messages wait", format!("{}, {BUSY} wait", millis(beside))),
        ("calls that Telegram refused for their pace", telegram.calls().iter().filter(is_refused).count().to_string()),
    ];
    let rows = figures.map(|(name, value)| format!("| {name} | {value} |")).join("\n");
    writeln!(std::io::stdout(), "| | |\n|---|---|\n{rows}").expect("the output can be written");
}

/// What people have seen in the end.
struct Seen {
    /// From each question to the first message of its answer, for the answers that were begun; the shortest first.
    placeholders: Vec<Duration>,
    /// How many answers are final.
    answers: usize,
}

impl Seen {
    fn by(people: &[Person], telegram: &FakeTelegram) -> Self {
        let mut seen = Self { placeholders: Vec::new(), answers: 0 };
        for person in people {
            let history = telegram.history(person.chat_id());
            let asked = history.iter().find(|message| !message.is_from_bot);
            let first = history.iter().find(|message| message.is_from_bot);
            if let (Some(asked), Some(first)) = (asked, first) {
                seen.placeholders.push(first.sent_at.since(asked.sent_at));
            }
            let is_final = |message: &Message| message.is_from_bot && message.text().contains("Hello");
            seen.answers += usize::from(history.iter().any(is_final));
        }
        seen.placeholders.sort_unstable();
        seen
    }

    /// The median and the 99th percentile of the times to the placeholder.
    fn times(&self) -> String {
        let at = |percent: usize| self.placeholders.get(self.placeholders.len().saturating_sub(1) * percent / 100);
        let shown =
            |percent| at(percent).map_or_else(|| "none".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()));
        format!("{}, {}", shown(50), shown(99))
    }
}

fn per_second(count: usize, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    format!("{count} in {seconds:.1} s: {:.1} /s", count as f64 / seconds)
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn mib(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}

/// How long people wait for their answers, one after another.
async fn p99_wait(telegram: &FakeTelegram, people: usize) -> Duration {
    let mut waits = Vec::with_capacity(people);
    for number in 0..people {
        let person = telegram.person(&format!("Other {number}"));
        let asked = Instant::now();
        person.say("Hello");
        let is_answered = |message: &Message| message.text().contains("Hello");
        let answered = telegram.until(|_| person.messages_of_bot().iter().any(is_answered).then_some(())).await;
        answered.expect("everybody is answered");
        waits.push(asked.elapsed());
    }
    waits.sort_unstable();
    *waits.get((waits.len() * 99).div_ceil(100) - 1).expect("somebody waited")
}

/// Builds arash-telegram as this program was built; gives its file.
async fn build() -> PathBuf {
    let own = std::env::current_exe().expect("this program has a file");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "-p", "arash-telegram"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.status().await.is_ok_and(|status| status.success()), "arash-telegram can be built");
    own.with_file_name("arash-telegram")
}

async fn start(program: &Path, folder: &Path, telegram: &FakeTelegram) -> Child {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().stdout(Stdio::piped()).kill_on_drop(true);
    command.env("API_PORT", "0").env("LOG_LEVEL", "error");
    command.env("TELEGRAM_BOT_TOKEN", telegram.token()).env("TELEGRAM_API_URL", telegram.url());
    let mut bot = command.spawn().expect("arash-telegram can be started");
    let mut lines = BufReader::new(bot.stdout.take().expect("it has an output")).lines();
    lines.next_line().await.expect("its output can be read").expect("it says that it answers");
    bot
}

/// A figure of the process in bytes: `VmRSS` is what it has in memory now, `VmHWM` the most that it had.
fn memory(bot: &Child, figure: &str) -> f64 {
    let id = bot.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("this needs /proc, as Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix(figure)).expect("Linux tells it");
    let kib = line.trim_start_matches(':').trim().split(' ').next().and_then(|kib| kib.parse::<f64>().ok());
    kib.expect("it is a number of KiB") * 1024.0
}
