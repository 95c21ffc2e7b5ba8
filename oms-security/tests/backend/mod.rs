//! A second AES-128, written without tables, as an AES engine of a microcontroller would be plugged in. It counts
//! how often a key schedule is made.

use core::cell::Cell;

use oms_security::cipher::array::Array;
use oms_security::cipher::consts::{U1, U16};
use oms_security::cipher::inout::InOut;
use oms_security::cipher::{
    Block, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, Key, KeyInit, KeySizeUser, ParBlocksSizeUser,
};

thread_local! {
    static SCHEDULES: Cell<usize> = const { Cell::new(0) };
}

/// How many key schedules this thread has made.
pub(crate) fn schedules() -> usize {
    SCHEDULES.with(Cell::get)
}

/// AES-128 by the book (FIPS 197), without a single table.
#[derive(Clone)]
pub(crate) struct TableFree {
    round_keys: [[u8; 16]; 11],
}

/// Multiplication in GF(2^8).
const fn times(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1B } else { 0 };
        b >>= 1;
    }
    product
}

/// The inverse: the 254th power.
fn inverse(a: u8) -> u8 {
    let square = |a| times(a, a);
    let (mut power, mut result) = (square(a), 1);
    for _ in 0..7 {
        result = times(result, power);
        power = square(power);
    }
    result
}

fn substitute(a: u8) -> u8 {
    let b = inverse(a);
    b ^ b.rotate_left(1) ^ b.rotate_left(2) ^ b.rotate_left(3) ^ b.rotate_left(4) ^ 0x63
}

fn substitute_back(a: u8) -> u8 {
    inverse(a.rotate_left(1) ^ a.rotate_left(3) ^ a.rotate_left(6) ^ 0x05)
}

/// The columns multiplied by the polynomial with the coefficients of `row`.
fn mix(state: [u8; 16], row: [u8; 4]) -> [u8; 16] {
    core::array::from_fn(|n| {
        let (column, r) = (n / 4 * 4, n % 4);
        (0..4).fold(0, |sum, k| sum ^ times(state[column + k], row[(k + 4 - r) % 4]))
    })
}

fn add(state: [u8; 16], key: [u8; 16]) -> [u8; 16] {
    core::array::from_fn(|n| state[n] ^ key[n])
}

impl TableFree {
    fn encrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut state = add(block, self.round_keys[0]);
        for (round, key) in self.round_keys.iter().enumerate().skip(1) {
            state = core::array::from_fn(|n| substitute(state[(n + n % 4 * 4) % 16]));
            if round < 10 {
                state = mix(state, [2, 3, 1, 1]);
            }
            state = add(state, *key);
        }
        state
    }
    fn decrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut state = block;
        for (round, key) in self.round_keys.iter().enumerate().skip(1).rev() {
            state = add(state, *key);
            if round < 10 {
                state = mix(state, [14, 11, 13, 9]);
            }
            state = core::array::from_fn(|n| substitute_back(state[(n + 16 - n % 4 * 4) % 16]));
        }
        add(state, self.round_keys[0])
    }
}

impl KeySizeUser for TableFree {
    type KeySize = U16;
}
impl BlockSizeUser for TableFree {
    type BlockSize = U16;
}
impl ParBlocksSizeUser for TableFree {
    type ParBlocksSize = U1;
}

impl KeyInit for TableFree {
    fn new(key: &Key<Self>) -> Self {
        SCHEDULES.with(|count| count.set(count.get() + 1));
        let mut round_keys = [[0; 16]; 11];
        round_keys[0] = (*key).into();
        let mut constant = 1;
        for n in 1..11 {
            let last = round_keys[n - 1];
            let mut word: [u8; 4] = [last[13], last[14], last[15], last[12]].map(substitute);
            word[0] ^= constant;
            constant = times(constant, 2);
            for k in 0..16 {
                word[k % 4] ^= last[k];
                round_keys[n][k] = word[k % 4];
            }
        }
        Self { round_keys }
    }
}

impl BlockCipherEncBackend for TableFree {
    fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        *block.get_out() = Array(self.encrypt(block.clone_in().into()));
    }
}
impl BlockCipherDecBackend for TableFree {
    fn decrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        *block.get_out() = Array(self.decrypt(block.clone_in().into()));
    }
}
impl BlockCipherEncrypt for TableFree {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = U16>) {
        f.call(self);
    }
}
impl BlockCipherDecrypt for TableFree {
    fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = U16>) {
        f.call(self);
    }
}
