//! Named places where a test may end the program at once, as a crash would. Without the feature `fail-points`, which
//! is never on by default, passing one does nothing and costs nothing.
//!
//! `ARASH_FAIL_POINT=after commit_turns:3` ends the program when the place of that name is passed for the third time,
//! without `:3` the first time. `ARASH_FAIL_POINT_LOG=FILE` appends the name of each place that is passed to that
//! file, once and one a line, so that a test can learn which places there are and visit each.

use std::fmt::Display;

/// Passes the place of this name; [`format_args!`] names one without making a text.
#[cfg(not(feature = "fail-points"))]
#[inline]
pub fn fail_point(_name: impl Display) {}

/// Passes the place of this name; [`format_args!`] names one without making a text.
#[cfg(feature = "fail-points")]
pub fn fail_point(name: impl Display) {
    planned::PLAN.pass(&name.to_string());
}

#[cfg(feature = "fail-points")]
mod planned {
    use std::collections::HashSet;
    use std::ffi::OsString;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{LazyLock, Mutex, PoisonError};

    /// What the environment asks for; read once.
    pub(super) static PLAN: LazyLock<Plan> = LazyLock::new(Plan::from_environment);

    pub(super) struct Plan {
        end: Option<End>,
        log: Option<OsString>,
        logged: Mutex<HashSet<String>>,
    }

    /// Where the program ends.
    struct End {
        name: String,
        /// At which pass, from 1.
        at: u64,
        passed: AtomicU64,
    }

    impl Plan {
        fn from_environment() -> Self {
            let end = std::env::var("ARASH_FAIL_POINT").ok().filter(|given| !given.is_empty());
            Self {
                end: end.map(|given| End::new(&given)),
                log: std::env::var_os("ARASH_FAIL_POINT_LOG").filter(|file| !file.is_empty()),
                logged: Mutex::default(),
            }
        }

        pub(super) fn pass(&self, name: &str) {
            self.note(name);
            let Some(end) = self.end.as_ref().filter(|end| end.name == name) else { return };
            if end.passed.fetch_add(1, Ordering::SeqCst) + 1 == end.at {
                // Nobody may be there to read it; the program ends all the same.
                drop(writeln!(std::io::stderr(), "fail point {name:?}, pass {}: the program ends here", end.at));
                std::process::abort();
            }
        }

        fn note(&self, name: &str) {
            let Some(file) = &self.log else { return };
            // The lock is held while it is written, so that no name is there that a crash has kept from the file.
            let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
            if logged.insert(name.to_owned()) {
                let written = OpenOptions::new().append(true).create(true).open(file);
                if let Err(fault) = written.and_then(|mut file| file.write_all(format!("{name}\n").as_bytes())) {
                    drop(writeln!(std::io::stderr(), "ARASH_FAIL_POINT_LOG cannot be written: {fault}"));
                }
            }
        }
    }

    impl End {
        fn new(given: &str) -> Self {
            let numbered = given.rsplit_once(':').and_then(|(name, at)| Some((name, at.parse().ok()?)));
            let (name, at) = numbered.unwrap_or((given, 1));
            Self { name: name.to_owned(), at, passed: AtomicU64::new(0) }
        }
    }
}

#[cfg(feature = "fail-points")]
#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    use super::*;

    /// What a child does; without one it is just another test that passes.
    #[test]
    fn a_walk() {
        for (pass, name) in ["before a", "after a", "before a", "before b"].into_iter().enumerate() {
            fail_point(format_args!("{name}"));
            println!("passed {pass}");
        }
    }

    /// Runs [`a_walk`] in a process of its own.
    fn walk(variables: &[(&str, &str)]) -> Output {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "fail_point::tests::a_walk", "--nocapture"]);
        child.env_remove("ARASH_FAIL_POINT").env_remove("ARASH_FAIL_POINT_LOG").envs(variables.iter().copied());
        child.output().unwrap()
    }

    fn passed(output: &Output) -> usize {
        String::from_utf8_lossy(&output.stdout).matches("passed ").count()
    }

    #[test]
    fn the_named_pass_ends_the_program_and_no_other_does() {
        for (given, steps) in [("before a", 0), ("before a:1", 0), ("after a", 1), ("before a:2", 2), ("before b", 3)] {
            let output = walk(&[("ARASH_FAIL_POINT", given)]);
            assert!(!output.status.success(), "{given}");
            #[cfg(unix)]
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(6), "{given}: SIGABRT");
            assert_eq!(passed(&output), steps, "{given}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(said.lines().filter(|line| line.starts_with("fail point ")).count(), 1, "{said}");
        }
        for given in ["", "before", "before a:3", "before c", ":1"] {
            let output = walk(&[("ARASH_FAIL_POINT", given)]);
            assert!(output.status.success(), "{given}");
            assert_eq!(passed(&output), 4, "{given}");
        }
    }

    #[test]
    fn every_name_that_is_passed_is_listed_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("points");
        let all = walk(&[("ARASH_FAIL_POINT_LOG", file.to_str().unwrap())]);
        assert!(all.status.success());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "before a\nafter a\nbefore b\n");
        let some = walk(&[("ARASH_FAIL_POINT", "after a"), ("ARASH_FAIL_POINT_LOG", file.to_str().unwrap())]);
        assert!(!some.status.success());
        let names = "before a\nafter a\nbefore b\nbefore a\nafter a\n";
        assert_eq!(std::fs::read_to_string(&file).unwrap(), names, "the point that ends it is listed as well");
    }
}
