//! Answers to writes.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use haina_center::Command;
use haina_core::Refusal;
use haina_runtime::{Answer, IdempotencyKey, Request};
use serde::Serialize;

use crate::app::App;
use crate::caller::Caller;

static POSITION: HeaderName = HeaderName::from_static("x-haina-position");
static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Sends a command that names no payload.
pub async fn send(
    app: &App,
    caller: &Caller,
    command: Command,
    idempotency: Option<IdempotencyKey>,
) -> Result<Answer, Refusal> {
    app.center.send(Request { actor: caller.actor(), command, payloads: Vec::new(), idempotency }).await
}

/// JSON with the position of the commit.
pub fn committed<T: Serialize>(status: StatusCode, answer: &Answer, body: &T) -> Response {
    let bytes = serde_json::to_vec(body).expect("answers are plain data");
    let mut response = (status, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(POSITION.clone(), HeaderValue::from(answer.position));
    if answer.replayed {
        headers.insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    }
    response
}

/// The position of the commit, and nothing else.
pub fn without_content(answer: &Answer) -> Response {
    let mut response = committed(StatusCode::NO_CONTENT, answer, &());
    *response.body_mut() = axum::body::Body::empty();
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

/// [`committed`], created at `location`.
pub fn created<T: Serialize>(answer: &Answer, location: &str, body: &T) -> Response {
    let mut response = committed(StatusCode::CREATED, answer, body);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The core replied with something that this command never has.
pub fn unexpected(answer: &Answer) -> Refusal {
    Refusal::new(haina_core::Code::Internal).because(format!("unexpected reply {:?}", answer.reply))
}
