//! Limits, guarantees and what is lent of them, level by level.

use std::collections::BTreeMap;

use haina_core::{CardMillis, OrganizationId, PoolId, ProjectId, Quota, QuotaLevel, QuotaScope, UserId};
use haina_scheduler::{QuotaPath, Quotas};
use proptest::prelude::*;

const POOL: PoolId = PoolId(1);
const OCEAN: OrganizationId = OrganizationId(1);
const HARBOUR: OrganizationId = OrganizationId(2);
const SONAR: ProjectId = ProjectId(1);
const BUOYS: ProjectId = ProjectId(2);
const LI: UserId = UserId(1);
const WANG: UserId = UserId(2);

fn quota(guaranteed: u32, limit: Option<u32>, lendable: Option<u32>) -> Quota {
    Quota {
        guaranteed: CardMillis::whole(guaranteed),
        limit: limit.map(CardMillis::whole),
        lendable: lendable.map(CardMillis::whole),
    }
}

fn within(organization: OrganizationId) -> QuotaScope {
    QuotaScope { pool: Some(POOL), organization: Some(organization), ..QuotaScope::default() }
}

/// Buoys is a part of Sonar.
fn lineage(project: ProjectId) -> &'static [ProjectId] {
    match project {
        SONAR => &[SONAR],
        BUOYS => &[SONAR, BUOYS],
        other => panic!("project {other} is not known"),
    }
}

fn path(organization: OrganizationId, project: Option<ProjectId>, user: UserId) -> QuotaPath<'static> {
    QuotaPath { pool: POOL, organization, projects: project.map_or(&[], lineage), user }
}

fn with(quotas: &[(QuotaScope, Quota)]) -> Quotas {
    let mut all = Quotas::default();
    quotas.iter().for_each(|(scope, quota)| all.set(*scope, *quota, CardMillis(0)));
    all.recount(lineage, std::iter::empty());
    all
}

/// Holds cards one by one until a quota stands against it; what was held, and at which level it ended.
fn fill(quotas: &mut Quotas, path: QuotaPath<'_>, cards_in_pool: u32) -> (u32, Option<QuotaLevel>) {
    for held in 0..cards_in_pool {
        match quotas.admits(&path, CardMillis::whole(1), CardMillis::whole(cards_in_pool - held)) {
            Ok(()) => quotas.hold(&path, CardMillis::whole(1)),
            Err(exceeded) => return (held, Some(exceeded.scope.level())),
        }
    }
    (cards_in_pool, None)
}

#[test]
fn each_level_has_a_limit_of_its_own_and_the_widest_that_is_reached_is_named() {
    let everywhere = QuotaScope::default();
    let pool = QuotaScope { pool: Some(POOL), ..everywhere };
    let ocean = QuotaScope { organization: Some(OCEAN), ..everywhere };
    let sonar = QuotaScope { project: Some(SONAR), ..ocean };
    let buoys = QuotaScope { project: Some(BUOYS), ..within(OCEAN) };
    let li = QuotaScope { user: Some(LI), ..ocean };
    let li_here = QuotaScope { user: Some(LI), ..within(OCEAN) };
    let li_at_sonar = QuotaScope { user: Some(LI), ..sonar };
    for (scope, level) in [
        (everywhere, QuotaLevel::Center),
        (pool, QuotaLevel::Pool),
        (ocean, QuotaLevel::Organization),
        (within(OCEAN), QuotaLevel::Organization),
        (sonar, QuotaLevel::Project),
        (buoys, QuotaLevel::Project),
        (li, QuotaLevel::User),
        (li_here, QuotaLevel::User),
        (li_at_sonar, QuotaLevel::User),
    ] {
        let mut quotas = with(&[(scope, quota(0, Some(3), None))]);
        assert_eq!(fill(&mut quotas, path(OCEAN, Some(BUOYS), LI), 8), (3, Some(level)), "{scope:?}");
        assert_eq!(quotas.lowest_limit(&path(OCEAN, Some(BUOYS), LI)), Some((scope, CardMillis::whole(3))));
        let mut both = with(&[(scope, quota(0, Some(3), None)), (everywhere, quota(0, Some(3), None))]);
        assert_eq!(fill(&mut both, path(OCEAN, Some(BUOYS), LI), 8), (3, Some(QuotaLevel::Center)), "{scope:?}");
    }
    let mut quotas = with(&[(li_at_sonar, quota(0, Some(3), None))]);
    assert_eq!(fill(&mut quotas, path(OCEAN, None, LI), 8), (8, None), "work outside the project is not counted");
    assert_eq!(fill(&mut quotas, path(OCEAN, Some(SONAR), WANG), 8), (8, None), "nor is that of others");
}

