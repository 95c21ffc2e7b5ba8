//! The deprecated modes 2, 3 (DES) and 4 (AES-128), with feature `legacy`: to read old meters.
//!
//! ```text
//! mode 2   DES-CBC      IV = 00 x 8                              CF low octet: octets enciphered
//! mode 3   DES-CBC      IV = ID(4) M(2) | date of type G(2)      CF low octet: octets enciphered
//! mode 4   AES-128-CBC  IV = 00 x 16                             CF bits 7 to 4: blocks enciphered
//! ```
//!
//! EN 13757-3:2013, 6.6. All begin with 2F 2F when deciphered. The date of mode 3 is the day of transmission,
//! which is not in the telegram: the key provider gives it. The check octets do not see it: a wrong day opens
//! all the same and damages octets 7 and 8 of the body and no others. That the vector of mode 3 is made of
//! identification number, manufacturer and date rests on one public source. In mode 4 the low octet is read
//! as a number of blocks in its upper four bits, which is at the same time the number of octets. DES is broken
//! by trying all keys and none of these modes authenticates: what they open is [`Found::Deciphered`] and
//! nothing more. Invariant: a key that does not fit leaves the octets as they were.
//!
//! The functions that seal are legacy and broken, for tests and for simulators of old meters: no meter and no gateway
//! is to be built with them. Nothing else in this library calls them, and no builder of telegrams makes these modes.

use core::fmt;

use cipher::array::Array;
use cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use des::Des;
use mbus_link::Address;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::key::{BlockCipher128, KeyProvider, MAX_CANDIDATES, PreparedKey};
use crate::mode::SecurityMode;
use crate::mode5::{self, BLOCK};
use crate::sealed::{Found, Keys, Opening, Plausible, SecurityContext, none_fits, request};
use crate::{Error, ErrorKind};

/// Octets of a block of DES.
pub const DES_BLOCK: usize = 8;

/// A DES key with its schedule computed: eight octets, the lowest bit of each is parity and not looked at.
#[derive(Clone)]
pub struct DesKey(Des);

impl DesKey {
    /// Prepares a key.
    #[must_use]
    pub fn new(mut octets: [u8; 8]) -> Self {
        let key = Self(Des::new((&octets).into()));
        octets.zeroize();
        key
    }
}

impl ZeroizeOnDrop for DesKey {}

/// Never the key itself.
impl fmt::Debug for DesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DesKey(..)")
    }
}

/// What to try on a message of mode 2 or 3.
#[derive(Clone, Copy, Debug)]
pub struct DesCandidate<'k> {
    /// The key.
    pub key: &'k DesKey,
    /// Mode 3: the day on which the message was sent, of type G, as in a record; 2F 2F does not check it. Mode 2:
    /// not looked at.
    pub day: [u8; 2],
}

/// The initialisation vector of mode 3.
#[must_use]
pub const fn initialisation_vector(meter: Address, day: [u8; 2]) -> [u8; DES_BLOCK] {
    let [a, b, c, d, e, f, _, _] = meter.to_transport_octets();
    let [g, h] = day;
    [a, b, c, d, e, f, g, h]
}

/// The initialisation vector of modes 2 and 3.
const fn vector(context: &SecurityContext, day: [u8; 2]) -> [u8; DES_BLOCK] {
    match context.configuration.mode() {
        SecurityMode::DES_CBC => [0; DES_BLOCK],
        _ => initialisation_vector(context.meter, day),
    }
}

/// Deciphers whole blocks in place; false, and nothing changed, when they do not begin with 2F 2F then.
fn decipher(key: &DesKey, vector: [u8; DES_BLOCK], octets: &mut [u8]) -> bool {
    let (blocks, rest) = Array::<u8, cipher::consts::U8>::slice_as_chunks_mut(octets);
    let Some(first) = blocks.first() else { return false };
    let mut probe = [*first];
    cbc::Decryptor::<&Des>::inner_iv_init(&key.0, &vector.into()).decrypt_blocks(&mut probe);
    let [probe] = probe;
    if !probe.as_slice().starts_with(&mode5::CHECK) || !rest.is_empty() {
        return false;
    }
    cbc::Decryptor::<&Des>::inner_iv_init(&key.0, &vector.into()).decrypt_blocks(blocks);
    true
}

