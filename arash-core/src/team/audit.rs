use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::id::{ApiKeyId, AuditId, TeamId};
use crate::team::{ApiKey, ChangeContext, Team};

/// What can be seen of a thing, as JSON: never a digest, never a secret.
pub type VisibleFields = Map<String, Value>;

/// One line of the audit log: who did what to whom. It is written in the transaction of the change itself, and never
/// changed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Its id; ids grow with time.
    pub id: AuditId,
    /// When it was done.
    pub at: Timestamp,
    /// The key that was shown; `None` for the program itself.
    pub actor_key_id: Option<ApiKeyId>,
    /// What was done, such as `team.created` or `key.rotated`.
    pub action: String,
    /// To whom, such as `team:7` or `key:12`.
    pub object: String,
    /// The team that it concerns.
    pub team_id: Option<TeamId>,
    /// What was there before; of an update, the fields that it changed. `None` for what is new.
    pub before: Option<VisibleFields>,
    /// What is there since; of an update, the fields that it changed. `None` for what was deleted.
    pub after: Option<VisibleFields>,
    /// The request in which it was done, if it was one.
    pub request_id: Option<String>,
}

/// A thing whose changes are written into the audit log.
pub trait Audited {
    /// What it is called there: the word before the colon of an object and before the dot of an action.
    const KIND: &'static str;

    /// Its number.
    fn number(&self) -> i64;

    /// The team that it belongs to.
    fn team_id(&self) -> TeamId;

    /// All that can be seen of it and changes only when somebody changes it.
    fn visible_fields(&self) -> VisibleFields;
}

impl AuditEntry {
    /// `thing` was made.
    pub fn created<T: Audited>(thing: &T, by: &ChangeContext) -> Self {
        Self::of(thing, "created", by).with(None, Some(thing.visible_fields()))
    }

    /// `thing` was deleted.
    pub fn deleted<T: Audited>(thing: &T, by: &ChangeContext) -> Self {
        Self::of(thing, "deleted", by).with(Some(thing.visible_fields()), None)
    }

    /// A thing became another: `verb` is the word after the dot of the action. Only what differs is written down.
    pub fn changed<T: Audited>(before: &T, after: &T, verb: &str, by: &ChangeContext) -> Self {
        let (mut old, mut new) = (before.visible_fields(), after.visible_fields());
        old.retain(|name, value| new.get(name) != Some(value));
        new.retain(|name, _| old.contains_key(name));
        Self::of(before, verb, by).with(Some(old), Some(new))
    }

    /// Something was done with what a team has one of, such as its webhook, that changed nothing of it: `fields` tell what.
    pub(crate) fn told(kind: &str, verb: &str, team: TeamId, fields: VisibleFields, by: &ChangeContext) -> Self {
        Self::about((kind, team.0), team, verb, by).with(None, Some(fields))
    }

    fn of<T: Audited>(thing: &T, verb: &str, by: &ChangeContext) -> Self {
        Self::about((T::KIND, thing.number()), thing.team_id(), verb, by)
    }

    fn about((kind, number): (&str, i64), team: TeamId, verb: &str, by: &ChangeContext) -> Self {
        Self {
            id: AuditId::new(),
            at: by.at,
            actor_key_id: by.actor.key_id(),
            action: format!("{kind}.{verb}"),
            object: format!("{kind}:{number}"),
            team_id: Some(team),
            before: None,
            after: None,
            request_id: by.actor.request_id().map(str::to_owned),
        }
    }

    fn with(self, before: Option<VisibleFields>, after: Option<VisibleFields>) -> Self {
        Self { before, after, ..self }
    }
}

/// A page of the audit log, newest first: at most `limit` entries with an id below `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// The last id of the page before; `None` for the first page.
    pub before: Option<AuditId>,
    /// Most entries.
    pub limit: u32,
}

impl AuditPage {
    /// The newest `limit` entries.
    pub const fn first(limit: u32) -> Self {
        Self { before: None, limit }
    }
}

impl Audited for Team {
    const KIND: &'static str = "team";

    fn number(&self) -> i64 {
        self.id.0
    }

    fn team_id(&self) -> TeamId {
        self.id
    }

    fn visible_fields(&self) -> VisibleFields {
        [
            ("name", json!(self.name)),
            ("description", json!(self.description)),
            ("monthly_quota", json!(self.monthly_quota)),
            ("daily_quota", json!(self.daily_quota)),
            ("allowed_models", json!(self.allowed_models)),
            ("is_active", json!(self.is_active)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
    }
}

impl Audited for ApiKey {
    const KIND: &'static str = "key";

    fn number(&self) -> i64 {
        self.id.0
    }

    fn team_id(&self) -> TeamId {
        self.team_id
    }

    fn visible_fields(&self) -> VisibleFields {
        let moment = |at: Option<Timestamp>| json!(at.map(Timestamp::to_rfc3339));
        [
            ("team_id", json!(self.team_id)),
            ("key_prefix", json!(self.key_prefix)),
            ("name", json!(self.name)),
            ("access_level", json!(self.access_level)),
            ("monthly_quota", json!(self.monthly_quota)),
            ("daily_quota", json!(self.daily_quota)),
            ("is_active", json!(self.is_active)),
            ("created_by", json!(self.created_by)),
            ("description", json!(self.description)),
            ("expires_at", moment(self.expires_at)),
            ("previous_expires_at", moment(self.previous_expires_at)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
    }
}
