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

use crate::key::{BlockCipher128, KeyProvider, PreparedKey};
use crate::sealed::{Found, Keys, Opening, Plausible, SecurityContext, none_fits, request, to_try};
use crate::{Error, ErrorKind};

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

/// True for whole blocks that begin with 2F 2F when deciphered; looks at the first one only.
fn begins_with_check<C: BlockCipher128>(key: &PreparedKey<C>, vector: [u8; BLOCK], octets: &[u8]) -> bool {
    let (blocks, rest) = Array::<u8, cipher::consts::U16>::slice_as_chunks(octets);
    let Some(first) = blocks.first() else { return false };
    let mut probe = *first;
    key.cipher().decrypt_block(&mut probe);
    rest.is_empty() && probe.iter().zip(vector).map(|(octet, mask)| octet ^ mask).take(2).eq(CHECK)
}

/// Deciphers whole blocks in place; false, and nothing changed, when they do not begin with 2F 2F then,
/// when there are none, or when the last one is not whole.
pub(crate) fn decipher<C: BlockCipher128>(
    key: &PreparedKey<C>,
    vector: [u8; BLOCK],
    octets: &mut [u8],
) -> bool {
    if !begins_with_check(key, vector, octets) {
        return false;
    }
    let (blocks, _) = Array::<u8, cipher::consts::U16>::slice_as_chunks_mut(octets);
    cbc::Decryptor::<&C>::inner_iv_init(key.cipher(), &vector.into()).decrypt_blocks(blocks);
    true
}

/// Enciphers whole blocks in place; octets behind the last whole block stay as they are.
pub(crate) fn encipher<C: BlockCipher128>(key: &PreparedKey<C>, vector: [u8; BLOCK], octets: &mut [u8]) {
    let (blocks, _) = Array::<u8, cipher::consts::U16>::slice_as_chunks_mut(octets);
    cbc::Encryptor::<&C>::inner_iv_init(key.cipher(), &vector.into()).encrypt_blocks(blocks);
}

/// Octets at the beginning of a body of `available` octets that NNNN says are enciphered.
pub(crate) fn enciphered_octets(blocks: u8, available: usize) -> Result<usize, ErrorKind> {
    let announced = match blocks {
        // All of it; a body that is longer than fifteen blocks and has a rest is enciphered up to there.
        15 if available % BLOCK == 0 && available > 0 => available,
        n => usize::from(n).saturating_mul(BLOCK),
    };
    if announced > available {
        return Err(ErrorKind::CiphertextTruncated { announced, available });
    }
    Ok(announced)
}

/// See [`crate::sealed::open`].
pub(crate) fn open<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    keys: Keys<'_, P>,
    plausible: Plausible<'_>,
) -> Result<Opening, Error> {
    let octets = message.get_mut(body..).unwrap_or_default();
    let blocks = context.configuration.encrypted_blocks().unwrap_or_default();
    let len = enciphered_octets(blocks, octets.len()).map_err(|kind| kind.at(body))?;
    let vector = initialisation_vector(context.meter, context.access_number);
    open_blocks(context, (octets, len), vector, keys, plausible).map_err(|kind| kind.at(body))
}

