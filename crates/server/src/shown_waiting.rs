//! Why a job waits, as it is shown to somebody.

use haina_api::{Moment, OrganizationCards, PromisedStart, WaitingDemand, WhyState, show_cards};
use haina_center::permission::Owner;
use haina_center::{Action, POSITION_MOST, Prospect, View};
use haina_core::{JobId, NodeId};

use crate::caller::Caller;

/// What a caller who may see the job is told.
pub fn why(view: &View, caller: &Caller, prospect: &Prospect) -> WhyState {
    let Prospect { waiting, key, promise, .. } = prospect;
    let demand = &key.demand;
    let (code, sentence, values) = WhyState::reason(&waiting.reason, caller.language);
    let node = |id: &NodeId| view.nodes[id].name.clone();
    let organization = &view.organizations[&key.organization];
    WhyState {
        code,
        sentence,
        values,
        since: waiting.since.map(Moment),
        ahead: waiting.ahead,
        ahead_is_least: waiting.ahead.is_some_and(|ahead| ahead >= POSITION_MOST),
        starts_by: waiting.starts_by.map(Moment),
        in_line: waiting.ahead.map(|_| prospect.in_line),
        demand: WaitingDemand {
            pool: view.pools[&demand.pool].name.clone(),
            nodes: demand.nodes,
            cards: show_cards(demand.cards_per_node),
            card_model: demand.card_model.map(|model| view.card_models[&model].definition.name.clone()),
        },
        promised: promise.as_ref().map(|promise| PromisedStart {
            start: Moment(promise.start),
            nodes: promise.allocation.shares.iter().map(|share| node(&share.node)).collect(),
            after: prospect.after.filter(|job| may_see(view, caller, *job)).map(|job| job.to_string()),
        }),
        estimated_start: prospect.estimate.map(|estimate| Moment(estimate.start)),
        estimated_start_is_least: prospect.estimate.is_some_and(|estimate| estimate.is_least),
        organization: OrganizationCards {
            name: organization.name.clone(),
            held: show_cards(view.cards_held(key.organization)),
            guaranteed: show_cards(view.shares.entitlement(key.organization).guaranteed),
            limit: organization.card_limit.map(show_cards),
        },
    }
}

/// Whether the caller may see a job that runs.
fn may_see(view: &View, caller: &Caller, job: JobId) -> bool {
    view.attempts_of(job).next().is_some_and(|(_, attempt)| {
        let owner = Owner { organization: Some(attempt.organization), user: Some(attempt.user), job: Some(job) };
        caller.may(Action::ReadJob, owner)
    })
}
