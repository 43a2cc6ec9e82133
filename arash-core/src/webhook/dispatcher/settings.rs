use std::time::Duration;

/// How events are delivered.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSettings {
    /// Most attempts at a time; failing endpoints have half of them at most.
    pub max_attempts: usize,
    /// Most attempts at one endpoint at a time.
    pub max_attempts_per_endpoint: usize,
    /// Most events in memory at a time, those on their way included.
    pub max_held: usize,
    /// About how many bytes of payloads these may have.
    pub max_held_bytes: usize,
    /// How often it is looked for events that became due, or that another node wrote. Those of this node are sent at once.
    pub poll_interval: Duration,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            max_attempts: 512,
            max_attempts_per_endpoint: 16,
            max_held: 4_096,
            max_held_bytes: 32 * 1024 * 1024,
            poll_interval: Duration::from_secs(1),
        }
    }
}
