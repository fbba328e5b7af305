//! What people ask of agreements and vouchers, good and bad.

use crate::Random;
use haina_center::{Command, State};
use haina_core::{
    Actor, AgreementId, AgreementTerms, AtEnd, Currency, Milliseconds, Money, OrganizationKind, PoolId, ProgrammeRules,
    Qualification, Timestamp, UserId, VoucherId,
};

const OPERATOR: Actor = Actor::User(UserId(1));
const FINANCE: Actor = Actor::User(UserId(7));

/// What two organizations agree on first, and a voucher for each of them.
pub fn opening(now: Timestamp, random: &mut Random) -> Vec<(Actor, Command)> {
    let agree = |number: u32, organization: &str, random: &mut Random| {
        let terms = AgreementTerms { starts: now, pool: None, ..terms(now, random) };
        let (agreement, oversell) = (AgreementId(number), Some(1_000_000));
        [
            (OPERATOR, Command::DraftAgreement { organization: organization.to_owned(), terms }),
            (FINANCE, Command::SignAgreement { agreement, version: 1, oversell }),
        ]
    };
    let mut rules = rules("spark".to_owned(), now, random);
    (rules.budget, rules.budget_per_year, rules.per_organization_and_year) = (yuan(random, 2000), None, None);
    (rules.kinds, rules.qualifications, rules.share_of_agreement) = Default::default();
    let give = |number: u32, organization: &str, random: &mut Random| {
        let claim = Command::ClaimVoucher {
            programme: "spark".to_owned(),
            organization: Some(organization.to_owned()),
            agreement: None,
            amount: yuan(random, 80),
            purpose: "a model of the sea".to_owned(),
            unrelated: true,
        };
        let review = Command::ReviewVoucher { voucher: VoucherId(number), approve: true, reason: String::new() };
        [(OPERATOR, claim), (FINANCE, review)]
    };
    let mut commands = Vec::from(agree(1, "ocean", random));
    commands.extend(agree(2, "harbour", random));
    commands.push((OPERATOR, Command::SetProgramme { rules, version: 0 }));
    commands.extend(give(1, "ocean", random));
    commands.extend(give(2, "harbour", random));
    commands
}

/// Somebody asks something.
pub fn random_command(state: &State, now: Timestamp, random: &mut Random) -> (Actor, Command) {
    let organization = random.pick(&["ocean", "harbour", "maker"]).to_owned();
    let agreement = AgreementId(1 + random.below(u64::from(state.view().center.last_agreement.0) + 1) as u32);
    let voucher = VoucherId(1 + random.below(u64::from(state.view().center.last_voucher.0) + 1) as u32);
    let known = state.view().ledger.agreements.get(&agreement);
    let version = known.map_or(1, |known| known.version) + u32::from(random.chance(5));
    // Most of it is asked by one of those who may.
    let actor = match random.below(20) {
        0 => Actor::User(UserId(2 + random.below(5) as u32)),
        1..11 => OPERATOR,
        _ => FINANCE,
    };
    let command = match random.below(100) {
        0..18 => Command::DraftAgreement { organization, terms: terms(now, random) },
        18..38 => Command::SignAgreement { agreement, version, oversell: Some(random.pick(&[1, 1_000_000])) },
        38..50 => {
            let mut terms = known.map_or_else(|| terms(now, random), |known| known.terms.clone());
            match random.below(5) {
                0 => terms.amount = yuan(random, 200),
                1 => terms.ends = now + Milliseconds::from_seconds(random.below(3000)),
                2 => terms.price_per_card_hour = random.chance(70).then(|| yuan(random, 12)),
                3 => terms.at_end = at_end(random),
                _ => terms.starts = now,
            }
            Command::AmendAgreement {
                agreement,
                version,
                terms,
                oversell: Some(1_000_000),
                reason: "agreed anew".to_owned(),
            }
        }
        50..56 => {
            let amount = yuan(random, 60);
            Command::PayAgreement { agreement, amount, reference: "transfer".to_owned() }
        }
        56..63 => {
            let name = random.pick(&["spark", "harbour-light"]).to_owned();
            let known = state.view().ledger.programmes.values().find(|known| known.rules.name == name);
            let version = known.map_or(0, |known| known.version);
            Command::SetProgramme { rules: rules(name, now, random), version }
        }
        63..78 => {
            let actor = random.pick(&[OPERATOR, OPERATOR, FINANCE, Actor::User(UserId(3))]);
            let organization = (actor == OPERATOR || random.chance(50)).then_some(organization);
            let command = Command::ClaimVoucher {
                programme: random.pick(&["spark", "spark", "harbour-light", "nowhere"]).to_owned(),
                organization,
                agreement: random.chance(50).then_some(agreement),
                amount: yuan(random, 40),
                purpose: "a model of the sea".to_owned(),
                unrelated: random.chance(80),
            };
            return (actor, command);
        }
        78..90 => Command::ReviewVoucher { voucher, approve: random.chance(85), reason: "reviewed".to_owned() },
        90..92 => Command::RevokeVoucher { voucher, reason: "not what it was given for".to_owned() },
        92..96 => Command::CashOutVoucher { voucher, reference: "transfer".to_owned() },
        _ => Command::SetOrganization {
            name: organization,
            title: None,
            card_limit: None,
            suspended: None,
            weight: None,
            guaranteed: None,
            kind: Some(random.pick(&OrganizationKind::ALL)),
            qualifications: random.chance(50).then(|| {
                let expires = random.chance(50).then(|| now + Milliseconds::from_seconds(random.below(4000)));
                vec![Qualification { name: "high-tech".to_owned(), evidence: "GR1".to_owned(), sha256: None, expires }]
            }),
        },
    };
    (actor, command)
}

