//! The center as a whole.

use axum::Json;
use axum::extract::State;
use haina_api::{Center, Moment};
use haina_center::Action;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::shown;

/// Show the center
#[utoipa::path(get, path = "/api/v1/center", tag = "center", operation_id = "getCenter",
    responses((status = 200, description = "The center at a glance.", body = Center), Problems))]
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Json<Center>, Failure> {
    caller.require_any(Action::ReadNode)?;
    let now = Moment(app.center.now());
    let position = app.center.position().to_string();
    let jobs = app.center.live_jobs();
    Ok(Json(app.view(|view| Center {
        name: view.center.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        currency: view.center.currency.to_string(),
        now,
        position,
        nodes: view.nodes.len() as u64,
        jobs,
        attempts: view.attempts.len() as u64,
        pools: shown::pools(view),
        card_models: shown::card_models(view),
    })))
}

/// The JSON schema of the job file
#[utoipa::path(get, path = "/api/v1/schema/job", tag = "jobs", operation_id = "getJobSchema",
    responses((status = 200, description = "JSON schema, draft 2020-12.", body = serde_json::Value), Problems))]
pub async fn job_schema(_: Caller) -> Json<serde_json::Value> {
    Json(haina_api::job_schema())
}
