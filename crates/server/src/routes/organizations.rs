//! Who is served.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use haina_api::{Organization, OrganizationRequest, Page, parse_json};
use haina_center::{Action, Command};
use haina_core::{OrganizationId, Refusal};

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Body, PathText, Query, cursor, page_size};
use crate::reply::{committed, send};
use crate::routes::nodes::ListQuery;
use crate::shown;

/// List organizations
#[utoipa::path(get, path = "/api/v1/organizations", tag = "organizations", operation_id = "listOrganizations",
    params(ListQuery),
    responses((status = 200, description = "A page of those that you may see, by id.", body = Page<Organization>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Organization>>, Failure> {
    let only = caller.narrowed(&app, Action::ReadOrganization, None)?;
    let limit = page_size(query.limit()).map(|limit| limit as usize)?;
    let after = cursor::<OrganizationId>(query.cursor())?.unwrap_or_default();
    Ok(Json(app.view(|view| {
        let ids = view.organizations.keys().copied();
        let mut ids = ids.filter(|id| *id > after && only.is_none_or(|only| only == *id));
        let items: Vec<_> = ids.by_ref().take(limit).filter_map(|id| shown::organization(view, id)).collect();
        let next_cursor = if ids.next().is_some() { items.last().map(|last| last.id.clone()) } else { None };
        Page { items, next_cursor }
    })))
}

/// Add an organization, or change what is given
#[utoipa::path(put, path = "/api/v1/organizations/{name}", tag = "organizations", operation_id = "setOrganization",
    params(("name" = String, Path, description = "The organization's name.")), request_body = OrganizationRequest,
    responses((status = 200, description = "The organization.", body = Organization), Problems))]
pub async fn set(
    State(app): State<App>,
    PathText(name): PathText,
    caller: Caller,
    Body(body): Body,
) -> Result<Response, Failure> {
    caller.require_everything(Action::ChangeOrganization)?;
    let request: OrganizationRequest = parse_json(&body)?;
    let card_limit = request.card_limit()?;
    let (weight, guaranteed) = (request.weight()?, request.guaranteed()?);
    let qualifications = request.qualifications()?;
    let OrganizationRequest { title, suspended, kind, .. } = request;
    let command = Command::SetOrganization {
        name: name.clone(),
        title,
        card_limit,
        suspended,
        weight,
        guaranteed,
        kind,
        qualifications,
    };
    let answer = send(&app, &caller, command, None).await?;
    let organization = app.view(|view| shown::organization(view, *view.organization_of_name.get(&name)?));
    Ok(committed(
        StatusCode::OK,
        &answer,
        &organization.ok_or_else(|| Refusal::not_found(haina_core::Kind::Organization, &name))?,
    ))
}
