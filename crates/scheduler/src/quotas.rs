//! Whether a quota stands against a start: limits at every level that a job belongs to, and cards that are kept for others.
//!
//! Cards that are guaranteed and not lendable count as held by whom they are kept for, so the check of a level is one
//! comparison. What is held within a guarantee takes nothing from the levels above that was not kept already.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{CardMillis, OrganizationId, PoolId, ProjectId, Quota, QuotaScope, UserId};

/// Whom a job's cards are counted for.
#[derive(Clone, Copy, Debug)]
pub struct QuotaPath<'a> {
    /// Where its cards are.
    pub pool: PoolId,
    /// Who pays.
    pub organization: OrganizationId,
    /// Its project, after those that it is in, outermost first; none if it is in none.
    pub projects: &'a [ProjectId],
    /// Who submitted it.
    pub user: UserId,
}

/// A quota that stands against a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Where.
    pub scope: QuotaScope,
    /// The most that may be held there.
    pub limit: CardMillis,
    /// What is held there now.
    pub held: CardMillis,
    /// What is kept there for others, beyond what they hold.
    pub kept: CardMillis,
}

/// All quotas, and what is held within each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quotas {
    /// By what a scope names, and then the scope.
    kinds: [BTreeMap<Packed, Entry>; 16],
}

/// A scope as one number, among those that name the same parts: scopes are looked up with every decision, at five levels.
type Packed = u128;

fn packed(scope: &QuotaScope) -> Packed {
    let part = |id: Option<u32>| u128::from(id.unwrap_or(0));
    let (pool, organization) = (part(scope.pool.map(|id| id.0)), part(scope.organization.map(|id| id.0)));
    let (project, user) = (part(scope.project.map(|id| id.0)), part(scope.user.map(|id| id.0)));
    pool << 96 | organization << 64 | project << 32 | user
}

/// One scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    scope: QuotaScope,
    quota: Quota,
    held: CardMillis,
    /// What is held, and kept for those within who hold less than is kept for them.
    taken: CardMillis,
}

impl Entry {
    /// What the level above counts.
    fn counted(&self) -> u32 {
        self.taken.0.max(self.quota.kept().0)
    }

    /// Adds to what is taken; how much the level above counts more.
    fn take(&mut self, more: u32) -> u32 {
        let before = self.counted();
        self.taken.0 += more;
        self.counted() - before
    }
}

fn kind(scope: &QuotaScope) -> usize {
    usize::from(scope.pool.is_some())
        | usize::from(scope.organization.is_some()) << 1
        | usize::from(scope.project.is_some()) << 2
        | usize::from(scope.user.is_some()) << 3
}

fn pool_of(scope: &QuotaScope) -> QuotaScope {
    QuotaScope { pool: scope.pool, ..QuotaScope::default() }
}

impl QuotaPath<'_> {
    /// Whether what is counted for it is counted within a scope.
    pub fn is_within(&self, scope: &QuotaScope) -> bool {
        scope.pool.is_none_or(|pool| pool == self.pool)
            && scope.organization.is_none_or(|organization| organization == self.organization)
            && scope.project.is_none_or(|project| self.projects.contains(&project))
            && scope.user.is_none_or(|user| user == self.user)
    }

    /// The levels that guarantees are counted along, innermost first.
    fn ladder(&self) -> impl Iterator<Item = QuotaScope> {
        let center = QuotaScope::default();
        let pool = QuotaScope { pool: Some(self.pool), ..center };
        let organization = QuotaScope { organization: Some(self.organization), ..pool };
        let projects = self.projects.iter().rev().map(move |id| QuotaScope { project: Some(*id), ..organization });
        projects.chain([organization, pool, center])
    }

    /// The other scopes that it is in, widest first: over all pools, and of its user.
    fn aside(&self) -> impl Iterator<Item = QuotaScope> {
        let organization = QuotaScope { organization: Some(self.organization), ..QuotaScope::default() };
        let projects = self.projects.iter().map(move |id| QuotaScope { project: Some(*id), ..organization });
        let wide = std::iter::once(organization).chain(projects);
        let of_user = wide.clone().flat_map(|scope| {
            let user = QuotaScope { user: Some(self.user), ..scope };
            [user, QuotaScope { pool: Some(self.pool), ..user }]
        });
        wide.chain(of_user)
    }
}

