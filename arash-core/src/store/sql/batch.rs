use std::sync::{Arc, OnceLock};

#[cfg(test)]
use crate::store::sql::text::Dialect;
use crate::store::sql::value::Value;

/// SQLite is given rows in runs of these lengths, so that a few prepared statements serve any number of rows.
const RUNS: [usize; 4] = [64, 16, 4, 1];

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Text,
    Bytes,
    Uuid,
}

impl Kind {
    const fn array(self) -> &'static str {
        match self {
            Self::Bool => "BOOLEAN[]",
            Self::Int => "BIGINT[]",
            Self::Text => "TEXT[]",
            Self::Bytes => "BYTEA[]",
            Self::Uuid => "UUID[]",
        }
    }
}

/// Where the rows of a batch stand in its statement.
#[derive(Clone, Copy)]
enum Shape {
    /// `head rows tail`: they are inserted.
    Insert,
    /// `head (rows) AS v (column1, column2, …) tail`: they are looked up.
    From,
}

/// A statement over many rows.
///
/// SQLite gets them as `VALUES (?, ?), (?, ?)`; PostgreSQL as one array a column, so that one statement serves any
/// number of rows.
pub(super) struct Batch {
    head: &'static str,
    pub(super) columns: &'static [Kind],
    tail: &'static str,
    postgres_tail: &'static str,
    shape: Shape,
    runs: [OnceLock<Arc<str>>; RUNS.len()],
    arrays: OnceLock<Arc<str>>,
}

impl Batch {
    const fn new(head: &'static str, columns: &'static [Kind], tail: &'static str, shape: Shape) -> Self {
        let runs = [const { OnceLock::new() }; RUNS.len()];
        Self { head, columns, tail, postgres_tail: "", shape, runs, arrays: OnceLock::new() }
    }

    /// `INSERT INTO table (columns)`, the rows, and what follows them.
    pub(super) const fn insert(head: &'static str, columns: &'static [Kind], tail: &'static str) -> Self {
        Self::new(head, columns, tail, Shape::Insert)
    }

    /// A statement up to its `FROM`, the rows as `v` with the columns `column1`, `column2`, …, and what follows.
    pub(super) const fn from(head: &'static str, columns: &'static [Kind], tail: &'static str) -> Self {
        Self::new(head, columns, tail, Shape::From)
    }

    /// The same, with a condition that only a database with several writers or with partitions needs; `$1` is the
    /// array of the first column.
    pub(super) const fn and_on_postgres(mut self, tail: &'static str) -> Self {
        self.postgres_tail = tail;
        self
    }

    /// Cuts the rows into runs, each with its statement, as SQLite takes them.
    #[cfg(feature = "sqlite")]
    pub(super) fn chunks<'v>(&'static self, values: &'v [Value]) -> impl Iterator<Item = (Arc<str>, &'v [Value])> {
        let mut rest = values;
        std::iter::from_fn(move || {
            let rows = rest.len() / self.columns.len();
            let (&length, text) = RUNS.iter().zip(&self.runs).find(|&(&length, _)| length <= rows)?;
            let (run, after) = rest.split_at_checked(length * self.columns.len())?;
            rest = after;
            Some((Arc::clone(text.get_or_init(|| self.text_of(length))), run))
        })
    }

    #[cfg(feature = "sqlite")]
    fn text_of(&self, rows: usize) -> Arc<str> {
        // Not `$1, $2, …`: SQLite looks such names up one by one, which for a thousand of them is most of its work.
        let row = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let rows = format!("VALUES {}", vec![row; rows].join(", "));
        match self.shape {
            Shape::Insert => format!("{} {rows} {}", self.head, self.tail).into(),
            // SQLite itself calls the columns of such rows column1, column2, …
            Shape::From => format!("{} ({rows}) AS v {}", self.head, self.tail).into(),
        }
    }

    /// The statement as PostgreSQL takes it: its values are the columns.
    #[cfg(feature = "postgres")]
    pub(super) fn with_arrays(&'static self) -> &'static str {
        self.arrays.get_or_init(|| {
            let arrays: Vec<_> =
                self.columns.iter().enumerate().map(|(at, kind)| format!("${}::{}", at + 1, kind.array())).collect();
            let names: Vec<_> = (1..=self.columns.len()).map(|number| format!("column{number}")).collect();
            let rows = format!("UNNEST({})", arrays.join(", "));
            match self.shape {
                Shape::Insert => format!("{} SELECT * FROM {rows} {}", self.head, self.tail).into(),
                Shape::From => {
                    let names = names.join(", ");
                    format!("{} {rows} AS v ({names}) {} {}", self.head, self.tail, self.postgres_tail).into()
                }
            }
        })
    }

    /// The statement as it is sent, for each number of rows: for the tests that look at every statement.
    #[cfg(test)]
    pub(super) fn samples(&'static self, dialect: Dialect) -> Vec<String> {
        match dialect {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => RUNS.map(|rows| self.text_of(rows)).iter().map(ToString::to_string).collect(),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => vec![self.with_arrays().to_owned()],
            #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
            _ => Vec::new(),
        }
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    static PAIRS: Batch = Batch::insert("INSERT INTO t", &[Kind::Int, Kind::Int], "");

    #[test]
    fn every_row_is_written_once_in_order() {
        for rows in 0..200_i64 {
            let values: Vec<Value> = (0..rows * 2).map(Value::from).collect();
            let mut seen = Vec::new();
            for (sql, run) in PAIRS.chunks(&values) {
                assert_eq!(sql.matches('?').count(), run.len());
                seen.extend(run.iter().map(|value| match value {
                    Value::Int(number) => *number,
                    _ => panic!("not a number"),
                }));
            }
            assert_eq!(seen, (0..rows * 2).collect::<Vec<_>>());
        }
        let last = PAIRS.samples(Dialect::Sqlite).pop();
        assert_eq!(last.as_deref().map(str::trim), Some("INSERT INTO t VALUES (?, ?)"));
    }
}
