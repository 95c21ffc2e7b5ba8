//! The configuration field of the transport header, its extension, and what they announce.
//!
//! ```text
//! CF(2)                                   modes 0 to 6, 8, 9, 11, 12, 14 and above
//! CF(2) CFE(1) [counter(4)] [version(1)]  mode 7
//! CF(2) CFE(2) [counter(4)] [version(1)]  mode 10
//! CF(2) CFE(1)                            mode 13
//!
//! mode 0, 5   B A S MMMMM | NNNN CC R H
//! mode 7      CC Z MMMMM  | NNNN P III        CFE  0 V DD KKKK
//! mode 9      00 T MMMMM  | U E DD KKKK       (experimental, see `mode9`)
//! mode 10     CC Z MMMMM  | NNNNNNNN          CFE  00 IIII OO | 0 V DD KKKK
//! mode 13     CC 0 MMMMM  | 11111111          CFE  0000 TTTT
//! ```
//!
//! EN 13757-7:2018, 7.5 and 7.6; OMS Vol. 2, 7.2.4. Both are sent least significant octet first. Invariants:
//! all bits are kept, reserved ones too, so that a parsed field gives the same octets again; only the
//! mode decides how many octets belong to it.

use mbus_link::octets::{Reader, Writer};

use crate::Error;
use crate::mode::{Extension, SecurityMode};

/// The configuration field with everything that belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Configuration {
    /// CF.
    pub field: u16,
    /// CFE: one octet in modes 7 and 13, two in mode 10; else 0.
    pub extension: u16,
    /// The message counter, if bit Z of mode 7 or 10 announces one.
    pub counter: Option<u32>,
    /// The key version, if bit V of mode 7 or 10 announces one. No telegram with both is known; that it
    /// follows the counter is how the standard is quoted.
    pub key_version: Option<u8>,
}

impl Configuration {
    /// P, the bit of mode 7 that announces padding, see [`Configuration::is_padded`].
    pub const PADDED: u16 = 1 << 3;
    const Z: u16 = 1 << 13;
    const V: u16 = 1 << 6;

    /// The configuration at the beginning of `octets`, and what is behind it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Truncated`].
    pub fn parse_prefix(octets: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(octets);
        let field = reader.u16_le()?;
        let mut this = Self { field, ..Self::default() };
        match this.mode().row().extension {
            Extension::None => {}
            Extension::Protocol => this.extension = u16::from(reader.u8()?),
            Extension::OneOctet => this.extension = u16::from(reader.u8()?),
            Extension::TwoOctets => this.extension = reader.u16_le()?,
        }
        if this.announces_counter() {
            this.counter = Some(reader.u32_le()?);
        }
        if this.announces_key_version() {
            this.key_version = Some(reader.u8()?);
        }
        Ok((this, reader.take_rest()))
    }

