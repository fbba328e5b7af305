//! Vouchers: programmes, claims, their review, revocation, and what sponsors pay.

use haina_core::{
    AgreementId, Code, Kind, Money, OrganizationId, ProgrammeId, ProgrammeRules, Refusal, Timestamp, VoucherId, both,
};
use haina_ledger::{AgreementStage, Programme, Purse, Transaction, TransactionKind, Voucher, VoucherStage};

use super::accounts::{check_amount, check_reference, check_text};
use super::agreements::check_version;
use super::{Outcome, check_name, person};
use crate::permission::Owner;
use crate::{Action, Fact, Input, Reply, State};

/// So many claims of one organization may wait: what a tenant asks for is kept for ever.
const CLAIMS_MOST: usize = 20;

/// What somebody asks for.
pub struct Claim<'a> {
    /// The programme's name.
    pub programme: &'a str,
    /// For whom; the own organization where absent.
    pub organization: Option<&'a str>,
    /// For which agreement.
    pub agreement: Option<AgreementId>,
    /// How much.
    pub amount: Money,
    /// What for.
    pub purpose: &'a str,
    /// Whether it is declared that the organization is not related to the center.
    pub unrelated: bool,
}

/// Adds a programme, or changes the rules of one. Vouchers keep the rules under which they were issued.
pub fn set_programme(state: &State, input: &Input, rules: &ProgrammeRules, version: u32) -> Result<Outcome, Refusal> {
    let by = person(state, input, Action::ChangeProgramme, Owner::default())?;
    check_name("programme", &rules.name)?;
    let known = state.view.ledger.programmes.iter().find(|(_, programme)| programme.rules.name == rules.name);
    check_version(known.map_or(0, |(_, programme)| programme.version), version)?;
    check_text("title", &rules.title, 200)?;
    check_text("sponsor", &rules.sponsor, 200)?;
    let currency = state.view.center.currency;
    check_amount("budget", rules.budget, currency)?;
    rules.budget_per_year.map_or(Ok(()), |cap| check_amount("budget_per_year", cap, currency))?;
    let per_organization = rules.per_organization_and_year;
    per_organization.map_or(Ok(()), |cap| check_amount("per_organization_and_year", cap, currency))?;
    let granted = known.map_or(0, |(_, programme)| programme.granted.micros);
    if rules.budget.micros < granted {
        let granted = Money { micros: granted, ..rules.budget };
        let rule = both(format!("at least {granted}, what was issued"), format!("不低于已发放的 {granted}"));
        return Err(Refusal::invalid_value("budget", rules.budget, rule));
    }
    let shares = [("share_of_charge", Some(rules.share_of_charge)), ("share_of_agreement", rules.share_of_agreement)];
    for (field, share) in shares.into_iter().filter_map(|(field, share)| Some((field, share?))) {
        if !(1..=1000).contains(&share) {
            return Err(Refusal::invalid_value(field, share, both("1 to 1000 thousandths", "1 到 1000（千分比）")));
        }
    }
    if rules.closes <= rules.opens {
        return Err(Refusal::invalid_value("closes", rules.closes, both("after it opens", "晚于开放时间")));
    }
    let day_ms = 24 * 3_600_000;
    if !(day_ms..=3660 * day_ms).contains(&rules.valid_for.0) {
        let rule = both("between a day and ten years", "一天到十年之间");
        return Err(Refusal::invalid_value("valid_for", format!("{} ms", rules.valid_for.0), rule));
    }
    rules.qualifications.iter().try_for_each(|name| check_text("qualifications", name, 100))?;
    if let Some(pool) = rules.pool.filter(|pool| !state.view.pools.contains_key(pool)) {
        return Err(Refusal::not_found(Kind::Pool, pool));
    }
    let last = state.view.ledger.programmes.last_key_value().map_or(0, |(id, _)| id.0);
    let id = known.map_or(ProgrammeId(last + 1), |(id, _)| *id);
    let fact = Fact::ProgrammeSet { id, version: version + 1, rules: rules.clone(), by };
    Ok(Outcome::done(vec![fact]))
}

