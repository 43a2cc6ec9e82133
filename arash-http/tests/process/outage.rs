//! The database goes away under load and comes back: callers are told soon and truly, the program does not grow, and
//! nothing that was told is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arash_core::testing::FaultProxy;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::chores::new_key;
use crate::database::Database;
use crate::ledger::{Heard, Ledger, Outcome};
use crate::load::{Line, Talker};
use crate::program::{Host, PATIENCE, program};
use crate::slow_upstream::{SlowUpstream, question};

const ADMIN: &str = "the-key-of-the-outage-test-which-is-long-enough";
const CLIENTS: u64 = 32;
/// Every request is answered within 5 seconds; the rest is for a busy machine.
const ANSWERED: Duration = Duration::from_secs(6);
/// Back to normal within this after the database is there again.
const RECOVERED: Duration = Duration::from_secs(5);
/// What was done before the database went away is told within this.
const ON_ITS_WAY: Duration = Duration::from_millis(500);
/// How much larger the program may get meanwhile, in KiB.
const GROWTH_KIB: u64 = 64 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sqlite_file_that_another_program_holds_is_told_and_outlived() {
    let database = Database::sqlite();
    let url = database.url().to_owned();
    outlive(database, &url, Outage::Held { url: url.clone(), holder: None }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_server_that_hangs_is_told_and_outlived() {
    let (database, proxy, url) = postgres_behind_a_proxy().await;
    outlive(database, &url, Outage::Hanging(proxy)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_server_that_is_cut_off_is_told_and_outlived() {
    let (database, proxy, url) = postgres_behind_a_proxy().await;
    outlive(database, &url, Outage::CutOff(proxy)).await;
}

/// The database, and the address of it that leads through the proxy.
async fn postgres_behind_a_proxy() -> (Database, FaultProxy, String) {
    let database = Database::postgres().await;
    let mut url = Url::parse(database.url()).unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let proxy = FaultProxy::start(target).await.unwrap();
    url.set_ip_host(proxy.address().ip()).unwrap();
    url.set_port(Some(proxy.address().port())).unwrap();
    (database, proxy, url.into())
}

/// How the database goes away.
enum Outage {
    Hanging(FaultProxy),
    CutOff(FaultProxy),
    /// Somebody else writes; what is there can still be read.
    Held {
        url: String,
        holder: Option<AnyConnection>,
    },
}

impl Outage {
    async fn begin(&mut self) {
        match self {
            Self::Hanging(proxy) => proxy.pause(),
            Self::CutOff(proxy) => proxy.cut(),
            Self::Held { url, holder } => {
                let mut connection = AnyConnection::connect(url).await.unwrap();
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                *holder = Some(connection);
            }
        }
    }

    async fn end(&mut self) {
        match self {
            Self::Hanging(proxy) => proxy.resume(),
            Self::CutOff(proxy) => proxy.mend(),
            Self::Held { holder, .. } => holder.take().unwrap().close().await.unwrap(),
        }
    }

    fn hides_keys(&self) -> bool {
        !matches!(self, Self::Held { .. })
    }
}

/// How long the database is away: `OUTAGE_SECONDS`, 8 otherwise.
fn length() -> Duration {
    let given = std::env::var("OUTAGE_SECONDS").ok();
    Duration::from_secs(given.map_or(8, |seconds| seconds.parse().unwrap()))
}

/// An answer, when it was asked for and when it was told.
struct Answer {
    asked: Instant,
    told: Instant,
    status: u16,
    reply: Value,
}

impl Answer {
    /// The program itself is never away: a request without an answer fails.
    async fn to(request: reqwest::RequestBuilder) -> Self {
        let asked = Instant::now();
        let response = request.send().await.unwrap();
        let (status, has_retry_after) = (response.status().as_u16(), response.headers().contains_key("Retry-After"));
        let reply: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let told = Instant::now();
        assert!(told - asked < ANSWERED, "{status} after {:?}: {reply}", told - asked);
        assert!(status != 503 || has_retry_after, "a 503 does not say when to come back: {reply}");
        Self { asked, told, status, reply }
    }
}

/// When the database was away.
#[derive(Clone, Copy)]
struct Away {
    from: Instant,
    until: Instant,
}

impl Away {
    /// Whether it was told what the database itself could not have told any more, or not yet.
    fn covers(self, answer: &Answer) -> bool {
        self.from + ON_ITS_WAY <= answer.told && answer.told <= self.until
    }

    fn is_before(self, answer: &Answer) -> bool {
        answer.told <= self.from
    }

    fn is_long_over(self, answer: &Answer) -> bool {
        answer.asked >= self.until + RECOVERED
    }
}

async fn outlive(database: Database, url: &str, mut outage: Outage) {
    let (upstream, mut ledger) = (SlowUpstream::start().await, Ledger::default());
    let mut command = program(database.folder());
    command.env("DATABASE_URL", url).env("AI_SERVICE_URL", upstream.url()).env("INTERNAL_API_KEY", ADMIN);
    command.env("INTERNAL_RATE_LIMIT", "0").env("LOG_LEVEL", "off");
    let host = Host::start(command).await;
    let line = Line::new(&host.address);
    let key = new_key(&line, ADMIN, "Known", 1_000_000, &mut ledger).await.unwrap().text;

    let (mut clients, mut strangers, stop) = (JoinSet::new(), JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for number in 0..CLIENTS {
        let key = if number % 2 == 0 { key.clone() } else { ADMIN.to_owned() };
        clients.spawn(talk(line.clone(), key, number, Arc::clone(&stop)));
    }
    strangers.spawn(try_keys(line.clone(), Arc::clone(&stop)));
    sleep(Duration::from_secs(1)).await;
    let before = resident_kib(&host);
    outage.begin().await;
    let from = Instant::now();
    let mut largest = before;
    while from.elapsed() < length() {
        sleep(Duration::from_millis(200)).await;
        largest = largest.max(resident_kib(&host));
    }
    let away = Away { from, until: Instant::now() };
    outage.end().await;
    sleep(RECOVERED + Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);

    for talked in timeout(PATIENCE, clients.join_all()).await.unwrap() {
        known_keys_were_told_truly(&talked, away);
        ledger.note(talked.into_iter().map(|(heard, _)| heard));
    }
    for answers in timeout(PATIENCE, strangers.join_all()).await.unwrap() {
        unknown_keys_were_told_truly(&answers, away, outage.hides_keys());
    }
    println!("{before} KiB before, {largest} KiB at most; {} answers", ledger.answers());
    assert!(largest <= before + GROWTH_KIB, "the program grew from {before} to {largest} KiB");
    assert_eq!(host.stop("-TERM").await.0, Some(0));
    ledger.check(&database.contents().await);
}

/// Asks one question after the other with a known key.
async fn talk(line: Line, key: String, client: u64, stop: Arc<AtomicBool>) -> Vec<(Heard, Answer)> {
    let mut talked = Vec::new();
    let mut talker = Talker { key, chat: format!("{client}-0"), is_careful: client.is_multiple_of(4), first: None };
    for number in 0.. {
        let question = question(&format!("{client}.{number}"), Duration::from_millis(client), false);
        let answer = Answer::to(line.question(&talker, &question)).await;
        let outcome = match answer.status {
            200 => Outcome::answered(&answer.reply),
            503 => Outcome::Unsure,
            status => panic!("a known key was answered with {status}: {}", answer.reply),
        };
        let is_answered = answer.status == 200;
        talked.push((Heard { chat: talker.chat.clone(), question, outcome }, answer));
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if !is_answered {
            // Nobody knows what became of it, so it is not for the next one to wait for.
            talker.chat = format!("{client}-{number}");
        }
        sleep(Duration::from_millis(50)).await;
    }
    talked
}

/// Shows keys that could be keys and are none, each of them once.
async fn try_keys(line: Line, stop: Arc<AtomicBool>) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let key = format!("a-key-that-nobody-ever-had-{}", uuid::Uuid::now_v7());
        let body = json!({"user_id": "u", "chat_id": "c", "text": "hello"});
        answers.push(Answer::to(line.request(Method::POST, &key, "chat", &body)).await);
        sleep(Duration::from_millis(50)).await;
    }
    answers
}

fn known_keys_were_told_truly(talked: &[(Heard, Answer)], away: Away) {
    let statuses = |answers: &dyn Fn(&Answer) -> bool| {
        let chosen = talked.iter().map(|(_, answer)| answer).filter(|answer| answers(answer));
        chosen.map(|answer| answer.status).collect::<Vec<_>>()
    };
    let meanwhile = statuses(&|answer| away.covers(answer));
    assert!(!meanwhile.is_empty() && meanwhile.iter().all(|status| *status == 503), "while away: {meanwhile:?}");
    let afterwards = statuses(&|answer| away.is_long_over(answer));
    assert!(!afterwards.is_empty() && afterwards.iter().all(|status| *status == 200), "afterwards: {afterwards:?}");
}

fn unknown_keys_were_told_truly(answers: &[Answer], away: Away, hides_keys: bool) {
    let expected = |answer: &Answer| {
        if away.covers(answer) {
            return Some(if hides_keys { 503 } else { 401 });
        }
        (away.is_before(answer) || away.is_long_over(answer)).then_some(401)
    };
    for answer in answers {
        let is_true = expected(answer).is_none_or(|status| status == answer.status);
        assert!(is_true && [401, 503].contains(&answer.status), "{}: {}", answer.status, answer.reply);
    }
    assert!(answers.iter().any(|answer| away.covers(answer)), "nobody asked while the database was away");
}

/// How much of the program is in memory.
fn resident_kib(host: &Host) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.child.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
