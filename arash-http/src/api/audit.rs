//! The audit log as answers show it.

use std::collections::HashMap;

use arash_core::Engine;
use arash_core::id::{AuditId, TeamId};
use arash_core::team::{AuditEntry, AuditPage, VisibleFields};
use poem_openapi::Object;
use poem_openapi::types::Any;
use serde_json::Value;
use uuid::Uuid;

use crate::cursor::{self, Cursor};
use crate::id::Id;
use crate::page::PageLimit;
use crate::time::Time;

type Fields = HashMap<String, Any<Value>>;

/// Who did what to whom.
#[derive(Debug, Object)]
#[oai(rename = "AuditEntry")]
struct Entry {
    /// Its id.
    id: Uuid,
    /// When it was done.
    at: Time,
    /// The id of the key that was shown; null for the program itself.
    #[oai(nullable)]
    actor_key_id: Option<Id>,
    /// What was done: `team.created`, `team.updated`, `key.created`, `key.updated`, `key.revoked`, `key.rotated` or
    /// `key.deleted`.
    action: String,
    /// To whom: `team:7`, `key:12`.
    object: String,
    /// The team that it concerns.
    #[oai(nullable)]
    team_id: Option<Id>,
    /// What was there before; of an update, the fields that it changed. Null for what is new.
    #[oai(nullable)]
    before: Option<Fields>,
    /// What is there since; of an update, the fields that it changed. Null for what was deleted.
    #[oai(nullable)]
    after: Option<Fields>,
    /// The X-Request-Id of the request in which it was done; null for the program itself.
    #[oai(nullable)]
    request_id: Option<String>,
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Self {
        let fields = |fields: VisibleFields| fields.into_iter().map(|(name, value)| (name, Any(value))).collect();
        Self {
            id: *entry.id.as_uuid(),
            at: entry.at.into(),
            actor_key_id: entry.actor_key_id.map(Id::from),
            action: entry.action,
            object: entry.object,
            team_id: entry.team_id.map(Id::from),
            before: entry.before.map(fields),
            after: entry.after.map(fields),
            request_id: entry.request_id,
        }
    }
}

/// A page of the audit log.
#[derive(Debug, Object)]
pub(super) struct AuditList {
    /// Newest first.
    items: Vec<Entry>,
    /// Leads to the next page; null on the last one.
    #[oai(nullable)]
    next_cursor: Option<String>,
}

impl AuditList {
    /// A page of the log of one team or of all.
    pub(super) async fn read(
        engine: &Engine,
        team: Option<TeamId>,
        limit: PageLimit,
        cursor: Option<Cursor<AuditId>>,
    ) -> arash_core::Result<Self> {
        let page = AuditPage { before: cursor.map(|Cursor(before)| before), limit: limit.with_one_more() };
        let mut entries = engine.audit().list(team, page).await?;
        let next_cursor = cursor::page(&mut entries, limit.entries(), |last| last.id);
        Ok(Self { items: entries.into_iter().map(Entry::from).collect(), next_cursor })
    }
}
