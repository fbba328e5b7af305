//! For whoever watches the process.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use haina_api::Health;
use haina_center::Action;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};

/// Whether the process answers
#[utoipa::path(get, path = "/healthz", tag = "center", operation_id = "getHealth", security(()),
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain")))]
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Whether the center can take work
#[utoipa::path(get, path = "/readyz", tag = "center", operation_id = "getReadiness", security(()),
    responses((status = 200, description = "It can.", body = Health), (status = 503, description = "It cannot.", body = Health)))]
pub async fn ready(State(app): State<App>) -> impl IntoResponse {
    let readiness = app.center.readiness().await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health { ready: readiness.ready, reasons: readiness.reasons }))
}

/// Metrics, as Prometheus reads them
#[utoipa::path(get, path = "/metrics", tag = "center", operation_id = "getMetrics",
    responses((status = 200, description = "OpenMetrics text.", body = String, content_type = "application/openmetrics-text"), Problems))]
pub async fn metrics(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse, Failure> {
    caller.require_everything(Action::ReadMetrics)?;
    let ready = app.center.readiness().await.ready;
    Ok(([(header::CONTENT_TYPE, crate::metrics::CONTENT_TYPE)], crate::metrics::text(&app, ready)))
}
