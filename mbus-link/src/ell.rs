//! The extended link layer (ELL).
//!
//! ```text
//! I    8C CC ACC                                        3 octets
//! II   8D CC ACC             SN(4) PLCRC(2)             9 octets
//! III  8E CC ACC M2(2) A2(6)                           11 octets
//! IV   8F CC ACC M2(2) A2(6) SN(4) PLCRC(2)            17 octets
//! V    86 ..                                           layout not published
//! ```
//!
//! EN 13757-4, clause 12 (numbering of 13 in the edition of 2019). Invariants: only layouts here, nothing is
//! deciphered; all values of all fields are kept, so a parsed header gives the same octets again. With
//! encryption the enciphered octets begin at PLCRC, which then reads as cipher text. PLCRC is stored
//! least significant octet first, unlike the CRCs of the frame formats.

use core::fmt;

use crate::identity::Address;
use crate::octets::{Reader, Writer};
use crate::{Error, ErrorKind};

/// The communication control field CC.
///
/// Bit 7 B bidirectional, 6 D fast response, 5 S synchronous, 4 H hop, 3 P priority, 2 A accessibility,
/// 1 R repeated access, 0 X extended delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CommunicationControl(pub u8);

bitflags::bitflags! {
    impl CommunicationControl: u8 {
        /// B: the sender can receive.
        const BIDIRECTIONAL = 0x80;
        /// D: 1 asks for the fast response delay, 0 for the slow one.
        const FAST_RESPONSE = 0x40;
        /// S: a synchronous transmission, sent in the interval that the access number gives.
        const SYNCHRONOUS = 0x20;
        /// H: the frame went through a repeater.
        const HOP = 0x10;
        /// P: to be relayed quickly.
        const PRIORITY = 0x08;
        /// A: together with B, see [`Accessibility`].
        const ACCESSIBILITY = 0x04;
        /// R: access through a repeater.
        const REPEATED_ACCESS = 0x02;
        /// X: extended delay; what it extends depends on the mode.
        const EXTENDED_DELAY = 0x01;
    }
}

/// When a meter can be accessed: the bits B and A together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Accessibility {
    /// B 0, A 0: never, the meter only sends.
    None,
    /// B 0, A 1: not at the moment.
    TemporarilyNone,
    /// B 1, A 0: in the window after each transmission.
    Limited,
    /// B 1, A 1: at any time.
    Unlimited,
}

impl CommunicationControl {
    /// When the sender can be accessed.
    #[must_use]
    pub const fn accessibility(self) -> Accessibility {
        match (self.contains(Self::BIDIRECTIONAL), self.contains(Self::ACCESSIBILITY)) {
            (false, false) => Accessibility::None,
            (false, true) => Accessibility::TemporarilyNone,
            (true, false) => Accessibility::Limited,
            (true, true) => Accessibility::Unlimited,
        }
    }
    /// Without H and R, which a repeater may set after the sender enciphered: the value that enters the
    /// counter block of the ELL cipher and every comparison of frames.
    #[must_use]
    pub const fn without_repeater_bits(self) -> Self {
        self.difference(Self::HOP.union(Self::REPEATED_ACCESS))
    }
}

/// The session number SN: `ENC(3) time(25) session(4)`, most significant bit first, sent least
/// significant octet first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SessionNumber(pub u32);

impl SessionNumber {
    /// ENC: no encryption.
    pub const ENC_NONE: u8 = 0;
    /// ENC: AES-128 in counter mode.
    pub const ENC_AES_128_CTR: u8 = 1;

