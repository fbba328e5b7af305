//! Who has which part of the center, and used how much of late.

use axum::Json;
use axum::extract::State;
use haina_api::{Page, Share, show_card_hours};
use haina_center::permission::Owner;
use haina_center::{Action, View};
use haina_scheduler::{Ratio, ShareRow, share_table};

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Query, cursor, page_size};
use crate::routes::nodes::ListQuery;

/// List shares
///
/// Each organization that you may see, followed by those of its users that you may see. Parts, factors and places are
/// among all, whomever you may see.
#[utoipa::path(get, path = "/api/v1/shares", tag = "organizations", operation_id = "listShares", params(ListQuery),
    responses((status = 200, description = "A page of shares, by organization.", body = Page<Share>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Share>>, Failure> {
    caller.require_any(Action::ReadOrganization)?;
    caller.require_any(Action::ReadUser)?;
    let limit = page_size(query.limit())? as usize;
    let after = cursor::<u64>(query.cursor())?;
    let now = app.center.now();
    Ok(Json(app.view(|view| {
        let rows = share_table(&view.shares, now).into_iter();
        let mut rows = rows.filter(|row| after.is_none_or(|after| key(row) > after) && may_see(&caller, view, row));
        let page: Vec<ShareRow> = rows.by_ref().take(limit).collect();
        let next_cursor = if rows.next().is_some() { page.last().map(|last| key(last).to_string()) } else { None };
        Page { items: page.iter().map(|row| shown(view, row)).collect(), next_cursor }
    })))
}

/// Ascends from row to row.
fn key(row: &ShareRow) -> u64 {
    u64::from(row.organization.0) << 32 | row.user.map_or(0, |user| u64::from(user.0))
}

fn may_see(caller: &Caller, view: &View, row: &ShareRow) -> bool {
    let organization = Some(row.organization);
    match row.user {
        None => caller.may(Action::ReadOrganization, Owner { organization, ..Owner::default() }),
        Some(user) => {
            let organization = view.users.get(&user).and_then(|user| user.organization);
            caller.may(Action::ReadUser, Owner { organization, user: Some(user), job: None })
        }
    }
}

fn shown(view: &View, row: &ShareRow) -> Share {
    Share {
        organization: view.organizations[&row.organization].name.clone(),
        user: row.user.map(|user| view.users[&user].name.clone()),
        weight: row.weight,
        normalized_shares: six_decimals(row.normalized_shares),
        card_hours: show_card_hours(row.used),
        effective_use: six_decimals(row.effective_use),
        level_fair_share: Some(row.level_fair_share).filter(|level| !level.is_infinite()).map(six_decimals),
        position: row.position,
        fair_share: row.fair_share.map(six_decimals),
        classic_fair_share: six_decimals(row.classic_fair_share),
    }
}

fn six_decimals(ratio: Ratio) -> f64 {
    let (over, under) = ratio.parts();
    (over as f64 / under as f64 * 1e6).round() / 1e6
}
