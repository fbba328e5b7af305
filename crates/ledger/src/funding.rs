//! Who pays for an attempt. What it may use at most is divided, in the order of use, into portions: each is paid by one
//! agreement or by the prepaid account, at that one's price, and a voucher may pay a share of it. What each may have to pay
//! is held when the attempt is placed, so that whatever it uses is covered.

use haina_core::quantity::CARD_USE_PER_CARD_HOUR;
use haina_core::{AgreementId, CardUse, Money, OrganizationId, VoucherId};
use serde::{Deserialize, Serialize};

use crate::{LedgerAccount, charge, hold};

/// Who pays what no voucher pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// The organization's account.
    Prepaid,
    /// One of its agreements.
    Agreement(AgreementId),
}

impl Payer {
    /// Its account in the books.
    pub fn account(self, organization: OrganizationId) -> LedgerAccount {
        match self {
            Payer::Prepaid => LedgerAccount::Prepaid(organization),
            Payer::Agreement(id) => LedgerAccount::Agreement(id),
        }
    }
}

/// One stretch of what an attempt may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// Who pays.
    pub payer: Payer,
    /// At which price of a card-hour.
    pub price_per_card_hour: Money,
    /// For at most so much; what is used beyond it falls to the next portion.
    pub use_most: CardUse,
    /// Held of the payer.
    pub hold: Money,
    /// The voucher that pays a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<VoucherShare>,
}

/// The share of a portion that a voucher pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherShare {
    /// Which.
    pub voucher: VoucherId,
    /// Thousandths of what the portion costs.
    pub share: u16,
    /// Held of it: it never pays more.
    pub hold: Money,
}

impl Portion {
    /// All that is held for it.
    pub fn held(&self) -> Money {
        let of_voucher = self.voucher.map_or(0, |voucher| voucher.hold.micros);
        Money { micros: self.hold.micros + of_voucher, ..self.hold }
    }
}

/// Somebody who could pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayerMeans {
    /// Who.
    pub payer: Payer,
    /// At which price of a card-hour.
    pub price_per_card_hour: Money,
    /// What he has, in millionths.
    pub available: i128,
}

/// A voucher that could pay a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoucherMeans {
    /// Which.
    pub voucher: VoucherId,
    /// Thousandths of what something costs.
    pub share: u16,
    /// What it has, in millionths.
    pub available: i128,
    /// It pays only beside this agreement.
    pub only: Option<AgreementId>,
}

/// What there is to pay with, in the order in which it is used.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Means {
    /// Those who pay.
    pub payers: Vec<PayerMeans>,
    /// Vouchers.
    pub vouchers: Vec<VoucherMeans>,
}

/// It is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// What all of it may cost at most, in millionths; what is not covered at the last payer's price.
    pub needed: i128,
    /// What of that is covered.
    pub available: i128,
}

impl Means {
    /// Divides what may be used at most among those who pay.
    ///
    /// # Errors
    /// Where they cannot pay all of it.
    pub fn fund(mut self, use_most: CardUse) -> Result<Vec<Portion>, Short> {
        let mut portions = Vec::new();
        let mut left = use_most;
        let mut last_price = None;
        for payer in &mut self.payers {
            let price = payer.price_per_card_hour;
            last_price = Some(price);
            while left.0 > 0 {
                let beside = |only: Option<AgreementId>| only.is_none_or(|only| payer.payer == Payer::Agreement(only));
                let mut vouchers = self.vouchers.iter_mut();
                let mut voucher = vouchers.find(|voucher| voucher.available > 0 && beside(voucher.only));
                let share = voucher.as_ref().map_or(0, |voucher| i128::from(voucher.share));
                // The most that the portion may cost, as the one and as the other can bear it.
                let of_voucher = voucher.as_ref().map_or(i128::MAX, |voucher| voucher.available * 1000 / share);
                let of_payer = if share == 1000 { i128::MAX } else { payer.available * 1000 / (1000 - share) };
                let most = of_voucher.min(of_payer);
                let whole = hold(price, left);
                let use_most = match whole.micros <= most {
                    true => left,
                    false => CardUse((most * i128::from(CARD_USE_PER_CARD_HOUR) / price.micros) as u64),
                };
                if use_most.0 > 0 {
                    let cost = hold(price, use_most).micros;
                    let by_voucher = cost * share / 1000;
                    let by_payer = cost - by_voucher;
                    let held = |micros| Money { micros, ..price };
                    portions.push(Portion {
                        payer: payer.payer,
                        price_per_card_hour: price,
                        use_most,
                        hold: held(by_payer),
                        voucher: voucher.as_ref().map(|voucher| VoucherShare {
                            voucher: voucher.voucher,
                            share: voucher.share,
                            hold: held(by_voucher),
                        }),
                    });
                    payer.available -= by_payer;
                    if let Some(voucher) = &mut voucher {
                        voucher.available -= by_voucher;
                    }
                    left.0 -= use_most.0;
                }
                if left.0 == 0 {
                    break;
                }
                // Who could not bear more is not asked again.
                match voucher {
                    Some(voucher) if of_voucher <= of_payer => voucher.available = 0,
                    _ => break,
                }
            }
        }
        if left.0 == 0 {
            return Ok(portions);
        }
        let available = portions.iter().map(|portion| portion.held().micros).sum::<i128>();
        let missing = last_price.map_or(0, |price| hold(price, left).micros);
        Err(Short { needed: available + missing, available })
    }
}

