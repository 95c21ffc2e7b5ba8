//! The ciphering of DLMS/COSEM, security suites 0 and 1: what `general-glo-ciphering` protects.
//!
//! ```text
//! SC | IC IC IC IC | octets, enciphered or plain | tag (12), when authenticated
//! ```
//!
//! SC: security control, bits 0 to 3 suite, 10h authenticated, 20h encrypted, 40h broadcast key, 80h
//! compressed. IC: invocation counter, most significant octet first. AES-128-GCM with the nonce
//! system title | IC; the additional data are SC | authentication key, and the plaintext when it is not
//! enciphered (IEC 62056-5-3, 5.3.8; Green Book 9.2.3.3).
//!
//! Invariants: [`open_in_place`] gives no octet away before the tag, if SC says that there is one, was
//! found right; on every error the buffer is unchanged. Who gives an authentication key wants the tag: a
//! message whose SC denies having one is refused, so that clearing one bit does not get a changed message
//! through. Without that key and without a tag nothing proves the octets: [`Opened::authenticated`] is
//! false, and the caller judges the plaintext. The counter is given out for
//! the caller's replay guard.

use cipher::consts::U16;
use cipher::{BlockCipherEncrypt, BlockSizeUser, KeyInit, KeySizeUser};
use mbus_link::octets::Writer;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::gcm::{self, Gcm};
use crate::{Error, ErrorKind};

/// Octets of the tag.
pub const TAG_LEN: usize = 12;
/// Octets in front of the payload: SC and IC.
pub const HEADER_LEN: usize = 5;

/// A block cipher of AES-128's shape: sixteen octets of key and of block.
pub trait Cipher128:
    BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit + KeySizeUser<KeySize = U16>
{
}
impl<C> Cipher128 for C where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit + KeySizeUser<KeySize = U16>
{
}

/// The security control octet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SecurityControl(pub u8);

impl SecurityControl {
    /// Suite 0, encrypted, no tag.
    pub const ENCRYPTED: Self = Self(0x20);
    /// Suite 0, encrypted and authenticated.
    pub const AUTHENTICATED_ENCRYPTED: Self = Self(0x30);
    /// Suite 0, authenticated, readable.
    pub const AUTHENTICATED: Self = Self(0x10);

    /// The security suite: 0 and 1 are AES-128-GCM, 2 is AES-256-GCM.
    #[must_use]
    pub const fn suite(self) -> u8 {
        self.0 & 0x0F
    }
    /// True when a tag follows.
    #[must_use]
    pub const fn is_authenticated(self) -> bool {
        self.0 & 0x10 != 0
    }
    /// True when the octets are enciphered.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        self.0 & 0x20 != 0
    }
    /// True when the key is the broadcast key, not the unicast key.
    #[must_use]
    pub const fn is_broadcast(self) -> bool {
        self.0 & 0x40 != 0
    }
    /// True when the plaintext is compressed.
    #[must_use]
    pub const fn is_compressed(self) -> bool {
        self.0 & 0x80 != 0
    }
    /// An error for what nothing here can open.
    const fn check(self) -> Result<(), Error> {
        if self.suite() > 1 {
            return Err(ErrorKind::UnsupportedSuite { suite: self.suite() }.at(0));
        }
        if self.is_compressed() {
            return Err(ErrorKind::CompressedPlaintext.at(0));
        }
        Ok(())
    }
    /// Octets of the tag: 12 or 0.
    #[must_use]
    pub const fn tag_len(self) -> usize {
        if self.is_authenticated() { TAG_LEN } else { 0 }
    }
}

/// The keys of a meter: the global encryption key, and the authentication key where there is one.
#[derive(Clone, Copy)]
pub struct GloKeys<'k> {
    /// The encryption key.
    pub encryption: &'k [u8; 16],
    /// The authentication key. When it is set, a message without a tag is refused; leave it out for a meter
    /// that encrypts only.
    pub authentication: Option<&'k [u8; 16]>,
}

/// Keys are not printed.
impl core::fmt::Debug for GloKeys<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("GloKeys").finish_non_exhaustive()
    }
}

/// What was opened.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'b> {
    /// The security control octet.
    pub security_control: SecurityControl,
    /// The invocation counter: has to rise with each message of the same key.
    pub invocation_counter: u32,
    /// True when a tag was there and right.
    pub authenticated: bool,
    /// The plaintext, in the caller's buffer.
    pub plaintext: &'b mut [u8],
}

