//! The center's facts as a plan log: the one place that knows both.

use std::collections::BTreeMap;

use haina_center::{Fact, ScopedQuota};
use haina_core::{Allocation, AttemptId, ClassId, Condition, Force, JobId, JobState, NodeShare, Timestamp};
use haina_scheduler::{ClassKey, Demand};

use crate::plan_log::{
    After, Array, Attempt, Backfill, Event, Level, Order, Record, Shape, Share, Slot, State, Submitted,
};

/// Writes down what facts say of the plan.
#[derive(Default)]
pub struct PlanOfFacts {
    records: Vec<Record>,
    /// What the jobs of a class ask for is said once, before them.
    classes: BTreeMap<ClassId, ClassKey>,
}

impl PlanOfFacts {
    /// Takes the next fact, decided at `now`.
    pub fn take(&mut self, now: Timestamp, fact: &Fact) {
        if let Fact::ClassAdded { id, key } = fact {
            self.classes.insert(*id, *key);
        }
        let event = self.event(fact);
        self.records.extend(event.map(|event| Record { at_us: now.0, event }));
    }

    /// Notes that accounts may run dry.
    pub fn funds_limited(&mut self, now: Timestamp) {
        self.records.push(Record { at_us: now.0, event: Event::FundsLimited });
    }

    /// Notes that the center has nothing left to decide.
    pub fn settled(&mut self, now: Timestamp) {
        self.records.push(Record { at_us: now.0, event: Event::Settled });
    }

    /// Notes that everything has ended, and gives the log.
    pub fn close(mut self, now: Timestamp) -> Vec<Record> {
        self.records.push(Record { at_us: now.0, event: Event::Closed });
        self.records
    }

