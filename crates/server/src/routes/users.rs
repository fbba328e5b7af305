//! Who may authenticate, as what.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use haina_api::{Page, User, UserRequest, parse_json};
use haina_center::permission::Owner;
use haina_center::{Action, Command, Reply};
use haina_core::UserId;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Body, Create, Query, cursor, page_size};
use crate::reply::{created, send, unexpected};
use crate::routes::nodes::ListQuery;
use crate::shown;

/// List users
#[utoipa::path(get, path = "/api/v1/users", tag = "users", operation_id = "listUsers", params(ListQuery),
    responses((status = 200, description = "A page of those that you may see, by id.", body = Page<User>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<User>>, Failure> {
    caller.require_any(Action::ReadUser)?;
    let limit = page_size(query.limit())? as usize;
    let after = cursor::<UserId>(query.cursor())?.unwrap_or_default();
    Ok(Json(app.view(|view| {
        let seen = view.users.iter().filter(|(id, user)| {
            let owner = Owner { organization: user.organization, user: Some(**id), job: None };
            **id > after && caller.may(Action::ReadUser, owner)
        });
        let mut ids = seen.map(|(id, _)| *id);
        let items: Vec<_> = ids.by_ref().take(limit).filter_map(|id| shown::user(view, id)).collect();
        let next_cursor = if ids.next().is_some() { items.last().map(|last| last.id.clone()) } else { None };
        Page { items, next_cursor }
    })))
}

/// Add a user
#[utoipa::path(post, path = "/api/v1/users", tag = "users", operation_id = "addUser", request_body = UserRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once.")),
    responses((status = 201, description = "The user.", body = User), Problems))]
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    caller.require_any(Action::AddUser)?;
    let request: UserRequest = parse_json(&body)?;
    let command = Command::AddUser { name: request.name, role: request.role, organization: request.organization };
    let answer = send(&app, &caller, command, create.key(&body)).await?;
    let Reply::Added(id) = answer.reply else { return Err(unexpected(&answer).into()) };
    let user = app.view(|view| shown::user(view, id)).ok_or_else(|| unexpected(&answer))?;
    Ok(created(&answer, "/api/v1/users", &user))
}

/// Show yourself
#[utoipa::path(get, path = "/api/v1/users/me", tag = "users", operation_id = "getMe",
    responses((status = 200, description = "The user that the token belongs to, with its tokens.", body = User), Problems))]
pub async fn me(State(app): State<App>, caller: Caller) -> Result<Json<User>, Failure> {
    let id = caller.user(Action::ReadUser)?;
    let user = app.view(|view| {
        let user = shown::user(view, id)?;
        Some(User { tokens: shown::tokens(view, id), ..user })
    });
    Ok(Json(user.ok_or_else(|| haina_core::Refusal::new(haina_core::Code::Unauthenticated))?))
}