    /// The security mode, bits 8 to 12.
    #[must_use]
    pub const fn mode(&self) -> SecurityMode {
        let [_, high] = self.field.to_le_bytes();
        SecurityMode(high & 0x1F)
    }
    const fn has_counter_bits(&self) -> bool {
        matches!(self.mode(), SecurityMode::AES_CBC_KDF | SecurityMode::AES_CCM)
    }
    /// Z: a message counter follows (modes 7 and 10).
    #[must_use]
    pub const fn announces_counter(&self) -> bool {
        self.has_counter_bits() && self.field & Self::Z != 0
    }
    /// V: a key version follows (modes 7 and 10).
    #[must_use]
    pub const fn announces_key_version(&self) -> bool {
        self.has_counter_bits() && self.extension & Self::V != 0
    }
    /// CC, the content of the message: 0 standard, 2 static (modes 0, 5, 7, 10 and 13).
    #[must_use]
    pub const fn content(&self) -> u8 {
        let [low, high] = self.field.to_le_bytes();
        match self.mode().0 {
            7 | 10 | 13 => high >> 6,
            _ => low >> 2 & 3,
        }
    }
    /// NNNN, the number of enciphered blocks of 16 octets, 15 for all (modes 5 and 7).
    #[must_use]
    pub const fn encrypted_blocks(&self) -> Option<u8> {
        let [low, _] = self.field.to_le_bytes();
        match self.mode().0 {
            5 | 7 => Some(low >> 4),
            _ => None,
        }
    }
    /// NNNNNNNN, the number of enciphered octets, 255 for all (mode 10; also modes 2 to 4).
    #[must_use]
    pub const fn encrypted_octets(&self) -> Option<u8> {
        let [low, _] = self.field.to_le_bytes();
        match self.mode().0 {
            2..=4 | 10 => Some(low),
            _ => None,
        }
    }
    /// The octet with DD and KKKK: in modes 7 and 10 of the extension, in mode 9 of the field itself.
    const fn key_selection(&self) -> Option<u8> {
        let [low, _] = self.extension.to_le_bytes();
        let [field, _] = self.field.to_le_bytes();
        match self.mode() {
            SecurityMode::AES_CBC_KDF | SecurityMode::AES_CCM => Some(low),
            SecurityMode::AES_GCM => Some(field),
            _ => None,
        }
    }
    /// DD, how keys are derived: 0 not at all, 1 by KDF-A (modes 7, 9 and 10).
    #[must_use]
    pub const fn key_derivation(&self) -> Option<u8> {
        match self.key_selection() {
            Some(octet) => Some(octet >> 4 & 3),
            None => None,
        }
    }
    /// KKKK, the number of the key: 0 is the master key (modes 7, 9 and 10).
    #[must_use]
    pub const fn key_id(&self) -> Option<u8> {
        match self.key_selection() {
            Some(octet) => Some(octet & 0x0F),
            None => None,
        }
    }
    /// OO, the code of the tag's length: 1 is 8 octets (mode 10).
    #[must_use]
    pub const fn tag_code(&self) -> Option<u8> {
        let [_, high] = self.extension.to_le_bytes();
        match self.mode().0 {
            10 => Some(high & 3),
            _ => None,
        }
    }
    /// P: the plaintext ends with padding octets that tell their own number (mode 7).
    #[must_use]
    pub const fn is_padded(&self) -> bool {
        self.mode().0 == 7 && self.field & Self::PADDED != 0
    }
    /// The content index: III of mode 7, IIII of mode 10.
    #[must_use]
    pub const fn content_index(&self) -> Option<u8> {
        let [low, _] = self.field.to_le_bytes();
        let [_, high] = self.extension.to_le_bytes();
        match self.mode().0 {
            7 => Some(low & 7),
            10 => Some(high >> 2 & 0x0F),
            _ => None,
        }
    }
    /// H: the frame went through a repeater (modes 0 and 5; 0 where an ELL has the bit).
    #[must_use]
    pub const fn hop(&self) -> bool {
        matches!(self.mode().0, 0 | 5) && self.field & 1 != 0
    }
    /// R: access through a repeater (modes 0 and 5).
    #[must_use]
    pub const fn repeated_access(&self) -> bool {
        matches!(self.mode().0, 0 | 5) && self.field & 2 != 0
    }
    /// S: a synchronous transmission (modes 0 and 5).
    #[must_use]
    pub const fn synchronous(&self) -> bool {
        matches!(self.mode().0, 0 | 5) && self.field & 0x2000 != 0
    }
    /// B and A: 0 no access, 1 temporarily none, 2 in the window after a transmission, 3 always (modes 0 and 5).
    #[must_use]
    pub const fn accessibility(&self) -> Option<u8> {
        let [_, high] = self.field.to_le_bytes();
        match self.mode().0 {
            0 | 5 => Some(high >> 6),
            _ => None,
        }
    }

