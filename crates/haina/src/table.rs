//! Tables that fit the terminal. Plain text; where it is no terminal, nothing is cut and nothing left out.

use unicode_width::UnicodeWidthStr;

use crate::terminal::{cut, width};

/// A column that is cut below this says little: before that, columns that matter less are left out.
const COLUMN_READABLE: usize = 12;

/// Rows of equal length under headers.
pub struct Table {
    rows: Vec<Vec<String>>,
    expendable: Vec<usize>,
}

impl Table {
    /// A table without rows.
    pub fn new<const N: usize>(headers: [&str; N]) -> Table {
        Table { rows: vec![headers.map(str::to_owned).to_vec()], expendable: Vec::new() }
    }

    /// Names columns, numbered from 0, that a narrow terminal does without; the first is the first to go.
    pub fn expendable<const M: usize>(mut self, columns: [usize; M]) -> Table {
        self.expendable = columns.to_vec();
        self
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        assert_eq!(N, self.rows[0].len(), "every row has all columns");
        // A title with control characters must not command the terminal.
        let plain = cells.map(|cell| cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
        self.rows.push(plain.to_vec());
    }

    /// Prints it.
    pub fn print(&self) {
        println!("{}", self.text(width()));
    }

    /// The lines, none wider than `width` where there is one.
    pub fn text(&self, width: Option<usize>) -> String {
        let of_column = |column: usize| self.rows.iter().map(move |row| row[column].width()).max().unwrap_or(0);
        let mut columns: Vec<(usize, usize)> =
            (0..self.rows[0].len()).map(|column| (column, of_column(column))).collect();
        if let Some(most) = width {
            self.leave_out(&mut columns, most);
            shrink(&mut columns, most);
        }
        let lines = self.rows.iter().map(|row| {
            let cells = columns.iter().map(|&(column, width)| fit(&row[column], width));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Leaves out expendable columns until the others are readable.
    fn leave_out(&self, columns: &mut Vec<(usize, usize)>, most: usize) {
        for expendable in &self.expendable {
            let readable: usize = columns.iter().map(|(_, width)| *width.min(&COLUMN_READABLE)).sum();
            if readable + gaps(columns) <= most {
                return;
            }
            columns.retain(|(column, _)| column != expendable);
        }
    }
}

/// Cells between columns.
fn gaps(columns: &[(usize, usize)]) -> usize {
    2 * columns.len().saturating_sub(1)
}

/// Takes from the widest column, cell by cell, until the line fits.
fn shrink(columns: &mut [(usize, usize)], most: usize) {
    let gaps = gaps(columns);
    while columns.iter().map(|(_, width)| width).sum::<usize>() + gaps > most {
        match columns.iter_mut().map(|(_, width)| width).max() {
            Some(widest) if *widest > 1 => *widest -= 1,
            _ => return,
        }
    }
}

/// The text in exactly so many terminal cells.
fn fit(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let padding = " ".repeat(width - text.width());
    text + &padding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(["ID", "ORGANIZATION"]);
        table.row(["1".to_owned(), "青岛海洋研究所（示例）".to_owned()]);
        table.row(["22".to_owned(), "a\u{1b}[31mb".to_owned()]);
        table
    }

    #[test]
    fn nothing_is_cut_where_there_is_no_terminal() {
        assert_eq!(sample().text(None), "ID  ORGANIZATION\n1   青岛海洋研究所（示例）\n22  a [31mb");
    }

    #[test]
    fn wide_characters_count_twice_and_lines_fit() {
        for width in 10..40 {
            let text = sample().text(Some(width));
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
        }
        assert_eq!(sample().text(Some(14)).lines().nth(1), Some("1   青岛海洋…"));
    }

    #[test]
    fn a_narrow_terminal_does_without_what_matters_least() {
        let headers = ["ID", "NAME", "STATE", "ORGANIZATION", "USER", "NODES", "CARDS", "SUBMITTED"];
        let mut table = Table::new(headers).expendable([4, 5, 7, 3, 6]);
        let cells = [
            "17",
            "elnino-train [14]",
            "running",
            "ocean-institute",
            "ocean-developer",
            "1",
            "8",
            "2026-01-01T00:00:00Z",
        ];
        table.row(cells.map(str::to_owned));
        for width in 20..200 {
            let text = table.text(Some(width));
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            assert!(text.starts_with("ID  NAME"), "{width}:\n{text}");
        }
        assert_eq!(table.text(Some(40)), "ID  NAME               STATE    CARDS\n17  elnino-train [14]  running  8");
        assert!(table.text(Some(120)).contains("ocean-developer"));
    }
}
