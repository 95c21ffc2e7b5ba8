//! Clock synchronisation (CI 6Ch, 62h; EN 13757-3:2018, Annex H; OMS Vol. 2 Annex M, UC-04).
//!
//! ```text
//! TC | time: J(3), I(6) or LVAR and M | 00 ... to ten octets | 2F 2F 2F 2F
//! ```
//!
//! TC 00 set (type I), 01 add and 02 subtract a difference (J), 03 the expected time of day (J), 05 and 06 set (M). The
//! reserved octets and the four octets of verification may be missing; a receiver ignores them. Inside secured
//! application data only TC and time are sent. Invariants: a TC without published meaning is kept as octets and not
//! written; types I and J that are no time are an error.

use core::fmt;

use mbus_link::octets::Writer;

use crate::date_time::{DateTime, Time};
use crate::value::{TimeM, hex};
use crate::{Error, ErrorKind};

/// Octets of TC, time and reserved octets.
const RESERVED_TO: usize = 10;
/// The four octets that prove the right key.
const VERIFICATION: [u8; 4] = [0x2F; 4];

/// What the clock is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ClockCommand<'a> {
    /// TC 00: set date and time.
    Set(DateTime),
    /// TC 01: go forward by so much.
    Add(Time),
    /// TC 02: go back by so much.
    Subtract(Time),
    /// TC 03: the time of day that it is.
    Expected(Time),
    /// TC 05 and 06: set by type M, whose control octets are not all published; read only.
    SetM {
        /// 05 or 06; the difference is not published.
        tc: u8,
        /// The time.
        time: TimeM<'a>,
    },
    /// Any other TC and what follows it.
    Unknown {
        /// TC.
        tc: u8,
        /// What follows it.
        octets: &'a [u8],
    },
}

impl<'a> ClockCommand<'a> {
    /// Octets of the whole body, verification included.
    pub const LEN: usize = RESERVED_TO.saturating_add(VERIFICATION.len());

    /// The command of a body, in clear and without 2F2F in front. What follows the time is not looked at.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`]; [`ErrorKind::NoSuchMoment`] when the octets are no time.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let Some((&tc, octets)) = body.split_first() else {
            return Err(ErrorKind::Truncated { needed: 1, available: 0 }.at(0));
        };
        let truncated = |needed| ErrorKind::Truncated { needed, available: octets.len() }.at(1);
        let no_time = ErrorKind::NoSuchMoment.at(1);
        match tc {
            0x00 => {
                let (octets, _) = octets.split_first_chunk::<6>().ok_or(truncated(6))?;
                Ok(Self::Set(DateTime::from_type_i(*octets).ok_or(no_time)?))
            }
            0x01..=0x03 => {
                let (octets, _) = octets.split_first_chunk::<3>().ok_or(truncated(3))?;
                let time = Time::from_type_j(*octets).ok_or(no_time)?;
                Ok(match tc {
                    0x01 => Self::Add(time),
                    0x02 => Self::Subtract(time),
                    _ => Self::Expected(time),
                })
            }
            0x05 | 0x06 => {
                let (&lvar, rest) = octets.split_first().ok_or(truncated(1))?;
                let len = match lvar {
                    0xE2..=0xEA => usize::from(lvar & 0x0F),
                    _ => return Err(ErrorKind::ReservedLvar { lvar }.at(1)),
                };
                let time = rest.get(..len).ok_or(truncated(len.saturating_add(1)))?;
                Ok(Self::SetM { tc, time: TimeM(time) })
            }
            _ => Ok(Self::Unknown { tc, octets }),
        }
    }
    /// TC.
    #[must_use]
    pub const fn tc(&self) -> u8 {
        match self {
            Self::Set(_) => 0x00,
            Self::Add(_) => 0x01,
            Self::Subtract(_) => 0x02,
            Self::Expected(_) => 0x03,
            Self::SetM { tc, .. } | Self::Unknown { tc, .. } => *tc,
        }
    }
    /// Writes TC and time alone to the front of `buffer`, as secured application data have them.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`]; [`ErrorKind::NoSuchMoment`]; [`ErrorKind::NotPublished`] for type M and
    /// unknown TCs.
    pub fn encode_short_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        self.write(&mut writer)?;
        Ok(writer.finish()?)
    }
    /// Writes the whole body to the front of `buffer`: fourteen octets, which 2F2F in front make one block.
    ///
    /// # Errors
    /// As [`ClockCommand::encode_short_into`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        self.write(&mut writer)?;
        while writer.len() < RESERVED_TO {
            writer.put_u8(0);
        }
        writer.put(&VERIFICATION);
        Ok(writer.finish()?)
    }
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        let no_time = ErrorKind::NoSuchMoment.at(1);
        writer.put_u8(self.tc());
        match self {
            Self::Set(moment) => writer.put(&moment.to_type_i().ok_or(no_time)?),
            Self::Add(time) | Self::Subtract(time) | Self::Expected(time) => {
                writer.put(&time.to_type_j().ok_or(no_time)?);
            }
            Self::SetM { .. } | Self::Unknown { .. } => {
                return Err(ErrorKind::NotPublished { what: "this form of clock synchronisation" }.at(0));
            }
        }
        Ok(())
    }
}

