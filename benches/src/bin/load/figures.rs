//! What was measured, by row and server, and the table of it.

use std::fmt;
use std::time::Duration;

/// Values by row and column, as many of each as there were rounds; the first column is *bare*.
pub(crate) struct Figures {
    columns: Vec<&'static str>,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    unit: Unit,
    cells: Vec<Vec<f64>>,
}

/// How a value is written, and how it is compared with *bare*.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Unit {
    PerSecond,
    Time,
    Bytes,
}

impl Figures {
    pub(crate) fn new(columns: Vec<&'static str>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(crate) fn time(&mut self, column: usize, name: &str, time: Duration) {
        self.add(column, name, Unit::Time, time.as_secs_f64());
    }

    pub(crate) fn add(&mut self, column: usize, name: &str, unit: Unit, value: f64) {
        let place = self.rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            self.rows.push(Row { name: name.to_owned(), unit, cells: vec![Vec::new(); self.columns.len()] });
            self.rows.len() - 1
        });
        let cell = self.rows.get_mut(place).and_then(|row| row.cells.get_mut(column));
        cell.expect("a cell for each server").push(value);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| |")?;
        for column in &self.columns {
            write!(f, " {column} |")?;
        }
        writeln!(f, "\n|---|{}", "---|".repeat(self.columns.len()))?;
        for row in &self.rows {
            write!(f, "| {} |", row.name)?;
            let bare = row.cells.first().and_then(|cell| median(cell));
            for (column, cell) in row.cells.iter().enumerate() {
                match (median(cell), bare) {
                    (None, _) => write!(f, " |")?,
                    (Some(value), Some(bare)) if column > 0 => {
                        write!(f, " {} ({}) |", row.unit.show(value), row.unit.compare(value, bare))?;
                    }
                    (Some(value), _) => write!(f, " {} |", row.unit.show(value))?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::PerSecond => format!("{value:.0} /s"),
            Self::Time if value < 1e-3 => format!("{:.0} us", value * 1e6),
            Self::Time => format!("{:.2} ms", value * 1e3),
            Self::Bytes => format!("{:.1} MiB", value / f64::from(1 << 20)),
        }
    }

    /// Throughput as a share of *bare*, all else as what it is more.
    fn compare(self, value: f64, bare: f64) -> String {
        if self == Self::PerSecond {
            return format!("{:.2}", value / bare);
        }
        let sign = if value < bare { "-" } else { "+" };
        format!("{sign}{}", self.show((value - bare).abs()))
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
