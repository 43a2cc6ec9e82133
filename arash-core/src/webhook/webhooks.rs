use std::fmt;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, FieldError, Result};
use crate::event::{EventKind, EventKinds};
use crate::id::{EventId, TeamId};
use crate::seal::Keyring;
use crate::secret::Secret;
use crate::team::{Actor, Authenticator, ChangeContext, Edit};
use crate::webhook::guard::TargetPolicy;
use crate::webhook::tests_under_way::TestsUnderWay;
use crate::webhook::{
    Attempt, Courier, Delivery, DeliveryAttempt, DeliveryPage, Endpoint, EndpointChange, EndpointStore, Event,
    NewSecret, OutboxStore, Redelivery, ReplacedSecret, SecretColumn, secret,
};

/// How often a change is tried that somebody else came before.
const ATTEMPTS: u32 = 8;

/// What is to become of a team's endpoint; what is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSpec {
    /// Where events are posted to; a new endpoint needs it.
    pub url: Option<String>,
    /// What they are signed with: 8 to 256 printable ASCII characters, and of one that begins with `whsec_` the rest is
    /// base64 of 24 to 64 bytes. Cleared, a new one is made; kept, one is made if there is none.
    pub secret: Edit<Secret>,
    /// Whether events are sent; of a new endpoint they are, unless this says otherwise.
    pub enabled: Option<bool>,
    /// What it is told of, at least one kind; a new endpoint of answered messages, unless this says otherwise.
    pub events: Option<EventKinds>,
}

impl EndpointSpec {
    /// Checks the form; the error names every field at fault.
    fn check(&self, targets: &TargetPolicy) -> Result<()> {
        let mut faults = Vec::new();
        if let Some(Err(fault)) = self.url.as_ref().map(|url| targets.check("webhook_url", url)) {
            faults.extend_from_slice(fault.fields());
        }
        faults.extend(self.secret.value().and_then(secret::fault));
        if self.events.is_some_and(EventKinds::is_empty) {
            let names: Vec<_> = EventKind::ALL.map(EventKind::as_str).into();
            let message = format!("must have at least one of {}", names.join(", "));
            faults.push(FieldError { field: "events".into(), message: message.into() });
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid_fields(faults)) }
    }
}

/// An endpoint after a change.
#[derive(Clone, Debug)]
pub struct EndpointPut {
    /// As it is since.
    pub endpoint: Endpoint,
    /// Its secret, if one was made: the only time that it can be seen.
    pub new_secret: Option<Secret>,
}

/// Where teams are told of events: as the program itself, or by [`Webhooks::by`] as somebody else.
#[derive(Clone, Debug)]
pub struct Webhooks {
    store: Arc<dyn EndpointStore>,
    outbox: Arc<dyn OutboxStore>,
    authenticator: Arc<Authenticator>,
    keyring: Option<Keyring>,
    targets: TargetPolicy,
    clock: Arc<dyn Clock>,
    courier: Option<Courier>,
    tests: TestsUnderWay,
    tasks: TaskTracker,
    actor: Actor,
}

/// What [`Webhooks`] are made of.
pub(crate) struct WebhooksParts {
    pub(crate) store: Arc<dyn EndpointStore>,
    pub(crate) outbox: Arc<dyn OutboxStore>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) keyring: Option<Keyring>,
    pub(crate) targets: TargetPolicy,
    pub(crate) clock: Arc<dyn Clock>,
    /// Who makes attempts; `None` where nothing is sent.
    pub(crate) courier: Option<Courier>,
    pub(crate) tasks: TaskTracker,
}

impl fmt::Debug for dyn EndpointStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointStore")
    }
}

impl fmt::Debug for dyn OutboxStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutboxStore")
    }
}

impl Webhooks {
    pub(crate) fn new(parts: WebhooksParts) -> Self {
        let WebhooksParts { store, outbox, authenticator, keyring, targets, clock, courier, tasks } = parts;
        let (tests, actor) = (TestsUnderWay::default(), Actor::program());
        Self { store, outbox, authenticator, keyring, targets, clock, courier, tests, tasks, actor }
    }

