//! Agreements with organizations.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use haina_api::{Agreement, AgreementRequest, AmendmentRequest, Page, SignRequest, TopUp, parse_json};
use haina_center::permission::Owner;
use haina_center::{Action, Command, Reply, View};
use haina_core::{AgreementId, Kind, PoolId, Refusal};
use haina_runtime::Answer;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Body, Create, PathText, Query, cursor, page_size};
use crate::reply::{committed, created, send, unexpected};
use crate::routes::nodes::ListQuery;
use crate::shown_agreed as shown;

/// List agreements
#[utoipa::path(get, path = "/api/v1/agreements", tag = "agreements", operation_id = "listAgreements", params(ListQuery),
    responses((status = 200, description = "A page of those that you may see, oldest first.", body = Page<Agreement>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Agreement>>, Failure> {
    let only = caller.narrowed(&app, Action::ReadAgreement, None)?;
    let limit = page_size(query.limit())? as usize;
    let after = cursor::<AgreementId>(query.cursor())?.unwrap_or_default();
    let now = app.center.now();
    Ok(Json(app.view(|view| {
        let all = view.ledger.agreements.iter().filter(|(id, _)| **id > after);
        let mut seen = all.filter(|(_, entry)| only.is_none_or(|only| only == entry.organization));
        let first = seen.by_ref().take(limit);
        let items: Vec<_> = first.filter_map(|(id, _)| shown::agreement(view, *id, now, false)).collect();
        let next_cursor = if seen.next().is_some() { items.last().map(|last| last.id.clone()) } else { None };
        Page { items, next_cursor }
    })))
}

/// Show an agreement
///
/// With all versions of its terms.
#[utoipa::path(get, path = "/api/v1/agreements/{id}", tag = "agreements", operation_id = "getAgreement",
    params(("id" = String, Path, description = "The agreement's id.")),
    responses((status = 200, description = "The agreement, as of now.", body = Agreement), Problems))]
pub async fn show(State(app): State<App>, PathText(id): PathText, caller: Caller) -> Result<Json<Agreement>, Failure> {
    let id = find(&app, &caller, Action::ReadAgreement, &id)?;
    Ok(Json(shown_now(&app, id)?))
}

/// Draft an agreement
///
/// Nobody is bound before it is signed.
#[utoipa::path(post, path = "/api/v1/agreements", tag = "agreements", operation_id = "draftAgreement",
    params(("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once.")),
    request_body = AgreementRequest,
    responses((status = 201, description = "The draft.", body = Agreement), Problems))]
pub async fn draft(
    State(app): State<App>,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    caller.require_any(Action::ChangeAgreement)?;
    let AgreementRequest { organization, terms }: AgreementRequest = parse_json(&body)?;
    let now = app.center.now();
    let terms = app.view(|view| terms.terms(None, (view.center.currency, now), |name| pool(view, name)))?;
    let command = Command::DraftAgreement { organization, terms };
    let answer = send(&app, &caller, command, create.key(&body)).await?;
    let Reply::Agreed(id) = answer.reply else { return Err(unexpected(&answer).into()) };
    Ok(created(&answer, &format!("/api/v1/agreements/{id}"), &shown_now(&app, id)?))
}

/// Amend an agreement
///
/// What is not said stays. Who changes it says which version he saw: of two who change the same, the second is refused.
#[utoipa::path(patch, path = "/api/v1/agreements/{id}", tag = "agreements", operation_id = "amendAgreement",
    params(("id" = String, Path, description = "The agreement's id.")), request_body = AmendmentRequest,
    responses((status = 200, description = "The agreement.", body = Agreement), Problems))]
pub async fn amend(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    Body(body): Body,
) -> Result<Response, Failure> {
    let agreement = find(&app, &caller, Action::ChangeAgreement, &id)?;
    let AmendmentRequest { version, reason, oversell, terms }: AmendmentRequest = parse_json(&body)?;
    let now = app.center.now();
    let terms = app.view(|view| {
        let before = view.ledger.agreements.get(&agreement).map(|known| known.terms.clone());
        terms.terms(before, (view.center.currency, now), |name| pool(view, name))
    })?;
    let command = Command::AmendAgreement { agreement, version, terms, oversell, reason };
    answered(&app, agreement, &send(&app, &caller, command, None).await?)
}

/// Sign an agreement
///
/// The organization owes its amount from then on, and it pays for work from its start on.
#[utoipa::path(post, path = "/api/v1/agreements/{id}/sign", tag = "agreements", operation_id = "signAgreement",
    params(("id" = String, Path, description = "The agreement's id.")), request_body = SignRequest,
    responses((status = 200, description = "The agreement.", body = Agreement), Problems))]
pub async fn sign(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    Body(body): Body,
) -> Result<Response, Failure> {
    let agreement = find(&app, &caller, Action::ChangeAgreement, &id)?;
    let SignRequest { version, oversell }: SignRequest = parse_json(&body)?;
    let command = Command::SignAgreement { agreement, version, oversell };
    answered(&app, agreement, &send(&app, &caller, command, None).await?)
}

/// Enter a payment for an agreement
///
/// It reduces what the organization owes.
#[utoipa::path(post, path = "/api/v1/agreements/{id}/payments", tag = "agreements", operation_id = "payAgreement",
    params(("id" = String, Path, description = "The agreement's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once.")),
    request_body = TopUp,
    responses((status = 200, description = "The agreement.", body = Agreement), Problems))]
pub async fn pay(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    let agreement = find(&app, &caller, Action::TopUp, &id)?;
    let request: TopUp = parse_json(&body)?;
    let amount = request.money(app.view(|view| view.center.currency))?;
    let command = Command::PayAgreement { agreement, amount, reference: request.reference };
    answered(&app, agreement, &send(&app, &caller, command, create.key(&body)).await?)
}

/// The agreement, if the caller may do this to it; others do not exist for him.
fn find(app: &App, caller: &Caller, action: Action, id: &str) -> Result<AgreementId, Refusal> {
    caller.require_any(action)?;
    let known = id.parse().ok().filter(|id| {
        let organization = app.view(|view| view.ledger.agreements.get(id).map(|known| known.organization));
        organization.is_some() && caller.may(action, Owner { organization, ..Owner::default() })
    });
    known.ok_or_else(|| Refusal::not_found(Kind::Agreement, id))
}

fn pool(view: &View, name: &str) -> Result<PoolId, Refusal> {
    view.pool_of_name.get(name).copied().ok_or_else(|| Refusal::not_found(Kind::Pool, name))
}

fn shown_now(app: &App, id: AgreementId) -> Result<Agreement, Refusal> {
    let now = app.center.now();
    app.view(|view| shown::agreement(view, id, now, true)).ok_or_else(|| Refusal::not_found(Kind::Agreement, id))
}

fn answered(app: &App, id: AgreementId, answer: &Answer) -> Result<Response, Failure> {
    Ok(committed(StatusCode::OK, answer, &shown_now(app, id)?))
}
