//! Scenarios on real databases: each runs on SQLite and on a PostgreSQL that is started for this test binary.

#[path = "store/books.rs"]
mod books;
#[path = "store/driver.rs"]
mod driver;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/history.rs"]
mod history;
#[path = "store/home.rs"]
mod home;
#[path = "store/leading.rs"]
mod leading;
#[path = "store/lists.rs"]
mod lists;
#[path = "store/postgres_faults.rs"]
mod postgres_faults;
#[path = "store/small_disk.rs"]
mod small_disk;

home::on_both! {
    books::books_prove_right_and_name_what_was_changed,
    books::sums_by_month_are_made_anew_from_an_older_journal,
    history::a_busy_history_loads_back_as_it_was_at_every_commit,
    history::the_same_inputs_give_the_same_facts_again,
    history::what_jobs_did_can_be_looked_up,
    leading::a_new_center_is_empty,
    leading::a_center_opened_twice_at_once_is_created_once,
    leading::a_leader_that_was_replaced_cannot_commit,
    leading::two_writers_of_one_epoch_cannot_both_commit,
    leading::a_centers_id_is_drawn_once,
    leading::a_database_without_one_becomes_a_center_with_an_id,
    leading::a_database_of_a_newer_version_is_refused_and_left_alone,
    leading::effects_stay_in_the_outbox_until_they_are_done,
    leading::a_key_is_answered_again_after_a_restart,
    leading::a_refused_batch_leaves_the_writer_clean,
    leading::a_commit_that_nobody_waits_for_any_more_leaves_the_writer_clean,
    lists::a_list_shows_what_its_filter_asks_for_page_by_page,
    faults::a_commit_that_fails_leaves_nothing,
    faults::a_commit_of_unknown_outcome_is_found_by_loading,
    faults::a_full_disk_is_told_apart,
    faults::a_process_killed_before_the_commit_has_not_committed,
    faults::a_process_killed_after_the_commit_has_committed,
}
