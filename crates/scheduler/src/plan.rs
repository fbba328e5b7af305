//! What comes: when what is held now is free at the latest, and which starts were promised to blocked heads of line.
//!
//! The time limit is the contract: an attempt ends at its limit and grace at the latest, so a start that is computed from
//! these never slips if nobody else takes what was promised beyond that moment (EASY backfill: Lifka, JSSPP '95).

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{
    Allocation, AttemptId, Bytes, CardMillis, CpuMillis, JobId, Milliseconds, NodeId, OrganizationId, PoolId,
    ProjectId, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

use crate::releases::Span;
use crate::terms::{Withheld, WithheldShare};

/// A start that was promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Where nodes are.
    pub pool: PoolId,
    /// Only a job of a higher priority may delay it.
    pub priority: i32,
    /// At the latest then.
    pub start: Timestamp,
    /// With this, if not with something else before.
    pub allocation: Allocation,
    /// When it was worked out.
    pub at: Timestamp,
}

impl Promise {
    fn shares(&self) -> impl Iterator<Item = (NodeId, Timestamp, WithheldShare)> {
        self.allocation.shares.iter().map(|share| (share.node, self.start, WithheldShare::of(share)))
    }
}

/// Whose an attempt is, and how long it probably runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Who pays.
    pub organization: OrganizationId,
    /// The project of it.
    pub project: Option<ProjectId>,
    /// Who submitted it.
    pub user: UserId,
    /// When it started, or was placed as long as that is not known.
    pub since: Timestamp,
    /// How long jobs like it run, as it looked when it was placed.
    pub predicted: Milliseconds,
}

/// What an attempt holds of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it ends at the latest.
    pub ends: Timestamp,
    /// Which.
    pub attempt: AttemptId,
    /// What it touches there: cards of which it has a part count whole.
    pub touched: WithheldShare,
    /// Its cards there.
    pub cards: CardMillis,
    /// More of it. All of this is kept beside the node, because estimates look at all that runs.
    pub run: Run,
}

/// Ascending by end and attempt. A node has few.
type EndsOfNode = Vec<Planned>;

/// The plan.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The attempts on each node. Nodes are numbered without gaps: this is by their ids.
    ends: Vec<EndsOfNode>,
    /// From when to when these end: often asked for of all nodes.
    spans: Vec<Option<Span>>,
    promises: BTreeMap<JobId, Promise>,
}

fn find(of_node: &EndsOfNode, ends: Timestamp, attempt: AttemptId) -> Result<usize, usize> {
    of_node.binary_search_by_key(&(ends, attempt), |planned| (planned.ends, planned.attempt))
}

fn span(of_node: &EndsOfNode) -> Option<Span> {
    Span::of(of_node.iter().map(|planned| (planned.ends, planned.touched)))
}

impl Plan {
    /// An attempt holds this until then at the latest.
    pub fn begin(&mut self, attempt: AttemptId, allocation: &Allocation, ends: Timestamp, run: Run) {
        for share in &allocation.shares {
            let index = share.node.0 as usize;
            if self.ends.len() <= index {
                self.ends.resize_with(index + 1, Vec::new);
                self.spans.resize(index + 1, None);
            }
            let of_node = &mut self.ends[index];
            if let Err(place) = find(of_node, ends, attempt) {
                let (touched, cards) = (WithheldShare::of(share), share.card_millis());
                of_node.insert(place, Planned { ends, attempt, touched, cards, run });
            }
            self.spans[index] = span(of_node);
        }
    }

    /// It no longer does.
    pub fn end(&mut self, attempt: AttemptId, allocation: &Allocation, ends: Timestamp) {
        for share in &allocation.shares {
            let of_node = self.ends.get_mut(share.node.0 as usize).expect("an attempt on the node was planned");
            let place = find(of_node, ends, attempt);
            of_node.remove(place.unwrap_or_else(|_| panic!("attempt {attempt} was planned to end then")));
            self.spans[share.node.0 as usize] = span(of_node);
        }
    }

    /// The attempts on a node, by when they end at the latest.
    pub fn ends(&self, node: NodeId) -> impl Iterator<Item = (Timestamp, AttemptId)> {
        self.on(node).iter().map(|planned| (planned.ends, planned.attempt))
    }

    /// From when to when the attempts on a node end at the latest.
    pub fn span(&self, node: NodeId) -> Option<Span> {
        self.spans.get(node.0 as usize).copied().flatten()
    }

