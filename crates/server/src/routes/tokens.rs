//! Tokens: issued once, stored only as digests.

use axum::extract::State;
use axum::response::Response;
use haina_api::{IssuedToken, Moment, TokenRequest, parse_json};
use haina_center::{Action, Command, Reply};
use haina_core::{Code, Digest, Refusal, TokenId};

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Body, Create, PathText};
use crate::reply::{created, send, unexpected, without_content};

/// Issue a token
///
/// The secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/users/{name}/tokens", tag = "users", operation_id = "issueToken",
    params(("name" = String, Path, description = "The user's name."),
        ("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once; the secret is not shown again.")),
    request_body = TokenRequest,
    responses((status = 201, description = "The token.", body = IssuedToken), Problems))]
pub async fn issue(
    State(app): State<App>,
    PathText(user): PathText,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    caller.require_any(Action::IssueToken)?;
    let request: TokenRequest = if body.is_empty() { TokenRequest::default() } else { parse_json(&body)? };
    let expires = request.expires.as_deref().map(|text| Moment::of_field(text, "expires")).transpose()?;
    let secret = secret()?;
    let digest = Digest::of(secret.as_bytes());
    let command =
        Command::IssueToken { user: user.clone(), digest, label: request.label, expires: expires.map(|at| at.0) };
    let answer = send(&app, &caller, command, create.key(&body)).await?;
    let Reply::Issued(id) = answer.reply else { return Err(unexpected(&answer).into()) };
    let token = IssuedToken { id: id.to_string(), user, secret: if answer.replayed { String::new() } else { secret } };
    Ok(created(&answer, &format!("/api/v1/tokens/{id}"), &token))
}

/// Revoke a token
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "users", operation_id = "revokeToken",
    params(("id" = String, Path, description = "The token's id.")),
    responses((status = 204, description = "It is no longer valid."), Problems))]
pub async fn revoke(State(app): State<App>, PathText(id): PathText, caller: Caller) -> Result<Response, Failure> {
    let token: TokenId = id.parse().map_err(|_| Refusal::not_found(haina_core::Kind::Token, &id))?;
    let answer = send(&app, &caller, Command::RevokeToken { token }, None).await?;
    Ok(without_content(&answer))
}

/// 192 random bits, recognizable as a secret of Haina.
fn secret() -> Result<String, Refusal> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| Refusal::new(Code::Internal).because(error))?;
    Ok(bytes.iter().fold("haina_".to_owned(), |text, byte| text + &format!("{byte:02x}")))
}