    /// The records since the last time, for somebody who reads along.
    pub fn drain(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// The log so far, of a center in which things may still be under way.
    pub fn records(self) -> Vec<Record> {
        self.records
    }

    fn event(&self, fact: &Fact) -> Option<Event> {
        Some(match fact {
            Fact::NodeAdded { spec, .. } => Event::NodeAdded {
                node: spec.id.0,
                pool: spec.pool.0,
                model: spec.card_model.map(|model| model.0),
                cards: spec.cards as u8,
                ring: spec.ring as u8,
                fractions: spec.fractions,
                cpu_millis: spec.cpu.0,
                memory_bytes: spec.memory.0,
                rack: spec.rack,
                pod: spec.pod,
            },
            Fact::NodeSet { id, draining, .. } => Event::NodeDraining { node: id.0, draining: *draining },
            Fact::CardsSet { id, unusable } => {
                Event::CardsUnusable { node: id.0, cards: unusable.iter().map(|card| card.index).collect() }
            }
            Fact::OrganizationSet { id, card_limit, suspended, entitlement, .. } => Event::OrganizationSet {
                organization: id.0,
                limit_millis: card_limit.map(|limit| limit.0),
                suspended: *suspended,
                weight: entitlement.weight,
                guaranteed_millis: entitlement.guaranteed.0,
            },
            Fact::ProjectAdded { id, organization, parent, .. } => Event::ProjectAdded {
                project: id.0,
                organization: organization.0,
                parent: parent.map(|parent| parent.0),
            },
            Fact::QuotaSet { set: ScopedQuota { scope, quota }, .. } => Event::QuotaSet {
                pool: scope.pool.map(|pool| pool.0),
                organization: scope.organization.map(|organization| organization.0),
                project: scope.project.map(|project| project.0),
                user: scope.user.map(|user| user.0),
                guaranteed_millis: quota.guaranteed.0,
                limit_millis: quota.limit.map(|limit| limit.0),
                lendable_millis: quota.lendable.map(|lendable| lendable.0),
            },
            Fact::JobSubmitted {
                id,
                organization,
                user,
                class,
                time_limit,
                grace,
                retries,
                not_before,
                array,
                dependencies,
                outlook,
                ..
            } => {
                let key = &self.classes[class];
                Event::Submitted(Submitted {
                    job: id.0,
                    organization: organization.0,
                    project: key.project.map(|project| project.0),
                    user: user.0,
                    priority: key.priority,
                    shape: shape(&key.demand),
                    limit_ms: time_limit.0,
                    predicted_ms: outlook.predicted.0,
                    similar: Some(outlook.similar.0),
                    grace_ms: grace.0,
                    retries: *retries,
                    not_before_us: not_before.map(|at| at.0),
                    after: dependencies.iter().map(after).collect(),
                    array: array.map(|array| Array { count: array.count, concurrency: array.concurrency }),
                })
            }
            Fact::PolicySet { policy } => Event::PolicySet {
                order: order(policy.order),
                backfill: backfill(policy.backfill),
                patience_ms: policy.patience.0,
            },
            Fact::PromiseMade { job, promise } => {
                Event::Promised { job: job.0, start_us: promise.start.0, shares: shares(&promise.allocation) }
            }
            Fact::PromiseWithdrawn { job } => Event::PromiseWithdrawn { job: job.0 },
            Fact::AttemptPlaced { attempt: id, allocation, .. } => {
                Event::Placed { attempt: attempt(id), shares: shares(allocation) }
            }
            Fact::AttemptStarted { attempt: id, at } => Event::Started { attempt: attempt(id), since_us: Some(at.0) },
            Fact::AttemptEnded { attempt: id, state: how, retry, started, ended, .. } => {
                let ran_ms = started.map(|started| ended.since(started).0);
                Event::Ended { attempt: attempt(id), state: state(*how), retry: *retry, ran_ms }
            }
            Fact::JobCancelled { job, .. } => Event::JobCancelled { job: job.0 },
            Fact::ElementCancelled { job, element, .. } => Event::ElementCancelled { job: job.0, element: *element },
            Fact::JobEnded { job, state: how, .. } => Event::JobEnded { job: job.0, state: state(*how) },
            Fact::LeadershipTaken { .. }
            | Fact::CenterNamed { .. }
            | Fact::CardModelSet { .. }
            | Fact::PoolAdded { .. }
            | Fact::UserAdded { .. }
            | Fact::TokenIssued { .. }
            | Fact::TokenRevoked { .. }
            | Fact::Posted { .. }
            | Fact::AdjustmentProposed { .. }
            | Fact::AdjustmentRejected { .. }
            | Fact::AgreementSet { .. }
            | Fact::AgreementSigned { .. }
            | Fact::AgreementBegun { .. }
            | Fact::AgreementClosed { .. }
            | Fact::ProgrammeSet { .. }
            | Fact::VoucherClaimed { .. }
            | Fact::VoucherIssued { .. }
            | Fact::VoucherRejected { .. }
            | Fact::VoucherRevoked { .. }
            | Fact::VoucherClosed { .. }
            | Fact::ClassAdded { .. }
            | Fact::JobDue { .. }
            | Fact::ClassBlocked { .. }
            | Fact::AttemptStopping { .. } => return None,
        })
    }
}

fn order(order: haina_core::Order) -> Order {
    match order {
        haina_core::Order::Fifo => Order::Fifo,
        haina_core::Order::Fair => Order::Fair,
        haina_core::Order::FairTree => Order::FairTree,
        haina_core::Order::Multifactor(_) => Order::Multifactor,
        haina_core::Order::Shortest => Order::Shortest,
        haina_core::Order::Deadline => Order::Deadline,
    }
}

fn backfill(backfill: haina_core::Backfill) -> Backfill {
    match backfill {
        haina_core::Backfill::None => Backfill::None,
        haina_core::Backfill::BestEffort => Backfill::BestEffort,
        haina_core::Backfill::Easy => Backfill::Easy,
        haina_core::Backfill::Conservative => Backfill::Conservative,
    }
}

fn shape(demand: &Demand) -> Shape {
    Shape {
        pool: demand.pool.0,
        model: demand.card_model.map(|model| model.0),
        nodes: demand.nodes,
        cards_per_node_millis: demand.cards_per_node.0,
        cpu_per_node_millis: demand.cpu_per_node.0,
        memory_per_node_bytes: demand.memory_per_node.0,
        within: demand.topology.filter(|near| near.force == Force::Required).map(|near| level(near.level)),
    }
}

fn level(level: haina_core::Level) -> Level {
    match level {
        haina_core::Level::Ring => Level::Ring,
        haina_core::Level::Node => Level::Node,
        haina_core::Level::Rack => Level::Rack,
        haina_core::Level::Pod => Level::Pod,
    }
}

fn after((on, condition): &(JobId, Condition)) -> After {
    After { job: on.0, succeeded: *condition == Condition::Succeeded }
}

fn attempt(id: &AttemptId) -> Attempt {
    Attempt { job: id.job.0, element: id.element, number: id.number }
}

fn shares(allocation: &Allocation) -> Vec<Share> {
    let share = |share: &NodeShare| Share {
        node: share.node.0,
        cards: share.cards.iter().map(|slot| Slot { index: slot.index, millis: slot.millis }).collect(),
        cpu_millis: share.cpu.0,
        memory_bytes: share.memory.0,
    };
    allocation.shares.iter().map(share).collect()
}

fn state(state: JobState) -> State {
    match state {
        JobState::Succeeded => State::Succeeded,
        JobState::Failed => State::Failed,
        JobState::Cancelled => State::Cancelled,
        JobState::Lost => State::Lost,
        JobState::Waiting | JobState::Starting | JobState::Running | JobState::Stopping => {
            panic!("{} is no end", state.word())
        }
    }
}
