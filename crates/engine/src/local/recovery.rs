//! When a card that was unfit for work gets some again: once it was read as fit several times in a row. Pure.
//!
//! A card that flickers would take down one job after the other, and each change of the core's mind is kept for ever.

use haina_core::{CardReading, Health};

/// Readings in a row, 5 s apart.
const FIT_READINGS: u32 = 3;

/// What was read of each card lately, by index.
#[derive(Debug, Default)]
pub struct Recovery {
    cards: Vec<Option<Unfit>>,
}

/// A card that was unfit, and is not trusted yet.
#[derive(Debug)]
struct Unfit {
    reason: String,
    /// It was read as fit so many times since.
    fit_readings: u32,
}

impl Recovery {
    /// What these readings, the newest, count for: a card that has just become fit is unfit for its last reason.
    pub fn count(&mut self, mut readings: Vec<CardReading>) -> Vec<CardReading> {
        self.cards.resize_with(readings.len(), || None);
        for (card, reading) in self.cards.iter_mut().zip(&mut readings) {
            if let Health::Unhealthy(reason) = &reading.health {
                *card = Some(Unfit { reason: reason.clone(), fit_readings: 0 });
            } else if let Some(unfit) = card {
                unfit.fit_readings += 1;
                match unfit.fit_readings < FIT_READINGS {
                    true => reading.health = Health::Unhealthy(unfit.reason.clone()),
                    false => *card = None,
                }
            }
        }
        readings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a card counts after each of these readings of it: `h`ealthy, `d`egraded, `u`nhealthy.
    fn counted(read: &str) -> String {
        let mut recovery = Recovery::default();
        let mut counted = String::new();
        for word in read.chars() {
            let health = match word {
                'h' => Health::Healthy,
                'd' => Health::Degraded("warm".to_owned()),
                _ => Health::Unhealthy("lost".to_owned()),
            };
            let readings = [CardReading::only(Health::Healthy), CardReading::only(health)];
            let readings = recovery.count(readings.to_vec());
            assert_eq!(readings[0].health, Health::Healthy, "another card is what it is");
            counted.push_str(&readings[1].health.word()[..1]);
        }
        counted
    }

    #[test]
    fn a_card_is_trusted_again_after_three_good_readings_in_a_row() {
        for (read, expected) in
            [("hdh", "hdh"), ("uhhhh", "uuuhh"), ("huhhuhhh", "huuuuuuh"), ("uhdd", "uuud"), ("uhhhuh", "uuuhuu")]
        {
            assert_eq!(counted(read), expected, "{read}");
        }
    }

    #[test]
    fn until_then_its_last_reason_stays() {
        let mut recovery = Recovery::default();
        let of = |health| vec![CardReading { utilization_percent: Some(7), ..CardReading::only(health) }];
        recovery.count(of(Health::Unhealthy("too hot".to_owned())));
        let reading = &recovery.count(of(Health::Healthy))[0];
        assert_eq!((reading.health.reason(), reading.utilization_percent), (Some("too hot"), Some(7)));
    }
}
