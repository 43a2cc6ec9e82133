//! Which engines work with a SQLite file, as the system knows it: it forgets those that died at the moment of their death.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Longest wait for an engine that starts at the same moment and is alone for a while.
const PATIENCE: Duration = Duration::from_secs(2);

/// A lock on a file beside the database, which each engine shares with the others as long as it lives. So whoever gets it
/// alone knows that there is no other. Not on the database file: SQLite has locks of its own there, which end when anybody
/// in the same program closes the file.
pub(super) struct Presence {
    database: PathBuf,
    held: Mutex<Option<Arc<File>>>,
}

/// There is no other engine, and none begins to work until [`Alone::let_others_in`].
pub(super) struct Alone(Arc<File>);

impl Presence {
    pub(super) fn beside(database: &Path) -> Self {
        Self { database: database.to_owned(), held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<File>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an engine known. `None` where others are there, or nobody can know.
    pub(super) async fn enter(&self) -> Option<Alone> {
        let (file, is_alone) = self.begin()?;
        if is_alone {
            return Some(Alone(file));
        }
        share(&file).await;
        None
    }

    /// Takes the lock alone if nobody else has it. `None` where an engine of this store has it, or nobody can.
    fn begin(&self) -> Option<(Arc<File>, bool)> {
        let mut held = self.held();
        if held.is_some() {
            return None;
        }
        let locked = self.open().and_then(|file| match file.try_lock() {
            Ok(()) => Ok((file, true)),
            Err(TryLockError::WouldBlock) => Ok((file, false)),
            Err(TryLockError::Error(fault)) => Err(fault),
        });
        match locked {
            Ok((file, is_alone)) => {
                let file = Arc::new(file);
                *held = Some(Arc::clone(&file));
                Some((file, is_alone))
            }
            Err(fault) => {
                tracing::warn!(%fault, "cannot tell whether other engines use the database file: leases of dead ones run their time");
                None
            }
        }
    }

    fn open(&self) -> io::Result<File> {
        // The file itself, by whatever name it was given, so that all who use it have one lock.
        let mut path = OsString::from(self.database.canonicalize()?);
        path.push(".lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)
    }

    pub(super) fn leave(&self) {
        *self.held() = None;
    }
}

impl Alone {
    /// Others may come from now on.
    pub(super) async fn let_others_in(self) {
        // One that comes in between is alone for a while, while this one waits.
        if let Err(fault) = self.0.unlock() {
            tracing::warn!(%fault, "the lock beside the database file cannot be let go of");
        }
        share(&self.0).await;
    }
}

/// Waits until nobody is alone.
async fn share(file: &File) {
    let until = Instant::now() + PATIENCE;
    while let Err(fault) = file.try_lock_shared() {
        if Instant::now() >= until || matches!(fault, TryLockError::Error(_)) {
            tracing::warn!(%fault, "engines that start will not know that this one uses the database file");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
