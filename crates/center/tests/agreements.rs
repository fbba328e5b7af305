//! Agreements and vouchers: what they pay, in which order, until when; and what is refused.

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use common::*;
use haina_center::{Command, Fact, Reply};
use haina_core::*;
use haina_ledger::{AgreementStage, LedgerAccount, TransactionKind, VoucherStage};

const DAY: u64 = 86_400;
const FIRST: AgreementId = AgreementId(1);

/// When every story begins.
const BEGINNING: Timestamp = Timestamp(1_700_000_000_000_000);

fn yuan(units: i64) -> Money {
    Money::units(units, Currency::CNY)
}

/// 8 CNY a card-hour instead of 10, for thirty days.
fn terms(amount: i64) -> AgreementTerms {
    AgreementTerms {
        title: "HT-2026-001".to_owned(),
        amount: yuan(amount),
        price_per_card_hour: Some(yuan(8)),
        pool: None,
        starts: BEGINNING,
        ends: BEGINNING + Milliseconds::from_seconds(30 * DAY),
        at_end: AtEnd::OnDemand,
        documents: Vec::new(),
    }
}

fn draft(story: &mut Story, terms: AgreementTerms) -> AgreementId {
    let draft = Command::DraftAgreement { organization: "maker".to_owned(), terms };
    match story.by(OPERATOR, draft) {
        Ok(Reply::Agreed(id)) => id,
        other => panic!("{other:?} is no draft"),
    }
}

fn sign(story: &mut Story, agreement: AgreementId, version: u32) -> Result<Reply, Refusal> {
    story.by(OPERATOR, Command::SignAgreement { agreement, version, oversell: None })
}

fn signed(story: &mut Story, terms: AgreementTerms) -> AgreementId {
    let id = draft(story, terms);
    sign(story, id, 1).unwrap();
    id
}

fn amend(story: &mut Story, version: u32, change: impl FnOnce(&mut AgreementTerms)) -> Result<Reply, Refusal> {
    let mut terms = story.state.view().ledger.agreements[&FIRST].terms.clone();
    change(&mut terms);
    let reason = "agreed anew".to_owned();
    story.by(OPERATOR, Command::AmendAgreement { agreement: FIRST, version, terms, oversell: None, reason })
}

/// An hour on so many cards.
fn hour(name: &str, cards: f64) -> JobRequest {
    JobRequest { time_limit: Milliseconds::from_seconds(3600), ..job(name, cards) }
}

/// The job runs for so long and ends well.
fn run(story: &mut Story, job: JobId, seconds: u64) {
    let attempt = story.attempts(job)[0];
    story.start(attempt);
    story.pass(seconds);
    story.end(attempt, SUCCESS);
}

fn purse(story: &Story) -> (i128, i128, i128, i128) {
    let purse = story.state.view().ledger.agreements[&FIRST].purse;
    let units = |money: Money| money.micros / 1_000_000;
    (units(purse.granted), units(purse.used), units(purse.held), units(purse.closed))
}

/// What the accounts of a transaction gained, in whole units.
fn postings(story: &Story, of: impl Fn(&TransactionKind) -> bool) -> Vec<(LedgerAccount, i128)> {
    let transactions = story.facts.iter().filter_map(|fact| match fact {
        Fact::Posted { transaction, .. } if of(&transaction.kind) => Some(transaction),
        _ => None,
    });
    let last = transactions.last().expect("there is such a transaction");
    last.postings.iter().map(|posting| (posting.account, posting.amount.micros / 1_000_000)).collect()
}

fn charged(story: &Story) -> Vec<(LedgerAccount, i128)> {
    postings(story, |kind| matches!(kind, TransactionKind::Charge { .. }))
}

const MAKERS: OrganizationId = OrganizationId(3);

