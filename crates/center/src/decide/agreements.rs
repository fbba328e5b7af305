//! Agreements: drafted, amended, signed, paid; and what time does to them.

use haina_core::{AgreementId, AgreementTerms, AtEnd, Code, Kind, Money, OrganizationId, Refusal, both};
use haina_ledger::{Agreement, AgreementStage, Transaction, TransactionKind};

use super::accounts::{check_amount, check_reference, check_text};
use super::{Outcome, person, prices};
use crate::permission::Owner;
use crate::{Action, Fact, Input, Reply, State};

/// No term is longer than a hundred years, and no grace than one.
const TERM_MOST_MS: u64 = 100 * 366 * 24 * 3_600_000;
const GRACE_MOST_MS: u64 = 366 * 24 * 3_600_000;

/// By how many thousandths a pool is sold, where nothing else was said: all of it, and no more.
const SOLD_OUT: u32 = 1000;

/// Drafts an agreement with an organization.
pub fn draft(state: &State, input: &Input, organization: &str, terms: &AgreementTerms) -> Result<Outcome, Refusal> {
    let known = state.view.organization_of_name.get(organization).copied();
    let by = person(state, input, Action::ChangeAgreement, Owner { organization: known, ..Owner::default() })?;
    let organization = known.ok_or_else(|| Refusal::not_found(Kind::Organization, organization))?;
    check_terms(state, terms)?;
    let id = AgreementId(state.view.center.last_agreement.0 + 1);
    let fact = Fact::AgreementSet {
        id,
        organization,
        version: 1,
        terms: terms.clone(),
        by,
        at: input.now,
        reason: "drafted".to_owned(),
    };
    Ok(Outcome::replied(vec![fact], Reply::Agreed(id)))
}

/// Changes the terms of an agreement. One that is signed keeps its start, and covers what is used and held of it.
pub fn amend(
    state: &State,
    input: &Input,
    (id, version): (AgreementId, u32),
    (terms, oversell): (&AgreementTerms, Option<u32>),
    reason: &str,
) -> Result<Outcome, Refusal> {
    let known = state.view.ledger.agreements.get(&id);
    let by = person(state, input, Action::ChangeAgreement, owner(known))?;
    let agreement = known.ok_or_else(|| Refusal::not_found(Kind::Agreement, id))?;
    check_version(agreement.version, version)?;
    check_text("reason", reason, 500)?;
    check_terms(state, terms)?;
    let before = &agreement.terms;
    let is_signed = agreement.stage != AgreementStage::Draft;
    if is_signed && terms.starts != before.starts {
        let rule = both("as it was when the agreement was signed", "与签署时相同");
        return Err(Refusal::invalid_value("starts", terms.starts, rule));
    }
    let more = Money { micros: terms.amount.micros - before.amount.micros, ..terms.amount };
    if agreement.stage == AgreementStage::Closed && (more.micros != 0 || terms.ends != before.ends) {
        let stage = Refusal::new(Code::WrongStage).with_phrase("kind", Kind::Agreement.noun()).with("id", id);
        return Err(stage.with_phrase("stage", agreement.stage.words()).with_phrase("needed", both("open", "未结清")));
    }
    // What is taken back was neither used, nor held, nor paid.
    let owed = -state.view.ledger.accounts[&agreement.organization].receivable.map_or(0, |owed| owed.micros);
    let most = Money { micros: agreement.purse.available().micros.min(owed), ..terms.amount };
    if is_signed && more.micros < 0 && most.micros + more.micros < 0 {
        let least = Money { micros: before.amount.micros - most.micros, ..most };
        let rule = both(
            format!("at least {least}: the rest was used, is held or was paid"),
            format!("不低于 {least}，其余已使用、预扣或支付"),
        );
        return Err(Refusal::invalid_value("amount", terms.amount, rule));
    }
    let sells_more =
        more.micros > 0 || terms.pool != before.pool || terms.price_per_card_hour != before.price_per_card_hour;
    if is_signed && agreement.stage != AgreementStage::Closed && sells_more {
        check_sold(state, id, terms, oversell.unwrap_or(SOLD_OUT))?;
    }
    let (organization, version) = (agreement.organization, version + 1);
    let mut facts = vec![Fact::AgreementSet {
        id,
        organization,
        version,
        terms: terms.clone(),
        by,
        at: input.now,
        reason: reason.to_owned(),
    }];
    if is_signed && more.micros != 0 {
        let kind = TransactionKind::Commitment { agreement: id, version };
        facts.push(posted(organization, kind, more));
    }
    Ok(Outcome::done(facts))
}

