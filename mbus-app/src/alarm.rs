//! Alarms: one octet of bits that the manufacturer gives their meaning (CI 71h, 74h, 75h; EN 13757-3:2018, clause 9).
//!
//! On the wired bus a meter is asked for alarms with REQ-UD1 and answers E5 when there is none. Invariant: 00h is no
//! alarm; a missing octet is an error, since nobody knows what it would have said.

use mbus_link::octets::Writer;

use crate::{Error, ErrorKind};

/// The body of an alarm; also its builder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Alarm(pub u8);

impl Alarm {
    /// Octets of the body.
    pub const LEN: usize = 1;

    /// The alarm of a body, and what follows it.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] for an empty body.
    pub fn parse_prefix(body: &[u8]) -> Result<(Self, &[u8]), Error> {
        match body {
            [bits, rest @ ..] => Ok((Self(*bits), rest)),
            [] => Err(ErrorKind::Truncated { needed: 1, available: 0 }.at(0)),
        }
    }
    /// True when any bit is set.
    #[must_use]
    pub const fn is_alarm(self) -> bool {
        self.0 != 0
    }
    /// Writes the body to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`].
    pub fn encode_into(self, buffer: &mut [u8]) -> Result<&mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        writer.put_u8(self.0);
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_both_ways() {
        assert_eq!(Alarm::parse_prefix(&[0x04, 0x2F]).unwrap(), (Alarm(4), &[0x2F][..]));
        assert!(Alarm(4).is_alarm() && !Alarm(0).is_alarm());
        assert_eq!(Alarm::parse_prefix(&[]).unwrap_err().kind.name(), "truncated");
        assert_eq!(Alarm(9).encode_into(&mut [0; 2]).unwrap(), [9]);
        assert_eq!(Alarm(9).encode_into(&mut []).unwrap_err().kind.name(), "buffer_too_small");
    }
}