#[test]
fn an_agreement_pays_at_its_price_and_the_account_what_goes_beyond_it() {
    let mut story = Story::begin();
    let id = signed(&mut story, terms(16));
    assert_eq!(id, FIRST);
    assert_eq!(
        postings(&story, |kind| matches!(kind, TransactionKind::Commitment { .. })),
        [(LedgerAccount::Receivable(MAKERS), -16), (LedgerAccount::Agreement(id), 16)]
    );
    // Of three card-hours at most it covers two: 16 CNY; the account the third: 10 CNY of its 15.
    let first =
        story.submit_one(MAKER, JobRequest { time_limit: Milliseconds::from_seconds(3 * 3600), ..job("first", 1.0) });
    assert_eq!(purse(&story), (16, 0, 16, 0));
    run(&mut story, first, 9000);
    assert_eq!(
        charged(&story),
        [(LedgerAccount::Agreement(id), -16), (LedgerAccount::Prepaid(MAKERS), -5), (LedgerAccount::Revenue, 21)]
    );
    assert_eq!((purse(&story), story.balance(3).as_str()), ((16, 16, 0, 0), "10.000000 CNY"));

    let draft = draft(&mut story, terms(5));
    let early = Command::PayAgreement { agreement: draft, amount: yuan(1), reference: "transfer".to_owned() };
    assert_eq!(story.by(OPERATOR, early).unwrap_err().code, Code::WrongStage, "nobody is bound");
    // What is paid is not owed any more, and no more than is owed is taken.
    let pay = |units| Command::PayAgreement { agreement: id, amount: yuan(units), reference: "transfer".to_owned() };
    assert_eq!(story.by(OPERATOR, pay(17)).unwrap_err().code, Code::InvalidValue);
    assert_eq!(story.by(MAKER, pay(16)).unwrap_err().code, Code::Forbidden);
    story.by(OPERATOR, pay(16)).unwrap();
    assert_eq!(story.state.view().ledger.accounts[&MAKERS].receivable, Some(yuan(0)));
}

#[test]
fn a_job_that_neither_agreement_nor_account_covers_is_refused_with_what_there_is() {
    let mut story = Story::begin();
    signed(&mut story, terms(16));
    let refused = story.refused(MAKER, hour("wide", 8.0));
    assert_eq!(refused.code, Code::InsufficientFunds);
    // 2 card-hours of the agreement, 6 of the account at 10 CNY, of which it has 1.5.
    let [needed, available] = ["needed", "available"].map(|name| refused.values[name].clone());
    assert_eq!((needed.as_str(), available.as_str()), ("76.000000 CNY", "31.000000 CNY"));
    // A larger one, meanwhile, lets what waits start.
    let waits = story.submit_one(MAKER, hour("fits", 3.0));
    assert_eq!(story.job_state(waits), JobState::Starting);
    let other = story.submit_one(MAKER, hour("other", 2.0));
    assert_eq!(story.state.waiting(other).unwrap().reason.word(), "funds");
    amend(&mut story, 1, |terms| terms.amount = yuan(40)).unwrap();
    assert_eq!(story.job_state(other), JobState::Starting);
}

#[test]
fn of_two_people_who_change_one_agreement_the_second_is_refused() {
    let mut story = Story::begin();
    draft(&mut story, terms(20));
    amend(&mut story, 1, |terms| terms.amount = yuan(30)).unwrap();
    let refused = amend(&mut story, 1, |terms| terms.title = "another".to_owned()).unwrap_err();
    assert_eq!((refused.code, refused.values["version"].as_str()), (Code::VersionConflict, "2"));
    assert_eq!(sign(&mut story, FIRST, 1).unwrap_err().code, Code::VersionConflict, "what is signed was seen");
    sign(&mut story, FIRST, 2).unwrap();
    assert_eq!(sign(&mut story, FIRST, 2).unwrap_err().code, Code::WrongStage);
    let versions = &story.state.view().amendments[&FIRST];
    let history: Vec<_> = versions.iter().map(|version| (version.version, version.terms.amount)).collect();
    assert_eq!(history, [(1, yuan(20)), (2, yuan(30))]);
}

