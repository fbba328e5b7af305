//! Who shares with whom: accounts in accounts, users in them, each with its shares and with what it used. Slurm's tree
//! of associations; here organizations are the accounts below the root.

use crate::ratio::Ratio;

/// A tree of any depth.
#[derive(Clone, Debug)]
pub struct ShareTree {
    /// Whoever is in an account comes after it.
    entries: Vec<Entry>,
}

/// One account or user of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sharer(usize);

#[derive(Clone, Debug)]
struct Entry {
    parent: Sharer,
    children: Vec<Sharer>,
    children_shares: u64,
    shares: u32,
    used: u128,
    is_user: bool,
}

impl Sharer {
    /// Its number, from 1 on, in the order of [`ShareTree::sharers`].
    pub fn index(self) -> usize {
        self.0
    }
}

impl Default for ShareTree {
    fn default() -> ShareTree {
        let root =
            Entry { parent: ShareTree::ROOT, children: vec![], children_shares: 0, shares: 0, used: 0, is_user: false };
        ShareTree { entries: vec![root] }
    }
}

impl ShareTree {
    /// The account that all others are in. What it used is what those in it did.
    pub const ROOT: Sharer = Sharer(0);

    /// Adds an account with what all in it used, in whatever unit.
    pub fn add_account(&mut self, parent: Sharer, shares: u32, used: u64) -> Sharer {
        self.add(parent, shares, used, false)
    }

    /// Adds a user.
    pub fn add_user(&mut self, parent: Sharer, shares: u32, used: u64) -> Sharer {
        self.add(parent, shares, used, true)
    }

    fn add(&mut self, parent: Sharer, shares: u32, used: u64, is_user: bool) -> Sharer {
        let (id, used) = (Sharer(self.entries.len()), u128::from(used));
        let account = &mut self.entries[parent.0];
        assert!(!account.is_user, "nobody is in a user");
        account.children.push(id);
        account.children_shares += u64::from(shares);
        if parent == ShareTree::ROOT {
            account.used += used;
        }
        self.entries.push(Entry { parent, children: vec![], children_shares: 0, shares, used, is_user });
        id
    }

    /// All but the root, whoever is in an account after it.
    pub fn sharers(&self) -> impl Iterator<Item = Sharer> {
        (1..self.entries.len()).map(Sharer)
    }

    /// Its account.
    pub fn parent(&self, of: Sharer) -> Sharer {
        self.entries[of.0].parent
    }

    /// Who is directly in an account.
    pub fn children(&self, of: Sharer) -> &[Sharer] {
        &self.entries[of.0].children
    }

    /// Whether it is a user.
    pub fn is_user(&self, of: Sharer) -> bool {
        self.entries[of.0].is_user
    }

    /// How many users there are.
    pub fn users(&self) -> usize {
        self.entries.iter().filter(|entry| entry.is_user).count()
    }

    /// Its shares.
    pub fn shares(&self, of: Sharer) -> u32 {
        self.entries[of.0].shares
    }

    /// What it used.
    pub fn used(&self, of: Sharer) -> u64 {
        // Only the root may have used more.
        u64::try_from(self.entries[of.0].used).unwrap_or(u64::MAX)
    }

    /// Its part of the shares that its account gives out.
    pub fn normalized_shares(&self, of: Sharer) -> Ratio {
        let entry = &self.entries[of.0];
        Ratio::new(entry.shares.into(), self.entries[entry.parent.0].children_shares.into())
    }

    /// Its part of what its account used.
    pub fn effective_use(&self, of: Sharer) -> Ratio {
        let entry = &self.entries[of.0];
        Ratio::new(entry.used, self.entries[entry.parent.0].used)
    }

    /// Its part of all that was used.
    pub fn normalized_use(&self, of: Sharer) -> Ratio {
        Ratio::new(self.entries[of.0].used, self.entries[ShareTree::ROOT.0].used)
    }

    /// Its part of the shares divided by its part of the use: more than one for who had less than its due, infinite for
    /// who used nothing, nothing for who has no shares.
    pub fn level_fair_share(&self, of: Sharer) -> Ratio {
        let entry = &self.entries[of.0];
        let parent = &self.entries[entry.parent.0];
        match (entry.shares, entry.used) {
            (0, _) => Ratio::new(0, 1),
            (_, 0) => Ratio::new(1, 0),
            (shares, used) => Ratio::new(u128::from(shares) * parent.used, u128::from(parent.children_shares) * used),
        }
    }
}
