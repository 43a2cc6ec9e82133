use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Row as _};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// A value on its way into a statement. Cheap to clone, because a transaction may be run again.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Int(i64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
}

impl Value {
    pub(super) fn add_to(&self, arguments: &mut SqliteArguments) -> Result<()> {
        let added = match self {
            Self::Null => arguments.add(None::<i64>),
            Self::Int(value) => arguments.add(*value),
            Self::Text(value) => arguments.add(Arc::clone(value)),
            Self::Bytes(value) => arguments.add(value.to_vec()),
        };
        added.map_err(|fault| Error::internal("a value could not be bound").with_source(fault))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Int(at.as_millis())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&Uuid> for Value {
    fn from(id: &Uuid) -> Self {
        Self::Bytes(id.as_bytes().as_slice().into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row that a statement gave. A column that is missing or of another type is a defect, named in the error's source.
pub(super) struct Row(pub(super) SqliteRow);

impl Row {
    fn get<'r, T>(&'r self, column: &str) -> Result<T>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.0.try_get(column).map_err(|fault| Error::internal("a stored value could not be read").with_source(fault))
    }

    pub(super) fn int(&self, column: &str) -> Result<i64> {
        self.get(column)
    }

    pub(super) fn optional_int(&self, column: &str) -> Result<Option<i64>> {
        self.get(column)
    }

    /// A count; what is stored is never negative.
    pub(super) fn count(&self, column: &str) -> Result<u64> {
        self.int(column).map(|value| u64::try_from(value).unwrap_or(0))
    }

    pub(super) fn optional_count(&self, column: &str) -> Result<Option<u64>> {
        Ok(self.optional_int(column)?.map(|value| u64::try_from(value).unwrap_or(0)))
    }

    pub(super) fn flag(&self, column: &str) -> Result<bool> {
        self.int(column).map(|value| value != 0)
    }

    pub(super) fn time(&self, column: &str) -> Result<Timestamp> {
        self.int(column).map(Timestamp::from_millis)
    }

    pub(super) fn optional_time(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.optional_int(column)?.map(Timestamp::from_millis))
    }

    pub(super) fn text(&self, column: &str) -> Result<String> {
        self.get(column)
    }

    pub(super) fn optional_text(&self, column: &str) -> Result<Option<String>> {
        self.get(column)
    }

    pub(super) fn optional_bytes(&self, column: &str) -> Result<Option<Vec<u8>>> {
        self.get(column)
    }

    pub(super) fn uuid(&self, column: &str) -> Result<Uuid> {
        let bytes: Vec<u8> = self.get(column)?;
        Uuid::from_slice(&bytes).map_err(|fault| Error::internal("a stored id could not be read").with_source(fault))
    }

    /// A word that stands for one of a few things, as `read` knows them.
    pub(super) fn word<T>(&self, column: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let word = self.text(column)?;
        read(&word).ok_or_else(|| Error::internal(format!("{column} holds a word that nobody knows")))
    }
}
