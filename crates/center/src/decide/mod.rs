//! Commands become facts. Only reads the state.

mod accounts;
mod adjustments;
mod advance;
mod agreements;
mod apply;
mod cancel;
mod quotas;
mod report;
mod submit;
mod users;
mod vouchers;

use haina_core::both;
use haina_core::{Actor, CardMillis, ClassId, Effect, JobId, Refusal, Timestamp, UserId};
use haina_scheduler::{Blocker, Demand};

pub(crate) use apply::prices;

use crate::permission::{self, Owner, Subject};
use crate::{Action, Command, Fact, Input, Reply, State};

/// What was decided.
pub struct Outcome {
    /// What happened.
    pub facts: Vec<Fact>,
    /// What the world must do.
    pub effects: Vec<Effect>,
    /// The answer.
    pub reply: Result<Reply, Refusal>,
    /// A class that need not be looked at until something changes. Not a fact: it is derived again after a restart.
    pub blocked: Option<Blocked>,
    /// Waiting jobs were put in line up to this one; with none, all. Not a fact either.
    pub lined_up_to: Option<Option<JobId>>,
    /// Whether the same input has more to decide once the state has evolved.
    pub again: bool,
    /// What is left of the fuel.
    pub fuel_left: u64,
}

/// A class that is set aside.
pub struct Blocked {
    /// Which.
    pub class: ClassId,
    /// What it waits for.
    pub blocker: Blocker,
    /// A job with the same demand that ends by then would fit all the same.
    pub window: Option<Timestamp>,
}

impl Outcome {
    fn done(facts: Vec<Fact>) -> Outcome {
        Outcome::replied(facts, Reply::Done)
    }

    fn replied(facts: Vec<Fact>, reply: Reply) -> Outcome {
        Outcome {
            facts,
            effects: Vec::new(),
            reply: Ok(reply),
            blocked: None,
            lined_up_to: None,
            again: false,
            fuel_left: 0,
        }
    }
}

/// Decides `input` with `fuel` probes left of its own.
pub fn decide(state: &State, input: &Input, fuel: u64) -> Outcome {
    let outcome = match (&input.command, input.actor) {
        (Command::Lead { epoch }, Actor::Center) => Ok(Outcome::done(vec![Fact::LeadershipTaken { epoch: *epoch }])),
        (Command::Apply { definition }, Actor::Center) => apply::apply(state, definition),
        (Command::Advance, Actor::Center) => Ok(advance::advance(state, input.now, fuel)),
        (Command::Report(report), Actor::Engine) => Ok(report::report(state, report, input.now)),
        (Command::SetCards { node, unusable }, Actor::Engine) => apply::set_cards(state, node, unusable),
        (Command::Submit { jobs, known_ends }, _) => submit::submit(state, input, jobs, known_ends),
        (Command::Cancel { target }, _) => cancel::cancel(state, input, *target),
        (Command::SetNode { node, draining, reason }, _) => apply::set_node(state, input, node, *draining, reason),
        (Command::TopUp { organization, amount, reference }, _) => {
            accounts::top_up(state, input, organization, *amount, reference)
        }
        (Command::ProposeAdjustment { organization, amount, reason }, _) => {
            adjustments::propose(state, input, organization, *amount, reason)
        }
        (Command::DecideAdjustment { adjustment, approve }, _) => {
            adjustments::decide(state, input, *adjustment, *approve)
        }
        (Command::SetOrganization { .. }, _) => accounts::set_organization(state, input),
        (Command::DraftAgreement { organization, terms }, _) => agreements::draft(state, input, organization, terms),
        (Command::AmendAgreement { agreement, version, terms, oversell, reason }, _) => {
            agreements::amend(state, input, (*agreement, *version), (terms, *oversell), reason)
        }
        (Command::SignAgreement { agreement, version, oversell }, _) => {
            agreements::sign(state, input, (*agreement, *version), *oversell)
        }
        (Command::PayAgreement { agreement, amount, reference }, _) => {
            agreements::pay(state, input, *agreement, *amount, reference)
        }
        (Command::SetProgramme { rules, version }, _) => vouchers::set_programme(state, input, rules, *version),
        (Command::ClaimVoucher { programme, organization, agreement, amount, purpose, unrelated }, _) => {
            let (organization, amount) = (organization.as_deref(), *amount);
            let (agreement, unrelated) = (*agreement, *unrelated);
            vouchers::claim(
                state,
                input,
                &vouchers::Claim { programme, organization, agreement, amount, purpose, unrelated },
            )
        }
        (Command::ReviewVoucher { voucher, approve, reason }, _) => {
            vouchers::review(state, input, *voucher, *approve, reason)
        }
        (Command::RevokeVoucher { voucher, reason }, _) => vouchers::revoke(state, input, *voucher, reason),
        (Command::CashOutVoucher { voucher, reference }, _) => vouchers::cash_out(state, input, *voucher, reference),
        (Command::AddProject { definition }, _) => quotas::add_project(state, input, definition),
        (Command::SetQuota { definition }, _) => quotas::set_quota(state, input, definition),
        (Command::SetPolicy { policy }, _) => apply::set_policy(state, input, *policy),
        (Command::AddUser { name, role, organization }, _) => {
            users::add_user(state, input, name, *role, organization.as_deref())
        }
        (Command::IssueToken { user, digest, label, expires }, _) => {
            users::issue_token(state, input, user, *digest, label, *expires)
        }
        (Command::RevokeToken { token }, _) => users::revoke_token(state, input, *token),
        (
            Command::Lead { .. }
            | Command::Apply { .. }
            | Command::Advance
            | Command::Report(_)
            | Command::SetCards { .. },
            _,
        ) => Err(Refusal::new(haina_core::Code::Forbidden).with_phrase("role", both("user", "用户")).with_phrase(
            "action",
            both("give orders that only the center itself gives", "发出只由中心自身发出的命令"),
        )),
    };
    outcome.unwrap_or_else(|refusal| Outcome {
        facts: Vec::new(),
        effects: Vec::new(),
        reply: Err(refusal),
        blocked: None,
        lined_up_to: None,
        again: false,
        fuel_left: fuel,
    })
}

