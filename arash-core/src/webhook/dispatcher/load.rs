use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How busy the dispatcher of an engine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DispatcherLoad {
    /// Attempts that run.
    pub running: usize,
    /// Events in memory that wait for their endpoint.
    pub waiting: usize,
}

/// The figures of a [`DispatcherLoad`], while they change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauge {
    running: Arc<AtomicUsize>,
    waiting: Arc<AtomicUsize>,
}

impl Gauge {
    pub(super) fn set(&self, load: DispatcherLoad) {
        self.running.store(load.running, Ordering::Relaxed);
        self.waiting.store(load.waiting, Ordering::Relaxed);
    }

    pub(crate) fn load(&self) -> DispatcherLoad {
        let read = |figure: &AtomicUsize| figure.load(Ordering::Relaxed);
        DispatcherLoad { running: read(&self.running), waiting: read(&self.waiting) }
    }
}
