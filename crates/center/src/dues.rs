//! When agreements and vouchers next change by time alone. Derived from them; kept so that nobody looks through all.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{AgreementId, Timestamp, VoucherId};
use haina_ledger::Payer;

use crate::{Attempt, Fact, View};

/// What changes by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// An agreement begins or is over.
    Agreement(AgreementId),
    /// A voucher expired or was revoked.
    Voucher(VoucherId),
}

/// When.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dues {
    at: BTreeMap<Due, Timestamp>,
    first: BTreeSet<(Timestamp, Due)>,
}

impl Dues {
    /// All that are due, of a view.
    pub fn of(view: &View) -> Dues {
        let mut dues = Dues::default();
        view.ledger.agreements.keys().for_each(|id| dues.look_at(view, Due::Agreement(*id)));
        view.ledger.vouchers.keys().for_each(|id| dues.look_at(view, Due::Voucher(*id)));
        dues
    }

    /// The first, and when.
    pub fn first(&self) -> Option<(Timestamp, Due)> {
        self.first.first().copied()
    }

    /// Looks again at one that may have changed.
    pub fn look_at(&mut self, view: &View, which: Due) {
        let at = match which {
            Due::Agreement(id) => view.ledger.agreements.get(&id).and_then(|agreement| agreement.due()),
            Due::Voucher(id) => view.ledger.vouchers.get(&id).and_then(|voucher| voucher.due()),
        };
        let before = match at {
            Some(at) => self.at.insert(which, at),
            None => self.at.remove(&which),
        };
        before.into_iter().for_each(|before| _ = self.first.remove(&(before, which)));
        at.into_iter().for_each(|at| _ = self.first.insert((at, which)));
    }
}

/// What a fact may make due, or not due any more, before the view evolves by it.
pub fn changed(view: &View, fact: &Fact) -> Vec<Due> {
    match fact {
        Fact::AgreementSet { id, .. }
        | Fact::AgreementSigned { id, .. }
        | Fact::AgreementBegun { id }
        | Fact::AgreementClosed { id } => vec![Due::Agreement(*id)],
        Fact::VoucherIssued { id, .. } | Fact::VoucherRevoked { id, .. } | Fact::VoucherClosed { id } => {
            vec![Due::Voucher(*id)]
        }
        Fact::AttemptPlaced { funding, .. } => held_of(funding),
        Fact::AttemptEnded { attempt, .. } => {
            view.attempts.get(attempt).map_or(Vec::new(), |Attempt { funding, .. }| held_of(funding))
        }
        _ => Vec::new(),
    }
}

fn held_of(funding: &[haina_ledger::Portion]) -> Vec<Due> {
    let of_portion = |portion: &haina_ledger::Portion| {
        let agreement = match portion.payer {
            Payer::Agreement(id) => Some(Due::Agreement(id)),
            Payer::Prepaid => None,
        };
        agreement.into_iter().chain(portion.voucher.map(|share| Due::Voucher(share.voucher)))
    };
    funding.iter().flat_map(of_portion).collect()
}