#[test]
fn an_amendment_covers_what_is_used_held_and_paid() {
    let mut story = Story::begin();
    signed(&mut story, terms(40));
    let runs = story.submit_one(MAKER, hour("runs", 2.0));
    assert_eq!(amend(&mut story, 1, |terms| terms.amount = yuan(15)).unwrap_err().code, Code::InvalidValue);
    amend(&mut story, 1, |terms| terms.amount = yuan(16)).unwrap();
    assert_eq!(purse(&story), (16, 0, 16, 0));
    run(&mut story, runs, 1800);
    assert_eq!(purse(&story), (16, 8, 0, 0));
    let pay = Command::PayAgreement { agreement: FIRST, amount: yuan(12), reference: "transfer".to_owned() };
    story.by(OPERATOR, pay).unwrap();
    let refused = amend(&mut story, 2, |terms| terms.amount = yuan(11)).unwrap_err();
    assert_eq!(refused.code, Code::InvalidValue, "12 were paid");
    amend(&mut story, 2, |terms| terms.amount = yuan(12)).unwrap();
    let refused =
        amend(&mut story, 3, |terms| terms.starts = terms.starts + Milliseconds::from_seconds(1)).unwrap_err();
    assert_eq!(refused.code, Code::InvalidValue, "a start that was signed stays");
}

#[test]
fn what_was_not_used_at_the_end_is_earned_once_nothing_runs_on_it() {
    let mut story = Story::begin();
    let mut short = terms(40);
    short.ends = story.now + Milliseconds::from_seconds(1800);
    signed(&mut story, short);
    let runs = story.submit_one(MAKER, hour("runs", 1.0));
    let attempt = story.attempts(runs)[0];
    story.start(attempt);
    story.pass(3600);
    assert_eq!(story.state.view().ledger.agreements[&FIRST].stage, AgreementStage::Begun, "8 CNY are held");
    story.end(attempt, SUCCESS);
    assert_eq!(story.state.view().ledger.agreements[&FIRST].stage, AgreementStage::Closed);
    assert_eq!(purse(&story), (40, 8, 0, 32), "granted = used + forfeited");
    assert_eq!(
        postings(&story, |kind| matches!(kind, TransactionKind::Settlement { .. })),
        [(LedgerAccount::Agreement(FIRST), -32), (LedgerAccount::Revenue, 32)]
    );
    // Then the account pays the price in force.
    let later = story.submit_one(MAKER, hour("later", 1.0));
    run(&mut story, later, 3600);
    assert_eq!(charged(&story), [(LedgerAccount::Prepaid(MAKERS), -10), (LedgerAccount::Revenue, 10)]);
}

#[test]
fn what_happens_at_the_end_is_as_agreed() {
    for (at_end, price) in
        [(AtEnd::OnDemand, Some(10)), (AtEnd::Stop, None), (AtEnd::Grace(Milliseconds::from_seconds(DAY)), Some(8))]
    {
        let mut story = Story::begin();
        let mut short = terms(8);
        (short.at_end, short.ends) = (at_end, story.now + Milliseconds::from_seconds(3600));
        signed(&mut story, short);
        story.pass(3600);
        let submitted = story.submit(MAKER, vec![hour("after", 1.0)]);
        match (submitted, price) {
            (Ok(jobs), Some(price)) => {
                run(&mut story, jobs[0], 3600);
                assert_eq!(charged(&story)[0], (LedgerAccount::Prepaid(MAKERS), -price), "{at_end:?}");
            }
            (Err(refused), None) => {
                assert_eq!(refused.code, Code::InsufficientFunds);
                // To let work go on is a change of terms, also after the end.
                amend(&mut story, 1, |terms| terms.at_end = AtEnd::OnDemand).unwrap();
                story.submit_one(MAKER, hour("after", 1.0));
            }
            (submitted, _) => panic!("{at_end:?}: {submitted:?}"),
        }
        let refused = amend(&mut story, 1 + u32::from(price.is_none()), |terms| terms.amount = yuan(99)).unwrap_err();
        assert_eq!(refused.code, Code::WrongStage, "what is closed is not reopened");
        let day = Milliseconds::from_seconds(DAY);
        if at_end == AtEnd::Grace(day) {
            story.by(OPERATOR, top_up(100)).unwrap();
            story.pass(2 * DAY);
            let late = story.submit_one(MAKER, hour("late", 1.0));
            run(&mut story, late, 3600);
            assert_eq!(charged(&story)[0], (LedgerAccount::Prepaid(MAKERS), -10), "grace has an end");
        }
    }
}

