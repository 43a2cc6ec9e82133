//! What it costs to tell a command from a text, and to split its arguments.

use std::hint::black_box;

use arash_core::command::{Parsed, parse};
use criterion::{Criterion, criterion_group, criterion_main};

fn parser(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parser");
    let long = "How is the weather in Tehran? ".repeat(137);
    let path = format!("/usr/{}", "local/".repeat(682));
    for (name, text) in [
        ("text/short", "Hello, how are you today?"),
        ("text/persian", "سلام، حال شما چطور است؟"),
        ("text/4KiB", &long),
        ("text/path_4KiB", &path),
        ("command/alone", "/help"),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| parse(black_box(text))));
    }
    for (name, text) in [
        ("command/arguments", "/model@arash_bot openai/gpt-5-chat now"),
        ("command/quoted_arguments", r#"/weather "Tehran, Iran" 'next week' metric"#),
        ("command/escaped_argument", r#"/say "a \"quoted\" word""#),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| arguments(black_box(text))));
    }
    group.finish();
}

/// Parses a command and goes through all of its arguments.
fn arguments(text: &str) -> usize {
    match parse(text) {
        Ok(Parsed::Command(call)) => call.arguments().map(|word| word.len()).sum(),
        _ => 0,
    }
}

criterion_group!(benches, parser);
criterion_main!(benches);
