//! What an administrator does besides, so that every kind of transaction is met: teams, keys and sessions come and go.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::ledger::{Heard, Ledger, Outcome};
use crate::load::{Line, Talker};
use crate::slow_upstream::question;

/// The daily quota of each team that comes and goes; more are asked for.
const QUOTA: u64 = 3;
const ASKED: u64 = 5;

/// A key of a new team with this daily quota; `None` when the program went away. `name` is like no other.
pub(crate) async fn new_key(line: &Line, admin: &str, name: &str, quota: u64, ledger: &mut Ledger) -> Option<Key> {
    let team = json!({"name": name, "daily_quota": quota});
    let team = done(line, Method::POST, admin, "admin/teams", &team).await?["id"].as_i64().unwrap();
    ledger.limit(format!("team:{team}"), quota);
    let key = json!({"team_id": team, "name": name, "access_level": "user"});
    let issued = done(line, Method::POST, admin, "admin/api-keys", &key).await?;
    let text = issued["api_key"].as_str().unwrap().to_owned();
    Some(Key { team, id: issued["key_info"]["id"].as_i64().unwrap(), text })
}

pub(crate) struct Key {
    pub(crate) team: i64,
    pub(crate) id: i64,
    pub(crate) text: String,
}

/// Does everything once; `None` when the program went away.
pub(crate) async fn chores(line: &Line, admin: &str, name: &str, ledger: &mut Ledger) -> Option<()> {
    let key = new_key(line, admin, name, QUOTA, ledger).await?;
    ledger.note(rush(line, &key, name).await);
    let body = json!({"user_id": "u", "chat_id": format!("{name}-help"), "text": "/help"});
    ledger.command(&done(line, Method::POST, &key.text, "chat", &body).await?);
    changes(line, admin, &key).await?;
    let session = format!("session/internal_{}_{name}-help", key.team);
    done(line, Method::DELETE, &key.text, &session, &Value::Null).await?;
    done(line, Method::DELETE, admin, &format!("admin/api-keys/{}", key.id), &Value::Null).await?;
    done(line, Method::DELETE, admin, &format!("admin/api-keys/{}?permanent=true", key.id), &Value::Null).await?;
    Some(())
}

/// What is done to a team and a key while they are there; the key's secret stays good.
async fn changes(line: &Line, admin: &str, key: &Key) -> Option<()> {
    let described = json!({"description": "Comes and goes."});
    done(line, Method::PATCH, admin, &format!("admin/teams/{}", key.team), &described).await?;
    done(line, Method::PATCH, admin, &format!("admin/api-keys/{}", key.id), &described).await?;
    let rotation = json!({"overlap_seconds": 60});
    done(line, Method::POST, admin, &format!("admin/api-keys/{}/rotate", key.id), &rotation).await?;
    Some(())
}

/// What an operation answers that has to work.
async fn done(line: &Line, method: Method, key: &str, path: &str, body: &Value) -> Option<Value> {
    let (status, reply) = line.send(line.request(method, key, path, body)).await?;
    assert!(status < 300, "{path}: {status} {reply}");
    Some(reply)
}

/// More questions at once than the quota allows.
async fn rush(line: &Line, key: &Key, name: &str) -> Vec<Heard> {
    let mut questions = JoinSet::new();
    for number in 0..ASKED {
        let chat = format!("{name}-{number}");
        let talker = Talker { key: key.text.clone(), chat: chat.clone(), is_careful: false, first: None };
        let (line, question) = (line.clone(), question(&chat, std::time::Duration::ZERO, false));
        questions.spawn(async move {
            let outcome = line.ask(&talker, &question).await.unwrap_or(Outcome::Unsure);
            Heard { chat, question, outcome }
        });
    }
    questions.join_all().await
}
