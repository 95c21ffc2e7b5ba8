//! Finds frames in octets with CRCs as they come in.
//!
//! ```text
//! .. noise .. | L C M A CRC CI .. CRC | L C M .. | gap | L C M ..
//!    Noise      Frame                   Broken           Frame
//! ```
//!
//! Any octet may be an L-field, so only CRCs tell a frame from noise: in frame format A the one behind the header,
//! in frame format B the one at the end. Where the radio says that a frame begins ([`OctetDeframer::begin`]) no
//! CRC is needed to know it.
//!
//! The deframer of the wired bus (in `mbus-link`) has the same buffer and keeps the same accounts of what was thrown away, but
//! what it takes for a frame, for its beginning and for its end (gaps in time, no CRC, E5) is another: shared would be forty
//! lines, and the wired bus would need the radio.
//!
//! Invariants: every octet belongs to exactly one event. A frame that begins inside a broken one or in noise is
//! found. In frame format B noise is held back for up to 256 octets, as it might become a frame; a gap or `begin`
//! ends that.

use super::growing::{Growing, Verdict};
use crate::{Error, ErrorKind, FrameFormat, format_a};

/// So much noise is told at once, even when it goes on.
const MAX_NOISE: usize = 256;

/// What an [`OctetDeframer`] found.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OctetEvent<'a> {
    /// A frame, every CRC right.
    Frame {
        /// Its format.
        format: FrameFormat,
        /// The frame, its CRCs still inside: [`FrameFormat::strip_in_place`] takes them out.
        octets: &'a mut [u8],
    },
    /// Octets that began as a frame: the radio said so, or the first block was right.
    Broken {
        /// The format they seemed to have.
        format: FrameFormat,
        /// What is wrong, counted from the L-field: [`ErrorKind::BlockCrc`], [`ErrorKind::LengthTooSmall`],
        /// [`ErrorKind::LengthImpossible`]; [`ErrorKind::Truncated`] when the octets ended,
        /// [`ErrorKind::BufferTooSmall`] when the frame is longer than the deframer has room for.
        error: Error,
        /// How many octets, up to the next frame or the end by the L-field.
        octets: usize,
    },
    /// Octets that begin no frame.
    Noise {
        /// How many.
        octets: usize,
    },
}

/// Finds frames in a stream of octets; `N` is the longest frame it can hold, any frame unless said otherwise.
///
/// ```
/// use wmbus_phy::{FrameFormat, OctetDeframer, OctetEvent};
/// let mut deframer = <OctetDeframer>::new(&[FrameFormat::A]);
/// let mut input = &b"\xFF\x0F\x44\xAE\x0C\x78\x56\x34\x12\x01\x07\x44\x47\x78\x0B\x13\x43\x65\x87\x1E\x6D\x2A"[..];
/// assert_eq!(deframer.handle_input(&mut input), Some(OctetEvent::Noise { octets: 1 }));
/// match deframer.handle_input(&mut input) {
///     Some(OctetEvent::Frame { format, octets }) => {
///         assert_eq!(format.strip_in_place(octets)?.frame.len(), 16);
///     }
///     other => panic!("{other:?}"),
/// }
/// assert_eq!(deframer.handle_input(&mut input), None);
/// # Ok::<(), wmbus_phy::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OctetDeframer<const N: usize = { format_a::MAX_ENCODED_LEN }> {
    a: bool,
    b: bool,
    buffer: [u8; N],
    /// The first octet not told yet.
    start: usize,
    /// Behind the last octet received.
    end: usize,
    /// What the octets from `start` on were seen to be so far.
    attempt: Option<Growing>,
    /// The radio said that a frame begins at `start`.
    known: bool,
    /// The same, where the octets ended.
    begin: bool,
    /// Octets thrown away and not told yet.
    skipped: usize,
    /// What was wrong with the frame that the octets thrown away began as; nothing for noise.
    reason: Option<(FrameFormat, Error)>,
    /// Octets that still belong to that frame by its L-field.
    ruin: usize,
    /// The octets stop here.
    ended: bool,
}

/// What the octets at the front of the buffer are.
enum Front {
    Frame(FrameFormat, usize),
    Tell(Option<(FrameFormat, Error)>, usize),
    Incomplete,
}

