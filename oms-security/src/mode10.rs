//! Mode 10, profile D: AES-128-CCM with a derived key and a tag of eight octets.
//!
//! ```text
//! nonce = M(2) ID(4) V T | 00 | C(4, most significant octet first)
//! AAD   = the transport header from CI to CFE, without the counter
//! body  = ciphertext | tag(8)
//! ```
//!
//! EN 13757-7:2018, 7.6.8; verified by OMS Vol. 2 Annex N, N.2.6 and N.5 for telegrams from the meter with a
//! short header. How a telegram to the meter looks in the ninth octet of the nonce is not published; it is
//! 00 here as well. Invariants: the tag is checked before a single octet is given out; a key that does
//! not fit leaves the octets as they were.

use ccm::aead::AeadInOut;
use ccm::consts::{U8, U13};
use ccm::{Ccm, Nonce};
use cipher::{InnerIvInit, StreamCipher};
use ctr::{Ctr32BE, CtrCore};
use mbus_link::Address;
use subtle::ConstantTimeEq;

use crate::key::{BlockCipher128, PreparedKey};

/// Octets of the tag, code 1 of OO: the one of OMS.
pub const TAG_LEN: usize = 8;
/// Octets of the nonce.
pub const NONCE_LEN: usize = 13;

/// The nonce of a message.
#[must_use]
pub const fn nonce(meter: Address, counter: u32) -> [u8; NONCE_LEN] {
    let [a, b, c, d, e, f, g, h] = meter.to_link_octets();
    let [c0, c1, c2, c3] = counter.to_be_bytes();
    [a, b, c, d, e, f, g, h, 0, c0, c1, c2, c3]
}

/// The key stream of the data: the counter blocks 1, 2, 3 ... of CCM with a length field of two octets.
fn apply_key_stream<C: BlockCipher128>(key: &PreparedKey<C>, nonce: [u8; NONCE_LEN], octets: &mut [u8]) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m] = nonce;
    let first = [1, a, b, c, d, e, f, g, h, i, j, k, l, m, 0, 1];
    Ctr32BE::<&C>::from_core(CtrCore::inner_iv_init(key.cipher(), &first.into())).apply_keystream(octets);
}

/// Deciphers in place; false, and nothing changed, when the tag does not fit.
///
/// The library's own opening wipes the octets when the tag does not fit, and then no second key could
/// be tried. So the plaintext is made, sealed again, which gives the tag and the octets as sent, and only
/// when the tag fits it is made for good.
pub(crate) fn decipher<C: BlockCipher128>(
    key: &PreparedKey<C>,
    nonce: [u8; NONCE_LEN],
    header: &[u8],
    octets: &mut [u8],
    tag: [u8; TAG_LEN],
) -> bool {
    apply_key_stream(key, nonce, octets);
    let fits = match encipher(key, nonce, header, octets) {
        Some(computed) => computed.ct_eq(&tag).into(),
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

/// Enciphers in place and gives the tag; `None` when the message is too long for the mode (65 535 octets).
pub(crate) fn encipher<C: BlockCipher128>(
    key: &PreparedKey<C>,
    nonce: [u8; NONCE_LEN],
    header: &[u8],
    octets: &mut [u8],
) -> Option<[u8; TAG_LEN]> {
    let ccm = Ccm::<&C, U8, U13>::from(key.cipher());
    ccm.encrypt_inout_detached(&Nonce::from(nonce), header, octets.into()).ok().map(Into::into)
}
