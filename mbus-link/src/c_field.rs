//! The C-field: what a frame asks for or answers.
//!
//! ```text
//! bit   7   6       5     4     3..0
//!       0   PRM=1   FCB   FCV   function     from the station that starts the exchange
//!       0   PRM=0   ACD   DFC   function     from the station that answers
//! ```
//!
//! EN 13757-2, 5.7.3 and EN 13757-4, 11.5.3. Invariants: all 256 values can be held and written again; a
//! value that no row of [`CField::TABLE`] covers has no name and is no error. Bit 6 tells who started
//! the exchange, not who is the meter: SND-NKE (40h) comes from the gateway, SND-NR (44h) from the meter.

use core::fmt;

/// Who sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Sender {
    /// The meter; on the wired bus the slave.
    Meter,
    /// The other device (gateway, reader); on the wired bus the master.
    OtherDevice,
    /// Either.
    Both,
}

/// One line of the table of C-field values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CFieldRow {
    /// The printed word.
    pub name: &'static str,
    /// The value with all free bits 0.
    pub code: u8,
    /// Bits that may take either value: FCB, or ACD and DFC.
    pub free: u8,
    /// Who sends it.
    pub sender: Sender,
    /// Used by radio (EN 13757-4).
    pub wireless: bool,
    /// Used on the wired bus (EN 13757-2).
    pub wired: bool,
}

/// The C-field.
///
/// ```
/// use mbus_link::CField;
/// assert_eq!(CField(0x44).name(), Some("SND-NR"));
/// assert_eq!(CField(0x7B).name(), Some("REQ-UD2"));
/// assert_eq!(CField::REQ_UD2.with_fcb(true), CField(0x7B));
/// assert_eq!(CField(0xC4).name(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CField(pub u8);

const FCB: u8 = 0x20;
const FCV: u8 = 0x10;
const ACD: u8 = 0x20;
const DFC: u8 = 0x10;
const PRM: u8 = 0x40;

const fn row(
    name: &'static str,
    code: u8,
    free: u8,
    sender: Sender,
    wireless: bool,
    wired: bool,
) -> CFieldRow {
    CFieldRow { name, code, free, sender, wireless, wired }
}

impl CField {
    /// Link reset; ends a frequent access cycle; answers an installation request that was heard.
    pub const SND_NKE: Self = Self(0x40);
    /// Command that wants a data response at once.
    pub const SND_UD2: Self = Self(0x43);
    /// Data sent without being asked, no answer.
    pub const SND_NR: Self = Self(0x44);
    /// Command to many meters, no answer.
    pub const SND_UD3: Self = Self(0x45);
    /// Installation request, triggered by hand.
    pub const SND_IR: Self = Self(0x46);
    /// No data; offers the access window.
    pub const ACC_NR: Self = Self(0x47);
    /// The meter demands access.
    pub const ACC_DMD: Self = Self(0x48);
    /// Request of the link status.
    pub const REQ_SKE: Self = Self(0x49);
    /// Command, FCB 0.
    pub const SND_UD: Self = Self(0x53);
    /// Request of class 1 data (alarms), FCB 0.
    pub const REQ_UD1: Self = Self(0x5A);
    /// Request of class 2 data (readings), FCB 0.
    pub const REQ_UD2: Self = Self(0x5B);
    /// Acknowledgement.
    pub const ACK: Self = Self(0x00);
    /// Refusal.
    pub const NACK: Self = Self(0x01);
    /// Installation confirmed.
    pub const CNF_IR: Self = Self(0x06);
    /// Data response.
    pub const RSP_UD: Self = Self(0x08);
    /// Answer to the request of the link status.
    pub const RSP_SKE: Self = Self(0x0B);

