//! When the next synchronous transmission comes.
//!
//! ```text
//! t(n) = tNOM x (1 + (|n - 128| - 64) / 2048)      n = the access number that the next frame carries
//! ```
//!
//! EN 13757-4, 12.6.2 (edition of 2019); tNOM is a multiple of 2 s; the interval varies by 3.125 % to
//! either side. Invariants: exact integers, rounded once to the microsecond, also over many intervals;
//! frames that are not synchronous (S = 0) or were repeated (H = 1) never move the prediction.

use crate::CommunicationControl;
use crate::time::{Duration, Instant, SteadyClock};

/// The nominal interval of synchronous transmissions: a multiple of 2 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NominalInterval(u32);

impl NominalInterval {
    /// `seconds`, 2 to 2 678 400 (a month of 31 days); `None` for 0, odd numbers and more.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Option<Self> {
        if seconds == 0 || seconds % 2 != 0 || seconds > 2_678_400 {
            return None;
        }
        Some(Self(seconds))
    }
    /// The interval in seconds.
    #[must_use]
    pub const fn as_secs(self) -> u32 {
        self.0
    }
    /// From the frame before to the frame that carries `access_number`.
    ///
    /// ```
    /// use mbus_link::wireless::NominalInterval;
    /// let sixteen_seconds = NominalInterval::from_secs(16).unwrap();
    /// assert_eq!(sixteen_seconds.before(64).as_micros(), 16_000_000);
    /// assert_eq!(sixteen_seconds.before(0).as_micros(), 16_500_000);
    /// assert_eq!(sixteen_seconds.before(128).as_micros(), 15_500_000);
    /// ```
    #[must_use]
    pub const fn before(self, access_number: u8) -> Duration {
        self.between(access_number.wrapping_sub(1), 1)
    }
    /// From the frame that carries `access_number` to the one `frames` later.
    #[must_use]
    pub const fn between(self, access_number: u8, frames: u8) -> Duration {
        let parts = weight_of_run(access_number, frames);
        // At most 2 678 400 000 000 x 255 x 2112: fits 61 bits.
        let micros = (self.0 as u64).saturating_mul(1_000_000).saturating_mul(parts);
        Duration::from_micros(micros.saturating_add(1024) / 2048)
    }
    /// The nominal interval that explains `span` between two frames best, when the second carries the
    /// access number `to` and was sent less than 256 frames after the first; `None` when they carry the
    /// same number or the result is out of range.
    #[must_use]
    pub const fn estimate(span: Duration, from: u8, to: u8) -> Option<Self> {
        let weight = weight_of_run(from, to.wrapping_sub(from));
        // Two seconds per unit.
        let unit = weight.saturating_mul(2_000_000);
        let scaled = span.as_micros().saturating_mul(2048).saturating_add(unit / 2);
        let Some(units) = scaled.checked_div(unit) else { return None };
        if units > 1_339_200 {
            return None;
        }
        let [a, b, c, d, ..] = units.to_le_bytes();
        Self::from_secs(u32::from_le_bytes([a, b, c, d]).saturating_mul(2))
    }
}

/// 2048 times the sum of the factors of the `frames` intervals that follow the access number `from`.
const fn weight_of_run(from: u8, frames: u8) -> u64 {
    let mut n = from;
    let mut left = frames;
    let mut sum = 0_u64;
    while left > 0 {
        n = n.wrapping_add(1);
        // 2048 + |n - 128| - 64
        sum = sum.saturating_add(1984).saturating_add(n.abs_diff(128) as u64);
        left = left.saturating_sub(1);
    }
    sum
}

/// What a frame did to the prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Observation {
    /// Not synchronous, or repeated: ignored.
    Ignored,
    /// The same access number again: ignored.
    SameFrame,
    /// The first frame, or the second one, that told the nominal interval.
    Started,
    /// In time, after so many frames that were not heard.
    InTime {
        /// Synchronous frames not heard since the last one.
        missed: u8,
    },
    /// Out of time: perhaps of somebody else with the meter's address. The prediction stays as it is, until the next frame
    /// is in time after this one.
    OutOfTime,
}

