//! AES key wrap with padding (RFC 5649; NIST SP 800-38F, KWP): how a key travels under another key.
//!
//! ```text
//! A65959A6 | length (4, most significant octet first) | plaintext | 00 ... to whole groups of 8       wrapped as one
//! ```
//!
//! OMS Vol. 2 Annex F shows its key structures with this very beginning. Invariants: nothing is given out before
//! the beginning, the length and the padding were compared; on failure the buffer is wiped, since it would hold
//! half-opened secrets.

use cipher::array::Array;
use cipher::consts::{U8, U16};
use cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::{Error, ErrorKind};

/// What every wrapped plaintext begins with.
pub(super) const BEGINNING: [u8; 4] = [0xA6, 0x59, 0x59, 0xA6];
/// Octets of a group.
const GROUP: usize = 8;
/// The most octets that are wrapped; a key structure has 23.
pub const MAX_PLAINTEXT: usize = 248;

/// Octets that `octets` octets of plaintext need when they are wrapped.
#[must_use]
pub const fn wrapped_len(octets: usize) -> usize {
    octets.div_ceil(GROUP).saturating_add(1).saturating_mul(GROUP)
}

/// Wraps the first `octets` octets of `buffer` in place; the rest of `buffer` must have room for them,
/// see [`wrapped_len`]. Returns what was wrapped.
///
/// # Errors
/// [`ErrorKind::BufferTooSmall`]; [`ErrorKind::TooLong`] for more than [`MAX_PLAINTEXT`] octets or none.
pub fn wrap_in_place<'b, C>(cipher: &C, buffer: &'b mut [u8], octets: usize) -> Result<&'b mut [u8], Error>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    let length = match u32::try_from(octets) {
        Ok(length) if (1..=MAX_PLAINTEXT).contains(&octets) => length,
        _ => return Err(ErrorKind::TooLong { length: octets, limit: MAX_PLAINTEXT }.at(0)),
    };
    let (needed, available) = (wrapped_len(octets), buffer.len());
    let Some(wrapped) = buffer.get_mut(..needed) else {
        return Err(ErrorKind::BufferTooSmall { needed, available }.at(available));
    };
    if let Some(padding) = wrapped.get_mut(octets..) {
        padding.fill(0);
    }
    wrapped.rotate_right(GROUP);
    let Some((head, groups)) = wrapped.split_first_chunk_mut::<GROUP>() else {
        return Err(ErrorKind::BufferTooSmall { needed, available }.at(available));
    };
    let [b0, b1, b2, b3] = BEGINNING;
    let [l0, l1, l2, l3] = length.to_be_bytes();
    *head = [b0, b1, b2, b3, l0, l1, l2, l3];
    let (groups, _) = Array::<u8, U8>::slice_as_chunks_mut(groups);
    if let [only] = groups {
        with_block(head, only, |block| cipher.encrypt_block(block));
        return Ok(wrapped);
    }
    let mut step = 0u64;
    for _ in 0..6 {
        for group in &mut *groups {
            step = step.saturating_add(1);
            with_block(head, group, |block| cipher.encrypt_block(block));
            *head = (u64::from_be_bytes(*head) ^ step).to_be_bytes();
        }
    }
    Ok(wrapped)
}

/// Unwraps `wrapped` in place and gives the plaintext.
///
/// # Errors
/// [`ErrorKind::Truncated`] for octets that are no whole groups, or fewer than two; [`ErrorKind::Wrap`] when
/// the key does not fit or octets were changed. `wrapped` is wiped then.
pub fn unwrap_in_place<'b, C>(cipher: &C, wrapped: &'b mut [u8]) -> Result<&'b mut [u8], Error>
where
    C: BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>,
{
    let available = wrapped.len();
    let needed = available.next_multiple_of(GROUP).max(2 * GROUP);
    if needed != available {
        return Err(ErrorKind::Truncated { needed, available }.at(available));
    }
    if let Some(octets) = open(cipher, wrapped) {
        return Ok(wrapped.get_mut(GROUP..).and_then(|rest| rest.get_mut(..octets)).unwrap_or_default());
    }
    wrapped.zeroize();
    Err(ErrorKind::Wrap.at(0))
}

/// The number of octets of plaintext behind the first group; `None` when something does not fit.
fn open<C>(cipher: &C, wrapped: &mut [u8]) -> Option<usize>
where
    C: BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>,
{
    let (head, plaintext) = wrapped.split_first_chunk_mut::<GROUP>()?;
    let (groups, _) = Array::<u8, U8>::slice_as_chunks_mut(plaintext);
    if let [only] = groups {
        with_block(head, only, |block| cipher.decrypt_block(block));
    } else {
        let mut step = u64::try_from(groups.len()).ok()?.saturating_mul(6);
        for _ in 0..6 {
            for group in groups.iter_mut().rev() {
                *head = (u64::from_be_bytes(*head) ^ step).to_be_bytes();
                with_block(head, group, |block| cipher.decrypt_block(block));
                step = step.saturating_sub(1);
            }
        }
    }
    let [b0, b1, b2, b3, l0, l1, l2, l3] = *head;
    let octets = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).ok()?;
    let padding = plaintext.len().checked_sub(octets).filter(|padding| *padding < GROUP);
    let is_zero = |octets: &[u8]| octets.iter().fold(0, |all, octet| all | octet).ct_eq(&0);
    let padding_fits = padding.and_then(|_| plaintext.get(octets..)).map_or(Choice::from(0), is_zero);
    let fits = [b0, b1, b2, b3].ct_eq(&BEGINNING) & padding_fits;
    bool::from(fits).then_some(octets)
}

