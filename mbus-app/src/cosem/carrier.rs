//! COSEM fragments in wired long frames: CI 00h to 1Fh.
//!
//! ```text
//! 68 L L 68 | C A | CI STSAP DTSAP data.. | CS 16         CI: 000F NNNN
//! ```
//!
//! F: the last fragment; N: number 0 to 15, from 0, modulo 16. The APDU is the data of all fragments
//! (EN 13757-3, 6.6 and annex on COSEM). Invariants: fragments are joined only in their order, with
//! equal C, A and service access points, within the caller's buffer; a repeated fragment is ignored; a
//! gap drops the push. When pushes stop in the middle, the caller calls [`Reassembler::reset`] after its
//! own time.

use mbus_link::octets::Writer;

use super::assembly::{Assembly, Progress};
use super::fault::CosemFault;
use crate::{Error, ErrorKind};

/// Octets in front of the data: CI, STSAP, DTSAP.
const HEADER_LEN: usize = 3;

/// One fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fragment<'a> {
    /// True for the last one (CI bit 4).
    pub last: bool,
    /// Its number, 0 to 15 (CI bits 0 to 3).
    pub number: u8,
    /// Source service access point.
    pub stsap: u8,
    /// Destination service access point.
    pub dtsap: u8,
    /// A part of the APDU.
    pub data: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Reads a fragment from the CI on.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`]; [`CosemFault::NotAFragment`] for a CI above 1Fh.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let Some(([ci, stsap, dtsap], data)) = octets.split_first_chunk::<HEADER_LEN>() else {
            return Err(ErrorKind::Truncated { needed: HEADER_LEN, available: octets.len() }.at(0));
        };
        if *ci > 0x1F {
            return Err(CosemFault::NotAFragment { ci: *ci }.at(0));
        }
        Ok(Self { last: ci & 0x10 != 0, number: ci & 0x0F, stsap: *stsap, dtsap: *dtsap, data })
    }
    /// Octets from the CI on.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        HEADER_LEN.saturating_add(self.data.len())
    }
    /// Writes the fragment from the CI on.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`]; [`CosemFault::Unwritable`] for a number above 15.
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        if self.number > 15 {
            return Err(CosemFault::Unwritable("fragment numbers end at 15").at(0));
        }
        let mut writer = Writer::new(buffer);
        writer.put_u8(u8::from(self.last) << 4 | self.number);
        writer.put(&[self.stsap, self.dtsap]);
        writer.put(self.data);
        Ok(writer.finish()?)
    }
    /// Cuts an APDU into fragments of at most `size` octets of data; at least one.
    pub fn split(apdu: &'a [u8], size: usize, stsap: u8, dtsap: u8) -> impl Iterator<Item = Self> {
        let mut rest = Some(apdu);
        let mut number = 0u8;
        core::iter::from_fn(move || {
            let apdu = rest?;
            let (data, behind) = apdu.split_at_checked(size.max(1)).unwrap_or((apdu, &[]));
            rest = if behind.is_empty() { None } else { Some(behind) };
            let fragment = Self { last: behind.is_empty(), number, stsap, dtsap, data };
            number = number.wrapping_add(1) & 0x0F;
            Some(fragment)
        })
    }
}

/// How a frame whose L does not fit is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LengthQuirk {
    /// As the standard says.
    #[default]
    Strict,
    /// A meter sent 257 octets with L = 1. When the frame fails with L, L + 256 is tried: checksum and
    /// stop octet have to be right.
    Wrapped,
}

/// A wired long frame, its checksum verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WiredFrame<'a> {
    /// The C-field.
    pub c: u8,
    /// The A-field.
    pub a: u8,
    /// CI and what follows it.
    pub payload: &'a [u8],
}

