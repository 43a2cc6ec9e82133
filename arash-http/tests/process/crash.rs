//! `kill -9` under load, again and again: every answered turn has exactly one usage record and both its messages, in
//! order; no quota is overspent; the sums equal the records.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::program::{Host, PATIENCE, answer, client, program};
use arash_core::clock::Timestamp;
use arash_core::id::{TeamId, TurnId};
use arash_core::message::Role;
use arash_core::session::{SessionKey, SessionStore};
use arash_core::store::{SqlStore, Store};
use arash_core::usage::{UsageFilter, UsagePage, UsageRecord, UsageReport, UsageStore};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

const KILLS: u64 = 20;
const CLIENTS: u64 = 8;
const KEY: &str = "the-key-of-the-crash-test-which-is-long-enough";

/// What a client was told: one answered turn.
#[derive(Clone)]
struct Answered {
    turn: TurnId,
    chat: String,
    question: String,
    answer: String,
}

fn command(folder: &Path) -> tokio::process::Command {
    let mut command = program(folder);
    command.env("INTERNAL_API_KEY", KEY).env("INTERNAL_RATE_LIMIT", "0").env("INTERNAL_MAX_HISTORY", "1000");
    command
}

/// Talks in a conversation of its own until the host goes away.
async fn talk(address: String, chat: String, round: u64, stop: Arc<AtomicBool>) -> Vec<Answered> {
    let (client, mut told) = (client(), Vec::new());
    for number in 0.. {
        let question = format!("round {round}, message {number}");
        let body = json!({"user_id": "u", "chat_id": chat, "text": question}).to_string();
        let request = client.post(format!("{address}/api/v1/chat")).bearer_auth(KEY);
        let request = request.header("Content-Type", "application/json").body(body);
        let Ok(response) = request.send().await else { break };
        let status = response.status();
        // An answer that was cut off is no answer.
        let Ok(Ok(reply)) = response.text().await.map(|text| serde_json::from_str::<Value>(&text)) else { break };
        assert_eq!(status, 200, "{reply}");
        told.push(Answered {
            turn: reply["data"]["turn_id"].as_str().unwrap().parse().unwrap(),
            chat: chat.clone(),
            question,
            answer: reply["response"].as_str().unwrap().to_owned(),
        });
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    told
}

async fn all_records(store: &SqlStore) -> Vec<UsageRecord> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = store.usage_records(UsageFilter::default(), UsagePage { before, limit: 1_000 }).await.unwrap();
        let Some(last) = page.last() else { return all };
        before = Some(last.turn_id);
        all.extend(page);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_loses_no_answer_and_counts_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    // Not evenly spread, so that kills meet the host at its start, in its stride and in between.
    let moments = (0..KILLS).map(|round| 20 + (round * 7_919) % 400);
    for (round, millis) in (0..).zip(moments) {
        let mut host = Host::start(command(folder.path())).await;
        let (mut clients, stop) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
        for number in 0..CLIENTS {
            clients.spawn(talk(host.address.clone(), format!("chat-{number}"), round, Arc::clone(&stop)));
        }
        tokio::time::sleep(Duration::from_millis(millis)).await;
        host.child.kill().await.unwrap();
        stop.store(true, Ordering::Relaxed);
        told.extend(timeout(PATIENCE, clients.join_all()).await.unwrap().into_iter().flatten());
    }
    assert!(told.len() > KILLS as usize * 2, "only {} answers: the kills came before the load", told.len());

    let store = SqlStore::open(&format!("sqlite://{}/arash.db", folder.path().display())).await.unwrap();
    let records = all_records(&store).await;
    every_answer_has_one_record(&told, &records);
    every_answer_has_both_messages(&store, &told).await;
    the_sums_equal_the_records(&store, &records).await;
    println!("{KILLS} kills: {} answers, {} usage records", told.len(), records.len());
    store.close().await;
}

fn every_answer_has_one_record(told: &[Answered], records: &[UsageRecord]) {
    let recorded: HashSet<_> = records.iter().map(|record| record.turn_id).collect();
    assert_eq!(recorded.len(), records.len(), "a turn is recorded twice");
    for answered in told {
        assert!(recorded.contains(&answered.turn), "the answer to {:?} was not recorded", answered.question);
    }
    // What was recorded and not told was cut off by the kill: at most one message of each client, each time.
    let untold = records.len() - told.len();
    assert!(untold as u64 <= KILLS * CLIENTS, "{untold} records that nobody was told of");
    assert!(records.iter().all(|record| record.success));
}