/// What was paid of one portion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// Who paid.
    pub payer: Payer,
    /// For so much use,
    pub used: CardUse,
    /// at this price of a card-hour.
    pub price_per_card_hour: Money,
    /// What the payer paid.
    pub amount: Money,
    /// What a voucher paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<(VoucherId, Money)>,
}

impl Paid {
    /// What it cost.
    pub fn cost(&self) -> Money {
        let of_voucher = self.voucher.map_or(0, |(_, paid)| paid.micros);
        Money { micros: self.amount.micros + of_voucher, ..self.amount }
    }
}

/// What was used, paid as it was funded: portion by portion, each rounded down once.
pub fn settle(portions: &[Portion], used: CardUse) -> Vec<Paid> {
    let mut left = used;
    let mut paid = Vec::new();
    for portion in portions {
        if left.0 == 0 {
            break;
        }
        let used = CardUse(left.0.min(portion.use_most.0));
        left.0 -= used.0;
        let cost = charge(portion.price_per_card_hour, used);
        let money = |micros| Money { micros, ..cost };
        let share = |share: VoucherShare| (cost.micros * i128::from(share.share) / 1000).min(share.hold.micros);
        let voucher = portion.voucher.map(|voucher| (voucher.voucher, money(share(voucher))));
        let amount = money(cost.micros - voucher.map_or(0, |(_, paid)| paid.micros));
        let (payer, price_per_card_hour) = (portion.payer, portion.price_per_card_hour);
        paid.push(Paid { payer, used, price_per_card_hour, amount, voucher });
    }
    assert_eq!(left.0, 0, "no more is used than was funded");
    paid
}

#[cfg(test)]
mod tests {
    use haina_core::Currency;
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = CARD_USE_PER_CARD_HOUR;

    fn yuan(units: i64) -> Money {
        Money::units(units, Currency::CNY)
    }

    fn payer(payer: Payer, price: i64, available: i64) -> PayerMeans {
        PayerMeans { payer, price_per_card_hour: yuan(price), available: yuan(available).micros }
    }

    #[test]
    fn an_agreement_pays_first_and_the_account_what_is_left() {
        let agreement = Payer::Agreement(AgreementId(3));
        let means = Means { payers: vec![payer(agreement, 6, 12), payer(Payer::Prepaid, 10, 50)], vouchers: vec![] };
        let portions = means.fund(CardUse(5 * HOUR)).unwrap();
        let shown: Vec<_> = portions.iter().map(|p| (p.payer, p.use_most.0 / HOUR, p.hold)).collect();
        assert_eq!(shown, [(agreement, 2, yuan(12)), (Payer::Prepaid, 3, yuan(30))]);
        let paid = |hours| settle(&portions, CardUse(hours * HOUR)).iter().map(|p| p.amount).collect::<Vec<_>>();
        assert_eq!(paid(1), [yuan(6)]);
        assert_eq!(paid(3), [yuan(12), yuan(10)]);
    }

