//! Who has had how much, and so who is next: the standings of organizations and of their users.
//!
//! What an attempt is expected to use counts from the moment it gets its cards, and what it did use from its end, so that
//! nobody takes everything at once for having used nothing so far.

use std::collections::BTreeMap;

use haina_core::{CardMillis, CardUse, Entitlement, Order, OrganizationId, Timestamp, UserId};

use crate::decay::DecayedUse;
use crate::lane::Standing;

/// What an organization is entitled to, holds and has used.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Share {
    /// What it is entitled to.
    pub entitlement: Entitlement,
    /// Cards that it holds.
    pub held: CardMillis,
    /// What all of it used.
    pub used: DecayedUse,
    /// What each of its users used.
    pub users: BTreeMap<UserId, DecayedUse>,
}

/// The shares of all organizations.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Shares {
    organizations: BTreeMap<OrganizationId, Share>,
}

/// An attempt, as far as it counts as use.
#[derive(Clone, Copy, Debug)]
pub struct Attempted {
    /// Who is served.
    pub organization: OrganizationId,
    /// By whom; the id that nobody has where that is not known.
    pub user: UserId,
    /// What it holds.
    pub cards: CardMillis,
    /// What it was expected to use when it was placed.
    pub expected: CardUse,
    /// When it was placed.
    pub placed: Timestamp,
}

impl Shares {
    /// The share of an organization; an empty one if nothing is known of it.
    pub fn share(&mut self, organization: OrganizationId) -> &mut Share {
        self.organizations.entry(organization).or_default()
    }

    /// What an organization is entitled to.
    pub fn entitlement(&self, organization: OrganizationId) -> Entitlement {
        self.organizations.get(&organization).map(|share| share.entitlement).unwrap_or_default()
    }

    /// Cards that an organization holds.
    pub fn held(&self, organization: OrganizationId) -> CardMillis {
        self.organizations.get(&organization).map_or(CardMillis(0), |share| share.held)
    }

    /// All shares, by organization.
    pub fn iter(&self) -> impl Iterator<Item = (OrganizationId, &Share)> {
        self.organizations.iter().map(|(id, share)| (*id, share))
    }

    /// A user works in an organization, and so has a part in it even before it uses anything.
    pub fn join(&mut self, organization: OrganizationId, user: UserId) {
        self.share(organization).users.entry(user).or_default();
    }

    /// How many users take part in an organization: who work in it, and who used something in its name.
    pub fn members(&self, organization: OrganizationId) -> usize {
        self.organizations.get(&organization).map_or(0, |share| share.users.len())
    }

    /// The last moment at which what somebody used was counted.
    pub fn last_change(&self) -> Timestamp {
        let all = self.organizations.values().flat_map(|share| share.users.values().chain([&share.used]));
        all.map(|used| used.as_of).max().unwrap_or_default()
    }

    /// The users of an organization who ever used something.
    pub fn users_with_use(&self, organization: OrganizationId) -> impl Iterator<Item = UserId> {
        let users = self.organizations.get(&organization).into_iter().flat_map(|share| &share.users);
        users.filter(|(_, used)| **used != DecayedUse::default()).map(|(user, _)| *user)
    }

    /// What an organization used, or with a user, what that one did; none if neither ever did.
    pub fn used(&self, organization: OrganizationId, user: Option<UserId>) -> Option<DecayedUse> {
        let share = self.organizations.get(&organization)?;
        let used = user.map_or(Some(&share.used), |user| share.users.get(&user));
        used.copied().filter(|used| *used != DecayedUse::default())
    }

    /// Takes in what was stored.
    pub fn load(&mut self, organization: OrganizationId, user: Option<UserId>, used: DecayedUse) {
        let share = self.share(organization);
        match user {
            None => share.used = used,
            Some(user) => _ = share.users.insert(user, used),
        }
    }

    /// All who ever used something, organizations before their users.
    pub fn keys(&self) -> impl Iterator<Item = (OrganizationId, Option<UserId>)> {
        self.organizations.iter().flat_map(|(id, share)| {
            let own = std::iter::once((None, &share.used));
            let all = own.chain(share.users.iter().map(|(user, used)| (Some(*user), used)));
            all.filter(|(_, used)| **used != DecayedUse::default()).map(|(user, _)| (*id, user))
        })
    }

    /// Counts what an attempt is expected to use.
    pub fn begin(&mut self, attempt: &Attempted) {
        let share = self.share(attempt.organization);
        share.held.0 += attempt.cards.0;
        share.used.add(attempt.expected, attempt.placed);
        if attempt.user != UserId::default() {
            share.users.entry(attempt.user).or_default().add(attempt.expected, attempt.placed);
        }
    }

    /// Counts what it used instead.
    pub fn end(&mut self, attempt: &Attempted, used: CardUse, now: Timestamp) {
        let share = self.share(attempt.organization);
        share.held.0 -= attempt.cards.0;
        let of_user = (attempt.user != UserId::default()).then(|| share.users.entry(attempt.user).or_default());
        for decayed in std::iter::once(&mut share.used).chain(of_user) {
            decayed.take_back(attempt.expected, attempt.placed, now);
            decayed.add(used, now);
        }
    }

