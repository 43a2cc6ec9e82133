//! `arash-http key`: makes, lists and revokes API keys.

use arash_core::Result;
use arash_core::clock::Timestamp;
use arash_core::id::ApiKeyId;
use arash_core::settings::DatabaseSettings;
use arash_core::team::{AccessLevel, KeyEnvironment, KeyOwner, KeySpec};
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use poem_openapi::types::ToJSON;
use serde_json::json;

use super::directory::{Directory, all};
use super::output::{Output, or_dash, table};
use crate::api::KeyInfo;

/// Makes, lists and revokes API keys, straight in the database
#[derive(Clone, Debug, Subcommand)]
pub enum KeyCommand {
    /// Makes a key and shows it, this once
    Create(CreateKey),
    /// Lists keys
    List(ListKeys),
    /// Takes a key out of use: running services refuse it within a second
    Revoke(RevokeKey),
}

/// What the new key is to be like.
#[expect(clippy::doc_markdown, reason = "these comments are the help text, which has no markup")]
#[derive(Args, Clone, Debug)]
pub struct CreateKey {
    /// Its name
    name: String,
    /// The team it belongs to: an id or a name
    #[arg(long, value_name = "TEAM")]
    team: String,
    /// What it may do
    #[arg(long, value_name = "LEVEL", default_value = "user", value_parser = level())]
    level: AccessLevel,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Requests in 30 days, in place of the team's [default: the team's]
    #[arg(long, value_name = "COUNT")]
    monthly_quota: Option<u64>,
    /// Requests in 24 hours, in place of the team's [default: the team's]
    #[arg(long, value_name = "COUNT")]
    daily_quota: Option<u64>,
    /// Days until it is refused [default: never]
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u32>,
    /// Makes a key that begins with sk_test_ in place of sk_live_
    #[arg(long)]
    test: bool,
    #[command(flatten)]
    output: Output,
}

/// Which keys are listed.
#[derive(Args, Clone, Debug)]
pub struct ListKeys {
    /// Only those of this team: an id or a name
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Which key is revoked.
#[derive(Args, Clone, Copy, Debug)]
pub struct RevokeKey {
    /// Its id
    id: i64,
    #[command(flatten)]
    output: Output,
}

fn level() -> impl TypedValueParser<Value = AccessLevel> {
    let names = [AccessLevel::User, AccessLevel::TeamLead, AccessLevel::Admin].map(AccessLevel::as_str);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<AccessLevel>())
}

impl KeyCommand {
    /// Does it; tells what came of it.
    ///
    /// # Errors
    /// When the database cannot be opened, or refuses.
    pub async fn run(self, database: &DatabaseSettings) -> Result<String> {
        Directory::visit(database, async |directory| match self {
            Self::Create(create) => create.run(directory).await,
            Self::List(list) => list.run(directory).await,
            Self::Revoke(revoke) => revoke.run(directory).await,
        })
        .await
    }
}

impl CreateKey {
    async fn run(self, directory: &Directory) -> Result<String> {
        let team = directory.team(&self.team).await?;
        let spec = KeySpec {
            environment: if self.test { KeyEnvironment::Test } else { KeyEnvironment::Live },
            monthly_quota: self.monthly_quota,
            daily_quota: self.daily_quota,
            expires_in_days: self.expires_in_days,
            description: self.description,
            created_by: Some("command line".to_owned()),
            ..KeySpec::new(team.id, self.name).level(self.level)
        };
        let issued = directory.keys.create(spec).await?;
        let (secret, owner) = (issued.secret.expose(), KeyOwner { key: issued.key, team });
        let text = listed(std::slice::from_ref(&owner));
        let value = json!({"api_key": secret, "key_info": KeyInfo::from(owner).to_json()});
        Ok(self.output.write(&value, || format!("API key (shown once): {secret}\n\n{text}")))
    }
}

impl ListKeys {
    async fn run(self, directory: &Directory) -> Result<String> {
        let team = match &self.team {
            Some(team) => Some(directory.team(team).await?.id),
            None => None,
        };
        let keys = all(async |page| directory.keys.list(team, page).await, |owner| owner.key.id.0).await?;
        let text = listed(&keys);
        let shown = keys.into_iter().map(|owner| KeyInfo::from(owner).to_json());
        let value = json!({"api_keys": shown.collect::<Vec<_>>()});
        Ok(self.output.write(&value, || text))
    }
}

impl RevokeKey {
    async fn run(self, directory: &Directory) -> Result<String> {
        directory.keys.revoke(ApiKeyId(self.id)).await?;
        let value = json!({"success": true, "message": "API key revoked"});
        Ok(self.output.write(&value, || format!("API key {} is revoked.", self.id)))
    }
}

fn listed(keys: &[KeyOwner]) -> String {
    table(
        ["ID", "PREFIX", "NAME", "TEAM", "LEVEL", "ACTIVE", "CREATED", "LAST USED", "EXPIRES"],
        keys.iter().map(|KeyOwner { key, team }| {
            [
                key.id.to_string(),
                key.key_prefix.clone(),
                key.name.clone(),
                team.name.clone(),
                key.access_level.to_string(),
                if key.is_active { "yes" } else { "no" }.to_owned(),
                key.created_at.to_rfc3339(),
                or_dash(key.last_used_at.map(Timestamp::to_rfc3339)),
                or_dash(key.expires_at.map(Timestamp::to_rfc3339)),
            ]
        }),
    )
}
