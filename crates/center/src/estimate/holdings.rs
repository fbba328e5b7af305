//! What is held of a pool, and when it probably ends.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use haina_core::{CardMillis, CardModelId, NodeId, NodeShare, OrganizationId, PoolId, ProjectId, Timestamp, UserId};
use haina_scheduler::{Planned, Release, Releases, Run, Span};

use super::run_time::likely;
use crate::State;

/// Where more attempts run, a pass follows about so many, of each organization as many: small ones stand for others.
const FOLLOWED: usize = 4_000;

/// Whose jobs are asked for: all that they hold is followed.
pub type Own = BTreeSet<(OrganizationId, Option<ProjectId>, UserId)>;

/// Cards of a model that are held until then, and for whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    pub ends: Timestamp,
    pub model: CardModelId,
    pub organization: OrganizationId,
    pub project: Option<ProjectId>,
    pub user: UserId,
    pub cards: CardMillis,
}

/// All that is held of a pool.
pub struct Holdings<'a> {
    state: &'a State,
    /// For a pass: as many cards of each organization as it holds.
    pub followed: Vec<Held>,
    /// What comes free at once, about, where some stand for others.
    pub step: CardMillis,
    /// Of one node after the other, by when it probably ends.
    planned: Vec<(Timestamp, &'a Planned)>,
    /// Where those of a node are, by its id: nodes are numbered without gaps.
    of_node: Vec<Range<usize>>,
}

/// What stands for others, and how many cards they hold together.
struct Small {
    last: Held,
    cards: u32,
    /// It is not small any more with so many.
    most: u32,
}

impl<'a> Holdings<'a> {
    /// Looks once at all that is held of the pool.
    pub fn new(state: &'a State, pool: PoolId, own: &Own, now: Timestamp) -> Holdings<'a> {
        let view = &state.view;
        let specs = || view.nodes.values().map(|node| &node.spec).filter(|spec| spec.pool == pool);
        let (mut attempts, mut held_in_all) = (0, 0);
        let mut held_of: BTreeMap<OrganizationId, u32> = BTreeMap::new();
        for planned in specs().flat_map(|spec| state.plan.on(spec.id)) {
            *held_of.entry(planned.run.organization).or_default() += planned.cards.0;
            (attempts, held_in_all) = (attempts + 1, held_in_all + u64::from(planned.cards.0));
        }
        let of_each = (FOLLOWED / held_of.len().max(1)).max(1) as u32;
        let are_many = attempts > FOLLOWED;
        let mut small_of: BTreeMap<(OrganizationId, Option<ProjectId>, CardModelId), Small> = BTreeMap::new();
        let (followed, step) = (Vec::new(), CardMillis(0));
        let mut holdings = Holdings { state, followed, step, planned: Vec::new(), of_node: Vec::new() };
        for spec in specs() {
            let begin = holdings.planned.len();
            for planned in state.plan.on(spec.id) {
                let ends = likely_end(planned, now);
                holdings.planned.push((ends, planned));
                let Some(model) = spec.card_model.filter(|_| planned.cards.0 > 0) else { continue };
                let Run { organization, project, user, .. } = planned.run;
                let held = Held { ends, model, organization, project, user, cards: planned.cards };
                let small = small_of.entry((organization, project, model)).or_insert_with(|| {
                    let most = held_of[&organization] / of_each;
                    Small { last: held, cards: 0, most }
                });
                if !are_many || held.cards.0 >= small.most || own.contains(&(organization, project, user)) {
                    holdings.followed.push(held);
                    continue;
                }
                (small.last, small.cards) = (held, small.cards + held.cards.0);
                if small.cards >= small.most {
                    holdings.followed.push(Held { cards: CardMillis(std::mem::take(&mut small.cards)), ..held });
                }
            }
            holdings.planned[begin..].sort_unstable_by_key(|(ends, planned)| (*ends, planned.attempt));
            let index = spec.id.0 as usize;
            holdings.of_node.resize(holdings.of_node.len().max(index + 1), 0..0);
            holdings.of_node[index] = begin..holdings.planned.len();
        }
        let rest = small_of.into_values().filter(|small| small.cards > 0);
        holdings.followed.extend(rest.map(|small| Held { cards: CardMillis(small.cards), ..small.last }));
        holdings.step = CardMillis(if are_many { (held_in_all / FOLLOWED as u64) as u32 } else { 0 });
        holdings
    }

    fn on(&self, node: NodeId) -> &[(Timestamp, &'a Planned)] {
        self.of_node.get(node.0 as usize).map_or(&[], |range| &self.planned[range.clone()])
    }
}

/// When an attempt will probably end.
fn likely_end(planned: &Planned, now: Timestamp) -> Timestamp {
    let Run { since, predicted, .. } = planned.run;
    (now + likely(predicted, now.since(since), planned.attempt.job)).min(planned.ends).max(now)
}

impl<'a> Releases<'a> for &Holdings<'a> {
    fn span(&self, node: NodeId) -> Option<Span> {
        Span::of(self.on(node).iter().map(|(ends, planned)| (*ends, planned.touched)))
    }

    fn of(&self, node: NodeId) -> impl Iterator<Item = Release<impl FnOnce() -> &'a NodeShare>> {
        let state = self.state;
        self.on(node).iter().map(move |&(at, planned)| Release {
            at,
            touched: planned.touched,
            share: move || state.share(planned.attempt, node),
        })
    }
}
