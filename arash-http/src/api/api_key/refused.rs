use crate::refusal::statuses;

statuses! {
    /// A list.
    ListRefused = [401, 403, 422, 500, 503];
    /// A creation for a team that may not exist.
    CreationRefused = [400, 401, 403, 404, 409, 413, 415, 422, 500, 503];
    /// A change of one key.
    ChangeRefused = [400, 401, 403, 404, 413, 415, 422, 500, 503];
    /// A rotation of a key that may not be active.
    RotationRefused = [400, 401, 403, 404, 409, 413, 415, 422, 500, 503];
    /// The end of one key.
    RevocationRefused = [401, 403, 404, 422, 500, 503];
}