/// Between nothing and so many yuan, seldom a round number.
fn yuan(random: &mut Random, most: u64) -> Money {
    Money { micros: i128::from(random.below(most * 1_000_000)), currency: Currency::CNY }
}

fn at_end(random: &mut Random) -> AtEnd {
    let grace = AtEnd::Grace(Milliseconds::from_seconds(1 + random.below(4000)));
    random.pick(&[AtEnd::OnDemand, AtEnd::OnDemand, AtEnd::Stop, grace])
}

fn terms(now: Timestamp, random: &mut Random) -> AgreementTerms {
    let starts = match random.chance(70) {
        true => now,
        false => now + Milliseconds::from_seconds(random.below(4000)),
    };
    AgreementTerms {
        title: "agreement".to_owned(),
        amount: yuan(random, 200),
        price_per_card_hour: random.chance(60).then(|| yuan(random, 12)),
        pool: random.chance(20).then(|| PoolId(1 + random.below(3) as u32)),
        starts,
        ends: starts + Milliseconds::from_seconds(random.below(20_000)),
        at_end: at_end(random),
        documents: Vec::new(),
    }
}

fn rules(name: String, now: Timestamp, random: &mut Random) -> ProgrammeRules {
    ProgrammeRules {
        title: name.clone(),
        name,
        sponsor: "the city".to_owned(),
        budget: yuan(random, 400),
        budget_per_year: random.chance(20).then(|| yuan(random, 300)),
        per_organization_and_year: random.chance(30).then(|| yuan(random, 150)),
        share_of_charge: random.pick(&[1, 300, 500, 999, 1000]),
        share_of_agreement: random.chance(30).then(|| random.pick(&[300, 1000])),
        kinds: if random.chance(20) { [OrganizationKind::Enterprise].into() } else { Default::default() },
        qualifications: if random.chance(20) { ["high-tech".to_owned()].into() } else { Default::default() },
        unrelated: random.chance(30),
        pool: random.chance(10).then_some(PoolId(1)),
        opens: now,
        closes: now + Milliseconds::from_seconds(10_000 + random.below(100_000)),
        // A day at least: time is made to pass over it.
        valid_for: Milliseconds::from_seconds(86_400),
    }
}
