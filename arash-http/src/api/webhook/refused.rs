use crate::refusal::statuses;

statuses! {
    /// The webhook of a team by its id.
    EndpointRefused = [401, 403, 404, 422, 500, 503];
    /// The webhook of the own team.
    TeamEndpointRefused = [401, 403, 404, 500, 503];
    /// A change, which somebody else may come before.
    ChangeRefused = [400, 401, 403, 404, 409, 413, 415, 422, 500, 503];
    /// A test of a webhook by its team's id; one at a time.
    TestRefused = [401, 403, 404, 409, 422, 500, 503];
    /// A test of the own team's webhook; one at a time.
    TeamTestRefused = [401, 403, 404, 409, 500, 503];
    /// A list.
    ListRefused = [401, 403, 404, 422, 500, 503];
    /// One delivery.
    DeliveryRefused = [401, 403, 404, 422, 500, 503];
    /// One delivery, sent again.
    RedeliveryRefused = [401, 403, 404, 422, 500, 503];
    /// Many deliveries, sent again.
    RangeRefused = [400, 401, 403, 404, 413, 415, 422, 500, 503];
}