/// Predicts the synchronous frames of one meter, so that a receiver can sleep in between.
#[derive(Clone, Copy, Debug)]
pub struct SynchronousPredictor {
    nominal: Option<NominalInterval>,
    /// True when the nominal interval is found out from the frames.
    learns: bool,
    /// What the last frame out of time would make of it.
    candidate: Option<NominalInterval>,
    tolerance_ppm: u32,
    guard: Duration,
    clock: SteadyClock,
    /// The last frame that was in time, or the first one.
    last: Option<(Instant, u8)>,
    /// A later one that was not.
    suspect: Option<(Instant, u8)>,
}

impl SynchronousPredictor {
    /// A predictor that has heard nothing yet. `tolerance_ppm` is that of both clocks together, `guard`
    /// what is kept free before and after in any case.
    #[must_use]
    pub const fn new(nominal: NominalInterval, tolerance_ppm: u32, guard: Duration) -> Self {
        Self { nominal: Some(nominal), learns: false, ..Self::learning(tolerance_ppm, guard) }
    }
    /// A predictor that does not know the nominal interval and finds it out: from the first two frames, and anew when
    /// two frames one after the other are out of time and agree on another one.
    ///
    /// ```
    /// use mbus_link::CommunicationControl;
    /// use mbus_link::time::{Duration, Instant};
    /// use mbus_link::wireless::{NominalInterval, SynchronousPredictor};
    /// let mut predictor = SynchronousPredictor::learning(100, Duration::from_millis(5));
    /// predictor.observe(Instant::from_micros(0), CommunicationControl::SYNCHRONOUS, 63);
    /// predictor.observe(Instant::from_micros(16_000_000), CommunicationControl::SYNCHRONOUS, 64);
    /// assert_eq!(predictor.nominal(), NominalInterval::from_secs(16));
    /// ```
    #[must_use]
    pub const fn learning(tolerance_ppm: u32, guard: Duration) -> Self {
        Self {
            nominal: None,
            learns: true,
            candidate: None,
            tolerance_ppm,
            guard,
            clock: SteadyClock::new(),
            last: None,
            suspect: None,
        }
    }
    /// The nominal interval, if it is known.
    #[must_use]
    pub const fn nominal(&self) -> Option<NominalInterval> {
        self.nominal
    }
    /// Takes a frame that was heard at `now` (always the same point of the frame).
    pub fn observe(&mut self, now: Instant, control: CommunicationControl, access_number: u8) -> Observation {
        let now = self.clock.read(now);
        let repeated = control.contains(CommunicationControl::HOP);
        if repeated || !control.contains(CommunicationControl::SYNCHRONOUS) {
            return Observation::Ignored;
        }
        let Some((heard, number)) = self.last else {
            self.last = Some((now, access_number));
            return Observation::Started;
        };
        let newest = self.suspect.unwrap_or((heard, number));
        let found = if self.learns {
            NominalInterval::estimate(now.since(newest.0), newest.1, access_number)
        } else {
            None
        };
        let Some(nominal) = self.nominal else {
            if access_number == number {
                return Observation::SameFrame;
            }
            self.nominal = found;
            self.last = Some((now, access_number));
            return Observation::Started;
        };
        // One frame out of time may be anybody's. It is believed when the next one is in time after it.
        for (heard, number) in [Some((heard, number)), self.suspect].into_iter().flatten() {
            let frames = access_number.wrapping_sub(number);
            let (from, to) = self.steady_window(nominal, heard, number, frames);
            if frames != 0 && from <= now && now <= to {
                (self.last, self.suspect, self.candidate) = (Some((now, access_number)), None, None);
                return Observation::InTime { missed: frames.saturating_sub(1) };
            }
        }
        // The same frame again, or the one a full round later: only the former tells nothing new.
        let is_same =
            |(heard, number)| access_number == number && now.since(heard) < nominal.between(number, u8::MAX);
        if is_same((heard, number)) || self.suspect.is_some_and(is_same) {
            return Observation::SameFrame;
        }
        if found.is_some() && found == self.candidate {
            self.nominal = found;
            (self.last, self.suspect, self.candidate) = (Some((now, access_number)), None, None);
        } else {
            (self.suspect, self.candidate) = (Some((now, access_number)), found);
        }
        Observation::OutOfTime
    }
    /// Whether a frame heard at `now` with this access number would be in time; nothing is learned from it. `None` when
    /// that cannot be told: before the interval is known, and for frames that are not synchronous or were repeated.
    /// Without a MAC this is all that tells an old frame that somebody sent again from a new one.
    #[must_use]
    pub fn expects(&self, now: Instant, control: CommunicationControl, access_number: u8) -> Option<bool> {
        let ((heard, number), nominal) = (self.last?, self.nominal?);
        if control.contains(CommunicationControl::HOP) || !control.contains(CommunicationControl::SYNCHRONOUS)
        {
            return None;
        }
        // Reading the clock of a copy changes nothing.
        let mut clock = self.clock;
        let now = clock.read(now);
        let frames = access_number.wrapping_sub(number);
        let (from, to) = self.steady_window(nominal, heard, number, frames);
        Some(frames > 0 && from <= now && now <= to)
    }
    /// When the receiver has to listen for the synchronous frame `frames` after the last one heard: from
    /// and to, on the caller's clock. `None` before the first frame, as long as the interval is not known, and for 0.
    #[must_use]
    pub fn window(&self, frames: u8) -> Option<(Instant, Instant)> {
        let ((heard, number), nominal) = (self.last?, self.nominal?);
        if frames == 0 {
            return None;
        }
        let (from, to) = self.steady_window(nominal, heard, number, frames);
        Some((self.clock.caller_time(from), self.clock.caller_time(to)))
    }
    /// The first window that is not over at `now`, and how many frames after the last one heard it is.
    /// `None` before the first frame and when 255 frames were not heard.
    #[must_use]
    pub fn next_window(&self, now: Instant) -> Option<(Instant, Instant, u8)> {
        (1..=255).find_map(|frames| {
            let (from, to) = self.window(frames)?;
            (to >= now).then_some((from, to, frames))
        })
    }
    /// The access number of the last synchronous frame heard.
    #[must_use]
    pub fn last_access_number(&self) -> Option<u8> {
        self.last.map(|(_, number)| number)
    }

