//! Keys on their way, and which of them is in force (OMS Vol. 2 Annex F).
//!
//! ```text
//! structure 1, wrapped:  key (16) | target time (5) | key id | key version
//! structure 3, wrapped:  target time (5) | key to activate: id, version | key to deactivate: id, version | option
//! ```
//!
//! Both are wrapped with [`super::key_wrap`] under a wrapper key: the annex prints them with its beginning and
//! length (A65959A6 00000017 and A65959A6 0000000A). Invariants: a key is never printed; nothing is given out
//! before the wrap was verified; the plaintext of a wrapped key is wiped from the buffer.
//!
//! Structures 0 and 2 are not published.

use core::fmt;

use mbus_link::octets::{Reader, Writer};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{KeyPurpose, TargetTime, key_wrap};
use crate::kdf::cmac;
use crate::key::{BlockCipher128, Key, PreparedKey};
use crate::{Error, ErrorKind};

/// Octets of structure 1 when it is not wrapped.
const TRANSFER_LEN: usize = 23;
/// Octets of structure 3 when it is not wrapped.
const ACTIVATION_LEN: usize = 10;

/// Key structure 1: a new key.
///
/// ```
/// use oms_security::key::{Aes, Key, PreparedKey};
/// use oms_security::security_information::{KeyPurpose, KeyTransfer, TargetTime};
/// let wrapper = PreparedKey::<Aes>::new(&Key::new([0x10; 16]));
/// let new = KeyTransfer { key: Key::new([7; 16]), target_time: TargetTime::NOW, purpose: KeyPurpose::BREAKER, version: 2 };
/// let mut content = [0; KeyTransfer::WRAPPED_LEN];
/// new.wrap_into(&wrapper, &mut content)?;
/// let received = KeyTransfer::unwrap(&wrapper, &mut content)?;
/// assert_eq!((received.purpose, received.version), (KeyPurpose::BREAKER, 2));
/// assert!(!format!("{received:?}").contains('7'));
/// # Ok::<(), oms_security::Error>(())
/// ```
pub struct KeyTransfer {
    /// The key.
    pub key: Key,
    /// From when on it is in force.
    pub target_time: TargetTime,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Its version: a key that replaces another keeps the purpose and raises the version.
    pub version: u8,
}

/// The key is wiped.
impl ZeroizeOnDrop for KeyTransfer {}

/// Never the key itself.
impl fmt::Debug for KeyTransfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyTransfer(key .., {:?}, version {:X})", self.purpose.name(), self.version)
    }
}

impl KeyTransfer {
    /// Octets of the structure when it is wrapped.
    pub const WRAPPED_LEN: usize = key_wrap::wrapped_len(TRANSFER_LEN);

    /// Writes the structure to the front of `buffer` and wraps it.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`].
    pub fn wrap_into<'b, C: BlockCipher128>(
        &self,
        wrapper: &PreparedKey<C>,
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], Error> {
        let mut plain = [0; TRANSFER_LEN];
        let mut writer = Writer::new(&mut plain);
        writer.put(self.key.octets());
        writer.put(&self.target_time.0);
        writer.put(&[self.purpose.0, self.version]);
        let wrapped = wrap(wrapper, &plain, buffer);
        plain.zeroize();
        wrapped
    }
    /// Unwraps `content`, and wipes it.
    ///
    /// # Errors
    /// [`ErrorKind::Wrap`] when the wrapper key does not fit or octets were changed; [`ErrorKind::Truncated`] for
    /// another length than that of the structure.
    pub fn unwrap<C: BlockCipher128>(wrapper: &PreparedKey<C>, content: &mut [u8]) -> Result<Self, Error> {
        let transfer = key_wrap::unwrap_in_place(wrapper.cipher(), content).and_then(|plain| {
            let mut reader = exactly(plain, TRANSFER_LEN)?;
            let key = Key::new(reader.array()?);
            let target_time = TargetTime(reader.array()?);
            let [purpose, version] = reader.array()?;
            Ok(Self { key, target_time, purpose: KeyPurpose(purpose), version })
        });
        content.zeroize();
        transfer
    }
}

/// Key structure 3: one key comes into force, another goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KeyActivation {
    /// When.
    pub target_time: TargetTime,
    /// The key to activate, and its version.
    pub activate: (KeyPurpose, u8),
    /// The key to deactivate, and its version.
    pub deactivate: (KeyPurpose, u8),
    /// The option octet; what its values mean is not published.
    pub option: u8,
}

