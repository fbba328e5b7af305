//! What an attempt used over time, in few points however long it runs. Pure.
//!
//! Each reading says what was used since the one before, and what is held now. Readings are added up to points; where
//! there would be too many points, neighbours become one and points become twice as long. So a series holds between half
//! of [`Sample::POINTS_MOST`] and all of them once it has so many, and what was used in all stays exact.

use haina_core::{Bytes, CpuMillis, Milliseconds};
use serde::{Deserialize, Serialize};

/// The most points of what processors and memory did; with 48 bytes each, they take less than 6 KiB.
pub const POINTS_MOST: usize = 120;

/// How long a point is at first, and how long it is between two readings.
pub const INTERVAL: Milliseconds = Milliseconds::from_seconds(5);

/// What was read over a length of time, so that neighbours can become one.
pub trait Sample: Copy {
    /// The most of them in a series.
    const POINTS_MOST: usize;

    /// How long it is. It begins where the one before ends, the first at the attempt's start.
    fn length(&self) -> Milliseconds;

    /// It and the one that follows it, as one.
    fn and(self, next: Self) -> Self;
}

/// Use over a length of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// How long it is. It begins where the one before ends, the first at the attempt's start.
    pub length: Milliseconds,
    /// Processor time that was used in it.
    pub cpu: Milliseconds,
    /// The most processors that were used between two readings.
    pub cpu_peak: CpuMillis,
    /// How many readings it is made of.
    pub readings: u32,
    /// The memory of all readings, added up.
    pub memory_sum: Bytes,
    /// The most memory of a reading.
    pub memory_peak: Bytes,
}

impl Point {
    /// A reading: `cpu` was used in `length`, and now `memory` is held.
    pub fn reading(length: Milliseconds, cpu: Milliseconds, memory: Bytes) -> Point {
        let cpu_peak = per_second(cpu, length);
        Point { length, cpu, cpu_peak, readings: 1, memory_sum: memory, memory_peak: memory }
    }

    /// Processors used on average.
    pub fn cpu_mean(&self) -> CpuMillis {
        per_second(self.cpu, self.length)
    }

    /// Memory held on average.
    pub fn memory_mean(&self) -> Bytes {
        Bytes(self.memory_sum.0 / u64::from(self.readings.max(1)))
    }
}

impl Sample for Point {
    const POINTS_MOST: usize = POINTS_MOST;

    fn length(&self) -> Milliseconds {
        self.length
    }

    fn and(self, next: Point) -> Point {
        Point {
            length: self.length + next.length,
            cpu: self.cpu + next.cpu,
            cpu_peak: self.cpu_peak.max(next.cpu_peak),
            readings: self.readings.saturating_add(next.readings),
            memory_sum: Bytes(self.memory_sum.0.saturating_add(next.memory_sum.0)),
            memory_peak: self.memory_peak.max(next.memory_peak),
        }
    }
}

fn per_second(cpu: Milliseconds, length: Milliseconds) -> CpuMillis {
    CpuMillis(cpu.0.saturating_mul(1000) / length.0.max(1))
}

/// A course of use, from the attempt's start on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series<P = Point> {
    interval: Milliseconds,
    points: Vec<P>,
}

impl<P> Default for Series<P> {
    fn default() -> Series<P> {
        Series { interval: INTERVAL, points: Vec::new() }
    }
}

impl<P: Sample> Series<P> {
    /// How long a point is by now; the last may be shorter.
    pub fn interval(&self) -> Milliseconds {
        self.interval
    }

    /// The points, each with when it begins after the attempt's start.
    pub fn from_start(&self) -> impl Iterator<Item = (Milliseconds, &P)> {
        self.points().iter().scan(Milliseconds(0), |offset, point| {
            let begins = *offset;
            *offset = begins + point.length();
            Some((begins, point))
        })
    }

    /// The points, in their order.
    pub fn points(&self) -> &[P] {
        &self.points
    }

    /// How much time it covers.
    pub fn length(&self) -> Milliseconds {
        self.points.iter().fold(Milliseconds(0), |sum, point| sum + point.length())
    }

