//! The security modes: the one table (EN 13757-7:2018, 7.5.3 and OMS Vol. 2, 9.1).
//!
//! Invariants: every number 0 to 31 has a row, most of them reserved; a number without meaning is data
//! and not an error until somebody asks to open what it protects. The row fixes how many octets follow
//! the configuration field and how the payload is opened, so a new mode is a new row here, its own file
//! for the cipher, and its arm in `sealed`.

use core::fmt;

/// The number of a security mode, bits 8 to 12 of the configuration field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SecurityMode(pub u8);

/// What this library does with a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Support {
    /// Opened and sealed.
    Full,
    /// Opened and sealed by a type that is called experimental, since what is public about the mode is not
    /// whole or rests on few sources; [`crate::sealed::open`] refuses it.
    Experimental,
    /// Deprecated: opened with feature `legacy`, sealed for tests and simulators only, by functions that are called
    /// broken.
    Legacy,
    /// The records are framed and handed on to a TLS session of the caller; what the AFL protects is checked.
    HandedOn,
    /// Known by name; its configuration field is read.
    Named,
    /// Not assigned.
    Reserved,
}

/// What follows the two octets of the configuration field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Extension {
    /// Nothing.
    None,
    /// One octet, and the message counter and key version that it and bit Z announce (mode 7).
    OneOctet,
    /// Two octets, and the message counter and key version that they and bit Z announce (mode 10).
    TwoOctets,
    /// One octet: the TLS protocol (mode 13).
    Protocol,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeRow {
    /// The mode.
    pub mode: SecurityMode,
    /// What it is, in words.
    pub name: &'static str,
    /// What follows the configuration field.
    pub extension: Extension,
    /// What this library does with it.
    pub support: Support,
}

const fn row(mode: u8, extension: Extension, support: Support, name: &'static str) -> ModeRow {
    ModeRow { mode: SecurityMode(mode), name, extension, support }
}

use self::{Extension as X, Support as S};

impl SecurityMode {
    /// No security.
    pub const NONE: Self = Self(0);
    /// DES-CBC, initialisation vector zero. Deprecated.
    pub const DES_CBC: Self = Self(2);
    /// DES-CBC, initialisation vector of address and date. Deprecated.
    pub const DES_CBC_IV: Self = Self(3);
    /// AES-128-CBC, initialisation vector zero. Deprecated; often called DES, which it is not.
    pub const AES_CBC: Self = Self(4);
    /// AES-128-CBC with a persistent key: profile A.
    pub const AES_CBC_IV: Self = Self(5);
    /// AES-128-CBC with derived keys and a CMAC in the AFL: profile B.
    pub const AES_CBC_KDF: Self = Self(7);
    /// AES-128-CTR with CMAC.
    pub const AES_CTR_CMAC: Self = Self(8);
    /// AES-128-GCM.
    pub const AES_GCM: Self = Self(9);
    /// AES-128-CCM: profile D.
    pub const AES_CCM: Self = Self(10);
    /// TLS 1.2: profile C.
    pub const TLS: Self = Self(13);

    /// The table, one row a mode.
    pub const TABLE: [ModeRow; 32] = [
        row(0, X::None, S::Full, "no encryption"),
        row(1, X::None, S::Named, "manufacturer specific"),
        row(2, X::None, S::Legacy, "DES-CBC, initialisation vector zero (deprecated)"),
        row(3, X::None, S::Legacy, "DES-CBC, initialisation vector not zero (deprecated)"),
        row(4, X::None, S::Legacy, "AES-128-CBC, initialisation vector zero (deprecated)"),
        row(5, X::None, S::Full, "AES-128-CBC, dynamic initialisation vector"),
        row(6, X::None, S::Reserved, "reserved"),
        row(7, X::OneOctet, S::Full, "AES-128-CBC, derived keys"),
        row(8, X::None, S::Experimental, "AES-128-CTR with CMAC"),
        row(9, X::None, S::Experimental, "AES-128-GCM"),
        row(10, X::TwoOctets, S::Full, "AES-128-CCM"),
        row(11, X::None, S::Reserved, "reserved"),
        row(12, X::None, S::Reserved, "reserved"),
        row(13, X::Protocol, S::HandedOn, "TLS 1.2"),
        row(14, X::None, S::Reserved, "reserved"),
        row(15, X::None, S::Named, "specific usage (AES-128-CBC of Dutch meters)"),
        row(16, X::None, S::Reserved, "reserved"),
        row(17, X::None, S::Reserved, "reserved"),
        row(18, X::None, S::Reserved, "reserved"),
        row(19, X::None, S::Reserved, "reserved"),
        row(20, X::None, S::Reserved, "reserved"),
        row(21, X::None, S::Reserved, "reserved"),
        row(22, X::None, S::Reserved, "reserved"),
        row(23, X::None, S::Reserved, "reserved"),
        row(24, X::None, S::Reserved, "reserved"),
        row(25, X::None, S::Reserved, "reserved"),
        row(26, X::None, S::Reserved, "reserved"),
        row(27, X::None, S::Reserved, "reserved"),
        row(28, X::None, S::Reserved, "reserved"),
        row(29, X::None, S::Reserved, "reserved"),
        row(30, X::None, S::Reserved, "reserved"),
        row(31, X::None, S::Reserved, "reserved"),
    ];

    /// Its row in the table.
    #[must_use]
    pub fn row(self) -> ModeRow {
        Self::TABLE.get(usize::from(self.0)).copied().unwrap_or(row(self.0, X::None, S::Reserved, "reserved"))
    }
}

/// The number and the words of the table.
impl fmt::Display for SecurityMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.row().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn every_mode_stands_in_its_row() {
        for (n, row) in (0u8..).zip(SecurityMode::TABLE) {
            assert_eq!(row.mode, SecurityMode(n));
            assert_eq!(row.mode.row(), row);
        }
        assert_eq!(SecurityMode(200).row().name, "reserved");
        assert_eq!(SecurityMode(4).to_string(), "4 (AES-128-CBC, initialisation vector zero (deprecated))");
    }
}
