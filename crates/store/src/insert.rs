//! A batch as statements.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use haina_center::{AttemptRow, Fact, JobChange, JobRow, Rows};
use haina_core::{AttemptId, JobId, OrganizationId};
use serde::Serialize;

use crate::Batch;
use crate::bulk::Bulk;
use crate::connection::{Connection, Value};
use crate::payloads::Holders;

/// Which program decided: replay is exact on one build only. With its commit, where whoever built it named one.
static BUILD: LazyLock<String> = LazyLock::new(|| {
    let version = env!("CARGO_PKG_VERSION");
    option_env!("HAINA_COMMIT").map_or(version.to_owned(), |commit| format!("{version}+{commit}"))
});

const INPUTS: Bulk = Bulk { before: "INSERT INTO inputs (sequence, at, build, body)", columns: 4, after: "" };
const FACTS: Bulk =
    Bulk { before: "INSERT INTO facts (position, sequence, at, job, organization, body)", columns: 6, after: "" };
const PAYLOADS: Bulk = Bulk { before: "INSERT INTO payloads (job, digest, body)", columns: 3, after: "" };
const JOBS: Bulk = Bulk {
    before: "INSERT INTO jobs (id, organization, user_id, state, cards, elements, submitted, ended, cause, name, \
             payload_of, counts, body, detail)",
    columns: 14,
    after: "",
};
/// Both databases name the columns of a list of values `column1`, `column2` and so on.
const JOB_CHANGES: Bulk = Bulk {
    before: "UPDATE jobs SET state = new.column2, ended = new.column3, cause = new.column4, counts = new.column5, \
             body = new.column6 FROM (",
    columns: 6,
    after: ") AS new WHERE jobs.id = new.column1",
};
const ATTEMPTS: Bulk = Bulk {
    before: "INSERT INTO attempts (job, element, number, in_array, state, placed, started, ended, exit_code, \
             charged_micros, metered, ending, body)",
    columns: 13,
    after: " ON CONFLICT (job, element, number) DO UPDATE SET state = excluded.state, started = excluded.started, \
            ended = excluded.ended, exit_code = excluded.exit_code, charged_micros = excluded.charged_micros, \
            metered = excluded.metered, ending = excluded.ending, body = excluded.body",
};
const ENTITIES: Bulk = Bulk {
    before: "INSERT INTO entities (kind, id, body)",
    columns: 3,
    after: " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
};
const OUTBOX: Bulk = Bulk {
    before: "INSERT INTO outbox (key, added, body)",
    columns: 3,
    after: " ON CONFLICT (key) DO UPDATE SET added = excluded.added, body = excluded.body",
};
const OUTBOX_DONE: Bulk = Bulk { before: "DELETE FROM outbox WHERE key IN (", columns: 1, after: ")" };
const IDEMPOTENCY: Bulk =
    Bulk { before: "INSERT INTO idempotency (user_id, key, request, reply, at)", columns: 5, after: "" };

/// Writes all of the batch but the leader row.
pub(crate) async fn insert(to: &mut Connection, batch: &Batch, payloads: &Holders<'_>) -> Result<(), sqlx::Error> {
    INPUTS.run(to, inputs(batch)).await?;
    FACTS.run(to, facts(batch)).await?;
    let added = payloads.added.iter();
    let added = added.flat_map(|(job, (digest, body))| [job.0.into(), digest.to_string().into(), (*body).into()]);
    PAYLOADS.run(to, added.collect()).await?;
    jobs(to, &batch.rows, payloads).await?;
    let attempts = batch.rows.attempts.iter().flat_map(|(id, row)| attempt(*id, row));
    ATTEMPTS.run(to, attempts.collect()).await?;
    entities(to, &batch.rows).await?;
    crate::months::add(to, &batch.rows.months).await?;
    // What is done was added by an earlier commit; what is added now is still to be done.
    OUTBOX_DONE.run(to, batch.outbox_done.iter().map(|key| key.as_str().into()).collect()).await?;
    let effects: BTreeMap<String, _> = batch.outbox_added.iter().map(|effect| (effect.key(), effect)).collect();
    let effects = effects.into_iter().flat_map(|(key, effect)| [key.into(), batch.sequence.into(), json(effect)]);
    OUTBOX.run(to, effects.collect()).await?;
    let keys = batch.idempotency.iter().flat_map(|record| -> [Value<'_>; 5] {
        let request = record.request.to_string();
        let (user, at) = (u64::from(record.user.0), record.at.0);
        [user.into(), record.key.as_str().into(), request.into(), record.reply.as_str().into(), at.into()]
    });
    IDEMPOTENCY.run(to, keys.collect()).await?;
    Ok(())
}

fn inputs(batch: &Batch) -> Vec<Value<'_>> {
    let row = |(sequence, input): &(u64, haina_center::Input)| -> [Value<'_>; 4] {
        [(*sequence).into(), input.now.0.into(), BUILD.as_str().into(), json(input)]
    };
    batch.inputs.iter().flat_map(row).collect()
}

fn facts(batch: &Batch) -> Vec<Value<'_>> {
    let mut values = Vec::with_capacity(batch.facts.len() * FACTS.columns);
    for new in &batch.facts {
        let (job, organization) = subject(&new.fact);
        let row: [Value<'_>; 6] = [
            new.position.into(),
            new.sequence.into(),
            new.at.0.into(),
            job.map(|job| job.0.cast_signed()).into(),
            organization.map(|organization| i64::from(organization.0)).into(),
            json(&new.fact),
        ];
        values.extend(row);
    }
    values
}

