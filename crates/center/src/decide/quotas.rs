//! Projects, and the quotas of every level.

use std::collections::BTreeMap;

use haina_core::center_definition::{ProjectDefinition, QuotaDefinition};
use haina_core::reason::show_cards;
use haina_core::{
    CardMillis, Code, Kind, OrganizationId, PoolId, ProjectId, Quota, QuotaId, QuotaScope, Refusal, UserId, both,
};

use super::{Outcome, check_name, require};
use crate::permission::Owner;
use crate::{Action, Fact, Input, Project, Reply, ScopedQuota, State};

/// What quotas are set against: what exists, or will when the facts before this one have happened.
pub struct Known {
    pools: BTreeMap<String, PoolId>,
    organizations: BTreeMap<String, OrganizationId>,
    users: BTreeMap<String, UserId>,
    cards: BTreeMap<PoolId, CardMillis>,
    projects: BTreeMap<ProjectId, Project>,
    quotas: BTreeMap<QuotaScope, Quota>,
    /// Quotas that were ever set; each has an id.
    set: BTreeMap<QuotaScope, QuotaId>,
}

impl Known {
    /// What the state knows.
    pub fn of(state: &State) -> Known {
        let view = &state.view;
        let mut cards: BTreeMap<PoolId, CardMillis> = BTreeMap::new();
        for (pool, _, totals) in view.cluster.all_totals() {
            cards.entry(pool).or_default().0 += totals.installed.0;
        }
        Known {
            pools: view.pool_of_name.clone(),
            organizations: view.organization_of_name.clone(),
            users: view.user_of_name.clone(),
            cards,
            projects: view.projects.clone(),
            quotas: view.held.iter().map(|(scope, quota, _)| (scope, quota)).collect(),
            set: view.quota_of_scope.clone(),
        }
    }

    /// Takes in what facts that have not happened yet add.
    pub fn learn(&mut self, facts: &[Fact]) {
        for fact in facts {
            match fact {
                Fact::PoolAdded { id, name } => _ = self.pools.insert(name.clone(), *id),
                Fact::NodeAdded { spec, .. } => {
                    self.cards.entry(spec.pool).or_default().0 += CardMillis::whole(spec.cards).0
                }
                Fact::OrganizationSet { id, name, card_limit, .. } => {
                    self.organizations.insert(name.clone(), *id);
                    let scope = QuotaScope { organization: Some(*id), ..QuotaScope::default() };
                    self.quotas.insert(scope, Quota { limit: *card_limit, ..Quota::default() });
                }
                Fact::UserAdded { id, name, .. } => _ = self.users.insert(name.clone(), *id),
                _ => {}
            }
        }
    }

    fn project(&self, organization: OrganizationId, name: &str) -> Option<ProjectId> {
        let named = |project: &Project| project.organization == organization && project.name == name;
        self.projects.iter().find(|(_, project)| named(project)).map(|(id, _)| *id)
    }

    /// A project that is to be, under the next id.
    pub fn add_project(&mut self, definition: &ProjectDefinition) -> Result<Fact, Refusal> {
        let ProjectDefinition { name, organization, parent } = definition;
        check_name("project", name)?;
        let owner = *self
            .organizations
            .get(organization)
            .ok_or_else(|| Refusal::not_found(Kind::Organization, organization))?;
        if self.project(owner, name).is_some() {
            return Err(Refusal::new(Code::NameTaken).with_phrase("kind", Kind::Project.noun()).with("name", name));
        }
        let parent = match parent {
            None => None,
            Some(parent) => Some(self.project(owner, parent).ok_or_else(|| Refusal::not_found(Kind::Project, parent))?),
        };
        let id = ProjectId(self.projects.len() as u32 + 1);
        let mut lineage = parent.map_or(Vec::new(), |parent| self.projects[&parent].lineage.clone());
        lineage.push(id);
        self.projects.insert(id, Project { name: name.clone(), organization: owner, lineage });
        Ok(Fact::ProjectAdded { id, name: name.clone(), organization: owner, parent })
    }

