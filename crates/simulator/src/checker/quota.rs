//! Quotas (invariant 6), counted in the plainest way: what is held in a scope is added up anew, attempt by attempt, and what
//! a level counts of those within it is asked of each of them anew.
//!
//! A quota stands against a start that would make its scope count more than its limit. What is kept for somebody counts as
//! held by him, so a start within what is kept for it makes nothing above count more.

use super::scene::{Job, Node, Quota, Scene, Scope};

/// Whom a job's cards are counted for.
#[derive(Clone, Copy)]
struct Holder {
    pool: u32,
    organization: u32,
    project: Option<u32>,
    user: u32,
}

fn holder(job: &Job) -> Holder {
    let submitted = &job.submitted;
    Holder {
        pool: submitted.shape.pool,
        organization: submitted.organization,
        project: submitted.project,
        user: submitted.user,
    }
}

/// A scope whose quota does not let a job start: what would be counted there, and the limit.
pub fn exceeded(scene: &Scene, job: &Job) -> Option<(Scope, u64, u64)> {
    let asked = job.submitted.shape.cards_millis();
    if asked == 0 || scene.quotas.is_empty() {
        return None;
    }
    let mut held: Vec<(Holder, u64)> = Vec::new();
    for (attempt, what) in &scene.held {
        let cards = what.shares.iter().flat_map(|share| &share.cards).map(|slot| u64::from(slot.millis)).sum();
        held.extend(scene.jobs.get(&attempt.job).map(|job| (holder(job), cards)));
    }
    let before = Count { scene, held: held.clone() };
    held.push((holder(job), asked));
    let after = Count { scene, held };
    let covering = scene.quotas.iter().filter(|(scope, _)| before.covers(scope, &holder(job)));
    for (scope, quota) in covering {
        let (was, is) = (before.taken(scope), after.taken(scope));
        if let Some(limit) = quota.limit.filter(|limit| is > was && is > u64::from(*limit)) {
            return Some((*scope, is, limit.into()));
        }
    }
    let pool = Scope { pool: Some(job.submitted.shape.pool), ..Scope::default() };
    let (was, is) = (before.taken(&pool), after.taken(&pool));
    // What is kept for others is what is counted without being held once this one has its cards; so much must stay free.
    let kept = is.saturating_sub(after.held_in(&pool));
    let free = before.free_in(job.submitted.shape.pool);
    (is > was && kept > 0 && asked + kept > free).then_some((pool, asked + kept, free))
}

struct Count<'a> {
    scene: &'a Scene,
    held: Vec<(Holder, u64)>,
}

impl Count<'_> {
    /// A project and those that it is a part of.
    fn lineage(&self, project: u32) -> Vec<u32> {
        std::iter::successors(Some(project), |project| self.scene.projects.get(project).copied().flatten()).collect()
    }

    fn covers(&self, scope: &Scope, holder: &Holder) -> bool {
        let of_project = |project: u32| holder.project.is_some_and(|own| self.lineage(own).contains(&project));
        scope.pool.is_none_or(|pool| pool == holder.pool)
            && scope.organization.is_none_or(|organization| organization == holder.organization)
            && scope.project.is_none_or(of_project)
            && scope.user.is_none_or(|user| user == holder.user)
    }

    fn held_in(&self, scope: &Scope) -> u64 {
        self.held.iter().filter(|(holder, _)| self.covers(scope, holder)).map(|(_, cards)| cards).sum()
    }

    /// What a scope counts: what is held in it, and kept for those within that hold less.
    fn taken(&self, scope: &Scope) -> u64 {
        if scope.user.is_some() || (scope.pool.is_none() && *scope != Scope::default()) {
            return self.held_in(scope);
        }
        let below = self.below(scope);
        let in_below: u64 = below.iter().map(|scope| self.held_in(scope)).sum();
        let counted: u64 = below.iter().map(|scope| self.taken(scope).max(self.kept(scope))).sum();
        self.held_in(scope) - in_below + counted
    }

    fn kept(&self, scope: &Scope) -> u64 {
        let kept =
            |quota: &Quota| quota.guaranteed - quota.lendable.map_or(quota.guaranteed, |l| l.min(quota.guaranteed));
        self.scene.quotas.get(scope).map_or(0, |quota| kept(quota).into())
    }

    /// The scopes directly within one, of all that there are.
    fn below(&self, scope: &Scope) -> Vec<Scope> {
        let parts = |organization: u32, parent: Option<u32>| {
            let of = self.scene.project_owners.iter().filter(move |(_, owner)| **owner == organization);
            let direct = of.filter(move |(project, _)| self.scene.projects.get(project).copied().flatten() == parent);
            direct.map(|(project, _)| Scope { project: Some(*project), ..*scope }).collect()
        };
        match (scope.pool, scope.organization) {
            (None, _) => {
                let mut pools: Vec<u32> = self.scene.nodes.values().map(|node| node.pool).collect();
                pools.sort_unstable();
                pools.dedup();
                pools.into_iter().map(|pool| Scope { pool: Some(pool), ..*scope }).collect()
            }
            (Some(_), None) => {
                let all = self.scene.organizations.keys();
                all.map(|organization| Scope { organization: Some(*organization), ..*scope }).collect()
            }
            (Some(_), Some(organization)) => parts(organization, scope.project),
        }
    }

    /// What is free of the cards of a pool that take work.
    fn free_in(&self, pool: u32) -> u64 {
        let nodes = self.scene.nodes.values().filter(|node| node.pool == pool && !node.draining);
        let left =
            |node: &Node| (0..node.holders.len() as u8).map(|card| u64::from(node.left_millis(card))).sum::<u64>();
        nodes.map(left).sum()
    }
}
