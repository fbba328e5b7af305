//! Agreements, vouchers and who paid, as they are shown.

use haina_api::{
    Agreement, AgreementTermsSpec, Amendment, AtEndWord, DocumentReference, Moment, PaidPart, Programme, ProgrammeSpec,
    Quantity, Voucher, show_card_hours,
};
use haina_center::View;
use haina_core::{AgreementId, AgreementTerms, AtEnd, Milliseconds, Money, PoolId, ProgrammeId, Timestamp, VoucherId};
use haina_ledger::{AgreementStage, Paid, Payer, Portion, Purse};

const DAY_MS: u64 = 24 * 3_600_000;

/// What is further away is not worth telling.
const CENTURY: Milliseconds = Milliseconds(36_525 * DAY_MS);

/// An agreement as of `now`, with its history where one is shown.
pub fn agreement(view: &View, id: AgreementId, now: Timestamp, with_history: bool) -> Option<Agreement> {
    let agreement = view.ledger.agreements.get(&id)?;
    let (terms, purse) = (&agreement.terms, &agreement.purse);
    let (at_end, grace_days) = shown_at_end(terms.at_end);
    let has_begun = agreement.stage == AgreementStage::Begun;
    Some(Agreement {
        id: id.to_string(),
        organization: view.organizations[&agreement.organization].name.clone(),
        title: terms.title.clone(),
        state: agreement.stage.word().to_owned(),
        version: agreement.version,
        amount: terms.amount.into(),
        price_per_card_hour: terms.price_per_card_hour.map(Into::into),
        pool: terms.pool.map(|pool| view.pools[&pool].name.clone()),
        starts: Moment(terms.starts),
        ends: Moment(terms.ends),
        at_end,
        grace_days,
        documents: documents(terms),
        used: purse.used.into(),
        held: purse.held.into(),
        left: purse.left().into(),
        forfeited: purse.closed.into(),
        used_up: used_up(terms.starts, purse, now).filter(|_| has_begun).map(Moment),
        history: with_history.then(|| history(view, id)),
    })
}

/// When all will be used, if as much is used in the same time as since the start.
fn used_up(starts: Timestamp, purse: &Purse, now: Timestamp) -> Option<Timestamp> {
    let elapsed = i128::from(now.0.saturating_sub(starts.0));
    let whole = elapsed.checked_mul(purse.granted.micros)?.checked_div(purse.used.micros)?;
    let at = starts.0.checked_add(i64::try_from(whole).ok()?)?;
    Some(Timestamp(at)).filter(|at| at.since(now) < CENTURY)
}

fn history(view: &View, id: AgreementId) -> Vec<Amendment> {
    let versions = view.amendments.get(&id).into_iter().flatten();
    let shown = versions.map(|version| Amendment {
        version: version.version,
        by: view.users.get(&version.by).map(|user| user.name.clone()).unwrap_or_default(),
        at: Moment(version.at),
        reason: version.reason.clone(),
        terms: shown_terms(view, &version.terms),
    });
    shown.collect()
}

fn shown_terms(view: &View, terms: &AgreementTerms) -> AgreementTermsSpec {
    let (at_end, grace_days) = shown_at_end(terms.at_end);
    AgreementTermsSpec {
        title: Some(terms.title.clone()),
        amount: Some(decimal(terms.amount)),
        card_hours: None,
        price_per_card_hour: terms.price_per_card_hour.map(decimal),
        pool: terms.pool.map(|pool| pool_name(view, pool)),
        starts: Some(Moment(terms.starts)),
        ends: Some(Moment(terms.ends)),
        at_end: Some(at_end),
        grace_days,
        documents: Some(documents(terms)),
    }
}

fn shown_at_end(at_end: AtEnd) -> (AtEndWord, Option<u32>) {
    match at_end {
        AtEnd::Stop => (AtEndWord::Stop, None),
        AtEnd::OnDemand => (AtEndWord::OnDemand, None),
        AtEnd::Grace(length) => (AtEndWord::Grace, u32::try_from(length.0.div_ceil(DAY_MS)).ok()),
    }
}