    /// Where a quota is to hold.
    fn scope(&self, definition: &QuotaDefinition) -> Result<QuotaScope, Refusal> {
        let QuotaDefinition { pool, organization, project, user, quota: _ } = definition;
        let organization = named(&self.organizations, Kind::Organization, organization)?;
        let Some(owner) = organization else {
            if let Some(name) = project.as_ref().or(user.as_ref()) {
                let rule = both(
                    format!("given, because {name} is named: whose work it is about"),
                    format!("必须填写，因为指定了 {name}：须说明是哪个单位的作业"),
                );
                return Err(Refusal::absent("organization", rule));
            }
            let pool = named(&self.pools, Kind::Pool, pool)?;
            return Ok(QuotaScope { pool, ..QuotaScope::default() });
        };
        let project = match project {
            None => None,
            Some(name) => Some(self.project(owner, name).ok_or_else(|| Refusal::not_found(Kind::Project, name))?),
        };
        let pool = named(&self.pools, Kind::Pool, pool)?;
        let user = named(&self.users, Kind::User, user)?;
        if pool.is_none() && project.is_none() && user.is_none() {
            let rule = both(
                "with a pool, a project or a user: over all pools an organization's own `card_limit` and `guaranteed` say it",
                "同时指定资源池、项目或用户；单位在全部资源池的上限与保障量由单位自身的 `card_limit` 和 `guaranteed` 设定",
            );
            let name = definition.organization.clone().unwrap_or_default();
            return Err(Refusal::invalid_value("organization", name, rule));
        }
        Ok(QuotaScope { pool, organization, project, user })
    }

    /// The scopes in which this one's guarantee is counted, innermost first; itself is not among them.
    fn above(&self, scope: &QuotaScope) -> Vec<QuotaScope> {
        let projects = scope.project.map_or(&[][..], |project| &self.projects[&project].lineage);
        let parents = projects.iter().rev().skip(1).map(|project| QuotaScope { project: Some(*project), ..*scope });
        let organization = QuotaScope { project: None, ..*scope };
        let pool = QuotaScope { organization: None, ..organization };
        let own = (scope.project.is_some()).then_some(organization);
        parents.chain(own).chain([pool]).collect()
    }

    /// Whether work within `inner` is within `outer` too.
    fn covers(&self, outer: &QuotaScope, inner: &QuotaScope) -> bool {
        let lineage = inner.project.map_or(&[][..], |project| &self.projects[&project].lineage);
        let project = match outer.project {
            Some(project) if lineage.contains(&project) => inner.project,
            other => other,
        };
        QuotaScope { project, ..*outer }.covers(inner)
    }

    /// A quota that is to hold, under its id or the next.
    fn fact(&mut self, scope: QuotaScope, quota: Quota) -> Fact {
        let next = QuotaId(self.set.len() as u32 + 1);
        let id = *self.set.entry(scope).or_insert(next);
        Fact::QuotaSet { id, set: ScopedQuota { scope, quota } }
    }

    fn check(&self, scope: &QuotaScope, quota: Quota) -> Result<(), Refusal> {
        let Quota { guaranteed, limit, lendable } = quota;
        let guards = scope.pool.is_some() && scope.organization.is_some() && scope.user.is_none();
        if !guards && (guaranteed.0 > 0 || lendable.is_some()) {
            let rule =
                both("given only for an organization or a project, and in one pool", "仅用于某个资源池中的单位或项目");
            let field = if guaranteed.0 > 0 { "guaranteed" } else { "lendable" };
            return Err(Refusal::invalid_value(field, show_cards(guaranteed), rule));
        }
        let at_most = |field: &str, value: CardMillis, most: CardMillis, what: (&str, &str)| match value > most {
            false => Ok(()),
            true => {
                let most = show_cards(most);
                let rule = both(format!("at most {most}, {}", what.0), format!("不超过 {most}（{}）", what.1));
                Err(Refusal::invalid_value(field, show_cards(value), rule))
            }
        };
        if let Some(lendable) = lendable {
            at_most("lendable", lendable, guaranteed, ("what is guaranteed", "保障量"))?;
        }
        if let Some(limit) = limit {
            at_most("guaranteed", guaranteed, limit, ("its limit", "其上限"))?;
        }
        for (other, set) in self.quotas.iter().filter(|(other, _)| *other != scope) {
            let (english, chinese) = (other.level().word(), other.level().chinese());
            if self.covers(other, scope)
                && let Some(most) = set.limit
            {
                let what = (format!("the limit of its {english}"), format!("其所属{chinese}的上限"));
                let what = (&*what.0, &*what.1);
                limit.map_or(Ok(()), |limit| at_most("limit", limit, most, what))?;
                at_most("guaranteed", guaranteed, most, what)?;
            }
            if self.covers(scope, other)
                && let (Some(limit), Some(within)) = (limit, set.limit.max(Some(set.guaranteed)))
                && within > limit
            {
                let within = show_cards(within);
                let rule = both(
                    format!("at least {within}, which a {english} within it has; lower that one first"),
                    format!("不小于 {within}：其下的{chinese}已设此值，请先调低后者"),
                );
                return Err(Refusal::invalid_value("limit", show_cards(limit), rule));
            }
        }
        let is_in_pool = scope.pool.is_some() && scope.user.is_none();
        if is_in_pool { self.check_guarantees(scope) } else { Ok(()) }
    }

