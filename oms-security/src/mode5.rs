//! Mode 5, profile A: AES-128-CBC with a persistent key and a dynamic initialisation vector.
//!
//! ```text
//! IV = M(2) ID(4) V T | ACC x 8          plaintext = 2F 2F | records | 2F ...
//! ```
//!
//! EN 13757-7:2018, 7.6.4. Invariants: the address is that of the meter, in the order of the link layer,
//! and the access number that of the transport layer. The first block must begin with 2F 2F; that is a
//! check of sixteen bits and no authentication. A key that does not fit leaves the octets as they were.

use cipher::array::Array;
use cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit};
use mbus_link::Address;

use crate::key::{BlockCipher128, PreparedKey};

/// Octets of a block.
pub const BLOCK: usize = 16;
/// What a deciphered block must begin with.
pub const CHECK: [u8; 2] = [0x2F, 0x2F];

/// The initialisation vector of mode 5.
#[must_use]
pub const fn initialisation_vector(meter: Address, access_number: u8) -> [u8; BLOCK] {
    let [a, b, c, d, e, f, g, h] = meter.to_link_octets();
    let n = access_number;
    [a, b, c, d, e, f, g, h, n, n, n, n, n, n, n, n]
}

/// Deciphers whole blocks in place; false, and nothing changed, when they do not begin with 2F 2F then,
/// when there are none, or when the last one is not whole.
pub(crate) fn decipher<C: BlockCipher128>(
    key: &PreparedKey<C>,
    vector: [u8; BLOCK],
    octets: &mut [u8],
) -> bool {
    let (blocks, rest) = Array::<u8, cipher::consts::U16>::slice_as_chunks_mut(octets);
    let Some(first) = blocks.first() else { return false };
    let mut probe = *first;
    key.cipher().decrypt_block(&mut probe);
    let begins = probe.iter().zip(vector).map(|(octet, mask)| octet ^ mask).take(2).eq(CHECK);
    if !begins || !rest.is_empty() {
        return false;
    }
    cbc::Decryptor::<&C>::inner_iv_init(key.cipher(), &vector.into()).decrypt_blocks(blocks);
    true
}

/// Enciphers whole blocks in place; octets behind the last whole block stay as they are.
pub(crate) fn encipher<C: BlockCipher128>(key: &PreparedKey<C>, vector: [u8; BLOCK], octets: &mut [u8]) {
    let (blocks, _) = Array::<u8, cipher::consts::U16>::slice_as_chunks_mut(octets);
    cbc::Encryptor::<&C>::inner_iv_init(key.cipher(), &vector.into()).encrypt_blocks(blocks);
}
