//! AES-128-GCM in parts: the key stream and the tag over pieces that follow one another (NIST SP 800-38D).
//!
//! ```text
//! counter block = nonce(12) | 00 00 00 01; the first block masks the tag, the data begin with the second
//! tag = GHASH(additional data, ciphertext) xor mask
//! ```
//!
//! Invariants: nothing is deciphered here before the caller asks for it, so that the tag can be checked
//! first; the hash key is wiped.

use cipher::consts::U16;
use cipher::{BlockCipherEncrypt, BlockSizeUser, InnerIvInit, StreamCipher};
use ctr::{Ctr32BE, CtrCore};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

use crate::ErrorKind;

/// Octets of the nonce.
pub(crate) const NONCE_LEN: usize = 12;
/// Octets of the whole tag; fewer may be sent.
pub(crate) const TAG_LEN: usize = 16;

/// A message under one key and nonce.
pub(crate) struct Gcm<'k, C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> {
    cipher: &'k C,
    stream: Ctr32BE<&'k C>,
    mask: [u8; TAG_LEN],
}

impl<'k, C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Gcm<'k, C> {
    pub(crate) fn new(cipher: &'k C, nonce: [u8; NONCE_LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = nonce;
        let initial = [a, b, c, d, e, f, g, h, i, j, k, l, 0, 0, 0, 1];
        let mut stream = Ctr32BE::from_core(CtrCore::inner_iv_init(cipher, &initial.into()));
        let mut mask = [0; TAG_LEN];
        // The first block of a new stream is always there.
        let _ = stream.try_apply_keystream(&mut mask);
        Self { cipher, stream, mask }
    }
    /// Enciphers or deciphers the next octets.
    pub(crate) fn apply(&mut self, octets: &mut [u8]) -> Result<(), ErrorKind> {
        let length = octets.len();
        self.stream.try_apply_keystream(octets).map_err(|_| ErrorKind::MessageTooLong { length })
    }
    /// The tag over additional data and ciphertext, each in pieces.
    pub(crate) fn tag(&self, additional: &[&[u8]], enciphered: &[u8]) -> [u8; TAG_LEN] {
        let mut subkey = cipher::Block::<C>::default();
        self.cipher.encrypt_block(&mut subkey);
        let mut hash = GHash::new(&subkey);
        subkey.as_mut_slice().zeroize();
        let mut blocks = Blocks { hash: &mut hash, block: [0; 16], filled: 0, total: 0 };
        for piece in additional {
            blocks.put(piece);
        }
        let additional = blocks.pad();
        blocks.put(enciphered);
        let data = blocks.pad();
        let mut lengths = [0; 16];
        let (front, back) = lengths.split_at_mut(8);
        front.copy_from_slice(&additional.to_be_bytes());
        back.copy_from_slice(&data.to_be_bytes());
        hash.update(&[lengths.into()]);
        let mut tag = [0; TAG_LEN];
        for ((place, hashed), mask) in tag.iter_mut().zip(hash.finalize()).zip(self.mask) {
            *place = hashed ^ mask;
        }
        tag
    }
}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Drop for Gcm<'_, C> {
    fn drop(&mut self) {
        self.mask.zeroize();
    }
}

/// Cuts octets that come in pieces into blocks.
struct Blocks<'h> {
    hash: &'h mut GHash,
    block: [u8; 16],
    filled: usize,
    total: u64,
}

impl Blocks<'_> {
    fn put(&mut self, octets: &[u8]) {
        for octet in octets {
            if let Some(place) = self.block.get_mut(self.filled) {
                *place = *octet;
            }
            self.filled = self.filled.saturating_add(1);
            self.total = self.total.saturating_add(8);
            if self.filled >= 16 {
                self.flush();
            }
        }
    }
    fn flush(&mut self) {
        self.hash.update(&[self.block.into()]);
        self.block = [0; 16];
        self.filled = 0;
    }
    /// Fills the last block with zeros; the bits put since the last call.
    fn pad(&mut self) -> u64 {
        if self.filled > 0 {
            self.flush();
        }
        core::mem::take(&mut self.total)
    }
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|n| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap()).collect()
    }

    #[test]
    fn printed_gcm() {
        // The GCM specification, test cases 3 (no additional data) and 4 (twenty octets of it, 60 of data).
        let key: [u8; 16] = hex("FEFFE9928665731C6D6A8F9467308308").try_into().unwrap();
        let cipher = <crate::key::Aes as cipher::KeyInit>::new(&key.into());
        let nonce = hex("CAFEBABEFACEDBADDECAF888").try_into().unwrap();
        let plain = hex(concat!(
            "D9313225F88406E5A55909C5AFF5269A86A7A9531534F7DA2E4C303D8A318A72",
            "1C3C0C95956809532FCF0E2449A6B525B16AEDF5AA0DE657BA637B391AAFD255",
        ));
        let sealed = hex(concat!(
            "42831EC2217774244B7221B784D0D49CE3AA212F2C02A4E035C17E2329ACA12E",
            "21D514B25466931C7D8F6A5AAC84AA051BA30B396A0AAC973D58E091473F5985",
        ));
        let additional = hex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2");
        for (additional, len, tag) in [
            (&[][..], 64, "4D5C2AF327CD64A62CF35ABD2BA6FAB4"),
            (&additional, 60, "5BC94FBC3221A5DB94FAE95AE7121A47"),
        ] {
            let mut gcm = Gcm::new(&cipher, nonce);
            let mut octets = plain[..len].to_vec();
            gcm.apply(&mut octets).unwrap();
            assert_eq!(octets, sealed[..len]);
            for cut in 0..=additional.len() {
                let (front, back) = additional.split_at(cut);
                assert_eq!(gcm.tag(&[front, back], &octets).to_vec(), hex(tag));
            }
        }
    }
}
