//! Organizations and their accounts.

use haina_core::both;
use haina_core::reason::show_cards;
use haina_core::{CardMillis, Currency, Entitlement, Money, OrganizationId, Qualification, Refusal};
use haina_ledger::Transaction;

use super::{Outcome, check_name, require};
use crate::permission::Owner;
use crate::{Action, Command, Fact, Input, State};

/// The largest amount that one command may name: a billion units. Sums of many stay far from overflow.
pub const AMOUNT_MOST_MICROS: i128 = 1_000_000_000_000_000;

/// Amounts and prices are more than nothing, at most a billion units, in the center's currency.
pub fn check_amount(field: &str, amount: Money, currency: Currency) -> Result<(), Refusal> {
    if amount.currency != currency {
        return Err(Refusal::invalid_value(
            field,
            amount,
            both(format!("in {currency}, the center's currency"), format!("以中心的货币 {currency} 计")),
        ));
    }
    if amount.micros <= 0 || amount.micros > AMOUNT_MOST_MICROS {
        return Err(Refusal::invalid_value(
            field,
            amount,
            both("more than 0 and at most 1,000,000,000", "大于 0 且不超过 1,000,000,000"),
        ));
    }
    Ok(())
}

/// Pays into an account.
pub fn top_up(
    state: &State,
    input: &Input,
    organization: &str,
    amount: Money,
    reference: &str,
) -> Result<Outcome, Refusal> {
    let id = state.view.organization_of_name.get(organization).copied();
    require(state, input, Action::TopUp, Owner { organization: id, ..Owner::default() })?;
    let id = id.ok_or_else(|| Refusal::not_found(haina_core::Kind::Organization, organization))?;
    check_amount("amount", amount, state.view.center.currency)?;
    check_balance(state, id, amount)?;
    check_reference(reference)?;
    let transaction = Transaction::top_up(id, amount, reference.to_owned());
    Ok(Outcome::done(vec![Fact::Posted { transaction, seal: None }]))
}

/// A payment's reference.
pub fn check_reference(reference: &str) -> Result<(), Refusal> {
    check_text("reference", reference, 200)
}

/// A text for people: something, and not too much.
pub fn check_text(field: &str, text: &str, most: usize) -> Result<(), Refusal> {
    if !text.trim().is_empty() && text.len() <= most {
        return Ok(());
    }
    let rule = both(format!("1 to {most} bytes"), format!("1 到 {most} 字节"));
    let refusal = Refusal::invalid_value(field, text, rule);
    match text.len() > most {
        true => {
            Err(refusal.with_phrase("value", both(format!("{} bytes", text.len()), format!("{} 字节", text.len()))))
        }
        false => Err(refusal),
    }
}

/// Sums of balances stay far from overflow.
pub fn check_balance(state: &State, organization: OrganizationId, amount: Money) -> Result<(), Refusal> {
    let balance = state.view.ledger.accounts[&organization].balance;
    match balance.micros + amount.micros > 1000 * AMOUNT_MOST_MICROS {
        true => Err(Refusal::invalid_value(
            "amount",
            amount,
            both("such that the balance stays below 1,000,000,000,000", "入账后余额须低于 1,000,000,000,000"),
        )),
        false => Ok(()),
    }
}

/// What is guaranteed is within the limit, and every weight is more than nothing.
pub fn check_entitlement(entitlement: Entitlement, limit: Option<CardMillis>) -> Result<(), Refusal> {
    if !(1..=1_000_000).contains(&entitlement.weight) {
        let rule = both("between 1 and 1,000,000", "1 到 1,000,000 之间");
        return Err(Refusal::invalid_value("weight", entitlement.weight, rule));
    }
    if let Some(limit) = limit.filter(|limit| *limit < entitlement.guaranteed) {
        let limit = show_cards(limit);
        let rule = both(format!("at most the card limit, {limit}"), format!("不超过卡数上限 {limit}"));
        return Err(Refusal::invalid_value("guaranteed", show_cards(entitlement.guaranteed), rule));
    }
    Ok(())
}

/// Adds an organization, or changes what is given.
pub fn set_organization(state: &State, input: &Input) -> Result<Outcome, Refusal> {
    let Command::SetOrganization { name, title, card_limit, suspended, weight, guaranteed, kind, qualifications } =
        &input.command
    else {
        unreachable!("called for this command only")
    };
    require(state, input, Action::ChangeOrganization, Owner::default())?;
    check_name("organization", name)?;
    let known = state.view.organization_of_name.get(name).map(|id| (*id, &state.view.organizations[id]));
    let id = known.map_or(OrganizationId(state.view.organizations.len() as u32 + 1), |(id, _)| id);
    let before = known.map(|(_, organization)| organization);
    let mut entitlement = before.map(|before| before.entitlement).unwrap_or_default();
    entitlement.weight = weight.unwrap_or(entitlement.weight);
    entitlement.guaranteed = guaranteed.unwrap_or(entitlement.guaranteed);
    let card_limit = card_limit.or(before.and_then(|before| before.card_limit));
    check_entitlement(entitlement, card_limit)?;
    qualifications.as_deref().map_or(Ok(()), check_qualifications)?;
    let held = || before.map(|before| before.qualifications.clone()).unwrap_or_default();
    Ok(Outcome::done(vec![Fact::OrganizationSet {
        id,
        name: name.clone(),
        title: title.clone().or(before.map(|before| before.title.clone())).unwrap_or_else(|| name.clone()),
        card_limit,
        entitlement,
        suspended: suspended.unwrap_or(before.is_some_and(|before| before.suspended)),
        kind: kind.or(before.and_then(|before| before.kind)),
        qualifications: qualifications.clone().unwrap_or_else(held),
    }]))
}

fn check_qualifications(qualifications: &[Qualification]) -> Result<(), Refusal> {
    if qualifications.len() > 50 {
        let rule = both("at most 50", "不超过 50 个");
        return Err(Refusal::invalid_value("qualifications", qualifications.len(), rule));
    }
    qualifications.iter().try_for_each(|held| {
        check_text("qualifications.name", &held.name, 100)?;
        check_text("qualifications.evidence", &held.evidence, 500)
    })
}
