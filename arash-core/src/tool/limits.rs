use std::time::Duration;

/// What tools may take. What goes beyond is told to the model, which can do something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolLimits {
    /// How long one call may take; then it is dropped. 30 seconds.
    pub timeout: Duration,
    /// Longest result, in bytes; what comes after is cut off, and the model is told so. 32 KiB; less where the model's
    /// context window is small.
    pub max_result_bytes: usize,
    /// How often in one turn the model may answer with calls; then it is asked to do without. 8.
    pub max_rounds: usize,
    /// Most calls of one turn that are run. 32.
    pub max_calls: usize,
    /// Most calls of one answer that run at the same time. 4.
    pub max_concurrent: usize,
}

impl Default for ToolLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            max_result_bytes: 32 << 10,
            max_rounds: 8,
            max_calls: 32,
            max_concurrent: 4,
        }
    }
}