    /// The same webhooks for `actor`, whose rights are asked for and who stands in the audit log.
    #[must_use]
    pub fn by(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// The endpoint of `team`; a previous secret that is not good any more is left out.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it has none, or is out of the actor's reach.
    pub async fn get(&self, team: TeamId) -> Result<Endpoint> {
        self.actor.require_over_webhook(team)?;
        let endpoint = self.store.endpoint(team).await?.ok_or_else(|| no_webhook(team))?;
        Ok(self.without_what_is_over(endpoint))
    }

    fn without_what_is_over(&self, mut endpoint: Endpoint) -> Endpoint {
        endpoint.previous_secret.take_if(|(_, end)| *end <= self.clock.now());
        endpoint
    }

    /// Makes or changes the endpoint of `team`. A secret that is replaced stays good for 24 hours: so long events are
    /// signed with both. One that was replaced before is not used any more.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) naming every field at fault;
    /// [`NotFound`](ErrorKind::NotFound) when there is no such team, or it is out of the actor's reach;
    /// [`Conflict`](ErrorKind::Conflict) when others change the same endpoint all the time;
    /// [`Internal`](ErrorKind::Internal) when the engine was built without a keyring.
    pub async fn put(&self, team: TeamId, spec: EndpointSpec) -> Result<EndpointPut> {
        self.actor.require_over_webhook(team)?;
        spec.check(&self.targets)?;
        let put = self.try_to_put(team, &spec).await;
        // Also where nobody knows whether it was written.
        self.authenticator.forget_all();
        put
    }

    /// Sends the event `webhook.test` to the endpoint of `team` at once, be it switched off, and puts it into the delivery
    /// log. It is not tried again, and tells nothing of whether the endpoint is failing unless it succeeds; status 410
    /// switches it off, as in any delivery. If the caller goes away, it comes to its end all the same.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it has none, or is out of the actor's reach;
    /// [`Conflict`](ErrorKind::Conflict) while another test of it is under way;
    /// [`Internal`](ErrorKind::Internal) when the engine was built without a keyring or a sender.
    pub async fn test(&self, team: TeamId) -> Result<Attempt> {
        let endpoint = self.get(team).await?;
        let courier = self.courier.clone();
        let courier = courier.ok_or_else(|| Error::internal("this engine has no keyring or no sender of webhooks"))?;
        let under_way = self.tests.begin(team)?;
        let (outbox, event) = (Arc::clone(&self.outbox), Event::webhook_test(team, self.clock.now())?);
        let test = self.tasks.spawn(async move {
            let attempt = courier.try_once(&event, &endpoint).await;
            let recorded = outbox.record_test(&event, &attempt).await;
            drop(under_way);
            recorded.map(|()| attempt)
        });
        test.await.unwrap_or_else(|fault| Err(Error::internal("a test of a webhook broke").with_source(fault)))
    }

    /// The delivery log of `team`.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when the team is out of the actor's reach.
    pub async fn deliveries(&self, team: TeamId, page: DeliveryPage) -> Result<Vec<Delivery>> {
        self.actor.require_over_webhook(team)?;
        self.outbox.deliveries(team, page).await
    }

    /// One event of `team` with every attempt to deliver it, the oldest first.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when the team has no such event, or is out of the actor's reach.
    pub async fn delivery(&self, team: TeamId, id: EventId) -> Result<(Delivery, Vec<DeliveryAttempt>)> {
        self.actor.require_over_webhook(team)?;
        self.outbox.delivery(team, id).await?.ok_or_else(|| no_delivery(id))
    }

    /// Has events of `team` sent again, at once and with attempts that count anew; returns how many.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when the team has no such event, or is out of the actor's reach.
    pub async fn redeliver(&self, team: TeamId, which: Redelivery) -> Result<u64> {
        self.actor.require_over_webhook(team)?;
        let count = self.outbox.redeliver(team, which, &self.context()).await?;
        match which {
            Redelivery::One(id) if count == 0 => Err(no_delivery(id)),
            _ => Ok(count),
        }
    }

    async fn try_to_put(&self, team: TeamId, spec: &EndpointSpec) -> Result<EndpointPut> {
        let (secret, is_own) = match spec.secret.value() {
            Some(own) => (own.clone(), true),
            None => (secret::generate()?, false),
        };
        for _ in 0..ATTEMPTS {
            let change = self.change(team, spec, &secret).await?;
            let sealed = change.secret.sealed.clone();
            match self.store.put_endpoint(change, &self.context()).await {
                Err(fault) if fault.kind() == ErrorKind::Conflict => {}
                Err(fault) => return Err(fault),
                Ok(endpoint) => {
                    let is_new = endpoint.secret == sealed;
                    if is_new || self.has_meant_secret(spec, &endpoint)? {
                        let endpoint = self.without_what_is_over(endpoint);
                        return Ok(EndpointPut { endpoint, new_secret: (is_new && !is_own).then_some(secret) });
                    }
                }
            }
        }
        Err(Error::new(ErrorKind::Conflict, "others change this webhook all the time; try again later"))
    }

    async fn change(&self, team: TeamId, spec: &EndpointSpec, secret: &Secret) -> Result<EndpointChange> {
        let present = match spec.secret {
            Edit::Keep => None,
            _ => self.store.endpoint(team).await?,
        };
        let sealed = self.keyring()?.seal(SecretColumn::Present.of(team), secret)?;
        Ok(EndpointChange {
            team_id: team,
            url: spec.url.clone(),
            enabled: spec.enabled,
            events: spec.events,
            secret: NewSecret { sealed, hint: secret::hint(secret) },
            replaced: present.map(|endpoint| self.replaced(&endpoint, secret)).transpose()?.flatten(),
        })
    }

    /// The secret of an endpoint that gives way to `new`; none if that is the same. One that cannot be opened, because its
    /// bytes are another row's or broken, has no overlap: a new secret is what mends that.
    fn replaced(&self, endpoint: &Endpoint, new: &Secret) -> Result<Option<ReplacedSecret>> {
        let previous = match self.present_secret(endpoint) {
            Ok(present) if present == *new => return Ok(None),
            Ok(present) => Some(self.keyring()?.seal(SecretColumn::Previous.of(endpoint.team_id), &present)?),
            Err(fault) => {
                tracing::warn!(team_id = %endpoint.team_id, %fault, "a secret that cannot be opened gives way to a new one");
                None
            }
        };
        Ok(Some(ReplacedSecret { present: endpoint.secret.clone(), previous }))
    }

    /// Whether an endpoint that has not taken the new secret has the one that was meant: it may have been made meanwhile.
    fn has_meant_secret(&self, spec: &EndpointSpec, endpoint: &Endpoint) -> Result<bool> {
        match &spec.secret {
            Edit::Keep => Ok(true),
            Edit::Clear => Ok(false),
            Edit::Set(own) => Ok(self.present_secret(endpoint)? == *own),
        }
    }

    fn present_secret(&self, endpoint: &Endpoint) -> Result<Secret> {
        self.keyring()?.open(SecretColumn::Present.of(endpoint.team_id), &endpoint.secret)
    }

    fn context(&self) -> ChangeContext {
        ChangeContext::new(self.actor.clone(), self.clock.now())
    }

    fn keyring(&self) -> Result<&Keyring> {
        let missing = || Error::internal("webhooks need a keyring: give the engine one by EngineBuilder::keyring");
        self.keyring.as_ref().ok_or_else(missing)
    }
}

fn no_webhook(team: TeamId) -> Error {
    Error::new(ErrorKind::NotFound, format!("team {team} has no webhook"))
}

fn no_delivery(id: EventId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no delivery {id}"))
}
