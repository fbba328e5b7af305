//! What a job's programs wrote.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use haina_center::{Action, Fact};
use haina_core::both;
use haina_core::{Code, Refusal};
use haina_engine::{Engine, EngineError, LogStream};
use haina_store::AttemptRecord;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{PathText, Query};
use crate::jobs_seen::Seen;
use crate::logs::{Begin, Wanted, attempt, followed, stream_of, written};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// `stdout`, also if absent, or `stderr`.
    stream: Option<String>,
    /// The element, of a job array; also `17_3` in the path.
    element: Option<u32>,
    /// The attempt's number, from 1; the last one's if absent.
    attempt: Option<u16>,
    /// The task's rank; 0 if absent.
    task: Option<u32>,
    /// All tasks as one, each line behind its rank: with `follow` as they write, else one task after the other.
    merged: Option<bool>,
    /// From which byte on; 0 if absent. Not of merged outputs.
    offset: Option<u64>,
    /// Only the last so many lines; of merged outputs, of each task.
    tail: Option<u32>,
    /// Whether to go on until the task ends, also where it has not begun.
    follow: Option<bool>,
}

/// Read or follow what a task wrote
#[utoipa::path(get, path = "/api/v1/jobs/{id}/logs", tag = "jobs", operation_id = "readLogs",
    params(("id" = String, Path, description = "`17`, or `17_3` for one element of an array."), LogQuery),
    responses((status = 200, description = "The output, as it was written.", body = String, content_type = "text/plain"), Problems))]
pub async fn read(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    Query(query): Query<LogQuery>,
) -> Result<Response, Failure> {
    let seen = Seen::find(&app, &caller, &id).await?;
    seen.require(&caller, Action::ReadLog)?;
    let stream = stream_of(query.stream.as_deref())?;
    let element = seen.one_element(query.element)?;
    let is_followed = query.follow.unwrap_or(false);
    let mut wanted = wanted(&query, stream, &seen)?;
    let mut begin = 0;
    let found = attempt(&app, seen.record.id, element, query.attempt).await?;
    if let Some(record) = &found {
        check_kept(&app, record, wanted).await?;
        if let Some(rank) = wanted.rank {
            // What is followed again after a loss of the connection goes on behind what had come.
            begin = wanted.begin(&app, record.id, rank).await.unwrap_or(0);
            wanted.from = Begin::Offset(begin);
        }
    }
    let body = match (found, query.attempt) {
        _ if is_followed => followed(app, caller, seen.record.id, element, wanted),
        (Some(record), _) => written(app, record, wanted),
        (None, Some(number)) => return Err(Refusal::not_found(haina_core::Kind::Attempt, number).into()),
        (None, None) => axum::body::Body::empty(),
    };
    let mut response = body.into_response();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response.headers_mut().insert("x-haina-offset", HeaderValue::from(begin));
    // What users' programs write is never anything but text to a browser.
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn wanted(query: &LogQuery, stream: LogStream, seen: &Seen) -> Result<Wanted, Refusal> {
    let is_merged = query.merged.unwrap_or(false);
    let clash = match () {
        () if is_merged && query.task.is_some() => Some("task"),
        () if is_merged && query.offset.is_some() => Some("offset"),
        () if query.tail.is_some() && query.offset.is_some() => Some("offset"),
        () => None,
    };
    if let Some(field) = clash {
        let rule = both("absent where `merged` or `tail` is given", "与 `merged` 或 `tail` 不能同时填写");
        return Err(Refusal::invalid_value(field, "", rule).with_phrase("value", both("given", "已填写")));
    }
    let from = match query.tail {
        Some(lines) => Begin::Tail(lines.into()),
        None => Begin::Offset(query.offset.unwrap_or(0)),
    };
    let rank = (!is_merged).then(|| query.task.unwrap_or(0));
    let Fact::JobSubmitted { tasks_per_node, .. } = seen.record.detail.job else {
        unreachable!("a job's record holds how it was submitted");
    };
    Ok(Wanted { number: query.attempt, rank, tasks_per_node, stream, from })
}

/// Whether there is such a task, and what it wrote was not removed.
async fn check_kept(app: &App, record: &AttemptRecord, wanted: Wanted) -> Result<(), Refusal> {
    let last = wanted.tasks(record) - 1;
    if let Some(rank) = wanted.rank.filter(|rank| *rank > last) {
        let rule = both(format!("a rank of the attempt: 0 to {last}"), format!("该次运行的任务序号：0 到 {last}"));
        return Err(Refusal::invalid_value("task", rank, rule));
    }
    let looked = app.center.engine().read_log(record.id, wanted.rank.unwrap_or(0), wanted.stream, 0, 0).await;
    match looked {
        Err(EngineError::NoSuchAttempt { .. }) if record.ended.is_some() => {
            Err(Refusal::new(Code::NoLongerKept).with("attempt", record.id))
        }
        _ => Ok(()),
    }
}
