//! What the cards of an attempt did over time, as their driver told it. Pure.
//!
//! A reading is of the whole card: where attempts share one, each has the whole card's readings. Where nobody read the
//! card, because no server ran or its driver did not answer, time goes on and nothing is said of it.

use haina_core::{Bytes, CardMillis, CardReading, Health, Milliseconds};
use serde::{Deserialize, Serialize};

use crate::series::{INTERVAL, Sample, Series};

/// A reading speaks for the time since the one before, if that is at most so long ago.
const READING_SPEAKS_MOST: Milliseconds = Milliseconds(3 * INTERVAL.0);

/// One quantity in the readings that told it; three numbers on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u32)", into = "(u64, u64, u32)")]
pub struct Gauge {
    sum: u64,
    peak: u64,
    readings: u32,
}

impl From<(u64, u64, u32)> for Gauge {
    fn from((sum, peak, readings): (u64, u64, u32)) -> Gauge {
        Gauge { sum, peak, readings }
    }
}

impl From<Gauge> for (u64, u64, u32) {
    fn from(gauge: Gauge) -> (u64, u64, u32) {
        (gauge.sum, gauge.peak, gauge.readings)
    }
}

impl Gauge {
    fn of(value: Option<u64>) -> Gauge {
        value.map_or(Gauge::default(), |value| Gauge { sum: value, peak: value, readings: 1 })
    }

    /// On average; none where no reading told it.
    pub fn mean(&self) -> Option<f64> {
        (self.readings > 0).then(|| self.sum as f64 / f64::from(self.readings))
    }

    /// The most of a reading; none where no reading told it.
    pub fn peak(&self) -> Option<u64> {
        (self.readings > 0).then_some(self.peak)
    }

    /// Both.
    pub fn and(self, next: Gauge) -> Gauge {
        Gauge {
            sum: self.sum.saturating_add(next.sum),
            peak: self.peak.max(next.peak),
            readings: self.readings.saturating_add(next.readings),
        }
    }
}

/// How fit a card was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Fit for work.
    Healthy,
    /// It worked, but somebody should have looked at it.
    Degraded,
    /// Not fit for new work.
    Unhealthy,
}

impl Condition {
    /// The stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            Condition::Healthy => "healthy",
            Condition::Degraded => "degraded",
            Condition::Unhealthy => "unhealthy",
        }
    }
}

/// A card over a length of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardPoint {
    /// How long it is. It begins where the one before ends, the first at the attempt's start.
    pub length: Milliseconds,
    /// How much it computed, in percent.
    pub utilization: Gauge,
    /// Memory in use, in bytes.
    pub memory: Gauge,
    /// Power, in milliwatts.
    pub power: Gauge,
    /// Temperature, in degrees Celsius; what is below zero counts as zero.
    pub temperature: Gauge,
    /// What it drew while its power was read.
    pub energy_millijoules: u64,
    /// The worst of its readings; none where there is none.
    pub worst: Option<Condition>,
}

impl CardPoint {
    /// A length of time in which nobody read the card.
    pub fn unread(length: Milliseconds) -> CardPoint {
        CardPoint { length, ..CardPoint::default() }
    }

    /// What was read at its end.
    pub fn reading(length: Milliseconds, reading: &CardReading) -> CardPoint {
        let celsius = reading.temperature_celsius.map(|celsius| u64::try_from(celsius).unwrap_or(0));
        let worst = match reading.health {
            Health::Healthy => Condition::Healthy,
            Health::Degraded(_) => Condition::Degraded,
            Health::Unhealthy(_) => Condition::Unhealthy,
        };
        CardPoint {
            length,
            utilization: Gauge::of(reading.utilization_percent.map(u64::from)),
            memory: Gauge::of(reading.memory_used.map(|memory| memory.0)),
            power: Gauge::of(reading.power_milliwatts),
            temperature: Gauge::of(celsius),
            energy_millijoules: reading.power_milliwatts.unwrap_or(0).saturating_mul(length.0) / 1000,
            worst: Some(worst),
        }
    }
}

impl Sample for CardPoint {
    const POINTS_MOST: usize = 60;

    fn length(&self) -> Milliseconds {
        self.length
    }

    fn and(self, next: CardPoint) -> CardPoint {
        CardPoint {
            length: self.length + next.length,
            utilization: self.utilization.and(next.utilization),
            memory: self.memory.and(next.memory),
            power: self.power.and(next.power),
            temperature: self.temperature.and(next.temperature),
            energy_millijoules: self.energy_millijoules.saturating_add(next.energy_millijoules),
            worst: self.worst.max(next.worst),
        }
    }
}

