//! What the terminal can show.

use std::io::IsTerminal;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The terminal's width, if standard output is one.
pub fn width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// The text in at most so many terminal cells, with an ellipsis where it is cut; a wide character takes two.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
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
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_never_takes_more_cells_than_there_are() {
        let text = "海洋: elnino-train 运行中 (3 of 14)";
        for width in 0..50 {
            assert!(cut(text, width).width() <= width, "{width}: {}", cut(text, width));
        }
        assert_eq!(cut(text, 6), "海洋:…");
        assert_eq!(cut(text, 4), "海…");
        assert_eq!(cut("abc", 3), "abc");
    }
}
