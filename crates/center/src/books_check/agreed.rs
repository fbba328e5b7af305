//! What was agreed with organizations and given to them, from the journal: who may pay for what, and what each was granted,
//! used and closed.

use std::collections::BTreeMap;

use haina_core::quantity::CARD_USE_PER_CARD_HOUR;
use haina_core::{
    AgreementId, AgreementTerms, AtEnd, CardUse, Money, OrganizationId, ProgrammeId, Timestamp, UserId, VoucherId,
};
use haina_ledger::{Ledger, LedgerAccount, Paid, Payer, Portion, Purse, Transaction, TransactionKind};

use super::Placed;
use crate::Fact;

/// Follows agreements and vouchers.
#[derive(Default)]
pub struct Agreed {
    agreements: BTreeMap<AgreementId, SeenAgreement>,
    vouchers: BTreeMap<VoucherId, SeenVoucher>,
}

struct SeenAgreement {
    organization: OrganizationId,
    version: u32,
    terms: AgreementTerms,
    has_begun: bool,
    granted: i128,
    used: i128,
    closed: i128,
}

struct SeenVoucher {
    organization: OrganizationId,
    programme: ProgrammeId,
    agreement: Option<AgreementId>,
    claimed: Money,
    claimed_by: UserId,
    share: u16,
    /// Until when it pays; none before it is issued.
    expires: Option<Timestamp>,
    granted: i128,
    used: i128,
    closed: i128,
    cashed_out: i128,
}

impl Agreed {
    /// Takes a fact that is no posting and no attempt; false where it should not be.
    pub fn take(&mut self, fact: &Fact) -> bool {
        match fact {
            Fact::AgreementSet { id, organization, version, terms, .. } => {
                let seen = self.agreements.entry(*id).or_insert_with(|| SeenAgreement {
                    organization: *organization,
                    version: *version,
                    terms: terms.clone(),
                    has_begun: false,
                    granted: 0,
                    used: 0,
                    closed: 0,
                });
                (seen.version, seen.terms) = (*version, terms.clone());
            }
            Fact::AgreementBegun { id } => {
                self.agreements.get_mut(id).into_iter().for_each(|seen| seen.has_begun = true);
            }
            Fact::VoucherClaimed { id, voucher } => {
                let seen = SeenVoucher {
                    organization: voucher.organization,
                    programme: voucher.programme,
                    agreement: voucher.agreement,
                    claimed: voucher.claimed,
                    claimed_by: voucher.claimed_by,
                    share: voucher.share_of_charge,
                    expires: None,
                    granted: 0,
                    used: 0,
                    closed: 0,
                    cashed_out: 0,
                };
                self.vouchers.insert(*id, seen);
            }
            Fact::VoucherIssued { id, by, expires, share_of_charge, .. } => {
                let Some(seen) = self.vouchers.get_mut(id) else { return false };
                (seen.expires, seen.share) = (Some(*expires), *share_of_charge);
                return *by != seen.claimed_by;
            }
            // What was left was posted before.
            Fact::AgreementClosed { id } => {
                return self.agreements.get(id).is_some_and(|seen| seen.granted == seen.used + seen.closed);
            }
            Fact::VoucherClosed { id } => {
                return self.vouchers.get(id).is_some_and(|seen| seen.granted == seen.used + seen.closed);
            }
            Fact::VoucherRevoked { id, at, .. } => {
                let seen = self.vouchers.get_mut(id).into_iter();
                seen.for_each(|seen| seen.expires = seen.expires.map(|expires| expires.min(*at)));
            }
            _ => {}
        }
        true
    }

    /// Prices that an organization may pay out of its account for a while after an agreement.
    pub fn graces(&self, organization: OrganizationId, at: Timestamp) -> Vec<Money> {
        let own = self.agreements.values().filter(|seen| seen.organization == organization && seen.has_begun);
        let in_grace = own.filter(|seen| match seen.terms.at_end {
            AtEnd::Grace(length) => seen.terms.ends <= at && at < seen.terms.ends + length,
            AtEnd::Stop | AtEnd::OnDemand => false,
        });
        in_grace.filter_map(|seen| seen.terms.price_per_card_hour).collect()
    }