/// Opens blocks that a persistent key enciphers and nothing but 2F 2F checks: the first `len` octets of a body. One key
/// in 65 536 fits by chance; where several fit, the first one that gives a plausible body is right, and none is where
/// none does.
pub(crate) fn open_blocks<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    (body, len): (&mut [u8], usize),
    vector: [u8; BLOCK],
    keys: Keys<'_, P>,
    plausible: Plausible<'_>,
) -> Result<Opening, ErrorKind> {
    let enciphered = body.get(..len).unwrap_or_default();
    if enciphered.is_empty() {
        return Ok(Opening::CLEAR);
    }
    let request = request(context, None);
    let (mut tried, mut fitting) = (0usize, 0usize);
    for key in to_try(keys, &request) {
        tried = tried.saturating_add(1);
        fitting = fitting.saturating_add(usize::from(begins_with_check(key, vector, enciphered)));
    }
    for key in to_try(keys, &request).take(if fitting > 0 { tried } else { 0 }) {
        if decipher(key, vector, body.get_mut(..len).unwrap_or_default()) {
            if fitting == 1 || plausible(body) {
                return Ok(Opening { found: Found::Deciphered, enciphered: len, ..Opening::CLEAR });
            }
            encipher(key, vector, body.get_mut(..len).unwrap_or_default());
        }
    }
    if fitting == 0 && body.starts_with(&CHECK) {
        return Ok(Opening { found: Found::ClearUnannounced, ..Opening::CLEAR });
    }
    Err(none_fits(tried, ErrorKind::CheckOctets { tried }))
}

/// See [`crate::sealed::seal`].
pub(crate) fn seal<C: BlockCipher128>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    key: &PreparedKey<C>,
) -> Result<(), Error> {
    let vector = initialisation_vector(context.meter, context.access_number);
    seal_blocks(context, message, body, key, vector)
}

/// Enciphers the blocks that NNNN names; they must begin with 2F 2F.
pub(crate) fn seal_blocks<C: BlockCipher128>(
    context: &SecurityContext,
    message: &mut [u8],
    body: usize,
    key: &PreparedKey<C>,
    vector: [u8; BLOCK],
) -> Result<(), Error> {
    let octets = message.get_mut(body..).unwrap_or_default();
    let blocks = context.configuration.encrypted_blocks().unwrap_or_default();
    let len = enciphered_octets(blocks, octets.len()).map_err(|kind| kind.at(body))?;
    let octets = octets.get_mut(..len).unwrap_or_default();
    if !octets.is_empty() && !octets.starts_with(&CHECK) {
        return Err(ErrorKind::CheckOctets { tried: 0 }.at(body));
    }
    encipher(key, vector, octets);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enciphered_lengths() {
        for (blocks, available, expected) in [
            (0, 7, Some(0)),
            (1, 16, Some(16)),
            (1, 15, None),
            (2, 40, Some(32)),
            (14, 224, Some(224)),
            (15, 32, Some(32)),
            (15, 240, Some(240)),
            (15, 243, Some(240)),
            (15, 256, Some(256)),
            (15, 33, None),
            (15, 0, None),
        ] {
            let announced = usize::from(blocks) * BLOCK;
            let outcome = expected.ok_or(ErrorKind::CiphertextTruncated { announced, available });
            assert_eq!(enciphered_octets(blocks, available), outcome);
        }
    }

    #[cfg(feature = "aes")]
    #[test]
    fn printed_cbc() {
        // NIST SP 800-38A, F.2.1.
        let hex = |text: &str| text.parse::<crate::key::Key>().unwrap();
        let key = PreparedKey::<crate::key::Aes>::new(&hex("2B7E151628AED2A6ABF7158809CF4F3C"));
        let plain = [
            "6BC1BEE22E409F96E93D7E117393172A",
            "AE2D8A571E03AC9C9EB76FAC45AF8E51",
            "30C81C46A35CE411E5FBC1191A0A52EF",
            "F69F2445DF4F9B17AD2B417BE66C3710",
        ];
        let sealed = [
            "7649ABAC8119B246CEE98E9B12E9197D",
            "5086CB9B507219EE95DB113A917678B2",
            "73BED6B8E3C1743B7116E69E22229516",
            "3FF1CAA1681FAC09120ECA307586E1A7",
        ];
        let octets = |blocks: [&str; 4]| blocks.map(|block| *hex(block).octets()).concat();
        let mut buffer = octets(plain);
        let vector = *hex("000102030405060708090A0B0C0D0E0F").octets();
        encipher(&key, vector, &mut buffer);
        assert_eq!(buffer, octets(sealed));
    }
}
