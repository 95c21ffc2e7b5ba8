//! Mode 9: AES-128-GCM, as Dutch meters use it. Experimental.
//!
//! ```text
//! CF    00 T MMMMM | U E DD KKKK        T = 1: a tag of twelve octets; U, E: the size of LenU and LenE
//! body  LenE(1|2) LenU(1|2) | counter(4) | LenU clear octets | LenE enciphered octets | tag(12)
//! nonce ID(4) M(2) V T | counter(4)     the address of the meter, whichever way the message goes
//! AAD   CF(2) LenE LenU | clear octets
//! ```
//!
//! Lengths and counter go most significant octet first. The source is the Dutch companion standard (P2, 2022)
//! and one other program; no numeric example is public, and the sources differ in the order of the nonce,
//! in the order of the lengths in the additional data and in whether clear octets belong to them. So there is
//! [`Experimental`], which has to be called by its name: opening tries all readings, and the tag decides;
//! sealing uses the one that the caller names. Invariants: the tag is checked before anything is
//! deciphered; a message without a tag is refused, since nothing could tell a wrong key from the right one;
//! after an error the octets are as they were. How keys are replaced (record 0D FD 19) is not read here: what
//! its tag covers is not public.

use mbus_link::Address;
use mbus_link::octets::{Reader, Writer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::afl::Mac;
use crate::configuration::Configuration;
use crate::count::ProvenCount;
use crate::gcm::{Gcm, NONCE_LEN};
use crate::key::{BlockCipher128, KeyProvider, PreparedKey};
use crate::mode::SecurityMode;
use crate::replay::CounterUse;
use crate::sealed::{SecurityContext, candidates, none_fits, request};
use crate::{Error, ErrorKind};

/// Octets of the tag.
pub const TAG_LEN: usize = 12;
/// Octets of the counter.
const COUNTER_LEN: usize = 4;

/// What the sources differ in. The default is what deployed meters are described to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Variant {
    /// The nonce begins with the manufacturer, as in modes 5 and 10, and not with the identification number.
    pub manufacturer_first: bool,
    /// In the additional data LenU stands in front of LenE.
    pub clear_length_first: bool,
    /// The clear octets are left out of the additional data, so that anybody can change them.
    pub clear_unprotected: bool,
}

impl Variant {
    /// All of them, the likeliest first.
    fn all() -> impl Iterator<Item = Self> {
        (0..8u8).map(|bits| Self {
            manufacturer_first: bits & 1 != 0,
            clear_length_first: bits & 2 != 0,
            clear_unprotected: bits & 4 != 0,
        })
    }
    const fn nonce(self, meter: Address, counter: [u8; COUNTER_LEN]) -> [u8; NONCE_LEN] {
        let [a, b, c, d, e, f, g, h] =
            if self.manufacturer_first { meter.to_link_octets() } else { meter.to_transport_octets() };
        let [i, j, k, l] = counter;
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

/// Opens and seals messages of mode 9.
///
/// Naming this type is how a caller says that he knows what it rests on: [`crate::sealed::open`] refuses mode 9.
///
/// ```
/// use oms_security::configuration::Configuration;
/// use oms_security::key::{Aes, Key, PreparedKey};
/// use oms_security::mode9::Experimental;
/// use oms_security::sealed::SecurityContext;
///
/// let key = PreparedKey::<Aes>::new(&Key::new([9; 16]));
/// let configuration = Configuration { field: 0x2901, ..Configuration::default() };
/// let context = SecurityContext { configuration, ..SecurityContext::default() };
/// let mode9 = Experimental::default();
/// let mut buffer = [0; 40];
/// let body = mode9.seal_into(&context, 7, b"", b"\x04\x13\x01\x02\x03\x04", &key, &mut buffer)?;
/// assert_eq!(body.len(), 2 + 4 + 6 + 12);
/// let opened = mode9.open_in_place(&context, body, &key)?;
/// assert_eq!((opened.counter_use.counter, opened.deciphered), (7, &b"\x04\x13\x01\x02\x03\x04"[..]));
/// # Ok::<(), oms_security::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Experimental {
    /// How to seal. Opening tries all.
    pub variant: Variant,
}

/// A message of mode 9 that was opened; its tag fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened<'m> {
    /// What anybody could read. Protected by the tag unless the variant says otherwise.
    pub clear: &'m [u8],
    /// What was enciphered.
    pub deciphered: &'m [u8],
    /// The reading that fits.
    pub variant: Variant,
    /// The counter, for a replay guard. The meter owns it, both directions share it, and it never wraps; a
    /// meter is described to accept up to 100 more than the last one.
    pub counter_use: CounterUse,
}