impl Quotas {
    /// Sets what holds in a scope, where so many cards are held. [`Quotas::recount`] must follow where something may be kept
    /// within: in a pool and in the whole center, but not of one user.
    pub fn set(&mut self, scope: QuotaScope, quota: Quota, held: CardMillis) {
        let of_kind = &mut self.kinds[kind(&scope)];
        match quota.is_plain() {
            true => of_kind.remove(&packed(&scope)),
            false => of_kind.insert(packed(&scope), Entry { scope, quota, held, taken: held }),
        };
    }

    /// Counts all that is held, and kept, from scratch. `lineage` is a project after those that it is in, outermost first;
    /// `held` are all who hold cards, and how many.
    pub fn recount<'a>(
        &mut self,
        lineage: impl Fn(ProjectId) -> &'a [ProjectId],
        held: impl Iterator<Item = (QuotaPath<'a>, CardMillis)>,
    ) {
        let keep = self.entries().map(|entry| (entry.scope, entry.quota.kept().0));
        let mut keep: Vec<_> = keep.filter(|(_, kept)| *kept > 0).collect();
        keep.sort_unstable();
        // What a pool keeps is compared with the cards that it has: it is counted also where nothing is set.
        let keepers: BTreeSet<_> = keep.iter().map(|(scope, _)| pool_of(scope)).collect();
        for of_kind in &mut self.kinds {
            of_kind.retain(|_, entry| !entry.quota.is_plain() || keepers.contains(&entry.scope));
        }
        for scope in keepers {
            self.kinds[kind(&scope)].entry(packed(&scope)).or_insert(Entry { scope, ..Entry::default() });
        }
        for entry in self.kinds.iter_mut().flat_map(|of_kind| of_kind.values_mut()) {
            (entry.held, entry.taken) = (CardMillis(0), CardMillis(0));
        }
        for (scope, kept) in keep {
            self.keep(scope, kept, scope.project.map_or(&[], &lineage));
        }
        for (path, cards) in held {
            self.hold(&path, cards);
        }
    }

    /// Counts what a scope keeps on the levels above it; its own level is not changed by it.
    fn keep(&mut self, scope: QuotaScope, kept: u32, projects: &[ProjectId]) {
        let path = QuotaPath {
            pool: scope.pool.expect("cards are kept in a pool"),
            organization: scope.organization.expect("cards are kept for an organization or a project"),
            projects,
            user: UserId::default(),
        };
        let mut more = kept;
        for above in path.ladder().skip_while(|level| *level != scope).skip(1) {
            if let Some(entry) = self.entry_mut(&above) {
                more = entry.take(more);
            }
        }
    }

    /// The first quota, from the widest scope to the narrowest, that stands against `asked` more cards on this path.
    /// `free` is what is free in its pool: what is kept for others must stay free.
    ///
    /// # Errors
    /// That quota.
    pub fn admits(&self, path: &QuotaPath<'_>, asked: CardMillis, free: CardMillis) -> Result<(), Exceeded> {
        if asked.0 == 0 || self.is_empty() {
            return Ok(());
        }
        let mut more = asked.0;
        let mut exceeded = None;
        for scope in path.ladder() {
            let Some(entry) = self.entry(&scope).filter(|_| more > 0) else { continue };
            let taken = entry.taken.0.saturating_add(more);
            // Of what is kept here, its own part was left out of `more`.
            let kept = CardMillis((entry.taken.0 - entry.held.0).saturating_sub(asked.0 - more));
            let is_pool = scope.organization.is_none() && scope.pool.is_some();
            let runs_short = is_pool && kept.0 > 0 && kept.0.saturating_add(asked.0) > free.0;
            let in_pool = runs_short.then(|| CardMillis(entry.held.0 + free.0));
            let limit = entry.quota.limit.filter(|limit| taken > limit.0).or(in_pool);
            if let Some(limit) = limit {
                exceeded = Some(Exceeded { scope, limit, held: entry.held, kept });
            }
            more = taken.max(entry.quota.kept().0) - entry.counted();
        }
        if let Some(exceeded) = exceeded {
            return Err(exceeded);
        }
        for scope in path.aside() {
            let Some(entry) = self.entry(&scope) else { continue };
            if let Some(limit) = entry.quota.limit.filter(|limit| entry.held.0.saturating_add(asked.0) > limit.0) {
                return Err(Exceeded { scope, limit, held: entry.held, kept: CardMillis(0) });
            }
        }
        Ok(())
    }