/// Makes a draft binding: the organization owes its amount, and it pays from its start on.
pub fn sign(
    state: &State,
    input: &Input,
    (id, version): (AgreementId, u32),
    oversell: Option<u32>,
) -> Result<Outcome, Refusal> {
    let known = state.view.ledger.agreements.get(&id);
    let by = person(state, input, Action::ChangeAgreement, owner(known))?;
    let agreement = known.ok_or_else(|| Refusal::not_found(Kind::Agreement, id))?;
    check_version(agreement.version, version)?;
    if agreement.stage != AgreementStage::Draft {
        let stage = Refusal::new(Code::WrongStage).with_phrase("kind", Kind::Agreement.noun()).with("id", id);
        let needed = both("a draft", "草稿");
        return Err(stage.with_phrase("stage", agreement.stage.words()).with_phrase("needed", needed));
    }
    let terms = &agreement.terms;
    if terms.ends <= input.now {
        return Err(Refusal::invalid_value("ends", terms.ends, both("in the future", "晚于当前时间")));
    }
    check_sold(state, id, terms, oversell.unwrap_or(SOLD_OUT))?;
    let kind = TransactionKind::Commitment { agreement: id, version };
    let mut facts = vec![Fact::AgreementSigned { id, by }, posted(agreement.organization, kind, terms.amount)];
    if terms.starts <= input.now {
        facts.push(Fact::AgreementBegun { id });
    }
    Ok(Outcome::done(facts))
}

/// An organization paid what it owes for an agreement.
pub fn pay(state: &State, input: &Input, id: AgreementId, amount: Money, reference: &str) -> Result<Outcome, Refusal> {
    let known = state.view.ledger.agreements.get(&id);
    person(state, input, Action::TopUp, owner(known))?;
    let agreement = known.ok_or_else(|| Refusal::not_found(Kind::Agreement, id))?;
    if agreement.stage == AgreementStage::Draft {
        let stage = Refusal::new(Code::WrongStage).with_phrase("kind", Kind::Agreement.noun()).with("id", id);
        let needed = both("signed", "已签署");
        return Err(stage.with_phrase("stage", agreement.stage.words()).with_phrase("needed", needed));
    }
    check_amount("amount", amount, state.view.center.currency)?;
    check_reference(reference)?;
    let owed = state.view.ledger.accounts[&agreement.organization].receivable.map_or(0, |owed| -owed.micros);
    if amount.micros > owed {
        let owed = Money { micros: owed, ..amount };
        let rule = both(format!("at most {owed}, what is owed"), format!("不超过所欠金额 {owed}"));
        return Err(Refusal::invalid_value("amount", amount, rule));
    }
    let kind = TransactionKind::Payment { agreement: id, reference: reference.to_owned() };
    Ok(Outcome::done(vec![posted(agreement.organization, kind, amount)]))
}

/// What the time does that has come: it begins, or it is over, and what was not used of it is earned.
pub fn due(state: &State, id: AgreementId) -> Vec<Fact> {
    let agreement = &state.view.ledger.agreements[&id];
    if agreement.stage == AgreementStage::Signed {
        return vec![Fact::AgreementBegun { id }];
    }
    let left = Some(agreement.purse.left()).filter(|left| left.micros > 0);
    let kind = TransactionKind::Settlement { agreement: id };
    let rest = left.map(|left| posted(agreement.organization, kind, left));
    rest.into_iter().chain([Fact::AgreementClosed { id }]).collect()
}

fn posted(organization: OrganizationId, kind: TransactionKind, amount: Money) -> Fact {
    Fact::Posted { transaction: Transaction::between(organization, kind, amount), seal: None }
}

fn owner(known: Option<&Agreement>) -> Owner {
    Owner { organization: known.map(|agreement| agreement.organization), ..Owner::default() }
}

/// Whoever changes something has seen what it is now.
pub fn check_version(version: u32, asked: u32) -> Result<(), Refusal> {
    match version == asked {
        true => Ok(()),
        false => Err(Refusal::new(Code::VersionConflict).with("version", version).with("asked", asked)),
    }
}

