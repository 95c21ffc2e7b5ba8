//! Mode 10, profile D: AES-128-CCM with a derived key and a tag, of eight octets in OMS.
//!
//! ```text
//! nonce = M(2) ID(4) V T | 00 | C(4, most significant octet first)
//! AAD   = the transport header from CI to CFE, without the counter
//! body  = ciphertext | tag
//! ```
//!
//! EN 13757-7:2018, 7.6.8; verified by OMS Vol. 2 Annex N, N.2.6 and N.5 for telegrams from the meter with a
//! short header. Not published: the ninth octet of the nonce to the meter, whether a key version belongs to the
//! AAD and stands in front of the counter, and the length of tags of other codes than 1. What is likely is
//! tried, and the tag decides. Invariants: the tag is checked before a single octet is given out; a key that
//! does not fit leaves the octets as they were.

use ccm::aead::AeadInOut;
use ccm::consts::{U4, U8, U12, U13, U16};
use ccm::{Ccm, Nonce, TagSize};
use cipher::array::ArraySize;
use cipher::{InnerIvInit, StreamCipher};
use ctr::{Ctr32BE, CtrCore};
use mbus_link::Address;
use subtle::ConstantTimeEq;

use crate::afl::Mac;
use crate::configuration::Configuration;
use crate::key::{BlockCipher128, KeyProvider, PreparedKey};
use crate::mode7::{MessageKey, Purpose, Vouched};
use crate::sealed::{
    Direction, Opening, Reading, SecurityContext, check_key_information, none_fits, readings, request, to_try,
};
use crate::{Error, ErrorKind};

/// Octets of the nonce.
pub const NONCE_LEN: usize = 13;
/// The longest additional data: CI, long header, configuration, key version.
const MAX_HEADER: usize = 1 + 8 + 2 + 4 + 1;

/// The nonce of a message.
#[must_use]
pub const fn nonce(meter: Address, counter: u32) -> [u8; NONCE_LEN] {
    nonce_with(meter, 0, counter)
}

const fn nonce_with(meter: Address, ninth: u8, counter: u32) -> [u8; NONCE_LEN] {
    let [a, b, c, d, e, f, g, h] = meter.to_link_octets();
    let [c0, c1, c2, c3] = counter.to_be_bytes();
    [a, b, c, d, e, f, g, h, ninth, c0, c1, c2, c3]
}

/// The additional data of a message whose body begins at octet `body`: its header without counter and key
/// version.
#[must_use]
pub fn additional_data<'m>(configuration: &Configuration, message: &'m [u8], body: usize) -> &'m [u8] {
    let behind = configuration.encoded_len().saturating_sub(configuration.field_len());
    message.get(..body.saturating_sub(behind)).unwrap_or_default()
}

/// Octets of the tag for a code OO. Only code 1 is published; the others are how another program reads them.
#[must_use]
pub const fn tag_len(code: u8) -> usize {
    match code {
        0 => 4,
        1 => 8,
        2 => 12,
        _ => 16,
    }
}

/// The key stream of the data: the counter blocks 1, 2, 3 ... of CCM with a length field of two octets.
/// False, and nothing changed, for more octets than it has.
fn apply_key_stream<C: BlockCipher128>(
    key: &PreparedKey<C>,
    nonce: [u8; NONCE_LEN],
    octets: &mut [u8],
) -> bool {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m] = nonce;
    let first = [1, a, b, c, d, e, f, g, h, i, j, k, l, m, 0, 1];
    let mut stream = Ctr32BE::<&C>::from_core(CtrCore::inner_iv_init(key.cipher(), &first.into()));
    stream.try_apply_keystream(octets).is_ok()
}

/// Deciphers in place; false, and nothing changed, when the tag does not fit.
///
/// The library's own opening wipes the octets when the tag does not fit, and then no second key could
/// be tried. So the plaintext is made, sealed again, which gives the tag and the octets as sent, and only
/// when the tag fits it is made for good.
fn decipher<C: BlockCipher128>(
    key: &PreparedKey<C>,
    nonce: [u8; NONCE_LEN],
    header: &[u8],
    octets: &mut [u8],
    tag: Mac,
) -> bool {
    if !apply_key_stream(key, nonce, octets) {
        return false;
    }
    let fits = match encipher(key, nonce, header, octets, tag.octets().len()) {
        Some(computed) => computed.octets().ct_eq(tag.octets()).into(),
        None => {
            apply_key_stream(key, nonce, octets);
            return false;
        }
    };
    if fits {
        apply_key_stream(key, nonce, octets);
    }
    fits
}

