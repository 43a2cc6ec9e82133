//! The two places where the program speaks to its operator outside the log.

use std::io::Write;

/// Says `text` on standard output. Whoever closed it does not want to know.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Says `text` on standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "arash-http: {text}");
}
