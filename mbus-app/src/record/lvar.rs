//! Variable length data: the first octet, LVAR, says what follows and how long it is.
//!
//! EN 13757-3:2018, table 5. Invariants: the data field of a record includes its LVAR. Reserved codes have
//! no known length, so nothing behind them can be read. Lengths of zero are legal.

/// What follows LVAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Lvar {
    /// 00h to BFh: so many octets of text, or of a container.
    Text(u8),
    /// C0h to C9h: so many octets of BCD, two digits each, positive.
    PositiveBcd(u8),
    /// D0h to D9h: so many octets of BCD, negative.
    NegativeBcd(u8),
    /// E0h to EFh, F0h to F6h: so many octets of a binary number.
    Binary(u8),
    /// All other codes.
    Reserved(u8),
}

impl Lvar {
    /// The meaning of a code.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code {
            0x00..=0xBF => Self::Text(code),
            0xC0..=0xC9 => Self::PositiveBcd(code & 0x0F),
            0xD0..=0xD9 => Self::NegativeBcd(code & 0x0F),
            0xE0..=0xEF => Self::Binary(code & 0x0F),
            0xF0..=0xF4 => Self::Binary((code & 0x0F).wrapping_add(4).wrapping_mul(4)),
            0xF5 => Self::Binary(48),
            0xF6 => Self::Binary(64),
            _ => Self::Reserved(code),
        }
    }
    /// The code; `None` for lengths that have none.
    #[must_use]
    pub const fn code(self) -> Option<u8> {
        match self {
            Self::Text(n @ 0..=0xBF) => Some(n),
            Self::PositiveBcd(n @ 0..=9) => Some(0xC0 | n),
            Self::NegativeBcd(n @ 0..=9) => Some(0xD0 | n),
            Self::Binary(n @ 0..=15) => Some(0xE0 | n),
            Self::Binary(n @ (16 | 20 | 24 | 28 | 32)) => Some(0xEC_u8.wrapping_add(n / 4)),
            Self::Binary(48) => Some(0xF5),
            Self::Binary(64) => Some(0xF6),
            Self::Reserved(code) => Some(code),
            _ => None,
        }
    }
    /// Octets behind LVAR; `None` for reserved codes.
    #[must_use]
    pub const fn data_len(self) -> Option<u8> {
        match self {
            Self::Text(n) | Self::PositiveBcd(n) | Self::NegativeBcd(n) | Self::Binary(n) => Some(n),
            Self::Reserved(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code() {
        for code in 0..=0xFFu8 {
            let expected = match code {
                0x00..=0xBF => Some(code),
                0xC0..=0xC9 => Some(code - 0xC0),
                0xD0..=0xD9 => Some(code - 0xD0),
                0xE0..=0xEF => Some(code - 0xE0),
                0xF0 => Some(16),
                0xF1 => Some(20),
                0xF2 => Some(24),
                0xF3 => Some(28),
                0xF4 => Some(32),
                0xF5 => Some(48),
                0xF6 => Some(64),
                _ => None,
            };
            assert_eq!(Lvar::from_code(code).data_len(), expected, "{code:02X}");
            assert_eq!(Lvar::from_code(code).code(), Some(code), "{code:02X}");
        }
        assert_eq!(Lvar::Binary(17).code(), None);
        assert_eq!(Lvar::PositiveBcd(10).code(), None);
        assert_eq!(Lvar::Text(0xC0).code(), None);
    }
}