    fn steady_window(
        &self,
        nominal: NominalInterval,
        heard: Instant,
        number: u8,
        frames: u8,
    ) -> (Instant, Instant) {
        let span = nominal.between(number, frames);
        let drift = span.as_micros().saturating_mul(u64::from(self.tolerance_ppm)).div_ceil(1_000_000);
        let around = self.guard.saturating_add(Duration::from_micros(drift));
        (heard.after(span.saturating_sub(around)), heard.after(span.saturating_add(around)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC: CommunicationControl = CommunicationControl::SYNCHRONOUS;

    #[test]
    fn the_formula_in_exact_numbers() {
        for seconds in [2, 8, 16, 120, 900, 7200, 2_678_400] {
            let nominal = NominalInterval::from_secs(seconds).unwrap();
            for n in 0..=255_u8 {
                // t x 2048 = tNOM x (2048 + |n - 128| - 64), in microseconds, rounded half up.
                let exact = u128::from(seconds) * 1_000_000 * (2048 + u128::from(n.abs_diff(128)) - 64);
                assert_eq!(u128::from(nominal.before(n).as_micros()), (exact + 1024) / 2048);
            }
        }
        assert_eq!(NominalInterval::from_secs(0), None);
        assert_eq!(NominalInterval::from_secs(15), None);
        assert_eq!(NominalInterval::from_secs(2_678_402), None);
    }

    #[test]
    fn many_intervals_are_rounded_once() {
        let nominal = NominalInterval::from_secs(2).unwrap();
        let exact: u64 = (1..=200_u64).map(|n| 2_000_000 * (1984 + n.abs_diff(128))).sum();
        assert_eq!(nominal.between(0, 200).as_micros(), (exact + 1024) / 2048);
        assert_eq!(nominal.between(7, 0), Duration::ZERO);
        assert_eq!(nominal.between(255, 1), nominal.before(0));
    }

    #[test]
    fn the_nominal_interval_is_found_from_two_frames() {
        for seconds in [2, 16, 30, 900, 14_400] {
            let nominal = NominalInterval::from_secs(seconds).unwrap();
            for (from, frames) in [(0, 1), (250, 20), (100, 255)] {
                let to = u8::wrapping_add(from, frames);
                let span = nominal.between(from, frames);
                assert_eq!(NominalInterval::estimate(span, from, to), Some(nominal));
                let late = span.saturating_add(Duration::from_millis(100));
                assert_eq!(NominalInterval::estimate(late, from, to), Some(nominal));
            }
        }
        assert_eq!(NominalInterval::estimate(Duration::from_secs(10), 5, 5), None);
        assert_eq!(NominalInterval::estimate(Duration::MAX, 5, 6), None);
        assert_eq!(NominalInterval::estimate(Duration::ZERO, 5, 6), None);
    }

    fn predictor() -> SynchronousPredictor {
        let nominal = NominalInterval::from_secs(16).unwrap();
        SynchronousPredictor::new(nominal, 100, Duration::from_millis(5))
    }

    #[test]
    fn synchronous_frames_are_predicted_also_after_losses() {
        let nominal = NominalInterval::from_secs(16).unwrap();
        let mut predictor = predictor();
        assert_eq!(predictor.window(1), None);
        let mut now = Instant::from_micros(1_000_000);
        let mut number = 250_u8;
        assert_eq!(predictor.observe(now, SYNC, number), Observation::Started);
        for frames in [1, 1, 3, 10, 1, 200] {
            let (from, to) = predictor.window(frames).unwrap();
            now = now.after(nominal.between(number, frames));
            number = number.wrapping_add(frames);
            assert!(from < now && now < to && to.since(from) < Duration::from_secs(1));
            assert_eq!(predictor.observe(now, SYNC, number), Observation::InTime { missed: frames - 1 });
        }
    }

    #[test]
    fn other_frames_do_not_disturb() {
        let mut predictor = predictor();
        let start = Instant::from_micros(0);
        assert_eq!(predictor.observe(start, SYNC, 10), Observation::Started);
        let window = predictor.window(1);
        let later = start.after(Duration::from_secs(7));
        let hop = SYNC.union(CommunicationControl::HOP);
        assert_eq!(predictor.observe(later, hop, 11), Observation::Ignored);
        assert_eq!(predictor.observe(later, CommunicationControl::BIDIRECTIONAL, 11), Observation::Ignored);
        assert_eq!(predictor.observe(later, SYNC, 10), Observation::SameFrame);
        assert_eq!(predictor.window(1), window);
        assert_eq!(predictor.observe(later, SYNC, 11), Observation::OutOfTime);
        assert_eq!(predictor.window(1), window, "one frame out of time may be anybody's");
        assert_eq!(predictor.observe(later, SYNC, 11), Observation::SameFrame);
        let nominal = NominalInterval::from_secs(16).unwrap();
        let due = start.after(nominal.before(11));
        assert_eq!(predictor.observe(due, SYNC, 11), Observation::InTime { missed: 0 });
    }

    #[test]
    fn a_meter_that_begins_anew_is_followed_from_its_second_frame_on() {
        let nominal = NominalInterval::from_secs(16).unwrap();
        let mut predictor = predictor();
        predictor.observe(Instant::ZERO, SYNC, 10);
        let anew = Instant::from_micros(3_000_000);
        assert_eq!(predictor.observe(anew, SYNC, 200), Observation::OutOfTime);
        let next = anew.after(nominal.between(200, 2));
        assert_eq!(predictor.observe(next, SYNC, 202), Observation::InTime { missed: 1 });
        assert_eq!(predictor.last_access_number(), Some(202));
    }

    #[test]
    fn what_is_expected_is_told_without_learning() {
        let mut predictor = predictor();
        let (start, hop) = (Instant::ZERO, SYNC.union(CommunicationControl::HOP));
        assert_eq!(predictor.expects(start, SYNC, 10), None);
        predictor.observe(start, SYNC, 10);
        let window = predictor.window(1);
        let due = |frames| start.after(NominalInterval::from_secs(16).unwrap().between(10, frames));
        for (at, control, number, expected) in [
            (due(1), SYNC, 11, Some(true)),
            (due(5), SYNC, 15, Some(true)),
            (due(5), SYNC, 14, Some(false)),
            (due(1), SYNC, 10, Some(false)),
            (due(1), SYNC, 3, Some(false)),
            (due(1), hop, 11, None),
            (due(1), CommunicationControl::empty(), 11, None),
        ] {
            assert_eq!(predictor.expects(at, control, number), expected, "{number}");
        }
        assert_eq!(predictor.window(1), window);
        assert_eq!(predictor.observe(due(1), SYNC, 11), Observation::InTime { missed: 0 });
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_prediction() {
        let mut predictor = predictor();
        predictor.observe(Instant::from_micros(3_600_000_000), SYNC, 63);
        // Set back by an hour half way; the step itself counts as no time.
        predictor.observe(Instant::from_micros(3_608_000_000), CommunicationControl::empty(), 0);
        predictor.observe(Instant::from_micros(8_000_000), CommunicationControl::empty(), 0);
        let (from, to) = predictor.window(1).unwrap();
        assert!(from < Instant::from_micros(16_000_000) && Instant::from_micros(16_000_000) < to);
        assert_eq!(
            predictor.observe(Instant::from_micros(16_000_000), SYNC, 64),
            Observation::InTime { missed: 0 }
        );
    }

    #[test]
    fn the_interval_is_learned_and_learned_anew() {
        let mut predictor = SynchronousPredictor::learning(100, Duration::from_millis(5));
        let (mut now, mut number) = (Instant::from_micros(5), 200_u8);
        assert_eq!(predictor.observe(now, SYNC, number), Observation::Started);
        assert_eq!((predictor.nominal(), predictor.window(1)), (None, None));
        assert_eq!(predictor.observe(now, SYNC, number), Observation::SameFrame);
        // Two frames are lost before the second one; then in time; a stray frame; another interval from then on.
        let stray = Observation::OutOfTime;
        for (seconds, frames, expected, known) in [
            (16, 3, Observation::Started, 16),
            (16, 1, Observation::InTime { missed: 0 }, 16),
            (16, 50, Observation::InTime { missed: 49 }, 16),
            (900, 1, stray, 16),
            (16, 1, Observation::InTime { missed: 0 }, 16),
            (900, 1, stray, 16),
            (30, 1, stray, 16),
            (30, 2, stray, 30),
            (30, 1, Observation::InTime { missed: 0 }, 30),
        ] {
            now = now.after(NominalInterval::from_secs(seconds).unwrap().between(number, frames));
            number = number.wrapping_add(frames);
            assert_eq!(predictor.observe(now, SYNC, number), expected, "{seconds} {frames}");
            assert_eq!(predictor.nominal(), NominalInterval::from_secs(known));
        }
        // A known interval stays.
        let mut predictor = self::predictor();
        for second in [0, 100, 200, 300] {
            predictor.observe(Instant::from_micros(second * 1_000_000), SYNC, second as u8);
            assert_eq!(predictor.nominal(), NominalInterval::from_secs(16));
        }
    }

    #[test]
    fn next_window_skips_what_is_over() {
        let mut predictor = predictor();
        predictor.observe(Instant::ZERO, SYNC, 0);
        let third = predictor.window(3).unwrap();
        assert_eq!(predictor.next_window(third.1), Some((third.0, third.1, 3)));
        assert_eq!(predictor.next_window(Instant::from_micros(u64::MAX)), None);
    }
}
