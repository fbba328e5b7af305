//! Where the payloads of jobs are kept: once for jobs that share one, in the order of the jobs.
//!
//! The first job of a content holds it, and the others name that job. A table by digest would be simpler, but there
//! every new payload falls on another page: 4 KiB of writes for each job. So what is shared is known only of the payloads
//! that were used last; one that comes back after thousands of others is kept again.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use haina_core::{Digest, JobId};

use crate::Batch;

/// As many contents are remembered.
const RECENT_MOST: usize = 4096;

/// The payloads that were committed last, and the jobs that hold them.
#[derive(Default)]
pub(crate) struct RecentPayloads(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    holders: HashMap<Digest, JobId>,
    order: VecDeque<Digest>,
}

/// Who holds the payloads that a batch's jobs run.
pub(crate) struct Holders<'a> {
    /// Of every payload that a new job names.
    pub(crate) of: HashMap<Digest, JobId>,
    /// Those that are not kept yet, by the job that will hold them.
    pub(crate) added: BTreeMap<JobId, (Digest, &'a str)>,
}

impl RecentPayloads {
    /// Finds or appoints a holder for each payload of the batch.
    pub(crate) fn holders<'a>(&self, batch: &'a Batch) -> Holders<'a> {
        let bodies: HashMap<Digest, &str> =
            batch.payloads.iter().map(|(digest, body)| (*digest, body.as_str())).collect();
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut holders = Holders { of: HashMap::new(), added: BTreeMap::new() };
        for job in &batch.rows.jobs_added {
            let digest = job.payload;
            let holder = recent.holders.get(&digest).copied();
            holders.of.entry(digest).or_insert_with(|| {
                holder.unwrap_or_else(|| {
                    if let Some(body) = bodies.get(&digest) {
                        holders.added.insert(job.id, (digest, body));
                    }
                    job.id
                })
            });
        }
        holders
    }

    /// The batch is committed: what was added may be named by later jobs.
    pub(crate) fn committed(&self, added: impl Iterator<Item = (Digest, JobId)>) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (digest, holder) in added {
            if recent.holders.insert(digest, holder).is_none() {
                recent.order.push_back(digest);
            }
            if recent.order.len() > RECENT_MOST
                && let Some(oldest) = recent.order.pop_front()
            {
                recent.holders.remove(&oldest);
            }
        }
    }
}
