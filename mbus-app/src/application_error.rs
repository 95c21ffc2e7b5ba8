//! Application errors: why a device did not do what it was told (CI 70h, 6Eh, 6Fh).
//!
//! One octet, and with F0h more that describe it (EN 13757-3:2018, clause 10; OMS Vol. 2, Annex F and M, whose use
//! cases give 03h, 10h and 15h a second meaning).
//! Invariants: a missing octet means "unspecified"; codes without meaning are data.

use core::fmt;

use mbus_link::octets::Writer;

use crate::Error;

/// The code of an application error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ErrorCode(pub u8);

macro_rules! codes {
    ($($code:literal $name:ident $text:literal,)*) => {
        impl ErrorCode {
            $(#[doc = concat!("In words: ", $text, ".")] pub const $name: Self = Self($code);)*

            /// The table: code and words.
            pub const TABLE: &'static [(Self, &'static str)] = &[$((Self($code), $text)),*];
        }
    };
}

codes! {
    0x00 UNSPECIFIED "unspecified error",
    0x01 CI_NOT_IMPLEMENTED "CI field not implemented",
    0x02 BUFFER_TOO_LONG "buffer too long, truncated",
    0x03 TOO_MANY_RECORDS "too many records, or a record too long",
    0x04 PREMATURE_END "premature end of record",
    0x05 TOO_MANY_DIFE "more than 10 DIFE",
    0x06 TOO_MANY_VIFE "more than 10 VIFE",
    0x08 BUSY "application too busy to handle a readout request",
    0x09 TOO_MANY_READOUTS "too many readouts",
    0x10 ACCESS_DENIED "access denied, or not executable now",
    0x11 UNKNOWN "application or command unknown",
    0x12 PARAMETER "parameter missing or wrong",
    0x13 UNKNOWN_RECEIVER "unknown receiver address",
    0x14 DECRYPTION_FAILED "decryption key fails",
    0x15 ENCRYPTION_NOT_SUPPORTED "encryption method not supported, or parameter",
    0x16 SIGNATURE_NOT_SUPPORTED "signature method not supported",
    0x20 TLS_20 "TLS error 20h",
    0x21 TLS_21 "TLS error 21h, with CMAC",
    0x22 TLS_22 "TLS error 22h, with CMAC",
    0xF0 DYNAMIC "dynamic application error",
}

impl ErrorCode {
    const RESERVED: &'static str = "reserved";

    /// The words of the table; `reserved` for codes it does not have.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|row| row.0 == self).map_or(Self::RESERVED, |row| row.1)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The body of an application error; also its builder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ApplicationError<'a> {
    /// The code.
    pub code: ErrorCode,
    /// What follows it: records with [`ErrorCode::DYNAMIC`], else nothing.
    pub data: &'a [u8],
}

impl<'a> ApplicationError<'a> {
    /// The error of a body. Cannot fail: an empty body is the unspecified error.
    #[must_use]
    pub const fn parse(body: &'a [u8]) -> Self {
        match body {
            [code, data @ ..] => Self { code: ErrorCode(*code), data },
            [] => Self { code: ErrorCode::UNSPECIFIED, data: &[] },
        }
    }
    /// Octets of the body.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.data.len().saturating_add(1)
    }
    /// Writes the body to the front of `buffer`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::BufferTooSmall`]; [`crate::ErrorKind::NotPublished`] for codes that the table does not have:
    /// whether they are reserved is not settled.
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        if self.code.name() == ErrorCode::RESERVED {
            return Err(crate::ErrorKind::NotPublished { what: "an application error without name" }.at(0));
        }
        let mut writer = Writer::new(buffer);
        writer.put_u8(self.code.0);
        writer.put(self.data);
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code() {
        let expected = |code| matches!(code, 0x00..=0x06 | 0x08 | 0x09 | 0x10..=0x16 | 0x20..=0x22 | 0xF0);
        for code in 0..=255 {
            assert_eq!(ErrorCode(code).name() != "reserved", expected(code), "{code:02X}");
            let error = ApplicationError { code: ErrorCode(code), data: &[] };
            assert_eq!(error.encode_into(&mut [0; 1]).is_ok(), expected(code), "{code:02X}");
        }
        assert_eq!(ErrorCode::TABLE.len(), 20);
    }

    #[test]
    fn bodies_both_ways() {
        assert_eq!(ApplicationError::parse(&[]).code, ErrorCode::UNSPECIFIED);
        for body in [&[0x08][..], &[0xF0, 0x01, 0x13, 0x05]] {
            let error = ApplicationError::parse(body);
            for size in 0..=body.len() {
                let mut buffer = [0; 4];
                let written = error.encode_into(&mut buffer[..size]);
                assert_eq!(written.is_ok_and(|octets| octets == body), size == body.len());
            }
        }
    }
}
