//! Whether the center can take work: what keeps the writer from it, and what the database says when somebody asks.
//!
//! A center without work does not talk to its database, so that it would not notice by itself that this has gone. Who
//! asks for readiness does want to know: then the database is asked.

use std::sync::Mutex;
use std::time::Duration;

use haina_core::Epoch;
use haina_store::{Standing, Store};
use tokio::time::Instant;

/// How old the database's answer may be.
const FRESH: Duration = Duration::from_secs(1);
/// How long its answer may take.
const ANSWER_LONGEST: Duration = Duration::from_secs(3);

/// Whether the center can take work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// What is not as it should be, also where it is ready.
    pub reasons: Vec<String>,
}

/// Where readiness is read.
pub(crate) struct ReadinessBoard {
    epoch: Epoch,
    /// What keeps the writer from taking work.
    obstacle: Mutex<Option<String>>,
    seen: tokio::sync::Mutex<Seen>,
}

/// What the database said last.
#[derive(Default)]
struct Seen {
    asked: Option<Instant>,
    obstacle: Option<String>,
    weaknesses: Vec<String>,
}

impl ReadinessBoard {
    /// That of a leader that is ready.
    pub(crate) fn new(epoch: Epoch) -> ReadinessBoard {
        ReadinessBoard { epoch, obstacle: Mutex::default(), seen: tokio::sync::Mutex::default() }
    }

    /// Says what keeps the writer from taking work, or that nothing does.
    pub(crate) fn set_obstacle(&self, obstacle: Option<String>) {
        *self.obstacle.lock().expect("it is only replaced") = obstacle;
    }

    /// Reads it. Many who ask at once share one answer of the database.
    pub(crate) async fn read(&self, store: &Store) -> Readiness {
        let obstacle = self.obstacle.lock().expect("it is only replaced").clone();
        let mut seen = self.seen.lock().await;
        // The writer tries again all the time: the database need not be asked as well.
        if obstacle.is_none() && seen.asked.is_none_or(|asked| asked.elapsed() >= FRESH) {
            let standing = tokio::time::timeout(ANSWER_LONGEST, store.standing()).await;
            let silent = || format!("no answer within {} s", ANSWER_LONGEST.as_secs());
            seen.take(self.epoch, standing.map_err(|_| silent()).and_then(|read| read.map_err(|e| e.to_string())));
        }
        let database = if obstacle.is_none() { seen.obstacle.clone() } else { None };
        let ready = obstacle.is_none() && database.is_none();
        let reasons = obstacle.into_iter().chain(database).chain(seen.weaknesses.iter().cloned());
        Readiness { ready, reasons: reasons.collect() }
    }
}

impl Seen {
    fn take(&mut self, epoch: Epoch, standing: Result<Standing, String>) {
        self.asked = Some(Instant::now());
        match standing {
            Ok(standing) => {
                let replaced = standing.epoch != epoch;
                self.obstacle = replaced.then(|| "another process leads this center now".to_owned());
                self.weaknesses = standing.weaknesses;
            }
            Err(error) => self.obstacle = Some(format!("the database does not answer: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_said_last_is_what_counts() {
        let mut seen = Seen::default();
        let standing = |epoch| Ok(Standing { epoch: Epoch(epoch), weaknesses: vec!["no standby".to_owned()] });
        seen.take(Epoch(3), standing(3));
        assert_eq!((seen.obstacle.as_deref(), seen.weaknesses.len()), (None, 1));
        seen.take(Epoch(3), Err("gone".to_owned()));
        assert_eq!(seen.obstacle.as_deref(), Some("the database does not answer: gone"));
        assert_eq!(seen.weaknesses.len(), 1, "a server that does not answer is as weak as it was");
        seen.take(Epoch(3), standing(4));
        assert_eq!(seen.obstacle.as_deref(), Some("another process leads this center now"));
        seen.take(Epoch(3), standing(3));
        assert_eq!(seen.obstacle, None);
    }
}
