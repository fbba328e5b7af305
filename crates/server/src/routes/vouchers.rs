//! Vouchers, and the programmes under which they are given.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use haina_api::{CashOutRequest, ClaimRequest, Page, Programme, ProgrammeSpec, Voucher, VoucherReason, parse_json};
use haina_center::permission::Owner;
use haina_center::{Action, Command, Reply};
use haina_core::{Kind, ProgrammeId, Refusal, VoucherId};
use haina_runtime::Answer;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Body, Create, PathText, Query, cursor, page_size};
use crate::reply::{committed, created, send, unexpected};
use crate::routes::nodes::ListQuery;
use crate::shown_agreed as shown;

/// List programmes of vouchers
#[utoipa::path(get, path = "/api/v1/voucher-programmes", tag = "vouchers", operation_id = "listProgrammes", params(ListQuery),
    responses((status = 200, description = "A page of them, oldest first.", body = Page<Programme>), Problems))]
pub async fn list_programmes(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Programme>>, Failure> {
    caller.require_any(Action::ReadProgramme)?;
    let limit = page_size(query.limit())? as usize;
    let after = cursor::<ProgrammeId>(query.cursor())?.unwrap_or_default();
    Ok(Json(app.view(|view| {
        let mut ids = view.ledger.programmes.keys().copied().filter(|id| *id > after);
        let items: Vec<_> = ids.by_ref().take(limit).filter_map(|id| shown::programme(view, id)).collect();
        let next_cursor = if ids.next().is_some() { items.last().map(|last| last.id.clone()) } else { None };
        Page { items, next_cursor }
    })))
}

/// Add a programme of vouchers, or change its rules
///
/// Vouchers that were issued keep theirs. Who changes rules says which version he saw.
#[utoipa::path(put, path = "/api/v1/voucher-programmes/{name}", tag = "vouchers", operation_id = "setProgramme",
    params(("name" = String, Path, description = "The programme's name.")), request_body = ProgrammeSpec,
    responses((status = 200, description = "The programme.", body = Programme), Problems))]
pub async fn set_programme(
    State(app): State<App>,
    PathText(name): PathText,
    caller: Caller,
    Body(body): Body,
) -> Result<Response, Failure> {
    caller.require_everything(Action::ChangeProgramme)?;
    let request: ProgrammeSpec = parse_json(&body)?;
    let version = request.version;
    let rules = app.view(|view| {
        let pool =
            |name: &str| view.pool_of_name.get(name).copied().ok_or_else(|| Refusal::not_found(Kind::Pool, name));
        request.rules(name.clone(), view.center.currency, pool)
    })?;
    let answer = send(&app, &caller, Command::SetProgramme { rules, version }, None).await?;
    let programme = app.view(|view| {
        let known = view.ledger.programmes.iter().find(|(_, known)| known.rules.name == name);
        shown::programme(view, *known?.0)
    });
    let programme = programme.ok_or_else(|| Refusal::not_found(Kind::Programme, &name))?;
    Ok(committed(StatusCode::OK, &answer, &programme))
}

/// List vouchers
///
/// From their claims on.
#[utoipa::path(get, path = "/api/v1/vouchers", tag = "vouchers", operation_id = "listVouchers", params(ListQuery),
    responses((status = 200, description = "A page of those that you may see, oldest first.", body = Page<Voucher>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Voucher>>, Failure> {
    let only = caller.narrowed(&app, Action::ReadVoucher, None)?;
    let limit = page_size(query.limit())? as usize;
    let after = cursor::<VoucherId>(query.cursor())?.unwrap_or_default();
    Ok(Json(app.view(|view| {
        let all = view.ledger.vouchers.iter().filter(|(id, _)| **id > after);
        let mut seen = all.filter(|(_, entry)| only.is_none_or(|only| only == entry.organization));
        let items: Vec<_> = seen.by_ref().take(limit).filter_map(|(id, _)| shown::voucher(view, *id)).collect();
        let next_cursor = if seen.next().is_some() { items.last().map(|last| last.id.clone()) } else { None };
        Page { items, next_cursor }
    })))
}

/// Show a voucher
#[utoipa::path(get, path = "/api/v1/vouchers/{id}", tag = "vouchers", operation_id = "getVoucher",
    params(("id" = String, Path, description = "The voucher's id.")),
    responses((status = 200, description = "The voucher.", body = Voucher), Problems))]
pub async fn show(State(app): State<App>, PathText(id): PathText, caller: Caller) -> Result<Json<Voucher>, Failure> {
    let id = find(&app, &caller, Action::ReadVoucher, &id)?;
    Ok(Json(shown_now(&app, id)?))
}

/// Claim a voucher
///
/// It pays nothing before somebody else reviewed the claim and issued it.
#[utoipa::path(post, path = "/api/v1/vouchers", tag = "vouchers", operation_id = "claimVoucher",
    params(("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once.")),
    request_body = ClaimRequest,
    responses((status = 201, description = "The claim.", body = Voucher), Problems))]