impl KeyActivation {
    /// Octets of the structure when it is wrapped.
    pub const WRAPPED_LEN: usize = key_wrap::wrapped_len(ACTIVATION_LEN);

    /// Writes the structure to the front of `buffer` and wraps it.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`].
    pub fn wrap_into<'b, C: BlockCipher128>(
        &self,
        wrapper: &PreparedKey<C>,
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], Error> {
        let mut plain = [0; ACTIVATION_LEN];
        let mut writer = Writer::new(&mut plain);
        writer.put(&self.target_time.0);
        writer.put(&[
            self.activate.0.0,
            self.activate.1,
            self.deactivate.0.0,
            self.deactivate.1,
            self.option,
        ]);
        wrap(wrapper, &plain, buffer)
    }
    /// Unwraps `content`, and wipes it: what is wrapped may turn out to be a key.
    ///
    /// # Errors
    /// As [`KeyTransfer::unwrap`].
    pub fn unwrap<C: BlockCipher128>(wrapper: &PreparedKey<C>, content: &mut [u8]) -> Result<Self, Error> {
        let activation = key_wrap::unwrap_in_place(wrapper.cipher(), content).and_then(|plain| {
            let mut reader = exactly(plain, ACTIVATION_LEN)?;
            let target_time = TargetTime(reader.array()?);
            let [on, on_version, off, off_version, option] = reader.array()?;
            let (activate, deactivate) = ((KeyPurpose(on), on_version), (KeyPurpose(off), off_version));
            Ok(Self { target_time, activate, deactivate, option })
        });
        content.zeroize();
        activation
    }
}

/// True for a content that can be a key structure 1 as it is to travel: wrapped, and not the plaintext of a wrap, whose
/// beginning shows it. Whatever is none may hold a key in clear and belongs into no log.
///
/// ```
/// use oms_security::security_information::key_structure::is_wrapped;
/// assert!(is_wrapped(&[0x55; 32]));
/// assert!(!is_wrapped(&[0x55; 16]));
/// let mut forgotten = [0x55; 32];
/// forgotten[..8].copy_from_slice(b"\xA6\x59\x59\xA6\0\0\0\x17");
/// assert!(!is_wrapped(&forgotten));
/// ```
#[must_use]
pub fn is_wrapped(content: &[u8]) -> bool {
    content.len() == KeyTransfer::WRAPPED_LEN && !content.starts_with(&key_wrap::BEGINNING)
}

fn wrap<'b, C: BlockCipher128>(
    wrapper: &PreparedKey<C>,
    plain: &[u8],
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8], Error> {
    let (needed, available) = (key_wrap::wrapped_len(plain.len()), buffer.len());
    if available < needed {
        return Err(ErrorKind::BufferTooSmall { needed, available }.at(available));
    }
    buffer.iter_mut().zip(plain).for_each(|(place, octet)| *place = *octet);
    key_wrap::wrap_in_place(wrapper.cipher(), buffer, plain.len())
}

fn exactly(plain: &[u8], needed: usize) -> Result<Reader<'_>, Error> {
    if plain.len() == needed {
        Ok(Reader::new(plain))
    } else {
        Err(ErrorKind::Truncated { needed, available: plain.len() }.at(0))
    }
}