/// Applies the cipher to one block, made of the first group and another; both take what comes out, and the block is
/// wiped: it held a part of what is wrapped.
fn with_block(head: &mut [u8; GROUP], group: &mut Array<u8, U8>, apply: impl FnOnce(&mut Array<u8, U16>)) {
    let mut block = Array::<u8, U16>::default();
    block.iter_mut().zip(head.iter().chain(group.iter())).for_each(|(place, octet)| *place = *octet);
    apply(&mut block);
    head.iter_mut().chain(group.iter_mut()).zip(&block).for_each(|(place, octet)| *place = *octet);
    block.as_mut_slice().zeroize();
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use aes::Aes192;
    use cipher::KeyInit;
    use std::vec::Vec;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|n| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap()).collect()
    }

    // RFC 5649, 6: twenty octets, and seven, under a key of 192 bits.
    const KEY: &str = "5840DF6E29B02AF1AB493B705BF16EA1AE8338F4DCC176A8";
    const PRINTED: [(&str, &str); 2] = [
        (
            "C37B7E6492584340BED12207808941155068F738",
            "138BDEAA9B8FA7FC61F97742E72248EE5AE6AE5360D1AE6A5F54F373FA543B6A",
        ),
        ("466F7250617369", "AFBEB0F07DFBF5419200F2CCB50BB24F"),
    ];

    fn cipher() -> Aes192 {
        Aes192::new_from_slice(&hex(KEY)).unwrap()
    }

    #[test]
    fn printed_examples_both_ways() {
        for (plain, wrapped) in PRINTED {
            let (plain, wrapped) = (hex(plain), hex(wrapped));
            let mut buffer = [0xEE; 40];
            buffer[..plain.len()].copy_from_slice(&plain);
            assert_eq!(wrap_in_place(&cipher(), &mut buffer, plain.len()).unwrap(), wrapped);
            let mut again = wrapped.clone();
            assert_eq!(unwrap_in_place(&cipher(), &mut again).unwrap(), plain);
        }
    }

    #[test]
    fn every_flipped_bit_is_refused_and_wipes_the_buffer() {
        for (_, wrapped) in PRINTED {
            for bit in 0..wrapped.len() * 4 {
                let mut octets = hex(wrapped);
                octets[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(unwrap_in_place(&cipher(), &mut octets).unwrap_err().kind, ErrorKind::Wrap);
                assert!(octets.iter().all(|octet| *octet == 0));
            }
        }
    }

    #[test]
    fn every_length_comes_back_and_every_other_is_refused() {
        for octets in 1..=MAX_PLAINTEXT {
            let plain: Vec<u8> = (0..octets).map(|n| n as u8 ^ 0x5A).collect();
            let mut buffer = plain.clone();
            buffer.resize(wrapped_len(octets), 0xEE);
            let wrapped = wrap_in_place(&cipher(), &mut buffer, octets).unwrap();
            assert_eq!(wrapped.len() % 8, 0);
            assert_eq!(unwrap_in_place(&cipher(), wrapped).unwrap(), plain);
            let mut small = [0; 300];
            let size = wrapped_len(octets) - 1;
            let error = wrap_in_place(&cipher(), &mut small[..size], octets).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: size + 1, available: size });
        }
        for octets in [0, MAX_PLAINTEXT + 1] {
            let error = wrap_in_place(&cipher(), &mut [0; 400], octets).unwrap_err();
            assert_eq!(error.kind, ErrorKind::TooLong { length: octets, limit: MAX_PLAINTEXT });
        }
        for len in [0, 1, 8, 15, 17, 31] {
            assert_eq!(unwrap_in_place(&cipher(), &mut [7; 40][..len]).unwrap_err().kind.name(), "truncated");
        }
    }

    #[test]
    fn a_padding_that_is_not_zero_is_refused() {
        // Built by hand: the beginning is right, the padding is not.
        for (length, padding) in [(7u8, 1u8), (0, 0), (9, 0), (8, 0)] {
            let mut block: [u8; 16] = [0xA6, 0x59, 0x59, 0xA6, 0, 0, 0, length, 1, 2, 3, 4, 5, 6, 7, padding];
            let mut built = block.into();
            cipher().encrypt_block(&mut built);
            block = built.into();
            let outcome = unwrap_in_place(&cipher(), &mut block).map(|plain| plain.len());
            assert_eq!(outcome.is_ok(), length == 8, "{length} {padding}");
        }
    }
}
