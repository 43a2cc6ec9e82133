use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::id::TeamId;

/// The teams whose endpoint is being tried: one test of a team at a time, so that nobody has us call somebody as fast as
/// requests come in.
#[derive(Clone, Debug, Default)]
pub(super) struct TestsUnderWay(Arc<Mutex<HashSet<TeamId>>>);

/// A test that is under way until this is dropped.
#[derive(Debug)]
pub(super) struct TestUnderWay {
    all: TestsUnderWay,
    team: TeamId,
}

impl TestsUnderWay {
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) while another one of this team is under way.
    pub(super) fn begin(&self, team: TeamId) -> Result<TestUnderWay> {
        if !self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(team) {
            let text = "this webhook is being tried; try again when that has ended";
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        Ok(TestUnderWay { all: self.clone(), team })
    }
}

impl Drop for TestUnderWay {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.team);
    }
}