    /// The values in use, one row each. No two rows cover the same value (checked when compiling).
    pub const TABLE: &'static [CFieldRow] = &[
        row("SND-NKE", 0x40, 0, Sender::OtherDevice, true, true),
        row("SND-UD2", 0x43, 0, Sender::OtherDevice, true, true),
        row("SND-NR", 0x44, 0, Sender::Meter, true, false),
        row("SND-UD3", 0x45, 0, Sender::OtherDevice, true, false),
        row("SND-IR", 0x46, 0, Sender::Meter, true, false),
        row("ACC-NR", 0x47, 0, Sender::Meter, true, false),
        row("ACC-DMD", 0x48, 0, Sender::Meter, true, false),
        // IEC 60870-5-2, functions 9 and 11.
        row("REQ-SKE", 0x49, 0, Sender::OtherDevice, true, true),
        row("SND-UD", 0x53, FCB, Sender::OtherDevice, true, true),
        row("REQ-UD1", 0x5A, FCB, Sender::OtherDevice, true, true),
        row("REQ-UD2", 0x5B, FCB, Sender::OtherDevice, true, true),
        row("ACK", 0x00, ACD | DFC, Sender::Both, true, false),
        row("NACK", 0x01, ACD | DFC, Sender::Both, true, false),
        row("CNF-IR", 0x06, 0, Sender::OtherDevice, true, false),
        row("RSP-UD", 0x08, ACD | DFC, Sender::Meter, true, true),
        row("RSP-SKE", 0x0B, ACD | DFC, Sender::Meter, true, true),
    ];

    /// The row that covers this value, if any.
    #[must_use]
    pub fn row(self) -> Option<&'static CFieldRow> {
        Self::TABLE.iter().find(|row| self.0 & !row.free == row.code)
    }
    /// The printed word, flag bits ignored where the table leaves them free.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }
    /// True when the station that sends started the exchange (PRM, bit 6).
    #[must_use]
    pub const fn is_primary(self) -> bool {
        self.0 & PRM != 0
    }
    /// The function code, bits 3 to 0. Its meaning depends on [`CField::is_primary`].
    #[must_use]
    pub const fn function(self) -> u8 {
        self.0 & 0x0F
    }
    /// The frame count bit of a primary station; `None` where it does not count (PRM 0 or FCV 0).
    #[must_use]
    pub const fn fcb(self) -> Option<bool> {
        if self.is_primary() && self.0 & FCV != 0 { Some(self.0 & FCB != 0) } else { None }
    }
    /// True when the answering station has class 1 data waiting (ACD).
    #[must_use]
    pub const fn class_1_waiting(self) -> bool {
        !self.is_primary() && self.0 & ACD != 0
    }
    /// True when the answering station can take no more data (DFC).
    #[must_use]
    pub const fn cannot_take_more(self) -> bool {
        !self.is_primary() && self.0 & DFC != 0
    }
    /// The same value with this frame count bit; unchanged where the bit does not count.
    #[must_use]
    pub const fn with_fcb(self, fcb: bool) -> Self {
        match (self.fcb(), fcb) {
            (None, _) => self,
            (Some(_), true) => Self(self.0 | FCB),
            (Some(_), false) => Self(self.0 & !FCB),
        }
    }
    /// The same value with these ACD and DFC bits; unchanged when a primary station sends it.
    #[must_use]
    pub const fn with_acd_dfc(self, class_1_waiting: bool, cannot_take_more: bool) -> Self {
        if self.is_primary() {
            return self;
        }
        let acd = if class_1_waiting { ACD } else { 0 };
        let dfc = if cannot_take_more { DFC } else { 0 };
        Self(self.0 & !(ACD | DFC) | acd | dfc)
    }
    /// True when both say the same apart from FCB, or from ACD and DFC.
    #[must_use]
    pub fn is(self, other: Self) -> bool {
        match (self.row(), other.row()) {
            (Some(a), Some(b)) => a.code == b.code,
            _ => self == other,
        }
    }
}

/// The printed word, or `0xNN`.
impl fmt::Display for CField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "0x{:02X}", self.0),
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "runs only while compiling")]
const _: () = {
    let mut i = 0;
    while i < CField::TABLE.len() {
        let a = CField::TABLE[i];
        assert!(a.code & a.free == 0, "a free bit is set in the code");
        let mut j = i + 1;
        while j < CField::TABLE.len() {
            let b = CField::TABLE[j];
            assert!((a.code ^ b.code) & !(a.free | b.free) != 0, "two rows cover the same value");
            j += 1;
        }
        i += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_the_word_of_the_table_or_none() {
        const PRINTED: &[(&str, &[u8])] = &[
            ("SND-NKE", &[0x40]),
            ("SND-UD2", &[0x43]),
            ("SND-NR", &[0x44]),
            ("SND-UD3", &[0x45]),
            ("SND-IR", &[0x46]),
            ("ACC-NR", &[0x47]),
            ("ACC-DMD", &[0x48]),
            ("REQ-SKE", &[0x49]),
            ("SND-UD", &[0x53, 0x73]),
            ("REQ-UD1", &[0x5A, 0x7A]),
            ("REQ-UD2", &[0x5B, 0x7B]),
            ("ACK", &[0x00, 0x10, 0x20, 0x30]),
            ("NACK", &[0x01, 0x11, 0x21, 0x31]),
            ("CNF-IR", &[0x06]),
            ("RSP-UD", &[0x08, 0x18, 0x28, 0x38]),
            ("RSP-SKE", &[0x0B, 0x1B, 0x2B, 0x3B]),
        ];
        for value in 0..=255 {
            let printed = PRINTED.iter().find(|(_, values)| values.contains(&value)).map(|(name, _)| *name);
            assert_eq!(CField(value).name(), printed, "{value:02X}");
        }
    }

    #[test]
    fn flags_are_read_only_where_they_count() {
        assert_eq!(CField(0x7B).fcb(), Some(true));
        assert_eq!(CField(0x5B).fcb(), Some(false));
        assert_eq!(CField(0x40).fcb(), None);
        assert_eq!(CField(0x28).fcb(), None);
        assert!(CField(0x28).class_1_waiting() && !CField(0x28).cannot_take_more());
        assert!(!CField(0x7B).class_1_waiting());
        assert_eq!(CField::RSP_UD.with_acd_dfc(true, true), CField(0x38));
        assert_eq!(CField::SND_NKE.with_fcb(true), CField::SND_NKE);
        assert_eq!(CField::SND_UD.with_acd_dfc(true, true), CField::SND_UD);
        assert!(CField(0x7B).is(CField::REQ_UD2) && !CField(0x53).is(CField::SND_UD2));
        assert!(CField(0xC4).is(CField(0xC4)) && !CField(0xC4).is(CField::SND_NR));
    }

    #[test]
    fn display_is_the_word_or_the_octet() {
        use std::string::ToString;
        assert_eq!(CField(0x53).to_string(), "SND-UD");
        assert_eq!(CField(0x02).to_string(), "0x02");
    }
}
