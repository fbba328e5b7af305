//! Who leads, and what a leader leaves behind.

use std::time::Duration;

use haina_core::*;
use haina_store::{CommitError, IdempotencyRecord, Store, StoreError};

use crate::driver::{Driver, OCEAN, job, small_center};
use crate::home::Home;

pub async fn a_new_center_is_empty(home: Home) {
    let store = home.open().await;
    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.epoch, loaded.sequence, loaded.position), (Epoch(0), 0, 0));
    assert_eq!(loaded.state.digest(), haina_center::State::new().digest());
    assert!(loaded.outbox.is_empty() && store.facts(0, 10).await.unwrap().is_empty());
    store.probe_write().await.unwrap();
    store.probe_write().await.unwrap();
}

pub async fn a_center_opened_twice_at_once_is_created_once(home: Home) {
    let opening = (0..8).map(|_| Store::open(&home.location));
    let stores = futures::future::try_join_all(opening).await.unwrap();
    let taking = stores.iter().map(Store::take_leadership);
    let taken = futures::future::try_join_all(taking).await.unwrap();
    let mut epochs: Vec<Epoch> = taken.iter().map(|taken| taken.epoch).collect();
    epochs.sort();
    assert_eq!(epochs, (1..=8).map(Epoch).collect::<Vec<_>>());
}

pub async fn a_leader_that_was_replaced_cannot_commit(home: Home) {
    let (old_store, new_store) = (home.open().await, home.open().await);
    let mut old = Driver::lead(&old_store).await;
    old.run(Actor::Center, small_center(1)).unwrap();
    old.commit(&old_store).await.unwrap();

    let mut new = Driver::lead(&new_store).await;
    old.submit(OCEAN, vec![job("too late")]);
    assert_eq!(old.commit(&old_store).await, Err(CommitError::LeadershipLost));
    new.submit(OCEAN, vec![job("in time")]);
    new.commit(&new_store).await.unwrap();

    assert_eq!(old_store.load().await.unwrap().epoch, new.epoch, "the old one can see who leads");
    let jobs = new_store.jobs(&Default::default(), None, 10).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.name.as_str()).collect::<Vec<_>>(), ["in time"]);
}

pub async fn two_writers_of_one_epoch_cannot_both_commit(home: Home) {
    let (store, copy) = (home.open().await, home.open().await);
    let mut center = Driver::lead(&store).await;
    let batch = center.close();
    store.commit(&batch).await.unwrap();
    assert_eq!(copy.commit(&batch).await, Err(CommitError::LeadershipLost), "the sequence has moved on");
    assert_eq!(copy.load().await.unwrap().position, center.position);
}

pub async fn a_centers_id_is_drawn_once(home: Home) {
    let (first, second) = (home.open().await, home.open().await);
    let (one, other) = tokio::join!(first.center_id(CenterId(1)), second.center_id(CenterId(2)));
    let id = one.unwrap();
    assert_eq!(other.unwrap(), id);
    drop((first, second));
    assert_eq!(home.open().await.center_id(CenterId(3)).await.unwrap(), id);
}

pub async fn a_database_without_one_becomes_a_center_with_an_id(home: Home) {
    drop(home.open().await);
    for table in ["center_id", "month_accounts", "month_users"] {
        home.execute(&format!("DROP TABLE {table}"));
    }
    home.execute("UPDATE schema_version SET version = 2");
    assert_eq!(home.open().await.center_id(CenterId(1)).await.unwrap(), CenterId(1));
}

pub async fn a_database_of_a_newer_version_is_refused_and_left_alone(home: Home) {
    drop(home.open().await);
    home.execute("UPDATE schema_version SET version = 99");
    for _ in 0..2 {
        match Store::open(&home.location).await {
            Err(error @ StoreError::NewerVersion { found: 99, .. }) => {
                assert!(error.to_string().contains("version 99"), "{error}");
            }
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("a newer database was opened"),
        }
    }
}

