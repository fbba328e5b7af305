//! The one deterministic core, in which admission, placement, quota and money are decided together.
//!
//! `decide` reads the state and says what happens as facts; [`State::evolve`] alone changes the
//! state, by facts; [`execute`] drives the two for one command. No clock, randomness, I/O or environment in here: time
//! and fuel come with each [`Input`]. Same state, same input, same build: same facts.

mod books_check;
mod check;
mod command;
mod decide;
mod dues;
mod entity;
mod estimate;
mod evolve;
mod execute;
mod fact;
mod funding;
mod lines;
mod load;
mod months;
pub mod permission;
mod promises;
mod prospect;
mod quote;
mod rows;
mod state;
mod view;
mod weigh;
mod work_mix;

pub use books_check::{BooksCheck, BooksReport, Wrong};
pub use command::{Command, Input, KnownEnd, Reply};
pub use decide::cards_of;
pub use entity::*;
pub use estimate::Estimate;
pub use execute::{Executed, execute, execute_without_rows};
pub use fact::{ElementCounts, Fact, JobOutlook};
pub use load::EntityKey;
pub use months::{MonthAccount, MonthUser, Months, MonthsOfJournal, Moved, Whose, Worked};
pub use permission::{Action, Scope};
pub use prospect::Prospect;
pub use quote::Quote;
pub use rows::{AttemptEnd, AttemptRow, JobChange, JobDetail, JobRow, RowCollector, Rows};
pub use state::{POSITION_MOST, State, Waiting};
pub use view::View;
