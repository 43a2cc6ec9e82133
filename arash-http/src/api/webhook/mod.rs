//! Webhooks as requests describe them and as answers show them, alike for administrators and team leads.

mod attempt;
mod delivery;
mod endpoint;
mod input;
mod redelivery;
mod refused;

pub(super) use attempt::{DeliveryDetails, TestOutcome};
pub(super) use delivery::{DeliveryList, DeliveryStateName};
pub(super) use endpoint::EndpointView;
pub(super) use input::EndpointInput;
pub(super) use redelivery::{RedeliveryAccepted, RedeliveryInput, RedeliveryRangeAccepted};
pub(super) use refused::{
    ChangeRefused, DeliveryRefused, EndpointRefused, ListRefused, RangeRefused, RedeliveryRefused, TeamEndpointRefused,
    TeamTestRefused, TestRefused,
};
