//! The server over real HTTP, with a real center, database and engine behind it. Jobs here wait, or cannot be started:
//! programs that run are the business of the tests of the `haina` program.

mod agreements;
mod center_in_a_box;
mod documented;
mod errors;
mod events;
mod jobs;
mod money_and_users;
mod quotas;
mod routes;
