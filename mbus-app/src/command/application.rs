//! Application reset and select, and which application is selected (CI 50h, 53h, 57h; 54h, 55h; 66h, 67h, 68h).
//!
//! ```text
//! (nothing)                  reset
//! AAAA BBBB                  application A, block B; block 0 is all of it
//! ```
//!
//! EN 13757-3:2018, clause 7; OMS Vol. 2, 8.10. Invariants: no octet and an octet of 00h are two different things. What a
//! second octet means is not published, and lists disagree on the applications Bh to Fh (a later one puts configuration
//! updates at Bh and moves the others up by one): both are read and not written.

use core::fmt;

use mbus_link::octets::Writer;

use crate::Error;

/// An application, the upper four bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Application(pub u8);

macro_rules! applications {
    ($($code:literal $name:ident $text:literal,)*) => {
        impl Application {
            $(#[doc = concat!("In words: ", $text, ".")] pub const $name: Self = Self($code);)*

            /// The table: code and words. The codes Bh to Fh, on which lists disagree, are not in it.
            pub const TABLE: &'static [(Self, &'static str)] = &[$((Self($code), $text)),*];
        }
    };
}

applications! {
    0x0 ALL "all",
    0x1 USER_DATA "user data",
    0x2 SIMPLE_BILLING "simple billing",
    0x3 ENHANCED_BILLING "enhanced billing",
    0x4 MULTI_TARIFF_BILLING "multi tariff billing",
    0x5 INSTANTANEOUS_VALUES "instantaneous values",
    0x6 LOAD_MANAGEMENT "load management values",
    0x8 INSTALLATION "installation and start-up",
    0x9 TESTING "testing",
    0xA CALIBRATION "calibration",
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.0 {
            0xB => "manufacturing or configuration updates",
            0xC => "development or manufacturing",
            0xD => "self-test or development",
            0xE => "reserved or self-test",
            _ => Self::TABLE.iter().find(|row| row.0 == *self).map_or("reserved", |row| row.1),
        })
    }
}

/// The body of an application reset or select, and of the answer; also its builder.
///
/// ```
/// use mbus_app::command::ApplicationSelect;
/// assert_eq!(ApplicationSelect::parse(&[]), ApplicationSelect::Reset);
/// let mut buffer = [0; 1];
/// let select = ApplicationSelect::parse(&[0x20]);
/// assert_eq!(select.encode_into(&mut buffer)?, [0x20]);
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ApplicationSelect<'a> {
    /// No octet: reset to the default application.
    Reset,
    /// One octet.
    Select {
        /// The application.
        application: Application,
        /// The block, 0 for all.
        block: u8,
    },
    /// More than one octet: an application above 15. How it is coded is not published.
    Extended(&'a [u8]),
}

impl<'a> ApplicationSelect<'a> {
    /// The meaning of a body. Cannot fail.
    #[must_use]
    pub const fn parse(body: &'a [u8]) -> Self {
        match body {
            [] => Self::Reset,
            [code] => Self::Select { application: Application(*code >> 4), block: *code & 0x0F },
            more => Self::Extended(more),
        }
    }
    /// The octet of application and block.
    pub(crate) const fn code(&self) -> Result<u8, Error> {
        let what = match self {
            Self::Select { application: Application(code @ 0..=0xA), block: block @ 0..=15 } => {
                return Ok(*code << 4 | *block);
            }
            Self::Select { application: Application(0xB..=0xF), .. } => "an application from Bh to Fh",
            _ => "an application or block above 15",
        };
        Err(crate::ErrorKind::NotPublished { what }.at(0))
    }
    /// Octets of the body.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self {
            Self::Reset => 0,
            Self::Select { .. } => 1,
            Self::Extended(octets) => octets.len(),
        }
    }
    /// Writes the body to the front of `buffer`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::BufferTooSmall`]; [`crate::ErrorKind::NotPublished`] for
    /// [`ApplicationSelect::Extended`], applications above Ah and blocks above 15.
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        if *self != Self::Reset {
            writer.put_u8(self.code()?);
        }
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn the_upper_bits_are_the_application() {
        let ApplicationSelect::Select { application, block } = ApplicationSelect::parse(&[0x10]) else {
            panic!()
        };
        assert_eq!((application.to_string().as_str(), block), ("user data", 0));
        for code in 0..=255 {
            let select = ApplicationSelect::parse(core::slice::from_ref(&code));
            if code >= 0xB0 {
                assert_eq!(select.encode_into(&mut [0; 1]).unwrap_err().kind.name(), "not_published");
                continue;
            }
            assert_eq!(select.encode_into(&mut [0; 1]).unwrap(), [code]);
            assert_eq!(select.encode_into(&mut []).unwrap_err().kind.name(), "buffer_too_small");
        }
        assert_eq!(ApplicationSelect::Reset.encode_into(&mut []).unwrap(), []);
        assert_eq!(Application(7).to_string(), "reserved");
        assert_eq!(Application(0xB).to_string(), "manufacturing or configuration updates");
        assert_eq!(Application::TABLE.len(), 10);
    }

    #[test]
    fn what_is_not_published_is_read_and_not_written() {
        let extended = ApplicationSelect::parse(&[0x12, 0x00]);
        assert_eq!(extended, ApplicationSelect::Extended(&[0x12, 0x00]));
        assert_eq!(extended.encode_into(&mut [0; 9]).unwrap_err().kind.name(), "not_published");
        let high = ApplicationSelect::Select { application: Application(18), block: 0 };
        assert_eq!(high.encode_into(&mut [0; 9]).unwrap_err().kind.name(), "not_published");
    }
}
