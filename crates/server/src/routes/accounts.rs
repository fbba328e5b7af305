//! What organizations paid in, hold and spent.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use haina_api::{Account, Moment, Page, Posting, PostingKind, Statement, TopUp, parse_json, show_card_hours};
use haina_center::{Action, Command, Fact, View};
use haina_core::{Month, OrganizationId, Refusal, both};
use haina_ledger::TransactionKind;
use haina_store::StoredFact;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Body, Create, PathText, Query, cursor, page_size};
use crate::reply::{created, send};
use crate::routes::nodes::ListQuery;
use crate::{shown, shown_statement};

/// List accounts
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", operation_id = "listAccounts", params(ListQuery),
    responses((status = 200, description = "A page of those that you may see, by organization.", body = Page<Account>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Account>>, Failure> {
    let only = caller.narrowed(&app, Action::ReadAccount, None)?;
    let limit = page_size(query.limit())? as usize;
    let after = cursor::<OrganizationId>(query.cursor())?.unwrap_or_default();
    let now = app.center.now();
    Ok(Json(app.view(|view| {
        let ids = view.organizations.keys().copied();
        let mut ids = ids.filter(|id| *id > after && only.is_none_or(|only| only == *id));
        let items: Vec<_> = ids.by_ref().take(limit).filter_map(|id| shown::account(view, id, now)).collect();
        let next_cursor = if ids.next().is_some() { items.last().map(|last| last.id.clone()) } else { None };
        Page { items, next_cursor }
    })))
}

fn find(app: &App, caller: &Caller, name: &str) -> Result<OrganizationId, Refusal> {
    let id = caller.narrowed(app, Action::ReadAccount, Some(name))?;
    id.ok_or_else(|| Refusal::not_found(haina_core::Kind::Organization, name))
}

/// Show an account
#[utoipa::path(get, path = "/api/v1/accounts/{organization}", tag = "accounts", operation_id = "getAccount",
    params(("organization" = String, Path, description = "The organization's name.")),
    responses((status = 200, description = "The account, as of now.", body = Account), Problems))]
pub async fn show(State(app): State<App>, PathText(name): PathText, caller: Caller) -> Result<Json<Account>, Failure> {
    let id = find(&app, &caller, &name)?;
    let now = app.center.now();
    let account = app.view(|view| shown::account(view, id, now));
    Ok(Json(account.ok_or_else(|| Refusal::not_found(haina_core::Kind::Organization, &name))?))
}

/// List the movements of money on an account, newest first
#[utoipa::path(get, path = "/api/v1/accounts/{organization}/postings", tag = "accounts", operation_id = "listPostings",
    params(("organization" = String, Path, description = "The organization's name."), ListQuery),
    responses((status = 200, description = "A page of postings.", body = Page<Posting>), Problems))]
