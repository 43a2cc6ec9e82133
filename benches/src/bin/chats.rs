//! Very many chats with one bot: what it takes, and how quickly they are answered at the pace that Telegram allows.
//!
//! `cargo run --release -p arash-benches --bin chats`: the program arash-telegram as a process of its own, with a SQLite
//! file and the offline assistant, in front of the fake Bot API server with its flood control.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run should stop")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use arash_fake_telegram::{Call, FakeTelegram, Person};
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
    let idle = resident_mib(&bot);
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
    let (stored, waiting) = (begun.elapsed(), resident_mib(&bot));
    sleep(Duration::from_secs(args.seconds).saturating_sub(begun.elapsed())).await;
    let is_final = |person: &&Person| person.messages_of_bot().iter().any(|message| message.text().contains("Hello"));
    let answered = people.iter().filter(is_final).count();
    let per_second = answered as f64 / begun.elapsed().as_secs_f64();
    let is_refused = |call: &&Call| matches!(&call.outcome, Some(Err(refusal)) if refusal.code == 429);
    let refused = telegram.calls().iter().filter(is_refused).count();
    bot.kill().await.expect("it can be ended");
    let table = format!(
        "| chats | {} |\n|---|---|\n| memory, idle | {idle:.1} MiB |\n| all updates stored after | {:.1} s |\n\
         | memory then | {waiting:.1} MiB |\n| answered in {} s | {answered}: {per_second:.1} /s |\n\
         | calls that Telegram refused for their pace | {refused} |\n\
         | p99 of {} answers before that, one after another | {:.1} ms |\n\
         | the same beside a chat in which {BUSY} messages wait | {:.1} ms |\n",
        args.chats,
        stored.as_secs_f64(),
        args.seconds,
        args.others,
        alone.as_secs_f64() * 1e3,
        beside.as_secs_f64() * 1e3,
    );
    writeln!(std::io::stdout(), "{table}").expect("the output can be written");
}

/// How long people wait for their answers, one after another.
async fn p99_wait(telegram: &FakeTelegram, people: usize) -> Duration {
    let mut waits = Vec::with_capacity(people);
    for number in 0..people {
        let person = telegram.person(&format!("Other {number}"));
        let asked = Instant::now();
        person.say("Hello");
        let is_answered = |message: &arash_fake_telegram::Message| message.text().contains("Hello");
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

fn resident_mib(bot: &Child) -> f64 {
    let id = bot.id().expect("it runs");
    let pages = std::fs::read_to_string(format!("/proc/{id}/statm")).expect("this needs /proc, as Linux has it");
    let pages: u64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("it has a resident size");
    pages as f64 * 4096.0 / f64::from(1 << 20)
}
