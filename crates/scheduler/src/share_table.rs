//! Who has which part, used how much of late, and is where in line by that: for people, and to compare with Slurm's
//! `sshare`.

use haina_core::{CardUse, OrganizationId, Timestamp, UserId};

use crate::fair_share::FairShare;
use crate::fair_tree::FairTree;
use crate::ratio::Ratio;
use crate::share_tree::{ShareTree, Sharer};
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
    pub normalized_shares: Ratio,
    /// What is left of what it used.
    pub used: CardUse,
    /// The part of what all beside it used that this is.
    pub effective_use: Ratio,
    /// The one part divided by the other; infinite for who used nothing.
    pub level_fair_share: Ratio,
    /// A user's rank by Fair Tree, divided by the number of users.
    pub fair_share: Option<Ratio>,
    /// A user's place in line by Fair Tree, from 1; who ties has the same.
    pub position: Option<u32>,
    /// The classic factor, 2^(-use/shares).
    pub classic_fair_share: Ratio,
}

/// Somebody of a tree of shares.
type Whose = (Sharer, OrganizationId, Option<UserId>);

impl Shares {
    /// All as a tree of what is left at `now` of what they used; and who is who, organizations before their users.
    pub(crate) fn tree(&self, now: Timestamp) -> (ShareTree, Vec<Whose>) {
        let mut tree = ShareTree::default();
        let mut whose = Vec::new();
        for (organization, share) in self.iter() {
            let users: Vec<_> = share.users.iter().map(|(user, used)| (*user, used.at(now).0)).collect();
            // What fades is rounded down, each on its own.
            let of_users = users.iter().fold(0u64, |sum, (_, used)| sum.saturating_add(*used));
            let used = share.used.at(now).0.max(of_users);
            let account = tree.add_account(ShareTree::ROOT, share.entitlement.weight, used);
            whose.push((account, organization, None));
            whose
                .extend(users.iter().map(|(user, used)| (tree.add_user(account, 1, *used), organization, Some(*user))));
        }
        (tree, whose)
    }
}

/// All organizations, each followed by its users, as of `now`.
pub fn share_table(shares: &Shares, now: Timestamp) -> Vec<ShareRow> {
    let (tree, whose) = shares.tree(now);
    let (fair_tree, classic) = (FairTree::of(&tree), FairShare::of(&tree));
    let row = |(sharer, organization, user)| ShareRow {
        organization,
        user,
        weight: tree.shares(sharer),
        normalized_shares: tree.normalized_shares(sharer),
        used: CardUse(tree.used(sharer)),
        effective_use: tree.effective_use(sharer),
        level_fair_share: tree.level_fair_share(sharer),
        fair_share: fair_tree.factor(sharer),
        position: fair_tree.position(sharer),
        classic_fair_share: Ratio::new(classic.factor(sharer).into(), 1 << 32),
    };
    whose.into_iter().map(row).collect()
}
