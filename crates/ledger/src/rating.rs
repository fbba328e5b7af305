//! Rating: use × price.

use haina_core::quantity::CARD_USE_PER_CARD_HOUR;
use haina_core::{CardUse, Money};

/// What `used` costs at `price_per_card_hour`, rounded down to a millionth: in the customer's favour, once per attempt.
pub fn charge(price_per_card_hour: Money, used: CardUse) -> Money {
    Money { micros: scaled(price_per_card_hour, used).div_euclid(CARD_USE_PER_CARD_HOUR.into()), ..price_per_card_hour }
}

/// What must be held so that [`charge`] for at most `used` is covered: rounded up.
pub fn hold(price_per_card_hour: Money, used: CardUse) -> Money {
    let unit = i128::from(CARD_USE_PER_CARD_HOUR);
    Money { micros: (scaled(price_per_card_hour, used) + unit - 1).div_euclid(unit), ..price_per_card_hour }
}

/// Prices are at most 10^15 millionths (checked where they are set) and use fits 64 bits, so the product fits 128 bits.
fn scaled(price_per_card_hour: Money, used: CardUse) -> i128 {
    price_per_card_hour.micros * i128::from(used.0)
}

#[cfg(test)]
mod tests {
    use haina_core::{CardMillis, Currency, Milliseconds};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_card_for_ten_minutes_at_twelve_yuan_is_one_yuan() {
        let used = CardMillis(500).used_for(Milliseconds::from_seconds(600));
        assert_eq!(charge(Money::units(12, Currency::CNY), used), Money::units(1, Currency::CNY));
    }

    #[test]
    fn a_fraction_of_a_millionth_is_not_charged_but_is_held() {
        let price = Money { micros: 1, currency: Currency::CNY };
        assert_eq!(charge(price, CardUse(1)).micros, 0);
        assert_eq!(hold(price, CardUse(1)).micros, 1);
    }

    proptest! {
        #[test]
        fn a_hold_for_the_most_covers_every_charge_up_to_it(price in 0i64..10_000_000_000, most in 0u64..u64::MAX / 4, part in 0u64..=1000) {
            let price = Money { micros: price.into(), currency: Currency::CNY };
            let used = CardUse((u128::from(most) * u128::from(part) / 1000) as u64);
            prop_assert!(charge(price, used).micros <= hold(price, CardUse(most)).micros);
        }
    }
}
