//! Tables that fit the terminal. Plain text; where it is no terminal, nothing is cut.

use std::io::IsTerminal;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// No column is cut below this.
const COLUMN_LEAST: usize = 6;

/// Rows of equal length under headers.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new<const N: usize>(headers: [&str; N]) -> Table {
        Table { rows: vec![headers.map(str::to_owned).to_vec()] }
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
        println!("{}", self.text(terminal_width()));
    }

    /// The lines, none wider than `width` where there is one.
    pub fn text(&self, width: Option<usize>) -> String {
        let columns = self.rows[0].len();
        let of_column = |column: usize| self.rows.iter().map(move |row| row[column].width()).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..columns).map(of_column).collect();
        if let Some(most) = width {
            let gaps = 2 * (columns - 1);
            while widths.iter().sum::<usize>() + gaps > most {
                let widest = widths.iter_mut().max().expect("a table has columns");
                if *widest <= COLUMN_LEAST {
                    break;
                }
                *widest -= 1;
            }
        }
        let lines = self.rows.iter().map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| fit(cell, *width));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The text in exactly so many terminal cells; a wide character takes two.
fn fit(text: &str, width: usize) -> String {
    let full = text.width();
    if full <= width {
        return format!("{text}{}", " ".repeat(width - full));
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        let cells = c.width().unwrap_or(0);
        if used + cells + 1 > width {
            break;
        }
        used += cells;
        cut.push(c);
    }
    cut.push('…');
    format!("{cut}{}", " ".repeat(width - used - 1))
}

/// The terminal's width, if standard output is one.
fn terminal_width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
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
}
