//! The link layer of OMS-LPWAN, frame format C.
//!
//! ```text
//! LC[0] LC[1]? LC[2]? C? M A? M2 A2? ACC? RTD(2)? RAS? | CI data?
//!
//! bit     7          6                 5     4            3    2         1       0
//! LC[0]   LC[1] f.   S up, RRX down    0     upper layer  ACC  receiver  sender  C        present
//! LC[1]   LC[2] f.   -                 -     -            RAS  H         RTD resolution, 0 = no RTD
//! ```
//!
//! OMS Specification Volume 2, Annex Q. Invariants: every optional field is announced by a bit and no
//! other; there is neither a length field nor a CRC, the layer below brings both, so the frame ends where
//! the octets do; all bits without a known meaning are kept, so a parsed frame gives the same octets.

use crate::octets::{Reader, Writer};
use crate::time::Duration;
use crate::{Address, CField, Error, ErrorKind};

const EXTENSION: u8 = 0x80;
const UPPER_LAYER: u8 = 0x10;
const ACCESS_NUMBER: u8 = 0x08;
const RECEIVER: u8 = 0x04;
const SENDER: u8 = 0x02;
const C_FIELD: u8 = 0x01;
/// Bits of LC[0] that announce no field.
const FIRST_FLAGS: u8 = 0x60;
const RAS: u8 = 0x08;
const HOP: u8 = 0x04;
const RTD: u8 = 0x03;
/// Bits of LC[1] that announce no field.
const SECOND_FLAGS: u8 = 0x74;

/// The run time delay: how old the frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RunTimeDelay {
    /// 1: 1/256 s, 2: 2 s, 3: reserved.
    pub resolution: u8,
    /// How many of it.
    pub count: u16,
}

impl RunTimeDelay {
    /// The delay; `None` for a resolution without a known meaning.
    #[must_use]
    pub const fn duration(self) -> Option<Duration> {
        match self.resolution {
            1 => Some(Duration::from_micros((self.count as u64).saturating_mul(15_625) / 4)),
            2 => Some(Duration::from_secs((self.count as u64).saturating_mul(2))),
            _ => None,
        }
    }
}

/// A frame in format C; also its builder.
///
/// ```
/// use mbus_link::{Address, CField, lpwan::LpwanFrame};
/// // OMS Specification Volume 2, Annex Q, Q.K.4: a request, MAC layer and CRC-32 removed.
/// let octets = [
///     0x1D, 0x7B, 0xA7, 0x3D, 0x78, 0x56, 0x34, 0x12, 0x15, 0x03, 0x08, 0x93, 0x75, 0x17, 0x00, 0x00,
/// ];
/// let frame = LpwanFrame::parse(&octets)?;
/// assert_eq!((frame.c_field, frame.access_number), (Some(CField(0x7B)), Some(0x08)));
/// assert_eq!(frame.receiver.and_then(|a| a.identification.number()), Some(12_345_678));
/// assert_eq!((frame.sender, frame.upper_layer), (None, Some(&octets[11..])));
/// # Ok::<(), mbus_link::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LpwanFrame<'a> {
    /// Bits 6 and 5 of `LC[0]` in their places: bit 6 is S (synchronous) in uplinks and RRX in downlinks.
    pub flags: u8,
    /// C.
    pub c_field: Option<CField>,
    /// M and A.
    pub sender: Option<Address>,
    /// M2 and A2.
    pub receiver: Option<Address>,
    /// ACC.
    pub access_number: Option<u8>,
    /// RTD.
    pub run_time_delay: Option<RunTimeDelay>,
    /// RAS.
    pub ras: Option<u8>,
    /// Bits 6 to 4 and 2 of `LC[1]` in their places, `None` when it is not needed; bit 2 is the hop bit.
    pub second_flags: Option<u8>,
    /// `LC[2]`, whose meaning is not published.
    pub third: Option<u8>,
    /// Everything from the CI on.
    pub upper_layer: Option<&'a [u8]>,
}