impl<'a> WiredFrame<'a> {
    /// Reads the frame at the start of `octets`, and gives the rest.
    ///
    /// Here and not in the link layer because of the quirk: a frame of more than 255 octets is none
    /// there.
    ///
    /// # Errors
    /// [`CosemFault::WiredFrame`], [`ErrorKind::Truncated`].
    pub fn parse_prefix(octets: &'a [u8], quirk: LengthQuirk) -> Result<(Self, &'a [u8]), Error> {
        let Some(([0x68, l0, l1, 0x68], rest)) = octets.split_first_chunk::<4>() else {
            return Err(CosemFault::WiredFrame("it begins with 68 L L 68").at(0));
        };
        if l0 != l1 {
            return Err(CosemFault::WiredFrame("the two lengths differ").at(1));
        }
        let length = usize::from(*l0);
        match Self::of_length(rest, length) {
            Ok(found) => Ok(found),
            Err(_) if quirk == LengthQuirk::Wrapped => {
                Self::of_length(rest, length.saturating_add(256)).map_err(|error| error.shifted(4))
            }
            Err(error) => Err(error.shifted(4)),
        }
    }
    fn of_length(rest: &'a [u8], length: usize) -> Result<(Self, &'a [u8]), Error> {
        let available = rest.len();
        let truncated = ErrorKind::Truncated { needed: length.saturating_add(2), available }.at(0);
        let (body, behind) = rest.split_at_checked(length).ok_or(truncated)?;
        let ([checksum, stop], behind) = behind.split_first_chunk::<2>().ok_or(truncated)?;
        let computed = body.iter().fold(0u8, |sum, octet| sum.wrapping_add(*octet));
        if *stop != 0x16 {
            return Err(
                CosemFault::WiredFrame("no stop octet 16 stands at its end").at(length.saturating_add(1))
            );
        }
        if computed != *checksum {
            return Err(CosemFault::WiredFrame("the checksum is wrong").at(length));
        }
        match body {
            [c, a, payload @ ..] if !payload.is_empty() => Ok((Self { c: *c, a: *a, payload }, behind)),
            _ => Err(CosemFault::WiredFrame("it has no CI").at(0)),
        }
    }
}

/// Joins fragments.
///
/// ```
/// use mbus_app::cosem::{Progress, carrier::Reassembler};
/// let mut buffer = [0; 64];
/// let mut push = Reassembler::new(&mut buffer);
/// assert_eq!(push.push(0x53, 0xFF, &[0x00, 1, 0x67, 0xDB, 0x08])?, Progress::Incomplete);
/// assert_eq!(push.push(0x53, 0xFF, &[0x11, 1, 0x67, 0x4B])?, Progress::Complete);
/// assert_eq!(push.apdu(), Some(&mut [0xDB, 0x08, 0x4B][..]));
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Debug)]
pub struct Reassembler<'b> {
    assembly: Assembly<'b>,
    /// C, A, STSAP, DTSAP of the push.
    peer: [u8; 4],
    next: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Collecting,
    Complete,
}

impl<'b> Reassembler<'b> {
    /// An empty reassembler; 2048 octets are plenty.
    #[must_use]
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { assembly: Assembly::new(buffer), peer: [0; 4], next: 0, state: State::Idle }
    }
    /// Drops what was collected.
    pub const fn reset(&mut self) {
        self.assembly.clear();
        self.next = 0;
        self.state = State::Idle;
    }
    /// Takes the fragment of a frame with this C-field and A-field; `octets` begin with the CI.
    ///
    /// # Errors
    /// [`CosemFault::FragmentLost`], [`CosemFault::OtherPeer`], [`ErrorKind::BufferTooSmall`] drop what
    /// was collected; those of [`Fragment::parse`] do not.
    pub fn push(&mut self, c: u8, a: u8, octets: &[u8]) -> Result<Progress, Error> {
        let fragment = Fragment::parse(octets)?;
        let peer = [c & 0xDF, a, fragment.stsap, fragment.dtsap];
        if self.repeats(peer, fragment) {
            return Ok(Progress::Repeated);
        }
        let mut progress = Progress::Incomplete;
        if self.state != State::Collecting || fragment.number != self.next {
            if fragment.number != 0 {
                let expected = if self.state == State::Collecting { self.next.into() } else { 0 };
                self.reset();
                return Err(CosemFault::FragmentLost { expected, found: fragment.number.into() }.at(0));
            }
            if self.state == State::Collecting {
                progress = Progress::Restarted;
            }
            self.reset();
            self.peer = peer;
        } else if peer != self.peer {
            self.reset();
            return Err(CosemFault::OtherPeer.at(0));
        }
        self.state = State::Idle;
        self.assembly.append(fragment.data)?;
        self.next = fragment.number.wrapping_add(1) & 0x0F;
        if fragment.last {
            self.state = State::Complete;
            return Ok(Progress::Complete);
        }
        self.state = State::Collecting;
        Ok(progress)
    }
    /// The same fragment once more. A single complete fragment is not a repetition: it is a new push.
    fn repeats(&self, peer: [u8; 4], fragment: Fragment<'_>) -> bool {
        let number = self.next.wrapping_sub(1) & 0x0F;
        let known = match self.state {
            State::Idle => false,
            State::Collecting => !fragment.last,
            State::Complete => fragment.last && number != 0,
        };
        known && peer == self.peer && fragment.number == number && fragment.data == self.assembly.last()
    }
    /// The APDU, when the last fragment was there.
    pub fn apdu(&mut self) -> Option<&mut [u8]> {
        if self.state == State::Complete { Some(self.assembly.octets()) } else { None }
    }
}
