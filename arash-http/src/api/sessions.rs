use std::time::Duration;

use arash_core::clock::{Clock, SystemClock, Timestamp};
use arash_core::id::{SessionId, TeamId};
use arash_core::session::{SessionFilter, SessionKey, SessionPage, SessionSummary};
use arash_core::team::{AccessLevel, Principal};
use arash_core::{Engine, Error, Platform};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::platform::{PlatformConfig, model_name};
use super::{Done, Group};
use crate::auth::Caller;
use crate::cursor::{self, Cursor};
use crate::id::Id;
use crate::page::PageLimit;
use crate::refusal::{Refusal, statuses};
use crate::time::Time;

/// A session with a turn this recently is active.
pub(super) const ACTIVE_WITHIN: Duration = Duration::from_mins(5);

statuses! {
    /// A list of what the caller may see.
    ListRefused = [401, 403, 422, 500, 503];
    /// One session by its id.
    SessionRefused = [401, 403, 404, 500, 503];
    /// The same, where other messages of the session may be waiting.
    DeletionRefused = [401, 403, 404, 409, 500, 503];
}

/// A conversation as a list shows it.
#[derive(Debug, Object)]
struct SessionEntry {
    /// Its id.
    session_id: String,
    /// The platform it is on.
    platform: String,
    /// The name of the model that answers in it.
    #[oai(nullable)]
    current_model: Option<String>,
    /// The user's messages since it was opened or cleared.
    message_count: u64,
    /// When it last had a turn.
    last_activity: Time,
    /// Who opened it.
    user_id: String,
    /// The chat it belongs to.
    chat_id: String,
    /// The messages that now form the context.
    history_length: u64,
}

/// A page of conversations.
#[derive(Debug, Object)]
struct SessionList {
    /// How many there are on all pages: exact below ten thousand, else up to five seconds old.
    total: u64,
    /// Always true.
    authenticated: bool,
    /// Newest activity first.
    sessions: Vec<SessionEntry>,
    /// Leads to the next page; null on the last one.
    #[oai(nullable)]
    next_cursor: Option<String>,
}

/// A conversation.
#[derive(Debug, Object)]
struct SessionDetail {
    /// Its id.
    session_id: String,
    /// The platform it is on.
    platform: String,
    /// The name of the model that answers in it.
    #[oai(nullable)]
    current_model: Option<String>,
    /// Who opened it.
    user_id: String,
    /// The chat it belongs to.
    chat_id: String,
    /// The team it belongs to; null on public platforms.
    #[oai(nullable)]
    team_id: Option<Id>,
    /// The user's messages since it was opened or cleared.
    message_count: u64,
    /// When it was opened.
    created_at: Time,
    /// When it last had a turn.
    last_activity: Time,
    /// Seconds since it was opened.
    uptime_seconds: u64,
}

/// A conversation and the rules of its platform.
#[derive(Debug, Object)]
struct SessionAnswer {
    /// The conversation.
    session: SessionDetail,
    /// The messages that now form the context.
    history_length: u64,
    /// The rules of its platform.
    platform_config: PlatformConfig,
}

/// Conversations.
#[derive(Debug)]
pub(super) struct Sessions {
    engine: Engine,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Group::Sessions")]
impl Sessions {
    /// List sessions
    ///
    /// Those of the key's team; with a key of level admin, all.
    #[oai(path = "/sessions", method = "get", operation_id = "list_sessions")]
    async fn list(
        &self,
        caller: Caller,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<Cursor<(Timestamp, SessionId)>>>,
    ) -> Result<Json<SessionList>, Refusal<ListRefused>> {
        let filter = SessionFilter { team: visible_team(&caller.0), platform: None };
        let page = SessionPage { before: cursor.map(|Cursor(before)| before), limit: limit.with_one_more() };
        let mut entries = self.engine.sessions().list(&filter, page).await?;
        let total = self.engine.sessions().count(&filter, ACTIVE_WITHIN).await?.total;
        let next_cursor = cursor::page(&mut entries, limit.entries(), |last| (last.last_activity_at, last.id));
        let sessions = entries.into_iter().map(|session| self.entry(session)).collect();
        Ok(Json(SessionList { total, authenticated: true, sessions, next_cursor }))
    }

    /// Show a session
    ///
    /// Another team's session is 403 whether or not it exists: its id says whose it is.
    #[oai(path = "/session/:session_id", method = "get", operation_id = "get_session")]
    async fn show(
        &self,
        caller: Caller,
        /// The session's id, percent-encoded.
        session_id: Path<String>,
    ) -> Result<Json<SessionAnswer>, Refusal<SessionRefused>> {
        let key = accessible(&self.engine, &session_id, &caller.0)?;
        let session = self.engine.sessions().get(&key).await?;
        let platform = self.platform_of(&key)?;
        let now = SystemClock.now();
        Ok(Json(SessionAnswer {
            history_length: self.history_length(&session),
            platform_config: PlatformConfig::of(platform, &self.engine),
            session: SessionDetail {
                current_model: self.current_model(&session),
                session_id: key.to_string(),
                platform: key.platform().to_owned(),
                chat_id: key.chat_id().to_owned(),
                user_id: session.user_id,
                team_id: session.team_id.map(Id::from),
                message_count: session.message_count,
                created_at: session.created_at.into(),
                last_activity: session.last_activity_at.into(),
                uptime_seconds: now.since(session.created_at).as_secs(),
            },
        }))
    }

    /// Delete a session
    ///
    /// What was said in it is gone; its usage records stay.
    #[oai(path = "/session/:session_id", method = "delete", operation_id = "delete_session")]
    async fn delete(
        &self,
        caller: Caller,
        /// The session's id, percent-encoded.
        session_id: Path<String>,
    ) -> Result<Json<Done>, Refusal<DeletionRefused>> {
        let key = accessible(&self.engine, &session_id, &caller.0)?;
        self.engine.delete_session(&key).await?;
        Ok(Json(Done::saying("Session deleted")))
    }
}

impl Sessions {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    fn platform_of(&self, key: &SessionKey) -> Result<&Platform, Error> {
        self.engine
            .platform(key.platform())
            .ok_or_else(|| Error::internal("a session is on a platform that there is not"))
    }

    fn entry(&self, session: SessionSummary) -> SessionEntry {
        SessionEntry {
            current_model: self.current_model(&session),
            history_length: self.history_length(&session),
            session_id: session.key.to_string(),
            platform: session.key.platform().to_owned(),
            chat_id: session.key.chat_id().to_owned(),
            user_id: session.user_id,
            message_count: session.message_count,
            last_activity: session.last_activity_at.into(),
        }
    }

    fn current_model(&self, session: &SessionSummary) -> Option<String> {
        model_name(&self.engine, session.key.platform(), session.model.as_ref())
    }

    fn history_length(&self, session: &SessionSummary) -> u64 {
        let limit =
            self.engine.platform(session.key.platform()).map_or(u64::MAX, |platform| platform.history_limit() as u64);
        session.stored_messages.min(limit)
    }
}

/// The session that a path names, if the caller may see it.
///
/// # Errors
/// `NotFound` when it can be no session's name; `Forbidden` when it is another team's.
pub(super) fn accessible(engine: &Engine, session_id: &str, principal: &Principal) -> Result<SessionKey, Error> {
    let key = engine.session_key(session_id)?;
    key.require_access(principal)?;
    Ok(key)
}

/// The only team whose sessions the caller sees; `None` for all.
fn visible_team(principal: &Principal) -> Option<TeamId> {
    (principal.access_level() < AccessLevel::Admin).then(|| principal.team_id())
}