/// Claims a voucher; it waits for review.
pub fn claim(state: &State, input: &Input, claim: &Claim<'_>) -> Result<Outcome, Refusal> {
    let own = match input.actor {
        haina_core::Actor::User(user) => state.view.users.get(&user).and_then(|user| user.organization),
        _ => None,
    };
    let named = claim.organization.map(|name| (name, state.view.organization_of_name.get(name).copied()));
    let organization = named.map_or(own, |(_, id)| id);
    let by = person(state, input, Action::ClaimVoucher, Owner { organization, ..Owner::default() })?;
    let organization = organization.ok_or_else(|| match named {
        Some((name, _)) => Refusal::not_found(Kind::Organization, name),
        None => {
            let rule = both("given, because you belong to no organization", "您不属于任何单位，必须填写");
            Refusal::absent("organization", rule)
        }
    })?;
    let programmes = &state.view.ledger.programmes;
    let known = programmes.iter().find(|(_, programme)| programme.rules.name == claim.programme);
    let (id, programme) = known.ok_or_else(|| Refusal::not_found(Kind::Programme, claim.programme))?;
    check_amount("amount", claim.amount, state.view.center.currency)?;
    check_text("purpose", claim.purpose, 500)?;
    let voucher = Voucher {
        programme: *id,
        organization,
        agreement: claim.agreement,
        claimed: claim.amount,
        claimed_by: by,
        claimed_at: input.now,
        purpose: claim.purpose.to_owned(),
        unrelated: claim.unrelated,
        stage: VoucherStage::Claimed,
        share_of_charge: programme.rules.share_of_charge,
        pool: programme.rules.pool,
        issued: None,
        expires: None,
        revoked: false,
        purse: Purse::new(state.view.center.currency),
        cashed_out: Money::zero(state.view.center.currency),
    };
    if !(programme.rules.opens..programme.rules.closes).contains(&input.now) {
        return Err(not_allowed("claims are not taken now", "当前不在申领期内"));
    }
    let own = state.view.ledger.vouchers.values().filter(|other| other.organization == organization);
    if own.filter(|other| other.stage == VoucherStage::Claimed).count() >= CLAIMS_MOST {
        return Err(not_allowed(
            "twenty claims of the organization wait for review already",
            "单位已有二十份申领等待审核",
        ));
    }
    let id = VoucherId(state.view.center.last_voucher.0 + 1);
    check_claim(state, programme, (id, &voucher), input.now)?;
    check_caps(state, programme, &voucher, input.now)?;
    Ok(Outcome::replied(vec![Fact::VoucherClaimed { id, voucher }], Reply::Claimed(id)))
}

/// Issues a voucher that somebody else claimed, or rejects the claim. The rules are asked again.
pub fn review(state: &State, input: &Input, id: VoucherId, approve: bool, reason: &str) -> Result<Outcome, Refusal> {
    let known = state.view.ledger.vouchers.get(&id);
    let by = person(state, input, Action::ReviewVoucher, owner(known))?;
    let voucher = known.ok_or_else(|| Refusal::not_found(Kind::Voucher, id))?;
    check_stage(id, voucher, VoucherStage::Claimed)?;
    if !approve {
        check_text("reason", reason, 500)?;
        return Ok(Outcome::done(vec![Fact::VoucherRejected { id, by, reason: reason.to_owned() }]));
    }
    if reason.len() > 500 {
        return Err(Refusal::invalid_value("reason", reason.len(), both("at most 500 bytes", "不超过 500 字节")));
    }
    if by == voucher.claimed_by {
        return Err(Refusal::new(Code::OwnClaim).with("voucher", id));
    }
    let programme = &state.view.ledger.programmes[&voucher.programme];
    check_claim(state, programme, (id, voucher), input.now)?;
    check_caps(state, programme, voucher, input.now)?;
    let rules = &programme.rules;
    let issued = Fact::VoucherIssued {
        id,
        by,
        at: input.now,
        expires: input.now + rules.valid_for,
        share_of_charge: rules.share_of_charge,
        pool: rules.pool,
        reason: reason.to_owned(),
    };
    let kind = TransactionKind::Issue { voucher: id, programme: voucher.programme };
    Ok(Outcome::done(vec![issued, posted(voucher.organization, kind, voucher.claimed)]))
}