    /// The lowest limit on this path, which no job can pass however long it waits.
    pub fn lowest_limit(&self, path: &QuotaPath<'_>) -> Option<(QuotaScope, CardMillis)> {
        let limited =
            path.aside().chain(path.ladder()).filter_map(|scope| Some((scope, self.entry(&scope)?.quota.limit?)));
        limited.min_by_key(|(_, limit)| *limit)
    }

    /// Counts cards that are given out.
    pub fn hold(&mut self, path: &QuotaPath<'_>, cards: CardMillis) {
        if self.is_empty() {
            return;
        }
        let mut more = cards.0;
        for scope in path.ladder() {
            if let Some(entry) = self.entry_mut(&scope) {
                entry.held.0 += cards.0;
                more = entry.take(more);
            }
        }
        for scope in path.aside() {
            if let Some(entry) = self.entry_mut(&scope) {
                entry.held.0 += cards.0;
                entry.taken.0 += cards.0;
            }
        }
    }

    /// Counts cards that are given back.
    pub fn release(&mut self, path: &QuotaPath<'_>, cards: CardMillis) {
        if self.is_empty() {
            return;
        }
        let mut less = cards.0;
        for scope in path.ladder() {
            if let Some(entry) = self.entry_mut(&scope) {
                entry.held.0 -= cards.0;
                let before = entry.counted();
                entry.taken.0 -= less;
                less = before - entry.counted();
            }
        }
        for scope in path.aside() {
            if let Some(entry) = self.entry_mut(&scope) {
                entry.held.0 -= cards.0;
                entry.taken.0 -= cards.0;
            }
        }
    }

    /// The least that is held in any scope of this path in which something is set; none if nothing is set in any.
    pub fn held(&self, path: &QuotaPath<'_>) -> Option<CardMillis> {
        path.ladder().chain(path.aside()).filter_map(|scope| Some(self.entry(&scope)?.held)).min()
    }

    /// Whether nothing is set anywhere.
    pub fn is_empty(&self) -> bool {
        self.kinds.iter().all(BTreeMap::is_empty)
    }

    /// Whether something is set that is about more than one organization.
    pub fn are_shared(&self) -> bool {
        !self.kinds[0].is_empty() || !self.kinds[1].is_empty()
    }

    /// What is set in a scope; plain if nothing is.
    pub fn quota(&self, scope: &QuotaScope) -> Quota {
        self.entry(scope).map(|entry| entry.quota).unwrap_or_default()
    }

    /// All scopes in which something is set, with what is set and what is held there.
    pub fn iter(&self) -> impl Iterator<Item = (QuotaScope, Quota, CardMillis)> {
        let set = self.entries().filter(|entry| !entry.quota.is_plain());
        let mut set: Vec<_> = set.map(|entry| (entry.scope, entry.quota, entry.held)).collect();
        set.sort_unstable_by_key(|(scope, ..)| *scope);
        set.into_iter()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.kinds.iter().flat_map(BTreeMap::values)
    }

    fn entry(&self, scope: &QuotaScope) -> Option<&Entry> {
        self.kinds[kind(scope)].get(&packed(scope))
    }

    fn entry_mut(&mut self, scope: &QuotaScope) -> Option<&mut Entry> {
        self.kinds[kind(scope)].get_mut(&packed(scope))
    }
}