fn documents(terms: &AgreementTerms) -> Vec<DocumentReference> {
    let documents = terms.documents.iter();
    let shown = documents
        .map(|document| DocumentReference { title: document.title.clone(), sha256: document.sha256.to_string() });
    shown.collect()
}

fn decimal(money: Money) -> Quantity {
    Quantity::Text(money.amount())
}

fn pool_name(view: &View, pool: PoolId) -> String {
    view.pools[&pool].name.clone()
}

/// A programme.
pub fn programme(view: &View, id: ProgrammeId) -> Option<Programme> {
    let programme = view.ledger.programmes.get(&id)?;
    let rules = &programme.rules;
    Some(Programme {
        id: id.to_string(),
        name: rules.name.clone(),
        rules: ProgrammeSpec {
            version: programme.version,
            title: rules.title.clone(),
            sponsor: rules.sponsor.clone(),
            budget: decimal(rules.budget),
            budget_per_year: rules.budget_per_year.map(decimal),
            per_organization_and_year: rules.per_organization_and_year.map(decimal),
            share_of_charge: rules.share_of_charge,
            share_of_agreement: rules.share_of_agreement,
            kinds: rules.kinds.clone(),
            qualifications: rules.qualifications.clone(),
            unrelated: rules.unrelated,
            pool: rules.pool.map(|pool| pool_name(view, pool)),
            opens: Moment(rules.opens),
            closes: Moment(rules.closes),
            valid_days: u32::try_from(rules.valid_for.0 / DAY_MS).unwrap_or(u32::MAX),
        },
        granted: programme.granted.into(),
        owed: Money { micros: -programme.owed.micros, ..programme.owed }.into(),
    })
}

/// A voucher.
pub fn voucher(view: &View, id: VoucherId) -> Option<Voucher> {
    let voucher = view.ledger.vouchers.get(&id)?;
    Some(Voucher {
        id: id.to_string(),
        programme: view.ledger.programmes[&voucher.programme].rules.name.clone(),
        organization: view.organizations[&voucher.organization].name.clone(),
        agreement: voucher.agreement.map(|agreement| agreement.to_string()),
        state: voucher.stage.word().to_owned(),
        claimed: voucher.claimed.into(),
        claimed_by: view.users.get(&voucher.claimed_by).map(|user| user.name.clone()).unwrap_or_default(),
        claimed_at: Moment(voucher.claimed_at),
        purpose: voucher.purpose.clone(),
        share_of_charge: voucher.share_of_charge,
        expires: voucher.expires.map(Moment),
        frozen: voucher.purse.held.into(),
        redeemed: voucher.purse.used.into(),
        left: voucher.purse.left().into(),
        cashed_out: voucher.cashed_out.into(),
    })
}

fn payer(payer: Payer) -> String {
    match payer {
        Payer::Prepaid => "prepaid".to_owned(),
        Payer::Agreement(id) => format!("agreement/{id}"),
    }
}

/// What was paid of a charge.
pub fn paid(paid: &Paid) -> PaidPart {
    PaidPart {
        payer: payer(paid.payer),
        card_hours: show_card_hours(paid.used),
        price_per_card_hour: paid.price_per_card_hour.into(),
        amount: paid.amount.into(),
        voucher: paid.voucher.map(|(voucher, _)| voucher.to_string()),
        voucher_amount: paid.voucher.map(|(_, amount)| amount.into()),
    }
}

/// What would be paid at most of an attempt.
pub fn portion(portion: &Portion) -> PaidPart {
    PaidPart {
        payer: payer(portion.payer),
        card_hours: show_card_hours(portion.use_most),
        price_per_card_hour: portion.price_per_card_hour.into(),
        amount: portion.hold.into(),
        voucher: portion.voucher.map(|share| share.voucher.to_string()),
        voucher_amount: portion.voucher.map(|share| share.hold.into()),
    }
}
