//! The attempts of a job.

use axum::Json;
use axum::extract::State;
use haina_api::{Attempt, Page};
use haina_core::AttemptId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{PathText, Query, cursor, page_size};
use crate::jobs_seen::Seen;
use crate::shown_job;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// At most so many; 50 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the attempts of a job
#[utoipa::path(get, path = "/api/v1/jobs/{id}/attempts", tag = "jobs", operation_id = "listAttempts",
    params(("id" = String, Path, description = "`17`, or `17_3` for one element of an array."), ListQuery),
    responses((status = 200, description = "A page of attempts, by element and number.", body = Page<Attempt>), Problems))]
pub async fn list(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Attempt>>, Failure> {
    let seen = Seen::find(&app, &caller, &id).await?;
    let limit = page_size(query.limit)?;
    let after = cursor::<AttemptId>(query.cursor.as_deref())?;
    let mut records = app.center.store().attempts(seen.record.id, seen.element, after, limit + 1).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records.last().filter(|_| more).map(|last| last.id.to_string());
    let mut items: Vec<Attempt> =
        app.view(|view| records.iter().map(|record| shown_job::attempt(view, record)).collect());
    for (item, record) in items.iter_mut().zip(&records) {
        item.image_digest = app.center.engine().image_digest(record.id).await;
    }
    Ok(Json(Page { items, next_cursor }))
}
