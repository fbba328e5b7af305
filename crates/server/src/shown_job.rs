//! Jobs and attempts as they are shown.

use haina_api::{
    Amount, ArraySize, Attempt, AttemptNode, CardPart, Elements, Ended, FailedTask, Job, JobAfter, Moment, Program,
    show_card_hours, show_cards,
};
use haina_center::{Fact, View};
use haina_core::{AttemptId, Ending, Money, Payload};
use haina_store::{AttemptRecord, JobRecord};

use crate::shown::{cpus, seconds};

/// A job, as a list shows it.
pub fn job(view: &View, record: &JobRecord) -> Job {
    let demand = &record.detail.key.demand;
    let Fact::JobSubmitted { tasks_per_node, time_limit, grace, retries, not_before, array, dependencies, .. } =
        &record.detail.job
    else {
        unreachable!("what is stored of a job is that it was submitted")
    };
    Job {
        id: record.id.to_string(),
        name: record.name.clone(),
        state: record.state,
        organization: view.organizations[&record.organization].name.clone(),
        project: record.detail.key.project.map(|project| view.projects[&project].name.clone()),
        user: view.users[&record.user].name.clone(),
        pool: view.pools[&demand.pool].name.clone(),
        nodes: demand.nodes,
        tasks_per_node: *tasks_per_node,
        cards: show_cards(demand.cards_per_node),
        cards_total: show_cards(record.cards),
        card_model: demand.card_model.map(|model| view.card_models[&model].definition.name.clone()),
        topology: demand.topology.map(|topology| topology.to_string()),
        cpus: cpus(demand.cpu_per_node),
        memory_bytes: demand.memory_per_node.0,
        time_limit_seconds: seconds(*time_limit),
        grace_seconds: seconds(*grace),
        priority: record.detail.key.priority,
        retries: *retries,
        not_before: not_before.map(Moment),
        array: array.map(|array| ArraySize { count: array.count, concurrency: array.concurrency }),
        elements: record.counts.map(|counts| Elements {
            succeeded: counts.succeeded,
            failed: counts.failed,
            cancelled: counts.cancelled,
            lost: counts.lost,
        }),
        after: dependencies
            .iter()
            .map(|(job, condition)| JobAfter { job: job.to_string(), condition: *condition })
            .collect(),
        submitted: Moment(record.submitted),
        ended: record.ended.map(Moment),
        cause: record.cause.map(|job| job.to_string()),
        estimated_start: None,
        estimated_start_is_least: None,
        waiting: None,
        program: None,
        exit_code: None,
        attempts: None,
        card_hours: None,
        charged: None,
    }
}

/// What a job runs; environment variables only for those who may read its logs.
pub fn program(payload: Payload, with_variables: bool) -> Program {
    Program {
        command: payload.command,
        packages_file: payload.python.as_ref().and_then(|python| Some(python.file.as_ref()?.kind)),
        requirements: payload.python.map(|python| python.requirements).unwrap_or_default(),
        image: payload.image.map(String::from),
        env: if with_variables { payload.variables } else { Default::default() },
        working_directory: payload.working_directory,
        labels: payload.labels,
    }
}

/// An attempt.
pub fn attempt(view: &View, record: &AttemptRecord) -> Attempt {
    let AttemptId { job, in_array, element, number } = record.id;
    let held = &record.attempt;
    let nodes = held.allocation.shares.iter().map(|share| AttemptNode {
        node: view.nodes[&share.node].name.clone(),
        cards: share
            .cards
            .iter()
            .map(|slot| CardPart { index: slot.index, part: f64::from(slot.millis) / 1000.0 })
            .collect(),
        cpus: cpus(share.cpu),
        memory_bytes: share.memory.0,
    });
    let simulated = held.allocation.shares.iter().any(|share| {
        let model = view.nodes[&share.node].spec.card_model;
        model.is_some_and(|model| view.card_models[&model].definition.simulated) && !share.cards.is_empty()
    });
    Attempt {
        id: record.id.to_string(),
        job: job.to_string(),
        element: in_array.then_some(element),
        number,
        state: record.state,
        placed: Moment(record.placed),
        started: record.started.map(Moment),
        ended: record.ended.map(Moment),
        nodes: nodes.collect(),
        simulated,
        image_digest: None,
        hold: held.hold.into(),
        price_per_card_hour: held.price_per_card_hour.into(),
        end: ended(view, record),
    }
}

fn ended(view: &View, record: &AttemptRecord) -> Option<Ended> {
    let end = record.end.as_ref()?;
    let (how, signal, reason) = match &end.ending {
        Ending::Exited { .. } => ("exited", None, None),
        Ending::Signalled { signal } => ("signalled", Some(*signal), None),
        Ending::OutOfMemory => ("out_of_memory", None, None),
        Ending::TimedOut => ("timed_out", None, None),
        Ending::Stopped => ("stopped", None, None),
        Ending::Unstartable { reason } => ("unstartable", None, Some(reason.clone())),
        Ending::Lost { reason } => ("lost", None, Some(reason.clone())),
    };
    Some(Ended {
        how: how.to_owned(),
        exit_code: record.exit_code,
        signal,
        reason,
        failed_task: end.failed_task.map(|task| FailedTask {
            rank: task.rank,
            tasks: task.tasks,
            node: view.nodes.get(&task.node).map(|node| node.name.clone()).unwrap_or_default(),
        }),
        retry: end.retry,
        cpu_seconds: seconds(end.used.cpu),
        memory_peak_bytes: end.used.memory_peak.0,
        read_bytes: end.used.read.0,
        written_bytes: end.used.written.0,
        card_hours: show_card_hours(record.metered.unwrap_or_default()),
        charged: charged(view, record.charged_micros.unwrap_or_default().into()),
    })
}

/// An amount in the center's currency.
pub fn charged(view: &View, micros: i128) -> Amount {
    Money { micros, currency: view.center.currency }.into()
}
