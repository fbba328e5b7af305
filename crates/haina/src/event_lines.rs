//! Reading server-sent events.

use std::io::{BufRead, BufReader, Read};

use haina_api::Event;

/// The events of a stream, as they come.
pub struct EventLines<R> {
    reader: BufReader<R>,
}

impl<R: Read> EventLines<R> {
    /// Reads `from`.
    pub fn new(from: R) -> EventLines<R> {
        EventLines { reader: BufReader::new(from) }
    }
}

impl<R: Read> Iterator for EventLines<R> {
    type Item = std::io::Result<Event>;

    /// The next event; none at the end of the stream. Comments, which keep the connection alive, are passed over.
    fn next(&mut self) -> Option<std::io::Result<Event>> {
        let mut line = String::new();
        loop {
            line.clear();
            match self.reader.read_line(&mut line) {
                Ok(0) => return None,
                Err(error) => return Some(Err(error)),
                Ok(_) => {}
            }
            if let Some(data) = line.strip_prefix("data:") {
                return Some(serde_json::from_str(data.trim()).map_err(std::io::Error::other));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_and_comments_passed_over() {
        let data = r#"{"id":"7","at":"2026-01-31T00:00:00Z","kind":"job_due","sentence":"s","job":"3"}"#;
        let text = format!(":\n\nevent: job_due\nid: 7\ndata: {data}\n\n: alive\n\n");
        let events: Vec<Event> = EventLines::new(text.as_bytes()).map(Result::unwrap).collect();
        assert_eq!((events.len(), &*events[0].id, events[0].job.as_deref()), (1, "7", Some("3")));
    }
}
