use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::id::UpdateId;

use crate::answer::Progress;
use crate::inbox::Held;
use crate::incoming::{self, Ask, HostCall, Joining, Origin};

/// What waits in a lane, in the order in which it came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    what: What,
    received_at: Timestamp,
    /// The updates that it came in; several where it was edited.
    held: Vec<Held>,
}

#[derive(Debug)]
enum What {
    Ask(Box<Ask>),
    Retry(HostCall),
}

/// One turn to be made.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) task: Task,
    /// How far an earlier holder has come.
    pub(crate) progress: Progress,
    held: Vec<Held>,
}

/// What a turn is about.
#[derive(Debug)]
pub(crate) enum Task {
    /// A message, or a command of the engine's.
    Ask(Box<Ask>),
    /// The last question again.
    Retry(HostCall),
}

impl Job {
    /// Who asked, where and when.
    pub(crate) fn origin(&self) -> &Origin {
        match &self.task {
            Task::Ask(ask) => &ask.origin,
            Task::Retry(call) => &call.origin,
        }
    }

    /// The updates that are done when it is.
    pub(crate) fn ids(&self) -> Vec<UpdateId> {
        self.held.iter().map(|held| held.id).collect()
    }
}

/// What is to be done next in a lane.
#[derive(Debug)]
pub(super) enum Next {
    Job(Box<Job>),
    /// These are for nobody here.
    Nothing(Vec<Held>),
    /// What waits may not be whole before this time is over.
    Later(Duration),
    Idle,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn ask(&mut self, ask: Ask, held: Held, received_at: Timestamp) {
        self.items.push(Item { what: What::Ask(Box::new(ask)), received_at, held: vec![held] });
    }

    pub(super) fn retry(&mut self, call: HostCall, held: Held, received_at: Timestamp) {
        self.items.push(Item { what: What::Retry(call), received_at, held: vec![held] });
    }

    /// Makes a message that waits what it has become; gives the update back if it does not wait.
    pub(super) fn edit(&mut self, edit: Ask, held: Held) -> Option<Held> {
        let waiting = self.items.iter_mut().filter_map(|item| match &mut item.what {
            What::Ask(ask) => Some((ask, &mut item.held)),
            What::Retry(_) => None,
        });
        for (ask, updates) in waiting {
            if incoming::edited([&**ask], &edit).is_some() {
                ask.become_what(edit);
                updates.push(held);
                return None;
            }
        }
        Some(held)
    }

    /// Takes out what is next.
    pub(super) fn next(&mut self, now: Timestamp) -> Next {
        if let Some(Item { what: What::Retry(_), .. }) = self.items.first() {
            return self.take_first();
        }
        // A retry stands between what was said before it and after it.
        let waiting: Vec<_> = self.items.iter().map_while(Item::waiting).collect();
        match Joining::of(&waiting, now) {
            Joining::Idle => Next::Idle,
            Joining::Until(due) => Next::Later(due.since(now)),
            Joining::Turn(parts) => self.take(&parts),
            Joining::Drop(parts) => Next::Nothing(self.remove(&parts).into_iter().flat_map(|item| item.held).collect()),
        }
    }

    fn take_first(&mut self) -> Next {
        let Item { what, held, .. } = self.items.remove(0);
        let progress = progress_of(&held);
        match what {
            What::Ask(ask) => Next::Job(Box::new(Job { task: Task::Ask(ask), progress, held })),
            What::Retry(call) => Next::Job(Box::new(Job { task: Task::Retry(call), progress, held })),
        }
    }

    fn take(&mut self, parts: &[usize]) -> Next {
        let (mut asks, mut held) = (Vec::new(), Vec::new());
        for item in self.remove(parts) {
            if let What::Ask(ask) = item.what {
                asks.push(*ask);
            }
            held.extend(item.held);
        }
        let progress = progress_of(&held);
        match Ask::merge(asks) {
            Some(ask) => Next::Job(Box::new(Job { task: Task::Ask(Box::new(ask)), progress, held })),
            None => Next::Nothing(held),
        }
    }

    /// Takes out the items at these places, which ascend.
    fn remove(&mut self, places: &[usize]) -> Vec<Item> {
        let mut removed = Vec::new();
        for &place in places.iter().rev() {
            if place < self.items.len() {
                removed.push(self.items.remove(place));
            }
        }
        removed.reverse();
        removed
    }
}

impl Item {
    fn waiting(&self) -> Option<incoming::Waiting<'_>> {
        match &self.what {
            What::Ask(ask) => Some(incoming::Waiting { ask, received_at: self.received_at }),
            What::Retry(_) => None,
        }
    }
}

/// What was noted of the first of these updates, which is the one that answers are noted with.
fn progress_of(held: &[Held]) -> Progress {
    Progress::parse(held.first().and_then(|held| held.progress.as_deref()))
}
