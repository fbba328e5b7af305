//! What happened to a job.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use haina_api::{Event, Page};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::Caller;
use crate::event_stream::{Of, start, stream};
use crate::event_text::event;
use crate::failure::{Failure, Problems};
use crate::input::{PathText, Query, cursor, page_size};
use crate::jobs_seen::Seen;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only what came after this event.
    after: Option<String>,
    /// At most so many; 50 if absent. Not for streams.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List or follow what happened to a job
///
/// A page of JSON; or server-sent events where `text/event-stream` is accepted, which end after the job's end.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", tag = "jobs", operation_id = "listJobEvents",
    params(("id" = String, Path, description = "The job's id."), ListQuery),
    responses((status = 200, description = "Events, oldest first.",
        content((Page<Event> = "application/json"), (Event = "text/event-stream"))), Problems))]
pub async fn list(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Response, Failure> {
    let seen = Seen::find(&app, &caller, &id).await?;
    let after = match cursor::<u64>(query.cursor.as_deref())? {
        Some(cursor) => cursor,
        None => start(&headers, query.after.as_deref())?.unwrap_or(0),
    };
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if accept.contains("text/event-stream") {
        return Ok(stream(app, caller, Of::Job(seen.record.id), after).into_response());
    }
    let limit = page_size(query.limit)?;
    let mut facts = app.center.store().facts_of_job(seen.record.id, after, limit + 1).await?;
    let more = facts.len() > limit as usize;
    facts.truncate(limit as usize);
    let next_cursor = facts.last().filter(|_| more).map(|last| last.position.to_string());
    let items: Vec<Event> = app.view(|view| facts.iter().map(|fact| event(fact, view, caller.language)).collect());
    Ok(Json(Page { items, next_cursor }).into_response())
}
