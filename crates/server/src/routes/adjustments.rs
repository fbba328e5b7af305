//! Changes of accounts: proposed by one person, approved by another.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use haina_api::{Account, Adjustment, AdjustmentRequest, Moment, Page, parse_json};
use haina_center::{Action, Command, Reply, View};
use haina_core::{AdjustmentId, Kind, Refusal};

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Body, Create, PathText, Query, cursor, page_size};
use crate::reply::{committed, created, send, unexpected, without_content};
use crate::routes::nodes::ListQuery;
use crate::shown;

/// List proposed adjustments
///
/// Those that wait for approval. What was approved is a posting of the account.
#[utoipa::path(get, path = "/api/v1/adjustments", tag = "accounts", operation_id = "listAdjustments", params(ListQuery),
    responses((status = 200, description = "A page of them, oldest first.", body = Page<Adjustment>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Adjustment>>, Failure> {
    caller.require_any(Action::ReadAdjustment)?;
    let limit = page_size(query.limit())? as usize;
    let after = cursor::<AdjustmentId>(query.cursor())?.unwrap_or_default();
    Ok(Json(app.view(|view| {
        let mut ids = view.adjustments.keys().copied().filter(|id| *id > after);
        let items: Vec<_> = ids.by_ref().take(limit).filter_map(|id| shown(view, id)).collect();
        let next_cursor = if ids.next().is_some() { items.last().map(|last| last.id.clone()) } else { None };
        Page { items, next_cursor }
    })))
}

fn shown(view: &View, id: AdjustmentId) -> Option<Adjustment> {
    let adjustment = view.adjustments.get(&id)?;
    Some(Adjustment {
        id: id.to_string(),
        organization: view.organizations[&adjustment.organization].name.clone(),
        amount: adjustment.amount.into(),
        reason: adjustment.reason.clone(),
        proposed_by: view.users[&adjustment.proposed_by].name.clone(),
        proposed: Moment(adjustment.proposed),
    })
}

/// Propose an adjustment of an account
///
/// Nothing changes before another person approves it.
#[utoipa::path(post, path = "/api/v1/accounts/{organization}/adjustments", tag = "accounts", operation_id = "proposeAdjustment",
    params(("organization" = String, Path, description = "The organization's name."),
        ("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once.")),
    request_body = AdjustmentRequest,
    responses((status = 201, description = "The proposal.", body = Adjustment), Problems))]
pub async fn propose(
    State(app): State<App>,
    PathText(name): PathText,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    caller.require_any(Action::AdjustAccount)?;
    let request: AdjustmentRequest = parse_json(&body)?;
    let amount = request.money(app.view(|view| view.center.currency))?;
    let command = Command::ProposeAdjustment { organization: name, amount, reason: request.reason };
    let answer = send(&app, &caller, command, create.key(&body)).await?;
    let Reply::Proposed(id) = answer.reply else { return Err(unexpected(&answer).into()) };
    // Asked again under its key, it may have been decided since.
    let proposal = app.view(|view| shown(view, id)).ok_or_else(|| Refusal::not_found(Kind::Adjustment, id))?;
    Ok(created(&answer, "/api/v1/adjustments", &proposal))
}

/// Approve a proposed adjustment
///
/// It is posted. Who proposed it may not approve it.
#[utoipa::path(post, path = "/api/v1/adjustments/{id}/approve", tag = "accounts", operation_id = "approveAdjustment",
    params(("id" = String, Path, description = "The proposal's id.")),
    responses((status = 200, description = "The account, after the adjustment.", body = Account), Problems))]
pub async fn approve(State(app): State<App>, PathText(id): PathText, caller: Caller) -> Result<Response, Failure> {
    let adjustment = find(&caller, &id)?;
    let organization = app.view(|view| view.adjustments.get(&adjustment).map(|known| known.organization));
    let answer = send(&app, &caller, Command::DecideAdjustment { adjustment, approve: true }, None).await?;
    let now = app.center.now();
    let account = app.view(|view| shown::account(view, organization?, now));
    let account = account.ok_or_else(|| Refusal::not_found(Kind::Adjustment, adjustment))?;
    Ok(committed(StatusCode::OK, &answer, &account))
}

/// Reject a proposed adjustment
///
/// Nothing is posted. Who proposed it may reject it too.
#[utoipa::path(delete, path = "/api/v1/adjustments/{id}", tag = "accounts", operation_id = "rejectAdjustment",
    params(("id" = String, Path, description = "The proposal's id.")),
    responses((status = 204, description = "It will not be."), Problems))]
pub async fn reject(State(app): State<App>, PathText(id): PathText, caller: Caller) -> Result<Response, Failure> {
    let adjustment = find(&caller, &id)?;
    let answer = send(&app, &caller, Command::DecideAdjustment { adjustment, approve: false }, None).await?;
    Ok(without_content(&answer))
}

fn find(caller: &Caller, id: &str) -> Result<AdjustmentId, Refusal> {
    caller.require_any(Action::AdjustAccount)?;
    id.parse().map_err(|_| Refusal::not_found(Kind::Adjustment, id))
}
