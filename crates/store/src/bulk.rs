//! Many rows with few statements. Rows go in groups of fixed sizes, so that each statement is prepared once.

use std::fmt::Write;

use sqlx::AssertSqlSafe;

use crate::connection::{Connection, Value};

/// Rows of one statement, largest first.
const GROUPS: [usize; 3] = [64, 8, 1];

/// A statement that takes any number of rows: `before VALUES (…), (…) after`.
pub(crate) struct Bulk {
    pub(crate) before: &'static str,
    pub(crate) columns: usize,
    pub(crate) after: &'static str,
}

impl Bulk {
    /// Runs it for all rows, whose values follow each other; returns how many rows were changed.
    pub(crate) async fn run(&self, connection: &mut Connection, values: Vec<Value<'_>>) -> Result<u64, sqlx::Error> {
        assert_eq!(values.len() % self.columns, 0, "every row has all columns");
        let mut rows_left = values.len() / self.columns;
        let mut values = values.into_iter();
        let mut changed = 0;
        for group in GROUPS {
            while rows_left >= group {
                rows_left -= group;
                let sql = self.text(group, connection.is_postgres());
                let group = values.by_ref().take(group * self.columns).collect();
                changed += connection.execute(AssertSqlSafe(sql), group).await?;
            }
        }
        Ok(changed)
    }

    /// SQLite finds a parameter's name by going through all of them, once for each that is bound; so there they have
    /// none, and count by themselves.
    fn text(&self, rows: usize, is_postgres: bool) -> String {
        let mut text = format!("{} VALUES ", self.before);
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..self.columns {
                text.push_str(if column == 0 { "" } else { ", " });
                match is_postgres {
                    true => _ = write!(text, "${}", row * self.columns + column + 1),
                    false => text.push('?'),
                }
            }
            text.push(')');
        }
        text.push_str(self.after);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_a_parameter_for_each_column_of_each_row() {
        let bulk = Bulk { before: "INSERT INTO t (a, b)", columns: 2, after: " ON CONFLICT DO NOTHING" };
        assert_eq!(bulk.text(2, true), "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING");
        assert_eq!(bulk.text(1, false), "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT DO NOTHING");
    }
}
