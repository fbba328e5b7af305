//! What only a server can do: lose connections, fail at COMMIT, or commit after its client has gone.

use std::time::{Duration, Instant};

use haina_core::Actor;
use haina_store::{CommitError, Store};

use crate::driver::{Driver, OCEAN, job, small_center};
use crate::home::Home;

async fn center(home: &Home) -> (Store, Driver) {
    let store = home.open().await;
    let mut center = Driver::lead(&store).await;
    center.run(Actor::Center, small_center(1)).unwrap();
    center.commit(&store).await.unwrap();
    (store, center)
}

/// Has `body` run by the server at the COMMIT of every batch that adds facts.
fn at_commit(home: &Home, body: &str) {
    home.execute(&format!(
        "CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON leader DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION at_commit()"
    ));
}

fn no_longer_at_commit(home: &Home) {
    home.execute("DROP TRIGGER at_commit ON leader");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_were_lost_while_idle_are_replaced() {
    let Some(home) = Home::postgres() else { return };
    let (store, mut center) = center(&home).await;
    let ids = center.submit(OCEAN, vec![job("before")]);
    center.commit(&store).await.unwrap();
    assert!(store.job(ids[0]).await.unwrap().is_some());
    home.disconnect_all();
    let ids = center.submit(OCEAN, vec![job("after")]);
    center.commit(&store).await.unwrap();
    assert!(store.job(ids[0]).await.unwrap().is_some());
    home.disconnect_all();
    assert_eq!(store.load().await.unwrap().state.digest(), center.state.digest());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_lost_at_commit_leaves_the_outcome_unknown() {
    let Some(home) = Home::postgres() else { return };
    let (store, mut center) = center(&home).await;
    let digest = center.state.digest();
    at_commit(&home, "PERFORM pg_terminate_backend(pg_backend_pid())");
    center.submit(OCEAN, vec![job("lost")]);
    let batch = center.close();
    assert!(matches!(store.commit(&batch).await, Err(CommitError::Unknown(_))));
    no_longer_at_commit(&home);
    assert_eq!(store.load().await.unwrap().state.digest(), digest, "as it happens, it was not committed");
    store.commit(&batch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_at_commit_leaves_the_outcome_unknown_and_the_writer_clean() {
    let Some(home) = Home::postgres() else { return };
    let (store, mut center) = center(&home).await;
    at_commit(&home, "RAISE EXCEPTION 'at commit'");
    center.submit(OCEAN, vec![job("one")]);
    let batch = center.close();
    for _ in 0..2 {
        assert!(matches!(store.commit(&batch).await, Err(CommitError::Unknown(_))));
    }
    no_longer_at_commit(&home);
    store.commit(&batch).await.unwrap();
    assert_eq!(store.load().await.unwrap().state.digest(), center.state.digest());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_waits_for_a_commit_that_the_server_is_still_about_to_make() {
    let Some(home) = Home::postgres() else { return };
    let (store, mut center) = center(&home).await;
    let store = std::sync::Arc::new(store);
    at_commit(&home, "PERFORM pg_sleep(1)");
    center.submit(OCEAN, vec![job("slow")]);
    let batch = center.close();
    let committing = tokio::spawn({
        let store = store.clone();
        async move { store.commit(&batch).await }
    });
    let deadline = Instant::now() + Duration::from_secs(20);
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    while home.execute(sleeping) != "1" {
        assert!(Instant::now() < deadline, "the commit has begun");
        tokio::task::yield_now().await;
    }
    committing.abort();
    assert!(committing.await.unwrap_err().is_cancelled());
    assert_eq!(store.load().await.unwrap().state.digest(), center.state.digest(), "it was committed after all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_a_standby_is_told() {
    let Some(home) = Home::postgres() else { return };
    let weaknesses = home.open().await.standing().await.unwrap().weaknesses;
    assert!(weaknesses[0].contains("synchronous_standby_names"), "{weaknesses:?}");
    assert_eq!(Home::sqlite().open().await.standing().await.unwrap().weaknesses, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let location = "postgres://haina:secret@127.0.0.1:1/center".parse().unwrap();
    let Err(error) = Store::open(&location).await else { panic!("there is nothing to open") };
    let text = error.to_string();
    assert!(text.contains("127.0.0.1:1/center") && !text.contains("secret"), "{text}");
}
