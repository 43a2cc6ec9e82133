use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use arash_core::id::{TurnId, UpdateId};
use teloxide::types::{ChatId, MessageId};
use tokio_util::sync::CancellationToken;

use super::Progress;
use crate::incoming::Lane;

/// The answers that are being written: what can be stopped.
#[derive(Debug, Default)]
pub(crate) struct Running {
    turns: Mutex<HashMap<TurnId, Shown>>,
    /// What is being made ready, by the turn that stands for it.
    preparing: Mutex<HashMap<TurnId, CancellationToken>>,
    /// How far those had come that a panic ended.
    broken: Mutex<HashMap<UpdateId, Progress>>,
}

/// Where an answer is seen.
#[derive(Debug)]
struct Shown {
    lane: Lane,
    messages: Vec<i32>,
}

/// As long as this lives, the answer can be stopped.
pub(crate) struct RunningTurn<'a> {
    running: &'a Running,
    turn: TurnId,
}

impl RunningTurn<'_> {
    /// Which one it is.
    pub(crate) fn turn(&self) -> TurnId {
        self.turn
    }

    /// The answer is seen in these messages of a lane.
    pub(crate) fn is_shown(&self, lane: Lane, messages: &[i32]) {
        self.running.with(|turns| turns.insert(self.turn, Shown { lane, messages: messages.to_vec() }));
    }
}

impl Drop for RunningTurn<'_> {
    fn drop(&mut self) {
        self.running.with(|turns| turns.remove(&self.turn));
        self.running.preparing.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.turn);
    }
}

impl Running {
    /// An answer is being written in this lane now, of which these messages are there.
    pub(crate) fn enter(&self, turn: TurnId, lane: Lane, messages: &[i32]) -> RunningTurn<'_> {
        let running = RunningTurn { running: self, turn };
        running.is_shown(lane, messages);
        running
    }

    /// An answer is being made ready in this lane, which can be stopped before there is a turn: then the token is
    /// cancelled.
    pub(crate) fn prepare(&self, lane: Lane) -> (RunningTurn<'_>, CancellationToken) {
        let (turn, stopped) = (TurnId::new(), CancellationToken::new());
        self.preparing.lock().unwrap_or_else(PoisonError::into_inner).insert(turn, stopped.clone());
        (self.enter(turn, lane, &[]), stopped)
    }

    /// Stops what is being made ready; whether there was something to stop.
    pub(crate) fn stop_preparing(&self, turn: TurnId) -> bool {
        let preparing = self.preparing.lock().unwrap_or_else(PoisonError::into_inner).remove(&turn);
        preparing.inspect(CancellationToken::cancel).is_some()
    }

    /// The turn that writes in this lane.
    pub(crate) fn get(&self, lane: Lane) -> Option<TurnId> {
        self.find(|shown| shown.lane == lane)
    }

    /// The turn that writes this message.
    pub(crate) fn writes(&self, chat: ChatId, message: MessageId) -> Option<TurnId> {
        self.find(|shown| shown.lane.chat == chat && shown.messages.contains(&message.0))
    }

    /// The lanes of a chat in which somebody writes.
    pub(crate) fn lanes_of(&self, chat: ChatId) -> Vec<Lane> {
        self.with(|turns| turns.values().map(|shown| shown.lane).filter(|lane| lane.chat == chat).collect())
    }

    /// What is written in `old` is written in `new`, where nothing of it is yet.
    pub(crate) fn move_to(&self, old: Lane, new: Lane) {
        self.with(|turns| {
            for shown in turns.values_mut().filter(|shown| shown.lane == old) {
                *shown = Shown { lane: new, messages: Vec::new() };
            }
        });
    }

    /// A panic ends the answer to this update, which had come so far.
    pub(crate) fn breaks(&self, update: UpdateId, progress: Progress) {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).insert(update, progress);
    }

    /// How far the answer to this update had come that a panic ended. Tells it once.
    pub(crate) fn take_broken(&self, update: UpdateId) -> Option<Progress> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).remove(&update)
    }

    fn find(&self, is_it: impl Fn(&Shown) -> bool) -> Option<TurnId> {
        self.with(|turns| turns.iter().find(|(_, shown)| is_it(shown)).map(|(turn, _)| *turn))
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<TurnId, Shown>) -> R) -> R {
        act(&mut self.turns.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
