//! Finds frames in chips as they come in.
//!
//! ```text
//! .. noise .. | 010101 sync | L C M A .. | postamble | .. 010101 sync | noise ..
//!               not told      Frame        not told                     Broken
//! ```
//!
//! Invariants: chips are kept from behind the sync word until the frame is told or broken, so a broken frame is
//! searched for the next one. Each sync word that is found is one attempt; an attempt reads at most the longest frame
//! and ends at the first symbol or block that is wrong.

use super::growing::{Growing, Verdict};
use crate::chips::{ChipWriter, Chips, fetch};
use crate::mode::AirInterface;
use crate::sync::{Search, Sync};
use crate::{Error, ErrorKind, FrameFormat, format_a};

/// The first symbol behind the sync word of mode T when it is mode C: 3-of-6 does not have it.
const GOES_ON_IN_MODE_C: ErrorKind = ErrorKind::InvalidSymbol { chip: 0, symbol: 0b01_0101, chips: 6 };

/// C-fields that meters send with data or of their own accord: SND-NR, SND-IR, ACC-NR, ACC-DMD, RSP-UD. Half a sync word
/// is taken for one only in front of these, else every frame would wait behind what it might be.
const FROM_METERS: [u8; 8] = [0x44, 0x46, 0x47, 0x48, 0x08, 0x18, 0x28, 0x38];

/// What a [`ChipDeframer`] found.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ChipEvent<'a> {
    /// A frame, every symbol and every CRC right.
    Frame {
        /// Mode, frame format and polarity.
        sync: Sync,
        /// Its first chip, counted from the first chip that the deframer took.
        chip: u64,
        /// The frame, its CRCs still inside: [`FrameFormat::strip_in_place`] takes them out.
        octets: &'a mut [u8],
    },
    /// A sync word, and then no frame.
    Broken {
        /// Mode, frame format and polarity that the sync word said.
        sync: Sync,
        /// The first chip behind the sync word.
        chip: u64,
        /// The octets that could be read. When there are none the sync word was most likely noise.
        octets: &'a mut [u8],
        /// What is wrong, counted from the first chip or octet behind the sync word: [`ErrorKind::InvalidSymbol`],
        /// [`ErrorKind::BlockCrc`], [`ErrorKind::LengthTooSmall`], [`ErrorKind::LengthImpossible`];
        /// [`ErrorKind::Truncated`] when the chips ended, [`ErrorKind::BufferTooSmall`] when the frame is longer than
        /// the deframer has room for.
        error: Error,
    },
}

/// Finds frames in a stream of chips; `N` octets of packed chips is what it can hold, enough for any frame unless
/// said otherwise.
///
/// ```
/// use wmbus_phy::mode::{C1, Family, T1};
/// use wmbus_phy::{ChipDeframer, ChipEvent, Chips};
/// // The example of EN 13757-4 in mode T, as a radio tuned to 868.95 MHz hears it.
/// let chips = b"\xD5\x55\x55\x55\x55\x54\x3D\x5A\x97\x1C\x9B\x25\xB4\x4E\xC6\x5A\x2D\xC3\x4E\x58\xD5\x93\x71\xC7\x13\x4E\xC5\xA3\x34\xB7\x0B\x69\x9B\x13\x37\x26\xB1\x5F";
/// let mut deframer = <ChipDeframer>::new(&[T1.from_meter, C1.from_meter])?;
/// let mut input = Chips::new(chips);
/// let mut found = 0;
/// while let Some(event) = deframer.handle_input(&mut input) {
///     match event {
///         ChipEvent::Frame { sync, octets, .. } => {
///             assert_eq!((sync.family, octets.len()), (Family::T, 20));
///             let telegram = sync.format.strip_in_place(octets)?;
///             assert_eq!(telegram.frame, b"\x0F\x44\xAE\x0C\x78\x56\x34\x12\x01\x07\x78\x0B\x13\x43\x65\x87");
///             found += 1;
///         }
///         ChipEvent::Broken { error, .. } => panic!("{error}"),
///     }
/// }
/// assert_eq!(found, 1);
/// # Ok::<(), wmbus_phy::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ChipDeframer<const N: usize = 584> {
    search: Search,
    chips: [u8; N],
    /// The next chip to search, or the first one behind the sync word.
    start: usize,
    /// Behind the last chip that was taken.
    end: usize,
    /// Chips taken in front of `chips`.
    before: u64,
    attempt: Option<Attempt>,
    octets: [u8; format_a::MAX_ENCODED_LEN],
    /// The chips stop here.
    ended: bool,
    /// The radio found this sync word where the chips stopped.
    begin: Option<crate::sync::SyncWord>,
}