pub async fn claim(
    State(app): State<App>,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    caller.require_any(Action::ClaimVoucher)?;
    let request: ClaimRequest = parse_json(&body)?;
    caller.narrowed(&app, Action::ClaimVoucher, request.organization.as_deref())?;
    let amount = request.money(app.view(|view| view.center.currency))?;
    let agreement = request.agreement.map(|id| id.parse().map_err(|_| Refusal::not_found(Kind::Agreement, id)));
    let command = Command::ClaimVoucher {
        programme: request.programme,
        organization: request.organization,
        agreement: agreement.transpose()?,
        amount,
        purpose: request.purpose,
        unrelated: request.unrelated,
    };
    let answer = send(&app, &caller, command, create.key(&body)).await?;
    let Reply::Claimed(id) = answer.reply else { return Err(unexpected(&answer).into()) };
    Ok(created(&answer, &format!("/api/v1/vouchers/{id}"), &shown_now(&app, id)?))
}

/// Issue a voucher
///
/// It pays its share of charges from then on. Who claimed it may not issue it.
#[utoipa::path(post, path = "/api/v1/vouchers/{id}/issue", tag = "vouchers", operation_id = "issueVoucher",
    params(("id" = String, Path, description = "The voucher's id.")), request_body = VoucherReason,
    responses((status = 200, description = "The voucher.", body = Voucher), Problems))]
pub async fn issue(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    Body(body): Body,
) -> Result<Response, Failure> {
    review(&app, &caller, &id, &body, true).await
}

/// Reject the claim of a voucher
#[utoipa::path(post, path = "/api/v1/vouchers/{id}/reject", tag = "vouchers", operation_id = "rejectVoucher",
    params(("id" = String, Path, description = "The voucher's id.")), request_body = VoucherReason,
    responses((status = 200, description = "The voucher.", body = Voucher), Problems))]
pub async fn reject(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    Body(body): Body,
) -> Result<Response, Failure> {
    review(&app, &caller, &id, &body, false).await
}

async fn review(app: &App, caller: &Caller, id: &str, body: &[u8], approve: bool) -> Result<Response, Failure> {
    let voucher = find(app, caller, Action::ReviewVoucher, id)?;
    let VoucherReason { reason } = parse_json(body)?;
    answered(app, voucher, &send(app, caller, Command::ReviewVoucher { voucher, approve, reason }, None).await?)
}

/// Revoke a voucher
///
/// Nothing more is taken from it; what is held of it for attempts that run may still be used.
#[utoipa::path(post, path = "/api/v1/vouchers/{id}/revoke", tag = "vouchers", operation_id = "revokeVoucher",
    params(("id" = String, Path, description = "The voucher's id.")), request_body = VoucherReason,
    responses((status = 200, description = "The voucher.", body = Voucher), Problems))]
pub async fn revoke(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    Body(body): Body,
) -> Result<Response, Failure> {
    let voucher = find(&app, &caller, Action::ReviewVoucher, &id)?;
    let VoucherReason { reason } = parse_json(&body)?;
    answered(&app, voucher, &send(&app, &caller, Command::RevokeVoucher { voucher, reason }, None).await?)
}

/// Enter that the sponsor paid what was redeemed of a voucher
#[utoipa::path(post, path = "/api/v1/vouchers/{id}/cash-out", tag = "vouchers", operation_id = "cashOutVoucher",
    params(("id" = String, Path, description = "The voucher's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once.")),
    request_body = CashOutRequest,
    responses((status = 200, description = "The voucher.", body = Voucher), Problems))]
pub async fn cash_out(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    let voucher = find(&app, &caller, Action::TopUp, &id)?;
    let CashOutRequest { reference } = parse_json(&body)?;
    let command = Command::CashOutVoucher { voucher, reference };
    answered(&app, voucher, &send(&app, &caller, command, create.key(&body)).await?)
}

/// The voucher, if the caller may do this to it; others do not exist for him.
fn find(app: &App, caller: &Caller, action: Action, id: &str) -> Result<VoucherId, Refusal> {
    caller.require_any(action)?;
    let known = id.parse().ok().filter(|id| {
        let organization = app.view(|view| view.ledger.vouchers.get(id).map(|known| known.organization));
        organization.is_some() && caller.may(action, Owner { organization, ..Owner::default() })
    });
    known.ok_or_else(|| Refusal::not_found(Kind::Voucher, id))
}

fn shown_now(app: &App, id: VoucherId) -> Result<Voucher, Refusal> {
    app.view(|view| shown::voucher(view, id)).ok_or_else(|| Refusal::not_found(Kind::Voucher, id))
}

fn answered(app: &App, id: VoucherId, answer: &Answer) -> Result<Response, Failure> {
    Ok(committed(StatusCode::OK, answer, &shown_now(app, id)?))
}