    /// The same, with all that is known of them.
    pub fn on(&self, node: NodeId) -> &[Planned] {
        self.ends.get(node.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Makes a promise, in the place of an older one to the same job.
    pub fn promise(&mut self, job: JobId, promise: Promise) {
        self.promises.insert(job, promise);
    }

    /// A promise is kept, or void.
    pub fn withdraw(&mut self, job: JobId) -> Option<Promise> {
        self.promises.remove(&job)
    }

    /// What a job was promised.
    pub fn promised(&self, job: JobId) -> Option<&Promise> {
        self.promises.get(&job)
    }

    /// All promises, by job.
    pub fn promises(&self) -> impl Iterator<Item = (JobId, &Promise)> {
        self.promises.iter().map(|(job, promise)| (*job, promise))
    }

    /// Promises of one pool.
    pub fn count(&self, pool: PoolId) -> usize {
        self.promises.values().filter(|promise| promise.pool == pool).count()
    }

    /// The jobs with a promise on a node.
    pub fn on_node(&self, node: NodeId) -> Vec<JobId> {
        let on = |promise: &Promise| promise.allocation.shares.iter().any(|share| share.node == node);
        self.promises.iter().filter(|(_, promise)| on(promise)).map(|(job, _)| *job).collect()
    }

    /// The starts that a job of such a priority which ends at `ends` could delay, ascending.
    pub fn starts_before(&self, pool: PoolId, priority: i32, ends: Timestamp, except: JobId) -> Vec<Timestamp> {
        let starts = self.binding(pool, priority, ends, except).map(|promise| promise.start);
        let starts: BTreeSet<Timestamp> = starts.collect();
        starts.into_iter().collect()
    }

    /// Whether something on these nodes is promised that a job of such a priority which ends at `ends` could delay.
    pub fn binds(&self, pool: PoolId, priority: i32, ends: Timestamp, except: JobId, allocation: &Allocation) -> bool {
        self.binding(pool, priority, ends, except).any(|promise| promise.allocation.meets(allocation))
    }

    /// What of that which is free now a job of such a priority which ends at `ends` must leave alone: free cards that are
    /// promised, and of processors and memory what the promises need beyond that which comes free before them.
    pub fn withheld(&self, pool: PoolId, priority: i32, ends: Timestamp, except: JobId) -> Withheld {
        let binding = self.binding(pool, priority, ends, except);
        let mut shares: Vec<(NodeId, Timestamp, WithheldShare)> = binding.flat_map(Promise::shares).collect();
        shares.sort_by_key(|(node, start, _)| (*node, *start));
        let mut withheld = Withheld::default();
        for of_node in shares.chunk_by(|one, other| one.0 == other.0) {
            let (node, mut needed, mut most) = (of_node[0].0, WithheldShare::default(), WithheldShare::default());
            for (_, start, share) in of_node {
                needed.add(*share);
                let (cpu, memory) = self.released(node, *start);
                most.cards |= needed.cards;
                most.cpu.0 = most.cpu.0.max(needed.cpu.0.saturating_sub(cpu.0));
                most.memory.0 = most.memory.0.max(needed.memory.0.saturating_sub(memory.0));
            }
            withheld.add(node, most);
        }
        withheld
    }

    /// All that is promised to others than a job.
    pub fn promised_to_others(&self, pool: PoolId, except: JobId) -> Withheld {
        let mut withheld = Withheld::default();
        let binding = self.binding(pool, i32::MIN, Timestamp(i64::MAX), except);
        binding.flat_map(Promise::shares).for_each(|(node, _, share)| withheld.add(node, share));
        withheld
    }

    /// Processors and memory that come free on a node by a moment.
    fn released(&self, node: NodeId, by: Timestamp) -> (CpuMillis, Bytes) {
        let (mut cpu, mut memory) = (0, 0);
        for Planned { touched, .. } in self.on(node).iter().take_while(|planned| planned.ends <= by) {
            (cpu, memory) = (cpu + touched.cpu.0, memory + touched.memory.0);
        }
        (CpuMillis(cpu), Bytes(memory))
    }

    fn binding(&self, pool: PoolId, priority: i32, ends: Timestamp, except: JobId) -> impl Iterator<Item = &Promise> {
        let others = self.promises.iter().filter(move |(job, _)| **job != except);
        let binding =
            move |promise: &&Promise| promise.pool == pool && promise.priority >= priority && promise.start < ends;
        others.map(|(_, promise)| promise).filter(binding)
    }
}
