//! Commands that the link layer itself takes part in (CI 50h, 51h, 52h, 56h, B8h to BFh; EN 13757-3, EN 13757-7).
//!
//! ```text
//! 50 [sub-code]                     application reset
//! 51 01 7A aa                       set the primary address
//! 52 ID(4) M(2) V T [0C 78 ..]      selection, to 253
//! B8 .. BF                          baud rate
//! ```
//!
//! Invariants: every payload can be read; what is none of these is [`Command::Other`].

use crate::Error;
use crate::octets::Writer;

use super::address::PrimaryAddress;
use super::baud_rate::BaudRate;
use super::selection::{CI_SELECTION, Selection};

/// The CI of an application reset or select.
pub const CI_APPLICATION_RESET: u8 = 0x50;
/// The CI of data sent to a slave.
pub const CI_DATA: u8 = 0x51;
/// DIF and VIF of the primary address.
const PRIMARY_ADDRESS: [u8; 2] = [0x01, 0x7A];

/// A command, that is CI and data of SND-UD; also its builder.
///
/// ```
/// use mbus_link::wired::{Command, PrimaryAddress};
/// let mut buffer = [0; 4];
/// let payload = Command::SetAddress(PrimaryAddress(5)).encode_into(&mut buffer)?;
/// assert_eq!(payload, [0x51, 0x01, 0x7A, 0x05]);
/// assert_eq!(Command::parse(payload), Command::SetAddress(PrimaryAddress(5)));
/// # Ok::<(), mbus_link::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Command<'a> {
    /// Application reset, with the sub-code if there is one.
    ApplicationReset(&'a [u8]),
    /// This is the slave's primary address from now on.
    SetAddress(PrimaryAddress),
    /// The rate from the answer on.
    BaudRate(BaudRate),
    /// Whom address 253 means from now on. Written with CI 52h.
    Select(Selection<'a>),
    /// CI and data of anything else.
    Other(&'a [u8]),
}

impl<'a> Command<'a> {
    /// The command of CI and data. Cannot fail.
    #[must_use]
    pub fn parse(payload: &'a [u8]) -> Self {
        if let Some(Ok(selection)) = Selection::from_payload(payload) {
            return Self::Select(selection);
        }
        match payload {
            [CI_APPLICATION_RESET, sub_code @ ..] => Self::ApplicationReset(sub_code),
            [CI_DATA, 0x01, 0x7A, address] => Self::SetAddress(PrimaryAddress(*address)),
            [ci] => BaudRate::from_ci(*ci).map_or(Self::Other(payload), Self::BaudRate),
            other => Self::Other(other),
        }
    }
    /// Octets of CI and data.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self {
            Self::ApplicationReset(sub_code) => sub_code.len().saturating_add(1),
            Self::SetAddress(_) => 4,
            Self::BaudRate(_) => 1,
            Self::Select(selection) => selection.encoded_len().saturating_add(1),
            Self::Other(payload) => payload.len(),
        }
    }
    /// Writes CI and data to the front of `buffer`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        match self {
            Self::ApplicationReset(sub_code) => {
                writer.put_u8(CI_APPLICATION_RESET);
                writer.put(sub_code);
            }
            Self::SetAddress(address) => {
                writer.put_u8(CI_DATA);
                writer.put(&PRIMARY_ADDRESS);
                writer.put_u8(address.0);
            }
            Self::BaudRate(rate) => writer.put_u8(rate.ci()),
            Self::Select(selection) => {
                writer.put_u8(CI_SELECTION);
                selection.write(&mut writer);
            }
            Self::Other(payload) => writer.put(payload),
        }
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_both_ways_and_into_every_size_of_buffer() {
        let selection: &[u8] =
            &[0x52, 0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03, 0x0C, 0x78, 4, 3, 2, 1];
        let payloads: [(&[u8], &str); 10] = [
            (&[0x50], "reset"),
            (&[0x50, 0x10], "reset"),
            (&[0x51, 0x01, 0x7A, 0x05], "address"),
            (&[0xBB], "rate"),
            (selection, "select"),
            (&[0x51, 0x01, 0x7A], "other"),
            (&[0x51, 0x01, 0x7A, 0x05, 0x0F], "other"),
            (&[0xBB, 0x00], "other"),
            (&[0x52, 0x78], "other"),
            (&[], "other"),
        ];
        for (payload, expected) in payloads {
            let command = Command::parse(payload);
            let kind = match command {
                Command::ApplicationReset(_) => "reset",
                Command::SetAddress(PrimaryAddress(5)) => "address",
                Command::BaudRate(rate) if rate.baud() == 2400 => "rate",
                Command::Select(_) => "select",
                Command::Other(_) => "other",
                _ => "wrong",
            };
            assert_eq!(kind, expected, "{payload:02X?}");
            assert_eq!(command.encoded_len(), payload.len());
            for size in 0..=payload.len() {
                let mut buffer = [0; 20];
                let written = command.encode_into(&mut buffer[..size]);
                assert_eq!(written.is_ok_and(|octets| octets == payload), size == payload.len());
            }
        }
    }
}
