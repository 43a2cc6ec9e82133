use std::fmt;

/// One setting that cannot be used: which, what was given, what is accepted. One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    variable: &'static str,
    place: Option<String>,
    given: Given,
    accepted: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Nothing,
    Text(String),
    Secret { chars: usize },
    Unshown,
}

impl Fault {
    /// `variable` was given as `value`, but only `accepted` can be used.
    pub(super) fn given(variable: &'static str, value: &str, accepted: impl Into<String>) -> Self {
        Self { variable, place: None, given: Given::Text(value.to_owned()), accepted: accepted.into() }
    }

    /// The same for a value that must not be shown: only its length is.
    pub(super) fn secret(variable: &'static str, value: &str, accepted: impl Into<String>) -> Self {
        Self { variable, place: None, given: Given::Secret { chars: value.chars().count() }, accepted: accepted.into() }
    }

    /// The same for something that is no single value.
    pub(super) fn unshown(variable: &'static str, accepted: impl Into<String>) -> Self {
        Self { variable, place: None, given: Given::Unshown, accepted: accepted.into() }
    }

    /// `variable` is needed and was not given.
    pub(super) fn missing(variable: &'static str, accepted: impl Into<String>) -> Self {
        Self { variable, place: None, given: Given::Nothing, accepted: accepted.into() }
    }

    /// The same fault, found at this place of the file that the setting names.
    pub(super) fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// The name of the setting.
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.variable)?;
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        match &self.given {
            Given::Nothing => f.write_str("not set")?,
            // `{:?}` keeps a line break in the value from breaking the line.
            Given::Text(text) => write!(f, "{text:?} cannot be used")?,
            Given::Unshown => f.write_str("what is there cannot be used")?,
            Given::Secret { chars } => write!(f, "the value given (***, {chars} characters) cannot be used")?,
        }
        write!(f, "; accepted: {}", self.accepted)
    }
}

impl std::error::Error for Fault {}