    /// Guarantees side by side are together within what is guaranteed above them, or what their pool has; and what is kept of
    /// them within what is kept above.
    fn check_guarantees(&self, scope: &QuotaScope) -> Result<(), Refusal> {
        let of = |scope: &QuotaScope| self.quotas.get(scope).copied().unwrap_or_default();
        // A project without a guarantee of its own stands between nobody.
        let counts = |above: &QuotaScope| above.project.is_none() || of(above).guaranteed.0 > 0;
        let nearest = |scope: &QuotaScope| self.above(scope).into_iter().find(counts);
        for above in std::iter::once(*scope).chain(self.above(scope)).filter(counts) {
            let own = of(&above);
            let below =
                self.quotas.iter().filter(|(other, _)| other.pool == scope.pool && other.organization.is_some());
            let below: Vec<&Quota> = below.filter(|(other, _)| nearest(other) == Some(above)).map(|(_, q)| q).collect();
            let sum =
                |cards: fn(&Quota) -> CardMillis| below.iter().map(|quota| u64::from(cards(quota).0)).sum::<u64>();
            let (guaranteed, kept) = (sum(|quota| quota.guaranteed), sum(Quota::kept));
            let most = match above.organization {
                Some(_) => own.guaranteed,
                None => {
                    let cards = above.pool.and_then(|pool| self.cards.get(&pool)).copied().unwrap_or_default();
                    own.limit.map_or(cards, |limit| limit.min(cards))
                }
            };
            let show = |cards: u64| show_cards(CardMillis(u32::try_from(cards).unwrap_or(u32::MAX)));
            let (english, chinese) = (above.level().word(), above.level().chinese());
            let value = self.quotas[scope];
            if guaranteed > u64::from(most.0) {
                let (sum, most) = (show(guaranteed), show_cards(most));
                let rule = both(
                    format!("such that all that is guaranteed within the {english}, {sum} now, is at most its {most}"),
                    format!("使该{chinese}内的保障量合计（现为 {sum}）不超过其 {most}"),
                );
                return Err(Refusal::invalid_value("guaranteed", show_cards(value.guaranteed), rule));
            }
            if above.organization.is_some() && kept > u64::from(own.kept().0) {
                let (sum, most) = (show(kept), show_cards(own.kept()));
                let rule = both(
                    format!(
                        "such that all that is kept within the {english}, {sum} now, is at most the {most} that it keeps"
                    ),
                    format!("使该{chinese}内不可借出的合计（现为 {sum}）不超过其自身不可借出的 {most}"),
                );
                let lendable = value.lendable.unwrap_or(value.guaranteed);
                return Err(Refusal::invalid_value("lendable", show_cards(lendable), rule));
            }
        }
        Ok(())
    }
}

fn named<T: Copy>(known: &BTreeMap<String, T>, kind: Kind, name: &Option<String>) -> Result<Option<T>, Refusal> {
    let id = |name: &String| known.get(name).copied().ok_or_else(|| Refusal::not_found(kind, name));
    name.as_ref().map(id).transpose()
}

