//! Everything that there is, behind one lock.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, Timestamp};
use crate::faults::Faults;
use crate::files::Files;
use crate::flood::Flood;
use crate::messages::{Callbacks, Message, Messages};
use crate::people::{Bot, Chat, Commands, User};
use crate::record::Record;
use crate::updates::Updates;

/// The state of the server.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) bot: Bot,
    pub(crate) users: BTreeMap<i64, User>,
    pub(crate) chats: BTreeMap<i64, Chat>,
    pub(crate) messages: Messages,
    pub(crate) callbacks: Callbacks,
    pub(crate) files: Files,
    pub(crate) updates: Updates,
    pub(crate) commands: Commands,
    pub(crate) flood: Flood,
    pub(crate) faults: Faults,
    pub(crate) record: Record,
}

impl World {
    pub(crate) fn new(bot: Bot) -> Self {
        Self {
            clock: Clock::start(),
            bot,
            users: BTreeMap::new(),
            chats: BTreeMap::new(),
            messages: Messages::default(),
            callbacks: Callbacks::default(),
            files: Files::default(),
            updates: Updates::default(),
            commands: Commands::default(),
            flood: Flood::default(),
            faults: Faults::default(),
            record: Record::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn message(&self, chat_id: i64, message_id: i64) -> Option<&Message> {
        self.messages.find(chat_id, message_id)
    }
}

/// The state, those who wait for it to change, and the tasks that work on it.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    changes: watch::Sender<u64>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world: Mutex::new(world),
            changes: watch::Sender::new(0),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Looks at the state.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state, and wakes those who wait for that.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let result = change(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner));
        self.changes.send_modify(|number| *number = number.wrapping_add(1));
        result
    }

    /// Changes the state in a way that nobody waits for.
    pub(crate) fn change_quietly<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        change(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A number that changes with the state.
    pub(crate) fn revision(&self) -> u64 {
        *self.changes.borrow()
    }

    /// Sees changes from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
