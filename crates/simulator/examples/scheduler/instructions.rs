//! The hot paths, each as a small scenario in which every operation is the same and nothing else is counted: for a counter
//! of instructions, which says the same on a busy machine.

use haina_center::Command;
use haina_core::{CpuMillis, Milliseconds, UserId};

use crate::center::Center;
use crate::measures;
use crate::work::{self, CARDS_OF_NODE, Size, Work};

/// What is counted, in the words of the budget file.
pub const NAMES: [&str; 5] = ["placement", "block", "end_and_start", "backfill_probe", "rank_of_user"];

const NODES: u32 = 1_000;
const DAY: Milliseconds = Milliseconds::from_seconds(86_400);

/// Runs one and says how many operations it was; none for an unknown name.
pub fn run(name: &str) -> Option<u64> {
    Some(match name {
        "placement" => placement(),
        "block" => block(),
        "end_and_start" => end_and_start(),
        "backfill_probe" => backfill_probe(),
        "rank_of_user" => rank_of_user(),
        _ => return None,
    })
}

/// A thousand mixed jobs find their cards where a third is in use.
fn placement() -> u64 {
    let mut center = Center::new(Size::of(NODES));
    let work = Work::Mixed { gang_nodes_most: 16 };
    center.add(work, 1_000);
    center.advance();
    center.add(work, 1_000);
    center.count_instructions();
    center.advance().placements
}

/// A thousand jobs, each unlike the others, find that the center is full.
fn block() -> u64 {
    let mut center = full();
    let unlike = (0..1_000).map(|number| {
        let mut job = work::job(work::shape(1, 1), DAY);
        job.shape.cpu_per_node = CpuMillis(1000 + number);
        job
    });
    center.submit(UserId(2), unlike.collect());
    center.count_instructions();
    center.advance().first_blocks
}

/// 500 times the next attempt ends where all cards are in use and 5,000 mixed jobs wait, and who can start does.
fn end_and_start() -> u64 {
    let mut center = Center::new(Size::of(NODES));
    let work = Work::Mixed { gang_nodes_most: 16 };
    center.fill(work, 5_000);
    center.count_instructions();
    (0..500).map(|_| center.cycle(work, 1, 0).ends).sum()
}

/// 5,000 alike jobs behind a promised head are looked at for one that ends in time; none does.
fn backfill_probe() -> u64 {
    let probes = 5_000;
    let mut center = measures::behind_a_promise(NODES, probes, true);
    center.count_instructions();
    center.advance();
    u64::from(probes)
}

/// 2,000 users are ranked anew and their waiting jobs lined up.
fn rank_of_user() -> u64 {
    let users = 2_000;
    let mut center = measures::ranked(users);
    center.count_instructions();
    let command: Command = measures::order(0);
    center.order(command);
    u64::from(users)
}

/// One whose cards are all in use for a day.
fn full() -> Center {
    let mut center = Center::new(Size::of(NODES));
    for _ in 0..NODES {
        center.submit(UserId(1), vec![work::job(work::shape(1, CARDS_OF_NODE), DAY)]);
    }
    center.advance();
    center
}
