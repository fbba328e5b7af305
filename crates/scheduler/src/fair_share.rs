//! The classic fair-share factor, 2^(-use/shares), as in Slurm's documentation (`classic_fair_share.html`).
//!
//! What counts is effective use: one's own, and of what others in the same account used a part by one's shares. Who is in
//! an account that used much is behind even if it used nothing itself.

use crate::decay::exp2_negative;
use crate::share_tree::{ShareTree, Sharer};

/// The factors of all accounts and users of a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct FairShare {
    terms: Vec<Terms>,
}

/// Of all that the root has and used.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Terms {
    shares: f64,
    effective_use: f64,
}

impl FairShare {
    /// Works them out, accounts before those in them.
    pub fn of(tree: &ShareTree) -> FairShare {
        let root = Terms { shares: 1.0, effective_use: 1.0 };
        let mut terms = vec![root];
        for sharer in tree.sharers() {
            let (parent, part) = (tree.parent(sharer), tree.normalized_shares(sharer).to_f64());
            let own = tree.normalized_use(sharer).to_f64();
            let above = terms[parent.index()];
            let effective_use = match parent == ShareTree::ROOT {
                true => own,
                false => own + (above.effective_use - own) * part,
            };
            terms.push(Terms { shares: above.shares * part, effective_use });
        }
        FairShare { terms }
    }

    /// Its part of all shares.
    pub fn shares(&self, of: Sharer) -> f64 {
        self.terms[of.index()].shares
    }

    /// The use that counts, as a part of all.
    pub fn effective_use(&self, of: Sharer) -> f64 {
        self.terms[of.index()].effective_use
    }

    /// The factor, in units of 2^-32: a half for who used exactly its part; nothing for who has no shares.
    pub fn factor(&self, of: Sharer) -> u64 {
        let Terms { shares, effective_use } = self.terms[of.index()];
        // Multiplied, divided and rounded only: the same on every machine.
        if shares > 0.0 { exp2_negative(effective_use / shares) } else { 0 }
    }
}
