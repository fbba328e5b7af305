//! Due timers, then one placement or block. `execute` comes back until nothing is left or the fuel is spent.

use haina_core::{AttemptId, ClassId, Effect, JobId, Launch, Money, Timestamp, WaitReason};
use haina_ledger::hold;
use haina_scheduler::{Blocker, Found, Fuel, Terms};

use super::{Outcome, cards_of};
use crate::{Fact, State};

/// One step.
pub fn advance(state: &State, now: Timestamp, fuel: u64) -> Outcome {
    let mut outcome = Outcome::done(Vec::new());
    let mut fuel = Fuel(fuel);
    if let Some((_, job)) = state.timers.first().filter(|(at, _)| *at <= now) {
        outcome.facts.push(Fact::JobDue { job: *job });
        fuel.spend(1);
        outcome.again = true;
    } else if let Some((class, job)) = state.queue.next() {
        fuel.spend(1);
        step(state, class, job, now, &mut fuel, &mut outcome);
        outcome.again = true;
    }
    outcome.fuel_left = fuel.left();
    outcome
}

fn step(state: &State, class: ClassId, id: JobId, now: Timestamp, fuel: &mut Fuel, outcome: &mut Outcome) {
    match place(state, id, now, fuel) {
        Placement::Placed(fact, launch) => {
            outcome.facts.push(*fact);
            outcome.effects.push(Effect::Launch(*launch));
        }
        Placement::Waits(reason, blocker) => {
            // Only a change of the kind of reason is news; the values of the first time stay.
            let known = state.view.classes[&class].reason.as_ref().map(WaitReason::word);
            if known != Some(reason.word()) {
                outcome.facts.push(Fact::ClassBlocked { class, reason, at: now });
            }
            outcome.blocked = Some((class, blocker));
        }
        Placement::OutOfFuel => {
            // The search starts over with the next call's full fuel; what was probed is not kept.
            while fuel.spend(1) {}
        }
    }
}

enum Placement {
    Placed(Box<Fact>, Box<Launch>),
    Waits(WaitReason, Blocker),
    OutOfFuel,
}

fn place(state: &State, id: JobId, now: Timestamp, fuel: &mut Fuel) -> Placement {
    let job = &state.jobs[&id];
    let demand = &state.view.classes[&job.class].key.demand;
    let organization = &state.view.organizations[&job.organization];
    let (element, number) = job.startable().expect("a queued job has something to start");
    if organization.suspended {
        return Placement::Waits(WaitReason::Suspended, Blocker::Account);
    }
    let asked = cards_of(demand);
    if let Some(limit) = organization.card_limit {
        let held = state.view.cards_held(job.organization);
        if held.0.saturating_add(asked.0) > limit.0 {
            return Placement::Waits(WaitReason::Quota { limit, held, asked }, Blocker::Account);
        }
    }
    let allocation = match state.view.cluster.find(demand, &Terms::default(), fuel) {
        Found::Placed(allocation) => allocation,
        Found::OutOfFuel => return Placement::OutOfFuel,
        Found::Blocked { nodes_free } => {
            let reason =
                WaitReason::Capacity { nodes: demand.nodes, cards_per_node: demand.cards_per_node, nodes_free };
            return Placement::Waits(reason, Blocker::Capacity);
        }
    };
    let model = allocation.shares.first().and_then(|share| state.view.nodes[&share.node].spec.card_model);
    let (price, price_version) =
        if asked.0 == 0 { (Money::zero(state.view.center.currency), 0) } else { state.view.price(model) };
    let needed = hold(price, asked.used_for(job.longest()));
    let available = state.view.ledger.accounts[&job.organization].available();
    if needed.micros > available.micros {
        return Placement::Waits(WaitReason::Funds { needed, available }, Blocker::Account);
    }
    let attempt = AttemptId { job: id, in_array: job.is_array(), element, number };
    let fact = Fact::AttemptPlaced {
        attempt,
        organization: job.organization,
        class: job.class,
        allocation: allocation.clone(),
        hold: needed,
        price_per_card_hour: price,
        price_version,
        at: now,
    };
    let launch = Launch {
        attempt,
        organization: job.organization,
        allocation,
        tasks_per_node: job.tasks_per_node,
        time_limit: job.time_limit,
        grace: job.grace,
        payload: job.payload,
    };
    Placement::Placed(Box::new(fact), Box::new(launch))
}
