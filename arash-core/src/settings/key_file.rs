//! The file that the keys for secrets lie in, where none are given by setting.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind as IoKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::seal::{Keyring, SealingKey};
use crate::secret::Secret;

const HEAD: &str = "\
# The keys that secrets in the database are sealed with, the newest first. Keep a copy elsewhere: without them, nobody
# opens these secrets, and the program does not start.
";

/// A file of keys, one a line, the newest first, that is its owner's alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The file at `path`, which may not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys in it; `None` where there is no such file.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) when others may read it, or it holds anything but keys;
    /// [`Unavailable`](ErrorKind::Unavailable) when it cannot be read.
    pub fn read(&self) -> Result<Option<Keyring>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(fault) if fault.kind() == IoKind::NotFound => return Ok(None),
            Err(fault) => return Err(self.failed("read", fault)),
        };
        self.require_own(&file)?;
        let text = io::read_to_string(&mut file).map(Secret::new).map_err(|fault| self.failed("read", fault))?;
        let lines = text.expose().lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let key = |(number, line)| {
            let unknown = || self.unusable(&format!("line {number} is no key of the form id:base64 with 32 bytes"));
            SealingKey::parse(line).ok_or_else(unknown)
        };
        let keys = lines.map(key).collect::<Result<Vec<_>>>()?;
        Keyring::new(keys).map(Some).map_err(|fault| {
            let words = fault.fields().first().map_or_else(String::new, |fault| format!("it {}", fault.message));
            self.unusable(&words)
        })
    }

    /// Makes the file, whole and at once; whether it was: it may have been made by somebody else meanwhile.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when it cannot be written.
    pub fn create(&self, keys: &Keyring) -> Result<bool> {
        let new = self.write_beside(keys.keys())?;
        // Unlike a renaming, this takes nobody's place.
        let linked = std::fs::hard_link(&new, &self.path);
        let removed = std::fs::remove_file(&new);
        match linked {
            Ok(()) => {
                removed.and_then(|()| self.sync_folder()).map(|()| true).map_err(|fault| self.failed("made", fault))
            }
            Err(fault) if fault.kind() == IoKind::AlreadyExists => Ok(false),
            Err(fault) => Err(self.failed("made", fault)),
        }
    }

    /// Puts a key in front of those that are in the file, or makes it with that alone.
    ///
    /// # Errors
    /// Those of [`KeyFile::read`] and [`KeyFile::create`].
    pub fn add(&self, key: &SealingKey) -> Result<()> {
        let before = self.read()?;
        let older = before.iter().flat_map(Keyring::keys);
        let new = self.write_beside(std::iter::once(key).chain(older))?;
        std::fs::rename(&new, &self.path)
            .and_then(|()| self.sync_folder())
            .map_err(|fault| self.failed("changed", fault))
    }

    /// Writes a file beside it that nobody else may read; it is on the disk when this returns.
    fn write_beside<'a>(&self, keys: impl Iterator<Item = &'a SealingKey>) -> Result<PathBuf> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let path = self.path.with_file_name(name);
        let lines: Vec<_> = keys.map(SealingKey::to_text).collect();
        let written = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&path)?;
            file.write_all(HEAD.as_bytes())?;
            for line in &lines {
                writeln!(file, "{}", line.expose())?;
            }
            file.sync_all()
        };
        written().map_err(|fault| self.failed("written", fault))?;
        Ok(path)
    }

    /// That the file has this name is on the disk too.
    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    #[cfg(unix)]
    fn require_own(&self, file: &File) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(|fault| self.failed("read", fault))?.permissions().mode();
        let of_others = mode & 0o077;
        if of_others == 0 {
            return Ok(());
        }
        Err(self.unusable(&format!("others may read it (mode {:03o}); chmod 600 makes it yours alone", mode & 0o777)))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "files have no modes here")]
    fn require_own(&self, _file: &File) -> Result<()> {
        Ok(())
    }

    fn unusable(&self, words: &str) -> Error {
        Error::new(ErrorKind::InvalidInput, format!("the key file {} cannot be used: {words}", self.path.display()))
    }

    fn failed(&self, what: &str, fault: io::Error) -> Error {
        let text = format!("the key file {} cannot be {what}", self.path.display());
        Error::new(ErrorKind::Unavailable, text).with_source(fault)
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::seal::SealingKeyId;

    fn key(id: u32) -> SealingKey {
        SealingKey::generate(SealingKeyId(id)).unwrap()
    }

    fn file(folder: &tempfile::TempDir) -> KeyFile {
        KeyFile::new(folder.path().join("arash.db.keys"))
    }

    fn mode(file: &KeyFile) -> u32 {
        std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        assert!(file.read().unwrap().is_none());
        let [ring, other] = [1, 1].map(|id| Keyring::new(vec![key(id)]).unwrap());
        assert!(file.create(&ring).unwrap());
        assert!(!file.create(&other).unwrap(), "it is there");
        assert_eq!(file.read().unwrap().unwrap().marks(), ring.marks());
        assert_eq!(mode(&file), 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_key_is_put_in_front() {
        let folder = tempfile::tempdir().unwrap();
        let (file, old, new) = (file(&folder), key(1), key(2));
        file.add(&old).unwrap();
        file.add(&new).unwrap();
        assert_eq!(file.read().unwrap().unwrap().marks(), [new.mark(), old.mark()]);
        assert_eq!((mode(&file), std::fs::read_dir(folder.path()).unwrap().count()), (0o600, 1));
    }

    #[test]
    fn what_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.add(&key(1)).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o660] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            for fault in [file.read().unwrap_err(), file.add(&key(2)).unwrap_err()] {
                assert_eq!(fault.kind(), ErrorKind::InvalidInput);
                assert!(fault.to_string().contains(&format!("(mode {mode:o}); chmod 600")), "{fault}");
            }
        }
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o400)).unwrap();
        assert!(file.read().is_ok());
    }

    #[test]
    fn what_is_no_key_is_named_by_its_line_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (file, good) = (file(&folder), key(1).to_text());
        let good = good.expose();
        for (text, words) in [
            (String::new(), "it must have at least one key"),
            (format!("# one\n\n{good}\nhunter2\n"), "line 4 is no key of the form id:base64 with 32 bytes"),
            (format!("{good}\n{good}\n"), "it has two keys with the id 1"),
        ] {
            std::fs::write(file.path(), text).unwrap();
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
            let fault = file.read().unwrap_err();
            assert_eq!(fault.kind(), ErrorKind::InvalidInput);
            assert!(fault.to_string().ends_with(&format!("cannot be used: {words}")), "{fault}");
            assert!(!fault.to_string().contains("hunter2"));
        }
    }
}
