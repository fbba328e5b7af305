//! How long jobs took, and so how long one like them is likely to take.
//!
//! Users run the same programs again: what those before it took says more of a job than its time limit does (Tsafrir et
//! al., TPDS 2007; Hu et al., SC '21). A prediction orders jobs and estimates starts; it is never a promise.

use std::collections::BTreeMap;

use haina_core::{CardMillis, Digest, Milliseconds, OrganizationId, UserId};
use serde::{Deserialize, Serialize};

/// The number of a set of jobs that are alike: of one user, with names that differ in digits only, and of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Similar(pub u64);

impl Similar {
    /// That of a job.
    pub fn of(organization: OrganizationId, user: UserId, name: &str, cards: CardMillis) -> Similar {
        let stem: String = name.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        Similar::number(&format!("{organization} {user} {} {stem}", cards.0))
    }

    /// That of all jobs of one size.
    fn of_size(cards: CardMillis) -> Similar {
        Similar::number(&cards.0.to_string())
    }

    /// Numbers fit signed columns of 64 bits.
    fn number(text: &str) -> Similar {
        let bytes = Digest::of(text.as_bytes()).0;
        Similar(u64::from_le_bytes(std::array::from_fn(|index| bytes[index])) >> 1)
    }
}

/// What is remembered of similar jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Remembered {
    /// How many there were.
    pub jobs: u32,
    /// What they took together.
    pub took: Milliseconds,
}

impl Remembered {
    fn learn(&mut self, took: Milliseconds) {
        self.jobs = self.jobs.saturating_add(1);
        self.took = self.took + took;
    }

    /// What they took in the mean. On real traces the plain mean orders jobs better than medians and fading means do.
    fn mean(&self) -> Milliseconds {
        Milliseconds(self.took.0 / u64::from(self.jobs.max(1)))
    }
}

/// What is remembered of all jobs.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct History {
    remembered: BTreeMap<Similar, Remembered>,
}

impl History {
    /// How long a job is likely to run: as those like it; else as those of its size; else as all; else as long as it may.
    pub fn predict(&self, similar: Similar, cards: CardMillis, time_limit: Milliseconds) -> Milliseconds {
        let known = History::keys_of(similar, cards).into_iter().find_map(|key| self.remembered.get(&key));
        known.map_or(time_limit, |known| known.mean().min(time_limit))
    }

    /// What similar jobs took in the mean; none if none has ended.
    pub fn mean(&self, similar: Similar) -> Option<Milliseconds> {
        self.remembered.get(&similar).map(Remembered::mean)
    }

    /// A job ran so long.
    pub fn learn(&mut self, similar: Similar, cards: CardMillis, took: Milliseconds) {
        for key in History::keys_of(similar, cards) {
            self.remembered.entry(key).or_default().learn(took);
        }
    }

    /// What changes when such a job ends.
    pub fn keys_of(similar: Similar, cards: CardMillis) -> [Similar; 3] {
        [similar, Similar::of_size(cards), Similar::default()]
    }

    /// What is remembered of similar jobs.
    pub fn get(&self, similar: Similar) -> Option<&Remembered> {
        self.remembered.get(&similar)
    }

    /// All keys, ascending.
    pub fn keys(&self) -> impl Iterator<Item = Similar> {
        self.remembered.keys().copied()
    }

    /// Takes in what was stored.
    pub fn load(&mut self, similar: Similar, remembered: Remembered) {
        self.remembered.insert(similar, remembered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_expected_to_run_as_those_like_it() {
        let of = |name| Similar::of(OrganizationId(1), UserId(1), name, CardMillis::whole(8));
        assert_eq!(of("train-1"), of("train-22"));
        assert_ne!(of("train-1"), of("test-1"));
        let (minutes, cards) = (|n: u64| Milliseconds::from_seconds(60 * n), CardMillis::whole(8));
        let mut history = History::default();
        assert_eq!(
            history.predict(of("train"), cards, minutes(600)),
            minutes(600),
            "nothing is known: it may take all"
        );
        (0..3).for_each(|_| history.learn(of("train"), cards, minutes(30)));
        assert_eq!(history.predict(of("train"), cards, minutes(600)), minutes(30));
        assert_eq!(history.predict(of("train"), cards, minutes(10)), minutes(10), "never more than it may");
        assert_eq!(history.predict(of("test"), cards, minutes(600)), minutes(30), "as others of its size");
        let other = CardMillis::whole(1);
        history.learn(of("other"), other, minutes(70));
        assert_eq!(history.predict(of("more"), CardMillis::whole(2), minutes(600)), minutes(40), "as all");
    }
}
