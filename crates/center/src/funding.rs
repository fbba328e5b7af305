//! Who could pay for a job of an organization: its agreements, its vouchers, its account.

use haina_core::{AtEnd, CardUse, Money, OrganizationId, PoolId, Timestamp};
use haina_ledger::{Agreement, AgreementStage, Means, Payer, PayerMeans, Portion, Purse, Short, VoucherMeans, hold};

use crate::View;

/// How an attempt would be paid.
pub struct Funded {
    /// All that would be held.
    pub hold: Money,
    /// The price of the first portion.
    pub price_per_card_hour: Money,
    /// Who pays what; empty where the account pays all of it.
    pub portions: Vec<Portion>,
}

/// What is looked at: what is free now, or all that there is, held or not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// What is not held.
    Available,
    /// What could pay if nothing else ran.
    Whole,
}

impl View {
    /// Who pays for so much use in a pool, where the price in force is this.
    ///
    /// # Errors
    /// Where what there is does not cover it.
    pub fn fund(
        &self,
        organization: OrganizationId,
        (pool, price): (PoolId, Money),
        use_most: CardUse,
        now: Timestamp,
        which: Which,
    ) -> Result<Funded, Short> {
        let account = &self.ledger.accounts[&organization];
        let prepaid = if which == Which::Whole { account.balance } else { account.available() }.micros;
        let needed = hold(price, use_most);
        let plain = || match needed.micros <= prepaid {
            true => Ok(Funded { hold: needed, price_per_card_hour: price, portions: Vec::new() }),
            false => Err(Short { needed: needed.micros, available: prepaid }),
        };
        let Some(sources) = self.sources.get(&organization) else { return plain() };
        if needed.micros == 0 {
            return plain();
        }
        let has = |purse: &Purse| if which == Which::Whole { purse.left() } else { purse.available() }.micros;
        let agreements = sources.agreements.iter().map(|id| (*id, &self.ledger.agreements[id]));
        let mut of_pool: Vec<_> = agreements.filter(|(_, agreement)| agreement.covers(pool)).collect();
        of_pool.sort_by_key(|(id, agreement)| (agreement.terms.ends, *id));
        let left = |agreement: &Agreement| has(&agreement.purse) > 0;
        let paying = of_pool.iter().filter(|(_, agreement)| agreement.pays(now) && left(agreement));
        let mut payers: Vec<_> = paying
            .map(|(id, agreement)| PayerMeans {
                payer: Payer::Agreement(*id),
                price_per_card_hour: agreement.terms.price_per_card_hour.unwrap_or(price),
                available: has(&agreement.purse),
            })
            .collect();
        match on_demand(of_pool.iter().map(|(_, agreement)| *agreement), price, now) {
            Some(price_per_card_hour) => {
                payers.push(PayerMeans { payer: Payer::Prepaid, price_per_card_hour, available: prepaid })
            }
            None if payers.is_empty() => return Err(Short { needed: needed.micros, available: 0 }),
            None => {}
        }
        let vouchers = sources.vouchers.iter().map(|id| (*id, &self.ledger.vouchers[id]));
        let mut vouchers: Vec<_> = vouchers.filter(|(_, voucher)| voucher.pays(pool, now)).collect();
        vouchers.sort_by_key(|(id, voucher)| (voucher.expires, *id));
        let vouchers = vouchers.into_iter().map(|(id, voucher)| VoucherMeans {
            voucher: id,
            share: voucher.share_of_charge,
            available: has(&voucher.purse),
            only: voucher.agreement,
        });
        let mut portions = Means { payers, vouchers: vouchers.collect() }.fund(use_most)?;
        let hold = Money { micros: portions.iter().map(|portion| portion.held().micros).sum(), ..price };
        let price_per_card_hour = portions.first().map_or(price, |portion| portion.price_per_card_hour);
        if let [Portion { payer: Payer::Prepaid, voucher: None, .. }] = portions[..] {
            portions.clear();
        }
        Ok(Funded { hold, price_per_card_hour, portions })
    }
}

impl View {
    /// Whether an agreement of an organization says that its account pays for nothing in a pool.
    pub fn is_stopped(&self, organization: OrganizationId, pool: PoolId, now: Timestamp) -> bool {
        let sources = self.sources.get(&organization).into_iter().flat_map(|sources| &sources.agreements);
        let of_pool = sources.map(|id| &self.ledger.agreements[id]).filter(|agreement| agreement.covers(pool));
        on_demand(of_pool, Money::zero(self.center.currency), now).is_none()
    }
}

/// The price at which the account pays, as the agreement says that began last; `None` where it says that work stops.
fn on_demand<'a>(agreements: impl Iterator<Item = &'a Agreement>, price: Money, now: Timestamp) -> Option<Money> {
    let begun = agreements.filter(|agreement| agreement.stage >= AgreementStage::Begun);
    let Some(last) = begun.max_by_key(|agreement| agreement.terms.starts) else { return Some(price) };
    match last.terms.at_end {
        AtEnd::Stop => None,
        AtEnd::OnDemand => Some(price),
        AtEnd::Grace(length) => {
            let is_grace = last.terms.ends <= now && now < last.terms.ends + length;
            Some(last.terms.price_per_card_hour.filter(|_| is_grace).unwrap_or(price))
        }
    }
}
