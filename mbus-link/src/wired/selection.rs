//! Selection of a slave by its secondary address (EN 13757-7:2018, clause 12).
//!
//! ```text
//! SND-UD to 253: CI 52 | ID(4) M(2) V T | [0C 78 fabrication number(4)]
//! ```
//!
//! CI 56h, obsolete, is the same with the most significant octet of each field first.
//!
//! Nibble F in a digit, FFFFh as manufacturer and FFh as version or device type match all. Invariants: octets are kept
//! as sent; records other than the fabrication number are kept and not interpreted.

use crate::octets::{Reader, Writer};
use crate::{Address, Error, IdentificationNumber};

/// The CI of a selection.
pub const CI_SELECTION: u8 = 0x52;
/// The CI of a selection in the obsolete mode 2, most significant octet first.
pub const CI_SELECTION_MSB_FIRST: u8 = 0x56;

/// The DIF and VIF of a fabrication number of eight digits.
const FABRICATION_NUMBER: [u8; 2] = [0x0C, 0x78];

/// The body of a selection; also its builder.
///
/// ```
/// use mbus_link::wired::Selection;
/// let selection = Selection::parse(&[0x78, 0x56, 0x34, 0xF2, 0xFF, 0xFF, 0xFF, 0xFF])?;
/// assert_eq!(selection.address.identification.to_string(), "F2345678");
/// # Ok::<(), mbus_link::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Selection<'a> {
    /// The address, perhaps with wildcards.
    pub address: Address,
    /// The fabrication number, perhaps with wildcards.
    pub fabrication_number: Option<IdentificationNumber>,
    /// Records behind that.
    pub rest: &'a [u8],
}

impl<'a> Selection<'a> {
    /// The selection of an address alone.
    #[must_use]
    pub const fn of(address: Address) -> Self {
        Self { address, fabrication_number: None, rest: &[] }
    }
    /// The selection of a body.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Truncated`] below eight octets.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let address = Address::from_transport_octets(reader.array()?);
        let mut this = Self { address, fabrication_number: None, rest: reader.peek_rest() };
        if let [0x0C, 0x78, a, b, c, d, rest @ ..] = this.rest {
            this.fabrication_number = Some(IdentificationNumber::from_octets([*a, *b, *c, *d]));
            this.rest = rest;
        }
        Ok(this)
    }
    /// The selection of CI and body; `None` for other CIs.
    ///
    /// # Errors
    /// As [`Selection::parse`].
    #[must_use]
    pub fn from_payload(payload: &'a [u8]) -> Option<Result<Self, Error>> {
        match payload {
            [CI_SELECTION, body @ ..] => Some(Self::parse(body).map_err(|error| error.shifted(1))),
            [CI_SELECTION_MSB_FIRST, body @ ..] => {
                Some(Self::parse_msb_first(body).map_err(|error| error.shifted(1)))
            }
            _ => None,
        }
    }
    /// The selection of a body of mode 2, most significant octet of each field first.
    ///
    /// # Errors
    /// As [`Selection::parse`].
    pub fn parse_msb_first(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let [d, c, b, a, m1, m0, version, device_type] = reader.array()?;
        let address = Address::from_transport_octets([a, b, c, d, m0, m1, version, device_type]);
        let mut this = Self { address, fabrication_number: None, rest: reader.peek_rest() };
        if let [0x0C, 0x78, d, c, b, a, rest @ ..] = this.rest {
            this.fabrication_number = Some(IdentificationNumber::from_octets([*a, *b, *c, *d]));
            this.rest = rest;
        }
        Ok(this)
    }
    /// True when a slave with this address and fabrication number is selected. A slave without a fabrication
    /// number is not, when one is asked for.
    #[must_use]
    pub fn selects(&self, slave: Address, fabrication_number: Option<IdentificationNumber>) -> bool {
        let number_fits = match (self.fabrication_number, fabrication_number) {
            (None, _) => true,
            (Some(mask), Some(number)) => mask.matches(number),
            (Some(_), None) => false,
        };
        self.address.matches(slave) && number_fits
    }
    /// Octets of the body.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        let number = if self.fabrication_number.is_some() { 6 } else { 0 };
        Address::LEN.saturating_add(number).saturating_add(self.rest.len())
    }
    /// Writes the body to the front of `buffer`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        self.write(&mut writer);
        Ok(writer.finish()?)
    }
    /// Appends the body.
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.put(&self.address.to_transport_octets());
        if let Some(number) = self.fabrication_number {
            writer.put(&FABRICATION_NUMBER);
            writer.put(&number.octets());
        }
        writer.put(self.rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 8] = [0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03];
    const EXTENDED: [u8; 14] =
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0C, 0x78, 0x04, 0x03, 0x02, 0xF1];

    #[test]
    fn both_forms_both_ways() {
        for body in [&PLAIN[..], &EXTENDED] {
            let selection = Selection::parse(body).unwrap();
            for size in 0..=body.len() {
                let mut buffer = [0; 14];
                let written = selection.encode_into(&mut buffer[..size]);
                assert_eq!(written.is_ok_and(|octets| octets == body), size == body.len());
            }
            assert_eq!(selection.encoded_len(), body.len());
        }
        for size in 0..8 {
            assert_eq!(Selection::parse(&PLAIN[..size]).unwrap_err().kind.name(), "truncated");
        }
    }

    #[test]
    fn mode_2_says_the_same_backwards() {
        let forward = [0x52, 0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03, 0x0C, 0x78, 4, 3, 2, 1];
        let backward = [0x56, 0x12, 0x34, 0x56, 0x78, 0x15, 0x93, 0x33, 0x03, 0x0C, 0x78, 1, 2, 3, 4];
        assert_eq!(Selection::from_payload(&forward), Selection::from_payload(&backward));
        assert!(Selection::from_payload(&forward).is_some_and(|s| s.is_ok()));
        assert_eq!(Selection::from_payload(&[0x51, 1, 2]), None);
        let short = Selection::from_payload(&forward[..8]).unwrap().unwrap_err();
        assert_eq!((short.kind.name(), short.offset), ("truncated", 1));
    }

    #[test]
    fn who_is_selected() {
        let meter = Address::from_transport_octets(PLAIN);
        let number = |text: &str| text.parse().ok();
        assert!(Selection::of(meter).selects(meter, None));
        let extended = Selection::parse(&EXTENDED).unwrap();
        assert!(extended.selects(meter, number("91020304")));
        assert!(!extended.selects(meter, number("91020305")));
        assert!(!extended.selects(meter, None));
        let other = Address::from_transport_octets([0; 8]);
        assert!(!Selection::of(meter).selects(other, None));
    }
}