/// One card of an attempt over time; less than 8 KiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardSeries {
    /// Its index on the node.
    pub index: u32,
    /// How much of it the attempt holds.
    pub held: CardMillis,
    /// All of its memory.
    pub memory: Bytes,
    /// What was read of it.
    pub usage: Series<CardPoint>,
}

impl CardSeries {
    /// All of it as one point.
    pub fn whole(&self) -> CardPoint {
        self.usage.points().iter().copied().reduce(CardPoint::and).unwrap_or_default()
    }

    /// Goes on until the attempt is `age` old, with what was read last, or nothing.
    pub fn advance(&mut self, age: Milliseconds, reading: Option<&CardReading>) {
        let length = Milliseconds(age.0.saturating_sub(self.usage.length().0));
        let Some(reading) = reading else { return self.usage.push(CardPoint::unread(length)) };
        let spoken_for = if length > READING_SPEAKS_MOST { INTERVAL } else { length };
        if length > spoken_for {
            self.usage.push(CardPoint::unread(Milliseconds(length.0 - spoken_for.0)));
        }
        self.usage.push(CardPoint::reading(spoken_for, reading));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn card() -> CardSeries {
        CardSeries { index: 3, held: CardMillis(1000), memory: Bytes(64 << 30), usage: Series::default() }
    }

    fn read(utilization: Option<u32>, milliwatts: Option<u64>) -> CardReading {
        CardReading {
            utilization_percent: utilization,
            power_milliwatts: milliwatts,
            ..CardReading::only(Health::Healthy)
        }
    }

    proptest! {
        #[test]
        fn time_and_energy_stay_exact_however_few_points_are(
            readings in prop::collection::vec((1000..9000u64, 0..101u32, prop::option::of(0..700_000u64)), 0..2000)
        ) {
            let (mut card, mut age, mut energy, mut load) = (card(), 0, 0, 0);
            for (length, utilization, milliwatts) in &readings {
                age += length;
                energy += milliwatts.unwrap_or(0) * length / 1000;
                load += u64::from(*utilization);
                card.advance(Milliseconds(age), Some(&read(Some(*utilization), *milliwatts)));
                prop_assert!(card.usage.points().len() <= CardPoint::POINTS_MOST);
            }
            let whole = card.whole();
            prop_assert_eq!((whole.length, whole.energy_millijoules), (Milliseconds(age), energy));
            prop_assert_eq!(whole.utilization.peak(), readings.iter().map(|reading| u64::from(reading.1)).max());
            let mean = (!readings.is_empty()).then(|| load as f64 / readings.len() as f64);
            prop_assert_eq!(whole.utilization.mean(), mean);
        }
    }

    #[test]
    fn where_nobody_read_nothing_is_said() {
        let mut card = card();
        card.advance(Milliseconds(5000), Some(&read(Some(80), Some(300_000))));
        // The server was away for an hour, and came back: the reading speaks for the last 5 s of it.
        card.advance(Milliseconds(3_605_000), Some(&read(Some(40), Some(200_000))));
        let whole = card.whole();
        assert_eq!((whole.length, whole.energy_millijoules), (Milliseconds(3_605_000), 2_500_000));
        assert_eq!((whole.utilization.mean(), whole.temperature.mean()), (Some(60.0), None));
        // Its driver does not answer.
        card.advance(Milliseconds(3_610_000), None);
        assert_eq!((card.whole().length, card.whole().energy_millijoules), (Milliseconds(3_610_000), 2_500_000));
        assert_eq!(card.usage.points().last().unwrap().worst, None);
    }

    #[test]
    fn the_worst_reading_of_a_point_is_its_condition() {
        let mut card = card();
        for (age, health) in
            [(2000, Health::Healthy), (3000, Health::Unhealthy("hot".to_owned())), (4000, Health::Healthy)]
        {
            card.advance(Milliseconds(age), Some(&CardReading::only(health)));
        }
        assert_eq!(card.usage.points().len(), 1);
        assert_eq!(card.whole().worst, Some(Condition::Unhealthy));
    }

    #[test]
    fn a_day_of_a_card_is_small_in_memory_and_on_disk() {
        let mut card = card();
        for count in 1..24 * 720u64 {
            card.advance(Milliseconds(count * INTERVAL.0), Some(&read(Some(87), Some(290_400))));
        }
        assert!(size_of_val(card.usage.points()) < 8 << 10);
        let text = serde_json::to_string(&card).unwrap();
        assert!(text.len() < 16 << 10, "{}", text.len());
        assert_eq!(serde_json::from_str::<CardSeries>(&text).unwrap(), card);
    }
}
