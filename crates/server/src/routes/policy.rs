//! How jobs are scheduled.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use haina_api::{PolicyRequest, PolicyState, parse_json};
use haina_center::{Action, Command};

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::Body;
use crate::reply::{committed, send};

/// Show how jobs are scheduled
#[utoipa::path(get, path = "/api/v1/policy", tag = "nodes", operation_id = "getPolicy",
    responses((status = 200, description = "The policy.", body = PolicyState), Problems))]
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Json<PolicyState>, Failure> {
    caller.require_any(Action::ReadNode)?;
    Ok(Json(app.view(|view| PolicyState::of(&view.center.policy))))
}

/// Change how jobs are scheduled
///
/// Those that wait are put in line anew; what runs goes on.
#[utoipa::path(put, path = "/api/v1/policy", tag = "nodes", operation_id = "setPolicy", request_body = PolicyRequest,
    responses((status = 200, description = "The policy.", body = PolicyState), Problems))]
pub async fn set(State(app): State<App>, caller: Caller, Body(body): Body) -> Result<Response, Failure> {
    caller.require_everything(Action::ChangePolicy)?;
    let policy = parse_json::<PolicyRequest>(&body)?.policy()?;
    let answer = send(&app, &caller, Command::SetPolicy { policy }, None).await?;
    Ok(committed(StatusCode::OK, &answer, &app.view(|view| PolicyState::of(&view.center.policy))))
}