/// A frame that may have begun.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    sync: Sync,
    growing: Growing,
    /// Octets read.
    done: usize,
    /// Octets until something can be said.
    wanted: usize,
}

/// What came of reading on.
enum Read {
    More,
    /// The attempt is over, and nothing is to be told of it.
    Nothing,
    Found(Found),
}

/// What became of an attempt.
enum Found {
    Frame { sync: Sync, chip: u64, octets: usize },
    Broken { sync: Sync, chip: u64, octets: usize, error: Error },
}

impl<const N: usize> ChipDeframer<N> {
    /// Listens to all of these at once, which makes sense where they share frequency and chip rate: modes T and C from
    /// the meter.
    ///
    /// # Errors
    /// Those of [`Search::new`].
    pub fn new(airs: &[AirInterface]) -> Result<Self, Error> {
        Ok(Self::with_search(Search::new(airs)?))
    }
    /// Listens with a search of its own tolerance.
    #[must_use]
    pub const fn with_search(search: Search) -> Self {
        Self {
            search,
            chips: [0; N],
            start: 0,
            end: 0,
            before: 0,
            attempt: None,
            octets: [0; format_a::MAX_ENCODED_LEN],
            ended: false,
            begin: None,
        }
    }
    /// Takes chips off the front of `input` until something is found; nothing when all chips are taken: call it
    /// until then.
    pub fn handle_input(&mut self, input: &mut Chips<'_>) -> Option<ChipEvent<'_>> {
        let found = loop {
            if let Some(found) = self.scan() {
                break found;
            }
            if !self.take(input) {
                return None;
            }
        };
        Some(self.tell(found))
    }
    /// Takes one chip, for demodulators that have no more at a time. When it gives an event,
    /// [`ChipDeframer::poll_event`] gives the others, and must be called until there are none.
    pub fn handle_chip(&mut self, chip: bool) -> Option<ChipEvent<'_>> {
        self.handle_input(&mut Chips::with_len(if chip { &[0x80] } else { &[0] }, 1))
    }
    /// The next event from the chips taken already; for use behind [`ChipDeframer::gap`],
    /// [`ChipDeframer::begin`] and [`ChipDeframer::handle_chip`].
    pub fn poll_event(&mut self) -> Option<ChipEvent<'_>> {
        let found = self.scan()?;
        Some(self.tell(found))
    }
    /// The carrier is gone or the receiver was off: a frame that was begun does not go on. The next call tells.
    pub const fn gap(&mut self) {
        self.ended = true;
        self.begin = None;
    }
    /// The radio chip found the sync word of this format: the next chip is the first one behind it. What was begun
    /// before does not go on. In modes T and C the radio chip looks for the shared word, so that this is called for
    /// mode T; mode C is told from it as ever.
    ///
    /// # Errors
    /// [`ErrorKind::FormatNotInMode`].
    pub fn begin(&mut self, air: &AirInterface, format: FrameFormat) -> Result<(), Error> {
        let word = air.sync_word(format).ok_or(ErrorKind::FormatNotInMode { format }.at(0))?;
        self.ended = true;
        self.begin = Some(word);
        Ok(())
    }
    /// How many chips were taken.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.before.saturating_add(self.end as u64)
    }
    /// True when a frame may have begun and its end has not come.
    #[must_use]
    pub const fn is_receiving(&self) -> bool {
        self.attempt.is_some()
    }

    /// Searches and reads until there is something to tell or chips are missing.
    fn scan(&mut self) -> Option<Found> {
        loop {
            if let Some(attempt) = self.attempt {
                match self.read(attempt) {
                    Read::More => return None,
                    Read::Found(found) => return Some(found),
                    Read::Nothing => {}
                }
            } else if let Some(sync) = self.search.poll_sync() {
                let growing = Growing::new(sync.format);
                self.attempt = Some(Attempt { sync, growing, done: 0, wanted: 1 });
            } else if self.start < self.end {
                let chip = fetch(&self.chips, self.start, 1) != 0;
                self.start = self.start.saturating_add(1);
                self.search.handle_chip(chip);
            } else {
                if !self.ended {
                    return None;
                }
                self.ended = false;
                self.search.reset();
                self.search.begin(self.begin.take()?);
            }
        }
    }
    /// Reads the octets of an attempt as far as its chips are there.
    fn read(&mut self, attempt: Attempt) -> Read {
        let Attempt { sync, mut growing, mut done, mut wanted } = attempt;
        let (code, mask) = (sync.code, sync.mask());
        let chips = code.chips_per_octet();
        let used = u16::MAX.checked_shr(16_u32.saturating_sub(code.width())).unwrap_or(0);
        let at = |octet: usize| self.start.saturating_add(octet.saturating_mul(chips));
        let outcome = loop {
            while done < wanted && at(done.saturating_add(1)) <= self.end {
                let word = fetch(&self.chips, at(done), code.width());
                let turned = (word ^ mask) & used;
                match (code.octet(done, turned), self.octets.get_mut(done)) {
                    (Ok(octet), Some(place)) => *place = octet,
                    (Err(error), _) => return self.fail(sync, done, error),
                    // No frame is longer than that.
                    (Ok(_), None) => break,
                }
                done = done.saturating_add(1);
            }
            let octets = self.octets.get(..done).unwrap_or_default();
            if sync.late && octets.get(1).is_some_and(|c_field| !FROM_METERS.contains(c_field)) {
                self.attempt = None;
                return Read::Nothing;
            }
            match growing.judge(octets) {
                Verdict::More(more) if more > wanted => wanted = more,
                Verdict::More(_) => break None,
                Verdict::Whole(len) => break Some(Ok(len)),
                Verdict::Broken(error) => break Some(Err(error)),
            }
        };
        match outcome {
            Some(Ok(len)) => Read::Found(self.succeed(sync, len)),
            Some(Err(error)) => self.fail(sync, done, error),
            None => {
                self.attempt = Some(Attempt { sync, growing, done, wanted });
                match self.cannot_go_on(sync, done) {
                    Some(error) => self.fail(sync, done, error),
                    None => Read::More,
                }
            }
        }
    }
    /// Why an attempt that wants more chips gets none.
    fn cannot_go_on(&self, sync: Sync, done: usize) -> Option<Error> {
        let len = match self.octets.first() {
            Some(length) if done > 0 => sync.format.on_air_len(*length).unwrap_or(1),
            _ => 1,
        };
        let available = self.chips.len();
        // The first chip may be the last one of an octet.
        let needed = sync.code.chips_len(len).saturating_add(1);
        if needed > available && done > 0 {
            return Some(ErrorKind::BufferTooSmall { needed, available }.at(0));
        }
        self.ended.then(|| ErrorKind::Truncated { needed: len, available: done }.at(done))
    }
    fn succeed(&mut self, sync: Sync, octets: usize) -> Found {
        let chip = self.before.saturating_add(self.start as u64);
        self.attempt = None;
        self.start = self.start.saturating_add(octets.saturating_mul(sync.code.chips_per_octet()));
        // The end of the frame may be part of the next preamble, but is no sync word.
        let last = |before: usize| u32::from(fetch(&self.chips, self.start.saturating_sub(before), 16));
        let register = last(32) << 16 | last(16);
        self.search.resume(register);
        Found::Frame { sync, chip, octets }
    }
    fn fail(&mut self, sync: Sync, octets: usize, error: Error) -> Read {
        self.attempt = None;
        // Half a sync word promises nothing, and where mode C goes on no frame of mode T was broken.
        if sync.late || error.kind == GOES_ON_IN_MODE_C {
            return Read::Nothing;
        }
        let chip = self.before.saturating_add(self.start as u64);
        Read::Found(Found::Broken { sync, chip, octets, error })
    }
    /// Appends what has room; false when there was nothing.
    fn take(&mut self, input: &mut Chips<'_>) -> bool {
        let room = |end: usize| N.saturating_mul(8).saturating_sub(end);
        if self.start == self.end || room(self.end) == 0 {
            // One by one: a move of the slice could panic as far as the linker can see.
            let gone = if self.start == self.end { self.end } else { self.start & !7 };
            let kept = (gone / 8)..self.end.div_ceil(8);
            for (to, from) in kept.enumerate() {
                let octet = self.chips.get(from).copied().unwrap_or_default();
                if let Some(place) = self.chips.get_mut(to) {
                    *place = octet;
                }
            }
            self.start = self.start.saturating_sub(gone);
            self.end = self.end.saturating_sub(gone);
            self.before = self.before.saturating_add(gone as u64);
        }
        let before = self.end;
        while !input.is_empty() && room(self.end) > 0 {
            let (chips, count) = input.take_octet(room(self.end));
            let mut writer = ChipWriter::new(&mut self.chips, self.end);
            writer.put(u16::from(chips).checked_shr(8_u32.saturating_sub(count)).unwrap_or(0), count);
            self.end = writer.at();
        }
        self.end > before
    }
    fn tell(&mut self, found: Found) -> ChipEvent<'_> {
        match found {
            Found::Frame { sync, chip, octets } => {
                ChipEvent::Frame { sync, chip, octets: self.octets.get_mut(..octets).unwrap_or_default() }
            }
            Found::Broken { sync, chip, octets, error } => ChipEvent::Broken {
                sync,
                chip,
                octets: self.octets.get_mut(..octets).unwrap_or_default(),
                error,
            },
        }
    }
}
