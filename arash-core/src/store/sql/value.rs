use std::sync::Arc;

use sqlx::Arguments;
use sqlx::Row as _;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// A value on its way into a statement. Cheap to clone, because a transaction may be run again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    Uuid(Uuid),
}

impl Value {
    #[cfg(feature = "sqlite")]
    pub(super) fn add_to_sqlite(&self, arguments: &mut sqlx::sqlite::SqliteArguments) -> Result<()> {
        let added = match self {
            Self::Null => arguments.add(None::<i64>),
            Self::Bool(value) => arguments.add(i64::from(*value)),
            Self::Int(value) => arguments.add(*value),
            Self::Text(value) => arguments.add(Arc::clone(value)),
            Self::Bytes(value) => arguments.add(value.to_vec()),
            Self::Uuid(value) => arguments.add(*value),
        };
        added.map_err(not_bound)
    }

    #[cfg(feature = "postgres")]
    pub(super) fn add_to_postgres(&self, arguments: &mut sqlx::postgres::PgArguments) -> Result<()> {
        let added = match self {
            Self::Null => arguments.add(Untyped),
            Self::Bool(value) => arguments.add(*value),
            Self::Int(value) => arguments.add(*value),
            Self::Text(value) => arguments.add(&**value),
            Self::Bytes(value) => arguments.add(&**value),
            Self::Uuid(value) => arguments.add(*value),
        };
        added.map_err(not_bound)
    }
}

pub(super) fn not_bound(fault: sqlx::error::BoxDynError) -> Error {
    Error::internal("a value could not be bound").with_source(fault)
}

/// A null whose type the server finds out by itself.
#[cfg(feature = "postgres")]
struct Untyped;

#[cfg(feature = "postgres")]
impl sqlx::Type<sqlx::Postgres> for Untyped {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        sqlx::postgres::PgTypeInfo::with_oid(sqlx::postgres::types::Oid(0))
    }
}

#[cfg(feature = "postgres")]
impl sqlx::Encode<'_, sqlx::Postgres> for Untyped {
    fn encode_by_ref(
        &self,
        _: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> std::result::Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        Ok(sqlx::encode::IsNull::Yes)
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
        Self::Bool(value)
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
        Self::Uuid(*id)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row that a statement gave. A column that is missing or of another type is a defect, named in the error's source.
pub(super) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

/// The column `$column` of `$row` as `$type`, whichever engine the row came from.
macro_rules! get {
    ($row:expr, $column:expr, $type:ty) => {
        match $row {
            #[cfg(feature = "sqlite")]
            Row::Sqlite(row) => row.try_get::<$type, _>($column),
            #[cfg(feature = "postgres")]
            Row::Postgres(row) => row.try_get::<$type, _>($column),
        }
        .map_err(|fault| Error::internal("a stored value could not be read").with_source(fault))
    };
}

impl Row {
    pub(super) fn int(&self, column: &str) -> Result<i64> {
        get!(self, column, i64)
    }

    pub(super) fn optional_int(&self, column: &str) -> Result<Option<i64>> {
        get!(self, column, Option<i64>)
    }

    /// A count; what is stored is never negative.
    pub(super) fn count(&self, column: &str) -> Result<u64> {
        self.int(column).map(|value| u64::try_from(value).unwrap_or(0))
    }

    pub(super) fn optional_count(&self, column: &str) -> Result<Option<u64>> {
        Ok(self.optional_int(column)?.map(|value| u64::try_from(value).unwrap_or(0)))
    }

    pub(super) fn flag(&self, column: &str) -> Result<bool> {
        get!(self, column, bool)
    }

    pub(super) fn time(&self, column: &str) -> Result<Timestamp> {
        self.int(column).map(Timestamp::from_millis)
    }

    pub(super) fn optional_time(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.optional_int(column)?.map(Timestamp::from_millis))
    }

    pub(super) fn text(&self, column: &str) -> Result<String> {
        get!(self, column, String)
    }

    pub(super) fn optional_text(&self, column: &str) -> Result<Option<String>> {
        get!(self, column, Option<String>)
    }

    pub(super) fn optional_bytes(&self, column: &str) -> Result<Option<Vec<u8>>> {
        get!(self, column, Option<Vec<u8>>)
    }

    pub(super) fn uuid(&self, column: &str) -> Result<Uuid> {
        get!(self, column, Uuid)
    }

    pub(super) fn optional_uuid(&self, column: &str) -> Result<Option<Uuid>> {
        get!(self, column, Option<Uuid>)
    }

    /// A word that stands for one of a few things, as `read` knows them.
    pub(super) fn word<T>(&self, column: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let word = self.text(column)?;
        read(&word).ok_or_else(|| Error::internal(format!("{column} holds a word that nobody knows")))
    }
}
