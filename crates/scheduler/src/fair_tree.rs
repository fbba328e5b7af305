//! Fair Tree: who is next among the users of a tree of accounts, after Cox and Morrison (Slurm's documentation,
//! `fair_tree.html`).
//!
//! The children of an account are put in order by level fair share, and visited depth first. Users who tie have the same
//! rank, and a user who ties with an account has that of the account's first user. Accounts that tie are visited as one.
//! Ties are exact here. Slurm divides floating-point numbers, so that fractions that are equal may be told apart there.

use std::cmp::Reverse;

use crate::ratio::Ratio;
use crate::share_tree::{ShareTree, Sharer};

/// The users' ranks: the highest is as many as there are users, and is next. None for accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FairTree {
    ranks: Vec<Option<u32>>,
    users: u32,
}

impl FairTree {
    /// Ranks all users of a tree.
    pub fn of(tree: &ShareTree) -> FairTree {
        let users = u32::try_from(tree.users()).expect("there are fewer users than their ids allow");
        let ranks = vec![None; tree.sharers().count() + 1];
        let mut visit = Visit { tree, ranks, rank: users, next: users };
        visit.siblings(tree.children(ShareTree::ROOT).to_vec(), false);
        FairTree { ranks: visit.ranks, users }
    }

    /// The place of a user in line, from 1; who ties has the same. None for an account.
    pub fn position(&self, user: Sharer) -> Option<u32> {
        Some(self.users - self.ranks[user.index()]? + 1)
    }

    /// The fair-share factor of a user: its rank, divided by the number of users. None for an account.
    pub fn factor(&self, user: Sharer) -> Option<Ratio> {
        Some(Ratio::new(self.ranks[user.index()]?.into(), self.users.into()))
    }
}

struct Visit<'a> {
    tree: &'a ShareTree,
    ranks: Vec<Option<u32>>,
    /// Of the user who was visited last.
    rank: u32,
    /// Of the next one who does not tie with the last.
    next: u32,
}

impl Visit<'_> {
    /// Ranks siblings, and whoever is in them. If they `tie`, the first user has the rank of the last one visited.
    fn siblings(&mut self, mut siblings: Vec<Sharer>, mut tie: bool) {
        let tree = self.tree;
        siblings.sort_by_cached_key(|one| (Reverse(tree.level_fair_share(*one)), !tree.is_user(*one)));
        for tied in siblings.chunk_by(|one, two| tree.level_fair_share(*one) == tree.level_fair_share(*two)) {
            let (users, accounts) = tied.split_at(tied.partition_point(|one| tree.is_user(*one)));
            for user in users {
                if !tie {
                    self.rank = self.next;
                }
                self.ranks[user.index()] = Some(self.rank);
                self.next -= 1;
                tie = true;
            }
            self.siblings(accounts.iter().flat_map(|account| tree.children(*account)).copied().collect(), tie);
            tie = false;
        }
    }
}