pub async fn effects_stay_in_the_outbox_until_they_are_done(home: Home) {
    let store = home.open().await;
    let mut center = Driver::lead(&store).await;
    center.run(Actor::Center, small_center(1)).unwrap();
    center.submit(OCEAN, vec![job("one"), job("two")]);
    let placed = center.advance();
    center.commit(&store).await.unwrap();
    let target = JobTarget { job: placed[0].job, element: None };
    center.run(OCEAN, haina_center::Command::Cancel { target }).unwrap();
    center.commit(&store).await.unwrap();

    let keys = |outbox: &[Effect]| outbox.iter().map(Effect::key).collect::<Vec<_>>();
    let outbox = store.load().await.unwrap().outbox;
    assert_eq!(keys(&outbox), ["launch/1.1", "launch/2.1", "stop/1.1"], "oldest first");

    center.done("launch/2.1".to_owned());
    center.done("launch/2.1".to_owned());
    center.done("never heard of".to_owned());
    center.commit(&store).await.unwrap();
    assert_eq!(keys(&store.load().await.unwrap().outbox), ["launch/1.1", "stop/1.1"]);
    assert_eq!(store.load().await.unwrap().outbox, center.effects);
}

pub async fn a_key_is_answered_again_after_a_restart(home: Home) {
    let store = home.open().await;
    let mut center = Driver::lead(&store).await;
    let record = IdempotencyRecord {
        user: UserId(2),
        key: "提交 1".to_owned(),
        request: Digest::of(b"request"),
        reply: r#"{"submitted":[1]}"#.to_owned(),
        at: center.now,
    };
    center.note_key(record.clone());
    center.commit(&store).await.unwrap();
    drop(store);

    let store = home.open().await;
    assert_eq!(store.idempotent(UserId(2), "提交 1").await.unwrap(), Some(record));
    assert_eq!(store.idempotent(UserId(3), "提交 1").await.unwrap(), None, "keys are each user's own");
    assert_eq!(store.idempotent(UserId(2), "提交 2").await.unwrap(), None);
    assert_eq!(store.idempotent(UserId(2), "\0").await.unwrap(), None);
}

pub async fn a_refused_batch_leaves_the_writer_clean(home: Home) {
    let store = home.open().await;
    let mut center = Driver::lead(&store).await;
    center.run(Actor::Center, small_center(1)).unwrap();
    center.commit(&store).await.unwrap();

    // The second fact has the first one's position: the database refuses it half way.
    let ids = center.submit(OCEAN, vec![job("one"), job("two")]);
    let mut batch = center.close();
    let right = batch.facts.clone();
    batch.facts[1].position = batch.facts[0].position;
    for _ in 0..3 {
        assert!(matches!(store.commit(&batch).await, Err(CommitError::Failed(_))));
    }
    assert!(store.job(ids[0]).await.unwrap().is_none(), "nothing of it is there");
    batch.facts = right;
    store.commit(&batch).await.unwrap();
    assert_eq!(store.load().await.unwrap().state.digest(), center.state.digest());

    // A change of a job that is not there is no commit either.
    center.advance();
    let mut batch = center.close();
    let change = batch.rows.jobs_changed[&ids[0]].clone();
    batch.rows.jobs_changed.insert(JobId(77), change);
    assert!(matches!(store.commit(&batch).await, Err(CommitError::Failed(_))));
    batch.rows.jobs_changed.remove(&JobId(77));
    store.commit(&batch).await.unwrap();
    assert_eq!(store.load().await.unwrap().state.digest(), center.state.digest());
}

pub async fn a_commit_that_nobody_waits_for_any_more_leaves_the_writer_clean(home: Home) {
    let store = home.open().await;
    let mut center = Driver::lead(&store).await;
    center.run(Actor::Center, small_center(1)).unwrap();
    center.commit(&store).await.unwrap();
    for wait_us in [0, 200, 800, 3000] {
        center.submit(OCEAN, (0..200).map(|n| job(format!("job-{n}"))).collect());
        let batch = center.close();
        let cut_short = tokio::time::timeout(Duration::from_micros(wait_us), store.commit(&batch)).await;
        if cut_short.is_err() && store.load().await.unwrap().sequence != batch.sequence {
            store.commit(&batch).await.unwrap();
        }
        assert_eq!(store.load().await.unwrap().state.digest(), center.state.digest());
    }
}
