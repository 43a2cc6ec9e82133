use std::fmt;

/// One setting that cannot be used: which, what was given, what is accepted. One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    variable: &'static str,
    given: Given,
    accepted: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Nothing,
    Text(String),
    Secret { chars: usize },
}

impl Fault {
    /// `variable` was given as `value`, but only `accepted` can be used.
    pub(super) fn given(variable: &'static str, value: &str, accepted: impl Into<String>) -> Self {
        Self { variable, given: Given::Text(value.to_owned()), accepted: accepted.into() }
    }

    /// The same for a value that must not be shown: only its length is.
    pub(super) fn secret(variable: &'static str, value: &str, accepted: impl Into<String>) -> Self {
        Self { variable, given: Given::Secret { chars: value.chars().count() }, accepted: accepted.into() }
    }

    /// `variable` is needed and was not given.
    pub(super) fn missing(variable: &'static str, accepted: impl Into<String>) -> Self {
        Self { variable, given: Given::Nothing, accepted: accepted.into() }
    }

    /// The name of the setting.
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.variable)?;
        match &self.given {
            Given::Nothing => f.write_str("not set")?,
            // `{:?}` keeps a line break in the value from breaking the line.
            Given::Text(text) => write!(f, "{text:?} cannot be used")?,
            Given::Secret { chars } => write!(f, "the value given (***, {chars} characters) cannot be used")?,
        }
        write!(f, "; accepted: {}", self.accepted)
    }
}

impl std::error::Error for Fault {}
