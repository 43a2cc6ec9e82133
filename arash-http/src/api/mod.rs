//! The operations, one file a subject.

mod admin;
mod api_key;
mod audit;
mod chat;
mod figures;
mod health;
mod messages;
mod models;
mod openai;
mod patch;
mod platform;
mod sessions;
mod team;
mod team_lead;
mod usage;
mod webhook;

use std::sync::Arc;

use arash_core::Engine;
use arash_telegram::Telegram;
use poem_openapi::{ExtraHeader, LicenseObject, Object, OpenApi, OpenApiService, Tags};

pub(crate) use api_key::KeyInfo;
pub(crate) use team::TeamView;

use admin::{AdminAudit, AdminKeys, AdminOverview, AdminStats, AdminTeams, AdminUsage, AdminWebhooks};
use chat::{Chat, ChatStreams};
use figures::Figures;
use health::HealthChecks;
use messages::Messages;
use models::Models;
use openai::{Completions, OpenAiModels};
use sessions::Sessions;
use team_lead::{OwnTeam, TeamKeys, TeamWebhook};
use usage::OwnUsage;

use crate::document;
use crate::operations::{Described, WithProblems};
use crate::request_id;

/// Groups of operations.
#[derive(Debug, Tags)]
enum Group {
    /// Whether the service works, and how much it does. Needs no API key.
    Health,
    /// Messages and their answers.
    Chat,
    /// Conversations.
    Sessions,
    /// Models that answer.
    Models,
    /// For clients of OpenAI: with `/v1` as their base address and an API key, nothing else of them changes.
    #[oai(rename = "OpenAI-compatible")]
    OpenAi,
    /// What was used, and what may be used.
    Usage,
    /// The own team and its API keys. Needs a key of level `team_lead` or admin.
    Team,
    /// Teams and API keys. Needs a key of level admin.
    Administration,
    /// What teams are told of by webhook. Needs a key of level `team_lead` for the own team, of level admin for others.
    Webhooks,
}

/// That something was done.
#[derive(Debug, Object)]
pub(crate) struct Done {
    /// Always true.
    success: bool,
    /// What was done.
    message: String,
}

impl Done {
    fn saying(message: &str) -> Self {
        Self { success: true, message: message.to_owned() }
    }
}

// A list of operations has at most sixteen groups.
type AllOperations = (ClientOperations, TeamOperations, AdminOperations);
type ClientOperations =
    (HealthChecks, Figures, Chat, ChatStreams, Sessions, Messages, Models, OwnUsage, Completions, OpenAiModels);
type TeamOperations = (OwnTeam, TeamKeys, TeamWebhook);
type AdminOperations = (AdminOverview, AdminStats, AdminTeams, AdminKeys, AdminUsage, AdminAudit, AdminWebhooks);

/// All operations on `engine`, beside which a bot may answer.
pub(crate) fn service(engine: &Engine, telegram: Option<&Arc<Telegram>>) -> OpenApiService<impl OpenApi + 'static, ()> {
    let of_clients: ClientOperations = (
        HealthChecks::new(engine.clone(), telegram.cloned()),
        Figures::new(engine.clone()),
        Chat::new(engine.clone()),
        ChatStreams::new(engine.clone()),
        Sessions::new(engine.clone()),
        Messages::new(engine.clone()),
        Models::new(engine.clone()),
        OwnUsage::new(engine.clone()),
        Completions::new(engine.clone()),
        OpenAiModels::new(engine.clone()),
    );
    let of_team: TeamOperations =
        (OwnTeam::new(engine.clone()), TeamKeys::new(engine.clone()), TeamWebhook::new(engine.clone()));
    let of_admin: AdminOperations = (
        AdminOverview::new(engine.clone(), telegram.cloned()),
        AdminStats::new(engine.clone()),
        AdminTeams::new(engine.clone()),
        AdminKeys::new(engine.clone()),
        AdminUsage::new(engine.clone()),
        AdminAudit::new(engine.clone()),
        AdminWebhooks::new(engine.clone()),
    );
    let operations: AllOperations = (of_clients, of_team, of_admin);
    titled(WithProblems(operations))
}

/// The OpenAPI document of all operations, as JSON.
pub fn document() -> String {
    document::refine(&titled(Described::<AllOperations>::default()).spec())
}

fn titled<T: OpenApi>(operations: T) -> OpenApiService<T, ()> {
    let request_id = ExtraHeader::new(request_id::HEADER)
        .description("The request's name: the client's own if it sent a usable one, else a new UUIDv7.");
    OpenApiService::new(operations, "arash", env!("CARGO_PKG_VERSION"))
        .description(
            "An AI chatbot engine over HTTP.\n\nJSON in UTF-8. Unknown fields in a request body are refused, save under `/v1`. \
             Times are RFC 3339 in UTC. Every problem is `application/problem+json` in one shape; under `/v1` it has \
             OpenAI's.",
        )
        .license(LicenseObject::new("MIT OR Apache-2.0"))
        .extra_response_header::<String, _>(request_id)
}
