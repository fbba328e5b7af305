//! The outputs of several tasks as one, each line with its task's rank.
//!
//! A line is kept back until it is whole, but only as far as a few thousand bytes: a longer one is passed on in pieces.
//! Where another task comes in between, the line is broken there and goes on behind its rank.

/// Bytes of a line that is not whole yet, for each task.
const KEPT_BACK: usize = 4 << 10;

/// Lines on their way.
pub struct Merged {
    parts: Vec<Vec<u8>>,
    /// The task whose line the last byte was in the middle of.
    open: Option<usize>,
}

impl Merged {
    /// Nothing yet, of so many tasks.
    pub fn new(tasks: usize) -> Merged {
        Merged { parts: vec![Vec::new(); tasks], open: None }
    }

    /// What can be said once a task has written this.
    pub fn write(&mut self, rank: usize, piece: &[u8]) -> Vec<u8> {
        let mut said = Vec::with_capacity(piece.len() + piece.len() / 8);
        let mut text = std::mem::take(&mut self.parts[rank]);
        text.extend_from_slice(piece);
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in text[..whole].split_inclusive(|byte| *byte == b'\n') {
            self.say(rank, line, &mut said);
        }
        let rest = &text[whole..];
        if rest.len() > KEPT_BACK || (self.open == Some(rank) && !rest.is_empty()) {
            self.say(rank, rest, &mut said);
        } else {
            self.parts[rank] = rest.to_vec();
        }
        said
    }

    /// What is left to say of a task that has ended.
    pub fn end(&mut self, rank: usize) -> Vec<u8> {
        let mut said = Vec::new();
        let rest = std::mem::take(&mut self.parts[rank]);
        if !rest.is_empty() {
            self.say(rank, &rest, &mut said);
        }
        if self.open == Some(rank) {
            said.push(b'\n');
            self.open = None;
        }
        said
    }

    fn say(&mut self, rank: usize, text: &[u8], said: &mut Vec<u8>) {
        if self.open != Some(rank) {
            if self.open.is_some() {
                said.push(b'\n');
            }
            said.extend_from_slice(format!("[{rank}] ").as_bytes());
        }
        said.extend_from_slice(text);
        self.open = (!text.ends_with(b"\n")).then_some(rank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_carry_their_rank() {
        let mut merged = Merged::new(2);
        assert_eq!(merged.write(0, b"one\ntw"), b"[0] one\n");
        assert_eq!(merged.write(1, b"eins\nzwei\n"), b"[1] eins\n[1] zwei\n");
        assert_eq!(merged.write(0, b"o\n\n"), b"[0] two\n[0] \n");
        assert_eq!(merged.write(1, b"drei"), b"");
        assert_eq!(merged.end(1), b"[1] drei\n");
        assert_eq!(merged.end(0), b"");
    }

    #[test]
    fn a_line_without_end_is_passed_on_and_broken_only_where_another_comes_in() {
        let mut merged = Merged::new(2);
        let long = vec![b'x'; KEPT_BACK + 1];
        assert_eq!(merged.write(0, &long).len(), 4 + long.len());
        assert_eq!(merged.write(0, b"y"), b"y", "nothing of it is kept");
        assert_eq!(merged.write(1, b"in between\n"), b"\n[1] in between\n");
        assert_eq!(merged.write(0, &long)[..5], *b"[0] x");
        assert_eq!(merged.write(0, b"z\n"), b"z\n");
        assert_eq!(merged.end(0), b"");
    }
}