fn top_up(units: i64) -> Command {
    Command::TopUp { organization: "maker".to_owned(), amount: yuan(units), reference: "transfer".to_owned() }
}

#[test]
fn an_agreement_pays_from_its_start_and_in_its_pool() {
    let mut story = Story::begin();
    let mut later = terms(80);
    (later.starts, later.pool) = (story.now + Milliseconds::from_seconds(600), Some(PoolId(1)));
    signed(&mut story, later);
    let held = |story: &Story| story.state.view().ledger.agreements[&FIRST].purse.held;
    let before = story.submit_one(MAKER, hour("before", 1.0));
    assert_eq!(held(&story), yuan(0), "the account pays before its start");
    let waits = story.submit_one(MAKER, hour("waits", 1.0));
    assert_eq!(story.state.waiting(waits).unwrap().reason.word(), "funds");
    story.pass(600);
    assert_eq!((story.job_state(waits), held(&story)), (JobState::Starting, yuan(8)));
    story.finish(before, SUCCESS);

    let mut story = Story::begin();
    let elsewhere = AgreementTerms { pool: Some(PoolId(9)), ..terms(80) };
    let draft = Command::DraftAgreement { organization: "maker".to_owned(), terms: elsewhere };
    assert_eq!(story.by(OPERATOR, draft).unwrap_err().code, Code::NotFound);
}

#[test]
fn a_pool_is_not_sold_twice_unless_somebody_says_so() {
    let mut story = Story::begin();
    // Two nodes of 8 cards for thirty days are 11,520 card-hours: 92,160 CNY at 8 CNY.
    signed(&mut story, terms(60_000));
    let second = draft(&mut story, terms(40_000));
    let refused = sign(&mut story, second, 1).unwrap_err();
    let [sold, capacity] = ["sold", "capacity"].map(|name| refused.values[name].clone());
    assert_eq!((refused.code, sold.as_str(), capacity.as_str()), (Code::OverSold, "12500", "11520"));
    story.by(OPERATOR, Command::SignAgreement { agreement: second, version: 1, oversell: Some(1100) }).unwrap();
    let refused = amend(&mut story, 1, |terms| terms.amount = yuan(70_000)).unwrap_err();
    assert_eq!(refused.code, Code::OverSold, "nor by an amendment");
    amend(&mut story, 1, |terms| terms.ends = terms.starts + Milliseconds::from_seconds(DAY)).unwrap();
    amend(&mut story, 2, |terms| terms.ends = terms.starts + Milliseconds::from_seconds(30 * DAY)).unwrap();
    let instant = AgreementTerms { ends: Timestamp(BEGINNING.0 + 500), ..terms(10) };
    let draft = Command::DraftAgreement { organization: "maker".to_owned(), terms: instant };
    assert_eq!(story.by(OPERATOR, draft).unwrap_err().code, Code::InvalidValue, "a term has a length");
    // Another term is another matter.
    let mut next = terms(60_000);
    next.starts = next.ends;
    next.ends = next.starts + Milliseconds::from_seconds(30 * DAY);
    signed(&mut story, next);
}

#[test]
fn tenants_neither_draft_nor_sign() {
    let mut story = Story::begin();
    let terms = terms(10);
    let own = Command::DraftAgreement { organization: "maker".to_owned(), terms: terms.clone() };
    assert_eq!(story.by(MAKER, own).unwrap_err().code, Code::Forbidden);
    draft(&mut story, terms);
    let sign = Command::SignAgreement { agreement: FIRST, version: 1, oversell: None };
    assert_eq!(story.by(MAKER, sign).unwrap_err().code, Code::Forbidden);
}