#[test]
fn what_is_guaranteed_and_not_lendable_is_kept() {
    // (guaranteed, lendable) of Ocean in a pool of 12; then what Harbour can get, and what Ocean can get after it.
    for (guaranteed, lendable, harbour, ocean) in
        [(8, None, 12, 0), (8, Some(8), 12, 0), (8, Some(3), 7, 5), (8, Some(0), 4, 8), (0, None, 12, 0)]
    {
        let mut quotas = with(&[(within(OCEAN), quota(guaranteed, None, lendable))]);
        let case = format!("{guaranteed} guaranteed, {lendable:?} lendable");
        let (held, _) = fill(&mut quotas, path(HARBOUR, None, WANG), 12);
        assert_eq!(held, harbour, "{case}");
        let left = 12 - held;
        let mut more = 0;
        let own = path(OCEAN, None, LI);
        while more < left && quotas.admits(&own, CardMillis::whole(1), CardMillis::whole(left - more)).is_ok() {
            quotas.hold(&own, CardMillis::whole(1));
            more += 1;
        }
        assert_eq!(more, ocean, "{case}");
    }
}

#[test]
fn what_a_project_keeps_is_part_of_what_its_organization_keeps() {
    let sonar = QuotaScope { project: Some(SONAR), ..within(OCEAN) };
    let mut quotas = with(&[(within(OCEAN), quota(6, Some(8), Some(0))), (sonar, quota(4, None, Some(0)))]);
    assert_eq!(fill(&mut quotas, path(HARBOUR, None, WANG), 12).0, 6, "Ocean's six are kept");
    let beside = path(OCEAN, None, LI);
    let mut held = 0;
    while quotas.admits(&beside, CardMillis::whole(1), CardMillis::whole(6 - held)).is_ok() {
        quotas.hold(&beside, CardMillis::whole(1));
        held += 1;
    }
    assert_eq!(held, 2, "of the six, four are kept for Sonar");
    let exceeded = quotas.admits(&beside, CardMillis::whole(1), CardMillis::whole(4)).unwrap_err();
    assert_eq!((exceeded.scope.level(), exceeded.kept), (QuotaLevel::Pool, CardMillis::whole(4)));
    for free in [4, 3, 2, 1] {
        let own = path(OCEAN, Some(BUOYS), LI);
        quotas.admits(&own, CardMillis::whole(1), CardMillis::whole(free)).expect("what is kept is there");
        quotas.hold(&own, CardMillis::whole(1));
    }
}

#[test]
fn work_without_cards_is_never_held_back() {
    let mut quotas = with(&[(QuotaScope::default(), quota(0, Some(0), None))]);
    assert_eq!(quotas.admits(&path(OCEAN, None, LI), CardMillis(0), CardMillis(0)), Ok(()));
    quotas.hold(&path(OCEAN, None, LI), CardMillis(0));
}

/// A quota tree as a person would define it: what a level counts is asked of it anew each time.
struct Plain<'a> {
    quotas: &'a BTreeMap<QuotaScope, Quota>,
    held: &'a BTreeMap<(OrganizationId, Option<ProjectId>, UserId), u32>,
}

impl Plain<'_> {
    fn held(&self, scope: &QuotaScope) -> u32 {
        let is_within = |(organization, project, user): &(OrganizationId, Option<ProjectId>, UserId)| {
            scope.organization.is_none_or(|own| own == *organization)
                && scope.project.is_none_or(|own| project.is_some_and(|project| lineage(project).contains(&own)))
                && scope.user.is_none_or(|own| own == *user)
        };
        self.held.iter().filter(|(who, _)| is_within(who)).map(|(_, cards)| cards).sum()
    }

    /// What the level above counts of a scope in the pool.
    fn counted(&self, scope: QuotaScope) -> u32 {
        let below: Vec<QuotaScope> = match (scope.organization, scope.project) {
            (None, _) => [OCEAN, HARBOUR].map(within).to_vec(),
            (Some(_), None) => vec![QuotaScope { project: Some(SONAR), ..scope }],
            (Some(_), Some(SONAR)) => vec![QuotaScope { project: Some(BUOYS), ..scope }],
            _ => Vec::new(),
        };
        let in_below: u32 = below.iter().map(|scope| self.held(scope)).sum();
        let taken = self.held(&scope) - in_below + below.into_iter().map(|scope| self.counted(scope)).sum::<u32>();
        taken.max(self.quotas.get(&scope).map_or(0, |quota| quota.kept().0))
    }

    fn is_broken(&self, in_pool: u32) -> bool {
        self.quotas.iter().any(|(scope, quota)| {
            let tree = scope.pool.is_some() && scope.user.is_none();
            let bare = BTreeMap::from_iter(self.quotas.iter().map(|(other, quota)| {
                (*other, if other == scope { Quota { guaranteed: CardMillis(0), ..*quota } } else { *quota })
            }));
            let counted =
                if tree { Plain { quotas: &bare, held: self.held }.counted(*scope) } else { self.held(scope) };
            quota.limit.is_some_and(|limit| counted > limit.0)
        }) || {
            let pool = QuotaScope { pool: Some(POOL), ..QuotaScope::default() };
            self.counted(pool) > in_pool
        }
    }
}