    /// Adds a reading.
    pub fn push(&mut self, reading: P) {
        match self.points.last_mut() {
            // Readings are never exactly so far apart: a point ends where it is nearest to its length.
            Some(last) if last.length().0.saturating_add(reading.length().0 / 2) < self.interval.0 => {
                *last = last.and(reading);
            }
            _ => self.points.push(reading),
        }
        if self.points.len() > P::POINTS_MOST {
            let pair = |pair: &[P]| pair.iter().copied().reduce(P::and);
            self.points = self.points.chunks(2).filter_map(pair).collect();
            self.interval = self.interval + self.interval;
        }
    }
}

impl Series {
    /// The processor time used in all.
    pub fn cpu(&self) -> Milliseconds {
        self.points.iter().fold(Milliseconds(0), |sum, point| sum + point.cpu)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn readings() -> impl Strategy<Value = Vec<Point>> {
        let reading = (1..20_000u64, 0..400_000u64, 0..(1u64 << 40));
        let reading = reading
            .prop_map(|(length, cpu, memory)| Point::reading(Milliseconds(length), Milliseconds(cpu), Bytes(memory)));
        prop::collection::vec(reading, 0..3000)
    }

    proptest! {
        #[test]
        fn what_was_used_is_kept_however_few_points_are(readings in readings()) {
            let mut series = Series::default();
            let (mut length, mut cpu) = (Milliseconds(0), Milliseconds(0));
            for reading in &readings {
                series.push(*reading);
                (length, cpu) = (length + reading.length, cpu + reading.cpu);
                prop_assert!(series.points.len() <= POINTS_MOST);
                prop_assert_eq!((series.length(), series.cpu()), (length, cpu));
            }
            let sum = |of: fn(&Point) -> u64, points: &[Point]| points.iter().map(of).sum::<u64>();
            let most = |of: fn(&Point) -> u64, points: &[Point]| points.iter().map(of).max();
            for of in [|point: &Point| u64::from(point.readings), |point: &Point| point.memory_sum.0] {
                prop_assert_eq!(sum(of, &series.points), sum(of, &readings));
            }
            for of in [|point: &Point| point.cpu_peak.0, |point: &Point| point.memory_peak.0] {
                prop_assert_eq!(most(of, &series.points), most(of, &readings));
            }
            for point in &series.points {
                prop_assert!(point.length.0 > 0 && point.readings > 0, "time goes on from point to point");
                prop_assert!(point.cpu_mean() <= point.cpu_peak && point.memory_mean() <= point.memory_peak);
            }
        }

        #[test]
        fn points_are_about_as_long_as_they_say(count in 1..3000usize, jitter in prop::collection::vec(0..400u64, 3000)) {
            let mut series = Series::default();
            for jitter in &jitter[..count] {
                let length = Milliseconds(INTERVAL.0 - 200 + jitter);
                series.push(Point::reading(length, Milliseconds(1), Bytes(1)));
            }
            let interval = series.interval.0;
            prop_assert!((interval / INTERVAL.0).is_power_of_two());
            let (_, whole) = series.points.split_last().unwrap();
            for point in whole {
                let length = point.length.0;
                prop_assert!(length > interval * 9 / 10 && length < interval * 11 / 10 + INTERVAL.0 / 2, "{length} {interval}");
            }
            prop_assert!(count < POINTS_MOST || series.points.len() >= POINTS_MOST / 2);
        }
    }

    #[test]
    fn a_day_is_few_points_of_minutes() {
        let mut series = Series::default();
        for _ in 0..24 * 720 {
            series.push(Point::reading(INTERVAL, Milliseconds(10_000), Bytes(1 << 30)));
        }
        assert_eq!(series.interval(), Milliseconds::from_seconds(20 * 60 + 80));
        assert_eq!(series.points().len(), 68);
        let point = series.points()[0];
        assert_eq!(
            (point.cpu_mean(), point.cpu_peak, point.memory_mean()),
            (CpuMillis(2000), CpuMillis(2000), Bytes(1 << 30))
        );
    }
}