/// Vouchers of 50 % of each charge, 100 CNY in all.
fn rules() -> ProgrammeRules {
    ProgrammeRules {
        name: "spark".to_owned(),
        title: "Spark".to_owned(),
        sponsor: "the city".to_owned(),
        budget: yuan(100),
        budget_per_year: None,
        per_organization_and_year: None,
        share_of_charge: 500,
        share_of_agreement: None,
        kinds: Default::default(),
        qualifications: Default::default(),
        unrelated: false,
        pool: None,
        opens: BEGINNING,
        closes: BEGINNING + Milliseconds::from_seconds(90 * DAY),
        valid_for: Milliseconds::from_seconds(30 * DAY),
    }
}

fn set_programme(story: &mut Story, rules: ProgrammeRules, version: u32) -> Result<Reply, Refusal> {
    story.by(OPERATOR, Command::SetProgramme { rules, version })
}

fn claim(story: &mut Story, amount: i64, agreement: Option<AgreementId>) -> Result<Reply, Refusal> {
    let claim = Command::ClaimVoucher {
        programme: "spark".to_owned(),
        organization: Some("maker".to_owned()),
        agreement,
        amount: yuan(amount),
        purpose: "a model of the sea".to_owned(),
        unrelated: false,
    };
    story.by(OPERATOR, claim)
}

fn clerk(story: &mut Story) -> Actor {
    let clerk = Command::AddUser { name: "clerk".into(), role: Role::Finance, organization: None };
    let Ok(Reply::Added(clerk)) = story.by(OPERATOR, clerk) else { panic!("the clerk is added") };
    Actor::User(clerk)
}

fn review(voucher: u32, approve: bool) -> Command {
    Command::ReviewVoucher { voucher: VoucherId(voucher), approve, reason: "reviewed".to_owned() }
}

#[test]
fn a_voucher_is_claimed_reviewed_issued_used_and_cashed_out() {
    let mut story = Story::begin();
    let clerk = clerk(&mut story);
    set_programme(&mut story, rules(), 0).unwrap();
    assert_eq!(claim(&mut story, 6, None), Ok(Reply::Claimed(VoucherId(1))));
    assert_eq!(story.by(OPERATOR, review(1, true)).unwrap_err().code, Code::OwnClaim);
    assert_eq!(story.by(MAKER, review(1, true)).unwrap_err().code, Code::Forbidden);
    story.by(clerk, review(1, true)).unwrap();
    assert_eq!(story.by(clerk, review(1, true)).unwrap_err().code, Code::WrongStage, "once");
    assert_eq!(
        postings(&story, |kind| matches!(kind, TransactionKind::Issue { .. })),
        [(LedgerAccount::Sponsor(ProgrammeId(1)), -6), (LedgerAccount::Voucher(VoucherId(1)), 6)]
    );

    // It covers half of 12 CNY: 1.2 of 2 card-hours, so the account holds 6 for these and 8 for the rest, of its 15.
    let runs = story.submit_one(MAKER, hour("runs", 2.0));
    let voucher = |story: &Story| story.state.view().ledger.vouchers[&VoucherId(1)].clone();
    assert_eq!(voucher(&story).purse.held, yuan(6));
    assert_eq!(story.state.view().ledger.accounts[&MAKERS].held, yuan(14));
    run(&mut story, runs, 1800);
    assert_eq!(
        charged(&story),
        [
            (LedgerAccount::Voucher(VoucherId(1)), -5),
            (LedgerAccount::Prepaid(MAKERS), -5),
            (LedgerAccount::Revenue, 10)
        ]
    );
    let cash_out = || Command::CashOutVoucher { voucher: VoucherId(1), reference: "transfer".to_owned() };
    story.by(clerk, cash_out()).unwrap();
    assert_eq!(story.by(clerk, cash_out()).unwrap_err().code, Code::NothingToCashOut, "it was paid");
    story.pass(30 * DAY);
    let expired = voucher(&story);
    assert_eq!((expired.stage, expired.purse.closed), (VoucherStage::Expired, yuan(1)));
    let programme = &story.state.view().ledger.programmes[&ProgrammeId(1)];
    assert_eq!((programme.owed, programme.granted), (yuan(0), yuan(5)), "the sponsor paid what was used");
}

