//! The order of the line by `fair-tree` is the ranking of Fair Tree.

use haina_core::{CardUse, Entitlement, Order, OrganizationId, Timestamp, UserId};
use haina_scheduler::{DecayedUse, Shares, share_table};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

/// Organizations with their weights and what each of their users used.
fn shares(organizations: &[(u32, Vec<u64>)], as_of: impl Fn(u32) -> Timestamp) -> Shares {
    let mut shares = Shares::default();
    let mut user = 0;
    for ((weight, users), id) in organizations.iter().zip(1..) {
        let organization = OrganizationId(id);
        shares.share(organization).entitlement = Entitlement { weight: *weight, ..Entitlement::default() };
        for used in users {
            user += 1;
            shares.join(organization, UserId(user));
            let load = DecayedUse { value: CardUse(*used), as_of: as_of(user) };
            let mut all = shares.used(organization, None).unwrap_or_default();
            all.add(load.value, load.as_of);
            shares.load(organization, None, all);
            shares.load(organization, Some(UserId(user)), load);
        }
    }
    shares
}

/// Each user with its place in line by the standings that the queue is told of.
fn positions_by_standing(shares: &Shares) -> Vec<(UserId, u32)> {
    let table = share_table(shares, NOW);
    let standing = |organization, user| {
        (shares.of_organization(Order::FairTree, organization), shares.of_user(Order::FairTree, organization, user))
    };
    let standings: Vec<_> =
        table.iter().filter_map(|row| Some((row.user?, standing(row.organization, row.user?)))).collect();
    let before = |own| standings.iter().filter(|(_, other)| *other < own).count() as u32;
    standings.iter().map(|(user, own)| (*user, before(*own) + 1)).collect()
}

fn positions_by_fair_tree(shares: &Shares) -> Vec<(UserId, u32)> {
    share_table(shares, NOW).into_iter().filter_map(|row| Some((row.user?, row.position?))).collect()
}

/// What the logarithms of are exact, so that what ties by fractions ties by them.
fn power_of_two(most: u32) -> impl Strategy<Value = u64> {
    (0..=most).prop_map(|exponent| 1 << exponent)
}

proptest! {
    #[test]
    fn ties_and_all(
        organizations in prop::collection::vec(
            (power_of_two(2), prop::collection::vec(prop_oneof![Just(0), power_of_two(3)], 0..=2)),
            0..6,
        ),
    ) {
        let doubled = |(weight, users): &(u64, Vec<u64>)| {
            // The sum of two is a power of two as well if they are equal, or one of them is none.
            let users = match users.as_slice() {
                [one, two] if *one > 0 && *two > 0 => vec![*one, *one],
                users => users.to_vec(),
            };
            (*weight as u32, users)
        };
        let organizations: Vec<_> = organizations.iter().map(doubled).collect();
        let shares = shares(&organizations, |_| NOW);
        prop_assert_eq!(positions_by_standing(&shares), positions_by_fair_tree(&shares));
    }

    #[test]
    fn whoever_used_whatever_whenever(
        organizations in prop::collection::vec(
            (1u32..1000, prop::collection::vec(prop_oneof![1 => Just(0), 4 => 1u64 << 40..1 << 50], 0..=5)),
            0..8,
        ),
        ages in prop::collection::vec(0i64..30 * 86_400_000_000, 40),
    ) {
        let shares = shares(&organizations, |user| Timestamp(NOW.0 - ages[user as usize - 1]));
        prop_assert_eq!(positions_by_standing(&shares), positions_by_fair_tree(&shares));
    }
}