/// Enciphers in place and gives the tag; `None`, and nothing changed, when the message is too long for the
/// mode (65 535 octets).
fn encipher<C: BlockCipher128>(
    key: &PreparedKey<C>,
    nonce: [u8; NONCE_LEN],
    header: &[u8],
    octets: &mut [u8],
    tag_len: usize,
) -> Option<Mac> {
    match tag_len {
        4 => encipher_with::<C, U4>(key, nonce, header, octets),
        8 => encipher_with::<C, U8>(key, nonce, header, octets),
        12 => encipher_with::<C, U12>(key, nonce, header, octets),
        _ => encipher_with::<C, U16>(key, nonce, header, octets),
    }
}

fn encipher_with<C: BlockCipher128, T: TagSize + ArraySize>(
    key: &PreparedKey<C>,
    nonce: [u8; NONCE_LEN],
    header: &[u8],
    octets: &mut [u8],
) -> Option<Mac> {
    let ccm = Ccm::<&C, T, U13>::from(key.cipher());
    let tag = ccm.encrypt_inout_detached(&Nonce::from(nonce), header, octets.into()).ok()?;
    Mac::new(tag.as_slice())
}

/// Applies the key stream of a key to the enciphered octets of a message, whatever the tag, and gives them out: for the
/// diagnosis alone, which shows them to nobody and applies it once more.
pub(crate) fn apply_unverified<'m, C: BlockCipher128>(
    context: &SecurityContext,
    key: &PreparedKey<C>,
    message: &'m mut [u8],
    body: usize,
) -> Option<&'m [u8]> {
    let [reading, ..] = readings(context).ok()?;
    let reading = reading?;
    let parts = Parts::cut(&context.configuration, message, body).ok()?;
    let message_key = MessageKey::new(key, context, &reading, Purpose::Encryption);
    let nonce = nonce(context.meter, reading.counter);
    apply_key_stream(message_key.key(), nonce, parts.octets).then_some(&*parts.octets)
}

/// A message cut into header, ciphertext and tag.
struct Parts<'m> {
    header: &'m [u8],
    octets: &'m mut [u8],
    tag: &'m mut [u8],
}

impl<'m> Parts<'m> {
    fn cut(configuration: &Configuration, message: &'m mut [u8], body: usize) -> Result<Self, ErrorKind> {
        let tag_len = tag_len(configuration.tag_code().unwrap_or_default());
        let available = message.len().saturating_sub(body);
        let truncated = ErrorKind::CiphertextTruncated { announced: tag_len, available };
        let len = available.checked_sub(tag_len).ok_or(truncated)?;
        match configuration.encrypted_octets().map(usize::from) {
            Some(announced) if announced != 255 && announced > len => {
                return Err(ErrorKind::CiphertextTruncated { announced, available: len });
            }
            Some(announced) if announced < len && announced != 255 => {
                return Err(ErrorKind::UnsupportedField { field: "partial encryption" });
            }
            _ => {}
        }
        let (header, octets) = message.split_at_mut_checked(body).ok_or(truncated)?;
        let (octets, tag) = octets.split_at_mut_checked(len).ok_or(truncated)?;
        Ok(Self { header, octets, tag })
    }
}

/// See [`crate::sealed::open`]. `vouched`: what a MAC in the AFL says, which then has to be true of the tag as well.
pub(crate) fn open<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
    vouched: Option<Vouched<'_, P>>,
) -> Result<Opening, Error> {
    open_parts(context, message, body, keys, vouched).map_err(|kind| kind.at(body))
}

fn open_parts<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: &P,
    vouched: Option<Vouched<'_, P>>,
) -> Result<Opening, ErrorKind> {
    let configuration = &context.configuration;
    let all = match vouched {
        Some((_, reading, _)) => [Some(reading), None, None, None],
        None => {
            // The tag covers nothing of the AFL, which anybody could have put there: it must make sense by itself.
            let afl = context.afl.unwrap_or_default();
            afl.known_layout()?;
            afl.check_message_control()?;
            check_key_information(context)?;
            readings(context)?
        }
    };
    let parts = Parts::cut(configuration, message, body)?;
    let tag = Mac::new(parts.tag).unwrap_or_default();
    let header = additional_data(configuration, parts.header, parts.header.len());
    let mut most = 0usize;
    for reading in all.into_iter().flatten() {
        let mut tried = 0usize;
        let request = request(context, reading.version);
        for key in to_try((keys, vouched.map(|(key, ..)| key)), &request) {
            if open_with(context, key, &reading, header, parts.octets, tag) {
                let lengths = (parts.octets.len(), tag.octets().len());
                return Ok(Opening::verified(context, key, reading, tag, lengths));
            }
            tried = tried.saturating_add(1);
        }
        most = most.max(tried);
    }
    Err(none_fits(most, ErrorKind::Tag { tried: most }))
}