/// Nothing more is taken from a voucher; what is held of it is still used.
pub fn revoke(state: &State, input: &Input, id: VoucherId, reason: &str) -> Result<Outcome, Refusal> {
    let known = state.view.ledger.vouchers.get(&id);
    let by = person(state, input, Action::ReviewVoucher, owner(known))?;
    let voucher = known.ok_or_else(|| Refusal::not_found(Kind::Voucher, id))?;
    check_stage(id, voucher, VoucherStage::Issued)?;
    check_text("reason", reason, 500)?;
    Ok(Outcome::done(vec![Fact::VoucherRevoked { id, by, at: input.now, reason: reason.to_owned() }]))
}

/// The sponsor paid what was used of a voucher and not paid before.
pub fn cash_out(state: &State, input: &Input, id: VoucherId, reference: &str) -> Result<Outcome, Refusal> {
    let known = state.view.ledger.vouchers.get(&id);
    person(state, input, Action::TopUp, owner(known))?;
    let voucher = known.ok_or_else(|| Refusal::not_found(Kind::Voucher, id))?;
    check_reference(reference)?;
    let amount = Money { micros: voucher.purse.used.micros - voucher.cashed_out.micros, ..voucher.cashed_out };
    if amount.micros == 0 {
        return Err(Refusal::new(Code::NothingToCashOut).with("voucher", id));
    }
    let programme = voucher.programme;
    let kind = TransactionKind::CashOut { voucher: id, programme, reference: reference.to_owned() };
    Ok(Outcome::done(vec![posted(voucher.organization, kind, amount)]))
}

/// Its time has come: what was not used of it goes back.
pub fn due(state: &State, id: VoucherId) -> Vec<Fact> {
    let voucher = &state.view.ledger.vouchers[&id];
    let left = Some(voucher.purse.left()).filter(|left| left.micros > 0);
    let kind = TransactionKind::Return { voucher: id, programme: voucher.programme };
    let rest = left.map(|left| posted(voucher.organization, kind, left));
    rest.into_iter().chain([Fact::VoucherClosed { id }]).collect()
}

fn posted(organization: OrganizationId, kind: TransactionKind, amount: Money) -> Fact {
    Fact::Posted { transaction: Transaction::between(organization, kind, amount), seal: None }
}

fn owner(known: Option<&Voucher>) -> Owner {
    Owner { organization: known.map(|voucher| voucher.organization), ..Owner::default() }
}

fn check_stage(id: VoucherId, voucher: &Voucher, needed: VoucherStage) -> Result<(), Refusal> {
    // Whom a revocation reached once, a second cannot.
    if voucher.stage == needed && !voucher.revoked {
        return Ok(());
    }
    let stage = if voucher.revoked { VoucherStage::Revoked } else { voucher.stage };
    let refusal = Refusal::new(Code::WrongStage).with_phrase("kind", Kind::Voucher.noun()).with("id", id);
    Err(refusal.with_phrase("stage", stage.words()).with_phrase("needed", needed.words()))
}

fn not_allowed(english: &'static str, chinese: &'static str) -> Refusal {
    Refusal::new(Code::ClaimNotAllowed).with_phrase("rule", both(english, chinese))
}

