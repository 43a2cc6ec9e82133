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

use crate::connection::{Connection, position, post, put};
use crate::figures::{Figures, Unit};
use crate::loads::{Load, Route};
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

/// The host whose team is told of every answer. The upstream takes that too.
const TOLD: &str = "arash, SQLite, webhooks on";

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
    let servers = start_all(&args, &program, &upstream, &[]).await;
    let mut figures = Figures::new(servers.iter().map(|measured| measured.name).collect());
    for _ in 0..args.rounds {
        for (column, measured) in servers.iter().enumerate() {
            at_once(measured, ("", Route::Chat), column, &args, &mut figures).await;
            one_by_one(measured, ("", Route::Chat), column, &args, &mut figures).await;
        }
    }
    stop_all(servers).await;
    with_a_slow_upstream(&args, &program, &upstream, &mut figures).await;
    with_an_openai_upstream(&args, &program, &upstream, &mut figures).await;
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

/// Starts *bare* in front of `upstream`, and arash-http with its different stores and these settings.
async fn start_all(args: &Args, program: &Path, upstream: &str, settings: &[(&str, &str)]) -> Vec<Measured> {
    let mut servers = vec![Measured { name: "bare", server: Server::bare(upstream).await, key: "none".to_owned() }];
    let process = ("arash, SQLite, durability=process", Some(("DURABILITY", "process")));
    let told = (TOLD, None);
    let postgres = args.postgres.as_deref().map(|url| ("arash, PostgreSQL", Some(("DATABASE_URL", url))));
    for (name, store) in [("arash, SQLite", None), process, told].into_iter().chain(postgres) {
        let settings: Vec<_> = [("AI_SERVICE_URL", upstream)].iter().chain(settings).copied().chain(store).collect();
        servers.push(arash(name, program, &settings).await);
    }
    servers
}

async fn stop_all(servers: Vec<Measured>) {
    for measured in servers {
        measured.server.stop().await;
    }
}