/// The first `len` octets of the body.
fn enciphered_part(
    message: &mut [u8],
    body: usize,
    announced: usize,
    block: usize,
) -> Result<&mut [u8], ErrorKind> {
    let octets = message.get_mut(body..).unwrap_or_default();
    let available = octets.len();
    if announced.checked_rem(block) != Some(0) {
        return Err(ErrorKind::UnsupportedField { field: "a length that is no whole number of blocks" });
    }
    octets.get_mut(..announced).ok_or(ErrorKind::CiphertextTruncated { announced, available })
}

/// Modes 2 and 3, see [`crate::sealed::open`].
pub(crate) fn open_des<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
) -> Result<Opening, Error> {
    let announced = usize::from(context.configuration.encrypted_octets().unwrap_or_default());
    let octets = enciphered_part(message, body, announced, DES_BLOCK).map_err(|kind| kind.at(body))?;
    if octets.is_empty() {
        return Ok(Opening::CLEAR);
    }
    let request = request(context, None);
    let mut tried = 0usize;
    for candidate in (0..MAX_CANDIDATES).map_while(|n| keys.des_candidate(&request, n)) {
        if decipher(candidate.key, vector(context, candidate.day), octets) {
            return Ok(Opening { found: Found::Deciphered, enciphered: announced, ..Opening::CLEAR });
        }
        tried = tried.saturating_add(1);
    }
    if octets.starts_with(&mode5::CHECK) {
        return Ok(Opening { found: Found::ClearUnannounced, ..Opening::CLEAR });
    }
    Err(none_fits(tried, ErrorKind::CheckOctets { tried }).at(body))
}

/// Mode 4, see [`crate::sealed::open`].
pub(crate) fn open_aes<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: Keys<'_, P>,
    plausible: Plausible<'_>,
) -> Result<Opening, Error> {
    let announced = usize::from(context.configuration.encrypted_octets().unwrap_or_default() & 0xF0);
    let octets = enciphered_part(message, body, announced, BLOCK).map_err(|kind| kind.at(body))?;
    let len = octets.len();
    mode5::open_blocks(context, (octets, len), [0; BLOCK], keys, plausible).map_err(|kind| kind.at(body))
}

/// The octets to encipher, which must begin with 2F 2F.
fn plain_part<'m>(
    context: &SecurityContext,
    message: &'m mut [u8],
    body: usize,
    (mask, block): (u8, usize),
) -> Result<&'m mut [u8], Error> {
    let announced = usize::from(context.configuration.encrypted_octets().unwrap_or_default() & mask);
    let octets = enciphered_part(message, body, announced, block).map_err(|kind| kind.at(body))?;
    if !octets.is_empty() && !octets.starts_with(&mode5::CHECK) {
        return Err(ErrorKind::CheckOctets { tried: 0 }.at(body));
    }
    Ok(octets)
}

/// Seals a message of mode 2 or 3 in place. **Legacy and broken: for tests and for simulators of old meters.** Anybody
/// can find the key of DES, and anybody can change what it enciphers. Of `with`, mode 2 looks at the key only.
///
/// # Errors
/// [`ErrorKind::UnsupportedMode`] for another mode; [`ErrorKind::UnsupportedField`] when the octets announced are no
/// whole number of blocks; [`ErrorKind::CiphertextTruncated`]; [`ErrorKind::CheckOctets`] when the body does not begin
/// with 2F 2F. The message is as it was then.
pub fn seal_broken_des(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    with: DesCandidate<'_>,
) -> Result<(), Error> {
    match context.configuration.mode() {
        SecurityMode::DES_CBC | SecurityMode::DES_CBC_IV => {}
        mode => return Err(ErrorKind::UnsupportedMode { mode }.at(body)),
    }
    let octets = plain_part(context, message, body, (0xFF, DES_BLOCK))?;
    let (blocks, _) = Array::<u8, cipher::consts::U8>::slice_as_chunks_mut(octets);
    let vector = vector(context, with.day);
    cbc::Encryptor::<&Des>::inner_iv_init(&with.key.0, &vector.into()).encrypt_blocks(blocks);
    Ok(())
}

