use arash_core::id::TeamId;
use arash_core::team::{AccessLevel, KeySpec, TeamSpec};
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::webhook::EndpointSpec;
use serde_json::Value;

use super::{Key, Operation, TestHost, message};

/// A host on which every kind of thing can be made, and its provider.
pub(crate) struct World {
    pub(crate) host: TestHost,
    provider: ScriptedProvider,
}

/// One thing of every kind, all of one team.
#[derive(Clone, Debug)]
pub(crate) struct Things {
    /// A key of level team lead, which made the rest.
    pub(crate) key: Key,
    pub(crate) key_id: i64,
    pub(crate) session: String,
    /// A turn that runs until it is stopped.
    pub(crate) turn: String,
    /// What was sent to the team's webhook, whose address has the mark in it.
    pub(crate) delivery: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        let provider = ScriptedProvider::new([Script::saying("Hello")]);
        let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
        Self { host, provider }
    }

    /// New things of a new team; `mark` stands in the names of team, key and user and in what is said.
    pub(crate) async fn things(&self, mark: &str) -> Things {
        let spec = TeamSpec { description: Some(mark.to_owned()), ..TeamSpec::named(mark) };
        let team = self.host.engine.teams().create(spec).await.unwrap().id;
        let spec = KeySpec::new(team, format!("{mark} key")).level(AccessLevel::TeamLead);
        let issued = self.host.engine.keys().create(spec).await.unwrap();
        let key_id = issued.key.id.0;
        let key = Key::from(issued);
        let (mut said, mut running) = (message("said", mark), message("running", mark));
        for message in [&mut said, &mut running] {
            message["user_id"] = mark.into();
        }
        let answer = self.host.post(&key, "/api/v1/chat", &said).await;
        let session = answer.at("/data/session_id").as_str().unwrap().to_owned();
        self.provider.push(Script::new([Step::say("half"), Step::Hang]));
        let mut stream = self.host.open(self.host.posting(&key, "/api/v1/chat/stream", &running)).await;
        // Told only once it is recorded as begun.
        stream.next().await.unwrap();
        self.provider.push(Script::saying("Hello"));
        Things { turn: stream.turn_id(), key, key_id, session, delivery: self.delivery(team, mark).await }
    }

    /// Makes a webhook and tries it.
    async fn delivery(&self, team: TeamId, mark: &str) -> String {
        let webhooks = self.host.engine.webhooks();
        let url = format!("https://example.com/{}", mark.replace(' ', "%20"));
        webhooks.put(team, EndpointSpec { url: Some(url), ..EndpointSpec::default() }).await.unwrap();
        webhooks.test(team).await.unwrap().event_id.to_string()
    }

    /// All that an admin can read of these things, and of all others.
    pub(crate) async fn state(&self, things: &Things) -> Vec<(String, Value)> {
        let mut state = Vec::new();
        for operation in Operation::guarded() {
            // What a team lead can read, an admin can read of all teams elsewhere.
            if operation.method != "GET" || operation.is_stream() || operation.is_leads() {
                continue;
            }
            // What is asked for by an id in the query is asked for without it too.
            let mut paths = vec![operation.path_to(things)];
            if !operation.path.contains('{') {
                paths.push(operation.path.clone());
            }
            paths.dedup();
            for path in paths {
                let answer = self.host.get(&self.host.admin, &path).await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.text);
                let mut json = answer.json();
                forget_time(&mut json);
                state.push((path, json));
            }
        }
        assert!(state.len() > 15, "{state:?}");
        state
    }
}

/// Leaves out what differs from moment to moment although nobody changes anything.
fn forget_time(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !["uptime_seconds", "timestamp", "from", "to"].contains(&name.as_str()));
            fields.values_mut().for_each(forget_time);
        }
        Value::Array(entries) => entries.iter_mut().for_each(forget_time),
        _ => {}
    }
}
