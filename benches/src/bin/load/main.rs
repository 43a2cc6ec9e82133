//! P1, P2, P3 and P10: what a governed request costs beside a plain forwarder.
//!
//! Both run in release, as processes of their own, on one processor core, in front of the same upstream; they are
//! measured in turn, round after round, so that what else runs on the machine meets all of them.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run should stop")]

mod bare;
mod connection;
mod figures;
mod loads;
mod server;
mod upstream;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::connection::{Connection, position, post};
use crate::figures::{Figures, Unit};
use crate::loads::Load;
use crate::server::Server;

/// The first admin key of the hosts that are started.
const ADMIN: &str = "a-key-of-the-load-benchmark-only-0123456789";

#[expect(clippy::doc_markdown, reason = "these comments are the help text, which has no markup")]
/// Measures arash-http beside a plain forwarder and prints a table.
#[derive(Debug, Parser)]
struct Args {
    /// postgres://USER@HOST/NAME of an empty database, to measure arash-http on it too.
    #[arg(long)]
    postgres: Option<String>,
    /// How often each load is measured.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of each measured load.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// A small run that shows that this program works.
    #[arg(long)]
    short: bool,
    /// Runs the plain forwarder on this port, and nothing else.
    #[arg(long, hide = true, requires = "bare_upstream")]
    bare_port: Option<u16>,
    /// What it forwards to.
    #[arg(long, hide = true)]
    bare_upstream: Option<String>,
}

/// A server that is measured, and the key that it is asked with.
struct Measured {
    name: &'static str,
    server: Server,
    key: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut args = Args::parse();
    if let (Some(port), Some(upstream)) = (args.bare_port, args.bare_upstream.take()) {
        return bare::serve(port, upstream).await;
    }
    if args.short {
        (args.rounds, args.seconds) = (1, 0.5);
    }
    let program = build().await;
    let is_apart = server::leave_their_core().await;
    let mut tasks = JoinSet::new();
    let upstream = format!("http://{}/", upstream::start(&mut tasks).await);
    let servers = start_all(&args, &program, &upstream).await;
    let mut figures = Figures::new(servers.iter().map(|measured| measured.name).collect());
    for _ in 0..args.rounds {
        for (column, measured) in servers.iter().enumerate() {
            at_once(measured, column, &args, &mut figures).await;
            one_by_one(measured, column, &args, &mut figures).await;
        }
    }
    for measured in servers {
        measured.server.stop().await;
    }
    with_a_slow_upstream(&args, &program, &upstream, &mut figures).await;
    cold_starts(&args, &program, &upstream, &mut figures).await;
    let where_it_ran = if is_apart { "on one core, loader and upstream on the others" } else { "on shared cores" };
    say(&format!("Each server {where_it_ran}; {} rounds of {} s; medians.\n\n{figures}", args.rounds, args.seconds));
}

/// Builds arash-http as this program was built; gives its file.
async fn build() -> PathBuf {
    let own = std::env::current_exe().expect("this program has a file");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "-p", "arash-http"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.status().await.is_ok_and(|status| status.success()), "arash-http can be built");
    own.with_file_name("arash-http")
}

async fn start_all(args: &Args, program: &Path, upstream: &str) -> Vec<Measured> {
    let mut servers = vec![Measured { name: "bare", server: Server::bare(upstream).await, key: "none".to_owned() }];
    servers.push(arash("arash, SQLite", program, upstream, &[]).await);
    servers.push(arash("arash, SQLite, durability=process", program, upstream, &[("DURABILITY", "process")]).await);
    if let Some(url) = &args.postgres {
        servers.push(arash("arash, PostgreSQL", program, upstream, &[("DATABASE_URL", url)]).await);
    }
    servers
}

