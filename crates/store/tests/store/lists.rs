//! Lists of jobs.

use haina_center::Command;
use haina_core::*;
use haina_store::{JobFilter, JobRecord, Store};

use crate::driver::{Driver, HARBOUR, OCEAN, OPERATOR, job, small_center};
use crate::home::Home;

async fn pages(store: &Store, filter: &JobFilter, limit: u32) -> Vec<JobRecord> {
    let mut all: Vec<JobRecord> = Vec::new();
    loop {
        let page = store.jobs(filter, all.last().map(|last| last.id), limit).await.unwrap();
        assert!(page.len() <= limit as usize);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

pub async fn a_list_shows_what_its_filter_asks_for_page_by_page(home: Home) {
    let store = home.open().await;
    let mut center = Driver::lead(&store).await;
    center.run(Actor::Center, small_center(1)).unwrap();
    // Two organizations, three users, and by the end all states but `lost`.
    for round in 0..6 {
        for actor in [OCEAN, HARBOUR, OPERATOR] {
            let (mut request, payload) = job(format!("job-{round}"));
            request.organization = (actor == OPERATOR).then(|| ["ocean", "harbour"][round % 2].to_owned());
            center.submit(actor, vec![(request, payload)]);
        }
        for attempt in center.advance() {
            match attempt.job.0 % 6 {
                0 => {}
                state => {
                    center.start(attempt);
                    match state {
                        1 | 2 => center.end(attempt, Ending::Exited { code: state as u8 - 1 }),
                        3 => {
                            let target = JobTarget { job: attempt.job, element: None };
                            center.run(OPERATOR, Command::Cancel { target }).unwrap();
                        }
                        _ => {}
                    }
                }
            }
        }
        let oldest = center.state.jobs().next().map(|(id, _)| id);
        if let Some(id) = oldest {
            _ = center.run(OPERATOR, Command::Cancel { target: JobTarget { job: id, element: None } });
        }
        center.commit(&store).await.unwrap();
    }
    for attempt in center.state.view().attempts.keys().copied().take(2).collect::<Vec<_>>() {
        center.end(attempt, Ending::Stopped);
    }
    center.commit(&store).await.unwrap();

    let all = pages(&store, &JobFilter::default(), 5).await;
    let ids: Vec<u64> = all.iter().map(|job| job.id.0).collect();
    assert_eq!(ids, (1..=18).rev().collect::<Vec<u64>>(), "newest first");
    let present: std::collections::BTreeSet<JobState> = all.iter().map(|job| job.state).collect();
    assert!(present.len() >= 5, "{present:?}");
    for job in &all {
        if !job.state.is_ended() {
            assert_eq!(center.state.job_state(job.id), Some(job.state));
        }
    }

    let live: Vec<JobState> = JobState::ALL.into_iter().filter(|state| !state.is_ended()).collect();
    let mut states = vec![vec![], JobState::ALL.to_vec(), live, vec![JobState::Failed, JobState::Waiting]];
    states.extend(JobState::ALL.map(|state| vec![state]));
    for organization in [None, Some(OrganizationId(1)), Some(OrganizationId(2)), Some(OrganizationId(9))] {
        for user in [None, Some(UserId(1)), Some(UserId(2)), Some(UserId(3))] {
            for states in &states {
                let filter = JobFilter { organization, user, states: states.clone() };
                let wanted = |job: &&JobRecord| {
                    organization.is_none_or(|organization| job.organization == organization)
                        && user.is_none_or(|user| job.user == user)
                        && (states.is_empty() || states.contains(&job.state))
                };
                let expected: Vec<JobRecord> = all.iter().filter(wanted).cloned().collect();
                assert_eq!(pages(&store, &filter, 4).await, expected, "{filter:?}");
            }
        }
    }
}
