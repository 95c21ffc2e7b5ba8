//! Instruction counts under callgrind: the same on every run, so they can gate.
//!
//! The limits are those of this machine's instruction set (x86-64 baseline, opt-level 3, fat LTO). A change that
//! needs more must say why, here.

use std::hint::black_box;

use benches::Corpus;
use benches::radio::{EN_13757, check, coded, frames, manchester_bit_by_bit, three_of_six_bit_by_bit};
use crc::{Crc, Table};
use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};
use wmbus_phy::LineCode;
use wmbus_phy::crc::forms;

/// What 76 wired telegrams need now, and two in a hundred on top. The goal is 2,400 for each.
const WIRED_LIMIT: u64 = 3_850 * 76;

fn limited(instructions: u64) -> LibraryBenchmarkConfig {
    LibraryBenchmarkConfig::default()
        .tool(Callgrind::default().hard_limits([(EventKind::Ir, instructions)]))
        .clone()
}

#[library_benchmark(config = limited(WIRED_LIMIT))]
#[bench::small(setup = Corpus::wired_small)]
fn wired(mut corpus: Corpus) -> (Corpus, usize) {
    let records =
        corpus.telegrams.iter_mut().map(|telegram| benches::ours(black_box(telegram), true, &NoKeys)).sum();
    (corpus, records)
}

#[library_benchmark]
#[bench::small(setup = Corpus::wired_small)]
fn wired_peer(corpus: Corpus) -> (Corpus, usize) {
    let records = corpus.telegrams.iter().map(|telegram| benches::peer(black_box(telegram), true)).sum();
    (corpus, records)
}

#[library_benchmark]
#[bench::small(setup = Corpus::wireless_small)]
fn wireless(mut corpus: Corpus) -> (Corpus, usize) {
    let records =
        corpus.telegrams.iter_mut().map(|telegram| benches::ours(black_box(telegram), false, &NoKeys)).sum();
    (corpus, records)
}

fn in_clear() -> (Corpus, PreparedKey<Aes>) {
    let key = PreparedKey::new(&Key::new([7; 16]));
    (Corpus::mode5(&key).0, key)
}

fn sealed() -> (Corpus, PreparedKey<Aes>) {
    let key = PreparedKey::new(&Key::new([7; 16]));
    (Corpus::mode5(&key).1, key)
}

#[library_benchmark]
#[bench::in_clear(setup = in_clear)]
#[bench::sealed(setup = sealed)]
fn mode5((mut corpus, key): (Corpus, PreparedKey<Aes>)) -> (Corpus, usize) {
    let records =
        corpus.telegrams.iter_mut().map(|telegram| benches::ours(black_box(telegram), false, &key)).sum();
    (corpus, records)
}

fn three_of_six() -> (Vec<u8>, Vec<u8>) {
    coded(LineCode::ThreeOfSix)
}

fn manchester() -> (Vec<u8>, Vec<u8>) {
    coded(LineCode::Manchester)
}

type Decode = fn(&[u8], &mut [u8]) -> bool;

/// Decodes a telegram; what comes out is checked where nobody counts.
#[inline(always)]
fn decoded((mut octets, chips): (Vec<u8>, Vec<u8>), decode: Decode) -> Vec<u8> {
    assert!(decode(black_box(&chips), black_box(&mut octets)));
    octets
}

#[library_benchmark]
#[bench::ours(setup = three_of_six)]
fn three_of_six_ours(coded: (Vec<u8>, Vec<u8>)) -> Vec<u8> {
    decoded(coded, |chips, octets| LineCode::ThreeOfSix.decode_into(chips, octets).is_ok())
}

#[library_benchmark]
#[bench::peer(setup = three_of_six)]
fn three_of_six_peer(coded: (Vec<u8>, Vec<u8>)) -> Vec<u8> {
    decoded(coded, three_of_six_bit_by_bit)
}

#[library_benchmark]
#[bench::ours(setup = manchester)]
fn manchester_ours(coded: (Vec<u8>, Vec<u8>)) -> Vec<u8> {
    decoded(coded, |chips, octets| LineCode::Manchester.decode_into(chips, octets).is_ok())
}

#[library_benchmark]
#[bench::peer(setup = manchester)]
fn manchester_peer(coded: (Vec<u8>, Vec<u8>)) -> Vec<u8> {
    decoded(coded, manchester_bit_by_bit)
}

#[library_benchmark]
#[bench::ours(setup = frames)]
fn crc_ours(frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    assert!(check(black_box(&frames), |block| !forms::octet_tables(0, block)));
    frames
}

#[library_benchmark]
#[bench::peer(setup = frames)]
fn crc_peer(frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let crc = Crc::<u16, Table<16>>::new(&EN_13757);
    assert!(check(black_box(&frames), |block| crc.checksum(block)));
    frames
}

library_benchmark_group!(name = decode; benchmarks = wired, wired_peer, wireless, mode5);
library_benchmark_group!(
    name = radio;
    benchmarks = three_of_six_ours, three_of_six_peer, manchester_ours, manchester_peer, crc_ours, crc_peer
);
main!(library_benchmark_groups = decode, radio);
