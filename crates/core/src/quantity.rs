//! Fixed-point quantities. Arithmetic that could overflow is checked or saturates by name.

use serde::{Deserialize, Serialize};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
        #[serde(transparent)]
        pub struct $name(pub $inner);
    };
}

quantity!(/** Cards in thousandths: 1000 is one whole card. */ CardMillis(u32));
quantity!(/** Processor time per second in thousandths of a core: 1000 is one core. */ CpuMillis(u64));
quantity!(/** Bytes of memory or disk. */ Bytes(u64));
quantity!(/** Card-milliseconds in thousandths: `CardMillis` × milliseconds, exact. 3,600,000,000 is one card-hour. */ CardUse(u64));

/// `CardUse` of one card-hour.
pub const CARD_USE_PER_CARD_HOUR: u64 = 1000 * 3_600_000;

impl CardMillis {
    /// One whole card.
    pub const WHOLE: CardMillis = CardMillis(1000);

    /// So many whole cards.
    pub const fn whole(cards: u32) -> Self {
        CardMillis(cards * 1000)
    }

    /// Whether there are none.
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The use that these cards make in `length`; saturates.
    pub fn used_for(self, length: crate::Milliseconds) -> CardUse {
        CardUse(u64::from(self.0).saturating_mul(length.0))
    }
}