    #[test]
    fn a_voucher_pays_its_share_until_it_is_used_up() {
        let voucher = VoucherMeans { voucher: VoucherId(1), share: 500, available: yuan(10).micros, only: None };
        let means = Means { payers: vec![payer(Payer::Prepaid, 10, 100)], vouchers: vec![voucher] };
        let portions = means.fund(CardUse(4 * HOUR)).unwrap();
        let shown: Vec<_> = portions.iter().map(|p| (p.use_most.0 / HOUR, p.hold, p.voucher.map(|v| v.hold))).collect();
        assert_eq!(shown, [(2, yuan(10), Some(yuan(10))), (2, yuan(20), None)]);
        let paid = settle(&portions, CardUse(3 * HOUR));
        let shown: Vec<_> = paid.iter().map(|p| (p.amount, p.voucher.map(|(_, paid)| paid))).collect();
        assert_eq!(shown, [(yuan(10), Some(yuan(10))), (yuan(10), None)]);
    }

    #[test]
    fn a_voucher_for_an_agreement_pays_beside_no_other() {
        let only = Some(AgreementId(3));
        let voucher = VoucherMeans { voucher: VoucherId(1), share: 1000, available: yuan(100).micros, only };
        let means = Means { payers: vec![payer(Payer::Prepaid, 10, 20)], vouchers: vec![voucher] };
        let short = means.fund(CardUse(5 * HOUR)).unwrap_err();
        assert_eq!(short, Short { needed: yuan(50).micros, available: yuan(20).micros });
    }

    proptest! {
        /// Whatever is used of what was funded is paid, by nobody more than was held of him, and costs what it costs.
        #[test]
        fn what_is_funded_is_covered(
            payers in prop::collection::vec((0i64..3, 1i64..20_000_000, 0i64..60_000_000), 1..4),
            vouchers in prop::collection::vec((1u16..=1000, 0i64..20_000_000, prop::option::of(0u32..3)), 0..4),
            most in 1u64..40_000_000_000,
            part in 0u64..=1000,
        ) {
            let money = |micros: i64| Money { micros: micros.into(), currency: Currency::CNY };
            let payers: Vec<_> = payers.iter().enumerate().map(|(index, (_, price, available))| PayerMeans {
                payer: if index == 0 { Payer::Prepaid } else { Payer::Agreement(AgreementId(index as u32)) },
                price_per_card_hour: money(*price),
                available: (*available).into(),
            }).rev().collect();
            let vouchers: Vec<_> = vouchers.iter().enumerate().map(|(index, (share, available, only))| VoucherMeans {
                voucher: VoucherId(index as u32), share: *share, available: (*available).into(), only: only.map(AgreementId),
            }).collect();
            let means = Means { payers: payers.clone(), vouchers: vouchers.clone() };
            let portions = match means.fund(CardUse(most)) {
                Ok(portions) => portions,
                Err(Short { needed, available }) => {
                    prop_assert!(available < needed);
                    return Ok(());
                }
            };
            prop_assert_eq!(portions.iter().map(|portion| portion.use_most.0).sum::<u64>(), most);
            for means in &payers {
                let held = portions.iter().filter(|portion| portion.payer == means.payer);
                prop_assert!(held.map(|portion| portion.hold.micros).sum::<i128>() <= means.available);
            }
            for means in &vouchers {
                let shares = portions.iter().filter_map(|portion| portion.voucher);
                let of_it = shares.filter(|share| share.voucher == means.voucher);
                prop_assert!(of_it.map(|share| share.hold.micros).sum::<i128>() <= means.available);
            }
            let used = CardUse((u128::from(most) * u128::from(part) / 1000) as u64);
            let paid = settle(&portions, used);
            prop_assert_eq!(paid.iter().map(|paid| paid.used.0).sum::<u64>(), used.0);
            for (paid, portion) in paid.iter().zip(&portions) {
                prop_assert!(paid.amount.micros >= 0 && paid.amount.micros <= portion.hold.micros);
                prop_assert_eq!(paid.cost(), charge(portion.price_per_card_hour, paid.used));
                let of_voucher = paid.voucher.map_or(0, |(_, paid)| paid.micros);
                prop_assert!(of_voucher <= portion.voucher.map_or(0, |share| share.hold.micros));
            }
        }
    }
}
