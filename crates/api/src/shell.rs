//! A shell inside a running task, over a connection that was upgraded from HTTP: frames both ways.
//!
//! A frame is one byte that says what it is, four that say how long (big-endian), and so many bytes.

use serde::{Deserialize, Serialize};

/// The name of the protocol in `Upgrade`.
pub const SHELL_PROTOCOL: &str = "haina-shell";

/// More bytes than one frame has.
const FRAME_MOST: usize = 1 << 20;

/// What is to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShellStart {
    /// The program and its arguments; a shell if empty.
    #[serde(default)]
    pub command: Vec<String>,
    /// The terminal that it gets; none if absent.
    #[serde(default)]
    pub terminal: Option<ShellTerminal>,
}

/// A terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShellTerminal {
    /// What `TERM` says of it.
    pub kind: String,
    /// Its width in characters.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShellFrame {
    /// From the client, first: what is to be run.
    Start(ShellStart),
    /// From the client: what was typed.
    Input(Vec<u8>),
    /// From the client: nothing more is typed.
    InputEnded,
    /// From the client: the terminal has so many columns and rows.
    Size(u16, u16),
    /// From the center: what was written.
    Output(Vec<u8>),
    /// From the center: what was written to standard error.
    ErrorOutput(Vec<u8>),
    /// From the center, last: the exit code.
    Ended(u8),
    /// From the center, last: why there is no shell.
    Failed(String),
}

impl ShellFrame {
    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let size;
        let start;
        let (kind, body): (u8, &[u8]) = match self {
            ShellFrame::Start(what) => {
                start = serde_json::to_vec(what).expect("a request is plain data");
                (0, &start)
            }
            ShellFrame::Input(bytes) => (1, bytes),
            ShellFrame::InputEnded => (2, &[]),
            ShellFrame::Size(columns, rows) => {
                size = [columns.to_be_bytes(), rows.to_be_bytes()].concat();
                (3, &size)
            }
            ShellFrame::Output(bytes) => (4, bytes),
            ShellFrame::ErrorOutput(bytes) => (5, bytes),
            ShellFrame::Ended(code) => (6, std::slice::from_ref(code)),
            ShellFrame::Failed(why) => (7, why.as_bytes()),
        };
        let mut frame = vec![kind];
        frame.extend((body.len() as u32).to_be_bytes());
        frame.extend(body);
        frame
    }

    fn decode(kind: u8, body: &[u8]) -> Option<ShellFrame> {
        Some(match (kind, body) {
            (0, body) => ShellFrame::Start(serde_json::from_slice(body).ok()?),
            (1, body) => ShellFrame::Input(body.to_vec()),
            (2, []) => ShellFrame::InputEnded,
            (3, &[a, b, c, d]) => ShellFrame::Size(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
            (4, body) => ShellFrame::Output(body.to_vec()),
            (5, body) => ShellFrame::ErrorOutput(body.to_vec()),
            (6, &[code]) => ShellFrame::Ended(code),
            (7, body) => ShellFrame::Failed(String::from_utf8_lossy(body).into_owned()),
            _ => return None,
        })
    }
}

/// Frames out of bytes as they come.
#[derive(Debug, Default)]
pub struct ShellFrames {
    unread: Vec<u8>,
}

/// What came is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFrame;

impl ShellFrames {
    /// Takes what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.unread.extend(bytes);
    }

    /// The next frame, if it is whole.
    ///
    /// # Errors
    /// Where there never will be one.
    pub fn take(&mut self) -> Result<Option<ShellFrame>, NoFrame> {
        let Some((&[kind, a, b, c, d], rest)) = self.unread.split_first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > FRAME_MOST {
            return Err(NoFrame);
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let frame = ShellFrame::decode(kind, body).ok_or(NoFrame);
        self.unread.drain(..5 + length);
        frame.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_in_pieces() {
        let terminal = Some(ShellTerminal { kind: "xterm".to_owned(), columns: 80, rows: 25 });
        let frames = [
            ShellFrame::Start(ShellStart { command: vec!["top".to_owned()], terminal }),
            ShellFrame::Input(b"ls\r".to_vec()),
            ShellFrame::InputEnded,
            ShellFrame::Size(120, 40),
            ShellFrame::Output(vec![0; 3000]),
            ShellFrame::ErrorOutput(Vec::new()),
            ShellFrame::Ended(7),
            ShellFrame::Failed("没有".to_owned()),
        ];
        let bytes: Vec<u8> = frames.iter().flat_map(ShellFrame::encode).collect();
        for size in [1, 2, 7, 1000, bytes.len()] {
            let (mut reader, mut seen) = (ShellFrames::default(), Vec::new());
            for piece in bytes.chunks(size) {
                reader.push(piece);
                while let Some(frame) = reader.take().unwrap() {
                    seen.push(frame);
                }
            }
            assert_eq!(seen, frames, "{size}");
        }
    }

    #[test]
    fn what_is_no_frame_is_not_waited_for() {
        for bytes in [&[9, 0, 0, 0, 0][..], &[1, 255, 0, 0, 0], &[3, 0, 0, 0, 1, 0], &[0, 0, 0, 0, 1, b'{']] {
            let mut reader = ShellFrames::default();
            reader.push(bytes);
            assert_eq!(reader.take(), Err(NoFrame), "{bytes:?}");
        }
    }
}
