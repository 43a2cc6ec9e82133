//! Where events may be sent to: to the public internet, and nowhere into the network that the engine runs in.
//!
//! An address is written by a tenant, so it may be meant to lead the engine to what only the engine reaches: a database,
//! the metadata of a cloud. What is refused, at the writing and again at every attempt:
//!
//! - all but `https://` (and `http://` where [that is allowed](TargetPolicy::allow_http)), user names and passwords, and
//!   ports other than 443 and 8443 (and 80 and 8080 with `http://`);
//! - names of this machine and of local networks (`localhost`, `….local`, `….internal`, `….home.arpa`, one word);
//! - a name if *any* of its addresses is not one of the public internet, and such addresses themselves, in every notation
//!   that leads there.
//!
//! A name is looked up once an attempt, and the connection goes to the addresses that were checked, so that nobody can
//! change the answer in between. Whoever wrote the address reads only that it is refused.

mod public;
mod resolve;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};

pub use resolve::{Resolve, SystemResolver};

use crate::error::{Error, Result};
use public::is_public;

/// Longest address, in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;
const HTTPS_PORTS: [u16; 2] = [443, 8443];
const HTTP_PORTS: [u16; 2] = [80, 8080];
/// Names that no public server has (RFC 6761, RFC 6762, RFC 8375 and ICANN's for private use).
const LOCAL_NAMES: [&str; 5] = ["localhost", "localdomain", "local", "internal", "home.arpa"];

/// What is allowed beyond `https://` to the public internet. Without more, nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetPolicy {
    /// Lets events go to private addresses, on any port: for development.
    pub allow_private: bool,
    /// Lets events go by `http://`, which everybody on the way reads.
    pub allow_http: bool,
    /// Ports that are allowed beside the usual ones.
    pub further_ports: Vec<u16>,
}

impl TargetPolicy {
    /// Lets events go to private addresses, on any port: for development.
    #[must_use]
    pub fn private(mut self, allow: bool) -> Self {
        self.allow_private = allow;
        self
    }

    /// Lets events go by `http://`.
    #[must_use]
    pub fn http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// Lets events go to these ports too.
    #[must_use]
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.further_ports.extend(ports);
        self
    }

    /// Checks an address as far as that goes without looking up its name.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) that names `field` and says what is accepted, the same for every
    /// address.
    pub fn check(&self, field: &'static str, url: &str) -> Result<()> {
        self.parse(url).map(drop).ok_or_else(|| Error::invalid(field, self.accepted()))
    }

    fn accepted(&self) -> String {
        let scheme = if self.allow_http { "https:// or http://" } else { "https://" };
        if self.allow_private {
            return format!("must be an {scheme} address without a user name, of {MAX_URL_BYTES} bytes at most");
        }
        let ports = self.ports_of("https").chain(self.ports_of("http").filter(|_| self.allow_http));
        let ports: BTreeSet<_> = ports.collect();
        let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
        format!(
            "must be an {scheme} address of a public host, without a user name, on port {}, of {MAX_URL_BYTES} bytes at most",
            ports.join(", ")
        )
    }

    fn ports_of(&self, scheme: &str) -> impl Iterator<Item = u16> {
        let usual = if scheme == "https" { HTTPS_PORTS } else { HTTP_PORTS };
        usual.into_iter().chain(self.further_ports.iter().copied())
    }

    /// The address if nothing in it is refused.
    fn parse(&self, text: &str) -> Option<Url> {
        // What the parser would leave out or turn: the address that is kept is the one that is used.
        let is_plain = |letter: char| !letter.is_control() && !letter.is_whitespace() && letter != '\\';
        if text.len() > MAX_URL_BYTES || !text.chars().all(is_plain) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let is_allowed = url.scheme() == "https" || (self.allow_http && url.scheme() == "http");
        if !is_allowed || !url.username().is_empty() || url.password().is_some() || has_userinfo(text) {
            return None;
        }
        let port = url.port_or_known_default().filter(|&port| port > 0)?;
        let is_usual = self.ports_of(url.scheme()).any(|known| known == port);
        let is_open = self.allow_private || (is_usual && is_open(&url.host()?));
        is_open.then_some(url)
    }
}

/// Whether there is an `@` before the path, be it after an empty name.
fn has_userinfo(url: &str) -> bool {
    let authority = url.split_once(':').map_or("", |(_, rest)| rest.trim_start_matches('/'));
    authority.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// Whether a host may be a public one, as far as it tells by itself.
fn is_open(host: &Host<&str>) -> bool {
    match *host {
        Host::Ipv4(address) => is_public(IpAddr::V4(address)),
        Host::Ipv6(address) => is_public(IpAddr::V6(address)),
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let is_of =
                |local: &str| name.strip_suffix(local).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            name.contains('.') && !LOCAL_NAMES.into_iter().any(is_of)
        }
    }
}

/// Where an attempt goes to: an address that was checked, and where its name leads to.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    addresses: Vec<IpAddr>,
}

impl Target {
    /// The address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where to connect to, and nowhere else; never empty.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }
}

impl fmt::Debug for Target {
    /// Without the path, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("origin", &self.url.origin().ascii_serialization()).finish_non_exhaustive()
    }
}

/// Why nothing is sent to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoTarget {
    /// It must not be.
    Refused,
    /// Its name leads nowhere.
    Unknown,
}

/// Lets events go where they may.
#[derive(Clone, Debug)]
pub struct AddressGuard {
    policy: TargetPolicy,
    resolver: Arc<dyn Resolve>,
}

impl AddressGuard {
    /// A guard that holds to `policy` and looks names up with `resolver`.
    pub fn new(policy: TargetPolicy, resolver: Arc<dyn Resolve>) -> Self {
        Self { policy, resolver }
    }

    /// Checks an address and looks its name up, once. To be asked before every attempt.
    ///
    /// # Errors
    /// Why there is no target.
    pub async fn admit(&self, url: &str) -> Result<Target, NoTarget> {
        let url = self.policy.parse(url).ok_or(NoTarget::Refused)?;
        let mut addresses = match url.host().ok_or(NoTarget::Refused)? {
            Host::Ipv4(address) => vec![IpAddr::V4(address)],
            Host::Ipv6(address) => vec![IpAddr::V6(address)],
            Host::Domain(name) => self.resolver.resolve(name).await.map_err(|_| NoTarget::Unknown)?,
        };
        if !self.policy.allow_private && !addresses.iter().copied().all(is_public) {
            return Err(NoTarget::Refused);
        }
        addresses.truncate(MAX_ADDRESSES);
        if addresses.is_empty() { Err(NoTarget::Unknown) } else { Ok(Target { url, addresses }) }
    }
}

#[cfg(test)]
mod tests;
