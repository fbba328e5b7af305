//! One attempt from its order to its end: prepares its environment, tends its tasks as one gang, reports.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use haina_core::{AttemptId, Ending, Report, Timestamp};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::Shared;
use super::aggregate::combine;
use super::task::blocking;
use super::task_order::{Programs, task_order};
use crate::environment::{Prepared, Unprepared};
use crate::layout::{AttemptPaths, TaskPaths};
use crate::logs::LogStream;
use crate::order::LaunchOrder;
use crate::records::{AttemptStop, ExitRecord, StopCause, TaskStop};
use crate::supervisor::order_stop;
use crate::task_state::{TaskState, examine, settle_unstarted};
use crate::{clock, durable, rendezvous};

/// Between two tries to tell tasks to stop.
const TELL_AGAIN: Duration = Duration::from_millis(500);

/// An attempt that has not ended, as this server knows it.
pub struct Entry {
    /// The attempt.
    pub attempt: AttemptId,
    /// Orders for one attempt are carried out one after the other.
    pub gate: tokio::sync::Mutex<()>,
    /// That it was told to stop.
    pub stop: watch::Sender<Option<AttemptStop>>,
    /// When its first task started, once that was reported.
    pub started: Mutex<Option<Timestamp>>,
    /// What drives it, once it was launched.
    pub driver: Mutex<Option<AbortHandle>>,
}

impl Entry {
    /// An attempt that is not driven yet.
    pub fn new(attempt: AttemptId) -> Entry {
        Entry {
            attempt,
            gate: tokio::sync::Mutex::default(),
            stop: watch::Sender::new(None),
            started: Mutex::default(),
            driver: Mutex::default(),
        }
    }