/// Who may claim, and for what.
fn check_claim(
    state: &State,
    programme: &Programme,
    (id, voucher): (VoucherId, &Voucher),
    now: Timestamp,
) -> Result<(), Refusal> {
    let rules = &programme.rules;
    let organization = &state.view.organizations[&voucher.organization];
    if !rules.kinds.is_empty() && !organization.kind.is_some_and(|kind| rules.kinds.contains(&kind)) {
        return Err(not_allowed("it is not for organizations of this kind", "不面向该类型的单位"));
    }
    let is_valid = |expires: Option<Timestamp>| expires.is_none_or(|expires| voucher.claimed_at < expires);
    let mut qualified = organization.qualifications.iter().filter(|held| is_valid(held.expires));
    if !rules.qualifications.is_empty() && !qualified.any(|held| rules.qualifications.contains(&held.name)) {
        return Err(not_allowed(
            "it needs a qualification that the organization does not have now",
            "单位不具备所要求的有效资质",
        ));
    }
    if rules.unrelated && !voucher.unrelated {
        return Err(not_allowed(
            "it must be declared that the organization is not related to the center",
            "须声明单位与本中心无关联关系",
        ));
    }
    let Some(share) = rules.share_of_agreement else {
        return match voucher.agreement {
            None => Ok(()),
            Some(_) => {
                Err(not_allowed("vouchers of this programme are not for an agreement", "该政策的算力券不与合同绑定"))
            }
        };
    };
    let Some(agreement) = voucher.agreement else {
        return Err(not_allowed("it is for an agreement: name one", "须对应一份合同，请填写合同编号"));
    };
    let known = state.view.ledger.agreements.get(&agreement).filter(|known| known.organization == voucher.organization);
    let terms = &known.ok_or_else(|| Refusal::not_found(Kind::Agreement, agreement))?.terms;
    let stage = known.map(|known| known.stage);
    if !matches!(stage, Some(AgreementStage::Signed | AgreementStage::Begun)) || terms.ends <= now {
        return Err(not_allowed("the agreement is not signed, or is over", "合同尚未签署或已结束"));
    }
    if voucher.claimed.micros * 1000 > terms.amount.micros * i128::from(share) {
        return Err(not_allowed(
            "it is more than the allowed share of the agreement's amount",
            "超过合同金额的允许比例",
        ));
    }
    let another = state.view.ledger.vouchers.iter().any(|(other, voucher)| {
        *other != id && voucher.agreement == Some(agreement) && voucher.stage != VoucherStage::Rejected
    });
    match another {
        true => Err(not_allowed("there is a claim for this agreement already", "该合同已有申领")),
        false => Ok(()),
    }
}

/// What may be issued in all, in a year, and to one organization in a year.
fn check_caps(state: &State, programme: &Programme, voucher: &Voucher, now: Timestamp) -> Result<(), Refusal> {
    let rules = &programme.rules;
    let issued = |of: Option<OrganizationId>| -> i128 {
        let vouchers = state.view.ledger.vouchers.values().filter(|other| {
            let this_year = other.issued.is_some_and(|issued| issued.year() == now.year());
            this_year && other.programme == voucher.programme && of.is_none_or(|of| of == other.organization)
        });
        vouchers.map(|other| other.purse.granted.micros - other.purse.closed.micros).sum()
    };
    let exceeds = |cap: Option<Money>, issued: &dyn Fn() -> i128| {
        cap.is_some_and(|cap| issued() + voucher.claimed.micros > cap.micros)
    };
    if exceeds(Some(rules.budget), &|| programme.granted.micros) {
        return Err(not_allowed("the programme's budget does not suffice", "政策预算不足"));
    }
    if exceeds(rules.budget_per_year, &|| issued(None)) {
        return Err(not_allowed("the programme's budget of this year does not suffice", "政策本年度预算不足"));
    }
    if exceeds(rules.per_organization_and_year, &|| issued(Some(voucher.organization))) {
        return Err(not_allowed("the organization has what it may get in a year", "单位本年度额度已用完"));
    }
    Ok(())
}