/// A body cut into its parts.
struct Parts<'m> {
    /// LenE and LenU as sent.
    lengths: [&'m [u8]; 2],
    counter: [u8; COUNTER_LEN],
    clear: &'m [u8],
    enciphered: &'m [u8],
    tag: [u8; TAG_LEN],
    /// Octets in front of the enciphered ones.
    front: usize,
}

/// Octets of a length field.
const fn length_size(configuration: &Configuration, bit: u16) -> usize {
    if configuration.field & bit != 0 { 2 } else { 1 }
}
const LENGTH_OF_CLEAR: u16 = 0x80;
const LENGTH_OF_ENCIPHERED: u16 = 0x40;
const TAG: u16 = 0x2000;

fn number(octets: &[u8]) -> usize {
    octets.iter().fold(0usize, |sum, octet| sum << 8 | usize::from(*octet))
}

impl<'m> Parts<'m> {
    fn cut(configuration: &Configuration, body: &'m [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let of_enciphered = reader.take(length_size(configuration, LENGTH_OF_ENCIPHERED))?;
        let of_clear = reader.take(length_size(configuration, LENGTH_OF_CLEAR))?;
        let counter = reader.array()?;
        let clear = reader.take(number(of_clear))?;
        let front = reader.offset();
        let enciphered = reader.take(number(of_enciphered))?;
        let tag = reader.array()?;
        if !reader.is_empty() {
            let announced = reader.offset();
            return Err(ErrorKind::MessageLength { announced, available: body.len() }.at(announced));
        }
        Ok(Self { lengths: [of_enciphered, of_clear], counter, clear, enciphered, tag, front })
    }
}

fn tag<C: BlockCipher128>(
    gcm: &Gcm<'_, C>,
    variant: Variant,
    field: u16,
    [of_enciphered, of_clear]: [&[u8]; 2],
    clear: &[u8],
    enciphered: &[u8],
) -> [u8; TAG_LEN] {
    let (first, second) =
        if variant.clear_length_first { (of_clear, of_enciphered) } else { (of_enciphered, of_clear) };
    let clear = if variant.clear_unprotected { &[] } else { clear };
    let [tag @ .., _, _, _, _] = gcm.tag(&[&field.to_le_bytes(), first, second, clear], enciphered);
    tag
}

fn check(context: &SecurityContext) -> Result<&Configuration, Error> {
    let configuration = &context.configuration;
    match configuration.mode() {
        SecurityMode::AES_GCM => {}
        mode => return Err(ErrorKind::UnsupportedMode { mode }.at(0)),
    }
    if configuration.field & TAG == 0 {
        return Err(ErrorKind::TagMissing.at(0));
    }
    if configuration.key_derivation() != Some(0) {
        return Err(ErrorKind::UnsupportedField { field: "the key derivation" }.at(0));
    }
    Ok(configuration)
}

