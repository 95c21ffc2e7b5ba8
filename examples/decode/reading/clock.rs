//! The time of the lines: what the receivers wrote, and where they wrote nothing a little for each line.
//!
//! Used for what must not wait for ever: a fragment whose fellows never come. No clock of the machine, so that the
//! same lines give the same answers.

use chrono::{DateTime, NaiveDateTime};
use mbus_link::time::{Duration, Instant};

/// What a line without a time takes.
const LINE: Duration = Duration::from_millis(100);
/// No more than this passes between two lines, whatever they say: enough to end all waiting.
const MOST: i64 = 86_400_000_000;

/// The time of the last line. It never goes back.
#[derive(Debug)]
pub(super) struct LineClock {
    now: Instant,
    /// Microseconds of the last line that had a time, from an origin of its receiver's own.
    last: Option<i64>,
}

impl LineClock {
    pub(super) const fn new() -> Self {
        Self { now: Instant::ZERO, last: None }
    }
    /// The time of the next line, which its receiver wrote as `received`.
    pub(super) fn next(&mut self, received: Option<&str>) -> Instant {
        let time = received.and_then(microseconds);
        let passed = match (time, self.last) {
            (Some(time), Some(last)) => {
                let passed = time.saturating_sub(last).clamp(0, MOST);
                Duration::from_micros(u64::try_from(passed).unwrap_or_default())
            }
            (Some(_), None) | (None, _) => LINE,
        };
        self.last = time.or(self.last);
        self.now = self.now.after(passed);
        self.now
    }
}

/// A date and time with or without zone, or seconds.
fn microseconds(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_micros());
    }
    let forms = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    time.map(|time| time.and_utc().timestamp_micros())
        .or_else(|| text.trim_start_matches('+').parse::<i64>().ok()?.checked_mul(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_take_their_time() {
        let mut clock = LineClock::new();
        let mut next = |received: Option<&str>| clock.next(received).as_micros();
        assert_eq!((next(None), next(None)), (100_000, 200_000));
        assert_eq!(next(Some("2019-04-03 19:00:42.000")), 300_000);
        assert_eq!(next(Some("2019-04-03T19:00:43.5")), 1_800_000);
        assert_eq!(next(Some("2019-04-03T21:00:44.5+02:00")), 2_800_000);
        assert_eq!(next(Some("@@")), 2_900_000);
        // A clock that goes back, and then on from there; one that leaps; seconds from the start of a program.
        assert_eq!(next(Some("1970-01-01 00:00:00")), 2_900_000);
        assert_eq!(next(Some("1970-01-01 00:00:02")), 4_900_000);
        assert_eq!(next(Some("9999-12-31 23:59:59")), 86_404_900_000);
        assert_eq!(next(Some("+12")), 86_404_900_000);
        assert_eq!(next(Some("+9223372036854775807")), 86_405_000_000);
        assert_eq!(next(Some("+14")), 86_407_000_000);
    }
}
