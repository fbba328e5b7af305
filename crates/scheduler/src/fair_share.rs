//! The classic fair-share factor, 2^(-use/shares), as in Slurm's documentation (`classic_fair_share.html`).
//!
//! What counts is effective use: one's own, and of what others in the same account used a part by one's shares. Who is in
//! an account that used much is behind even if it used nothing itself.

use crate::decay::exp2_negative;
use crate::ratio::{Ratio, UNIT_BITS};
use crate::share_tree::{ShareTree, Sharer};

const UNIT: u64 = 1 << UNIT_BITS;

/// The factors of all accounts and users of a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct FairShare {
    terms: Vec<Terms>,
}

/// Of all that the root has and used, in units of 2^-48.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Terms {
    shares: u64,
    effective_use: u64,
}

impl FairShare {
    /// Works them out, accounts before those in them.
    pub fn of(tree: &ShareTree) -> FairShare {
        let root = Terms { shares: UNIT, effective_use: UNIT };
        let times = |one: u64, other: u64| ((u128::from(one) * u128::from(other)) >> UNIT_BITS) as u64;
        let mut terms = vec![root];
        for sharer in tree.sharers() {
            let (parent, part) = (tree.parent(sharer), tree.normalized_shares(sharer).in_units());
            let own = tree.normalized_use(sharer).in_units();
            let above = terms[parent.index()];
            let effective_use = match parent == ShareTree::ROOT {
                true => own,
                // An account used at least what those in it did.
                false => own + times(above.effective_use.saturating_sub(own), part),
            };
            terms.push(Terms { shares: times(above.shares, part), effective_use });
        }
        FairShare { terms }
    }

    /// Its part of all shares.
    pub fn shares(&self, of: Sharer) -> Ratio {
        Ratio::new(self.terms[of.index()].shares.into(), UNIT.into())
    }

    /// The use that counts, as a part of all.
    pub fn effective_use(&self, of: Sharer) -> Ratio {
        Ratio::new(self.terms[of.index()].effective_use.into(), UNIT.into())
    }

    /// The factor, in units of 2^-32: a half for who used exactly its part; nothing for who has no shares.
    pub fn factor(&self, of: Sharer) -> u64 {
        let Terms { shares, effective_use } = self.terms[of.index()];
        match shares {
            0 => 0,
            _ => exp2_negative((u128::from(effective_use) << 32) / u128::from(shares)),
        }
    }
}