/// SC, IC, payload and tag of what `general-glo-ciphering` protects.
struct Parts<'b> {
    control: SecurityControl,
    counter: [u8; 4],
    payload: &'b mut [u8],
    tag: [u8; TAG_LEN],
}

impl<'b> Parts<'b> {
    fn split(octets: &'b mut [u8]) -> Result<Self, Error> {
        let available = octets.len();
        let short = |needed| ErrorKind::Truncated { needed, available }.at(0);
        let (header, rest) = octets.split_first_chunk_mut::<HEADER_LEN>().ok_or(short(HEADER_LEN))?;
        let [control, counter @ ..] = *header;
        let control = SecurityControl(control);
        control.check()?;
        if !control.is_authenticated() {
            return Ok(Self { control, counter, payload: rest, tag: [0; TAG_LEN] });
        }
        let (payload, tag) =
            rest.split_last_chunk_mut::<TAG_LEN>().ok_or(short(HEADER_LEN.saturating_add(TAG_LEN)))?;
        Ok(Self { control, counter, payload, tag: *tag })
    }
}

/// The cipher and nonce of a message: system title and counter.
const fn nonce(system_title: [u8; 8], counter: [u8; 4]) -> [u8; gcm::NONCE_LEN] {
    let [a, b, c, d, e, f, g, h] = system_title;
    let [i, j, k, l] = counter;
    [a, b, c, d, e, f, g, h, i, j, k, l]
}

/// The tag over the additional data SC | authentication key | a payload that is not enciphered, and one that is.
fn tag<C: Cipher128>(
    gcm: &Gcm<'_, C>,
    authentication: &[u8; 16],
    control: SecurityControl,
    payload: &[u8],
) -> [u8; TAG_LEN] {
    let none: &[u8] = &[];
    let (readable, enciphered) = if control.is_encrypted() { (none, payload) } else { (payload, none) };
    let [tag @ .., _, _, _, _] = gcm.tag(&[&[control.0], authentication, readable], enciphered);
    tag
}

/// Checks the tag and decrypts in place. `octets` begin with SC; `system_title` is the sender's.
///
/// # Errors
/// [`ErrorKind::Truncated`], [`ErrorKind::UnsupportedSuite`], [`ErrorKind::CompressedPlaintext`],
/// [`ErrorKind::AuthenticationKeyMissing`] when there is a tag and no key to check it with,
/// [`ErrorKind::TagMissing`] when there is a key and no tag, [`ErrorKind::TagMismatch`],
/// [`ErrorKind::MessageTooLong`]. The buffer is unchanged then.
pub fn open_in_place<'b, C: Cipher128>(
    keys: GloKeys<'_>,
    system_title: [u8; 8],
    octets: &'b mut [u8],
) -> Result<Opened<'b>, Error> {
    open::<C>(keys, system_title, octets, true)
}

/// Decrypts in place without looking at the tag, for a meter whose authentication key nobody knows.
/// The result is never marked as authenticated and may be anything.
///
/// # Errors
/// As [`open_in_place`], without those of the tag.
pub fn decrypt_unverified_in_place<'b, C: Cipher128>(
    encryption: &[u8; 16],
    system_title: [u8; 8],
    octets: &'b mut [u8],
) -> Result<Opened<'b>, Error> {
    open::<C>(GloKeys { encryption, authentication: None }, system_title, octets, false)
}

/// Decrypts the beginning of a message whose end, tag included, is missing: for looking at captures.
///
/// # Errors
/// As [`decrypt_unverified_in_place`]; a message with less than SC and IC is truncated.
pub fn decrypt_beginning_in_place<'b, C: Cipher128>(
    encryption: &[u8; 16],
    system_title: [u8; 8],
    octets: &'b mut [u8],
) -> Result<Opened<'b>, Error> {
    let available = octets.len();
    let (header, payload) = octets
        .split_first_chunk_mut::<HEADER_LEN>()
        .ok_or(ErrorKind::Truncated { needed: HEADER_LEN, available }.at(0))?;
    let [control, counter @ ..] = *header;
    let control = SecurityControl(control);
    control.check()?;
    if control.is_encrypted() {
        let cipher = C::new(encryption.into());
        Gcm::new(&cipher, nonce(system_title, counter)).apply(payload).map_err(|kind| kind.at(0))?;
    }
    let invocation_counter = u32::from_be_bytes(counter);
    Ok(Opened { security_control: control, invocation_counter, authenticated: false, plaintext: payload })
}

