//! A disk that is really full.

use haina_core::Actor;
use haina_store::{CommitError, Location, Store};
use haina_testkit::small_disk;

use crate::driver::{Driver, OCEAN, job, small_center};

#[test]
fn a_full_disk_fails_commits_as_such_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    small_disk::run(directory.path(), "6m", "small_disk::fills_the_disk_that_another_test_mounted");
}

/// Not a test by itself.
#[tokio::test]
#[ignore = "run by the test above, with a small disk"]
async fn fills_the_disk_that_another_test_mounted() {
    let Some(directory) = small_disk::directory() else { return };
    let store = Store::open(&Location::Sqlite(directory.join("center.db"))).await.unwrap();
    let mut center = Driver::lead(&store).await;
    center.run(Actor::Center, small_center(1)).unwrap();
    center.commit(&store).await.unwrap();
    let ballast = directory.join("ballast");
    std::fs::write(&ballast, vec![1; 1 << 20]).unwrap();

    let mut committed = 0;
    let failed = loop {
        let digest = center.state.digest();
        center.submit(OCEAN, (0..100).map(|n| job(format!("job-{n}"))).collect());
        let batch = center.close();
        match store.commit(&batch).await {
            Ok(()) => committed += 100,
            Err(error) => {
                assert!(matches!(error, CommitError::DiskFull(_)), "{error:?}");
                let loaded = store.load().await.unwrap();
                assert_eq!(loaded.state.digest(), digest, "nothing of it is there");
                break batch;
            }
        }
    };
    assert!(committed > 0);
    // Questions are still answered.
    assert_eq!(store.jobs(&Default::default(), None, 100_000).await.unwrap().len(), committed);
    for _ in 0..3 {
        store.probe_write().await.unwrap_err();
        assert!(matches!(store.commit(&failed).await, Err(CommitError::DiskFull(_))));
    }
    std::fs::remove_file(ballast).unwrap();
    store.probe_write().await.unwrap();
    store.commit(&failed).await.unwrap();
    assert_eq!(store.load().await.unwrap().state.digest(), center.state.digest());
}
