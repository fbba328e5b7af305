//! Looks at a finished schedule from outside: it needs no word of who made it.

use crate::replay::Schedule;
use crate::trace::Workload;

/// The first thing that no schedule of these jobs on so many cards may have, in words; none if there is none.
pub fn audit(workload: &Workload, schedule: &Schedule, cards: u32) -> Option<String> {
    let mut changes: Vec<(u64, i64)> = Vec::with_capacity(2 * workload.jobs.len());
    for (index, (job, span)) in workload.jobs.iter().zip(&schedule.spans).enumerate() {
        let Some(span) = span else {
            if schedule.refusal.is_none() && job.cards.0.div_ceil(1000) <= cards {
                return Some(format!("job {index} was neither refused nor run"));
            }
            continue;
        };
        let run = job.limit.map_or(job.run, |limit| job.run.min(limit));
        if span.start < job.at {
            return Some(format!("job {index} starts before it is submitted"));
        }
        if span.end.0 - span.start.0 != run.0 {
            return Some(format!("job {index} does not run as long as it does"));
        }
        changes.extend([(span.start.0, i64::from(job.cards.0)), (span.end.0, -i64::from(job.cards.0))]);
    }
    // Of one moment, what is given back comes first.
    changes.sort_unstable();
    let mut held = 0;
    for (at, change) in changes {
        held += change;
        if held > i64::from(cards) * 1000 {
            return Some(format!("{} ms after the beginning {held} thousandths of {cards} cards are held", at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use haina_core::Milliseconds;

    use super::*;
    use crate::reference::{Rule, run};
    use crate::trace::{Generation, generate};

    #[test]
    fn what_no_schedule_may_have_is_found() {
        let workload = generate(Generation { jobs: 300, seed: 1, cards: 16, load_percent: 120 });
        let sound = run(&workload, 16, Rule::FifoSkip);
        assert_eq!(audit(&workload, &sound, 16), None);
        assert!(audit(&workload, &sound, 15).is_some(), "16 cards were held at once");
        let spoilt = |change: &dyn Fn(&mut Schedule)| {
            let mut schedule = sound.clone();
            change(&mut schedule);
            audit(&workload, &schedule, 16).unwrap_or_default()
        };
        assert!(spoilt(&|schedule| schedule.spans[7] = None).contains("neither refused nor run"));
        assert!(
            spoilt(&|schedule| schedule.spans[7].as_mut().unwrap().end = Milliseconds(u64::MAX)).contains("as long")
        );
        let early = spoilt(&|schedule| schedule.spans[299].as_mut().unwrap().start = Milliseconds(0));
        assert!(early.contains("before it is submitted"), "{early}");
    }
}