    /// Octets of the configuration without counter and key version: CF and CFE.
    #[must_use]
    pub fn field_len(&self) -> usize {
        match self.mode().row().extension {
            Extension::None => 2,
            Extension::OneOctet | Extension::Protocol => 3,
            Extension::TwoOctets => 4,
        }
    }
    /// Octets of the whole configuration.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let counter = if self.announces_counter() { 4 } else { 0 };
        let version = usize::from(self.announces_key_version());
        self.field_len().saturating_add(counter).saturating_add(version)
    }
    /// Writes the configuration to the front of `buffer`. A counter or version that the bits announce and
    /// that is missing here is written as 0.
    ///
    /// # Errors
    /// [`crate::ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        writer.put_u16_le(self.field);
        let [low, high] = self.extension.to_le_bytes();
        match self.mode().row().extension {
            Extension::None => {}
            Extension::OneOctet | Extension::Protocol => writer.put_u8(low),
            Extension::TwoOctets => writer.put(&[low, high]),
        }
        if self.announces_counter() {
            writer.put_u32_le(self.counter.unwrap_or_default());
        }
        if self.announces_key_version() {
            writer.put_u8(self.key_version.unwrap_or_default());
        }
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_configurations() {
        // OMS Vol. 2 Annex N: N.2.1 (mode 5), N.2.3 (mode 7), N.2.6 (mode 10), N.12.4 (mode 7 with padding).
        let (five, rest) = Configuration::parse_prefix(&[0x20, 0x25, 0x59]).unwrap();
        assert_eq!((five.mode().0, five.encrypted_blocks(), five.synchronous()), (5, Some(2), true));
        assert_eq!((five.accessibility(), five.hop(), rest), (Some(0), false, &[0x59][..]));
        let (seven, rest) = Configuration::parse_prefix(&[0x20, 0x07, 0x10, 0x90]).unwrap();
        assert_eq!((seven.mode().0, seven.encrypted_blocks(), seven.key_derivation()), (7, Some(2), Some(1)));
        assert_eq!(
            (seven.key_id(), seven.counter, seven.is_padded(), rest),
            (Some(0), None, false, &[0x90][..])
        );
        let octets = [0x11, 0x2A, 0x10, 0x01, 0xB3, 0x0A, 0x00, 0x00];
        let (ten, rest) = Configuration::parse_prefix(&octets).unwrap();
        assert_eq!((ten.mode().0, ten.encrypted_octets(), ten.tag_code()), (10, Some(0x11), Some(1)));
        assert_eq!((ten.key_derivation(), ten.counter, rest), (Some(1), Some(2739), &[][..]));
        let (padded, _) = Configuration::parse_prefix(&[0x18, 0x07, 0x10]).unwrap();
        assert!(padded.is_padded());
        let (tls, rest) = Configuration::parse_prefix(&[0xFF, 0x0D, 0x01, 0x16]).unwrap();
        assert_eq!((tls.mode(), tls.extension, rest), (SecurityMode::TLS, 1, &[0x16][..]));
    }

    #[test]
    fn every_configuration_field_comes_back() {
        for field in 0..=u16::MAX {
            let [low, high] = field.to_le_bytes();
            for extension in [0x00, 0x10, 0x50, 0xFF] {
                let octets = [low, high, extension, extension, 1, 2, 3, 4, 5, 6];
                let (parsed, rest) = Configuration::parse_prefix(&octets).unwrap();
                let used = octets.len() - rest.len();
                let mut buffer = [0; 10];
                assert_eq!(parsed.encode_into(&mut buffer).unwrap(), &octets[..used]);
                assert_eq!(parsed.encoded_len(), used);
                for size in 0..used {
                    let error = parsed.encode_into(&mut buffer[..size]).unwrap_err();
                    assert_eq!(
                        error.kind,
                        crate::ErrorKind::BufferTooSmall { needed: used, available: size }
                    );
                    assert!(Configuration::parse_prefix(&octets[..size]).is_err());
                }
            }
        }
    }
}