    /// The number made of `encryption` (0 to 7), `minutes` (25 bits) and `session` (0 to 15); `None` when
    /// one does not fit.
    #[must_use]
    pub const fn new(encryption: u8, minutes: u32, session: u8) -> Option<Self> {
        if encryption > 7 || minutes >= 1 << 25 || session > 15 {
            return None;
        }
        Some(Self((encryption as u32) << 29 | minutes << 4 | session as u32))
    }
    /// ENC: how the frame is enciphered, 0 to 7.
    #[must_use]
    pub const fn encryption(self) -> u8 {
        let [_, _, _, high] = self.0.to_le_bytes();
        high >> 5
    }
    /// Minutes since a moment of the meter's choice, always growing.
    #[must_use]
    pub const fn minutes(self) -> u32 {
        self.0 >> 4 & 0x01FF_FFFF
    }
    /// The session within the minute, 0 to 15.
    #[must_use]
    pub const fn session(self) -> u8 {
        let [low, ..] = self.0.to_le_bytes();
        low & 0x0F
    }
    /// The four octets as sent, which also enter the counter block.
    #[must_use]
    pub const fn octets(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }
    /// True unless ENC is 0.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        self.encryption() != Self::ENC_NONE
    }
}

/// What the ELL II and IV have on top of I and III.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EllSession {
    /// The session number.
    pub number: SessionNumber,
    /// CRC-16/EN-13757 over all octets behind it; as long as they are enciphered, so is this.
    pub payload_crc: u16,
}

/// The header ELL I, II, III or IV; also its builder.
///
/// ```
/// use mbus_link::Ell;
/// let (ell, rest) = Ell::parse_prefix(&[0x8C, 0x20, 0x75, 0x90, 0x0F])?;
/// assert_eq!((ell.ci(), ell.access_number, rest), (0x8C, 0x75, &[0x90, 0x0F][..]));
/// # Ok::<(), mbus_link::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ell {
    /// CC.
    pub control: CommunicationControl,
    /// ACC, the access number of the link layer.
    pub access_number: u8,
    /// M2 and A2, to whom the frame goes (III and IV).
    pub receiver: Option<Address>,
    /// SN and PLCRC (II and IV).
    pub session: Option<EllSession>,
}

impl Ell {
    /// CI of ELL I.
    pub const CI_I: u8 = 0x8C;
    /// CI of ELL II.
    pub const CI_II: u8 = 0x8D;
    /// CI of ELL III.
    pub const CI_III: u8 = 0x8E;
    /// CI of ELL IV.
    pub const CI_IV: u8 = 0x8F;
    /// CI of ELL V, whose layout is not published. See [`EllV`].
    pub const CI_V: u8 = 0x86;

    /// True when `ci` opens an ELL, V included.
    #[must_use]
    pub const fn is_ell(ci: u8) -> bool {
        matches!(ci, Self::CI_I..=Self::CI_IV | Self::CI_V)
    }
    /// The ELL at the beginning of `octets`, which start with its CI, and what is behind it.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`]; [`ErrorKind::UnsupportedEll`] for ELL V; [`ErrorKind::NotAnEll`] for any
    /// other CI.
    pub fn parse_prefix(octets: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(octets);
        let ci = reader.u8()?;
        let (with_receiver, with_session) = match ci {
            Self::CI_I => (false, false),
            Self::CI_II => (false, true),
            Self::CI_III => (true, false),
            Self::CI_IV => (true, true),
            Self::CI_V => return Err(ErrorKind::UnsupportedEll { ci }.at(0)),
            _ => return Err(ErrorKind::NotAnEll { ci }.at(0)),
        };
        let [cc, access_number] = reader.array()?;
        let receiver = if with_receiver { Some(Address::from_link_octets(reader.array()?)) } else { None };
        let session = if with_session {
            let number = SessionNumber(reader.u32_le()?);
            Some(EllSession { number, payload_crc: reader.u16_le()? })
        } else {
            None
        };
        Ok((Self { control: CommunicationControl(cc), access_number, receiver, session }, reader.take_rest()))
    }
    /// The ELL at the beginning of `octets` if their CI opens one, and what is behind it.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`]; [`ErrorKind::UnsupportedEll`] for ELL V.
    pub fn parse_optional(octets: &[u8]) -> Result<(Option<Self>, &[u8]), Error> {
        match octets.first() {
            Some(&ci) if Self::is_ell(ci) => {
                let (ell, rest) = Self::parse_prefix(octets)?;
                Ok((Some(ell), rest))
            }
            _ => Ok((None, octets)),
        }
    }

