//! Everything that happens and that the caller may see.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use haina_api::Event;
use haina_center::Action;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::Caller;
use crate::event_stream::{Of, start, stream as sent};
use crate::failure::{Failure, Problems};
use crate::input::Query;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// Only what came after this event; `0` for all there is. What comes from now on, if absent.
    after: Option<String>,
}

/// Follow events
///
/// Server-sent events, each with its position as `id`, so that a client that connects again misses nothing.
#[utoipa::path(get, path = "/api/v1/events", tag = "center", operation_id = "followEvents",
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "As `after`; sent by clients that connect again.")),
    responses((status = 200, description = "A stream without an end.", body = Event, content_type = "text/event-stream"), Problems))]
pub async fn stream(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(query): Query<StreamQuery>,
) -> Result<impl IntoResponse, Failure> {
    caller.require_any(Action::ReadNode)?;
    let after = start(&headers, query.after.as_deref())?.unwrap_or_else(|| app.center.position());
    Ok(sent(app, caller, Of::Everything, after))
}
