//! Quotas from the center down to one user: who may start, who waits and why, and what is refused.

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use common::*;
use haina_center::Command;
use haina_core::center_definition::{CenterDefinition, ProjectDefinition, QuotaDefinition};
use haina_core::*;

const NOTHING: QuotaDefinition = QuotaDefinition {
    pool: None,
    organization: None,
    project: None,
    user: None,
    quota: Quota { guaranteed: CardMillis(0), limit: None, lendable: None },
};

fn name(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn at_most(scope: QuotaDefinition, limit: u32) -> QuotaDefinition {
    QuotaDefinition { quota: Quota { limit: Some(CardMillis::whole(limit)), ..scope.quota }, ..scope }
}

fn guarantee(scope: QuotaDefinition, guaranteed: u32, lendable: Option<u32>) -> QuotaDefinition {
    let (guaranteed, lendable) = (CardMillis::whole(guaranteed), lendable.map(CardMillis::whole));
    QuotaDefinition { quota: Quota { guaranteed, lendable, ..scope.quota }, ..scope }
}

fn in_pool(organization: &str) -> QuotaDefinition {
    QuotaDefinition { pool: name("public"), organization: name(organization), ..NOTHING }
}

fn of_project(organization: &str, project: &str) -> QuotaDefinition {
    QuotaDefinition { organization: name(organization), project: name(project), ..NOTHING }
}

fn set(story: &mut Story, definition: QuotaDefinition) -> Result<(), Refusal> {
    story.by(OPERATOR, Command::SetQuota { definition }).map(drop)
}

fn add_project(story: &mut Story, organization: &str, project: &str, parent: Option<&str>) {
    let (name, organization, parent) = (project.to_owned(), organization.to_owned(), parent.map(str::to_owned));
    story.by(OPERATOR, Command::AddProject { definition: ProjectDefinition { name, organization, parent } }).unwrap();
}

fn of(project: &str, cards: f64) -> JobRequest {
    JobRequest { project: name(project), ..job(project, cards) }
}

/// The level at which a job waits for a quota.
fn waits_at(story: &Story, id: JobId) -> QuotaLevel {
    match story.state.waiting(id).expect("the job waits").reason {
        WaitReason::Quota { level, .. } => level,
        other => panic!("job {id} waits for another reason: {other:?}"),
    }
}

fn runs(story: &Story, id: JobId) -> bool {
    !story.attempts(id).is_empty()
}

#[test]
fn a_limit_holds_at_every_level_and_is_named() {
    let project = of_project("harbour", "cranes");
    let user = QuotaDefinition { user: name("harbour-dev"), organization: name("harbour"), ..NOTHING };
    for (scope, level) in [
        (NOTHING, QuotaLevel::Center),
        (QuotaDefinition { pool: name("public"), ..NOTHING }, QuotaLevel::Pool),
        (in_pool("harbour"), QuotaLevel::Organization),
        (project.clone(), QuotaLevel::Project),
        (QuotaDefinition { pool: name("public"), ..project }, QuotaLevel::Project),
        (user.clone(), QuotaLevel::User),
        (QuotaDefinition { pool: name("public"), project: name("cranes"), ..user }, QuotaLevel::User),
    ] {
        let mut story = Story::begin();
        story
            .by(
                OPERATOR,
                Command::SetOrganization {
                    kind: None,
                    qualifications: None,
                    name: "ocean".to_owned(),
                    title: None,
                    card_limit: Some(CardMillis::whole(4)),
                    suspended: None,
                    weight: None,
                    guaranteed: None,
                },
            )
            .unwrap();
        add_project(&mut story, "harbour", "cranes", None);
        add_project(&mut story, "harbour", "arms", Some("cranes"));
        set(&mut story, at_most(scope.clone(), 4)).unwrap();
        let first = story.submit_one(HARBOUR, of("arms", 3.0));
        let second = story.submit_one(HARBOUR, of("arms", 2.0));
        assert!(runs(&story, first) && !runs(&story, second), "{scope:?}");
        assert_eq!(waits_at(&story, second), level, "{scope:?}");
        let refusal = story.refused(HARBOUR, of("arms", 5.0));
        assert_eq!((refusal.code, refusal.values["level"].as_str()), (Code::QuotaExceeded, level.word()), "{scope:?}");
        story.finish(first, SUCCESS);
        assert!(runs(&story, second), "{scope:?}: what is given back is free for who waits");
    }
}

#[test]
fn another_organization_is_not_held_back_by_what_holds_back_one() {
    let mut story = Story::begin();
    set(&mut story, at_most(in_pool("harbour"), 4)).unwrap();
    let first = story.submit_one(HARBOUR, job("first", 4.0));
    let waits = story.submit_one(HARBOUR, job("second", 1.0));
    let other = story.submit_one(OCEAN, job("other", 8.0));
    assert!(runs(&story, first) && !runs(&story, waits) && runs(&story, other));
}

#[test]
fn one_user_at_a_limit_does_not_hold_back_the_others() {
    for policy in ["fair", "fifo", "fifo-skip", "throughput"] {
        let mut story = Story::begin();
        story.by(OPERATOR, Command::SetPolicy { policy: Policy::named(policy).unwrap() }).unwrap();
        one_user_at_a_limit(story);
    }
}

fn one_user_at_a_limit(mut story: Story) {
    story
        .by(
            OPERATOR,
            Command::AddUser { name: "wang".to_owned(), role: Role::Developer, organization: name("harbour") },
        )
        .unwrap();
    let wang = Actor::User(UserId(5));
    let user = QuotaDefinition { user: name("harbour-dev"), organization: name("harbour"), ..NOTHING };
    set(&mut story, at_most(user, 2)).unwrap();
    let first = story.submit_one(HARBOUR, job("first", 2.0));
    let waits = story.submit_one(HARBOUR, job("first", 2.0));
    let of_wang = story.submit_one(wang, job("first", 2.0));
    assert!(runs(&story, first) && runs(&story, of_wang) && !runs(&story, waits));
    assert_eq!(waits_at(&story, waits), QuotaLevel::User);
    story.finish(of_wang, SUCCESS);
    assert!(!runs(&story, waits), "that was not what it waits for");
    story.finish(first, SUCCESS);
    assert!(runs(&story, waits));
}

#[test]
fn an_estimated_start_knows_of_quotas() {
    let mut story = Story::begin();
    add_project(&mut story, "harbour", "cranes", None);
    set(&mut story, at_most(of_project("harbour", "cranes"), 4)).unwrap();
    let running = story.submit_one(HARBOUR, of("cranes", 4.0));
    let waits = story.submit_one(HARBOUR, of("cranes", 4.0));
    let estimate = story.state.estimated_start(waits, story.now).expect("the job is in line");
    assert!(estimate.start > story.now, "twelve cards are free, but not for this project");
    story.finish(running, SUCCESS);
    assert!(runs(&story, waits));
}

#[test]
fn what_is_guaranteed_is_lent_as_far_as_it_is_lendable() {
    let mut story = Story::begin();
    set(&mut story, guarantee(in_pool("ocean"), 8, Some(2))).unwrap();
    let jobs: Vec<JobId> = (0..12).map(|_| story.submit_one(HARBOUR, job("borrows", 1.0))).collect();
    let running = jobs.iter().filter(|id| runs(&story, **id)).count();
    assert_eq!(running, 10, "of sixteen cards six are kept for ocean");
    let sentence = story.state.waiting(jobs[10]).unwrap().reason.sentence(Language::English);
    let expected = "It needs 1 card(s); its pool holds 10 of the 16 that it may, and 6 are kept for others.";
    assert_eq!(sentence, expected);
    let own: Vec<JobId> = (0..8).map(|_| story.submit_one(OCEAN, job("own", 1.0))).collect();
    assert_eq!(own.iter().filter(|id| runs(&story, **id)).count(), 6, "what it kept is there at once");
    story.finish(jobs[0], SUCCESS);
    assert!(runs(&story, own[6]), "what was lent comes back first: ocean holds less than is guaranteed to it");
}

#[test]
fn a_drained_node_takes_nothing_from_what_is_kept() {
    let mut story = Story::begin();
    set(&mut story, guarantee(in_pool("ocean"), 8, Some(0))).unwrap();
    story.by(OPERATOR, Command::SetNode { node: "n2".to_owned(), draining: true, reason: String::new() }).unwrap();
    let borrows = story.submit_one(HARBOUR, job("borrows", 1.0));
    assert_eq!(waits_at(&story, borrows), QuotaLevel::Pool, "all that is left is ocean's");
    let own = story.submit_one(OCEAN, job("own", 8.0));
    assert!(runs(&story, own));
    story.by(OPERATOR, Command::SetNode { node: "n2".to_owned(), draining: false, reason: String::new() }).unwrap();
    assert!(runs(&story, borrows), "with the second node there is enough for both");
}

#[test]
fn a_lowered_quota_stops_admission_and_evicts_nobody() {
    let mut story = Story::begin();
    let running = story.submit_one(HARBOUR, job("running", 6.0));
    set(&mut story, at_most(in_pool("harbour"), 4)).unwrap();
    let waits = story.submit_one(HARBOUR, job("waits", 1.0));
    assert!(runs(&story, running) && !runs(&story, waits));
    set(&mut story, in_pool("harbour")).unwrap();
    assert!(runs(&story, waits), "a quota without numbers holds no more");
}

#[test]
fn a_quota_that_contradicts_another_is_refused_by_field_and_changes_nothing() {
    let mut story = Story::begin();
    add_project(&mut story, "ocean", "sonar", None);
    add_project(&mut story, "ocean", "buoys", Some("sonar"));
    set(&mut story, at_most(guarantee(in_pool("ocean"), 8, Some(4)), 10)).unwrap();
    let pool = QuotaDefinition { pool: name("public"), ..NOTHING };
    let project = QuotaDefinition { pool: name("public"), ..of_project("ocean", "sonar") };
    set(&mut story, guarantee(project.clone(), 3, Some(1))).unwrap();
    let before = story.state.digest();
    for (definition, field) in [
        (at_most(guarantee(in_pool("harbour"), 6, None), 5), "guaranteed"),
        (guarantee(in_pool("harbour"), 6, Some(7)), "lendable"),
        (guarantee(in_pool("harbour"), 9, None), "guaranteed"),
        (guarantee(pool.clone(), 3, None), "guaranteed"),
        (guarantee(of_project("ocean", "sonar"), 1, None), "guaranteed"),
        (at_most(project.clone(), 11), "limit"),
        (at_most(of_project("ocean", "sonar"), 13), "limit"),
        (guarantee(project.clone(), 9, None), "guaranteed"),
        (guarantee(project.clone(), 5, Some(0)), "lendable"),
        (guarantee(QuotaDefinition { pool: name("public"), ..of_project("harbour", "sonar") }, 1, None), ""),
        (at_most(pool.clone(), 9), "limit"),
        (at_most(in_pool("ocean"), 2), "limit"),
        (in_pool("ocean"), "guaranteed"),
        (at_most(QuotaDefinition { organization: name("ocean"), ..NOTHING }, 5), "organization"),
        (at_most(QuotaDefinition { project: name("sonar"), ..NOTHING }, 5), "organization"),
    ] {
        let refusal = set(&mut story, definition.clone()).unwrap_err();
        let known = refusal.values.get("field").map(String::as_str).unwrap_or_default();
        assert_eq!(known, field, "{definition:?}: {}", refusal.sentence(Language::English));
    }
    assert_eq!(story.state.digest(), before);
}

#[test]
fn an_administrator_divides_what_its_organization_has_and_no_more() {
    let mut story = Story::begin();
    let add = Command::AddUser { name: "boss".to_owned(), role: Role::TenantAdmin, organization: name("harbour") };
    story.by(OPERATOR, add).unwrap();
    let boss = Actor::User(UserId(5));
    let cranes = |organization: &str| ProjectDefinition {
        name: "cranes".to_owned(),
        organization: organization.to_owned(),
        parent: None,
    };
    story.by(boss, Command::AddProject { definition: cranes("harbour") }).unwrap();
    let refused = story.by(boss, Command::AddProject { definition: cranes("ocean") }).unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    let set = |story: &mut Story, definition| story.by(boss, Command::SetQuota { definition });
    set(&mut story, at_most(of_project("harbour", "cranes"), 4)).unwrap();
    for definition in [at_most(in_pool("harbour"), 4), at_most(NOTHING, 4), at_most(of_project("ocean", "cranes"), 4)] {
        assert_eq!(set(&mut story, definition).unwrap_err().code, Code::Forbidden);
    }
}

fn applied(change: impl Fn(&mut CenterDefinition)) -> Result<(), Refusal> {
    let mut center = definition();
    change(&mut center);
    Story::begin().by(Actor::Center, Command::Apply { definition: Box::new(center) }).map(drop)
}

#[test]
fn a_center_file_that_contradicts_itself_is_refused_with_the_entry() {
    let project = |name: &str, parent: Option<&str>| ProjectDefinition {
        name: name.to_owned(),
        organization: "ocean".to_owned(),
        parent: parent.map(str::to_owned),
    };
    let entry = |refusal: Refusal| (refusal.code, refusal.values["table"].clone(), refusal.values["entry"].clone());
    let refused = |change: &dyn Fn(&mut CenterDefinition)| entry(applied(change).unwrap_err());
    let expected = |code, table: &str, entry: &str| (code, table.to_owned(), entry.to_owned());
    applied(|center| center.projects = vec![project("buoys", Some("sonar")), project("sonar", None)]).unwrap();
    assert_eq!(
        refused(&|center| {
            center.projects = vec![project("a", None), project("b", Some("c")), project("c", Some("b"))];
        }),
        expected(Code::InvalidValue, "projects", "1")
    );
    assert_eq!(
        refused(&|center| center.projects = vec![project("a", None), project("a", None)]),
        expected(Code::NameTaken, "projects", "1")
    );
    assert_eq!(
        refused(&|center| center.projects = vec![project("a", Some("none"))]),
        expected(Code::NotFound, "projects", "0")
    );
    assert_eq!(
        refused(&|center| center.quotas = vec![at_most(in_pool("ocean"), 4), at_most(in_pool("ocean"), 5)]),
        expected(Code::InvalidValue, "quotas", "1")
    );
    assert_eq!(
        refused(&|center| center.quotas = vec![at_most(in_pool("ocean"), 13)]),
        expected(Code::InvalidValue, "quotas", "0")
    );
    let whole = guarantee(in_pool("ocean"), 8, Some(0));
    let part = guarantee(QuotaDefinition { pool: name("public"), ..of_project("ocean", "sonar") }, 4, Some(0));
    applied(|center| {
        center.projects = vec![project("sonar", None)];
        center.quotas = vec![part.clone(), whole.clone()];
    })
    .expect("a part may stand before the whole");
    assert_eq!(
        refused(&|center| center.organizations.push(center.organizations[1].clone())),
        expected(Code::NameTaken, "organizations", "3")
    );
    assert_eq!(refused(&|center| center.users.push(center.users[1].clone())), expected(Code::NameTaken, "users", "4"));
    assert_eq!(refused(&|center| center.pools.push(center.pools[0].clone())), expected(Code::NameTaken, "pools", "1"));
    assert_eq!(
        refused(&|center| center.card_models.push(center.card_models[0].clone())),
        expected(Code::NameTaken, "card_models", "1")
    );
    let mut unknown = definition();
    unknown.nodes[1].card_model = name("h100");
    unknown.nodes[1].name = "n3".to_owned();
    let refusal = applied(|center| *center = unknown.clone()).unwrap_err();
    assert_eq!((refusal.code, refusal.values["node"].as_str()), (Code::NotFound, "1"));
}

#[test]
fn what_the_file_sets_is_set_once_and_a_restart_changes_nothing() {
    let mut story = Story::begin();
    let mut center = definition();
    center.projects =
        vec![ProjectDefinition { name: "sonar".to_owned(), organization: "ocean".to_owned(), parent: None }];
    center.quotas = vec![at_most(of_project("ocean", "sonar"), 4)];
    let apply = Command::Apply { definition: Box::new(center) };
    story.by(Actor::Center, apply.clone()).unwrap();
    set(&mut story, at_most(of_project("ocean", "sonar"), 6)).unwrap();
    let before = story.state.digest();
    story.by(Actor::Center, apply).unwrap();
    assert_eq!(story.state.digest(), before, "what was set since then stays");
}