async fn every_answer_has_both_messages(store: &SqlStore, told: &[Answered]) {
    let mut chats: BTreeMap<&str, Vec<&Answered>> = BTreeMap::new();
    for answered in told {
        chats.entry(&answered.chat).or_default().push(answered);
    }
    for (chat, answers) in chats {
        let key = SessionKey::private("internal", TeamId(1), chat);
        let session = store.load(&key, 1_000_000, Timestamp::default()).await.unwrap().unwrap();
        let said: Vec<_> = session.history.iter().collect();
        assert_eq!(said.len() as u64, session.stored_messages);
        assert_eq!(said.len() as u64, session.message_count * 2);
        let mut places = HashMap::new();
        for (place, pair) in said.chunks(2).enumerate() {
            assert_eq!((pair[0].role, pair[1].role), (Role::User, Role::Assistant), "{chat}: order is broken");
            let earlier = places.insert(pair[0].text.to_string(), (place, pair[1].text.to_string()));
            assert!(earlier.is_none(), "{chat}: {:?} is there twice", pair[0].text);
        }
        let mut last = None;
        for answered in answers {
            let found = places.get(&answered.question);
            let (place, stored) = found.unwrap_or_else(|| panic!("{chat}: {:?} is lost", answered.question));
            assert_eq!(stored, &answered.answer);
            assert!(Some(*place) > last, "{chat}: {:?} is out of order", answered.question);
            last = Some(*place);
        }
    }
}

async fn the_sums_equal_the_records(store: &SqlStore, records: &[UsageRecord]) {
    let (from, to) = (Timestamp::default(), Timestamp::from_millis(i64::MAX / 2));
    let hours = store.usage_hours(UsageFilter::default(), from, to).await.unwrap();
    let totals = UsageReport::from_hours(from, to, &hours).totals;
    let tokens: u64 = records.iter().map(|record| record.tokens.total()).sum();
    assert_eq!((totals.requests, totals.tokens.total()), (records.len() as u64, tokens));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_overspends_no_quota() {
    const QUOTA: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let (mut answered, mut key) = (0, String::new());
    for round in 0..4 {
        let mut host = Host::start(command(folder.path())).await;
        if round == 0 {
            key = limited_key(&host, QUOTA).await;
        }
        let mut clients = JoinSet::new();
        for number in 0..40 {
            let (address, key) = (host.address.clone(), key.clone());
            clients.spawn(async move {
                let body = json!({"user_id": "u", "chat_id": format!("{round}-{number}"), "text": "hi"}).to_string();
                let request = client().post(format!("{address}/api/v1/chat")).bearer_auth(key);
                match request.header("Content-Type", "application/json").body(body).send().await {
                    Ok(response) => response.status().as_u16(),
                    Err(_) => 0,
                }
            });
        }
        if round < 3 {
            tokio::time::sleep(Duration::from_millis(30 + round * 40)).await;
            host.child.kill().await.unwrap();
        }
        let statuses = timeout(PATIENCE, clients.join_all()).await.unwrap();
        assert!(statuses.iter().all(|status| [0, 200, 429].contains(status)), "{statuses:?}");
        answered += statuses.iter().filter(|&&status| status == 200).count();
    }
    let store = SqlStore::open(&format!("sqlite://{}/arash.db", folder.path().display())).await.unwrap();
    let recorded = all_records(&store).await.len();
    assert!(answered <= recorded && recorded <= QUOTA, "{answered} answered, {recorded} recorded, {QUOTA} allowed");
    store.close().await;
}

/// A key of a new team with this daily quota.
async fn limited_key(host: &Host, quota: usize) -> String {
    let post = |path: &str, body: Value| {
        let request = client().post(format!("{}/api/v1/admin/{path}", host.address)).bearer_auth(KEY);
        answer(request.header("Content-Type", "application/json").body(body.to_string()))
    };
    let (status, team) = post("teams", json!({"name": "Limited", "daily_quota": quota})).await;
    assert_eq!(status, 201, "{team}");
    let body = json!({"team_id": team["id"], "name": "key", "access_level": "user"});
    let (status, issued) = post("api-keys", body).await;
    assert_eq!(status, 201, "{issued}");
    issued["api_key"].as_str().unwrap().to_owned()
}
