//! Who is calling, and the one place where a level is asked for.

use std::ops::Deref;
use std::sync::Arc;

use arash_core::team::{Actor, Principal};
use arash_core::{Engine, Error, ErrorKind, Result};
use poem::Request;
use poem::http::header;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;

use crate::problem::Problem;
use crate::request_id::RequestId;

/// An API key of any level: `Authorization: Bearer sk_live_…`.
#[derive(SecurityScheme)]
#[oai(rename = "api_key", ty = "bearer", checker = "recognise")]
pub(crate) struct Caller(pub(crate) Arc<Principal>);

/// An API key of any level: `Authorization: Bearer sk_live_…`.
#[derive(SecurityScheme)]
#[oai(rename = "api_key", ty = "bearer", checker = "recognise_lead")]
pub(crate) struct Lead(pub(crate) Acting);

/// An API key of any level: `Authorization: Bearer sk_live_…`.
#[derive(SecurityScheme)]
#[oai(rename = "api_key", ty = "bearer", checker = "recognise_admin")]
pub(crate) struct Admin(pub(crate) Acting);

/// A caller who may change things.
#[derive(Clone, Debug)]
pub(crate) struct Acting {
    principal: Arc<Principal>,
    actor: Actor,
}

impl Acting {
    /// The caller with the rights that were asked for, as the audit log names it.
    pub(crate) fn actor(&self) -> Actor {
        self.actor.clone()
    }
}

impl Deref for Acting {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

async fn recognise(request: &Request, bearer: Bearer) -> poem::Result<Arc<Principal>> {
    let engine: &Engine =
        request.data().ok_or_else(|| Problem::from(Error::internal("the routes were built without an engine")))?;
    // Whoever stands in between may look at the other one.
    if request.headers().get_all(header::AUTHORIZATION).iter().nth(1).is_some() {
        let text = "there is more than one Authorization header; one is accepted";
        return Err(Problem::from(Error::new(ErrorKind::Unauthenticated, text)).into());
    }
    Ok(engine.authenticate(&bearer.token).await.map_err(Problem::from)?)
}

async fn recognise_lead(request: &Request, bearer: Bearer) -> poem::Result<Acting> {
    acting(request, bearer, Principal::lead).await
}

async fn recognise_admin(request: &Request, bearer: Bearer) -> poem::Result<Acting> {
    acting(request, bearer, Principal::admin).await
}

async fn acting(request: &Request, bearer: Bearer, right: fn(&Principal) -> Result<Actor>) -> poem::Result<Acting> {
    let principal = recognise(request, bearer).await?;
    let actor = right(&principal).map_err(Problem::from)?.in_request(RequestId::carried_by(request).to_string());
    Ok(Acting { principal, actor })
}
