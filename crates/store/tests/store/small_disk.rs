//! A disk that is really full: the test runs itself again with a small file system of its own mounted, in a mount
//! namespace that ends with the process.

use std::path::PathBuf;
use std::process::Command;

use haina_core::Actor;
use haina_store::{CommitError, Location, Store};

use crate::driver::{Driver, OCEAN, job, small_center};
use haina_testkit::require;

const DIRECTORY: &str = "HAINA_STORE_TEST_SMALL_DISK";
const INNER: &str = "small_disk::fills_the_disk_that_another_test_mounted";

#[test]
fn a_full_disk_fails_commits_as_such_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=6m none "$1" || exit 77; exec "$2" --exact "$3" --ignored --nocapture"#;
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(directory.path())
        .arg(std::env::current_exe().unwrap())
        .arg(INNER)
        .env(DIRECTORY, directory.path())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains("1 passed"), "{text}");
        }
        Ok(output) if output.status.code() == Some(101) => {
            panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        }
        _ => require::skip("small-disk", "cannot be mounted here (unshare --mount)"),
    }
}

/// Not a test by itself.
#[tokio::test]
#[ignore = "run by the test above, with a small disk"]
async fn fills_the_disk_that_another_test_mounted() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let directory = PathBuf::from(directory);
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
