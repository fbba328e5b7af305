//! Output of jobs on a terminal: text as it is, but nothing that commands the terminal beyond colours.

/// A filter that is fed pieces, which may end anywhere.
#[derive(Default)]
pub struct Printable {
    /// The beginning of a character or of an escape sequence whose end has not come.
    part: Vec<u8>,
}

/// No character and no colour is longer.
const PART_MOST: usize = 32;

impl Printable {
    /// What may be printed of it.
    pub fn filter(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.part);
        text.extend_from_slice(piece);
        let mut shown = Vec::with_capacity(text.len());
        let mut rest = &text[..];
        while !rest.is_empty() {
            match next(rest) {
                Next::Shown(length) => {
                    shown.extend_from_slice(&rest[..length]);
                    rest = &rest[length..];
                }
                Next::Replaced(length) => {
                    shown.extend_from_slice("\u{fffd}".as_bytes());
                    rest = &rest[length..];
                }
                Next::Unfinished if rest.len() < PART_MOST => {
                    self.part = rest.to_vec();
                    break;
                }
                Next::Unfinished => {
                    shown.extend_from_slice("\u{fffd}".as_bytes());
                    rest = &rest[1..];
                }
            }
        }
        shown
    }
}

/// What comes first.
enum Next {
    /// So many bytes that may be shown.
    Shown(usize),
    /// So many that may not.
    Replaced(usize),
    /// It depends on what follows.
    Unfinished,
}

fn next(text: &[u8]) -> Next {
    match text[0] {
        b'\n' | b'\t' | b'\r' => Next::Shown(1),
        0x1b => colour(text),
        0..0x20 | 0x7f => Next::Replaced(1),
        byte if byte < 0x80 => Next::Shown(text.iter().take_while(|byte| (0x20..0x7f).contains(*byte)).count()),
        _ => character(text),
    }
}

/// `ESC [ numbers m` changes colours only.
fn colour(text: &[u8]) -> Next {
    // However much of it has come.
    let text = &text[..text.len().min(PART_MOST)];
    match text.get(1) {
        None => Next::Unfinished,
        Some(b'[') => match text[2..].iter().position(|byte| !byte.is_ascii_digit() && *byte != b';') {
            None => Next::Unfinished,
            Some(at) if text[2 + at] == b'm' => Next::Shown(3 + at),
            Some(_) => Next::Replaced(1),
        },
        Some(_) => Next::Replaced(1),
    }
}

fn character(text: &[u8]) -> Next {
    let first = &text[..text.len().min(4)];
    match std::str::from_utf8(first) {
        Ok(valid) => of_valid(valid),
        Err(error) if error.valid_up_to() > 0 => {
            of_valid(std::str::from_utf8(&first[..error.valid_up_to()]).unwrap_or_default())
        }
        Err(error) => error.error_len().map_or(Next::Unfinished, Next::Replaced),
    }
}

fn of_valid(text: &str) -> Next {
    match text.chars().next() {
        // Those from U+0080 to U+009F command a terminal too.
        Some(c) if c.is_control() => Next::Replaced(c.len_utf8()),
        Some(c) => Next::Shown(c.len_utf8()),
        None => Next::Unfinished,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In one piece, and byte by byte: what is shown must not depend on where pieces end.
    fn shown(text: &[u8]) -> String {
        let whole = Printable::default().filter(text);
        let mut filter = Printable::default();
        let bytes: Vec<u8> = text.iter().flat_map(|byte| filter.filter(&[*byte])).collect();
        assert_eq!(whole, bytes);
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn text_and_colours_stay() {
        let text = "海洋 naïve\tx\r\n\u{1b}[1;31mred\u{1b}[0m";
        assert_eq!(shown(text.as_bytes()), text);
    }

    #[test]
    fn what_commands_the_terminal_or_is_no_text_does_not() {
        assert_eq!(shown(b"\x1b]0;title\x07x"), "\u{fffd}]0;title\u{fffd}x");
        assert_eq!(shown(b"a\x1b[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(shown("a\u{9b}2Jb".as_bytes()), "a\u{fffd}2Jb");
        assert_eq!(shown(b"\xff\xfeok\xe6\xb5x\x00"), "\u{fffd}\u{fffd}ok\u{fffd}x\u{fffd}");
        assert_eq!(shown(&[b"\x1b[".to_vec(), vec![b'1'; 100], b"m".to_vec()].concat()), {
            format!("\u{fffd}[{}m", "1".repeat(100))
        });
    }
}