impl<'a> LpwanFrame<'a> {
    /// The frame that `octets` are.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`]; [`ErrorKind::SurplusOctets`] when octets follow although no upper layer is
    /// announced; [`ErrorKind::UnsupportedLinkControl`] when a fourth control octet follows.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(octets);
        let first = reader.u8()?;
        let second = if first & EXTENSION != 0 { Some(reader.u8()?) } else { None };
        let third = if second.is_some_and(|s| s & EXTENSION != 0) { Some(reader.u8()?) } else { None };
        if third.is_some_and(|t| t & EXTENSION != 0) {
            return Err(ErrorKind::UnsupportedLinkControl.at(2));
        }
        let mut frame = Self { flags: first & FIRST_FLAGS, third, ..Self::default() };
        frame.second_flags = second.map(|s| s & SECOND_FLAGS);
        if first & C_FIELD != 0 {
            frame.c_field = Some(CField(reader.u8()?));
        }
        if first & SENDER != 0 {
            frame.sender = Some(Address::from_link_octets(reader.array()?));
        }
        if first & RECEIVER != 0 {
            frame.receiver = Some(Address::from_link_octets(reader.array()?));
        }
        if first & ACCESS_NUMBER != 0 {
            frame.access_number = Some(reader.u8()?);
        }
        if let Some(resolution) = second.map(|s| s & RTD).filter(|r| *r != 0) {
            frame.run_time_delay = Some(RunTimeDelay { resolution, count: reader.u16_le()? });
        }
        if second.is_some_and(|s| s & RAS != 0) {
            frame.ras = Some(reader.u8()?);
        }
        if first & UPPER_LAYER != 0 {
            // At least the CI.
            if reader.is_empty() {
                reader.u8()?;
            }
            frame.upper_layer = Some(reader.take_rest());
        } else if !reader.is_empty() {
            return Err(ErrorKind::SurplusOctets { octets: reader.remaining() }.at(reader.offset()));
        }
        Ok(frame)
    }
    /// True when the frame went through a repeater.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        match self.second_flags {
            Some(flags) => flags & HOP != 0,
            None => false,
        }
    }
    /// Bit 6 of the first control octet: a synchronous transmission in an uplink, RRX in a downlink.
    #[must_use]
    pub const fn is_synchronous_or_rrx(&self) -> bool {
        self.flags & 0x40 != 0
    }

    const fn second(&self) -> Option<u8> {
        let third = if self.third.is_some() { EXTENSION } else { 0 };
        let ras = if self.ras.is_some() { RAS } else { 0 };
        let rtd = match self.run_time_delay {
            Some(delay) => delay.resolution & RTD,
            None => 0,
        };
        let bits = third | ras | rtd;
        match self.second_flags {
            Some(flags) => Some(flags & SECOND_FLAGS | bits),
            None if bits != 0 => Some(bits),
            None => None,
        }
    }
    const fn first(&self) -> u8 {
        const fn bit(present: bool, bit: u8) -> u8 {
            if present { bit } else { 0 }
        }
        self.flags & FIRST_FLAGS
            | bit(self.second().is_some(), EXTENSION)
            | bit(self.upper_layer.is_some(), UPPER_LAYER)
            | bit(self.access_number.is_some(), ACCESS_NUMBER)
            | bit(self.receiver.is_some(), RECEIVER)
            | bit(self.sender.is_some(), SENDER)
            | bit(self.c_field.is_some(), C_FIELD)
    }
    fn write(&self, writer: &mut Writer<'_>) {
        writer.put_u8(self.first());
        for octet in [self.second(), self.third, self.c_field.map(|c| c.0)].into_iter().flatten() {
            writer.put_u8(octet);
        }
        for address in [self.sender, self.receiver].into_iter().flatten() {
            writer.put(&address.to_link_octets());
        }
        if let Some(access_number) = self.access_number {
            writer.put_u8(access_number);
        }
        if let Some(delay) = self.run_time_delay {
            writer.put_u16_le(delay.count);
        }
        if let Some(ras) = self.ras {
            writer.put_u8(ras);
        }
        writer.put(self.upper_layer.unwrap_or_default());
    }
    /// Octets of the frame.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let mut writer = Writer::new(&mut []);
        self.write(&mut writer);
        writer.len()
    }
    /// Writes the frame to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedLinkControl`] for what the header cannot say: a run time delay with a
    /// resolution other than 1 to 3, a third control octet with its extension bit, and in a frame with
    /// an upper layer no CI ([`ErrorKind::NoControlInformation`]); [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        if self.run_time_delay.is_some_and(|delay| !matches!(delay.resolution, 1..=3)) {
            return Err(ErrorKind::UnsupportedLinkControl.at(1));
        }
        if self.third.is_some_and(|third| third & EXTENSION != 0) {
            return Err(ErrorKind::UnsupportedLinkControl.at(2));
        }
        if self.upper_layer.is_some_and(<[u8]>::is_empty) {
            return Err(ErrorKind::NoControlInformation.at(self.encoded_len()));
        }
        let mut writer = Writer::new(buffer);
        self.write(&mut writer);
        Ok(writer.finish()?)
    }
    /// The frame.
    ///
    /// # Errors
    /// Those of [`LpwanFrame::encode_into`] but [`ErrorKind::BufferTooSmall`].
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> Result<alloc::vec::Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.encoded_len()];
        self.encode_into(&mut octets)?;
        Ok(octets)
    }
}
