//! Jobs that wait for others: whether they had to run, when they might, and why they did not.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::attempts::Interference;
use super::money::microseconds;
use super::plan::{Dependency, Planned};
use super::record::Told;

/// All jobs as they ended, by id and by name: jobs that were submitted together know each other by name.
pub struct Fates<'a> {
    jobs: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Fates<'a> {
    /// Of all jobs of the center.
    ///
    /// # Errors
    /// Where somebody was refused because a job had not succeeded, and it did succeed.
    pub fn new(jobs: &'a [Value], told: &Told) -> anyhow::Result<Fates<'a>> {
        let words = jobs.iter().flat_map(|job| ["id", "name"].map(|word| (job[word].as_str(), job)));
        let fates = Fates { jobs: words.filter_map(|(word, job)| Some((word?, job))).collect() };
        for id in &told.unsuccessful {
            let job = fates.jobs.get(id.as_str()).with_context(|| format!("job {id} was given and is forgotten"))?;
            ensure!(job["state"] != "succeeded", "somebody was told that it has not succeeded: {job}");
        }
        Ok(fates)
    }

    fn upstream(&self, dependency: &Dependency) -> anyhow::Result<&'a Value> {
        let found = self.jobs.get(dependency.on.as_str());
        found.copied().with_context(|| format!("there is no job {} to wait for", dependency.on))
    }

    /// Whether a job waited for a success that never came.
    ///
    /// # Errors
    /// Where what it waited for is not there.
    pub fn is_in_vain(&self, plan: &Planned) -> anyhow::Result<bool> {
        let Some(dependency) = &plan.depends else { return Ok(false) };
        Ok(dependency.on_success && self.upstream(dependency)?["state"] != "succeeded")
    }

    /// A job that waited started after what it waited for had ended, and was cancelled because of it where that was in
    /// vain.
    ///
    /// # Errors
    /// Where that is not so.
    pub fn check(
        &self,
        job: &Value,
        plan: &Planned,
        interference: Interference,
        attempts: &[Value],
    ) -> anyhow::Result<()> {
        let Some(dependency) = &plan.depends else {
            ensure!(job["cause"].is_null(), "it waited for nobody, and ended because of another");
            return Ok(());
        };
        let upstream = self.upstream(dependency)?;
        let ended = microseconds(&upstream["ended"])?;
        for attempt in attempts {
            ensure!(microseconds(&attempt["placed"])? >= ended, "it did not wait for {upstream}: {attempt}");
        }
        if interference.in_vain && !interference.cancelled {
            ensure!(job["state"] == "cancelled", "it waited in vain for {upstream}");
            ensure!(job["cause"] == upstream["id"], "it must have ended because of {upstream}");
        }
        Ok(())
    }
}