/// What a fact is looked up by: its job, and the organization whose money moved.
fn subject(fact: &Fact) -> (Option<JobId>, Option<OrganizationId>) {
    match fact {
        Fact::JobSubmitted { id: job, .. }
        | Fact::JobDue { job }
        | Fact::JobCancelled { job, .. }
        | Fact::ElementCancelled { job, .. }
        | Fact::PromiseMade { job, .. }
        | Fact::PromiseWithdrawn { job }
        | Fact::JobEnded { job, .. } => (Some(*job), None),
        Fact::AttemptPlaced { attempt, .. }
        | Fact::AttemptStarted { attempt, .. }
        | Fact::AttemptStopping { attempt }
        | Fact::AttemptEnded { attempt, .. } => (Some(attempt.job), None),
        Fact::Posted { transaction, .. } => (None, Some(transaction.organization)),
        Fact::LeadershipTaken { .. }
        | Fact::CenterNamed { .. }
        | Fact::CardModelSet { .. }
        | Fact::PoolAdded { .. }
        | Fact::NodeAdded { .. }
        | Fact::NodeSet { .. }
        | Fact::CardsSet { .. }
        | Fact::OrganizationSet { .. }
        | Fact::PolicySet { .. }
        | Fact::ProjectAdded { .. }
        | Fact::QuotaSet { .. }
        | Fact::UserAdded { .. }
        | Fact::TokenIssued { .. }
        | Fact::TokenRevoked { .. }
        | Fact::AdjustmentProposed { .. }
        | Fact::AdjustmentRejected { .. }
        | Fact::AgreementSet { .. }
        | Fact::AgreementSigned { .. }
        | Fact::AgreementBegun { .. }
        | Fact::AgreementClosed { .. }
        | Fact::ProgrammeSet { .. }
        | Fact::VoucherClaimed { .. }
        | Fact::VoucherIssued { .. }
        | Fact::VoucherRejected { .. }
        | Fact::VoucherRevoked { .. }
        | Fact::VoucherClosed { .. }
        | Fact::ClassAdded { .. }
        | Fact::ClassBlocked { .. } => (None, None),
    }
}

/// New jobs go in as they are after the batch; the others are changed.
async fn jobs(to: &mut Connection, rows: &Rows, payloads: &Holders<'_>) -> Result<(), sqlx::Error> {
    let mut added = Vec::with_capacity(rows.jobs_added.len() * JOBS.columns);
    let mut changes: BTreeMap<JobId, &JobChange> = rows.jobs_changed.iter().map(|(id, change)| (*id, change)).collect();
    for row in &rows.jobs_added {
        let change = changes.remove(&row.id).expect("a job that was added has a state");
        added.extend(job(row, payloads.of[&row.payload], change));
    }
    JOBS.run(to, added).await?;
    let count = changes.len() as u64;
    let changes = changes.into_iter().flat_map(|(id, change)| -> [Value<'_>; 6] {
        let [state, ended, cause, counts, body] = job_change(change);
        [id.0.into(), state, ended, cause, counts, body]
    });
    let changed = JOB_CHANGES.run(to, changes.collect()).await?;
    if changed != count {
        // The state and the tables have come apart: better no commit than a wrong one.
        return Err(sqlx::Error::Protocol(format!("{count} jobs were to be changed, but {changed} were found")));
    }
    Ok(())
}

fn job<'a>(row: &'a JobRow, payload_of: JobId, change: &'a JobChange) -> [Value<'a>; 14] {
    let [state, ended, cause, counts, body] = job_change(change);
    [
        row.id.0.into(),
        u64::from(row.organization.0).into(),
        u64::from(row.user.0).into(),
        state,
        u64::from(row.cards.0).into(),
        row.elements.map(i64::from).into(),
        row.submitted.0.into(),
        ended,
        cause,
        row.name.as_str().into(),
        payload_of.0.into(),
        counts,
        body,
        row.detail.as_str().into(),
    ]
}

fn job_change(change: &JobChange) -> [Value<'_>; 5] {
    [
        change.state.word().into(),
        change.ended.map(|at| at.0).into(),
        change.cause.map(|job| job.0.cast_signed()).into(),
        change.counts.map(|counts| encode(&counts)).into(),
        change.body.as_str().into(),
    ]
}

fn attempt(id: AttemptId, row: &AttemptRow) -> [Value<'_>; 13] {
    [
        id.job.0.into(),
        u64::from(id.element).into(),
        u64::from(id.number).into(),
        u64::from(id.in_array).into(),
        row.state.word().into(),
        row.placed.0.into(),
        row.started.map(|at| at.0).into(),
        row.ended.map(|at| at.0).into(),
        row.exit_code.map(i64::from).into(),
        row.charged_micros.into(),
        row.metered.map(u64::cast_signed).into(),
        row.end.as_str().into(),
        row.body.as_str().into(),
    ]
}

async fn entities(to: &mut Connection, rows: &Rows) -> Result<(), sqlx::Error> {
    let mut present = Vec::new();
    for (key, body) in &rows.small {
        let (kind, id) = key.small().expect("jobs and attempts have rows of their own");
        match body {
            Some(body) => present.extend([kind.into(), id.into(), body.as_str().into()]),
            None => {
                let sql = "DELETE FROM entities WHERE kind = $1 AND id = $2";
                to.execute(sql, vec![kind.into(), id.into()]).await?;
            }
        }
    }
    ENTITIES.run(to, present).await?;
    Ok(())
}

fn json<T: Serialize>(thing: &T) -> Value<'static> {
    encode(thing).into()
}

fn encode<T: Serialize>(thing: &T) -> String {
    serde_json::to_string(thing).expect("what is stored is plain data")
}
