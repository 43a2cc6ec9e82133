use arash_core::settings::HttpSettings;
use arash_core::{Engine, Error, ErrorKind, Secret};
use poem::http::{HeaderMap, header};
use poem::web::Data;
use poem::{IntoResponse, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiResponse, OpenApi};

use super::Group;
use crate::exposition;
use crate::refusal::{Refusal, statuses};

statuses! {
    /// Figures are told to who may see them, if there are any.
    FiguresRefused = [401, 404, 500];
}

/// Text in the exposition format of Prometheus.
#[derive(Debug)]
struct Exposition(String);

impl Payload for Exposition {
    const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
    }

    fn register(_registry: &mut Registry) {}
}

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        Response::builder().content_type(Self::CONTENT_TYPE).body(self.0)
    }
}

/// All figures.
#[derive(Debug, ApiResponse)]
enum Told {
    /// The figures of this process.
    #[oai(status = 200)]
    Figures(Exposition),
}

/// How much the service does.
#[derive(Debug)]
pub(super) struct Figures {
    engine: Engine,
}

impl Figures {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[expect(clippy::unused_async, reason = "the macro asks for async functions")]
#[OpenApi(tag = "Group::Health")]
impl Figures {
    /// How much the service does
    ///
    /// All figures of this process in the text format of Prometheus. Where `METRICS_TOKEN` is set, it has to be shown:
    /// `Authorization: Bearer <METRICS_TOKEN>`; API keys do not count here. 404 in a program that records its figures
    /// elsewhere.
    #[oai(path = "/metrics", method = "get", operation_id = "metrics")]
    async fn metrics(
        &self,
        headers: &HeaderMap,
        settings: Data<&HttpSettings>,
    ) -> Result<Told, Refusal<FiguresRefused>> {
        if settings.metrics_token.as_ref().is_some_and(|token| shown(headers).as_ref() != Some(token)) {
            let needed = "the metrics token is needed: Authorization: Bearer <METRICS_TOKEN>";
            return Err(Error::new(ErrorKind::Unauthenticated, needed).into());
        }
        let recorder = exposition::recorder()
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "this program records its figures elsewhere"))?;
        Ok(Told::Figures(Exposition(exposition::written(recorder, &self.engine))))
    }
}

/// The token that a caller shows.
fn shown(headers: &HeaderMap) -> Option<Secret> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::from(token.trim()))
}