/// The master key that follows `master`: MK' = AES-CMAC(MK, z1). `z1` are the random octets that were sent for it; how
/// many is not published, sixteen are as many as the key has.
///
/// ```
/// use oms_security::key::{Aes, Key, PreparedKey};
/// use oms_security::security_information::changed_master_key;
/// // RFC 4493, example 2.
/// let master = PreparedKey::<Aes>::new(&"2B7E151628AED2A6ABF7158809CF4F3C".parse::<Key>().unwrap());
/// let z1 = *b"\x6B\xC1\xBE\xE2\x2E\x40\x9F\x96\xE9\x3D\x7E\x11\x73\x93\x17\x2A";
/// let expected: Key = "070A16B46B4D4144F79BDD9DD04A287C".parse().unwrap();
/// assert_eq!(changed_master_key(&master, &z1).octets(), expected.octets());
/// ```
#[must_use]
pub fn changed_master_key<C: BlockCipher128>(master: &PreparedKey<C>, z1: &[u8]) -> Key {
    Key::new(*cmac(master, &[z1]))
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use crate::key::Aes;
    use cipher::BlockCipherDecrypt;
    use std::format;

    fn wrapper() -> PreparedKey<Aes> {
        PreparedKey::new(&Key::new([0x31; 16]))
    }
    fn transfer() -> KeyTransfer {
        let target_time = TargetTime([1, 2, 3, 4, 0x30]);
        KeyTransfer { key: Key::new([0xAB; 16]), target_time, purpose: KeyPurpose::MASTER, version: 9 }
    }

    #[test]
    fn a_key_travels_and_leaves_no_trace() {
        let mut content = [0xEE; 40];
        let wrapped = transfer().wrap_into(&wrapper(), &mut content).unwrap();
        assert_eq!(wrapped.len(), 32);
        let received = KeyTransfer::unwrap(&wrapper(), wrapped).unwrap();
        assert_eq!(received.key.octets(), &[0xAB; 16]);
        assert_eq!(
            (received.target_time, received.purpose, received.version),
            (TargetTime([1, 2, 3, 4, 0x30]), KeyPurpose::MASTER, 9)
        );
        assert!(content[..32].iter().all(|octet| *octet == 0));
        assert!(!format!("{received:?}{received:#?}").to_uppercase().contains("AB"));
    }

    #[test]
    fn the_printed_beginnings() {
        // Annex F prints 23 octets behind A65959A6 00000017, and ten behind A65959A6 0000000A. Ten octets need two
        // groups and one for the beginning: seen when the last round is undone by hand.
        let activation = KeyActivation {
            target_time: TargetTime::NOW,
            activate: (KeyPurpose::CLOCK_SET, 2),
            deactivate: (KeyPurpose::CLOCK_SET, 1),
            option: 0,
        };
        for (content, len, expected) in [
            (transfer().wrap_into(&wrapper(), &mut [0; 40]).unwrap().to_vec(), 32, 0x17),
            (activation.wrap_into(&wrapper(), &mut [0; 40]).unwrap().to_vec(), 24, 0x0A),
        ] {
            assert_eq!(content.len(), len);
            let mut groups: std::vec::Vec<[u8; 8]> =
                content.chunks(8).map(|group| group.try_into().unwrap()).collect();
            let last = groups.len() as u64 - 1;
            for step in (1..=6 * last).rev() {
                let n = ((step - 1) % last + 1) as usize;
                let a = u64::from_be_bytes(groups[0]) ^ step;
                let mut block = [a.to_be_bytes(), groups[n]].concat();
                let mut array = cipher::array::Array::try_from(&block[..]).unwrap();
                wrapper().cipher().decrypt_block(&mut array);
                block.copy_from_slice(&array);
                (groups[0], groups[n]) = (block[..8].try_into().unwrap(), block[8..].try_into().unwrap());
            }
            assert_eq!(groups[0], [0xA6, 0x59, 0x59, 0xA6, 0, 0, 0, expected]);
        }
        let mut content = [0; 24];
        activation.wrap_into(&wrapper(), &mut content).unwrap();
        assert_eq!(KeyActivation::unwrap(&wrapper(), &mut content).unwrap(), activation);
    }

    #[test]
    fn another_wrapper_key_or_a_changed_octet_gives_nothing() {
        let wrong = PreparedKey::<Aes>::new(&Key::new([0x32; 16]));
        let mut content = [0; 32];
        transfer().wrap_into(&wrapper(), &mut content).unwrap();
        let sent = content;
        assert_eq!(KeyTransfer::unwrap(&wrong, &mut content).unwrap_err().kind, ErrorKind::Wrap);
        assert_eq!(content, [0; 32]);
        for bit in 0..256 {
            let mut content = sent;
            content[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(KeyTransfer::unwrap(&wrapper(), &mut content).unwrap_err().kind, ErrorKind::Wrap);
        }
        // A whole wrap of the other structure is not this one.
        let mut other = sent;
        let error = KeyActivation::unwrap(&wrapper(), &mut other).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated { needed: 10, available: 23 });
        assert_eq!(other, [0; 32], "the key of the other structure stayed in the buffer");
    }

    #[test]
    fn every_buffer_size() {
        for size in 0..KeyTransfer::WRAPPED_LEN {
            let error = transfer().wrap_into(&wrapper(), &mut [0; 40][..size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 32, available: size });
            let error = KeyTransfer::unwrap(&wrapper(), &mut [0; 40][..size]).unwrap_err();
            assert!(matches!(error.kind.name(), "truncated" | "wrap"), "{size}");
        }
    }
}