#[test]
fn an_agreement_that_is_used_up_gives_its_price_to_no_voucher() {
    for (at_end, expected) in [(AtEnd::OnDemand, Some(10)), (AtEnd::Stop, None)] {
        let mut story = Story::begin();
        let clerk = clerk(&mut story);
        signed(&mut story, AgreementTerms { at_end, ..terms(8) });
        let first = story.submit_one(MAKER, hour("first", 1.0));
        run(&mut story, first, 3600);
        set_programme(&mut story, ProgrammeRules { share_of_charge: 1000, ..rules() }, 0).unwrap();
        claim(&mut story, 50, None).unwrap();
        story.by(clerk, review(1, true)).unwrap();
        match (story.submit(MAKER, vec![hour("second", 1.0)]), expected) {
            (Ok(jobs), Some(price)) => {
                run(&mut story, jobs[0], 3600);
                assert_eq!(charged(&story)[0], (LedgerAccount::Voucher(VoucherId(1)), -price));
            }
            (Err(refused), None) => assert!(refused.hint(Language::English).contains("work stops"), "{refused}"),
            (submitted, _) => panic!("{at_end:?}: {submitted:?}"),
        }
    }
}

#[test]
fn what_is_revoked_is_not_taken_from_and_what_it_holds_is_used() {
    let mut story = Story::begin();
    let clerk = clerk(&mut story);
    set_programme(&mut story, rules(), 0).unwrap();
    claim(&mut story, 20, None).unwrap();
    story.by(clerk, review(1, true)).unwrap();
    let runs = story.submit_one(MAKER, hour("runs", 1.0));
    let revoke = || Command::RevokeVoucher { voucher: VoucherId(1), reason: "not related to computing".to_owned() };
    story.by(clerk, revoke()).unwrap();
    assert_eq!(story.by(clerk, revoke()).unwrap_err().code, Code::WrongStage);
    let other = story.submit_one(MAKER, hour("other", 1.0));
    assert_eq!(story.state.view().ledger.vouchers[&VoucherId(1)].purse.held, yuan(5), "for the first only");
    run(&mut story, runs, 3600);
    let voucher = &story.state.view().ledger.vouchers[&VoucherId(1)];
    assert_eq!((voucher.stage, voucher.purse.used, voucher.purse.closed), (VoucherStage::Revoked, yuan(5), yuan(15)));
    story.finish(other, SUCCESS);
}

#[test]
fn rules_of_a_programme_are_asked_at_the_claim_and_at_the_review() {
    type Change = fn(&mut ProgrammeRules);
    let refuses: [(Change, i64, bool); 9] = [
        (|rules| rules.kinds = [OrganizationKind::University].into(), 10, false),
        (|rules| rules.qualifications = ["high-tech".to_owned()].into(), 10, false),
        (|rules| rules.unrelated = true, 10, false),
        (|rules| rules.per_organization_and_year = Some(yuan(9)), 10, false),
        (|rules| rules.budget_per_year = Some(yuan(9)), 10, false),
        (|_| {}, 101, false),
        (|rules| rules.share_of_agreement = Some(300), 10, false),
        (|rules| rules.share_of_agreement = Some(300), 10, true),
        (|_| {}, 10, true),
    ];
    for (index, (change, amount, with_agreement)) in refuses.into_iter().enumerate() {
        let mut story = Story::begin();
        let clerk = clerk(&mut story);
        let agreement = with_agreement.then(|| signed(&mut story, terms(30)));
        let mut strict = rules();
        change(&mut strict);
        set_programme(&mut story, strict.clone(), 0).unwrap();
        let refused = claim(&mut story, amount, agreement).unwrap_err();
        assert_eq!(refused.code, Code::ClaimNotAllowed, "case {index}");
        if with_agreement || amount > 100 {
            continue;
        }
        // Claimed under kinder rules, it is refused when it is reviewed.
        set_programme(&mut story, rules(), 1).unwrap();
        claim(&mut story, amount, None).unwrap();
        set_programme(&mut story, strict, 2).unwrap();
        assert_eq!(story.by(clerk, review(1, true)).unwrap_err().code, Code::ClaimNotAllowed, "case {index}");
        story.by(clerk, review(1, false)).unwrap();
    }
}