/// Who is behind an input; the center itself acts as nobody and may do everything.
fn acting(state: &State, input: &Input) -> Result<Option<Subject>, Refusal> {
    match input.actor {
        Actor::Center => Ok(None),
        Actor::User(id) => match state.view.users.get(&id) {
            Some(user) => Ok(Some(Subject::user(id, user))),
            None => Err(Refusal::new(haina_core::Code::Unauthenticated)),
        },
        Actor::Attempt(attempt) => match state.view.attempts.contains_key(&attempt) {
            true => Ok(Some(Subject::Attempt(attempt))),
            false => Err(Refusal::new(haina_core::Code::Unauthenticated)),
        },
        Actor::Engine => Err(Refusal::new(haina_core::Code::Forbidden)
            .with_phrase("role", both("engine", "执行引擎"))
            .with_phrase("action", both("anything but to report", "上报之外的任何操作"))),
    }
}

fn require(state: &State, input: &Input, action: Action, owner: Owner) -> Result<(), Refusal> {
    match acting(state, input)? {
        None => Ok(()),
        Some(subject) => permission::require(subject, action, owner),
    }
}

/// The person behind an input who may do something: what is agreed on has somebody's name.
fn person(state: &State, input: &Input, action: Action, owner: Owner) -> Result<UserId, Refusal> {
    require(state, input, action, owner)?;
    match input.actor {
        Actor::User(user) => Ok(user),
        Actor::Center | Actor::Engine | Actor::Attempt(_) => Err(Refusal::new(haina_core::Code::Unauthenticated)),
    }
}

/// Names of things: 1 to 64 letters, digits, `-`, `_` or `.`, so that they fit paths, URLs and shells.
fn check_name(field: &str, name: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) || name.starts_with(['.', '-']) {
        let rule = both(
            "1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter, a digit or `_`",
            "1 到 64 个字母、数字、`-`、`_` 或 `.`，以字母、数字或 `_` 开头",
        );
        return Err(Refusal::invalid_value(field, name, rule));
    }
    Ok(())
}

/// All cards of a demand.
pub fn cards_of(demand: &Demand) -> CardMillis {
    CardMillis(demand.cards_per_node.0.saturating_mul(demand.nodes))
}
