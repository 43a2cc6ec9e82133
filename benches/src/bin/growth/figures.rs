//! What was measured, as a table.

use std::fmt;
use std::time::Duration;

use crate::fill::Size;

/// One measured value.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) enum Figure {
    PerSecond(f64),
    Time(Duration),
}

impl Figure {
    fn ratio_to(self, other: Self) -> f64 {
        match (self, other) {
            (Self::PerSecond(this), Self::PerSecond(other)) => this / other,
            (Self::Time(this), Self::Time(other)) => this.as_secs_f64() / other.as_secs_f64(),
            _ => f64::NAN,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => write!(f, "{} /s", with_commas(rate.round() as i64)),
            Self::Time(time) if time.as_micros() == 0 => f.write_str("< 1 us"),
            Self::Time(time) if time.as_micros() < 1_000 => write!(f, "{} us", time.as_micros()),
            Self::Time(time) => write!(f, "{:.1} ms", time.as_secs_f64() * 1e3),
        }
    }
}

/// Figures by operation and size, as many of each as there were rounds.
pub(crate) struct Figures {
    sizes: Vec<Size>,
    rows: Vec<(String, Vec<Vec<Figure>>)>,
}

impl Figures {
    pub(crate) fn new(sizes: &[Size]) -> Self {
        Self { sizes: sizes.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, column: usize, operation: String, figure: Figure) {
        let place = self.rows.iter().position(|(name, _)| *name == operation);
        let place = place.unwrap_or_else(|| {
            self.rows.push((operation, vec![Vec::new(); self.sizes.len()]));
            self.rows.len() - 1
        });
        let cell = self.rows.get_mut(place).and_then(|(_, cells)| cells.get_mut(column));
        cell.expect("a column for each size").push(figure);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| operation |")?;
        for size in &self.sizes {
            write!(f, " {} rows, {} sessions |", with_commas(size.rows), with_commas(size.sessions))?;
        }
        writeln!(f, " largest / smallest |\n|---|{}---|", "---|".repeat(self.sizes.len()))?;
        for (operation, cells) in &self.rows {
            write!(f, "| {operation} |")?;
            let medians: Vec<_> = cells.iter().map(|cell| median(cell)).collect();
            for median in &medians {
                match median {
                    Some(median) => write!(f, " {median} |")?,
                    None => write!(f, " |")?,
                }
            }
            let known: Vec<_> = medians.into_iter().flatten().collect();
            match known.as_slice() {
                [first, .., last] => writeln!(f, " {:.2} |", last.ratio_to(*first))?,
                _ => writeln!(f, " |")?,
            }
        }
        Ok(())
    }
}

fn median(figures: &[Figure]) -> Option<Figure> {
    let mut figures = figures.to_vec();
    figures.sort_by(|one, other| one.partial_cmp(other).expect("figures are numbers"));
    figures.get(figures.len() / 2).copied()
}

fn with_commas(number: i64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
