//! How many cards may be held, at every level.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use haina_api::{Page, Project, ProjectRequest, QuotaRequest, QuotaState, parse_json};
use haina_center::{Action, Command, Reply};
use haina_core::{ProjectId, QuotaScope};

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Body, Create, Query, cursor, page_size};
use crate::reply::{committed, created, send, unexpected};
use crate::routes::nodes::ListQuery;
use crate::shown;

/// List quotas
///
/// From the widest scope to the narrowest, with what is held in each. What is said of a whole organization over all pools is
/// its own `card_limit`.
#[utoipa::path(get, path = "/api/v1/quotas", tag = "organizations", operation_id = "listQuotas",
    responses((status = 200, description = "All that you may see, and those of pools and of the center.", body = [QuotaState]), Problems))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<QuotaState>>, Failure> {
    let only = caller.narrowed(&app, Action::ReadQuota, None)?;
    Ok(Json(app.view(|view| {
        let seen = |scope: &QuotaScope| only.is_none() || scope.organization.is_none() || scope.organization == only;
        let shown = view.held.iter().filter(|(scope, ..)| seen(scope));
        shown.map(|(scope, quota, held)| shown::quota(view, &scope, quota, held)).collect()
    })))
}

/// Set a quota
///
/// In the place of what held in the same scope. What runs goes on, also where it holds more than the new limit.
#[utoipa::path(put, path = "/api/v1/quotas", tag = "organizations", operation_id = "setQuota", request_body = QuotaRequest,
    responses((status = 200, description = "The quota.", body = QuotaState), Problems))]
pub async fn set(State(app): State<App>, caller: Caller, Body(body): Body) -> Result<Response, Failure> {
    caller.require_any(Action::ChangeQuota)?;
    let request: QuotaRequest = parse_json(&body)?;
    let inner = request.organization.clone().filter(|_| request.project.is_some() || request.user.is_some());
    match inner {
        Some(organization) => _ = caller.narrowed(&app, Action::ChangeQuota, Some(&organization))?,
        None => caller.require_everything(Action::ChangeQuota)?,
    }
    let definition = request.definition()?;
    let quota = definition.quota;
    let answer = send(&app, &caller, Command::SetQuota { definition }, None).await?;
    let Reply::QuotaSet(scope) = answer.reply else { return Err(unexpected(&answer).into()) };
    let shown = app.view(|view| {
        let held = view.held.iter().find(|(known, ..)| *known == scope).map(|(.., held)| held).unwrap_or_default();
        shown::quota(view, &scope, quota, held)
    });
    Ok(committed(StatusCode::OK, &answer, &shown))
}

/// List projects
#[utoipa::path(get, path = "/api/v1/projects", tag = "organizations", operation_id = "listProjects", params(ListQuery),
    responses((status = 200, description = "A page of those that you may see, by id.", body = Page<Project>), Problems))]
pub async fn list_projects(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Project>>, Failure> {
    let only = caller.narrowed(&app, Action::ReadQuota, None)?;
    let limit = page_size(query.limit()).map(|limit| limit as usize)?;
    let after = cursor::<ProjectId>(query.cursor())?.unwrap_or_default();
    Ok(Json(app.view(|view| {
        let all = view.projects.iter().filter(|(id, _)| **id > after);
        let mut seen = all.filter(|(_, project)| only.is_none_or(|only| only == project.organization));
        let items: Vec<_> = seen.by_ref().take(limit).map(|(id, _)| shown::project(view, *id)).collect();
        let next_cursor = if seen.next().is_some() { items.last().map(|last| last.id.clone()) } else { None };
        Page { items, next_cursor }
    })))
}

/// Add a project
#[utoipa::path(post, path = "/api/v1/projects", tag = "organizations", operation_id = "addProject",
    request_body = ProjectRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once.")),
    responses((status = 201, description = "The project.", body = Project), Problems))]
pub async fn add_project(
    State(app): State<App>,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    caller.require_any(Action::AddProject)?;
    let request: ProjectRequest = parse_json(&body)?;
    caller.narrowed(&app, Action::AddProject, Some(&request.organization))?;
    let command = Command::AddProject { definition: request.definition() };
    let answer = send(&app, &caller, command, create.key(&body)).await?;
    let Reply::ProjectAdded(id) = answer.reply else { return Err(unexpected(&answer).into()) };
    Ok(created(&answer, "/api/v1/projects", &app.view(|view| shown::project(view, id))))
}