/// The facts for what a center file says of projects and quotas. A part comes after the whole, whatever the file's order.
pub fn apply(
    known: &mut Known,
    projects: &[ProjectDefinition],
    quotas: &[QuotaDefinition],
    facts: &mut Vec<Fact>,
) -> Result<(), Refusal> {
    let mut left: Vec<(usize, &ProjectDefinition)> = projects.iter().enumerate().collect();
    for (index, one) in &left {
        let same = |other: &&ProjectDefinition| (&other.organization, &other.name) == (&one.organization, &one.name);
        if projects[..*index].iter().any(|other| same(&other)) {
            let refusal =
                Refusal::new(Code::NameTaken).with_phrase("kind", Kind::Project.noun()).with("name", &one.name);
            return Err(refusal.of_entry("projects", *index));
        }
    }
    let exists = |known: &Known, organization: &str, name: &str| {
        known.organizations.get(organization).is_some_and(|owner| known.project(*owner, name).is_some())
    };
    while !left.is_empty() {
        let is_later = |known: &Known, one: &ProjectDefinition| match &one.parent {
            Some(parent) if !exists(known, &one.organization, parent) => {
                projects.iter().any(|other| other.organization == one.organization && other.name == *parent)
            }
            _ => false,
        };
        let before = left.len();
        let mut later = Vec::new();
        for (index, one) in left {
            if exists(known, &one.organization, &one.name) {
                continue;
            }
            match is_later(known, one) {
                true => later.push((index, one)),
                false => facts.push(known.add_project(one).map_err(|refusal| refusal.of_entry("projects", index))?),
            }
        }
        if later.len() == before {
            let (index, one) = later[0];
            let parent = one.parent.clone().unwrap_or_default();
            let rule = both(
                format!("a project that is not, in turn, a part of {}", one.name),
                format!("不反过来隶属于 {} 的项目", one.name),
            );
            return Err(Refusal::invalid_value("parent", parent, rule).of_entry("projects", index));
        }
        left = later;
    }
    // All of them are known before the first is checked: a part may stand before the whole.
    let mut set: Vec<(QuotaScope, usize, bool)> = Vec::new();
    for (index, definition) in quotas.iter().enumerate() {
        let entry = |refusal: Refusal| refusal.of_entry("quotas", index);
        let scope = known.scope(definition).map_err(entry)?;
        if set.iter().any(|(other, ..)| *other == scope) {
            let rule = both("given once for the same scope", "同一范围只能填写一次");
            return Err(entry(Refusal::invalid_value("quotas", "", rule)));
        }
        let is_new = !known.set.contains_key(&scope);
        if is_new {
            known.quotas.insert(scope, definition.quota);
        }
        set.push((scope, index, is_new));
    }
    for (scope, index, _) in set.into_iter().filter(|(.., is_new)| *is_new) {
        let quota = quotas[index].quota;
        known.check(&scope, quota).map_err(|refusal| refusal.of_entry("quotas", index))?;
        facts.push(known.fact(scope, quota));
    }
    Ok(())
}

/// Adds a project.
pub fn add_project(state: &State, input: &Input, definition: &ProjectDefinition) -> Result<Outcome, Refusal> {
    let organization = state.view.organization_of_name.get(&definition.organization).copied();
    require(state, input, Action::AddProject, Owner { organization, ..Owner::default() })?;
    let fact = Known::of(state).add_project(definition)?;
    let Fact::ProjectAdded { id, .. } = fact else { unreachable!("a project is added") };
    Ok(Outcome::replied(vec![fact], Reply::ProjectAdded(id)))
}

/// Sets what holds in a scope, in the place of what held there.
pub fn set_quota(state: &State, input: &Input, definition: &QuotaDefinition) -> Result<Outcome, Refusal> {
    // What is within an organization is its administrators' affair; what it gets of the center is not.
    let inner = definition.organization.as_ref().filter(|_| definition.project.is_some() || definition.user.is_some());
    let organization = inner.and_then(|name| state.view.organization_of_name.get(name).copied());
    require(state, input, Action::ChangeQuota, Owner { organization, ..Owner::default() })?;
    let mut known = Known::of(state);
    let (scope, quota) = (known.scope(definition)?, definition.quota);
    let changed = known.quotas.insert(scope, quota).unwrap_or_default() != quota;
    known.check(&scope, quota)?;
    let facts = if changed { vec![known.fact(scope, quota)] } else { Vec::new() };
    Ok(Outcome::replied(facts, Reply::QuotaSet(scope)))
}
