//! Statements, from the sums by month that the store keeps.

use haina_api::{
    Moment, Statement, StatementAccount, StatementMovement, StatementPayer, StatementTotal, StatementWork,
    show_card_hours,
};
use haina_center::{Months, View, Worked};
use haina_core::{CardUse, Currency, Money, Month, OrganizationId, Timestamp};
use haina_ledger::LedgerAccount;

/// The statement of a month.
pub fn statement(view: &View, id: OrganizationId, month: Month, months: &Months, now: Timestamp) -> Option<Statement> {
    let organization = view.organizations.get(&id)?;
    let currency = view.center.currency;
    let of_account = |account, sign| account_of(months, month, account, sign, currency);
    let charges = months.moved.iter().filter(|(key, _)| key.month == month && key.kind == "charge");
    let payers = charges.filter(|(key, _)| key.account != LedgerAccount::Revenue);
    let paid_by = payers.map(|(key, moved)| StatementPayer {
        account: key.account.to_string(),
        amount: Money { micros: -moved.micros, currency }.into(),
    });
    let work = months.worked.iter().map(|(key, worked)| StatementWork {
        project: key.project.and_then(|project| Some(view.projects.get(&project)?.name.clone())),
        user: view.users.get(&key.user).map(|user| user.name.clone()).unwrap_or_default(),
        total: total(worked, currency),
    });
    let all = months.worked.values().fold(Worked::default(), |sum, worked| Worked {
        attempts: sum.attempts + worked.attempts,
        used: sum.used.saturating_add(worked.used),
        micros: sum.micros + worked.micros,
    });
    let until = month.next().begins();
    Some(Statement {
        organization: organization.name.clone(),
        title: organization.title.clone(),
        center: view.center.name.clone(),
        month: month.to_string(),
        from: Moment(month.begins()),
        until: Moment(until),
        made: Moment(now),
        complete: until <= now,
        account: of_account(LedgerAccount::Prepaid(id), 1),
        owed: of_account(LedgerAccount::Receivable(id), -1),
        paid_by: paid_by.collect(),
        work: work.collect(),
        total: total(&all, currency),
    })
}

fn total(worked: &Worked, currency: Currency) -> StatementTotal {
    StatementTotal {
        attempts: worked.attempts,
        card_hours: show_card_hours(CardUse(worked.used)),
        cost: Money { micros: worked.micros, currency }.into(),
    }
}

/// What was before the month, what changed in it, and what was after.
fn account_of(
    months: &Months,
    month: Month,
    account: LedgerAccount,
    sign: i128,
    currency: Currency,
) -> StatementAccount {
    let own = || months.moved.iter().filter(|(key, _)| key.account == account);
    let money = |micros: i128| Money { micros: sign * micros, currency }.into();
    let before: i128 = own().filter(|(key, _)| key.month < month).map(|(_, moved)| moved.micros).sum();
    let within = || own().filter(|(key, _)| key.month == month);
    let movements = within().map(|(key, moved)| StatementMovement {
        kind: key.kind.to_owned(),
        postings: moved.count,
        amount: money(moved.micros),
    });
    let change: i128 = within().map(|(_, moved)| moved.micros).sum();
    StatementAccount { opening: money(before), movements: movements.collect(), closing: money(before + change) }
}
