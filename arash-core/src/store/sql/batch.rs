use std::sync::{Arc, OnceLock};

use crate::store::sql::value::Value;

/// Rows are written in runs of these lengths, so that a few prepared statements serve any number of rows.
const RUNS: [usize; 4] = [64, 16, 4, 1];

/// A statement over many rows: `head (row), (row), … tail`.
pub(super) struct Batch {
    pub(super) head: &'static str,
    columns: usize,
    pub(super) tail: &'static str,
    texts: [OnceLock<Arc<str>>; RUNS.len()],
}

impl Batch {
    /// `head` ends where the first row begins, as after `VALUES`; `tail` follows the last row.
    pub(super) const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Self { head, columns, tail, texts: [const { OnceLock::new() }; RUNS.len()] }
    }

    /// Cuts the rows into runs, each with its statement.
    pub(super) fn chunks<'v>(&'static self, values: &'v [Value]) -> impl Iterator<Item = (Arc<str>, &'v [Value])> {
        let mut rest = values;
        std::iter::from_fn(move || {
            let rows = rest.len() / self.columns;
            let (&length, text) = RUNS.iter().zip(&self.texts).find(|&(&length, _)| length <= rows)?;
            let (run, after) = rest.split_at_checked(length * self.columns)?;
            rest = after;
            Some((Arc::clone(text.get_or_init(|| self.text(length))), run))
        })
    }

    fn text(&self, rows: usize) -> Arc<str> {
        // Not `$1, $2, …`: SQLite looks such names up one by one, which for a thousand of them is most of its work.
        let row = format!("({})", vec!["?"; self.columns].join(", "));
        format!("{} {} {}", self.head, vec![row; rows].join(", "), self.tail).into()
    }

    /// The statement for one row, for the test that prepares every statement.
    #[cfg(test)]
    pub(super) fn sample(&self) -> String {
        self.text(2).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_written_once_in_order() {
        static PAIRS: Batch = Batch::new("INSERT INTO t VALUES", 2, "");
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
        assert_eq!(PAIRS.sample().trim(), "INSERT INTO t VALUES (?, ?), (?, ?)");
    }
}