fn open<'b, C: Cipher128>(
    keys: GloKeys<'_>,
    system_title: [u8; 8],
    octets: &'b mut [u8],
    verify: bool,
) -> Result<Opened<'b>, Error> {
    let Parts { control, counter, payload, tag: found } = Parts::split(octets)?;
    if verify && keys.authentication.is_some() && !control.is_authenticated() {
        return Err(ErrorKind::TagMissing.at(0));
    }
    let cipher = C::new(keys.encryption.into());
    let mut gcm = Gcm::new(&cipher, nonce(system_title, counter));
    let check = control.is_authenticated() && verify;
    if check {
        let Some(authentication) = keys.authentication else {
            return Err(ErrorKind::AuthenticationKeyMissing.at(0));
        };
        let expected = Zeroizing::new(tag(&gcm, authentication, control, payload));
        if !bool::from(expected.ct_eq(&found)) {
            return Err(ErrorKind::TagMismatch.at(HEADER_LEN.saturating_add(payload.len())));
        }
    }
    if control.is_encrypted() {
        gcm.apply(payload).map_err(|kind| kind.at(0))?;
    }
    let invocation_counter = u32::from_be_bytes(counter);
    Ok(Opened { security_control: control, invocation_counter, authenticated: check, plaintext: payload })
}

/// A message to protect.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// How to protect it.
    pub security_control: SecurityControl,
    /// The sender.
    pub system_title: [u8; 8],
    /// The invocation counter; never twice with the same key.
    pub invocation_counter: u32,
    /// What to protect.
    pub plaintext: &'a [u8],
}