    /// Where an organization stands. By [`Order::Fair`]: first who holds less than is guaranteed to it, by how much of
    /// that it holds; then by the cards beyond, divided by weight. Cards that come free thus go to the lowest, which
    /// fills all up to one level (water-filling). Ties, and [`Order::FairTree`] from the start, go by past use.
    pub fn of_organization(&self, order: Order, organization: OrganizationId) -> Standing {
        let Some(share) = self.organizations.get(&organization) else { return Standing::default() };
        let past = share.used.order(share.entitlement.weight, 1);
        match order {
            Order::Fair => Standing(share.level(), past),
            Order::FairTree => Standing(0, past),
            Order::Fifo | Order::Shortest | Order::Deadline | Order::Multifactor(_) => Standing::default(),
        }
    }

    /// Where a user stands within the organization: by past use. By [`Order::FairTree`] it is divided by the user's part
    /// of all shares, which makes no difference within one organization, and is what tells the users of several apart that
    /// are level: their past use is to their part of the shares as that of the others.
    pub fn of_user(&self, order: Order, organization: OrganizationId, user: UserId) -> Standing {
        let Some(share) = self.organizations.get(&organization) else { return Standing::default() };
        let used = share.users.get(&user).copied().unwrap_or_default();
        match order {
            Order::Fair => Standing(0, used.order(1, 1)),
            Order::FairTree => {
                let members = u32::try_from(share.users.len()).unwrap_or(u32::MAX);
                Standing(0, used.order(share.entitlement.weight, members))
            }
            Order::Fifo | Order::Shortest | Order::Deadline | Order::Multifactor(_) => Standing::default(),
        }
    }
}

impl Share {
    /// In millionths: below 0 where it holds less than is guaranteed to it.
    fn level(&self) -> i64 {
        let (held, guaranteed) = (i64::from(self.held.0), i64::from(self.entitlement.guaranteed.0));
        match held < guaranteed {
            true => held * 1_000_000 / guaranteed - 1_000_000,
            false => (held - guaranteed) * 1_000_000 / i64::from(self.entitlement.weight.max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: OrganizationId = OrganizationId(1);
    const B: OrganizationId = OrganizationId(2);
    const C: OrganizationId = OrganizationId(3);

    /// Gives out cards one by one to whoever stands first and wants more.
    fn fill(cards: u32, shares: [(u32, u32, u32); 3]) -> [u32; 3] {
        let mut all = Shares::default();
        let ids = [A, B, C];
        for (id, (guaranteed, weight, _)) in ids.into_iter().zip(shares) {
            *all.share(id) = Share {
                entitlement: Entitlement { guaranteed: CardMillis::whole(guaranteed), weight },
                ..Share::default()
            };
        }
        for _ in 0..cards {
            let wants = |index: usize| all.organizations[&ids[index]].held.0 < shares[index].2 * 1000;
            let next = (0..3)
                .filter(|&index| wants(index))
                .min_by_key(|&index| (all.of_organization(Order::Fair, ids[index]), ids[index]));
            if let Some(next) = next {
                all.share(ids[next]).held.0 += 1000;
            }
        }
        ids.map(|id| all.organizations[&id].held.0 / 1000)
    }

    #[test]
    fn cards_are_divided_by_guarantee_and_then_by_weight() {
        // (guaranteed, weight, wanted) of three organizations.
        for (cards, shares, held) in [
            (12, [(0, 1, 99), (0, 1, 99), (0, 1, 99)], [4, 4, 4]),
            (12, [(0, 1, 2), (0, 1, 99), (0, 1, 99)], [2, 5, 5]),
            (12, [(0, 3, 99), (0, 2, 99), (0, 1, 99)], [6, 4, 2]),
            (12, [(8, 1, 99), (0, 1, 99), (0, 1, 99)], [10, 1, 1]),
            (12, [(8, 1, 3), (0, 1, 99), (0, 1, 99)], [3, 5, 4]),
            (6, [(8, 1, 99), (4, 1, 99), (0, 1, 99)], [4, 2, 0]),
            (40, [(8, 1, 99), (4, 1, 5), (0, 1, 6)], [29, 5, 6]),
        ] {
            assert_eq!(fill(cards, shares), held, "{cards} cards among {shares:?}");
        }
    }

    #[test]
    fn what_runs_counts_and_what_ended_early_counts_less() {
        let now = Timestamp(1_000_000_000_000);
        let user = UserId(1);
        let cards = CardMillis::whole(1);
        let attempt = Attempted { organization: A, user, cards, expected: CardUse(1 << 40), placed: now };
        let mut shares = Shares::default();
        let first = shares.of_user(Order::Fair, A, user);
        shares.begin(&attempt);
        let running = shares.of_user(Order::Fair, A, user);
        shares.end(&attempt, CardUse(1 << 20), now);
        let ended = shares.of_user(Order::Fair, A, user);
        assert!(first < ended && ended < running);
        assert_eq!(shares.of_organization(Order::Fair, A).0, 0, "nothing is held");
        assert_eq!(shares.of_user(Order::Fifo, A, user), Standing::default());
    }
}