proptest! {
    /// One more card is admitted exactly if afterwards, counted from scratch, no quota is broken that would grow by it.
    #[test]
    fn what_is_kept_in_step_is_what_would_be_counted_from_scratch(
        limits in proptest::collection::vec((0usize..9, 0u32..5, proptest::option::of(0u32..5), 0u32..6), 0..6),
        starts in proptest::collection::vec((0usize..2, 0usize..3, 0usize..2, any::<bool>()), 1..40),
    ) {
        let everywhere = QuotaScope::default();
        let pool = QuotaScope { pool: Some(POOL), ..everywhere };
        let ocean = QuotaScope { organization: Some(OCEAN), ..everywhere };
        let scopes = [
            pool, within(OCEAN), within(HARBOUR), ocean,
            QuotaScope { project: Some(SONAR), ..within(OCEAN) },
            QuotaScope { project: Some(BUOYS), ..within(OCEAN) },
            QuotaScope { project: Some(SONAR), ..ocean },
            QuotaScope { user: Some(LI), ..within(OCEAN) },
            QuotaScope { user: Some(LI), ..ocean },
        ];
        let in_pool = 8;
        let mut set = BTreeMap::new();
        for (scope, guaranteed, lendable, more) in limits {
            let scope = scopes[scope];
            let keeps = scope.pool.is_some() && scope.organization.is_some() && scope.user.is_none();
            let guaranteed = if keeps { guaranteed } else { 0 };
            let quota = quota(guaranteed, (more < 5).then_some(guaranteed + more), lendable.filter(|_| keeps));
            set.insert(scope, quota);
        }
        let mut quotas = Quotas::default();
        set.iter().for_each(|(scope, quota)| quotas.set(*scope, *quota, CardMillis(0)));
        quotas.recount(lineage, std::iter::empty());
        let mut held: BTreeMap<(OrganizationId, Option<ProjectId>, UserId), u32> = BTreeMap::new();
        let in_pool_now = |held: &BTreeMap<_, u32>| held.values().sum::<u32>();
        for (organization, project, user, ends) in starts {
            let organization = [OCEAN, HARBOUR][organization];
            let project = [None, Some(SONAR), Some(BUOYS)][project].filter(|_| organization == OCEAN);
            let who = (organization, project, [LI, WANG][user]);
            let path = path(who.0, who.1, who.2);
            if ends {
                if let Some(cards) = held.get_mut(&who).filter(|cards| **cards > 0) {
                    *cards -= 1000;
                    quotas.release(&path, CardMillis::whole(1));
                }
                continue;
            }
            let fits = in_pool_now(&held) < in_pool * 1000;
            let admitted = quotas.admits(&path, CardMillis::whole(1), CardMillis(in_pool * 1000 - in_pool_now(&held))).is_ok();
            let was_broken = Plain { quotas: &set, held: &held }.is_broken(in_pool * 1000);
            *held.entry(who).or_default() += 1000;
            let is_broken = Plain { quotas: &set, held: &held }.is_broken(in_pool * 1000);
            if fits && !was_broken {
                prop_assert_eq!(admitted, !is_broken, "{:?} {:?} {:?}", who, set, held);
            }
            match fits && admitted {
                true => quotas.hold(&path, CardMillis::whole(1)),
                false => *held.get_mut(&who).expect("just entered") -= 1000,
            }
            let mut fresh = quotas.clone();
            let all = held.iter().map(|(who, cards)| (crate::quotas::path(who.0, who.1, who.2), CardMillis(*cards)));
            fresh.recount(lineage, all);
            prop_assert_eq!(&fresh, &quotas);
        }
    }
}