/// Seals a message of mode 4 in place. **Legacy and broken: for tests and for simulators of old meters.** Equal
/// beginnings give equal octets, and anybody can change what it enciphers.
///
/// # Errors
/// As [`seal_broken_des`].
pub fn seal_broken_aes<C: BlockCipher128>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    key: &PreparedKey<C>,
) -> Result<(), Error> {
    match context.configuration.mode() {
        SecurityMode::AES_CBC => {}
        mode => return Err(ErrorKind::UnsupportedMode { mode }.at(body)),
    }
    mode5::encipher(key, [0; BLOCK], plain_part(context, message, body, (0xF0, BLOCK))?);
    Ok(())
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use crate::configuration::Configuration;
    use crate::key::{Aes, Key, KeyRequest, NoKeys};
    use crate::sealed::open;
    use std::format;
    use std::vec::Vec;

    struct Days(DesKey, Vec<[u8; 2]>);

    impl KeyProvider for Days {
        type Cipher = Aes;
        fn candidate(&self, _: &KeyRequest, _: usize) -> Option<&PreparedKey<Aes>> {
            None
        }
        fn des_candidate(&self, _: &KeyRequest, n: usize) -> Option<DesCandidate<'_>> {
            self.1.get(n).map(|day| DesCandidate { key: &self.0, day: *day })
        }
    }

    const KEY: [u8; 8] = [0x13, 0x34, 0x57, 0x79, 0x9B, 0xBC, 0xDF, 0xF1];
    const PLAIN: [u8; 20] = [
        0x2F, 0x2F, 0x0C, 0x13, 0x78, 0x56, 0x34, 0x12, 0x02, 0x6C, 0x7F, 0x3C, 0x2F, 0x2F, 0x2F, 0x2F, 0x01,
        0xFD, 0x17, 0x00,
    ];

    fn context(field: u16) -> SecurityContext {
        let meter = Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
        let configuration = Configuration { field, ..Configuration::default() };
        SecurityContext { meter, access_number: 7, configuration, ..SecurityContext::default() }
    }
    /// A message of mode 2 or 3, sixteen octets of its body enciphered.
    fn sealed(vector: [u8; 8]) -> Vec<u8> {
        let mut message = [&[0x7A, 7, 0, 0x10, 0x02][..], &PLAIN].concat();
        let (blocks, _) = Array::<u8, cipher::consts::U8>::slice_as_chunks_mut(&mut message[5..21]);
        cbc::Encryptor::<Des>::inner_iv_init(DesKey::new(KEY).0, &vector.into()).encrypt_blocks(blocks);
        message
    }

    #[test]
    fn printed_des() {
        // The worked example of DES that textbooks print: one block, key 133457799BBCDFF1.
        let mut block = [0x85, 0xE8, 0x13, 0x54, 0x0F, 0x0A, 0xB4, 0x05];
        let (blocks, _) = Array::<u8, cipher::consts::U8>::slice_as_chunks_mut(&mut block);
        cbc::Decryptor::<Des>::inner_iv_init(DesKey::new(KEY).0, &[0; 8].into()).decrypt_blocks(blocks);
        assert_eq!(block, [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF]);
    }

    #[test]
    fn sealing_gives_the_same_octets_as_a_cipher_beside_it() {
        let key = DesKey::new(KEY);
        let day = [0xB5, 0x3B];
        for (field, vector) in [(0x0210, [0; 8]), (0x0310, initialisation_vector(context(0).meter, day))] {
            let mut message = [&[0x7A, 7, 0, 0x10, 0x02][..], &PLAIN].concat();
            seal_broken_des(&context(field), &mut message, 5, DesCandidate { key: &key, day }).unwrap();
            assert_eq!(message, sealed(vector));
        }
    }

    #[test]
    fn mode_2_opens() {
        let message = sealed([0; 8]);
        let keys = Days(DesKey::new(KEY), [[0, 0]].into());
        let mut octets = message.clone();
        let opening = open(&context(0x0210), &mut octets, 5, &keys).unwrap();
        assert_eq!(
            (opening.found, opening.enciphered, opening.authenticated),
            (Found::Deciphered, 16, false)
        );
        assert_eq!(octets[5..], PLAIN);
        let again = open(&context(0x0210), &mut octets, 5, &NoKeys).unwrap();
        assert_eq!(again.found, Found::ClearUnannounced);
        assert_eq!(open(&context(0x0200), &mut octets, 5, &keys).unwrap().found, Found::Clear);
    }

    #[test]
    fn mode_3_needs_the_day() {
        // 21 November 2029 of type G.
        let day = [0xB5, 0x3B];
        let message = sealed(initialisation_vector(context(0).meter, day));
        let mut octets = message.clone();
        let keys = Days(DesKey::new(KEY), [day].into());
        assert_eq!(open(&context(0x0310), &mut octets, 5, &keys).unwrap().found, Found::Deciphered);
        assert_eq!(octets[5..], PLAIN);
        // The day before: two octets are wrong, and the check octets do not tell.
        let mut octets = message.clone();
        let keys = Days(DesKey::new(KEY), [[0xB4, 0x3B]].into());
        assert_eq!(open(&context(0x0310), &mut octets, 5, &keys).unwrap().found, Found::Deciphered);
        let wrong: Vec<_> = (0..PLAIN.len()).filter(|n| octets[5 + n] != PLAIN[*n]).collect();
        assert_eq!(wrong, [6]);
        // Another meter: the vector begins with its identification number.
        let mut stranger = context(0x0310);
        stranger.meter = Address::from_link_octets([0x93, 0x15, 0x79, 0x56, 0x34, 0x12, 0x33, 0x03]);
        let mut octets = message.clone();
        let error = open(&stranger, &mut octets, 5, &keys).unwrap_err();
        assert_eq!((error.kind, octets), (ErrorKind::CheckOctets { tried: 1 }, message));
    }

    #[test]
    fn mode_4_is_aes_with_a_vector_of_zeros() {
        let key = PreparedKey::<Aes>::new(&Key::new([0x42; 16]));
        for (field, available) in [(0x0410, 20), (0x0413, 20), (0xE410, 16)] {
            let mut message = [&[0x7A, 7, 0, 0x10, 0x04][..], &PLAIN[..available]].concat();
            let mut by_hand = message.clone();
            mode5::encipher(&key, [0; BLOCK], &mut by_hand[5..21]);
            seal_broken_aes(&context(field), &mut message, 5, &key).unwrap();
            assert_eq!(message, by_hand);
            let sealed = message.clone();
            let opening = open(&context(field), &mut message, 5, &key).unwrap();
            assert_eq!((opening.found, opening.enciphered), (Found::Deciphered, 16));
            assert_eq!(message[5..], PLAIN[..available]);
            let mut octets = sealed.clone();
            let wrong = PreparedKey::<Aes>::new(&Key::new([0; 16]));
            let error = open(&context(field), &mut octets, 5, &wrong).unwrap_err();
            assert_eq!((error.kind, octets), (ErrorKind::CheckOctets { tried: 1 }, sealed));
        }
    }

    #[test]
    fn refusals() {
        let mut message = sealed([0; 8]);
        let keys = Days(DesKey::new(KEY), [[0, 0]].into());
        let mut kind = |field, keys: &Days| open(&context(field), &mut message, 5, keys).unwrap_err().kind;
        assert_eq!(kind(0x0218, &keys), ErrorKind::CiphertextTruncated { announced: 24, available: 20 });
        assert_eq!(kind(0x0211, &keys).name(), "unsupported_field");
        assert_eq!(kind(0x0420, &keys), ErrorKind::CiphertextTruncated { announced: 32, available: 20 });
        assert_eq!(kind(0x0210, &Days(DesKey::new(KEY), Vec::new())), ErrorKind::KeyMissing);
        assert_eq!(kind(0x0210, &Days(DesKey::new([0xFE; 8]), [[0, 0]].into())).name(), "check_octets");
        let des = DesKey::new(KEY);
        let with = DesCandidate { key: &des, day: [0, 0] };
        let aes = PreparedKey::<Aes>::new(&Key::new([1; 16]));
        for (field, octet, name) in [
            (0x0218, 0x2F, "ciphertext_truncated"),
            (0x0311, 0x2F, "unsupported_field"),
            (0x0210, 0x2E, "check_octets"),
            (0x0410, 0x2F, "unsupported_mode"),
            (0x0510, 0x2F, "unsupported_mode"),
        ] {
            let mut octets = [octet; 21];
            let error = seal_broken_des(&context(field), &mut octets, 5, with).unwrap_err();
            assert_eq!((error.kind.name(), octets), (name, [octet; 21]), "{field:04X}");
        }
        for (field, octet, name) in [
            (0x0420, 0x2F, "ciphertext_truncated"),
            (0x0410, 0x2E, "check_octets"),
            (0x0210, 0x2F, "unsupported_mode"),
        ] {
            let mut octets = [octet; 21];
            let error = seal_broken_aes(&context(field), &mut octets, 5, &aes).unwrap_err();
            assert_eq!((error.kind.name(), octets), (name, [octet; 21]), "{field:04X}");
        }
        for mode in [0x0210, 0x0310, 0x0410] {
            let key = PreparedKey::<Aes>::new(&Key::new([1; 16]));
            let mut octets = [0x2F; 21];
            let error = crate::sealed::seal(&context(mode), &mut octets, 5, &key).unwrap_err();
            assert_eq!(error.kind.name(), "unsupported_mode");
        }
        assert_eq!(format!("{keys:?}", keys = keys.0), "DesKey(..)");
    }
}
