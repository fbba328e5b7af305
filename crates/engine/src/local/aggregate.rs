//! From the ends of its tasks to the one end of an attempt. Pure: the same files give the same end, whoever asks.

use haina_core::{AttemptId, Bytes, Ending, Milliseconds, Report, TaskUse};

use crate::records::{ExitRecord, StopCause};

/// The end of an attempt whose tasks, in rank order, ended like this. There is at least one.
pub fn combine(attempt: AttemptId, tasks: &[ExitRecord]) -> Report {
    let decisive = tasks.iter().filter(|task| !task.is_success()).min_by_key(|task| {
        // A task that was only stopped because of another says nothing about why.
        (task.stopped_by == Some(StopCause::Sibling) && task.ending == Ending::Stopped, task.at)
    });
    Report::Ended {
        attempt,
        started: tasks.iter().filter_map(|task| task.started).min(),
        at: tasks.iter().map(|task| task.at).max().unwrap_or_default(),
        ending: decisive.map_or(Ending::Exited { code: 0 }, |task| task.ending.clone()),
        used: tasks.iter().fold(TaskUse::default(), |sum, task| add(sum, task.used)),
    }
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
    use haina_core::Timestamp;

    use super::*;

    fn task(ending: Ending, stopped_by: Option<StopCause>, at: i64) -> ExitRecord {
        let used = TaskUse { cpu: Milliseconds(10), memory_peak: Bytes(at as u64), read: Bytes(1), written: Bytes(2) };
        let record = ExitRecord::never_started(ending, stopped_by, Timestamp(at));
        ExitRecord { started: Some(Timestamp(at - 5)), used, ..record }
    }

    fn ending(tasks: &[ExitRecord]) -> Ending {
        match combine("1.1".parse().unwrap(), tasks) {
            Report::Ended { ending, .. } => ending,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_task_that_fails_decides() {
        let success = task(Ending::Exited { code: 0 }, None, 10);
        let stopped = task(Ending::Stopped, Some(StopCause::Sibling), 11);
        let failed = task(Ending::Exited { code: 3 }, None, 20);
        let later = task(Ending::Signalled { signal: 9 }, None, 30);
        assert_eq!(ending(&[success.clone(), success.clone()]), Ending::Exited { code: 0 });
        assert_eq!(ending(&[success.clone(), later, stopped.clone(), failed]), Ending::Exited { code: 3 });
        assert_eq!(ending(&[task(Ending::Stopped, Some(StopCause::Ordered), 5), stopped]), Ending::Stopped);
    }

    #[test]
    fn use_is_added_up_and_times_span_all_tasks() {
        let tasks = [task(Ending::Exited { code: 0 }, None, 100), task(Ending::Exited { code: 0 }, None, 50)];
        let Report::Ended { started, at, used, .. } = combine("1.1".parse().unwrap(), &tasks) else { unreachable!() };
        assert_eq!((started, at), (Some(Timestamp(45)), Timestamp(100)));
        let sum = TaskUse { cpu: Milliseconds(20), memory_peak: Bytes(100), read: Bytes(2), written: Bytes(4) };
        assert_eq!(used, sum);
    }
}