pub async fn postings(
    State(app): State<App>,
    PathText(name): PathText,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Posting>>, Failure> {
    let id = find(&app, &caller, &name)?;
    let limit = page_size(query.limit())?;
    let before = cursor::<u64>(query.cursor())?;
    let mut facts = app.center.store().postings(id, before, limit + 1).await?;
    let more = facts.len() > limit as usize;
    facts.truncate(limit as usize);
    let next_cursor = facts.last().filter(|_| more).map(|last| last.position.to_string());
    let items = app.view(|view| facts.iter().filter_map(|fact| posting(view, fact)).collect());
    Ok(Json(Page { items, next_cursor }))
}

fn posting(view: &View, stored: &StoredFact) -> Option<Posting> {
    let Fact::Posted { transaction, .. } = &stored.fact else { return None };
    let mut posting = Posting {
        id: stored.position.to_string(),
        at: Moment(stored.at),
        kind: PostingKind::TopUp,
        amount: transaction.amount_for_organization(view.center.currency).into(),
        reference: None,
        attempt: None,
        proposed_by: None,
        approved_by: None,
        card_hours: None,
        price_per_card_hour: None,
        parts: Vec::new(),
        agreement: None,
        voucher: None,
        total: transaction.total(view.center.currency).into(),
    };
    match &transaction.kind {
        TransactionKind::TopUp { reference } => posting.reference = Some(reference.clone()),
        TransactionKind::Adjustment { reason, proposed_by, approved_by, .. } => {
            (posting.kind, posting.reference) = (PostingKind::Adjustment, Some(reason.clone()));
            let name = |user| view.users.get(user).map(|user| user.name.clone());
            (posting.proposed_by, posting.approved_by) = (name(proposed_by), name(approved_by));
        }
        TransactionKind::Charge { attempt, used, price_per_card_hour, parts } => {
            posting.parts = parts.iter().map(crate::shown_agreed::paid).collect();
            posting.kind = PostingKind::Charge;
            posting.attempt = Some(attempt.to_string());
            posting.card_hours = Some(show_card_hours(*used));
            posting.price_per_card_hour = Some((*price_per_card_hour).into());
        }
        TransactionKind::Commitment { agreement, .. } => {
            (posting.kind, posting.agreement) = (PostingKind::Commitment, Some(agreement.to_string()));
        }
        TransactionKind::Payment { agreement, reference } => {
            (posting.kind, posting.agreement) = (PostingKind::Payment, Some(agreement.to_string()));
            posting.reference = Some(reference.clone());
        }
        TransactionKind::Settlement { agreement } => {
            (posting.kind, posting.agreement) = (PostingKind::Settlement, Some(agreement.to_string()));
        }
        TransactionKind::Issue { voucher, .. } => {
            (posting.kind, posting.voucher) = (PostingKind::Issue, Some(voucher.to_string()));
        }
        TransactionKind::Return { voucher, .. } => {
            (posting.kind, posting.voucher) = (PostingKind::Return, Some(voucher.to_string()));
        }
        TransactionKind::CashOut { voucher, reference, .. } => {
            (posting.kind, posting.voucher) = (PostingKind::CashOut, Some(voucher.to_string()));
            posting.reference = Some(reference.clone());
        }
    }
    Some(posting)
}

/// Show the statement of a month
///
/// What was used, who paid, and what that made of the account. Of a month that goes on, what is known now.
#[utoipa::path(get, path = "/api/v1/accounts/{organization}/statements/{month}", tag = "accounts", operation_id = "getStatement",
    params(("organization" = String, Path, description = "The organization's name."),
        ("month" = String, Path, description = "Which month, as `2026-11`.")),
    responses((status = 200, description = "The statement.", body = Statement), Problems))]
pub async fn statement(
    State(app): State<App>,
    Path((name, month)): Path<(String, String)>,
    caller: Caller,
) -> Result<Json<Statement>, Failure> {
    let id = find(&app, &caller, &name)?;
    let rule = || both("a month such as `2026-11`", "月份，例如 `2026-11`");
    let month: Month = month.parse().map_err(|_| Refusal::invalid_value("month", &month, rule()))?;
    let months = app.center.store().months(id, month).await?;
    let now = app.center.now();
    let statement = app.view(|view| shown_statement::statement(view, id, month, &months, now));
    Ok(Json(statement.ok_or_else(|| Refusal::not_found(haina_core::Kind::Organization, &name))?))
}

/// Pay into an account
#[utoipa::path(post, path = "/api/v1/accounts/{organization}/top-ups", tag = "accounts", operation_id = "topUp",
    params(("organization" = String, Path, description = "The organization's name."),
        ("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once.")),
    request_body = TopUp,
    responses((status = 201, description = "The account, after the payment.", body = Account), Problems))]
pub async fn top_up(
    State(app): State<App>,
    PathText(name): PathText,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    caller.require_any(Action::TopUp)?;
    let request: TopUp = parse_json(&body)?;
    let amount = request.money(app.view(|view| view.center.currency))?;
    let command = Command::TopUp { organization: name.clone(), amount, reference: request.reference };
    let answer = send(&app, &caller, command, create.key(&body)).await?;
    let now = app.center.now();
    let account = app.view(|view| shown::account(view, *view.organization_of_name.get(&name)?, now));
    let account = account.ok_or_else(|| Refusal::not_found(haina_core::Kind::Organization, &name))?;
    Ok(created(&answer, &format!("/api/v1/accounts/{name}/postings"), &account))
}
