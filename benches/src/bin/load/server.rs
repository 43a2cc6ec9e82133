//! A server as a process of its own, on a processor core of its own where there are several.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::connection::Connection;

/// The core that the measured server runs on; loader and upstream have the other ones.
const CORE: &str = "0";

/// A running server. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// From its start until it said that it is ready.
    pub(crate) started_in: Duration,
    _folder: Option<tempfile::TempDir>,
}

/// What a process took so far.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) processor: Duration,
    pub(crate) resident_bytes: u64,
}

impl Server {
    /// Starts *bare* in front of `upstream`.
    pub(crate) async fn bare(upstream: &str) -> Self {
        let port = free_port().await;
        let program = std::env::current_exe().expect("this program has a file");
        let mut command = on_its_core(&program);
        command.args(["--bare-port", &port.to_string(), "--bare-upstream", upstream]);
        let started = Instant::now();
        let child = command.spawn().expect("this program can be started again");
        let address = format!("127.0.0.1:{port}");
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Self { child, address, started_in: started.elapsed(), _folder: None }
    }

    /// Starts arash-http with these settings and the admin key `key`.
    pub(crate) async fn arash(program: &Path, key: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut command = on_its_core(program);
        command.current_dir(folder.path()).env_clear().stdout(Stdio::piped());
        command.env("API_PORT", "0").env("LOG_LEVEL", "warn").env("INTERNAL_API_KEY", key);
        command.env("INTERNAL_RATE_LIMIT", "1000000");
        command.envs(settings.iter().copied());
        let started = Instant::now();
        let mut child = command.spawn().expect("arash-http can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("it has an output")).lines();
        let address = loop {
            let line = lines.next_line().await.expect("its output can be read").expect("it does not end");
            if let Some(address) = line.strip_prefix("arash-http listens on http://") {
                break address.to_owned();
            }
        };
        let ready = b"GET /health/ready HTTP/1.1\r\nHost: load\r\n\r\n";
        Connection::open(&address).await.ask(ready).await;
        Self { child, address, started_in: started.elapsed(), _folder: Some(folder) }
    }

    pub(crate) fn taken(&self) -> Taken {
        let id = self.child.id().expect("it runs");
        taken(&format!("/proc/{id}")).expect("this needs /proc, as Linux has it")
    }

    pub(crate) async fn stop(mut self) {
        drop(self.child.kill().await);
    }
}

/// The processor time and the memory of a process. Its children and the database server are not in it.
fn taken(folder: &str) -> Option<Taken> {
    let stat = std::fs::read_to_string(format!("{folder}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let pages: u64 = std::fs::read_to_string(format!("{folder}/statm")).ok()?.split(' ').nth(1)?.parse().ok()?;
    // A hundredth of a second and 4 KiB on every Linux that this is run on.
    Some(Taken { processor: Duration::from_millis(ticks * 10), resident_bytes: pages * 4096 })
}

async fn free_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    listener.local_addr().expect("a listener has an address").port()
}

fn has_cores() -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) && Path::new("/usr/bin/taskset").exists()
}

fn on_its_core(program: &Path) -> Command {
    let mut command = if has_cores() {
        let mut command = Command::new("/usr/bin/taskset");
        command.args(["-c", CORE]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Leaves the core of the servers to them. To be called before anything else is started.
pub(crate) async fn leave_their_core() -> bool {
    if !has_cores() {
        return false;
    }
    let others = format!("1-{}", std::thread::available_parallelism().map_or(1, |cores| cores.get() - 1));
    let own = std::process::id().to_string();
    let mut command = Command::new("/usr/bin/taskset");
    command.args(["-a", "-c", "-p", &others, &own]).stdout(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}
