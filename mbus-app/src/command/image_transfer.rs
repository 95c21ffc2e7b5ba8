//! Image transfer: firmware and other images (CI C0h, C7h to the device, C1h, C2h from it; EN 13757-3:2018, Annex I).
//!
//! ```text
//! FC | octets of the function          an answer has the function code + 80h
//! ```
//!
//! Invariants: the function code has a name, what follows it is carried as it is; an empty body is an error.

use core::fmt;

use mbus_link::octets::Writer;

use crate::{Error, ErrorKind};

/// The function of an image transfer, answer bit included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ImageFunction(pub u8);

macro_rules! functions {
    ($($code:literal $name:ident $text:literal,)*) => {
        impl ImageFunction {
            $(#[doc = concat!("In words: ", $text, ".")] pub const $name: Self = Self($code);)*

            /// The table of commands: code and words.
            pub const TABLE: &'static [(Self, &'static str)] = &[$((Self($code), $text)),*];
        }
    };
}

functions! {
    0x00 PREPARE "prepare",
    0x01 SYNCHRONISE "synchronise",
    0x02 TRANSFER "transfer",
    0x03 COMPLETION "completion",
    0x04 STATE "state",
    0x05 VALIDATE "validate",
    0x06 ACTIVATE "activate",
    0x07 TERMINATE "terminate",
    0x08 LIST "list",
}

impl ImageFunction {
    const ANSWER: u8 = 0x80;

    /// True for the answer to a command.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        self.0 & Self::ANSWER != 0
    }
    /// The code of the answer.
    #[must_use]
    pub const fn answer(self) -> Self {
        Self(self.0 | Self::ANSWER)
    }
    /// The command that is answered; a command is itself.
    #[must_use]
    pub const fn asked(self) -> Self {
        Self(self.0 & !Self::ANSWER)
    }
}

/// The words of the command, `reserved` for others.
impl fmt::Display for ImageFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::TABLE.iter().find(|row| row.0 == self.asked()).map_or("reserved", |row| row.1))
    }
}

/// The body of an image transfer; also its builder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ImageTransfer<'a> {
    /// The function.
    pub function: ImageFunction,
    /// What follows it.
    pub octets: &'a [u8],
}

impl<'a> ImageTransfer<'a> {
    /// The image transfer of a body.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] for an empty body.
    pub const fn parse(body: &'a [u8]) -> Result<Self, Error> {
        match body {
            [function, octets @ ..] => Ok(Self { function: ImageFunction(*function), octets }),
            [] => Err(ErrorKind::Truncated { needed: 1, available: 0 }.at(0)),
        }
    }
    /// Octets of the body.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.octets.len().saturating_add(1)
    }
    /// Writes the body to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        writer.put_u8(self.function.0);
        writer.put(self.octets);
        Ok(writer.finish()?)
    }
}

/// The function, and what follows it in hex.
impl fmt::Display for ImageTransfer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = if self.function.is_answer() { ", answer" } else { "" };
        write!(f, "image transfer: {}{answer} ", self.function)?;
        crate::value::hex(f, self.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn every_function_has_its_answer() {
        for code in 0..=0xFF {
            let function = ImageFunction(code);
            assert_eq!(function.is_answer(), code >= 0x80);
            assert_eq!(function.answer().asked(), function.asked());
            assert_eq!(function.to_string() == "reserved", code & 0x7F > 8, "{code:02X}");
        }
        assert_eq!(ImageFunction::ACTIVATE.answer(), ImageFunction(0x86));
    }

    #[test]
    fn bodies_both_ways() {
        let transfer = ImageTransfer::parse(&[0x02, 0x01, 0x00]).unwrap();
        assert_eq!((transfer.function, transfer.encoded_len()), (ImageFunction::TRANSFER, 3));
        for size in 0..=3 {
            let written = transfer.encode_into(&mut [0; 3][..size]).map(|octets| octets.to_vec());
            match written {
                Ok(octets) => assert_eq!((size, octets.as_slice()), (3, &[0x02, 0x01, 0x00][..])),
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 3, available: size })
                }
            }
        }
        assert_eq!(ImageTransfer::parse(&[]).unwrap_err().kind.name(), "truncated");
    }
}
