//! Reads single values. Nothing here knows which settings there are.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::secret::Secret;
use crate::settings::Fault;

/// A value without the white space around it; an empty one counts as not set.
pub(super) fn present(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

/// The same for a value that must not be shown.
pub(super) fn present_secret(value: Option<&Secret>) -> Option<&str> {
    present(value.map(Secret::expose))
}

/// A whole number within `range`.
pub(super) fn number<N>(variable: &'static str, value: &str, range: &RangeInclusive<N>) -> Result<N, Fault>
where
    N: FromStr + PartialOrd + Display,
{
    let accepted = || format!("a whole number from {} to {}", range.start(), range.end());
    value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| Fault::given(variable, value, accepted()))
}

/// One of `choices`, by any of its names; the first name of each is the one that is told.
pub(super) fn choice<T: Copy>(variable: &'static str, value: &str, choices: &[(&[&str], T)]) -> Result<T, Fault> {
    let is_meant = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(value));
    choices.iter().find(|(names, _)| is_meant(names)).map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().filter_map(|(names, _)| names.first().copied()).collect();
        Fault::given(variable, value, names.join(", "))
    })
}

/// Yes or no.
pub(super) fn boolean(variable: &'static str, value: &str) -> Result<bool, Fault> {
    choice(variable, value, &[(&["true", "1", "yes", "on"], true), (&["false", "0", "no", "off"], false)])
}

/// A JSON array of texts, or texts with commas between them; none may be empty.
pub(super) fn list(variable: &'static str, value: &str) -> Result<Vec<String>, Fault> {
    let accepted = "a JSON array of texts, or texts with commas between them; none empty";
    let entries: Vec<String> = if value.starts_with('[') {
        serde_json::from_str(value).map_err(|_| Fault::given(variable, value, accepted))?
    } else {
        value.split(',').map(str::to_owned).collect()
    };
    let entries: Vec<String> = entries.iter().map(|entry| entry.trim().to_owned()).collect();
    let is_usable = |entry: &String| !entry.is_empty() && !entry.chars().any(char::is_control);
    if !entries.iter().all(is_usable) {
        return Err(Fault::given(variable, value, accepted));
    }
    Ok(entries)
}

/// A JSON array of whole numbers within `range`, or such numbers with commas between them.
pub(super) fn numbers<N>(variable: &'static str, value: &str, range: &RangeInclusive<N>) -> Result<Vec<N>, Fault>
where
    N: FromStr + PartialOrd + Display,
{
    let entries = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(value);
    let entries = entries.split(',').map(|entry| entry.trim().trim_matches('"').trim());
    let entries: Vec<&str> = if entries.clone().eq([""]) { Vec::new() } else { entries.collect() };
    entries.into_iter().map(|entry| number(variable, entry, range)).collect()
}
