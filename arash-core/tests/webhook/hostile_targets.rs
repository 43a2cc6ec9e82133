//! No address that a tenant writes leads into the network that the engine runs in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arash_core::webhook::guard::TargetPolicy;
use arash_core::webhook::{HttpSender, SendError, WebhookSender};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::dns::{Answers, NameServer};
use crate::sending::signed;
use crate::target_corpus::HOSTS;

/// Listens on every address of this machine, on one port, and counts who comes.
struct PrivateListener {
    port: u16,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl PrivateListener {
    async fn start() -> Self {
        let v4 = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = v4.local_addr().unwrap().port();
        let (connections, mut tasks) = (Arc::<AtomicUsize>::default(), JoinSet::new());
        // A machine without version 6 has one listener less to protect.
        let v6 = TcpListener::bind(("::1", port)).await.ok();
        for listener in [Some(v4), v6].into_iter().flatten() {
            let connections = Arc::clone(&connections);
            tasks.spawn(async move {
                while listener.accept().await.is_ok() {
                    connections.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { port, connections, _tasks: tasks }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Nothing but what is private is in the way of reaching it.
    fn policy(&self) -> TargetPolicy {
        TargetPolicy::default().http(true).ports([self.port])
    }
}

/// The address with this host, and the listener's port wherever one can stand.
fn url(host: &str, port: u16) -> String {
    match host.split_once(['#', '?', '/', '\\']) {
        Some((before, _)) => format!("http://{before}:{port}{}", &host[before.len()..]),
        None => format!("http://{host}:{port}/hook"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_notation_leads_to_a_private_listener() {
    let listener = PrivateListener::start().await;
    assert!(HOSTS.len() >= 150, "{}", HOSTS.len());
    let sender = HttpSender::new(listener.policy()).deadline(Duration::from_secs(2));
    for host in HOSTS {
        let url = url(host, listener.port);
        let refusal = listener.policy().check("webhook_url", &url);
        assert!(refusal.is_err(), "{url} was accepted");
        let sent = sender.send(&signed(&url)).await;
        assert_eq!(sent.error, Some(SendError::Refused), "{url}");
    }
    assert_eq!(listener.connections(), 0);
}

/// The corpus is worth something: without the guard, many of its targets are reached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_guard_these_targets_would_be_reached() {
    let listener = PrivateListener::start().await;
    let sender = HttpSender::new(listener.policy().private(true)).deadline(Duration::from_millis(100));
    for host in HOSTS {
        sender.send(&signed(&url(host, listener.port))).await;
    }
    assert!(listener.connections() > 40, "{}", listener.connections());
}

fn addresses(all: &[&[&str]]) -> Answers {
    let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse::<IpAddr>().unwrap()).collect();
    all.iter().map(parse).collect()
}

/// A public address at which nobody can be reached from here.
const PUBLIC: &str = "192.31.196.1";
const PUBLIC_V6: &str = "2620:4f:8000::1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_server_that_lies_leads_nowhere_either() {
    let listener = PrivateListener::start().await;
    let names = [
        ("v4.example", addresses(&[&["127.0.0.1"]])),
        ("v6.example", addresses(&[&["::1"]])),
        ("mapped.example", addresses(&[&["::ffff:127.0.0.1"]])),
        ("any.example", addresses(&[&["0.0.0.0"]])),
        ("cloud.example", addresses(&[&["169.254.169.254"]])),
        ("translated.example", addresses(&[&["64:ff9b::7f00:1"]])),
        (
            "last-of-many.example",
            addresses(&[&[PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, PUBLIC, "127.0.0.1"]]),
        ),
        ("public-and-private.example", addresses(&[&[PUBLIC, "127.0.0.1"]])),
        ("private-and-public.example", addresses(&[&["127.0.0.1", PUBLIC]])),
        ("public-a-private-aaaa.example", addresses(&[&[PUBLIC, "::1"]])),
        ("private-a-public-aaaa.example", addresses(&[&["127.0.0.1", PUBLIC_V6]])),
    ];
    let server =
        NameServer::start(names.iter().map(|(name, found)| ((*name).to_owned(), found.clone())).collect()).await;
    let sender = HttpSender::with_resolver(listener.policy(), server.resolver()).deadline(Duration::from_secs(2));
    for (name, _) in &names {
        for host in [(*name).to_owned(), name.to_uppercase(), format!("{name}.")] {
            let sent = sender.send(&signed(&url(&host, listener.port))).await;
            assert_eq!(sent.error, Some(SendError::Refused), "{host}");
        }
        assert_eq!(server.lookups(name), 3, "once an attempt");
    }
    assert_eq!(listener.connections(), 0);
}

/// Whoever writes names and reads what is told of them must not learn which names the network of the host has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_name_and_one_that_leads_nowhere_are_told_alike() {
    let listener = PrivateListener::start().await;
    let server =
        NameServer::start(HashMap::from([("secret-host.example".to_owned(), addresses(&[&["10.1.2.3"]]))])).await;
    let sender = HttpSender::with_resolver(listener.policy(), server.resolver()).deadline(Duration::from_secs(2));
    for name in ["secret-host.example", "nowhere.example"] {
        let sent = sender.send(&signed(&url(name, listener.port))).await;
        let told = (sent.status_code, sent.error.map(|error| error.to_string()), sent.retry_after);
        assert_eq!(told, (None, Some("the target is refused".to_owned()), None), "{name}");
    }
}

/// The name is public when it is checked and private when it is asked for again: it is not asked for again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_changes_its_mind_is_asked_once_an_attempt() {
    let listener = PrivateListener::start().await;
    let rebinding = addresses(&[&[PUBLIC], &["127.0.0.1"], &[PUBLIC, PUBLIC_V6], &["::1"], &["127.0.0.1"]]);
    let server = NameServer::start(HashMap::from([("rebind.example".to_owned(), rebinding)])).await;
    let sender = HttpSender::with_resolver(listener.policy(), server.resolver()).deadline(Duration::from_millis(500));
    let event = signed(&url("rebind.example", listener.port));
    for (attempt, outcome) in [None, Some(SendError::Refused), None, Some(SendError::Refused), Some(SendError::Refused)]
        .into_iter()
        .enumerate()
    {
        let sent = sender.send(&event).await;
        match outcome {
            Some(refused) => assert_eq!(sent.error, Some(refused), "attempt {attempt}"),
            // It goes to the public address, where nobody answers.
            None => assert!(matches!(sent.error, Some(SendError::Timeout | SendError::Connection)), "{sent:?}"),
        }
        assert_eq!(server.lookups("rebind.example"), attempt + 1);
    }
    assert_eq!(listener.connections(), 0);
}

/// The other half of the promise: what was checked is what is dialled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_goes_to_the_address_that_was_checked() {
    let listener = PrivateListener::start().await;
    let there = addresses(&[&["127.0.0.1"]]);
    let server = NameServer::start(HashMap::from([("there.example".to_owned(), there)])).await;
    let policy = listener.policy().private(true);
    let sender = HttpSender::with_resolver(policy, server.resolver()).deadline(Duration::from_millis(200));
    sender.send(&signed(&url("there.example", listener.port))).await;
    assert_eq!((listener.connections(), server.lookups("there.example")), (1, 1));
}
