//! Time for the core: it never goes back, and jumps of the wall clock are reported.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use haina_core::Timestamp;

/// A difference to the wall clock that is called a jump.
const JUMP_LEAST: Duration = Duration::from_secs(2);

/// How long the wall clock may be left unread while something is due later.
const UNREAD_LONGEST: Duration = Duration::from_secs(30);

/// How long to sleep at `now` for what is due at `at`: not to the end at once, because a wall clock that is set forward
/// meanwhile is to be noticed.
pub fn until(at: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::from_micros(at.0.saturating_sub(now.0).max(0).cast_unsigned());
    left.min(UNREAD_LONGEST)
}

/// A clock that starts at the wall clock's time, or at the last time the center knew if that is later, and then goes
/// with the monotonic clock.
pub struct Clock {
    started: Instant,
    origin: Timestamp,
    last: Timestamp,
    behind_reported: bool,
}

impl Clock {
    /// A clock that never shows less than `least`.
    pub fn start(least: Timestamp) -> Clock {
        let origin = wall().max(least);
        Clock { started: Instant::now(), origin, last: origin, behind_reported: false }
    }

    /// Now. A wall clock that was set forward is followed; one that was set back is not.
    pub fn now(&mut self) -> Timestamp {
        self.read(Instant::now(), wall())
    }

    fn read(&mut self, instant: Instant, wall: Timestamp) -> Timestamp {
        let elapsed_us = i64::try_from(instant.duration_since(self.started).as_micros()).unwrap_or(i64::MAX);
        let mut now = Timestamp(self.origin.0.saturating_add(elapsed_us));
        let jump_us = JUMP_LEAST.as_micros() as i64;
        if wall.0 > now.0 + jump_us {
            tracing::warn!(seconds = (wall.0 - now.0) / 1_000_000, "the wall clock jumped forward; following it");
            (self.started, self.origin) = (instant, wall);
            now = wall;
        }
        let behind = wall.0 + jump_us < now.0;
        if behind && !self.behind_reported {
            tracing::warn!(
                seconds = (now.0 - wall.0) / 1_000_000,
                "the wall clock is behind the center's; going on with the monotonic clock"
            );
        }
        self.behind_reported = behind;
        self.last = self.last.max(now);
        self.last
    }
}

/// The wall clock.
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_wall_clock_set_back_does_not_take_time_back() {
        let mut clock = Clock::start(Timestamp(0));
        let (started, origin) = (clock.started, clock.origin);
        let later = started + Duration::from_secs(10);
        assert_eq!(clock.read(later, Timestamp(origin.0 - 3600 * SECOND)), Timestamp(origin.0 + 10 * SECOND));
        let later = started + Duration::from_secs(11);
        assert_eq!(clock.read(later, Timestamp(origin.0 - 3599 * SECOND)), Timestamp(origin.0 + 11 * SECOND));
    }

    #[test]
    fn a_wall_clock_set_forward_is_followed() {
        let mut clock = Clock::start(Timestamp(0));
        let (started, origin) = (clock.started, clock.origin);
        let wall = Timestamp(origin.0 + 3600 * SECOND);
        assert_eq!(clock.read(started + Duration::from_secs(1), wall), wall);
        assert_eq!(clock.read(started + Duration::from_secs(2), Timestamp(wall.0 + SECOND)).0, wall.0 + SECOND);
    }

    #[test]
    fn a_distant_moment_is_waited_for_in_pieces() {
        let now = Timestamp(1_700_000_000 * SECOND);
        for (seconds, wait) in [(-5, 0), (0, 0), (7, 7), (30, 30), (3600, 30)] {
            assert_eq!(until(Timestamp(now.0 + seconds * SECOND), now), Duration::from_secs(wait));
        }
        assert_eq!(until(Timestamp(i64::MAX), Timestamp(0)), UNREAD_LONGEST);
    }

    #[test]
    fn a_center_that_knows_a_later_time_goes_on_from_there() {
        let known = Timestamp(wall().0 + 3600 * SECOND);
        assert!(Clock::start(known).now() >= known);
    }
}
