//! Who is calling, and the one place where a level is asked for.

use std::sync::Arc;

use arash_core::Engine;
use arash_core::team::{AccessLevel, Principal};
use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;

use crate::problem::Problem;

/// An API key of any level: `Authorization: Bearer sk_live_…`.
#[derive(SecurityScheme)]
#[oai(rename = "api_key", ty = "bearer", checker = "recognise")]
pub(crate) struct Caller(pub(crate) Arc<Principal>);

/// An API key of any level: `Authorization: Bearer sk_live_…`.
#[derive(SecurityScheme)]
#[oai(rename = "api_key", ty = "bearer", checker = "recognise_admin")]
pub(crate) struct Admin(pub(crate) Arc<Principal>);

/// An API key of any level: `Authorization: Bearer sk_live_…`.
#[derive(SecurityScheme)]
#[oai(rename = "api_key", ty = "bearer", checker = "recognise_lead")]
pub(crate) struct Lead(pub(crate) Arc<Principal>);

async fn recognise(request: &Request, bearer: Bearer) -> poem::Result<Arc<Principal>> {
    let engine: &Engine = request
        .data()
        .ok_or_else(|| Problem::from(arash_core::Error::internal("the routes were built without an engine")))?;
    Ok(engine.authenticate(&bearer.token).await.map_err(Problem::from)?)
}

async fn recognise_admin(request: &Request, bearer: Bearer) -> poem::Result<Arc<Principal>> {
    let principal = recognise(request, bearer).await?;
    principal.require(AccessLevel::Admin).map_err(Problem::from)?;
    Ok(principal)
}

async fn recognise_lead(request: &Request, bearer: Bearer) -> poem::Result<Arc<Principal>> {
    let principal = recognise(request, bearer).await?;
    principal.require(AccessLevel::TeamLead).map_err(Problem::from)?;
    Ok(principal)
}
