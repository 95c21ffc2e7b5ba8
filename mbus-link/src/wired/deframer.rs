//! Finds frames in the octets of the wired bus as they come in.
//!
//! ```text
//! .. noise .. | 68 L L 68 C A CI data CS 16 | E5 | 10 C A | gap | 10 C A CS 16 | ..
//!    Noise      Frame                         Frame  Broken         Frame
//! ```
//!
//! A start octet may stand in noise and in data. So a frame counts only when all of it is right; otherwise the
//! search goes on at the octet behind the false start, and a frame that begins inside a broken one is found.
//!
//! `OctetDeframer` of `wmbus-phy` does this for the radio; its documentation says why the two stay apart.
//!
//! Invariants: every octet belongs to exactly one event; where the input is cut into calls changes nothing; a
//! frame is reported with its last octet. An octet costs at most one pass over the buffer. Inside a broken frame
//! E5 is data, not a single character: otherwise damaged data would acknowledge what nobody acknowledged.

use crate::time::Instant;
use crate::{Error, ErrorKind};

use super::frame::{ACK, Frame, MAX_LEN, START_LONG, START_SHORT};
use super::timing::LineTiming;

/// So much noise is told at once, even when it goes on.
const MAX_NOISE: usize = 256;

/// What a [`Deframer`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Deframed<'a> {
    /// A frame without a fault, or the single character.
    Frame {
        /// The frame.
        frame: Frame<'a>,
        /// The same frame, octet by octet.
        octets: &'a [u8],
    },
    /// Octets that begin no frame.
    Noise {
        /// How many.
        octets: usize,
    },
    /// Octets that began as a frame.
    Broken {
        /// What is wrong, counted from the first octet of the frame; [`ErrorKind::Truncated`] when a gap ended
        /// it, [`ErrorKind::BufferTooSmall`] when it is longer than the buffer of the deframer.
        error: Error,
        /// How many, up to the next frame or the end of what the length fields announced.
        octets: usize,
    },
}

/// Finds frames in a stream of octets; `N` is the longest frame it can hold, 261 unless said otherwise.
///
/// ```
/// use mbus_link::time::Instant;
/// use mbus_link::wired::{Deframed, Deframer, Frame, LineTiming};
/// let mut deframer = <Deframer>::new(LineTiming::new(2400));
/// let mut input = &[0xFF, 0x10, 0x7B, 0x01, 0x7C, 0x16, 0xE5][..];
/// let mut found = 0;
/// while let Some(event) = deframer.handle_input(Instant::ZERO, &mut input) {
///     match event {
///         Deframed::Frame { frame: Frame::Short { address, .. }, .. } => assert_eq!(address.0, 1),
///         Deframed::Frame { frame, .. } => assert_eq!(frame, Frame::SingleCharacter),
///         Deframed::Noise { octets } => assert_eq!(octets, 1),
///         Deframed::Broken { error, .. } => panic!("{error}"),
///     }
///     found += 1;
/// }
/// assert_eq!(found, 3);
/// ```
#[derive(Clone, Debug)]
pub struct Deframer<const N: usize = MAX_LEN> {
    line: LineTiming,
    buffer: [u8; N],
    /// The first octet not told yet.
    start: usize,
    /// Behind the last octet received.
    end: usize,
    /// Octets thrown away and not told yet.
    skipped: usize,
    /// What was wrong with the frame that the octets thrown away began as; `None` for noise.
    reason: Option<Error>,
    /// Octets that still belong to that frame by its length fields.
    ruin: usize,
    /// The line was silent: what is in the buffer goes on no more.
    ended: bool,
    last_input: Instant,
}

/// What the octets at the front of the buffer are.
enum Front {
    Frame(usize),
    Tell(Option<Error>, usize),
    Incomplete,
    Nothing,
}