    /// The reported start.
    pub fn started(&self) -> Option<Timestamp> {
        *self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One task of the gang.
#[derive(Clone)]
struct Member {
    task: TaskPaths,
    wake: Arc<Notify>,
}

/// Drives an attempt to its end and reports it.
pub async fn drive(shared: Arc<Shared>, entry: Arc<Entry>, order: Arc<LaunchOrder>) {
    let paths = shared.layout.attempt(entry.attempt);
    let gang = Gang {
        members: (0..order.task_count())
            .map(|rank| Member { task: paths.task(rank), wake: Arc::new(Notify::new()) })
            .collect(),
        shared: &shared,
        entry: &entry,
        order: &order,
    };
    let mut stop = entry.stop.subscribe();
    gang.prepare(&mut stop).await;
    let ends = gang.tend(stop).await;
    let report = combine(&order, &ends);
    if let Report::Ended { started: Some(at), .. } = report {
        gang.report_start(at).await;
    }
    // Every task's end is on disk, and with them the attempt's.
    shared.end(report).await;
}

/// Makes the end of an attempt durable that was never launched, once, and reports it.
pub async fn finish_unlaunched(shared: &Shared, paths: &AttemptPaths, report: Report) {
    let report = Arc::new(report);
    let mut wait = Duration::from_millis(100);
    loop {
        let (path, ended) = (paths.ended(), report.clone());
        match blocking(move || durable::write_durably(&path, &*ended)).await {
            Ok(()) => break,
            Err(error) => tracing::warn!(attempt = %report.attempt(), "its end cannot be written yet: {error}"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
    shared.end(Arc::unwrap_or_clone(report)).await;
}

struct Gang<'a> {
    members: Vec<Member>,
    shared: &'a Arc<Shared>,
    entry: &'a Entry,
    order: &'a Arc<LaunchOrder>,
}

impl Gang<'_> {
    /// Makes all tasks ready to be started, or ends those that never will be.
    async fn prepare(&self, stop: &mut watch::Receiver<Option<AttemptStop>>) {
        let tasks: Vec<TaskPaths> = self.members.iter().map(|member| member.task.clone()).collect();
        let is_anything_left_to_start = blocking(move || {
            for task in &tasks {
                if matches!(examine(task)?, TaskState::Unstarted) {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        if let Ok(false) = is_anything_left_to_start.await {
            return;
        }
        let prepared = tokio::select! {
            biased;
            _ = stop.wait_for(Option::is_some) => return,
            prepared = self.write_task_orders() => prepared,
        };
        if let Err(Unprepared { reason, said }) = prepared {
            let log = self.members[0].task.log(LogStream::Stderr);
            if !said.is_empty() {
                // The reason tells the end of it; who wants to know more looks where a task's errors are.
                _ = blocking(move || std::fs::write(log, said)).await;
            }
            let end = ExitRecord::never_started(Ending::Unstartable { reason }, None, clock::now());
            self.settle_all(end).await;
        }
    }

    async fn write_task_orders(&self) -> Result<(), Unprepared> {
        let paths = self.shared.layout.attempt(self.entry.attempt);
        let environment = match &self.order.payload.environment() {
            Some(content) => Some(self.shared.environments.prepare(content, Some(paths.environment())).await?),
            None => None,
        };
        if let Some(Prepared::Image(image)) = environment.clone() {
            let noted = blocking(move || durable::write_atomically(&paths.image(), &image)).await;
            noted.map_err(|error| format!("which image it is could not be noted: {error}"))?;
        }
        let programs = Programs { environment, python: self.shared.environments.python().await };
        let mut tries = 0;
        loop {
            let (shared, order, programs) = (self.shared.clone(), self.order.clone(), programs.clone());
            let paths = shared.layout.attempt(self.entry.attempt);
            let written = blocking(move || {
                if order.is_gang() {
                    let machine = shared.real.as_ref().map(|real| real.node());
                    let cards = machine.as_ref().map(|node| &node.cards[..]).unwrap_or_default();
                    rendezvous::write(&order, cards, &paths.rendezvous())?;
                }
                for rank in 0..order.task_count() {
                    let task = paths.task(rank);
                    durable::create_directories(task.directory())?;
                    let order = task_order(&shared, &order, rank, &task, &programs)?;
                    durable::write_atomically(&task.order(), &order)?;
                }
                Ok(())
            });
            match written.await {
                Ok(()) => return Ok(()),
                Err(error) if tries == 6 => return Err(format!("the tasks could not be prepared: {error}").into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(100 << tries)).await,
            }
            tries += 1;
        }
    }

    async fn settle_all(&self, end: ExitRecord) {
        for member in &self.members {
            let mut wait = Duration::from_millis(100);
            loop {
                let (task, end) = (member.task.clone(), end.clone());
                let settled = blocking(move || {
                    durable::create_directories(task.directory())?;
                    settle_unstarted(&task, &end)
                });
                match settled.await {
                    Ok(()) => break,
                    Err(error) => tracing::warn!(attempt = %self.entry.attempt, "trying again: {error}"),
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
        }
    }

    /// Waits for the end of all tasks. The first that fails, and every order to stop, ends the others.
    async fn tend(&self, mut stop: watch::Receiver<Option<AttemptStop>>) -> Vec<ExitRecord> {
        let (announce, mut starts) = mpsc::unbounded_channel();
        let ordered_before = stop.borrow_and_update().clone();
        // An order to stop that not all members have.
        let mut untold = None;
        if let Some(ordered) = ordered_before {
            untold = self.stop_members(ordered_stop(&ordered)).await;
        }
        let token = self.shared.token(self.order);
        let mut tending = JoinSet::new();
        for (rank, member) in self.members.iter().cloned().enumerate() {
            let (starter, announce, token) = (self.shared.starter.clone(), announce.clone(), token.clone());
            tending.spawn(async move {
                let on_start = |at| {
                    // The other end outlives this task.
                    let _ = announce.send(at);
                };
                (rank, starter.tend(member.task, token, member.wake, on_start).await)
            });
        }
        let mut ends: Vec<Option<ExitRecord>> = vec![None; self.members.len()];
        let mut is_stopping = stop.borrow().is_some();
        loop {
            tokio::select! {
                biased;
                Some(at) = starts.recv() => self.report_start(at).await,
                Ok(()) = stop.changed() => {
                    let ordered = stop.borrow_and_update().clone();
                    if let Some(ordered) = ordered {
                        is_stopping = true;
                        untold = self.stop_members(ordered_stop(&ordered)).await;
                    }
                }
                ended = tending.join_next() => match ended {
                    None => break,
                    Some(Ok((rank, end))) => {
                        let has_failed = !end.is_success();
                        ends[rank] = Some(end);
                        if has_failed && !std::mem::replace(&mut is_stopping, true) {
                            let (epoch, grace) = (self.order.epoch, self.order.launch.grace);
                            untold = self.stop_members(TaskStop { epoch, grace, cause: StopCause::Sibling }).await;
                        }
                    }
                    Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                },
                () = tokio::time::sleep(TELL_AGAIN), if untold.is_some() => {
                    if let Some(stop) = untold.take() {
                        untold = self.stop_members(stop).await;
                    }
                }
            }
        }
        ends.into_iter().flatten().collect()
    }

    /// Tells all members to stop. Returns the order where one could not be told: a full disk has room again later.
    async fn stop_members(&self, stop: TaskStop) -> Option<TaskStop> {
        let (members, order) = (self.members.clone(), stop.clone());
        let ordered = blocking(move || {
            let mut first_error = Ok(());
            for member in &members {
                if !member.task.exit().exists() {
                    let ordered = durable::create_directories(member.task.directory())
                        .and_then(|()| order_stop(&member.task, &order));
                    first_error = first_error.and(ordered);
                    member.wake.notify_one();
                }
            }
            first_error
        });
        let error = ordered.await.err()?;
        tracing::warn!(attempt = %self.entry.attempt, "a task could not be told to stop yet: {error}");
        Some(stop)
    }

    /// Reports the start, once for each life of the server.
    async fn report_start(&self, at: Timestamp) {
        {
            let mut started = self.entry.started.lock().unwrap_or_else(PoisonError::into_inner);
            if started.is_some() {
                return;
            }
            *started = Some(at);
        }
        self.shared.deliver(Report::Started { attempt: self.entry.attempt, at }).await;
    }
}

fn ordered_stop(ordered: &AttemptStop) -> TaskStop {
    TaskStop { epoch: ordered.epoch, grace: ordered.stop.grace, cause: StopCause::Ordered }
}
