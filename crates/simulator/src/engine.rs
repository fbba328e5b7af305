//! An engine in virtual time. Reports are lost, doubled and late, as real ones are; orders come more than once; and its
//! time of day is set back and forth, while the lengths that it measures stay true.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{AttemptId, Bytes, Effect, Ending, Launch, Milliseconds, Report, TaskUse, Timestamp};

use crate::Random;

/// What became of an attempt, as the engine's own disk would have it.
#[derive(Clone, Debug)]
struct Run {
    launch: Launch,
    started: Option<Timestamp>,
    ends: Timestamp,
    ending: Ending,
    /// The error of the engine's time of day when this began. It counts on from there, as supervisors do, and does not
    /// look at the time of day again.
    clock_error_ms: i64,
    start_reported: bool,
    end_acknowledged: bool,
}

/// The engine.
#[derive(Default)]
pub struct SimulatedEngine {
    runs: BTreeMap<AttemptId, Run>,
    stopped: BTreeSet<AttemptId>,
    /// How far its time of day is from the truth.
    clock_error_ms: i64,
    /// How often each attempt was started: once at most, whatever was ordered.
    pub starts: BTreeMap<AttemptId, u32>,
}

impl SimulatedEngine {
    /// Takes an order; a second one for the same attempt changes nothing.
    pub fn order(&mut self, effect: &Effect, now: Timestamp, random: &mut Random) {
        match effect {
            Effect::Launch(launch) if !self.runs.contains_key(&launch.attempt) => {
                let run = plan(launch, self.stopped.contains(&launch.attempt), now, self.clock_error_ms, random);
                if run.started.is_some() {
                    *self.starts.entry(launch.attempt).or_default() += 1;
                }
                self.runs.insert(launch.attempt, run);
            }
            Effect::Launch(_) => {}
            Effect::Stop(stop) => {
                if self.stopped.insert(stop.attempt)
                    && let Some(run) = self.runs.get_mut(&stop.attempt)
                    && run.ends > now
                {
                    let grace = Milliseconds(random.below(stop.grace.0 + 1));
                    run.ends = run.ends.min(now + grace);
                    run.ending = Ending::Stopped;
                    run.started = run.started.filter(|started| *started <= run.ends);
                }
            }
        }
    }

    /// Somebody sets the time of day there: a little, by an hour, or right.
    pub fn set_clock(&mut self, random: &mut Random) {
        let error_ms = random.pick(&[0, 300, 40_000, 3_600_000]) + random.below(5_000) as i64;
        self.clock_error_ms = if random.chance(50) { -error_ms } else { error_ms };
    }

    /// Reports that are due by `now`. An end comes again until it is acknowledged.
    pub fn reports(&mut self, now: Timestamp, random: &mut Random) -> Vec<Report> {
        let mut reports = Vec::new();
        for (attempt, run) in &mut self.runs {
            if let Some(at) = run.started.filter(|at| *at <= now && !run.start_reported) {
                run.start_reported = true;
                if random.chance(90) {
                    reports.push(Report::Started { attempt: *attempt, at: run.told(at) });
                }
            }
            if run.ends <= now && !run.end_acknowledged && random.chance(80) {
                let end = Report::Ended {
                    attempt: *attempt,
                    started: run.started.map(|started| run.told(started)),
                    at: run.told(run.ends),
                    ending: run.ending.clone(),
                    used: TaskUse { cpu: Milliseconds(10), memory_peak: Bytes(1 << 20), ..TaskUse::default() },
                    failed_task: None,
                };
                if random.chance(10) {
                    reports.push(end.clone());
                }
                reports.push(end);
            }
        }
        reports
    }

    /// The center has an end durably.
    pub fn acknowledge(&mut self, attempt: AttemptId) {
        if let Some(run) = self.runs.get_mut(&attempt) {
            run.end_acknowledged = true;
        }
    }

    /// Whether the engine has heard of an attempt.
    pub fn knows(&self, attempt: AttemptId) -> bool {
        self.runs.contains_key(&attempt)
    }

    /// When something will next happen.
    pub fn next_event(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = self.runs.values().filter(|run| !run.end_acknowledged).map(|run| run.ends);
        ends.filter(|at| *at > now).min()
    }

    /// When an attempt really started and ended.
    pub fn truth(&self, attempt: AttemptId) -> Option<(Option<Timestamp>, Timestamp, &Launch)> {
        self.runs.get(&attempt).map(|run| (run.started, run.ends, &run.launch))
    }
}

impl Run {
    /// A moment as the engine tells it.
    fn told(&self, truly: Timestamp) -> Timestamp {
        Timestamp(truly.0 + self.clock_error_ms * 1000)
    }
}

fn plan(launch: &Launch, stopped: bool, now: Timestamp, clock_error_ms: i64, random: &mut Random) -> Run {
    let unstarted = |ending| Run {
        launch: launch.clone(),
        started: None,
        ends: now,
        ending,
        clock_error_ms,
        start_reported: false,
        end_acknowledged: false,
    };
    if stopped {
        return unstarted(Ending::Stopped);
    }
    if random.chance(3) {
        return unstarted(Ending::Unstartable { reason: "no such package".to_owned() });
    }
    let started = now + Milliseconds(random.below(5_000));
    let wanted = Milliseconds(random.below(launch.time_limit.0 * 5 / 4));
    let (length, ending) = match wanted > launch.time_limit {
        true => (launch.time_limit + Milliseconds(random.below(launch.grace.0 + 1)), Ending::TimedOut),
        false => (wanted, random_ending(random)),
    };
    Run {
        launch: launch.clone(),
        started: Some(started),
        ends: started + length,
        ending,
        clock_error_ms,
        start_reported: false,
        end_acknowledged: false,
    }
}

fn random_ending(random: &mut Random) -> Ending {
    match random.below(100) {
        0..75 => Ending::Exited { code: 0 },
        75..88 => Ending::Exited { code: 1 + random.below(255) as u8 },
        88..94 => Ending::Signalled { signal: 11 },
        _ => Ending::Lost { reason: "the supervisor died".to_owned() },
    }
}
