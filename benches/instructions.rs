//! Instruction counts under callgrind: the same on every run, so they can gate.
//!
//! The limits are those of this machine's instruction set (x86-64 baseline, opt-level 3, fat LTO). A change that
//! needs more must say why, here.

use std::hint::black_box;

use benches::Corpus;
use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};

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

library_benchmark_group!(name = decode; benchmarks = wired, wired_peer, wireless, mode5);
main!(library_benchmark_groups = decode);
