use poem::http::{HeaderName, StatusCode};
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};

use super::{OpenAiError, Problem, ProblemDetails, openai};
use crate::request_id::RequestId;

/// How problems are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As RFC 9457 has it.
    Details,
    /// As OpenAI does, whose clients know what to make of it: under `/v1`.
    OpenAi,
}

impl Shape {
    /// The shape of all problems at a path, also where nothing is.
    pub(crate) fn at(path: &str) -> Self {
        let is_openai = path.strip_prefix("/v1").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_openai { Self::OpenAi } else { Self::Details }
    }

    /// The media type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Details => "application/problem+json",
            Self::OpenAi => "application/json",
        }
    }

    /// The schema of what is written.
    pub(crate) fn schema_ref(self) -> MetaSchemaRef {
        match self {
            Self::Details => ProblemDetails::schema_ref(),
            Self::OpenAi => OpenAiError::schema_ref(),
        }
    }

    /// Registers that schema.
    pub(crate) fn register(self, registry: &mut Registry) {
        match self {
            Self::Details => ProblemDetails::register(registry),
            Self::OpenAi => OpenAiError::register(registry),
        }
    }

    pub(super) fn status(self, problem: &Problem) -> StatusCode {
        match self {
            // OpenAI says 400 to everything that is not acceptable, to the model too: its clients do not try it again.
            Self::OpenAi if problem.code == "validation_failed" || openai::is_refused(problem) => {
                StatusCode::BAD_REQUEST
            }
            _ => problem.status,
        }
    }

    pub(super) fn body(self, problem: &Problem, request_id: &RequestId) -> String {
        match self {
            Self::Details => ProblemDetails::of(problem, request_id).to_json_string(),
            Self::OpenAi => OpenAiError::of(problem).to_json_string(),
        }
    }

    /// The headers that problems have in this shape only.
    pub(super) fn own_headers(self, problem: &Problem) -> Option<(HeaderName, String)> {
        let is_final = self == Self::OpenAi && openai::is_final(problem);
        is_final.then(|| (HeaderName::from_static(openai::SHOULD_RETRY), "false".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_decides_on_the_shape() {
        for path in ["/v1", "/v1/", "/v1/models", "/v1/nothing/here"] {
            assert_eq!(Shape::at(path), Shape::OpenAi, "{path}");
        }
        for path in ["/", "/v10", "/v1beta/models", "/api/v1/models", "/health", ""] {
            assert_eq!(Shape::at(path), Shape::Details, "{path}");
        }
    }
}
