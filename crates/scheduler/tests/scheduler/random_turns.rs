//! Random jobs that are alike come, go and turn out shorter or longer: the line is the one that a plain search gives.

use std::collections::BTreeMap;

use haina_core::{ClassId, JobId, Milliseconds, OrganizationId, Timestamp, UserId};
use haina_scheduler::{Alike, ClassKey, Queue, Similar, Waiting};
use proptest::prelude::*;

use crate::builders::*;

const CLASS: ClassId = ClassId(1);
const ORGANIZATION: OrganizationId = OrganizationId(1);

#[derive(Clone, Debug)]
enum Step {
    /// Which it is like, when it came, and for how long it is passed as long as nothing was learned.
    Insert(u64, i64, u64),
    Remove(usize),
    Learn(u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4u64, 0..20i64, 0..20u64).prop_map(|(similar, came, passed)| Step::Insert(similar, came, passed)),
        3 => any::<usize>().prop_map(Step::Remove),
        2 => (0..4u64, 0..20u64).prop_map(|(similar, passed)| Step::Learn(similar, passed)),
    ]
}

/// A job with for how long it is passed by itself.
type Known = (Waiting, u64);

/// The first of each kind says when all of it are due.
fn plain(jobs: &[Known], learned: &BTreeMap<Alike, u64>) -> Vec<JobId> {
    let came = |job: &Known| (job.0.came, job.0.job);
    let mut line: Vec<(Timestamp, JobId)> = Vec::new();
    for job in jobs {
        let alike = jobs.iter().filter(|other| other.0.alike == job.0.alike);
        let first = alike.min_by_key(|other| came(other)).expect("the job is alike to itself");
        let passed = learned.get(&job.0.alike).copied().unwrap_or(first.1);
        line.push((job.0.came + Milliseconds(passed), job.0.job));
    }
    line.sort_unstable();
    line.into_iter().map(|(_, job)| job).collect()
}

proptest! {
    #[test]
    fn the_line_is_that_of_a_plain_search(steps in prop::collection::vec(step(), 1..80), most in 1..20usize) {
        let mut queue = Queue::new(true);
        queue.add_class(CLASS, ClassKey { organization: ORGANIZATION, project: None, priority: 0, demand: cards(1) });
        let (mut jobs, mut learned): (Vec<Known>, BTreeMap<Alike, u64>) = (Vec::new(), BTreeMap::new());
        let limit = Milliseconds(1000);
        for (number, step) in steps.into_iter().enumerate() {
            // What is known of each job by its id.
            let known = |jobs: &[Known], learned: &BTreeMap<Alike, u64>| {
                let passed = |job: &Known| (job.0.job, learned.get(&job.0.alike).copied().unwrap_or(job.1));
                let known: BTreeMap<JobId, u64> = jobs.iter().map(passed).collect();
                move |job: JobId| Milliseconds(known[&job])
            };
            match step {
                Step::Insert(similar, came, passed) => {
                    let (job, alike) = (JobId(number as u64), Alike::of(Similar(similar), limit));
                    let waiting = Waiting { job, user: UserId(1), alike, came: Timestamp(came * 1000), longest: limit };
                    jobs.push((waiting, passed));
                    queue.insert(CLASS, waiting, known(&jobs, &learned));
                }
                Step::Remove(_) if jobs.is_empty() => {}
                Step::Remove(index) => {
                    let (waiting, _) = jobs.remove(index % jobs.len());
                    queue.remove(CLASS, waiting, known(&jobs, &learned));
                }
                Step::Learn(similar, passed) => {
                    learned.insert(Alike::of(Similar(similar), limit), passed);
                    queue.learned(ORGANIZATION, UserId(1), Similar(similar), known(&jobs, &learned));
                }
            }
            queue.check();
            let line = plain(&jobs, &learned);
            prop_assert_eq!(queue.next().map(|(_, job)| job), line.first().copied());
            prop_assert_eq!(&queue.line(CLASS).collect::<Vec<_>>(), &line);
            for (waiting, _) in &jobs {
                let place = line.iter().position(|job| *job == waiting.job).expect("it is in line");
                prop_assert_eq!(queue.ahead(CLASS, *waiting, most), place.min(most));
            }
        }
    }
}
