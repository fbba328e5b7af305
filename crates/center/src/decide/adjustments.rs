//! Changes of accounts that nobody makes alone: one person proposes, another approves.

use haina_core::{AdjustmentId, Code, Kind, Money, Refusal, both};
use haina_ledger::{Transaction, TransactionKind};

use super::accounts::{AMOUNT_MOST_MICROS, check_balance};
use super::{Outcome, person};
use crate::permission::Owner;
use crate::{Action, Adjustment, Fact, Input, Reply, State};

/// Proposes that an account gains or gives something.
pub fn propose(
    state: &State,
    input: &Input,
    organization: &str,
    amount: Money,
    reason: &str,
) -> Result<Outcome, Refusal> {
    let organization_id = state.view.organization_of_name.get(organization).copied();
    let proposed_by =
        person(state, input, Action::AdjustAccount, Owner { organization: organization_id, ..Owner::default() })?;
    let id = organization_id.ok_or_else(|| Refusal::not_found(Kind::Organization, organization))?;
    let currency = state.view.center.currency;
    if amount.currency != currency {
        let rule = both(format!("in {currency}, the center's currency"), format!("以中心的货币 {currency} 计"));
        return Err(Refusal::invalid_value("amount", amount, rule));
    }
    if amount.micros == 0 || amount.micros.abs() > AMOUNT_MOST_MICROS {
        let rule = both("other than 0 and at most 1,000,000,000 either way", "不为 0 且绝对值不超过 1,000,000,000");
        return Err(Refusal::invalid_value("amount", amount, rule));
    }
    if reason.trim().is_empty() || reason.len() > 500 {
        return Err(Refusal::invalid_value("reason", reason, both("1 to 500 bytes", "1 到 500 字节")));
    }
    let adjustment =
        Adjustment { organization: id, amount, reason: reason.to_owned(), proposed_by, proposed: input.now };
    let id = AdjustmentId(state.view.center.last_adjustment.0 + 1);
    Ok(Outcome::replied(vec![Fact::AdjustmentProposed { id, adjustment }], Reply::Proposed(id)))
}

/// Approves a proposal, or rejects it. Who proposed it may reject it.
pub fn decide(state: &State, input: &Input, id: AdjustmentId, approve: bool) -> Result<Outcome, Refusal> {
    let known = state.view.adjustments.get(&id);
    let organization = known.map(|adjustment| adjustment.organization);
    let by = person(state, input, Action::AdjustAccount, Owner { organization, ..Owner::default() })?;
    let adjustment = known.ok_or_else(|| Refusal::not_found(Kind::Adjustment, id))?;
    if !approve {
        return Ok(Outcome::done(vec![Fact::AdjustmentRejected { id, by }]));
    }
    let Adjustment { organization, amount, reason, proposed_by, .. } = adjustment.clone();
    if by == proposed_by {
        return Err(Refusal::new(Code::OwnProposal).with("adjustment", id));
    }
    let available = state.view.ledger.accounts[&organization].available();
    if available.micros + amount.micros < 0 {
        return Err(Refusal::new(Code::BalanceTooLow)
            .with("amount", Money { micros: -amount.micros, ..amount })
            .with("organization", &state.view.organizations[&organization].name)
            .with("available", available));
    }
    check_balance(state, organization, amount)?;
    let kind = TransactionKind::Adjustment { adjustment: id, reason, proposed_by, approved_by: by };
    let transaction = Transaction::between(organization, kind, amount);
    Ok(Outcome::done(vec![Fact::Posted { transaction, seal: None }]))
}