    /// The CI that opens this header.
    #[must_use]
    pub const fn ci(&self) -> u8 {
        match (self.receiver, self.session) {
            (None, None) => Self::CI_I,
            (None, Some(_)) => Self::CI_II,
            (Some(_), None) => Self::CI_III,
            (Some(_), Some(_)) => Self::CI_IV,
        }
    }
    /// True when the session number announces encryption. Dumps that somebody deciphered before often
    /// still say so: compare the payload CRC first.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        match self.session {
            Some(session) => session.number.is_encrypted(),
            None => false,
        }
    }
    /// Where the enciphered octets begin, counted from the CI of this header: at PLCRC. `None` without a
    /// session number.
    #[must_use]
    pub const fn enciphered_from(&self) -> Option<usize> {
        match self.session {
            Some(_) => Some(self.encoded_len().saturating_sub(2)),
            None => None,
        }
    }
    /// CC as it enters the counter block of the ELL cipher: without H and R.
    #[must_use]
    pub const fn counter_block_control(&self) -> u8 {
        self.control.without_repeater_bits().0
    }

    /// Octets of the header, its CI included.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self.ci() {
            Self::CI_I => 3,
            Self::CI_II => 9,
            Self::CI_III => 11,
            _ => 17,
        }
    }
    /// Writes the header to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        writer.put(&[self.ci(), self.control.0, self.access_number]);
        if let Some(receiver) = self.receiver {
            writer.put(&receiver.to_link_octets());
        }
        if let Some(session) = self.session {
            writer.put_u32_le(session.number.0);
            writer.put_u16_le(session.payload_crc);
        }
        Ok(writer.finish()?)
    }
    /// The header.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_vec(&self) -> alloc::vec::Vec<u8> {
        let mut octets = alloc::vec![0; self.encoded_len()];
        // The length is exact, so nothing can fail.
        let _ = self.encode_into(&mut octets);
        octets
    }
}

/// The letters of the bits that are set, most significant first; `-` for none.
impl fmt::Display for CommunicationControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("-");
        }
        "BDSHPARX".chars().zip((0..8).rev()).try_for_each(|(letter, bit)| {
            if self.0 >> bit & 1 == 1 { fmt::Write::write_char(f, letter) } else { Ok(()) }
        })
    }
}

impl fmt::Display for Accessibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "no access",
            Self::TemporarilyNone => "temporarily no access",
            Self::Limited => "limited access",
            Self::Unlimited => "unlimited access",
        })
    }
}

impl fmt::Display for SessionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "encryption {}, minute {}, session {}", self.encryption(), self.minutes(), self.session())
    }
}

/// The header ELL V (CI 86h): known by name only.
///
/// Its layout is not published and no frame with it is known. That CC and ACC come first, as in the
/// other four, is a guess; the rest is handed over as it is. It cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EllV<'a> {
    /// The octet where the other headers have CC.
    pub control_guess: CommunicationControl,
    /// The octet where the other headers have ACC.
    pub access_number_guess: u8,
    /// Everything behind.
    pub rest: &'a [u8],
}

impl<'a> EllV<'a> {
    /// `octets` from the CI 86h on.
    ///
    /// # Errors
    /// [`ErrorKind::NotAnEll`] when the CI is another, [`ErrorKind::Truncated`].
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(octets);
        let ci = reader.u8()?;
        if ci != Ell::CI_V {
            return Err(ErrorKind::NotAnEll { ci }.at(0));
        }
        let [cc, access_number_guess] = reader.array()?;
        let rest = reader.take_rest();
        Ok(Self { control_guess: CommunicationControl(cc), access_number_guess, rest })
    }
}