#[test]
fn an_agreement_has_one_voucher_of_at_most_its_share_that_pays_beside_it_only() {
    let mut story = Story::begin();
    let clerk = clerk(&mut story);
    let agreement = signed(&mut story, terms(40));
    let mut of_agreements = rules();
    of_agreements.share_of_agreement = Some(300);
    set_programme(&mut story, of_agreements, 0).unwrap();
    claim(&mut story, 12, Some(agreement)).unwrap();
    assert_eq!(claim(&mut story, 1, Some(agreement)).unwrap_err().code, Code::ClaimNotAllowed, "one each");
    story.by(clerk, review(1, true)).unwrap();
    let runs = story.submit_one(MAKER, hour("runs", 1.0));
    run(&mut story, runs, 3600);
    assert_eq!(
        charged(&story),
        [
            (LedgerAccount::Voucher(VoucherId(1)), -4),
            (LedgerAccount::Agreement(agreement), -4),
            (LedgerAccount::Revenue, 8)
        ]
    );
    // The agreement is over: the account pays alone, whatever the voucher has.
    amend(&mut story, 1, |terms| terms.ends = terms.starts + Milliseconds::from_seconds(3600)).unwrap();
    let alone = story.submit_one(MAKER, hour("alone", 1.0));
    run(&mut story, alone, 3600);
    assert_eq!(charged(&story), [(LedgerAccount::Prepaid(MAKERS), -10), (LedgerAccount::Revenue, 10)]);
}

#[test]
fn a_qualification_counts_while_it_is_valid() {
    let mut story = Story::begin();
    let mut strict = rules();
    strict.qualifications = ["high-tech".to_owned()].into();
    set_programme(&mut story, strict, 0).unwrap();
    let expires = Some(story.now + Milliseconds::from_seconds(DAY));
    let held = Qualification { name: "high-tech".into(), evidence: "GR2026001".into(), sha256: None, expires };
    let set = Command::SetOrganization {
        name: "maker".to_owned(),
        title: None,
        card_limit: None,
        suspended: None,
        weight: None,
        guaranteed: None,
        kind: None,
        qualifications: Some(vec![held]),
    };
    story.by(OPERATOR, set).unwrap();
    claim(&mut story, 5, None).unwrap();
    story.pass(DAY);
    assert_eq!(claim(&mut story, 5, None).unwrap_err().code, Code::ClaimNotAllowed);
}

#[test]
fn a_budget_covers_what_was_issued_and_rules_are_changed_as_they_were_seen() {
    let mut story = Story::begin();
    let clerk = clerk(&mut story);
    set_programme(&mut story, rules(), 0).unwrap();
    let mut changed = rules();
    changed.budget = yuan(50);
    assert_eq!(set_programme(&mut story, changed.clone(), 0).unwrap_err().code, Code::VersionConflict);
    claim(&mut story, 60, None).unwrap();
    claim(&mut story, 60, None).unwrap();
    story.by(clerk, review(1, true)).unwrap();
    assert_eq!(story.by(clerk, review(2, true)).unwrap_err().code, Code::ClaimNotAllowed, "100 in all");
    assert_eq!(set_programme(&mut story, changed, 1).unwrap_err().code, Code::InvalidValue, "60 were issued");
}
