//! Request bodies: JSON, not larger than accepted, and checked whole.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use arash_core::settings::HttpSettings;
use arash_core::{Error, FieldError};
use futures_util::StreamExt;
use poem::http::{HeaderValue, header};
use poem::{Request, RequestBody};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits::Limits;
use crate::problem::Problem;
use crate::schema::Schema;
use crate::stopping::Stopping;

const ONE_MIB: usize = 1 << 20;

/// The largest body with an image: one of the largest size in base64, and a MiB for the rest.
pub(crate) fn max_bytes_with_image(settings: &HttpSettings) -> usize {
    settings.max_image_bytes().div_ceil(3) * 4 + ONE_MIB
}

/// What a request body may be read as, once it has come.
pub(crate) trait ReadBody: Type + Sized + 'static {
    /// The largest body in bytes.
    fn max_bytes(settings: &HttpSettings) -> usize;

    /// Reads it; it is not empty, and not of very many values.
    fn read(bytes: &[u8], settings: &HttpSettings) -> Result<Self, Problem>;
}

/// What is read with the schema that the OpenAPI document has of it.
pub(crate) trait JsonBody: ParseFromJSON + 'static {
    /// The largest body in bytes; 1 MiB unless the type says otherwise.
    fn max_bytes(_settings: &HttpSettings) -> usize {
        ONE_MIB
    }

    /// Faults that a schema cannot express, found in the fields as they were sent.
    fn more_faults(_fields: &Map<String, Value>, _faults: &mut Vec<FieldError>) {}
}

/// Bodies up to this length are read at once and need no share of the memory for bodies.
const QUICKLY_READ: usize = 64 << 10;
/// Memory for larger bodies that are read at the same time, in KiB.
const ROOM_KIB: usize = 256 << 10;
/// Longest wait for a share of it.
const ROOM_PATIENCE: Duration = Duration::from_secs(5);
/// Most values of a body, counted by its commas: each takes many times the memory of its text.
const MAX_VALUES: usize = 1 << 16;

/// A JSON body. Of a [`JsonBody`] every fault is told at once; unknown fields are faults.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: ReadBody> Payload for Body<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case(Self::CONTENT_TYPE)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<'a, T: ReadBody> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Self as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: Self::CONTENT_TYPE, schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        if !request.content_type().is_some_and(Self::check_content_type) {
            return Err(Problem::unsupported_media_type().into());
        }
        check_encodings(request)?;
        let defaults = LazyLock::new(HttpSettings::default);
        let settings = request.data::<HttpSettings>().unwrap_or_else(|| &defaults);
        let limit = T::max_bytes(settings);
        let announced = request.header("Content-Length").and_then(|length| length.parse::<usize>().ok());
        // Refused before it is sent.
        if announced.is_some_and(|length| length > limit) {
            return Err(Problem::too_large(limit).into());
        }
        // Without a limit, clients that stall hold their connections for ever.
        let patience = request.data::<Limits>().copied().unwrap_or_default().body;
        let stopping = request.data::<Stopping>().cloned().unwrap_or_default();
        let (bytes, _share) = tokio::select! {
            arrived = tokio::time::timeout(patience, arrive(body.take()?, limit)) => arrived.map_err(|_| {
                Problem::malformed(format!("the body did not arrive within {} seconds", patience.as_secs()))
            })??,
            () = stopping.is_over() => return Err(Problem::from(Error::unavailable("the host is stopping")).into()),
        };
        if bytes.len() <= QUICKLY_READ {
            return Ok(Self(read(&bytes, settings)?));
        }
        let settings = settings.clone();
        // Long enough to keep other requests from being answered.
        let reading = tokio::task::spawn_blocking(move || read(&bytes, &settings));
        let value = reading
            .await
            .map_err(|fault| Problem::from(Error::internal("a body broke its reader").with_source(fault)))?;
        Ok(Self(value?))
    }
}

/// Refuses a body that is not plain text in UTF-8.
fn check_encodings(request: &Request) -> Result<(), Problem> {
    let coding = request.headers().get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
        let detail = "the body must not be compressed or otherwise encoded: leave out Content-Encoding";
        return Err(Problem::unreadable(detail));
    }
    let parameters = request.content_type().unwrap_or_default().split(';').skip(1);
    let parameters = parameters.filter_map(|parameter| parameter.split_once('='));
    let charset = |(name, value): (&str, _)| name.trim().eq_ignore_ascii_case("charset").then_some(value);
    let is_utf_8 = |charset: &str| ["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name));
    if parameters.filter_map(charset).any(|value: &str| !is_utf_8(value.trim().trim_matches('"'))) {
        return Err(Problem::unreadable("the body must be in UTF-8: leave out the charset, or give charset=utf-8"));
    }
    Ok(())
}