impl<const N: usize> Deframer<N> {
    /// A deframer for a line with these times. It has room for a control frame at least (checked when compiling).
    #[must_use]
    pub const fn new(line: LineTiming) -> Self {
        const { assert!(N >= 9, "a control frame has nine octets") }
        Self {
            line,
            buffer: [0; N],
            start: 0,
            end: 0,
            skipped: 0,
            reason: None,
            ruin: 0,
            ended: false,
            last_input: Instant::ZERO,
        }
    }
    /// The times of the line from now on.
    pub const fn set_line(&mut self, line: LineTiming) {
        self.line = line;
    }
    /// The times of the line.
    #[must_use]
    pub const fn line(&self) -> LineTiming {
        self.line
    }
    /// Takes octets off the front of `input`, up to the end of the next event, and gives that event. `None` when
    /// all octets are taken and nothing more can be said: call it until then. `now` is when the last octet of
    /// `input` came in; it stays the same over these calls.
    ///
    /// A gap between the octets of earlier calls and these ends what was begun. To do without gaps let `now` be
    /// [`Instant::ZERO`] always.
    pub fn handle_input(&mut self, now: Instant, input: &mut &[u8]) -> Option<Deframed<'_>> {
        let front = loop {
            self.end_at_gap(now, input.len());
            match self.scan() {
                Front::Nothing | Front::Incomplete => {}
                found => break found,
            }
            if !self.take(now, input) {
                return None;
            }
        };
        self.tell(front)
    }
    /// The next event from the octets taken already, if there is one; for use behind [`Deframer::gap`] and
    /// [`Deframer::handle_timeout`].
    pub fn poll_event(&mut self) -> Option<Deframed<'_>> {
        let front = self.scan();
        self.tell(front)
    }
    /// The line was silent, or somebody else sends now: a frame that was begun does not go on. Call
    /// [`Deframer::poll_event`] then.
    pub const fn gap(&mut self) {
        self.ended = true;
    }
    /// Ends a frame that was begun when the line was silent for longer than [`LineTiming::gap`] until `now`. Call
    /// [`Deframer::poll_event`] then.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.end_at_gap(now, 0);
    }
    /// When a gap would end what was begun; `None` when nothing was.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let begun = self.start < self.end || self.skipped > 0;
        (begun && !self.ended).then(|| self.last_input.after(self.line.gap()))
    }
    /// True when nothing is left of what was received.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start >= self.end && self.skipped == 0
    }

    fn waiting(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }
    /// Remembers a gap before `fresh` octets of which the last came in at `now`.
    fn end_at_gap(&mut self, now: Instant, fresh: usize) {
        let silence = now.since(self.last_input).saturating_sub(self.line.air_time(fresh));
        if !self.is_empty() && silence >= self.line.gap() {
            self.ended = true;
        }
    }
    /// Appends what has room; false when there was nothing.
    fn take(&mut self, now: Instant, input: &mut &[u8]) -> bool {
        let waiting = self.end.saturating_sub(self.start);
        if self.start > 0 {
            // One by one: a move of the slice could panic as far as the linker can see.
            for (to, from) in (0..waiting).zip(self.start..) {
                let octet = self.buffer.get(from).copied().unwrap_or_default();
                if let Some(place) = self.buffer.get_mut(to) {
                    *place = octet;
                }
            }
            (self.start, self.end) = (0, waiting);
        }
        let room = self.buffer.get_mut(waiting..).unwrap_or_default();
        let fresh = room.len().min(input.len());
        let Some((head, rest)) = input.split_at_checked(fresh) else { return false };
        for (place, octet) in room.iter_mut().zip(head) {
            *place = *octet;
        }
        *input = rest;
        self.end = waiting.saturating_add(fresh);
        if fresh > 0 {
            self.last_input = now;
        }
        fresh > 0
    }
    /// Throws octets away until something can be told or more are needed.
    fn scan(&mut self) -> Front {
        loop {
            let front = self.waiting();
            if front.is_empty() {
                if self.ended {
                    self.ended = false;
                    self.ruin = 0;
                    return self.pending().unwrap_or(Front::Nothing);
                }
                return Front::Nothing;
            }
            let error = match Frame::parse_prefix(front) {
                Ok((Frame::SingleCharacter, _)) if self.ruin > 0 => {
                    ErrorKind::StartOctet { found: ACK }.at(0)
                }
                Ok((frame, _)) => {
                    let len = frame.encoded_len();
                    return self.pending().unwrap_or(Front::Frame(len));
                }
                Err(error) => match error.kind {
                    ErrorKind::Truncated { needed, .. } if needed > N => {
                        ErrorKind::BufferTooSmall { needed, available: N }.at(0)
                    }
                    ErrorKind::Truncated { .. } if !self.ended => return Front::Incomplete,
                    _ => error,
                },
            };
            let begun = matches!(front, [START_SHORT | START_LONG, ..]);
            let extent = announced(front);
            if begun && self.ruin == 0 {
                // A frame of its own breaks here: what was thrown away before is told first.
                if let Some(before) = self.pending() {
                    return before;
                }
                self.reason = Some(error);
                self.ruin = extent;
            }
            self.start = self.start.saturating_add(1);
            self.skipped = self.skipped.saturating_add(1);
            if self.reason.is_some() {
                self.ruin = self.ruin.saturating_sub(1);
            }
            let told = if self.reason.is_some() { self.ruin == 0 } else { self.skipped >= MAX_NOISE };
            if told {
                if let Some(front) = self.pending() {
                    return front;
                }
            }
        }
    }
    /// What was thrown away and not told yet.
    fn pending(&mut self) -> Option<Front> {
        if self.skipped == 0 {
            return None;
        }
        let octets = core::mem::take(&mut self.skipped);
        Some(Front::Tell(self.reason.take(), octets))
    }
    fn tell(&mut self, front: Front) -> Option<Deframed<'_>> {
        match front {
            Front::Frame(len) => {
                self.ruin = 0;
                let from = self.start;
                self.start = from.saturating_add(len);
                let octets = self.buffer.get(from..self.start)?;
                let (frame, _) = Frame::parse_prefix(octets).ok()?;
                Some(Deframed::Frame { frame, octets })
            }
            Front::Tell(Some(error), octets) => Some(Deframed::Broken { error, octets }),
            Front::Tell(None, octets) => Some(Deframed::Noise { octets }),
            Front::Incomplete | Front::Nothing => None,
        }
    }
}

/// Octets of the frame that begins here, as far as its head tells.
fn announced(octets: &[u8]) -> usize {
    match octets {
        [START_SHORT, ..] => 5,
        [START_LONG, length, again, ..] => usize::from((*length).max(*again)).max(3).saturating_add(6),
        [START_LONG, ..] => 9,
        _ => 1,
    }
}

impl<const N: usize> Default for Deframer<N> {
    fn default() -> Self {
        Self::new(LineTiming::default())
    }
}
