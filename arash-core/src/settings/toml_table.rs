//! Reads the tables of a TOML file field by field, and tells of each fault where it is.

use std::ops::RangeInclusive;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::secret::Secret;
use crate::settings::Fault;
use crate::settings::resolve::Faults;

/// A table whose fields are taken out one by one; what is left at the end is unknown.
pub(super) struct Table<'a> {
    variable: &'static str,
    text: &'a str,
    fields: DeTable<'a>,
    /// Where it begins, in bytes.
    begin: usize,
    /// The names that were asked for.
    known: Vec<&'static str>,
    /// Which of these were there, and where.
    given: Vec<(&'static str, usize)>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn parse(variable: &'static str, text: &'a str, faults: &mut Faults) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let begin = error.span().map_or(0, |span| span.start);
            // The error's own text tells what the grammar wants and quotes nothing.
            let accepted = format!("TOML ({})", error.message().lines().next().unwrap_or_default());
            faults.push(Fault::unshown(variable, accepted).at(line(text, begin)));
        }
        Self { variable, text, fields: root.into_inner(), begin: 0, known: Vec::new(), given: Vec::new() }
    }

    /// Where a field is that was asked for, or else where its table begins.
    pub(super) fn place(&self, field: &str) -> String {
        let given = self.given.iter().find(|(name, _)| *name == field).map(|(_, begin)| *begin);
        format!("{}, {field}", line(self.text, given.unwrap_or(self.begin)))
    }

    fn take(&mut self, name: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.known.push(name);
        let value = self.fields.remove(name)?;
        self.given.push((name, value.span().start));
        Some(value)
    }

    /// Whether a field that was asked for is there, usable or not.
    pub(super) fn was_given(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// What `read` makes of a field; `accepted` is told when it makes nothing.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        accepted: &str,
        faults: &mut Faults,
        read: impl FnOnce(&DeValue<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let read = read(value.get_ref());
        if read.is_none() {
            faults.push(fault(self.variable, value.get_ref(), accepted).at(self.place(name)));
        }
        read
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, name: &'static str, faults: &mut Faults) -> Option<String> {
        self.read(name, "a text that is not empty, without control characters", faults, |value| {
            value.as_str().filter(|text| is_text(text)).map(str::to_owned)
        })
    }

    /// What `read` makes of a text that must not be shown.
    pub(super) fn secret<T>(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
        read: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let place = self.place(name);
        let fault = || Fault::unshown(self.variable, "a text in quotes");
        let read = value.get_ref().as_str().ok_or_else(fault).and_then(read);
        faults.keep(read.map(Some).map_err(|fault| fault.at(place)), None)
    }

    /// A whole number within `range`.
    pub(super) fn count(
        &mut self,
        name: &'static str,
        range: &RangeInclusive<u64>,
        faults: &mut Faults,
    ) -> Option<u64> {
        let accepted = format!("a whole number from {} to {}", range.start(), range.end());
        self.number(name, range, &accepted, faults)
    }

    /// The same where more has to be said of what is accepted.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        range: &RangeInclusive<u64>,
        accepted: &str,
        faults: &mut Faults,
    ) -> Option<u64> {
        self.read(name, accepted, faults, |value| {
            integer(value)?.try_into().ok().filter(|number| range.contains(number))
        })
    }

    /// Texts, none of them empty.
    pub(super) fn texts(&mut self, name: &'static str, faults: &mut Faults) -> Vec<String> {
        let texts = self.read(name, "a list of texts, none empty", faults, |value| {
            let text =
                |entry: &Spanned<DeValue<'a>>| entry.get_ref().as_str().filter(|text| is_text(text)).map(str::to_owned);
            value.as_array()?.iter().map(text).collect::<Option<Vec<_>>>()
        });
        texts.unwrap_or_default()
    }

    /// A table of secret texts by their names.
    pub(super) fn secrets(&mut self, name: &'static str, faults: &mut Faults) -> Vec<(String, Secret)> {
        let mut secrets = Vec::new();
        let Some(value) = self.take(name) else { return secrets };
        let DeValue::Table(table) = value.into_inner() else {
            let fault = Fault::unshown(self.variable, "a table of texts, such as { X-Title = \"arash\" }");
            faults.push(fault.at(self.place(name)));
            return secrets;
        };
        for (key, value) in table {
            if let Some(text) = value.get_ref().as_str() {
                secrets.push((key.into_inner().into_owned(), Secret::from(text)));
                continue;
            }
            let place = format!("{}, {name}.{}", line(self.text, value.span().start), key.get_ref());
            // A key may have control characters, which do not belong into a line.
            let place = place.replace(char::is_control, "?");
            faults.push(Fault::unshown(self.variable, "a text in quotes").at(place));
        }
        secrets
    }

    /// A table as a JSON object.
    pub(super) fn json(&mut self, name: &'static str, faults: &mut Faults) -> Map<String, Value> {
        let object =
            self.read(name, "a table without dates, and of finite numbers", faults, |value| match json(value)? {
                Value::Object(object) => Some(object),
                _ => None,
            });
        object.unwrap_or_default()
    }

    /// The tables of a list of tables, `[[name]]`.
    pub(super) fn tables(&mut self, name: &'static str, faults: &mut Faults) -> Vec<Self> {
        let Some(value) = self.take(name) else { return Vec::new() };
        let fault = Fault::unshown(self.variable, format!("tables, each begun by [[{name}]]")).at(self.place(name));
        let DeValue::Array(entries) = value.into_inner() else {
            faults.push(fault);
            return Vec::new();
        };
        let (variable, text) = (self.variable, self.text);
        let table = |entry: Spanned<DeValue<'a>>| {
            let begin = entry.span().start;
            match entry.into_inner() {
                DeValue::Table(fields) => {
                    Some(Self { variable, text, fields, begin, known: Vec::new(), given: Vec::new() })
                }
                _ => None,
            }
        };
        let tables: Option<Vec<_>> = entries.into_iter().map(table).collect();
        tables.unwrap_or_else(|| {
            faults.push(fault);
            Vec::new()
        })
    }

    /// Tells of every field that nobody asked for.
    pub(super) fn finish(self, faults: &mut Faults) {
        let known = self.known.join(", ");
        for name in self.fields.keys() {
            let place = line(self.text, name.span().start);
            faults.push(Fault::given(self.variable, name.get_ref(), format!("the fields {known}")).at(place));
        }
    }
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

