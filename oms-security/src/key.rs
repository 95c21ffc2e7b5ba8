//! Keys, prepared keys, and where they come from.
//!
//! Invariants: a key is wiped when it is dropped, has no `PartialEq`, and prints as `Key(..)`. The key
//! schedule is computed once, when a [`PreparedKey`] is made, and not for every telegram. The block
//! cipher is generic over the RustCrypto traits, so that the AES engine of a microcontroller plugs in.
//! The store is the caller's: nothing here keeps a key of its own accord.

use core::fmt;
use core::str::FromStr;

use cipher::consts::U16;
use cipher::{
    BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
    KeyInit, KeySizeUser,
};
use mbus_link::{Address, DeviceType, IdentificationNumber, ManufacturerId, Version};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::mode::SecurityMode;

/// A block cipher with the shape of AES-128, both ways: everything that implements the RustCrypto traits.
pub trait BlockCipher128: BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> {
    /// The same cipher with another key, such as one derived from it.
    #[must_use]
    fn rekeyed(&self, key: &Key) -> Self;
}

impl<C> BlockCipher128 for C
where
    C: BlockCipherEncrypt
        + BlockCipherDecrypt
        + BlockSizeUser<BlockSize = U16>
        + KeyInit
        + KeySizeUser<KeySize = U16>,
{
    fn rekeyed(&self, key: &Key) -> Self {
        // By reference: a copy of the key would stay on the stack.
        Self::new((&key.0).into())
    }
}

/// The cipher of [`NoKeys`]. There is no value of it, so a program that has no keys carries no cipher.
#[derive(Clone, Copy, Debug)]
pub enum NoCipher {}

impl BlockSizeUser for NoCipher {
    type BlockSize = U16;
}
impl BlockCipherEncrypt for NoCipher {
    fn encrypt_with_backend(&self, _: impl BlockCipherEncClosure<BlockSize = U16>) {
        match *self {}
    }
}
impl BlockCipherDecrypt for NoCipher {
    fn decrypt_with_backend(&self, _: impl BlockCipherDecClosure<BlockSize = U16>) {
        match *self {}
    }
}
impl BlockCipher128 for NoCipher {
    fn rekeyed(&self, _: &Key) -> Self {
        match *self {}
    }
}

/// The software AES-128, or AES-NI and ARMv8 instructions where the machine has them.
#[cfg(feature = "aes")]
pub type Aes = aes::Aes128;

/// An AES-128 key.
#[derive(Clone)]
pub struct Key([u8; 16]);

impl Key {
    /// The key of these octets, first octet first, as vendors print it.
    #[must_use]
    pub const fn new(octets: [u8; 16]) -> Self {
        Self(octets)
    }
    /// The octets. Handle with care.
    #[must_use]
    pub const fn octets(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Key {}

/// Never the key itself.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Key {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Key(..)");
    }
}

/// Text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("expected 32 hex digits")]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParseKeyError;

/// 32 hex digits.
impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ParseKeyError);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| ParseKeyError)
    }
}

/// What tells one key from another without giving it away: eight octets of AES of a constant under the key.
///
/// Safe to keep and to print, as a MAC is: the key cannot be computed from it, only a guess can be tried. The
/// constant is none that a mode of this library enciphers: no counter block of the link layer has other octets than
/// zero at places 13 and 14, and no derivation or MAC enciphers octets that anybody chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KeyIdentity(pub [u8; 8]);

impl KeyIdentity {
    const CONSTANT: [u8; 16] = *b"identity of key\0";
}

/// 16 hex digits.
impl fmt::Display for KeyIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_be_bytes(self.0))
    }
}

/// A key with its schedule computed.
///
/// The schedule is as secret as the key and is wiped when dropped if the cipher does so: [`Aes`] does, and a
/// cipher of one's own should.
#[derive(Clone)]
pub struct PreparedKey<C> {
    cipher: C,
}

impl<C: ZeroizeOnDrop> ZeroizeOnDrop for PreparedKey<C> {}

impl<C: BlockCipher128 + KeyInit + KeySizeUser<KeySize = U16>> PreparedKey<C> {
    /// Prepares a key.
    #[must_use]
    pub fn new(key: &Key) -> Self {
        Self { cipher: C::new((&key.0).into()) }
    }
}

impl<C: BlockCipher128> PreparedKey<C> {
    /// Prepares another key for the same cipher.
    #[must_use]
    pub fn rekeyed(&self, key: &Key) -> Self {
        Self { cipher: self.cipher.rekeyed(key) }
    }
    /// The cipher, keyed.
    #[must_use]
    pub const fn cipher(&self) -> &C {
        &self.cipher
    }
    /// What tells this key from others; costs one block of the cipher.
    ///
    /// ```
    /// use oms_security::key::{Aes, Key, PreparedKey};
    /// let key = |octet| PreparedKey::<Aes>::new(&Key::new([octet; 16]));
    /// assert_eq!(key(1).identity(), key(1).identity());
    /// assert_ne!(key(1).identity(), key(2).identity());
    /// ```
    #[must_use]
    pub fn identity(&self) -> KeyIdentity {
        let mut block = KeyIdentity::CONSTANT.into();
        self.cipher.encrypt_block(&mut block);
        let [a, b, c, d, e, f, g, h, ..]: [u8; 16] = block.into();
        KeyIdentity([a, b, c, d, e, f, g, h])
    }
}