impl Experimental {
    /// Checks the tag of `body`, which is all that follows the transport header, and deciphers it in place.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedMode`] for another mode; [`ErrorKind::TagMissing`];
    /// [`ErrorKind::UnsupportedField`] when keys are to be derived; [`ErrorKind::Truncated`] and
    /// [`ErrorKind::MessageLength`] when the body is not as long as it says; [`ErrorKind::KeyMissing`];
    /// [`ErrorKind::Tag`]. The body is as it was then.
    pub fn open_in_place<'m, P: KeyProvider + ?Sized>(
        &self,
        context: &SecurityContext,
        body: &'m mut [u8],
        keys: &P,
    ) -> Result<Opened<'m>, Error> {
        let configuration = check(context)?;
        let parts = Parts::cut(configuration, body)?;
        let (front, len, sent, counter) = (parts.front, parts.enciphered.len(), parts.tag, parts.counter);
        let clear_len = parts.clear.len();
        let request = request(context, None);
        let mut tried = 0usize;
        let mut fitting = None;
        'keys: for key in candidates(keys, &request) {
            for variant in Variant::all() {
                let gcm = Gcm::new(key.cipher(), variant.nonce(context.meter, counter));
                let field = configuration.field;
                // The right tag of a forged message is nobody's to find on the stack.
                let computed =
                    Zeroizing::new(tag(&gcm, variant, field, parts.lengths, parts.clear, parts.enciphered));
                if bool::from(computed.ct_eq(&sent)) {
                    fitting = Some((gcm, variant, key.identity()));
                    break 'keys;
                }
            }
            tried = tried.saturating_add(1);
        }
        let (mut gcm, variant, key) = fitting.ok_or(none_fits(tried, ErrorKind::Tag { tried }).at(front))?;
        let enciphered = body.get_mut(front..).and_then(|rest| rest.get_mut(..len)).unwrap_or_default();
        gcm.apply(enciphered).map_err(|kind| kind.at(front))?;
        let (clear, rest) = body.split_at_checked(front).unwrap_or_default();
        let clear = clear.get(front.saturating_sub(clear_len)..).unwrap_or_default();
        let counter_use = CounterUse {
            // The nonce covers the number; both directions share the counter.
            count: ProvenCount {
                key,
                identification: Some(context.meter.identification.octets()),
                direction: None,
            },
            counter: u32::from_be_bytes(counter),
            fingerprint: Mac::new(&sent).unwrap_or_default().fingerprint(),
        };
        Ok(Opened { clear, deciphered: rest.get(..len).unwrap_or_default(), variant, counter_use })
    }

    /// Octets of the body that [`Experimental::seal_into`] writes.
    #[must_use]
    pub const fn sealed_len(configuration: &Configuration, clear: usize, plaintext: usize) -> usize {
        length_size(configuration, LENGTH_OF_CLEAR)
            .saturating_add(length_size(configuration, LENGTH_OF_ENCIPHERED))
            .saturating_add(COUNTER_LEN + TAG_LEN)
            .saturating_add(clear)
            .saturating_add(plaintext)
    }

    /// Writes a sealed body to the front of `buffer`. Never use a counter twice with one key and meter.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`]; [`ErrorKind::TooLong`] when a part does not fit its length field; as
    /// [`Experimental::open_in_place`] for the configuration.
    pub fn seal_into<'b, C: BlockCipher128>(
        &self,
        context: &SecurityContext,
        counter: u32,
        clear: &[u8],
        plaintext: &[u8],
        key: &PreparedKey<C>,
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], Error> {
        let configuration = check(context)?;
        let mut writer = Writer::new(buffer);
        for (part, bit) in [(plaintext, LENGTH_OF_ENCIPHERED), (clear, LENGTH_OF_CLEAR)] {
            let (size, length) = (length_size(configuration, bit), part.len());
            let limit = if size == 2 { 0xFFFF } else { 0xFF };
            let too_long = ErrorKind::TooLong { length, limit }.at(writer.len());
            let [high, low] = u16::try_from(length).map_err(|_| too_long)?.to_be_bytes();
            match (size, high) {
                (2, _) => writer.put(&[high, low]),
                (_, 0) => writer.put_u8(low),
                _ => return Err(too_long),
            }
        }
        writer.put(&counter.to_be_bytes());
        writer.put(clear);
        let front = writer.len();
        writer.put(plaintext);
        writer.put(&[0; TAG_LEN]);
        let body = writer.finish()?;
        let mut gcm = Gcm::new(key.cipher(), self.variant.nonce(context.meter, counter.to_be_bytes()));
        let (_, rest) = body.split_at_mut_checked(front).unwrap_or_default();
        if let Some((octets, _)) = rest.split_last_chunk_mut::<TAG_LEN>() {
            gcm.apply(octets).map_err(|kind| kind.at(front))?;
        }
        let Parts { lengths, clear, enciphered, .. } = Parts::cut(configuration, body)?;
        let tag = tag(&gcm, self.variant, configuration.field, lengths, clear, enciphered);
        if let Some(place) = body.last_chunk_mut::<TAG_LEN>() {
            *place = tag;
        }
        Ok(body)
    }
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use crate::key::{Aes, Key, NoKeys};
    use aes_gcm::aead::{AeadInOut, KeyInit};
    use aes_gcm::aes::cipher::consts::U12;
    use aes_gcm::{AesGcm, Nonce};
    use std::vec::Vec;

    const METER: [u8; 8] = [0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03];
    const PLAIN: &[u8] = &[0x04, 0x13, 0x01, 0x02, 0x03, 0x04, 0x02, 0xFD, 0x17, 0x00, 0x00];
    const CLEAR: &[u8] = &[0x0C, 0x78, 0x78, 0x56, 0x34, 0x12];

    fn context(field: u16) -> SecurityContext {
        let configuration = Configuration { field, ..Configuration::default() };
        SecurityContext {
            meter: Address::from_link_octets(METER),
            configuration,
            ..SecurityContext::default()
        }
    }
    fn key(n: u8) -> PreparedKey<Aes> {
        PreparedKey::new(&Key::new([n; 16]))
    }

    #[test]
    fn the_octets_of_the_sheet_through_another_gcm() {
        // The deployed configuration 01 29: LenE, LenU, counter, data, tag; nonce identification number first.
        let nonce = [0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03, 0x00, 0x00, 0x0A, 0xB3];
        let additional = [0x01, 0x29, 11, 0];
        let other = AesGcm::<Aes, U12, U12>::new(&[9; 16].into());
        let mut sealed = PLAIN.to_vec();
        let octets = (&mut sealed[..]).into();
        let tag = other.encrypt_inout_detached(&Nonce::from(nonce), &additional, octets).unwrap();
        let expected = [&[11, 0, 0x00, 0x00, 0x0A, 0xB3], &sealed[..], tag.as_slice()].concat();
        let mut buffer = [0; 64];
        let mode9 = Experimental::default();
        let body = mode9.seal_into(&context(0x2901), 2739, &[], PLAIN, &key(9), &mut buffer).unwrap();
        assert_eq!(body, expected);
        let opened = mode9.open_in_place(&context(0x2901), body, &key(9)).unwrap();
        assert_eq!((opened.deciphered, opened.clear, opened.variant), (PLAIN, &[][..], Variant::default()));
        let used = opened.counter_use;
        assert_eq!((used.counter, used.count.key, used.count.direction), (2739, key(9).identity(), None));
        assert_eq!(context(0x2901).configuration.encoded_len(), 2);
    }

    #[test]
    fn every_variant_and_size_round_trips() {
        for variant in Variant::all() {
            for field in [0x2901, 0x2941, 0x2981, 0x29C1] {
                for (clear, plain) in [(CLEAR, PLAIN), (&[], PLAIN), (CLEAR, &[]), (&[], &[])] {
                    let mode9 = Experimental { variant };
                    let mut buffer = [0; 64];
                    let context = context(field);
                    let needed = Experimental::sealed_len(&context.configuration, clear.len(), plain.len());
                    for size in 0..needed {
                        let small = &mut buffer[..size];
                        let error = mode9.seal_into(&context, 7, clear, plain, &key(9), small).unwrap_err();
                        let kind = ErrorKind::BufferTooSmall { needed, available: size };
                        assert_eq!(error.kind, kind);
                    }
                    let body = mode9.seal_into(&context, 7, clear, plain, &key(9), &mut buffer).unwrap();
                    assert_eq!(body.len(), needed);
                    for len in 0..needed {
                        let mut cut = body[..len].to_vec();
                        assert!(mode9.open_in_place(&context, &mut cut, &key(9)).is_err());
                    }
                    let opened = Experimental::default().open_in_place(&context, body, &key(9)).unwrap();
                    assert_eq!((opened.clear, opened.deciphered), (clear, plain));
                    if !clear.is_empty() && !plain.is_empty() {
                        assert_eq!(opened.variant.manufacturer_first, variant.manufacturer_first);
                    }
                }
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let mode9 = Experimental::default();
        let mut buffer = [0; 64];
        let sealed = mode9.seal_into(&context(0x2901), 7, CLEAR, PLAIN, &key(9), &mut buffer).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut body = sealed.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            let before = body.clone();
            assert!(mode9.open_in_place(&context(0x2901), &mut body, &key(9)).is_err(), "bit {bit}");
            assert_eq!(body, before);
        }
        for bit in 0..64 {
            let mut meter = METER;
            meter[bit / 8] ^= 1 << (bit % 8);
            let stranger = SecurityContext { meter: Address::from_link_octets(meter), ..context(0x2901) };
            let error = mode9.open_in_place(&stranger, &mut sealed.to_vec(), &key(9)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Tag { tried: 1 });
        }
    }

    #[test]
    fn refusals() {
        let mode9 = Experimental::default();
        let mut buffer = [0; 700];
        let sealed: Vec<u8> =
            mode9.seal_into(&context(0x2901), 7, &[], PLAIN, &key(9), &mut buffer).unwrap().to_vec();
        let open = |field, body: &[u8]| {
            mode9.open_in_place(&context(field), &mut body.to_vec(), &key(9)).unwrap_err().kind.name()
        };
        assert_eq!(open(0x0901, &sealed), "tag_missing");
        assert_eq!(open(0x2911, &sealed), "unsupported_field");
        assert_eq!(open(0x2501, &sealed), "unsupported_mode");
        assert_eq!(open(0x2902, &sealed), "tag");
        assert_eq!(open(0x2901, &[&sealed[..], &[0]].concat()), "message_length");
        let error = mode9.open_in_place(&context(0x2901), &mut sealed.clone(), &NoKeys).unwrap_err();
        assert_eq!(error.kind, ErrorKind::KeyMissing);
        let error = mode9.open_in_place(&context(0x2901), &mut sealed.clone(), &key(1)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Tag { tried: 1 });
        let long = [0; 256];
        let error = mode9.seal_into(&context(0x2901), 7, &[], &long, &key(9), &mut buffer).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLong { length: 256, limit: 255 });
        assert!(mode9.seal_into(&context(0x2941), 7, &[], &long, &key(9), &mut buffer).is_ok());
        let error = crate::sealed::open(&context(0x2901), &mut sealed.clone(), 0, &key(9)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::UnsupportedMode { mode: SecurityMode::AES_GCM });
    }
}
