//! When a telegram was heard: by the clock of this machine, or as the line says.
//!
//! Invariants: only differences count, so a time without zone is as good as one with; a line without a time that can be
//! read has none.

use chrono::{DateTime, NaiveDateTime};
use mbus_link::time::Instant;

/// How receivers write times without a zone.
const FORMATS: [&str; 3] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ"];

/// The time now, from the clock of this machine.
#[must_use]
pub fn now() -> Instant {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    Instant::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// The time that a receiver wrote: a date and time, or seconds since 1970.
#[must_use]
pub fn written(text: &str) -> Option<Instant> {
    let text = text.trim();
    let date = FORMATS.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let date = date.map(|date| date.and_utc().timestamp_micros());
    let date = date.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|date| date.timestamp_micros()));
    let micros = date.and_then(|micros| u64::try_from(micros).ok()).or_else(|| seconds(text))?;
    Some(Instant::from_micros(micros))
}

/// Microseconds of a number of seconds with up to six decimals.
fn seconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() < 9 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part = part.get(..6).unwrap_or(part);
    let micros: u64 = format!("{part:0<6}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_receivers_write_them() {
        let at = Instant::from_micros(1_774_960_440_250_000);
        for text in [
            "2026-03-31 12:34:00.250",
            "2026-03-31T12:34:00.250",
            "2026-03-31T12:34:00.25Z",
            "2026-03-31T14:34:00.25+02:00",
            "1774960440.25",
            " 1774960440.250000",
        ] {
            assert_eq!(written(text), Some(at), "{text}");
        }
        for text in ["", "+12", "12:34", "2026-03-31", "2026-02-30 00:00:00", "-1774960440", "1774960440.x"] {
            assert_eq!(written(text), None, "{text}");
        }
    }
}