impl Message<'_> {
    /// Octets of SC, IC, payload and tag.
    #[must_use]
    pub const fn sealed_len(&self) -> usize {
        HEADER_LEN.saturating_add(self.plaintext.len()).saturating_add(self.security_control.tag_len())
    }
    /// Writes SC, IC, payload and tag.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`], [`ErrorKind::UnsupportedSuite`], [`ErrorKind::CompressedPlaintext`],
    /// [`ErrorKind::AuthenticationKeyMissing`], [`ErrorKind::MessageTooLong`]. What the
    /// buffer holds then is not to be sent.
    pub fn seal_into<'b, C: Cipher128>(
        &self,
        keys: GloKeys<'_>,
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], Error> {
        let mut writer = Writer::new(buffer);
        writer.put_u8(self.security_control.0);
        writer.put(&self.invocation_counter.to_be_bytes());
        writer.put(self.plaintext);
        if self.security_control.is_authenticated() {
            writer.put(&[0; TAG_LEN]);
        }
        let octets = writer.finish()?;
        let Parts { control, counter, payload, .. } = Parts::split(octets)?;
        let cipher = C::new(keys.encryption.into());
        let mut gcm = Gcm::new(&cipher, nonce(self.system_title, counter));
        if control.is_encrypted() {
            gcm.apply(payload).map_err(|kind| kind.at(0))?;
        }
        if control.is_authenticated() {
            let authentication = keys.authentication.ok_or(ErrorKind::AuthenticationKeyMissing.at(0))?;
            let tag = tag(&gcm, authentication, control, payload);
            if let Some(place) = octets.last_chunk_mut::<TAG_LEN>() {
                *place = tag;
            }
        }
        Ok(octets)
    }
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use aes::Aes128;
    use proptest::prelude::*;
    use std::vec::Vec;

    const ENCRYPTION: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const AUTHENTICATION: [u8; 16] =
        [0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF];
    const KEYS: GloKeys<'static> = GloKeys { encryption: &ENCRYPTION, authentication: Some(&AUTHENTICATION) };
    const TITLE: [u8; 8] = [0x4D, 0x4D, 0x4D, 0, 0, 0xBC, 0x61, 0x4E];
    /// The example of the Green Book: an initiate request, enciphered and authenticated.
    const PLAINTEXT: [u8; 31] = [
        0x01, 0x01, 0x10, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD,
        0xEE, 0xFF, 0x00, 0x00, 0x06, 0x5F, 0x1F, 0x04, 0x00, 0x00, 0x7E, 0x1F, 0x04, 0xB0,
    ];
    const SEALED: [u8; 48] = [
        0x30, 0x01, 0x23, 0x45, 0x67, 0x80, 0x13, 0x02, 0xFF, 0x8A, 0x78, 0x74, 0x13, 0x3D, 0x41, 0x4C, 0xED,
        0x25, 0xB4, 0x25, 0x34, 0xD2, 0x8D, 0xB0, 0x04, 0x77, 0x20, 0x60, 0x6B, 0x17, 0x5B, 0xD5, 0x22, 0x11,
        0xBE, 0x68, 0x41, 0xDB, 0x20, 0x4D, 0x39, 0xEE, 0x6F, 0xDB, 0x8E, 0x35, 0x68, 0x55,
    ];
    const MESSAGE: Message<'static> = Message {
        security_control: SecurityControl::AUTHENTICATED_ENCRYPTED,
        system_title: TITLE,
        invocation_counter: 0x0123_4567,
        plaintext: &PLAINTEXT,
    };

    #[test]
    fn the_printed_example_opens_and_seals() {
        let mut octets = SEALED;
        let opened = open_in_place::<Aes128>(KEYS, TITLE, &mut octets).unwrap();
        assert_eq!((&*opened.plaintext, opened.authenticated), (&PLAINTEXT[..], true));
        assert_eq!(opened.invocation_counter, 0x0123_4567);
        for size in 0..=48 {
            let mut buffer = [0; 48];
            match MESSAGE.seal_into::<Aes128>(KEYS, &mut buffer[..size]) {
                Ok(octets) => assert_eq!((size, &*octets), (48, &SEALED[..])),
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 48, available: size });
                }
            }
        }
        assert_eq!(MESSAGE.sealed_len(), 48);
    }

    #[test]
    fn every_single_bit_flip_is_refused_and_leaves_the_buffer() {
        for bit in 0..48 * 8 {
            let mut octets = SEALED;
            octets[bit / 8] ^= 1 << (bit % 8);
            let before = octets;
            let error = open_in_place::<Aes128>(KEYS, TITLE, &mut octets).unwrap_err();
            let expected = match bit {
                0..4 => ErrorKind::UnsupportedSuite { suite: 1 << bit },
                4 => ErrorKind::TagMissing,
                7 => ErrorKind::CompressedPlaintext,
                _ => ErrorKind::TagMismatch,
            };
            // Suite 1 is the same cipher: its number is part of what the tag covers.
            let expected = if bit == 0 { ErrorKind::TagMismatch } else { expected };
            assert_eq!(error.kind, expected, "{bit}");
            assert_eq!(octets, before);
        }
        for (title, keys) in [
            ([0; 8], KEYS),
            (TITLE, GloKeys { authentication: Some(&ENCRYPTION), ..KEYS }),
            (TITLE, GloKeys { encryption: &AUTHENTICATION, ..KEYS }),
        ] {
            let error = open_in_place::<Aes128>(keys, title, &mut { SEALED }).unwrap_err();
            assert_eq!((error.kind, error.offset), (ErrorKind::TagMismatch, 36));
        }
    }

    #[test]
    fn every_prefix_is_refused() {
        for length in 0..48 {
            let error = open_in_place::<Aes128>(KEYS, TITLE, &mut { SEALED }[..length]).unwrap_err();
            match length {
                0..5 => assert_eq!(error.kind, ErrorKind::Truncated { needed: 5, available: length }),
                5..17 => assert_eq!(error.kind, ErrorKind::Truncated { needed: 17, available: length }),
                _ => assert_eq!(error.kind, ErrorKind::TagMismatch),
            }
            let mut octets = SEALED;
            if let Ok(opened) =
                decrypt_beginning_in_place::<Aes128>(&ENCRYPTION, TITLE, &mut octets[..length])
            {
                let readable = opened.plaintext.len().min(PLAINTEXT.len());
                assert_eq!(opened.plaintext[..readable], PLAINTEXT[..readable]);
            }
        }
    }

    #[test]
    fn what_cannot_be_opened_is_not_opened_at_its_beginning_either() {
        for (control, kind) in [
            (0x32, ErrorKind::UnsupportedSuite { suite: 2 }),
            (0x21, ErrorKind::Truncated { needed: 5, available: 4 }),
            (0xB0, ErrorKind::CompressedPlaintext),
        ] {
            let mut octets = SEALED;
            octets[0] = control;
            let sent = octets;
            let len = if control == 0x21 { 4 } else { 20 };
            let error =
                decrypt_beginning_in_place::<Aes128>(&ENCRYPTION, TITLE, &mut octets[..len]).unwrap_err();
            assert_eq!((error.kind, octets), (kind, sent));
        }
    }

    #[test]
    fn without_the_authentication_key_the_caller_has_to_ask_for_it() {
        let keys = GloKeys { authentication: None, ..KEYS };
        let mut octets = SEALED;
        let error = open_in_place::<Aes128>(keys, TITLE, &mut octets).unwrap_err();
        assert_eq!((error.kind, octets), (ErrorKind::AuthenticationKeyMissing, SEALED));
        let opened = decrypt_unverified_in_place::<Aes128>(&ENCRYPTION, TITLE, &mut octets).unwrap();
        assert_eq!((&*opened.plaintext, opened.authenticated), (&PLAINTEXT[..], false));
        let mut buffer = [0; 48];
        let error = MESSAGE.seal_into::<Aes128>(keys, &mut buffer).unwrap_err();
        assert_eq!(error.kind, ErrorKind::AuthenticationKeyMissing);
    }

    #[test]
    fn the_tag_agrees_with_another_implementation_of_gcm() {
        // Authenticated only: the plaintext is part of the additional data.
        use aes_gcm::aead::{AeadInOut, KeyInit as _};
        type Gcm = aes_gcm::AesGcm<Aes128, aes_gcm::aead::consts::U12, aes_gcm::aead::consts::U12>;
        let gcm = Gcm::new(&ENCRYPTION.into());
        let nonce: [u8; 12] = [TITLE.as_slice(), &[1, 0x23, 0x45, 0x67]].concat().try_into().unwrap();
        for length in 0..=PLAINTEXT.len() {
            for control in [SecurityControl::AUTHENTICATED, SecurityControl::AUTHENTICATED_ENCRYPTED] {
                let plaintext = &PLAINTEXT[..length];
                let message = Message { security_control: control, plaintext, ..MESSAGE };
                let mut buffer = [0; 48];
                let octets = message.seal_into::<Aes128>(KEYS, &mut buffer).unwrap().to_vec();
                let mut body = plaintext.to_vec();
                let mut additional: Vec<u8> = [&[control.0][..], &AUTHENTICATION].concat();
                if control == SecurityControl::AUTHENTICATED {
                    additional.extend_from_slice(plaintext);
                    body.clear();
                }
                let tag = gcm
                    .encrypt_inout_detached(&nonce.into(), &additional, body.as_mut_slice().into())
                    .unwrap();
                let readable = if control.is_encrypted() { &body[..] } else { plaintext };
                assert_eq!(octets[5..], [readable, &tag[..]].concat());
            }
        }
    }

    proptest! {
        #[test]
        fn messages_come_back(
            control in prop::sample::select(&[0x00, 0x10, 0x20, 0x30, 0x21, 0x31, 0x70][..]),
            title: [u8; 8], counter: u32, plaintext: Vec<u8>,
        ) {
            let message = Message {
                security_control: SecurityControl(control), system_title: title, invocation_counter: counter,
                plaintext: &plaintext,
            };
            let mut buffer = std::vec![0; message.sealed_len()];
            let octets = message.seal_into::<Aes128>(KEYS, &mut buffer).unwrap();
            // Who gives the key for the tag wants a tag.
            let authentication = KEYS.authentication.filter(|_| control & 0x10 != 0);
            let keys = GloKeys { authentication, ..KEYS };
            let opened = open_in_place::<Aes128>(keys, title, octets).unwrap();
            prop_assert_eq!(&*opened.plaintext, &plaintext[..]);
            prop_assert_eq!(opened.invocation_counter, counter);
            prop_assert_eq!(opened.authenticated, control & 0x10 != 0);
        }
        #[test]
        fn any_octets_are_survived(mut octets: Vec<u8>, title: [u8; 8]) {
            let _ = open_in_place::<Aes128>(KEYS, title, &mut octets);
            let _ = decrypt_unverified_in_place::<Aes128>(&ENCRYPTION, title, &mut octets);
        }
    }
}
