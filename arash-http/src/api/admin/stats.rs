use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use arash_core::id::TeamId;
use arash_core::platform::Access;
use arash_core::session::SessionGroup;
use arash_core::team::PageAfter;
use arash_core::{Engine, Error, Platform};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use crate::api::Group;
use crate::api::platform::model_name;
use crate::api::sessions::ACTIVE_WITHIN;
use crate::auth::Admin;
use crate::id::Id;
use crate::refusal::{Refusal, statuses};

/// Teams that are read at once to find their names.
const TEAMS_AT_ONCE: u32 = 500;

statuses! {
    /// What needs nothing but the level.
    StatsRefused = [401, 403, 500, 503];
}

/// The open sessions of a team on a platform.
#[derive(Debug, Object)]
struct TeamStats {
    /// The team; null for the program's own sessions, which came with no key.
    #[oai(nullable)]
    team_id: Option<Id>,
    /// Its name.
    #[oai(nullable)]
    team_name: Option<String>,
    /// How many sessions.
    sessions: u64,
    /// The users' messages in them.
    messages: u64,
    /// Those with a turn in the past five minutes.
    active: u64,
    /// How many sessions have each model, by its name for people.
    models_used: BTreeMap<String, u64>,
}

/// The open sessions on a platform.
#[derive(Debug, Object)]
struct PlatformStats {
    /// How many sessions.
    sessions: u64,
    /// The users' messages in them.
    messages: u64,
    /// Those with a turn in the past five minutes.
    active: u64,
    /// The name of the model that answers; on public platforms.
    #[oai(skip_serializing_if_is_none)]
    model: Option<String>,
    /// How many sessions have each model, by its name for people; on private platforms.
    #[oai(skip_serializing_if_is_none)]
    models_used: Option<BTreeMap<String, u64>>,
    /// By team, in order of id; on private platforms.
    #[oai(skip_serializing_if_is_none)]
    team_breakdown: Option<Vec<TeamStats>>,
}

/// The open sessions.
#[derive(Debug, Object)]
struct SessionStats {
    /// How many sessions on all platforms.
    total_sessions: u64,
    /// Those with a turn in the past five minutes.
    active_sessions: u64,
    /// Seconds since the program began to serve.
    uptime_seconds: u64,
    /// Every platform that is configured, by name.
    #[oai(flatten)]
    platforms: BTreeMap<String, PlatformStats>,
}

/// The sum of some groups of sessions.
#[derive(Debug, Default)]
struct Sum {
    sessions: u64,
    messages: u64,
    active: u64,
    models_used: BTreeMap<String, u64>,
}

impl Sum {
    fn add(&mut self, group: &SessionGroup, model: Option<String>) {
        self.sessions += group.sessions;
        self.messages = self.messages.saturating_add(group.messages);
        self.active += group.active;
        if let Some(model) = model {
            *self.models_used.entry(model).or_default() += group.sessions;
        }
    }
}

/// Tells how many conversations there are.
#[derive(Debug)]
pub(crate) struct AdminStats {
    engine: Engine,
    started: Instant,
}

impl AdminStats {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, started: Instant::now() }
    }
}

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Group::Administration")]
impl AdminStats {
    /// Count the open sessions
    ///
    /// By platform, model and team; a session is active with a turn in the past five minutes. Exact below ten thousand
    /// open sessions, else up to five seconds old.
    #[oai(path = "/stats", method = "get", operation_id = "get_stats")]
    async fn stats(&self, _admin: Admin) -> Result<Json<SessionStats>, Refusal<StatsRefused>> {
        let groups = self.engine.sessions().groups(ACTIVE_WITHIN).await?;
        let names = self.team_names(groups.iter().filter_map(|group| group.team).collect()).await?;
        let platforms = self.engine.platforms();
        let platforms =
            platforms.map(|platform| (platform.name().to_owned(), self.platform(platform, &groups, &names)));
        Ok(Json(SessionStats {
            total_sessions: groups.iter().map(|group| group.sessions).sum(),
            active_sessions: groups.iter().map(|group| group.active).sum(),
            uptime_seconds: self.started.elapsed().as_secs(),
            platforms: platforms.collect(),
        }))
    }
}

impl AdminStats {
    fn platform(
        &self,
        platform: &Platform,
        groups: &[SessionGroup],
        names: &BTreeMap<TeamId, String>,
    ) -> PlatformStats {
        let (mut all, mut by_team) = (Sum::default(), BTreeMap::<Option<TeamId>, Sum>::new());
        for group in groups.iter().filter(|group| group.platform == platform.name()) {
            let model = model_name(&self.engine, &group.platform, group.model.as_ref());
            by_team.entry(group.team).or_default().add(group, model.clone());
            all.add(group, model);
        }
        let of_team = |(team, sum): (Option<TeamId>, Sum)| TeamStats {
            team_id: team.map(Id::from),
            team_name: team.and_then(|team| names.get(&team).cloned()),
            sessions: sum.sessions,
            messages: sum.messages,
            active: sum.active,
            models_used: sum.models_used,
        };
        let is_private = platform.access() == Access::Private;
        let model = if is_private { None } else { model_name(&self.engine, platform.name(), None) };
        PlatformStats {
            sessions: all.sessions,
            messages: all.messages,
            active: all.active,
            model,
            models_used: is_private.then_some(all.models_used),
            team_breakdown: is_private.then(|| by_team.into_iter().map(of_team).collect()),
        }
    }

    /// The names of these teams, read page by page: teams in between that nobody asks for cost less than a query for
    /// each that somebody does.
    async fn team_names(&self, mut wanted: BTreeSet<TeamId>) -> Result<BTreeMap<TeamId, String>, Error> {
        let mut names = BTreeMap::new();
        while let Some(next) = wanted.pop_first() {
            let page = PageAfter { after: next.0.saturating_sub(1), limit: TEAMS_AT_ONCE };
            let teams = self.engine.teams().list(false, page).await?;
            let Some(last) = teams.last().map(|team| team.id) else { break };
            wanted.retain(|&team| team > last);
            names.extend(teams.into_iter().map(|team| (team.id, team.name)));
        }
        Ok(names)
    }
}
