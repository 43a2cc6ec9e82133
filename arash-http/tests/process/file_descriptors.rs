//! A program that has no file descriptor left for another connection: it waits, and goes on when there is one.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;

use crate::program::{Host, program};

/// How much time of a processor the process has taken, in hundredths of a second.
fn processor_time(process: u32) -> u64 {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[tokio::test]
async fn a_program_without_file_descriptors_waits_for_one_and_does_not_spin() {
    let folder = tempfile::tempdir().unwrap();
    let whole = program(folder.path());
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\""]).arg(whole.as_std().get_program());
    command
        .current_dir(folder.path())
        .env_clear()
        .envs(whole.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let host = Host::start(command).await;
    let address = host.address.strip_prefix("http://").unwrap().to_owned();
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(TcpStream::connect(&address).await.unwrap());
    }
    sleep(Duration::from_millis(500)).await;
    let process = host.child.id().unwrap();
    let before = processor_time(process);
    sleep(Duration::from_secs(1)).await;
    let taken = processor_time(process) - before;
    assert!(taken < 30, "{taken} hundredths of a second were spent on waiting");
    drop(clients);
    assert_eq!(host.get("no key", "/health/live").await.0, 200);
    let (code, said) = host.stop("-TERM").await;
    assert!(code == Some(0) && said.contains("no connection could be accepted"), "{said}");
}
