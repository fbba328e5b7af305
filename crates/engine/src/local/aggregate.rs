//! From the ends of its tasks to the one end of an attempt. Pure: the same files give the same end, whoever asks.

use haina_core::{Bytes, Ending, FailedTask, Milliseconds, Report, TaskUse};

use crate::order::LaunchOrder;
use crate::records::{ExitRecord, StopCause};

/// The end of an attempt whose tasks, in rank order, ended like this. There is at least one.
pub fn combine(order: &LaunchOrder, tasks: &[ExitRecord]) -> Report {
    let bad = (0..).zip(tasks).filter(|(_, task)| !task.is_success());
    let decisive = bad.min_by_key(|(_, task)| {
        // A task that was only stopped because of another says nothing about why.
        (task.stopped_by == Some(StopCause::Sibling) && task.ending == Ending::Stopped, task.exited.unwrap_or(task.at))
    });
    Report::Ended {
        attempt: order.launch.attempt,
        started: tasks.iter().filter_map(|task| task.started).min(),
        at: tasks.iter().map(|task| task.at).max().unwrap_or_default(),
        ending: decisive.map_or(Ending::Exited { code: 0 }, |(_, task)| task.ending.clone()),
        used: tasks.iter().fold(TaskUse::default(), |sum, task| add(sum, task.used)),
        failed_task: decisive.and_then(|(rank, task)| failed_task(order, tasks, rank, &task.ending)),
    }
}

/// The task of this rank, if it is alone in how it ended: a time limit, an order to stop, an environment that cannot be
/// made and a machine that goes down are nobody's fault.
fn failed_task(order: &LaunchOrder, tasks: &[ExitRecord], rank: u32, ending: &Ending) -> Option<FailedTask> {
    let is_its_own = match ending {
        Ending::TimedOut | Ending::Stopped => false,
        Ending::Unstartable { .. } | Ending::Lost { .. } => tasks.iter().any(|task| task.ending != *ending),
        Ending::Exited { .. } | Ending::Signalled { .. } | Ending::OutOfMemory => tasks.len() > 1,
    };
    is_its_own.then(|| FailedTask { rank, tasks: order.task_count(), node: order.place(rank).share.node })
}

fn add(sum: TaskUse, task: TaskUse) -> TaskUse {
    TaskUse {
        cpu: Milliseconds(sum.cpu.0.saturating_add(task.cpu.0)),
        memory_peak: sum.memory_peak.max(task.memory_peak),
        read: Bytes(sum.read.0.saturating_add(task.read.0)),
        written: Bytes(sum.written.0.saturating_add(task.written.0)),
    }
}

#[cfg(test)]
mod tests {
    use haina_core::{
        Allocation, CpuMillis, Digest, Epoch, Launch, NodeId, NodeShare, OrganizationId, Payload, Timestamp,
    };

    use super::*;

    /// Two nodes with two tasks each.
    fn order() -> LaunchOrder {
        let share = |node| NodeShare { node: NodeId(node), cards: vec![], cpu: CpuMillis(1000), memory: Bytes(1) };
        LaunchOrder {
            epoch: Epoch(1),
            launch: Launch {
                attempt: "1.1".parse().unwrap(),
                organization: OrganizationId(1),
                allocation: Allocation { shares: vec![share(34), share(35)] },
                tasks_per_node: 2,
                time_limit: Milliseconds(1000),
                grace: Milliseconds(1000),
                payload: Digest::of(b""),
            },
            payload: Payload {
                command: vec![],
                python: None,
                image: None,
                variables: Default::default(),
                working_directory: None,
                labels: Default::default(),
            },
            organization: "ocean".to_owned(),
            job_name: "train".to_owned(),
            array_count: None,
            nodes: vec![],
            center_url: None,
            port: None,
            log_cap: None,
        }
    }

    fn task(ending: Ending, stopped_by: Option<StopCause>, at: i64) -> ExitRecord {
        let used = TaskUse { cpu: Milliseconds(10), memory_peak: Bytes(at as u64), read: Bytes(1), written: Bytes(2) };
        let record = ExitRecord::never_started(ending, stopped_by, Timestamp(at));
        ExitRecord { started: Some(Timestamp(at - 5)), used, ..record }
    }

    /// How it ended, and because of the task of which rank.
    fn ending(tasks: &[ExitRecord]) -> (Ending, Option<u32>) {
        match combine(&order(), tasks) {
            Report::Ended { ending, failed_task, .. } => (ending, failed_task.map(|task| task.rank)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_task_that_fails_decides() {
        let success = task(Ending::Exited { code: 0 }, None, 10);
        let stopped = task(Ending::Stopped, Some(StopCause::Sibling), 11);
        let failed = task(Ending::Exited { code: 3 }, None, 20);
        let later = task(Ending::Signalled { signal: 9 }, None, 30);
        assert_eq!(ending(&[success.clone(), success.clone()]), (Ending::Exited { code: 0 }, None));
        let tasks = [success, later.clone(), stopped.clone(), failed.clone()];
        assert_eq!(ending(&tasks), (Ending::Exited { code: 3 }, Some(3)));
        let Report::Ended { failed_task, .. } = combine(&order(), &tasks) else { unreachable!() };
        assert_eq!(failed_task, Some(FailedTask { rank: 3, tasks: 4, node: NodeId(35) }));
        let ordered = task(Ending::Stopped, Some(StopCause::Ordered), 5);
        assert_eq!(ending(&[ordered, stopped.clone()]), (Ending::Stopped, None));
        let lingering = ExitRecord { at: Timestamp(40), exited: Some(Timestamp(20)), ..failed };
        assert_eq!(ending(&[later, lingering]), (Ending::Exited { code: 3 }, Some(1)), "what it left ended later");
    }

    #[test]
    fn what_happens_to_all_is_no_tasks_fault() {
        let lost = task(Ending::Lost { reason: "the machine was started again".to_owned() }, None, 10);
        let timed_out = task(Ending::TimedOut, None, 11);
        let stopped = task(Ending::Stopped, Some(StopCause::Sibling), 12);
        let alone = task(Ending::Exited { code: 1 }, None, 10);
        assert_eq!(ending(&[lost.clone(), lost.clone()]), (lost.ending.clone(), None));
        assert_eq!(ending(&[stopped.clone(), lost.clone()]), (lost.ending, Some(1)), "one supervisor died");
        assert_eq!(ending(&[timed_out.clone(), stopped]), (timed_out.ending, None));
        assert_eq!(ending(&[alone]), (Ending::Exited { code: 1 }, None), "it is the whole attempt");
    }

    #[test]
    fn use_is_added_up_and_times_span_all_tasks() {
        let tasks = [task(Ending::Exited { code: 0 }, None, 100), task(Ending::Exited { code: 0 }, None, 50)];
        let Report::Ended { started, at, used, .. } = combine(&order(), &tasks) else { unreachable!() };
        assert_eq!((started, at), (Some(Timestamp(45)), Timestamp(100)));
        let sum = TaskUse { cpu: Milliseconds(20), memory_peak: Bytes(100), read: Bytes(2), written: Bytes(4) };
        assert_eq!(used, sum);
    }
}
