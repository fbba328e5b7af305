//! What a job's programs wrote.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use haina_center::Action;
use haina_core::Refusal;
use haina_core::both;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{PathText, Query};
use crate::jobs_seen::Seen;
use crate::logs::{Output, Wanted, attempt, followed, stream_of, written};

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
    /// From which byte on; 0 if absent.
    offset: Option<u64>,
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
    let element = element(&seen, query.element)?;
    let rank = query.task.unwrap_or(0);
    let offset = query.offset.unwrap_or(0);
    let body = if query.follow.unwrap_or(false) {
        followed(app, caller, seen.record.id, element, Wanted { number: query.attempt, rank, stream, offset })
    } else {
        match (attempt(&app, seen.record.id, element, query.attempt).await?, query.attempt) {
            (Some(record), _) => written(app, Output { attempt: record.id, rank, stream }, offset),
            (None, Some(number)) => return Err(Refusal::not_found(haina_core::Kind::Attempt, number).into()),
            (None, None) => axum::body::Body::empty(),
        }
    };
    let mut response = body.into_response();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    // What users' programs write is never anything but text to a browser.
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// The element that is meant: of an array it must be said.
pub fn element(seen: &Seen, asked: Option<u32>) -> Result<Option<u32>, Refusal> {
    match (seen.record.elements, seen.element.or(asked)) {
        (None, None | Some(0)) => Ok(None),
        (Some(count), Some(element)) if element < count => Ok(Some(element)),
        (Some(count), None) => {
            let last = count.saturating_sub(1);
            Err(Refusal::absent(
                "element",
                both(
                    format!("given, because the job is an array: 0 to {last}"),
                    format!("该作业是作业数组，必须填写 0 到 {last}"),
                ),
            ))
        }
        (_, Some(element)) => Err(Refusal::not_found(haina_core::Kind::Element, element)),
    }
}