fn line(text: &str, begin: usize) -> String {
    format!("line {}", text.get(..begin).unwrap_or_default().matches('\n').count() + 1)
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(_) => Value::from(integer(value)?),
        DeValue::Float(number) => Value::Number(Number::from_f64(number.as_str().parse().ok()?)?),
        DeValue::Boolean(is_so) => Value::Bool(*is_so),
        DeValue::Datetime(_) => return None,
        DeValue::Array(entries) => entries.iter().map(|entry| json(entry.get_ref())).collect::<Option<_>>()?,
        DeValue::Table(table) => {
            let field = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                Some((AsRef::<str>::as_ref(name.get_ref()).to_owned(), json(value.get_ref())?))
            };
            Value::Object(table.iter().map(field).collect::<Option<_>>()?)
        }
    })
}

/// The fault of a value, which is shown if it is a single one.
fn fault(variable: &'static str, value: &DeValue<'_>, accepted: &str) -> Fault {
    match value {
        DeValue::String(text) => Fault::given(variable, text, accepted),
        DeValue::Integer(number) => Fault::given(variable, number.as_str(), accepted),
        DeValue::Float(number) => Fault::given(variable, number.as_str(), accepted),
        DeValue::Boolean(is_so) => Fault::given(variable, if *is_so { "true" } else { "false" }, accepted),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => Fault::unshown(variable, accepted),
    }
}
