//! P4 and P9: what a request, a report and a list cost beside few and beside many rows.
//!
//! A database is made for each size. All are measured in turn, round after round, so that what else runs on the
//! machine meets all of them; a figure is the median of its rounds.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot run should stop")]

mod database;
mod figures;
mod fill;
mod measure;

use std::time::Duration;

use clap::Parser;

use crate::database::Database;
use crate::figures::Figures;
use crate::fill::Size;

#[expect(clippy::doc_markdown, reason = "these comments are the help text, which has no markup")]
/// Measures what requests, reports and lists cost beside few and beside many rows, and prints a table.
#[derive(Debug, Parser)]
struct Args {
    /// sqlite://FILE or postgres://USER@HOST/NAME. For each size a database is made beside it, called FILE-ROWS or
    /// NAME_ROWS, and removed at the end. A temporary SQLite file without this.
    #[arg(long)]
    database: Option<String>,
    /// Usage records of each size, smallest first.
    #[arg(long, value_delimiter = ',', default_value = "10000,1000000,10000000")]
    usage_rows: Vec<u64>,
    /// Open sessions of each size.
    #[arg(long, value_delimiter = ',', default_value = "10,100000,1000000")]
    sessions: Vec<u64>,
    /// How often each size is measured.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds of each measured load.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Leaves the database without statistics, as SQLite is in use.
    #[arg(long)]
    no_analyze: bool,
    /// Leaves the databases where they are; the next run with the same sizes uses them as they are.
    #[arg(long)]
    keep: bool,
    /// A small run that shows that this program works.
    #[arg(long)]
    short: bool,
}

impl Args {
    fn sizes(&self) -> Vec<Size> {
        assert_eq!(self.usage_rows.len(), self.sessions.len(), "each size has usage rows and sessions");
        let sizes = self.usage_rows.iter().zip(&self.sessions);
        sizes.map(|(&rows, &sessions)| Size { rows: rows as i64, sessions: sessions as i64 }).collect()
    }
}

#[tokio::main]
async fn main() {
    let mut args = Args::parse();
    if args.short {
        (args.usage_rows, args.sessions) = (vec![1_000, 20_000], vec![10, 2_000]);
        (args.rounds, args.seconds) = (1, 0.3);
    }
    let folder = tempfile::tempdir().unwrap();
    let base = args.database.clone().unwrap_or_else(|| format!("sqlite://{}/growth.db", folder.path().display()));
    let sizes = args.sizes();
    let mut databases = Vec::new();
    for &size in &sizes {
        let database = Database::create(&base, size.rows).await;
        fill::fill(&database, size, !args.no_analyze).await;
        databases.push(database);
    }
    let mut figures = Figures::new(&sizes);
    for round in 0..args.rounds {
        for (column, (database, &size)) in databases.iter().zip(&sizes).enumerate() {
            let length = Duration::from_secs_f64(args.seconds);
            for (operation, figure) in measure::measure(database, size, round, length).await {
                figures.add(column, operation, figure);
            }
        }
    }
    for database in &databases {
        check(database).await;
    }
    say(&figures.to_string());
    if !args.keep {
        for database in databases {
            database.remove().await;
        }
    }
}

/// The hourly sums are the sums of the single records.
async fn check(database: &Database) {
    let mut connection = database.connect().await;
    let raw = connection.numbers(fill::RAW_SUMS).await;
    assert_eq!(connection.numbers(fill::HOURLY_SUMS).await, raw, "the sums of the hours are those of the records");
    let requests = raw.first().expect("a sum has columns");
    say(&format!("{}: hourly sums equal the sums of the largest team's {requests} records", database.name()));
}

#[expect(clippy::print_stdout, reason = "a program that measures prints what it measured")]
fn say(text: &str) {
    println!("{text}");
}