/// Tries one key with everything that is not published; false, and nothing changed, when nothing fits.
fn open_with<C: BlockCipher128>(
    context: &SecurityContext,
    key: &PreparedKey<C>,
    reading: &Reading,
    header: &[u8],
    octets: &mut [u8],
    tag: Mac,
) -> bool {
    let message_key = MessageKey::new(key, context, reading, Purpose::Encryption);
    let (with_version, len) = append(header, reading.version);
    let with_version = with_version.get(..len).unwrap_or_default();
    let headers = [reading.version.map(|_| with_version), Some(header)];
    let ninths: &[u8] = if context.direction == Direction::ToMeter { &[0x00, 0x10] } else { &[0x00] };
    for additional in headers.into_iter().flatten() {
        for ninth in ninths {
            let nonce = nonce_with(context.meter, *ninth, reading.counter);
            if decipher(message_key.key(), nonce, additional, octets, tag) {
                return true;
            }
        }
    }
    false
}

/// The header with the key version behind it, and its length.
fn append(header: &[u8], version: Option<u8>) -> ([u8; MAX_HEADER], usize) {
    let mut octets = [0; MAX_HEADER];
    octets.iter_mut().zip(header.iter().chain(&version)).for_each(|(place, octet)| *place = *octet);
    (octets, header.len().saturating_add(1).min(MAX_HEADER))
}

