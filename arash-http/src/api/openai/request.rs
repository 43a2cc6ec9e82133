use std::borrow::Cow;

use arash_core::Error;
use arash_core::ai::WireRequest;
use arash_core::settings::HttpSettings;
use arash_core::turn::CompletionRequest;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;

use super::images;
use crate::api::platform::DEFAULT_PLATFORM;
use crate::body::{ReadBody, max_bytes_with_image};
use crate::problem::Problem;
use crate::scalar::scalar;
use crate::text::Line;

/// Longest name of a model, in characters.
const MAX_MODEL_CHARS: usize = 255;

/// A client's own request for chat completions. Only what is needed of it is read.
#[derive(Debug)]
pub(super) struct CompletionBody(pub(super) CompletionRequest);

impl ReadBody for CompletionBody {
    fn max_bytes(settings: &HttpSettings) -> usize {
        max_bytes_with_image(settings)
    }

    fn read(bytes: &[u8], settings: &HttpSettings) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|_| Problem::malformed("the body is not UTF-8"))?;
        let request = CompletionRequest::new(DEFAULT_PLATFORM, WireRequest::parse(text)?)?;
        if request.model().chars().count() > MAX_MODEL_CHARS {
            // It is repeated to who asks for one that is not there.
            let message =
                format!("is too long for a name of a model; at most {MAX_MODEL_CHARS} characters are accepted");
            return Err(Error::invalid("model", message).into());
        }
        images::check(request.wire(), bytes.len(), settings)?;
        Ok(Self(request))
    }
}

/// For the OpenAPI document, which has only what is read: whatever else there may be is between client and upstream.
impl Type for CompletionBody {
    scalar!();

    fn name() -> Cow<'static, str> {
        "ChatCompletionRequest".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |_| MetaSchema {
            description: Some(
                "A conversation to complete. Fields that are not named here are passed on as they are to upstreams that \
                 speak this protocol; others do without them.",
            ),
            required: vec!["model", "messages"],
            properties: properties(),
            ..open_object()
        });
    }
}

fn properties() -> Vec<(&'static str, MetaSchemaRef)> {
    vec![
        (
            "model",
            said(
                "The model, by id or name: one of `/v1/models`.",
                MetaSchema { min_length: Some(1), max_length: Some(MAX_MODEL_CHARS), ..MetaSchema::new("string") },
            ),
        ),
        (
            "messages",
            said(
                "The conversation so far, one message at least.",
                MetaSchema { items: Some(Box::new(inline(message()))), min_items: Some(1), ..MetaSchema::new("array") },
            ),
        ),
        ("stream", said("Whether the answer comes as it is written.", optional(MetaSchema::new("boolean")))),
        (
            "stream_options",
            said("With `include_usage`, the last chunk of a stream tells the tokens.", optional(open_object())),
        ),
        ("tools", said("What the model may call; the client does it, and sends the results.", optional(tools()))),
        ("user", said("Who asks, in the client's own terms; the key if it is empty or left out.", optional(user()))),
    ]
}

fn message() -> MetaSchema {
    let parts = MetaSchema { items: Some(Box::new(inline(MetaSchema::ANY))), ..MetaSchema::new("array") };
    let content = MetaSchema {
        any_of: vec![inline(optional(MetaSchema::new("string"))), inline(parts)],
        description: Some("Its text, or its parts. Only what an assistant said may be without."),
        ..MetaSchema::ANY
    };
    let role = MetaSchema {
        description: Some("`system`, `developer`, `user`, `assistant` or `tool`."),
        ..MetaSchema::new("string")
    };
    MetaSchema {
        required: vec!["role"],
        properties: vec![("role", inline(role)), ("content", inline(content))],
        ..open_object()
    }
}

fn tools() -> MetaSchema {
    let kind = MetaSchema { description: Some("Most often `function`."), ..MetaSchema::new("string") };
    let tool = MetaSchema { required: vec!["type"], properties: vec![("type", inline(kind))], ..open_object() };
    MetaSchema { items: Some(Box::new(inline(tool))), ..MetaSchema::new("array") }
}

fn user() -> MetaSchema {
    let line = match Line::schema_ref() {
        MetaSchemaRef::Inline(line) => *line,
        MetaSchemaRef::Reference(_) => MetaSchema::new("string"),
    };
    MetaSchema { max_length: Some(128), ..line }
}

/// An object that may have any fields.
fn open_object() -> MetaSchema {
    MetaSchema { additional_properties: Some(Box::new(inline(MetaSchema::ANY))), ..MetaSchema::new("object") }
}

fn optional(schema: MetaSchema) -> MetaSchema {
    MetaSchema { nullable: true, ..schema }
}

fn said(description: &'static str, schema: MetaSchema) -> MetaSchemaRef {
    inline(MetaSchema { description: Some(description), ..schema })
}

fn inline(schema: MetaSchema) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(schema))
}
