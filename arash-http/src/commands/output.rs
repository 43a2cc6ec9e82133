//! How commands answer: a table for people, JSON for machines.

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::Value;

/// How a command answers.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Output {
    /// Answers in JSON, for machines
    #[arg(long)]
    json: bool,
}

impl Output {
    /// `value` as JSON, or what `text` makes for people.
    pub(super) fn write(self, value: &Value, text: impl FnOnce() -> String) -> String {
        if self.json { format!("{value:#}") } else { text() }
    }
}

/// Columns of text, each under its name.
pub(super) fn table<const N: usize>(names: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(names);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// What stands in a table where there is nothing.
pub(super) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_get_columns_and_machines_json() {
        let rows = [["1".to_owned(), or_dash(Some("سلام"))], ["20".to_owned(), or_dash(None::<i64>)]];
        let text = || table(["ID", "NAME"], rows);
        assert_eq!(Output { json: false }.write(&json!([1]), text), "ID  NAME\n1   سلام\n20  -");
        assert_eq!(Output { json: true }.write(&json!([1]), String::new), "[\n  1\n]");
    }
}