fn check_terms(state: &State, terms: &AgreementTerms) -> Result<(), Refusal> {
    let currency = state.view.center.currency;
    check_text("title", &terms.title, 200)?;
    check_amount("amount", terms.amount, currency)?;
    terms.price_per_card_hour.map_or(Ok(()), |price| check_amount("price_per_card_hour", price, currency))?;
    if !(1000..=TERM_MOST_MS).contains(&terms.ends.since(terms.starts).0) {
        let rule = both(
            "after the start, by a second at least and 100 years at most",
            "晚于开始时间，至少 1 秒且不超过 100 年",
        );
        return Err(Refusal::invalid_value("ends", terms.ends, rule));
    }
    if let AtEnd::Grace(length) = terms.at_end
        && !(1..=GRACE_MOST_MS).contains(&length.0)
    {
        let rule = both("more than nothing and at most a year", "大于 0 且不超过一年");
        return Err(Refusal::invalid_value("grace", format!("{} ms", length.0), rule));
    }
    if let Some(pool) = terms.pool.filter(|pool| !state.view.pools.contains_key(pool)) {
        return Err(Refusal::not_found(Kind::Pool, pool));
    }
    if terms.documents.len() > 100 {
        return Err(Refusal::invalid_value("documents", terms.documents.len(), both("at most 100", "不超过 100 个")));
    }
    terms.documents.iter().try_for_each(|document| check_text("documents.title", &document.title, 200))
}

/// Refuses to sell more of a pool than it has in the term: committed amounts count as the card-hours that they buy, evenly over
/// their terms. What was sold without naming a pool is compared with the whole center.
fn check_sold(state: &State, id: AgreementId, own: &AgreementTerms, oversell: u32) -> Result<(), Refusal> {
    let pools: Vec<_> =
        state.view.pools.keys().copied().filter(|pool| own.pool.is_none_or(|own| own == *pool)).collect();
    let totals = |pool| state.view.cluster.card_models(pool).map(move |model| state.view.cluster.totals(pool, model));
    let cards: u128 = pools.iter().flat_map(|pool| totals(*pool)).map(|total| u128::from(total.installed.0)).sum();
    let term = own.ends.since(own.starts);
    let others = state.view.ledger.agreements.iter().filter(|(other, agreement)| {
        let is_open = matches!(agreement.stage, AgreementStage::Signed | AgreementStage::Begun);
        **other != id && is_open && (own.pool.is_none() || agreement.terms.pool == own.pool)
    });
    let sold = others.map(|(_, agreement)| &agreement.terms).chain([own]);
    // In milli-cards × milliseconds, of which the part counts that lies in the term.
    let sold: u128 = sold
        .map(|terms| {
            let of_pools = terms.pool.map_or_else(|| pools.clone(), |pool| vec![pool]);
            let whole = haina_core::CardMillis::WHOLE;
            let least =
                of_pools.iter().map(|pool| prices(state, *pool, None, whole).0.micros).filter(|price| *price > 0).min();
            let Some(price) = terms.price_per_card_hour.map(|price| price.micros).or(least) else { return 0 };
            let (from, to) = (terms.starts.max(own.starts), terms.ends.min(own.ends));
            let overlap = u128::from(if from < to { to.since(from).0 } else { 0 });
            let bought =
                terms.amount.micros as u128 * u128::from(haina_core::quantity::CARD_USE_PER_CARD_HOUR) / price as u128;
            bought * overlap / u128::from(terms.ends.since(terms.starts).0).max(1)
        })
        .sum();
    let capacity = cards * u128::from(term.0);
    if sold * 1000 <= capacity * u128::from(oversell) {
        return Ok(());
    }
    let hours = |used: u128| used / u128::from(haina_core::quantity::CARD_USE_PER_CARD_HOUR);
    let pool = own.pool.map(|pool| &state.view.pools[&pool].name);
    let what =
        pool.map_or(both("The center", "本中心"), |pool| both(format!("Pool {pool}"), format!("资源池 {pool} ")));
    Err(Refusal::new(Code::OverSold)
        .with_phrase("what", what)
        .with("sold", hours(sold))
        .with("capacity", hours(capacity)))
}
