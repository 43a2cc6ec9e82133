mod answer;
mod pins;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, redirect};
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, Result};
use crate::webhook::guard::{AddressGuard, NoTarget, Resolve, SystemResolver, TargetPolicy};
use crate::webhook::signature::Signed;
use crate::webhook::{SendError, Sent, SignedEvent, WebhookSender};
use pins::Pins;

/// How long an attempt may take: to look the name up, to connect, to send and to read the answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Of that, how long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection waits for the next event. There is one for each endpoint that was sent something lately.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_CONNECTIONS: usize = 8;

/// Sends events by HTTP POST, as their endpoints want them.
///
/// It holds to a [`TargetPolicy`], connects to the addresses that were checked and to no others, knows no proxy and
/// follows no redirect. An attempt ends after ten seconds; of the answer 16 KiB are read at most, and when its status is
/// known, two seconds are given to the rest. What is answered is the status: a success whose body never ends is one.
#[derive(Debug)]
pub struct HttpSender {
    guard: AddressGuard,
    certificates: Vec<Certificate>,
    deadline: Duration,
    /// Built when first needed: it reads this machine's certificates.
    client: OnceLock<Option<Client>>,
    pins: Arc<Pins>,
}

impl Default for HttpSender {
    fn default() -> Self {
        Self::new(TargetPolicy::default())
    }
}

impl HttpSender {
    /// A sender that holds to `policy` and looks names up as every program of this machine does.
    pub fn new(policy: TargetPolicy) -> Self {
        Self::with_resolver(policy, Arc::new(SystemResolver::default()))
    }

    /// A sender that looks names up with `resolver`.
    pub fn with_resolver(policy: TargetPolicy, resolver: Arc<dyn Resolve>) -> Self {
        Self {
            guard: AddressGuard::new(policy, resolver),
            certificates: Vec::new(),
            deadline: DEADLINE,
            client: OnceLock::new(),
            pins: Arc::default(),
        }
    }

    /// Trusts these certificate authorities (PEM) beside those of this machine.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when there are none.
    pub fn trusting(mut self, certificates: &[u8]) -> Result<Self> {
        let found = Certificate::from_pem_bundle(certificates).ok().filter(|found| !found.is_empty());
        self.certificates.extend(found.ok_or_else(|| Error::invalid("certificates", "must be in PEM form"))?);
        Ok(self)
    }

    /// How long an attempt may take in all; ten seconds without this.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    async fn attempt(&self, event: &SignedEvent, end: Instant) -> Result<Sent, Failure> {
        let target = self.guard.admit(&event.url).await?;
        let client = self.client().ok_or_else(|| Failure::of(SendError::Internal, "there is no HTTP client"))?;
        // Held until the answer is there: this is where the client may connect to.
        let _pin = self.pins.pin(&target);
        let request = client.post(target.url().clone()).headers(headers(&event.signature)?);
        let response = request.body(event.event.payload.clone()).send().await?;
        Ok(answer::read(response, end).await)
    }

    fn client(&self) -> Option<&Client> {
        let build = || {
            let built = self.builder().tls_certs_merge(self.certificates.iter().cloned()).build();
            // A minimal container has no certificates; what goes by http:// needs none.
            let built = built.or_else(|fault| {
                tracing::warn!(error = ?fault, "webhooks cannot use https: there are no CA certificates on this machine");
                self.builder().tls_certs_only(self.certificates.iter().cloned()).build()
            });
            built.inspect_err(|fault| tracing::error!(error = ?fault, "webhooks cannot be sent")).ok()
        };
        self.client.get_or_init(build).as_ref()
    }

    fn builder(&self) -> ClientBuilder {
        Client::builder()
            .dns_resolver(Arc::clone(&self.pins))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .user_agent(concat!("arash/", env!("CARGO_PKG_VERSION")))
    }
}

#[async_trait]
impl WebhookSender for HttpSender {
    async fn send(&self, event: &SignedEvent) -> Sent {
        let end = Instant::now() + self.deadline;
        let attempt = timeout_at(end, self.attempt(event, end)).await;
        let sent = attempt.unwrap_or_else(|_| Ok(Sent::failed(SendError::Timeout)));
        sent.unwrap_or_else(|Failure { error, cause }| Sent { cause: Some(cause), ..Sent::failed(error) })
    }
}

fn headers(signature: &Signed) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in signature.headers() {
        let value = HeaderValue::from_str(value).map_err(|fault| Failure::of(SendError::Internal, fault))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// Why there is no answer.
struct Failure {
    error: SendError,
    cause: String,
}

impl Failure {
    fn of(error: SendError, cause: impl std::fmt::Display) -> Self {
        Self { error, cause: cause.to_string() }
    }
}

impl From<NoTarget> for Failure {
    /// In the same words, whether a name leads into our network or nowhere: else it could be asked which names that has.
    fn from(fault: NoTarget) -> Self {
        let cause = match fault {
            NoTarget::Refused => "not a public target",
            NoTarget::Unknown => "the name has no address",
        };
        Self::of(SendError::Refused, cause)
    }
}

impl From<reqwest::Error> for Failure {
    fn from(fault: reqwest::Error) -> Self {
        let error = match &fault {
            fault if fault.is_connect() => SendError::Connection,
            fault if fault.is_timeout() => SendError::Timeout,
            _ => SendError::Answer,
        };
        Self::of(error, format_args!("{:?}", fault.without_url()))
    }
}
