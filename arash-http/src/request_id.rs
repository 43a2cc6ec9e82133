//! Gives every request a name that its answer, its problem and its log line share.

use std::fmt;

use poem::Request;
use poem::http::HeaderValue;
use uuid::Uuid;

/// The header that carries it, both ways.
pub(crate) const HEADER: &str = "X-Request-Id";
const MAX_CHARS: usize = 128;

/// The name of one request: the client's own if it is usable, else a new UUIDv7.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// The client's own if it has 1 to 128 printable ASCII characters, else a new one.
    pub(crate) fn of(request: &Request) -> Self {
        let own = request.header(HEADER).filter(|own| is_usable(own));
        Self(own.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned))
    }

    /// The name that [`Edge`](crate::edge::Edge) gave to `request`.
    pub(crate) fn carried_by(request: &Request) -> Self {
        request.data::<Self>().cloned().unwrap_or_else(|| Self::of(request))
    }

    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As a header's value.
    pub(crate) fn to_header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_usable(own: &str) -> bool {
    (1..=MAX_CHARS).contains(&own.len()) && own.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(own: &str) -> String {
        RequestId::of(&Request::builder().header(HEADER, own).finish()).to_string()
    }

    #[test]
    fn the_clients_own_is_kept_if_it_is_usable() {
        assert_eq!(id_for("order 7/a~"), "order 7/a~");
        assert_eq!(id_for(&"x".repeat(128)), "x".repeat(128));
        for own in ["", &"x".repeat(129), "a\tb", "é"] {
            assert_eq!(id_for(own).parse::<Uuid>().unwrap().get_version_num(), 7, "{own:?}");
        }
    }
}
