//! `arash-http team`: makes and lists teams.

use arash_core::Result;
use arash_core::platform::ModelId;
use arash_core::settings::DatabaseSettings;
use arash_core::team::{Team, TeamSpec};
use clap::{Args, Subcommand};
use poem_openapi::types::ToJSON;
use serde_json::json;

use super::directory::Directory;
use super::output::{Output, or_dash, table};
use crate::api::TeamView;

/// Makes and lists teams, straight in the database
#[derive(Clone, Debug, Subcommand)]
pub enum TeamCommand {
    /// Makes a team
    Create(CreateTeam),
    /// Lists teams
    List(ListTeams),
}

/// What the new team is to be like.
#[derive(Args, Clone, Debug)]
pub struct CreateTeam {
    /// Its name, unique
    name: String,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Requests in 30 days; 0 lets nothing through [default: no limit]
    #[arg(long, value_name = "COUNT")]
    monthly_quota: Option<u64>,
    /// Requests in 24 hours; 0 lets nothing through [default: no limit]
    #[arg(long, value_name = "COUNT")]
    daily_quota: Option<u64>,
    /// The only models that its keys may use: a comma list [default: all]
    #[arg(long, value_name = "MODELS", value_delimiter = ',')]
    models: Option<Vec<String>>,
    #[command(flatten)]
    output: Output,
}

/// Which teams are listed.
#[derive(Args, Clone, Debug)]
pub struct ListTeams {
    /// Only those that are active
    #[arg(long)]
    active_only: bool,
    #[command(flatten)]
    output: Output,
}

impl TeamCommand {
    /// Does it; tells what came of it.
    ///
    /// # Errors
    /// When the database cannot be opened, or refuses.
    pub async fn run(self, database: &DatabaseSettings) -> Result<String> {
        Directory::visit(database, async |directory| match self {
            Self::Create(create) => create.run(directory).await,
            Self::List(list) => list.run(directory).await,
        })
        .await
    }
}

impl CreateTeam {
    async fn run(self, directory: &Directory) -> Result<String> {
        let spec = TeamSpec {
            name: self.name,
            description: self.description,
            monthly_quota: self.monthly_quota,
            daily_quota: self.daily_quota,
            allowed_models: self.models.map(|models| models.into_iter().map(ModelId::from).collect()),
        };
        let team = directory.teams.create(spec).await?;
        let text = listed(std::slice::from_ref(&team));
        let value = TeamView::from(team).to_json().unwrap_or_default();
        Ok(self.output.write(&value, || text))
    }
}

impl ListTeams {
    async fn run(self, directory: &Directory) -> Result<String> {
        let teams = directory.all_teams(self.active_only).await?;
        let text = listed(&teams);
        let value = json!({"teams": teams.into_iter().map(|team| TeamView::from(team).to_json()).collect::<Vec<_>>()});
        Ok(self.output.write(&value, || text))
    }
}

fn listed(teams: &[Team]) -> String {
    table(
        ["ID", "NAME", "ACTIVE", "DAILY QUOTA", "MONTHLY QUOTA", "MODELS", "CREATED"],
        teams.iter().map(|team| {
            let models = team.allowed_models.as_ref();
            let models = models.map(|models| models.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
            [
                team.id.to_string(),
                team.name.clone(),
                if team.is_active { "yes" } else { "no" }.to_owned(),
                or_dash(team.daily_quota),
                or_dash(team.monthly_quota),
                models.unwrap_or_else(|| "all".to_owned()),
                team.created_at.to_rfc3339(),
            ]
        }),
    )
}