/// Starts arash-http, and makes a team with both quotas and a key of it.
async fn arash(name: &'static str, program: &Path, settings: &[(&str, &str)]) -> Measured {
    let allowed = [("WEBHOOK_ALLOW_HTTP", "true"), ("WEBHOOK_ALLOW_PRIVATE", "true")];
    let server = Server::arash(program, ADMIN, &[settings, &allowed].concat()).await;
    let mut connection = Connection::open(&server.address).await;
    // A database may be used twice.
    let unique = server.address.clone();
    let team = format!(r#"{{"name": "Load {unique}", "daily_quota": 1000000000, "monthly_quota": 1000000000}}"#);
    let made = connection.ask(&post("/api/v1/admin/teams", ADMIN, &team)).await;
    let id = text_after(made, r#""id":"#, ',');
    let key = format!(r#"{{"team_id": {id}, "name": "load"}}"#);
    let made = connection.ask(&post("/api/v1/admin/api-keys", ADMIN, &key)).await;
    let key = text_after(made, r#""api_key":""#, '"');
    if name == TOLD {
        let upstream = settings.iter().find(|(name, _)| *name == "AI_SERVICE_URL").map_or("", |(_, url)| url);
        let endpoint = format!(r#"{{"webhook_url": "{upstream}"}}"#);
        connection.ask(&put(&format!("/api/v1/admin/{id}/webhook"), ADMIN, &endpoint)).await;
    }
    Measured { name, server, key }
}

fn text_after(body: &[u8], sign: &str, end: char) -> String {
    let start = position(body, sign.as_bytes()).expect("the answer has this field") + sign.len();
    let rest = String::from_utf8_lossy(body.get(start..).unwrap_or_default()).into_owned();
    rest.split(end).next().unwrap_or_default().trim().to_owned()
}

/// What is measured: the sign of its rows, and what is asked for.
type Subject = (&'static str, Route);

/// P1: 64 connections, each with its next request as soon as it has its answer.
async fn at_once(measured: &Measured, (sign, route): Subject, column: usize, args: &Args, figures: &mut Figures) {
    let length = Duration::from_secs_f64(args.seconds);
    let load = loads::closed(&measured.server, (route, &measured.key), 64, length).await;
    figures.add(column, &format!("{sign}64 at once: throughput"), Unit::PerSecond, load.per_second());
    figures.time(column, &format!("{sign}64 at once: processor time a request"), load.processor);
    tell(&load, &format!("{sign}64 at once"), column, figures);
    figures.add(column, &format!("{sign}64 at once: memory after it"), Unit::Bytes, load.resident_bytes as f64);
}

/// P2: one request after another, and 200 a second.
async fn one_by_one(measured: &Measured, (sign, route): Subject, column: usize, args: &Args, figures: &mut Figures) {
    let length = Duration::from_secs_f64(args.seconds);
    let load = loads::closed(&measured.server, (route, &measured.key), 1, length).await;
    tell(&load, &format!("{sign}one by one"), column, figures);
    let load = loads::paced(&measured.server, (route, &measured.key), 200, length).await;
    tell(&load, &format!("{sign}200 a second"), column, figures);
}

fn tell(load: &Load, name: &str, column: usize, figures: &mut Figures) {
    figures.time(column, &format!("{name}: p50"), load.quantile(0.5));
    figures.time(column, &format!("{name}: p99"), load.quantile(0.99));
}

/// P3: the time to the first piece of a streamed answer, in front of an upstream that takes 20 ms; *bare* forwards it
/// whole. That a stream has begun is durable before its first piece, beside the upstream's work.
async fn with_a_slow_upstream(args: &Args, program: &Path, upstream: &str, figures: &mut Figures) {
    let servers = start_all(args, program, &slow(upstream), &[]).await;
    for _ in 0..args.rounds {
        for (column, measured) in servers.iter().enumerate() {
            let (route, sign) = match column {
                0 => (Route::Chat, &b"doing well"[..]),
                _ => (Route::ChatStream, &b"event: delta"[..]),
            };
            first_piece(measured, ("", route), sign, column, args, figures).await;
        }
    }
    stop_all(servers).await;
}

async fn first_piece(
    measured: &Measured,
    (sign, route): Subject,
    piece: &[u8],
    column: usize,
    args: &Args,
    figures: &mut Figures,
) {
    let count = if args.short { 10 } else { 200 };
    let load = loads::first_sign(&measured.server, (route, &measured.key), piece, count).await;
    tell(&load, &format!("{sign}first piece, upstream takes 20 ms"), column, figures);
}

/// The route for OpenAI's clients in front of an upstream that speaks OpenAI's protocol; *bare* forwards what comes as it
/// comes.
async fn with_an_openai_upstream(args: &Args, program: &Path, upstream: &str, figures: &mut Figures) {
    let sign = "`/v1`, ";
    let base = format!("{upstream}v1");
    let servers = start_all(args, program, upstream, &openai(&base)).await;
    for _ in 0..args.rounds {
        for (column, measured) in servers.iter().enumerate() {
            at_once(measured, (sign, Route::Completions), column, args, figures).await;
            one_by_one(measured, (sign, Route::Completions), column, args, figures).await;
        }
    }
    stop_all(servers).await;
    let upstream = slow(upstream);
    let base = format!("{upstream}v1");
    let servers = start_all(args, program, &upstream, &openai(&base)).await;
    for _ in 0..args.rounds {
        for (column, measured) in servers.iter().enumerate() {
            first_piece(measured, (sign, Route::CompletionsStream), b"doing well", column, args, figures).await;
        }
    }
    stop_all(servers).await;
}

fn openai(base: &str) -> [(&'static str, &str); 2] {
    [("AI_PROVIDER", "openai"), ("AI_SERVICE_URL", base)]
}

fn slow(upstream: &str) -> String {
    format!("{}{}", upstream.trim_end_matches('/'), upstream::SLOW)
}

/// P10: from the start of the process until it says that it is ready, on a new database; and the program's size.
async fn cold_starts(args: &Args, program: &Path, upstream: &str, figures: &mut Figures) {
    for _ in 0..args.rounds.max(3) {
        let server = Server::arash(program, ADMIN, &[("AI_SERVICE_URL", upstream)]).await;
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