/// Starts arash-http, and makes a team with both quotas and a key of it.
async fn arash(name: &'static str, program: &Path, upstream: &str, settings: &[(&str, &str)]) -> Measured {
    let server = Server::arash(program, upstream, ADMIN, settings).await;
    let mut connection = Connection::open(&server.address).await;
    // A database may be used twice.
    let unique = server.address.clone();
    let team = format!(r#"{{"name": "Load {unique}", "daily_quota": 1000000000, "monthly_quota": 1000000000}}"#);
    let made = connection.ask(&post("/api/v1/admin/teams", ADMIN, &team)).await;
    let id = text_after(made, r#""id":"#, ',');
    let key = format!(r#"{{"team_id": {id}, "name": "load"}}"#);
    let made = connection.ask(&post("/api/v1/admin/api-keys", ADMIN, &key)).await;
    let key = text_after(made, r#""api_key":""#, '"');
    Measured { name, server, key }
}

fn text_after(body: &[u8], sign: &str, end: char) -> String {
    let start = position(body, sign.as_bytes()).expect("the answer has this field") + sign.len();
    let rest = String::from_utf8_lossy(body.get(start..).unwrap_or_default()).into_owned();
    rest.split(end).next().unwrap_or_default().trim().to_owned()
}

/// P1: 64 connections, each with its next request as soon as it has its answer.
async fn at_once(measured: &Measured, column: usize, args: &Args, figures: &mut Figures) {
    let length = Duration::from_secs_f64(args.seconds);
    let load = loads::closed(&measured.server, &measured.key, 64, length).await;
    figures.add(column, "64 at once: throughput", Unit::PerSecond, load.per_second());
    figures.time(column, "64 at once: processor time a request", load.processor);
    figures.time(column, "64 at once: p50", load.quantile(0.5));
    figures.time(column, "64 at once: p99", load.quantile(0.99));
    figures.add(column, "64 at once: memory after it", Unit::Bytes, load.resident_bytes as f64);
}

/// P2: one request after another, and 200 a second.
async fn one_by_one(measured: &Measured, column: usize, args: &Args, figures: &mut Figures) {
    let length = Duration::from_secs_f64(args.seconds);
    let load = loads::closed(&measured.server, &measured.key, 1, length).await;
    tell(&load, "one by one", column, figures);
    let load = loads::paced(&measured.server, ("/api/v1/chat", &measured.key), 200, length).await;
    tell(&load, "200 a second", column, figures);
}

fn tell(load: &Load, name: &str, column: usize, figures: &mut Figures) {
    figures.time(column, &format!("{name}: p50"), load.quantile(0.5));
    figures.time(column, &format!("{name}: p99"), load.quantile(0.99));
}

/// P3: the time to the first piece of a streamed answer, in front of an upstream that takes 20 ms; *bare* forwards it
/// whole. That a stream has begun is durable before its first piece, beside the upstream's work.
async fn with_a_slow_upstream(args: &Args, program: &Path, upstream: &str, figures: &mut Figures) {
    let slow = format!("{upstream}{}", upstream::SLOW.trim_start_matches('/'));
    let servers = start_all(args, program, &slow).await;
    let count = if args.short { 10 } else { 200 };
    for _ in 0..args.rounds {
        for (column, measured) in servers.iter().enumerate() {
            let (path, sign) = match column {
                0 => ("/api/v1/chat", &b"doing well"[..]),
                _ => ("/api/v1/chat/stream", &b"event: delta"[..]),
            };
            let load = loads::first_sign(&measured.server, (path, &measured.key), sign, count).await;
            tell(&load, "first piece, upstream takes 20 ms", column, figures);
        }
    }
}

/// P10: from the start of the process until it says that it is ready, on a new database; and the program's size.
async fn cold_starts(args: &Args, program: &Path, upstream: &str, figures: &mut Figures) {
    for _ in 0..args.rounds.max(3) {
        let server = Server::arash(program, upstream, ADMIN, &[]).await;
        figures.time(1, "cold start to ready", server.started_in);
        figures.add(1, "memory, idle", Unit::Bytes, server.taken().resident_bytes as f64);
        server.stop().await;
    }
    let size = std::fs::metadata(program).expect("the program has a file").len();
    figures.add(1, "size of the program", Unit::Bytes, size as f64);
}

#[expect(clippy::print_stdout, reason = "a program that measures prints what it measured")]
fn say(text: &str) {
    println!("{text}");
}