/// Never the key itself.
impl<C> fmt::Debug for PreparedKey<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedKey(..)")
    }
}

/// What a telegram needs a key for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KeyRequest {
    /// The meter, from the long transport header if there is one, else from the link layer.
    pub meter: Address,
    /// The security mode; for the cipher of the extended link layer [`SecurityMode::NONE`].
    pub mode: SecurityMode,
    /// The number of the key, 0 for the master key.
    pub key_id: u8,
    /// The version of the key, where the telegram tells.
    pub key_version: Option<u8>,
}

/// Where keys come from.
///
/// Candidates are asked for one after the other, from `n` = 0 until the answer is `None` or one of them
/// fits, at most [`MAX_CANDIDATES`]. A candidate that does not fit leaves the telegram as it was.
pub trait KeyProvider {
    /// The block cipher of the keys.
    type Cipher: BlockCipher128;
    /// Candidate number `n` for a request.
    fn candidate(&self, request: &KeyRequest, n: usize) -> Option<&PreparedKey<Self::Cipher>>;
    /// Candidate number `n` for a message of the deprecated modes 2 and 3, which use DES. None by itself.
    #[cfg(feature = "legacy")]
    fn des_candidate(&self, request: &KeyRequest, n: usize) -> Option<crate::legacy::DesCandidate<'_>> {
        let _ = (request, n);
        None
    }
    /// True when the caller has a session of TLS with this meter, whose keys are not given out here. Only then records
    /// of mode 13 come without a MAC where OMS demands one outside a session: ask [`crate::mode13`]. No session by
    /// itself.
    fn in_tls_session(&self, request: &KeyRequest) -> bool {
        let _ = request;
        false
    }
}

/// The most keys that are tried on one telegram: the work per telegram is bounded.
pub const MAX_CANDIDATES: usize = 16;

/// The same key for every telegram.
impl<C: BlockCipher128> KeyProvider for PreparedKey<C> {
    type Cipher = C;
    fn candidate(&self, _: &KeyRequest, n: usize) -> Option<&Self> {
        if n == 0 { Some(self) } else { None }
    }
}

impl<P: KeyProvider + ?Sized> KeyProvider for &P {
    type Cipher = P::Cipher;
    fn candidate(&self, request: &KeyRequest, n: usize) -> Option<&PreparedKey<Self::Cipher>> {
        (**self).candidate(request, n)
    }
    #[cfg(feature = "legacy")]
    fn des_candidate(&self, request: &KeyRequest, n: usize) -> Option<crate::legacy::DesCandidate<'_>> {
        (**self).des_candidate(request, n)
    }
    fn in_tls_session(&self, request: &KeyRequest) -> bool {
        (**self).in_tls_session(request)
    }
}

/// No keys at all: every enciphered telegram stays locked.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeys;

impl KeyProvider for NoKeys {
    type Cipher = NoCipher;
    #[inline(always)]
    fn candidate(&self, _: &KeyRequest, _: usize) -> Option<&PreparedKey<NoCipher>> {
        None
    }
}

/// Which meters and which of their keys an entry of a key table is for. `None` fits everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KeySelector {
    /// The manufacturer, compared by its letters: the soft-address bit is not looked at.
    pub manufacturer: Option<ManufacturerId>,
    /// The identification number; a digit F fits every digit.
    pub identification: Option<IdentificationNumber>,
    /// The version of the meter.
    pub version: Option<Version>,
    /// The device type.
    pub device_type: Option<DeviceType>,
    /// The number of the key.
    pub key_id: Option<u8>,
}

impl KeySelector {
    /// True when the key is one for this request.
    #[must_use]
    pub fn fits(&self, request: &KeyRequest) -> bool {
        let letters = |id: ManufacturerId| id.raw() & 0x7FFF;
        self.manufacturer.is_none_or(|m| letters(m) == letters(request.meter.manufacturer))
            && self.identification.is_none_or(|id| id.matches(request.meter.identification))
            && self.version.is_none_or(|version| version == request.meter.version)
            && self.device_type.is_none_or(|kind| kind == request.meter.device_type)
            && self.key_id.is_none_or(|id| id == request.key_id)
    }
    /// How much it says: the digits of the identification number that are none of F, and one for each other field.
    fn precision(&self) -> usize {
        let digits = self.identification.map_or(0, |id| {
            let digits = id.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 0x0F]);
            digits.filter(|digit| *digit < 0x0F).count()
        });
        let fields = [
            self.manufacturer.is_some(),
            self.version.is_some(),
            self.device_type.is_some(),
            self.key_id.is_some(),
        ];
        fields.iter().filter(|is_said| **is_said).count().saturating_add(digits)
    }
}

