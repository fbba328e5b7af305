//! Where 10,000 users of 100 organizations stand: all ranked anew, and what it costs to keep the line when one of them
//! starts something. On one core.
//!
//! `cargo run --release -p haina-scheduler --example shares`

use std::hint::black_box;
use std::time::Instant;

use haina_core::{CardUse, Order, OrganizationId, PriorityWeights, Timestamp, UserId};
use haina_scheduler::{DecayedUse, Shares, fair_share_head_starts, share_table};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
const ROUNDS: u32 = 200;

fn shares(users: u32) -> Shares {
    let mut shares = Shares::default();
    for user in 0..users {
        let organization = OrganizationId(user % 100 + 1);
        // Whatever order they are in, it is not that of the ids.
        let used = u64::from(user.wrapping_mul(2_654_435_761)) << 16;
        let as_of = Timestamp(NOW.0 - i64::from(user) * 1_000_000);
        let mut all = shares.used(organization, None).unwrap_or_default();
        all.add(CardUse(used), as_of);
        shares.load(organization, None, all);
        shares.load(organization, Some(UserId(user + 1)), DecayedUse { value: CardUse(used), as_of });
    }
    shares
}

fn measure<T>(what: &str, run: impl Fn() -> T) {
    let from = Instant::now();
    (0..ROUNDS).for_each(|_| _ = black_box(run()));
    println!("{what}: {:.3} ms", from.elapsed().as_secs_f64() * 1000.0 / f64::from(ROUNDS));
}

fn main() {
    for users in [1_000, 10_000] {
        let shares = shares(users);
        println!("{users} users");
        measure("  Fair Tree and the classic factors of all", || share_table(&shares, NOW));
        measure("  fair-tree, when one starts or ends", || {
            let own = (OrganizationId(1), UserId(1));
            (shares.of_organization(Order::FairTree, own.0), shares.of_user(Order::FairTree, own.0, own.1))
        });
        measure("  multifactor, when one starts or ends", || {
            fair_share_head_starts(&PriorityWeights::DEFAULT, &shares)
        });
    }
}