impl<const N: usize> OctetDeframer<N> {
    /// Looks for frames of these formats.
    #[must_use]
    pub fn new(formats: &[FrameFormat]) -> Self {
        Self {
            a: formats.contains(&FrameFormat::A),
            b: formats.contains(&FrameFormat::B),
            buffer: [0; N],
            start: 0,
            end: 0,
            attempt: None,
            known: false,
            begin: false,
            skipped: 0,
            reason: None,
            ruin: 0,
            ended: false,
        }
    }
    /// Takes octets off the front of `input` until something is found; nothing when all octets are taken: call it
    /// until then.
    pub fn handle_input(&mut self, input: &mut &[u8]) -> Option<OctetEvent<'_>> {
        let front = loop {
            match self.scan() {
                Front::Incomplete => {}
                found => break found,
            }
            if !self.take(input) {
                return None;
            }
        };
        self.tell(front)
    }
    /// The next event from the octets taken already; for use behind [`OctetDeframer::gap`] and
    /// [`OctetDeframer::begin`].
    pub fn poll_event(&mut self) -> Option<OctetEvent<'_>> {
        let front = self.scan();
        self.tell(front)
    }
    /// The line was silent or the carrier is gone: a frame that was begun does not go on. The next call tells.
    pub const fn gap(&mut self) {
        self.ended = true;
        self.begin = false;
    }
    /// The radio found a sync word: the next octet is an L-field. What was begun before does not go on.
    pub const fn begin(&mut self) {
        self.ended = true;
        self.begin = true;
    }
    /// True when nothing is left of what was received.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start >= self.end && self.skipped == 0
    }

    fn waiting(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }
    /// Throws octets away until something can be told or more are needed.
    fn scan(&mut self) -> Front {
        loop {
            if self.start >= self.end {
                if !self.ended {
                    return Front::Incomplete;
                }
                // A frame of no octets was begun.
                let error = ErrorKind::Truncated { needed: 1, available: 0 }.at(0);
                if core::mem::take(&mut self.known) {
                    return Front::Tell(Some((self.first_format(), error)), 0);
                }
                (self.ended, self.ruin, self.attempt) = (false, 0, None);
                self.known = core::mem::take(&mut self.begin);
                match self.pending() {
                    Some(front) => return front,
                    None => continue,
                }
            }
            let (format, error, begun) = match self.judge() {
                Judged::Frame(format, len) => {
                    return self.pending().unwrap_or(Front::Frame(format, len));
                }
                Judged::More => return Front::Incomplete,
                Judged::None(format, error, begun) => (format, error, begun || self.known),
            };
            if begun && self.ruin == 0 {
                // A frame of its own breaks here: what was thrown away before is told first.
                if let Some(before) = self.pending() {
                    return before;
                }
                let length = self.waiting().first().copied().unwrap_or(0);
                self.reason = Some((format, error));
                self.ruin = format.on_air_len(length).unwrap_or(1);
            }
            self.skip();
            let told = if self.reason.is_some() { self.ruin == 0 } else { self.skipped >= MAX_NOISE };
            if told {
                if let Some(front) = self.pending() {
                    return front;
                }
            }
        }
    }
    /// Throws the first octet away.
    fn skip(&mut self) {
        self.start = self.start.saturating_add(1);
        self.skipped = self.skipped.saturating_add(1);
        (self.attempt, self.known) = (None, false);
        if self.reason.is_some() {
            self.ruin = self.ruin.saturating_sub(1);
        }
    }
    /// Reads the octets in both formats, one after the other.
    fn judge(&mut self) -> Judged {
        loop {
            let first = Growing::new(self.first_format());
            let mut growing = self.attempt.unwrap_or(first);
            let format = growing.format;
            let (error, begun) = match growing.judge(self.waiting()) {
                Verdict::Whole(len) => return Judged::Frame(format, len),
                Verdict::Broken(error) => (error, growing.has_block()),
                Verdict::More(_) => match self.cannot_go_on(format) {
                    Some(error) => (error, growing.has_block()),
                    None => {
                        self.attempt = Some(growing);
                        return Judged::More;
                    }
                },
            };
            // A right first block is that of format A.
            if begun || format == FrameFormat::B || !self.b {
                return Judged::None(format, error, begun);
            }
            self.attempt = Some(Growing::new(FrameFormat::B));
        }
    }
    /// Why a frame that wants more octets gets none.
    fn cannot_go_on(&self, format: FrameFormat) -> Option<Error> {
        let (waiting, available) = (self.waiting(), self.buffer.len());
        let needed = waiting.first().and_then(|length| format.on_air_len(*length).ok()).unwrap_or(1);
        if needed > available {
            return Some(ErrorKind::BufferTooSmall { needed, available }.at(0));
        }
        self.ended.then(|| ErrorKind::Truncated { needed, available: waiting.len() }.at(waiting.len()))
    }
    const fn first_format(&self) -> FrameFormat {
        if self.a { FrameFormat::A } else { FrameFormat::B }
    }
    /// What was thrown away and not told yet.
    fn pending(&mut self) -> Option<Front> {
        if self.skipped == 0 {
            return None;
        }
        let octets = core::mem::take(&mut self.skipped);
        Some(Front::Tell(self.reason.take(), octets))
    }
    /// Appends what has room; false when there was nothing.
    fn take(&mut self, input: &mut &[u8]) -> bool {
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
        fresh > 0
    }
    fn tell(&mut self, front: Front) -> Option<OctetEvent<'_>> {
        match front {
            Front::Frame(format, len) => {
                (self.ruin, self.attempt, self.known) = (0, None, false);
                let from = self.start;
                self.start = from.saturating_add(len);
                let octets = self.buffer.get_mut(from..self.start)?;
                Some(OctetEvent::Frame { format, octets })
            }
            Front::Tell(Some((format, error)), octets) => Some(OctetEvent::Broken { format, error, octets }),
            Front::Tell(None, octets) => Some(OctetEvent::Noise { octets }),
            Front::Incomplete => None,
        }
    }
}

/// What the octets from the first one on are.
enum Judged {
    Frame(FrameFormat, usize),
    More,
    /// No frame, for this reason; true when the first block was right.
    None(FrameFormat, Error, bool),
}