/// Reads a body to its end, with its share of the memory for large ones: of what came, not of what was announced, so that
/// nobody keeps others out by announcing much.
async fn arrive(body: poem::Body, limit: usize) -> Result<(Vec<u8>, Option<SemaphorePermit<'static>>), Problem> {
    let (mut bytes, mut share) = (Vec::new(), None);
    let mut chunks = std::pin::pin!(body.into_bytes_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("the body could not be read to its end"))?;
        if bytes.len() + chunk.len() > limit {
            return Err(Problem::too_large(limit));
        }
        enlarge(&mut share, bytes.len() + chunk.len()).await?;
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes, share))
}

/// Waits until there is room for a body of so many bytes beside those that are being read.
async fn enlarge(share: &mut Option<SemaphorePermit<'static>>, bytes: usize) -> Result<(), Problem> {
    static ROOM: Semaphore = Semaphore::const_new(ROOM_KIB);
    let held = share.as_ref().map_or(0, SemaphorePermit::num_permits);
    let needed = bytes.saturating_sub(QUICKLY_READ).div_ceil(1 << 10).min(ROOM_KIB).saturating_sub(held);
    if needed == 0 {
        return Ok(());
    }
    let more = ROOM.acquire_many(u32::try_from(needed).unwrap_or(u32::MAX));
    let Ok(Ok(more)) = tokio::time::timeout(ROOM_PATIENCE, more).await else {
        return Err(Error::unavailable("too many large requests are being read; try again later").into());
    };
    match share {
        Some(share) => share.merge(more),
        None => *share = Some(more),
    }
    Ok(())
}

fn read<T: ReadBody>(bytes: &[u8], settings: &HttpSettings) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Err(Problem::malformed("the body is empty; a JSON object is expected"));
    }
    if has_too_many_values(bytes) {
        return Err(Error::invalid("body", format!("has more than {MAX_VALUES} values")).into());
    }
    T::read(bytes, settings)
}

fn has_too_many_values(bytes: &[u8]) -> bool {
    // Those within texts too, which is found out more quickly.
    if bytes.iter().filter(|&&byte| byte == b',').nth(MAX_VALUES).is_none() {
        return false;
    }
    let (mut is_text, mut is_escaped, mut commas) = (false, false, 0);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            b',' if !is_text => commas += 1,
            _ => {}
        }
    }
    commas > MAX_VALUES
}

impl<T: JsonBody> ReadBody for T {
    fn max_bytes(settings: &HttpSettings) -> usize {
        <T as JsonBody>::max_bytes(settings)
    }

    fn read(bytes: &[u8], _settings: &HttpSettings) -> Result<Self, Problem> {
        // The parser tells where it stumbled, not what stood there.
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|fault| Problem::malformed(format!("the body is not JSON: {fault}")))?;
        let mut faults = schema_of::<T>().faults(&value);
        if let Value::Object(fields) = &value {
            T::more_faults(fields, &mut faults);
        }
        if !faults.is_empty() {
            return Err(Error::invalid_fields(faults).into());
        }
        // What the schema let pass and the type refuses: its words name types of this program, which tell a client nothing.
        T::parse_from_json(Some(value)).map_err(|_| Error::invalid("body", "has a value that is not acceptable").into())
    }
}

/// The schema of `T`, built once.
fn schema_of<T: JsonBody>() -> Arc<Schema> {
    static SCHEMAS: Mutex<Option<HashMap<TypeId, Arc<Schema>>>> = Mutex::new(None);
    let mut schemas = SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner);
    let schema =
        schemas.get_or_insert_default().entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(Schema::of::<T>()));
    Arc::clone(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_letters_are_not() {
        let text = |letters: &str| format!(r#"{{"a": ["\\", "\"{letters}\\"], "b": 1}}"#);
        let commas = ",".repeat(MAX_VALUES + 1);
        assert!(!has_too_many_values(text(&commas).as_bytes()), "a table of numbers as a text");
        assert!(has_too_many_values(format!("[{commas}]").as_bytes()));
        assert!(has_too_many_values(text(&format!("\", {commas} \"")).as_bytes()));
        assert!(!has_too_many_values(",".repeat(MAX_VALUES).as_bytes()));
    }
}