/// What [`KeySelector::precision`] is at most.
const MOST_PRECISE: usize = 8 + 4;

/// A table of keys. The most precise rows come first, equal ones in the order of the table: however many wildcards
/// there are, the key of a meter's own row is tried. It knows no versions: a key answers for all of them, and the MAC
/// decides.
impl<C: BlockCipher128> KeyProvider for [(KeySelector, PreparedKey<C>)] {
    type Cipher = C;
    fn candidate(&self, request: &KeyRequest, n: usize) -> Option<&PreparedKey<C>> {
        let fits = |(selector, _): &&(KeySelector, PreparedKey<C>)| selector.fits(request);
        let mut fitting = [0usize; MOST_PRECISE + 1];
        for (selector, _) in self.iter().filter(fits) {
            if let Some(count) = fitting.get_mut(selector.precision()) {
                *count = count.saturating_add(1);
            }
        }
        let mut n = n;
        for (precision, count) in fitting.iter().enumerate().rev() {
            match n.checked_sub(*count) {
                Some(behind) => n = behind,
                None => {
                    let mut level =
                        self.iter().filter(fits).filter(|(selector, _)| selector.precision() == precision);
                    return level.nth(n).map(|(_, key)| key);
                }
            }
        }
        None
    }
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use std::format;
    use std::vec::Vec;

    fn request() -> KeyRequest {
        let meter = Address::from_link_octets([0x93, 0x95, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
        KeyRequest { meter, mode: SecurityMode::AES_CBC_IV, key_id: 0, key_version: None }
    }

    #[test]
    fn keys_are_never_printed() {
        let key: Key = "0102030405060708090A0B0C0D0E0F11".parse().unwrap();
        let prepared = PreparedKey::<Aes>::new(&key);
        let table = [(KeySelector::default(), prepared.clone())];
        for text in [format!("{key:?}"), format!("{key:#?}"), format!("{prepared:?}"), format!("{table:?}")] {
            assert!(text.contains("Key(..)"), "{text}");
            assert!(!text.contains("01") && !text.contains(" 1,"), "{text}");
        }
        for text in ["", "00", "0102030405060708090A0B0C0D0E0F1G", "+102030405060708090A0B0C0D0E0F11"] {
            assert_eq!(text.parse::<Key>().map(|_| ()), Err(ParseKeyError));
        }
    }

    #[test]
    fn tables_with_wildcards() {
        let key = PreparedKey::<Aes>::new(&Key::new([1; 16]));
        let fits = |selector: KeySelector| selector.fits(&request());
        assert!(fits(KeySelector::default()));
        assert!(fits(KeySelector { manufacturer: "ELS".parse().ok(), ..KeySelector::default() }));
        assert!(!fits(KeySelector { manufacturer: "ELV".parse().ok(), ..KeySelector::default() }));
        assert!(fits(KeySelector { identification: "1234FFFF".parse().ok(), ..KeySelector::default() }));
        assert!(!fits(KeySelector { identification: "1235FFFF".parse().ok(), ..KeySelector::default() }));
        assert!(!fits(KeySelector { version: Some(Version(1)), ..KeySelector::default() }));
        assert!(!fits(KeySelector { device_type: Some(DeviceType::WATER), ..KeySelector::default() }));
        assert!(!fits(KeySelector { key_id: Some(2), ..KeySelector::default() }));
        let other = KeySelector { key_id: Some(9), ..KeySelector::default() };
        let table: Vec<_> =
            [KeySelector::default(), other, KeySelector::default()].map(|s| (s, key.clone())).into();
        assert!(table.candidate(&request(), 1).is_some());
        assert!(table.candidate(&request(), 2).is_none());
        assert!(NoKeys.candidate(&request(), 0).is_none());
    }

    #[test]
    fn an_exact_key_behind_any_number_of_wildcards() {
        let key = |octet: u8| PreparedKey::<Aes>::new(&Key::new([octet; 16]));
        let address = request().meter;
        let manufacturer = Some(address.manufacturer);
        let exact = KeySelector {
            manufacturer,
            identification: Some(address.identification),
            version: Some(address.version),
            device_type: Some(address.device_type),
            key_id: None,
        };
        let by_number =
            |text: &str| KeySelector { identification: text.parse().ok(), ..KeySelector::default() };
        let mut table = Vec::from([(KeySelector::default(), key(0)), (by_number("1234FFFF"), key(1))]);
        table.extend((0..20).map(|_| (KeySelector { manufacturer, ..KeySelector::default() }, key(2))));
        table.extend([(by_number("12345678"), key(3)), (exact, key(4)), (by_number("12345678"), key(5))]);
        let order: Vec<_> =
            (0..).map_while(|n| table.candidate(&request(), n)).map(PreparedKey::identity).collect();
        let expected: Vec<_> =
            [4, 3, 5, 1].into_iter().chain([2; 20]).chain([0]).map(|n| key(n).identity()).collect();
        assert_eq!(order, expected);
        assert_eq!((exact.precision(), MOST_PRECISE), (11, 12));
    }
}