    /// Whether those who pay for an attempt may, at these prices, for all that it may use; `first` is the recorded price.
    pub fn funds(
        &self,
        placed: &Placed,
        (in_force, first): (Option<Money>, Money),
        use_most: Option<CardUse>,
        at: Timestamp,
    ) -> bool {
        let Placed { organization, funding, hold, .. } = placed;
        let graces = self.graces(*organization, at);
        let may = |portion: &Portion| {
            let price = Some(portion.price_per_card_hour);
            let paid_by = match portion.payer {
                Payer::Prepaid => price == in_force || graces.contains(&portion.price_per_card_hour),
                Payer::Agreement(id) => self.agreements.get(&id).is_some_and(|seen| {
                    let is_its = seen.organization == *organization && seen.has_begun && at < seen.terms.ends;
                    is_its && price == seen.terms.price_per_card_hour.or(in_force)
                }),
            };
            let shared_by = portion.voucher.is_none_or(|share| {
                self.vouchers.get(&share.voucher).is_some_and(|seen| {
                    let is_its = seen.organization == *organization && seen.expires.is_some_and(|expires| at < expires);
                    let is_beside = seen.agreement.is_none_or(|only| portion.payer == Payer::Agreement(only));
                    is_its && is_beside && seen.share == share.share
                })
            });
            // Each holds what he may have to pay: the whole rounded up, the voucher's share of it down.
            let unit = i128::from(CARD_USE_PER_CARD_HOUR);
            let cost = (portion.price_per_card_hour.micros * i128::from(portion.use_most.0) + unit - 1) / unit;
            let of_voucher = portion.voucher.map_or(0, |share| cost * i128::from(share.share) / 1000);
            let holds = (portion.voucher.map_or(0, |share| share.hold.micros), portion.hold.micros);
            paid_by && shared_by && holds == (of_voucher, cost - of_voucher)
        };
        let covered: u64 = funding.iter().map(|portion| portion.use_most.0).sum();
        let held: i128 = funding.iter().map(|portion| portion.held().micros).sum();
        funding.iter().all(may)
            && use_most.is_none_or(|most| most.0 == covered)
            && held == hold.micros
            && funding.first().map(|portion| portion.price_per_card_hour) == Some(first)
    }

    /// What was paid for an attempt counts as used.
    pub fn charged(&mut self, owed: &[Paid]) {
        for part in owed {
            if let Payer::Agreement(id) = part.payer
                && let Some(seen) = self.agreements.get_mut(&id)
            {
                seen.used += part.amount.micros;
            }
            if let Some((voucher, paid)) = part.voucher
                && let Some(seen) = self.vouchers.get_mut(&voucher)
            {
                seen.used += paid.micros;
            }
        }
    }

    /// Whether a transaction is what its agreement or voucher comes to at that moment.
    pub fn posted(
        &mut self,
        transaction: &Transaction,
        at: Timestamp,
        is_held: impl Fn(LedgerAccount) -> bool,
    ) -> bool {
        let Some(amount) = transaction.postings.last().map(|posting| posting.amount.micros) else { return false };
        match &transaction.kind {
            TransactionKind::TopUp { .. } | TransactionKind::Charge { .. } | TransactionKind::Adjustment { .. } => true,
            TransactionKind::Payment { agreement, .. } => amount > 0 && self.agreements.contains_key(agreement),
            TransactionKind::Commitment { agreement, version } => {
                let Some(seen) = self.agreements.get_mut(agreement) else { return false };
                seen.granted += amount;
                seen.version == *version && seen.granted == seen.terms.amount.micros
            }
            TransactionKind::Settlement { agreement } => {
                let Some(seen) = self.agreements.get_mut(agreement) else { return false };
                let left = seen.granted - seen.used - seen.closed;
                seen.closed += amount;
                seen.terms.ends <= at && amount == left && !is_held(LedgerAccount::Agreement(*agreement))
            }
            TransactionKind::Issue { voucher, programme } => {
                let Some(seen) = self.vouchers.get_mut(voucher) else { return false };
                seen.granted += amount;
                (seen.granted, seen.programme) == (seen.claimed.micros, *programme) && seen.expires.is_some()
            }
            TransactionKind::Return { voucher, programme } => {
                let Some(seen) = self.vouchers.get_mut(voucher) else { return false };
                let left = seen.granted - seen.used - seen.closed;
                seen.closed += amount;
                let is_over = seen.expires.is_some_and(|expires| expires <= at);
                is_over && (amount, *programme) == (left, seen.programme) && !is_held(LedgerAccount::Voucher(*voucher))
            }
            TransactionKind::CashOut { voucher, programme, .. } => {
                let Some(seen) = self.vouchers.get_mut(voucher) else { return false };
                seen.cashed_out += amount;
                (seen.cashed_out, seen.programme) == (seen.used, *programme)
            }
        }
    }

    /// Accounts of which something else is stored than came out of the journal.
    pub fn others(&self, ledger: &Ledger) -> Vec<LedgerAccount> {
        let stored = |purse: &Purse| (purse.granted.micros, purse.used.micros, purse.closed.micros);
        let agreements = ledger.agreements.iter().filter(|(id, entry)| {
            let seen = self.agreements.get(id).map(|seen| (seen.granted, seen.used, seen.closed));
            seen != Some(stored(&entry.purse))
        });
        let vouchers = ledger.vouchers.iter().filter(|(id, entry)| {
            let seen = self.vouchers.get(id).map(|seen| ((seen.granted, seen.used, seen.closed), seen.cashed_out));
            seen != Some((stored(&entry.purse), entry.cashed_out.micros))
        });
        // Budgets are asked by what was granted.
        let programmes = ledger.programmes.iter().filter(|(id, entry)| {
            let own = self.vouchers.values().filter(|seen| seen.programme == **id);
            entry.granted.micros != own.map(|seen| seen.granted - seen.closed).sum::<i128>()
        });
        let agreements = agreements.map(|(id, _)| LedgerAccount::Agreement(*id));
        let vouchers = vouchers.map(|(id, _)| LedgerAccount::Voucher(*id));
        agreements.chain(vouchers).chain(programmes.map(|(id, _)| LedgerAccount::Sponsor(*id))).collect()
    }
}
