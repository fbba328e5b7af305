//! Who has which part, used how much of late, and is where in line by that: for people, and to compare with Slurm's
//! `sshare`.

use haina_core::{CardUse, OrganizationId, Timestamp, UserId};

use crate::fair_share::FairShare;
use crate::fair_tree::FairTree;
use crate::share_tree::ShareTree;
use crate::shares::Shares;

/// An organization, or one of its users.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareRow {
    /// The organization.
    pub organization: OrganizationId,
    /// The user; none for the organization as a whole.
    pub user: Option<UserId>,
    /// Its shares among those beside it.
    pub weight: u32,
    /// The part of all shares beside it that these are.
    pub normalized_shares: f64,
    /// What is left of what it used.
    pub used: CardUse,
    /// The part of what all beside it used that this is.
    pub effective_use: f64,
    /// The one part divided by the other; infinite for who used nothing.
    pub level_fair_share: f64,
    /// A user's rank by Fair Tree, divided by the number of users.
    pub fair_share: Option<f64>,
    /// A user's place in line by Fair Tree, from 1; who ties has the same.
    pub position: Option<u32>,
    /// The classic factor, 2^(-use/shares).
    pub classic_fair_share: f64,
}

/// All organizations, each followed by its users, as of `now`.
pub fn share_table(shares: &Shares, now: Timestamp) -> Vec<ShareRow> {
    let mut tree = ShareTree::default();
    let mut whose = Vec::new();
    for (organization, share) in shares.iter() {
        let weight = share.entitlement.weight;
        let users: Vec<_> = share.users.iter().map(|(user, used)| (*user, used.at(now))).collect();
        // What fades is rounded down, each on its own.
        let of_users = users.iter().map(|(_, used)| used.0).fold(0u64, u64::saturating_add);
        let used = CardUse(share.used.at(now).0.max(of_users));
        let account = tree.add_account(ShareTree::ROOT, weight, used.0);
        whose.push((account, organization, None, weight, used));
        for (user, used) in users {
            whose.push((tree.add_user(account, 1, used.0), organization, Some(user), 1, used));
        }
    }
    let (fair_tree, classic) = (FairTree::of(&tree), FairShare::of(&tree));
    let row = |(sharer, organization, user, weight, used)| ShareRow {
        organization,
        user,
        weight,
        normalized_shares: tree.normalized_shares(sharer).to_f64(),
        used,
        effective_use: tree.effective_use(sharer).to_f64(),
        level_fair_share: tree.level_fair_share(sharer).to_f64(),
        fair_share: fair_tree.factor(sharer),
        position: fair_tree.position(sharer),
        classic_fair_share: classic.factor(sharer) as f64 / (1u64 << 32) as f64,
    };
    whose.into_iter().map(row).collect()
}