/// See [`crate::sealed::seal`].
pub(crate) fn seal<C: BlockCipher128>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    key: &PreparedKey<C>,
) -> Result<(), Error> {
    let configuration = &context.configuration;
    let at = |kind: ErrorKind| kind.at(body);
    if configuration.announces_key_version() {
        return Err(at(ErrorKind::UnsupportedField { field: "the key version" }));
    }
    let [reading, ..] = readings(context).map_err(at)?;
    let reading = reading.filter(|reading| reading.derived);
    let reading = reading.ok_or(at(ErrorKind::UnsupportedField { field: "the key derivation" }))?;
    let parts = Parts::cut(configuration, message, body).map_err(at)?;
    let header = additional_data(configuration, parts.header, parts.header.len());
    let message_key = MessageKey::new(key, context, &reading, Purpose::Encryption);
    let nonce = nonce(context.meter, reading.counter);
    let length = parts.octets.len();
    let tag = encipher(message_key.key(), nonce, header, parts.octets, parts.tag.len())
        .ok_or(at(ErrorKind::TooLong { length, limit: 65_535 }))?;
    parts.tag.iter_mut().zip(tag.octets()).for_each(|(place, octet)| *place = *octet);
    Ok(())
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use crate::key::{Aes, Key};
    use ccm::consts::{U6, U7};

    #[test]
    fn printed_ccm() {
        // NIST SP 800-38C, examples 1 to 3. Their nonces have 7, 8 and 12 octets, that of mode 10 has 13: the
        // examples test the crate below and how it is used.
        let key = PreparedKey::<Aes>::new(&Key::new(core::array::from_fn(|n| 0x40 + n as u8)));
        let plain: [u8; 24] = core::array::from_fn(|n| 0x20 + n as u8);
        let header: [u8; 20] = core::array::from_fn(|n| n as u8);
        let nonce: [u8; 12] = core::array::from_fn(|n| 0x10 + n as u8);
        let mut one = [0; 4];
        one.copy_from_slice(&plain[..4]);
        let seven: [u8; 7] = nonce[..7].try_into().unwrap();
        let tag = Ccm::<&Aes, U4, U7>::from(key.cipher())
            .encrypt_inout_detached(&Nonce::from(seven), &header[..8], (&mut one[..]).into())
            .unwrap();
        assert_eq!((one, tag.as_slice()), ([0x71, 0x62, 0x01, 0x5B], &[0x4D, 0xAC, 0x25, 0x5D][..]));
        let mut two = [0; 16];
        two.copy_from_slice(&plain[..16]);
        let eight: [u8; 8] = nonce[..8].try_into().unwrap();
        let tag = Ccm::<&Aes, U6, U8>::from(key.cipher())
            .encrypt_inout_detached(&Nonce::from(eight), &header[..16], (&mut two[..]).into())
            .unwrap();
        assert_eq!(u128::from_be_bytes(two), 0xD2A1_F0E0_51EA_5F62_081A_7792_073D_593D);
        assert_eq!(tag.as_slice(), [0x1F, 0xC6, 0x4F, 0xBF, 0xAC, 0xCD]);
        let mut three = plain;
        let tag = Ccm::<&Aes, U8, U12>::from(key.cipher())
            .encrypt_inout_detached(&Nonce::from(nonce), &header, (&mut three[..]).into())
            .unwrap();
        assert_eq!(three[..8], 0xE3B2_01A9_F5B7_1A7A_u64.to_be_bytes());
        assert_eq!(three[8..], 0x9B1C_EAEC_CD97_E70B_6176_AAD9_A442_8AA5_u128.to_be_bytes());
        assert_eq!(tag.as_slice(), 0x4843_92FB_C1B0_9951_u64.to_be_bytes());
    }

    /// A message of mode 10 with the octets of the configuration behind `7A 75 00`, sealed with the crate itself.
    fn foreign(
        configuration: &[u8],
        nonce: [u8; 13],
        additional: &[u8],
        key: &PreparedKey<Aes>,
    ) -> std::vec::Vec<u8> {
        let mut octets = *b"\x02\xFD\x17\x00\x00";
        let tag = encipher(key, nonce, additional, &mut octets, 8).unwrap();
        [&[0x7A, 0x75, 0x00], configuration, &octets, tag.octets()].concat()
    }

    #[test]
    fn what_is_not_published_is_left_to_the_tag() {
        let meter = Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
        let master = PreparedKey::<Aes>::new(&Key::new([5; 16]));
        let up = crate::kdf::derive(&master, crate::kdf::DerivationConstant(0x00), 7, meter.identification);
        let down = crate::kdf::derive(&master, crate::kdf::DerivationConstant(0x10), 7, meter.identification);
        let (up, down) = (PreparedKey::<Aes>::new(&up), PreparedKey::<Aes>::new(&down));
        let header = [0x7A, 0x75, 0x00, 0xFF, 0x2A, 0x50, 0x01];
        let with_version = [0x7A, 0x75, 0x00, 0xFF, 0x2A, 0x50, 0x01, 9];
        let (counter_first, version_first) = ([7, 0, 0, 0, 9], [9, 7, 0, 0, 0]);
        let undivided = [0x7A, 0x75, 0x00, 0xFF, 0x2A, 0x00, 0x01];
        let nonce = |ninth| nonce_with(meter, ninth, 7);
        let front = [0xFF, 0x2A, 0x50, 0x01];
        let behind = |tail: &[u8]| [&front[..], tail].concat();
        // The number: the octet of a key version that no tag covers, and that starts no other count.
        for (message, direction, uncovered) in [
            // The key version behind the counter or in front of it, in the additional data or not.
            (foreign(&behind(&counter_first), nonce(0), &header, &up), Direction::FromMeter, 11),
            (foreign(&behind(&counter_first), nonce(0), &with_version, &up), Direction::FromMeter, 99),
            (foreign(&behind(&version_first), nonce(0), &header, &up), Direction::FromMeter, 7),
            (foreign(&behind(&version_first), nonce(0), &with_version, &up), Direction::FromMeter, 99),
            // The ninth octet of the nonce to the meter.
            (foreign(&behind(&counter_first), nonce(0), &header, &down), Direction::ToMeter, 11),
            (foreign(&behind(&counter_first), nonce(0x10), &with_version, &down), Direction::ToMeter, 99),
            // No derivation.
            (
                foreign(&[0xFF, 0x2A, 0x00, 0x01, 7, 0, 0, 0], nonce(0), &undivided, &master),
                Direction::FromMeter,
                99,
            ),
        ] {
            let (configuration, rest) = Configuration::parse_prefix(&message[3..]).unwrap();
            let body = message.len() - rest.len();
            let context = SecurityContext { meter, access_number: 0x75, direction, configuration, afl: None };
            let mut octets = message.clone();
            let opening = crate::sealed::open(&context, &mut octets, body, &master).unwrap();
            assert_eq!(octets[body..][..5], *b"\x02\xFD\x17\x00\x00");
            let used = opening.counter.unwrap();
            assert_eq!((used.counter, opening.authenticated), (7, true));
            for bit in 0..message.len() * 8 {
                let mut octets = message.clone();
                octets[bit / 8] ^= 1 << (bit % 8);
                let Ok((configuration, _)) = Configuration::parse_prefix(&octets[3..]) else { continue };
                let context = SecurityContext { configuration, ..context };
                let changed = crate::sealed::open(&context, &mut octets, body, &master);
                if bit / 8 == uncovered {
                    assert_eq!(changed.unwrap().counter, Some(used), "bit {bit}");
                } else {
                    assert!(changed.is_err(), "bit {bit}");
                }
            }
            // Nobody knows how to write them.
            if configuration.announces_key_version() {
                let error = crate::sealed::seal(&context, &mut octets, body, &master).unwrap_err();
                assert_eq!(error.kind, ErrorKind::UnsupportedField { field: "the key version" });
            }
        }
    }
}