/// The command in words.
impl fmt::Display for ClockCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(moment) => write!(f, "set to {moment}"),
            Self::Add(time) => write!(f, "go forward by {time}"),
            Self::Subtract(time) => write!(f, "go back by {time}"),
            Self::Expected(time) => write!(f, "it is {time}"),
            Self::SetM { tc, time } => write!(f, "set (TC {tc:02X}) to {time}"),
            Self::Unknown { tc, octets } => {
                write!(f, "TC {tc:02X}: ")?;
                hex(f, octets)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // OMS Vol. 2 Annex N, N.8.2, behind 2F2F: go forward by 1 min 50 s.
    const PRINTED: [u8; 14] = [0x01, 0x32, 0x01, 0x00, 0, 0, 0, 0, 0, 0, 0x2F, 0x2F, 0x2F, 0x2F];

    #[test]
    fn both_forms_in_every_buffer_size() {
        let command = ClockCommand::parse(&PRINTED).unwrap();
        for (short, needed) in [(true, 4), (false, 14)] {
            for size in 0..=needed + 1 {
                let mut buffer = [0xAA; 16];
                let given = &mut buffer[..size];
                let built = if short { command.encode_short_into(given) } else { command.encode_into(given) };
                match built {
                    Ok(octets) => assert!(size >= needed && octets == &PRINTED[..needed], "{size}"),
                    Err(error) => {
                        assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed, available: size });
                    }
                }
            }
        }
    }

    #[test]
    fn the_printed_command_both_ways() {
        let command = ClockCommand::parse(&PRINTED).unwrap();
        let time = Time { hour: Some(0), minute: Some(1), second: Some(50) };
        assert_eq!(command, ClockCommand::Add(time));
        for size in 0..=14 {
            let mut buffer = [0xAA; 14];
            match command.encode_into(&mut buffer[..size]) {
                Ok(octets) => assert_eq!((size, &*octets), (14, &PRINTED[..])),
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 14, available: size })
                }
            }
        }
        assert_eq!(command.encode_short_into(&mut [0; 4]).unwrap(), &PRINTED[..4]);
        assert_eq!(ClockCommand::parse(&PRINTED[..4]).unwrap(), command);
        for size in 0..4 {
            assert_eq!(ClockCommand::parse(&PRINTED[..size]).unwrap_err().kind.name(), "truncated");
        }
    }

    #[test]
    fn every_tc() {
        for tc in 0..=255u8 {
            let body = [&[tc][..], &[0x00, 0x00, 0x0C, 0x41, 0x11, 0x01, 0, 0, 0]].concat();
            match (tc, ClockCommand::parse(&body)) {
                (0..=3, Ok(command)) => {
                    assert_eq!(command.tc(), tc);
                    let len = if tc == 0 { 7 } else { 4 };
                    assert_eq!(command.encode_short_into(&mut [0; 10]).unwrap(), &body[..len]);
                }
                (5 | 6, Err(error)) => assert_eq!(error.kind, ErrorKind::ReservedLvar { lvar: 0 }),
                (_, Ok(command @ ClockCommand::Unknown { .. })) => {
                    assert_eq!(command.encode_into(&mut [0; 20]).unwrap_err().kind.name(), "not_published");
                }
                (tc, outcome) => panic!("{tc} {outcome:?}"),
            }
        }
        let m = ClockCommand::parse(&[0x05, 0xE2, 0x03, 0x30]).unwrap();
        assert!(matches!(m, ClockCommand::SetM { tc: 5, time } if time.seconds() == Some(3)));
        assert_eq!(m.encode_into(&mut [0; 20]).unwrap_err().kind.name(), "not_published");
        assert!(ClockCommand::parse(&[0x05, 0xEA, 0x03]).is_err());
    }

    #[test]
    fn times_that_do_not_exist() {
        assert_eq!(ClockCommand::parse(&[0x01, 60, 0, 0]).unwrap_err().kind, ErrorKind::NoSuchMoment);
        assert_eq!(
            ClockCommand::parse(&[0x00, 0, 0x80, 0, 1, 1, 1]).unwrap_err().kind,
            ErrorKind::NoSuchMoment
        );
        let wrong = ClockCommand::Add(Time { hour: Some(24), minute: Some(0), second: Some(0) });
        assert_eq!(wrong.encode_into(&mut [0; 20]).unwrap_err().kind, ErrorKind::NoSuchMoment);
    }
}
