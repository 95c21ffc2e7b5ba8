//! Telegrams to interpreted records, ours and the peer's in one run.
//!
//! A figure counts only if both sides see the same number of records.

use std::hint::black_box;

use benches::Corpus;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};

fn compare(c: &mut Criterion, name: &str, corpus: &Corpus, wired: bool) {
    let ours: usize =
        corpus.telegrams.iter().map(|telegram| benches::ours(&mut telegram.clone(), wired, &NoKeys)).sum();
    let peer: usize = corpus.telegrams.iter().map(|telegram| benches::peer(telegram, wired)).sum();
    println!(
        "{name}: {} telegrams, {} records; ours {ours}, m-bus-parser {peer}",
        corpus.telegrams.len(),
        corpus.records
    );
    assert_eq!(ours, corpus.records, "we do not see all records");
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(corpus.telegrams.len() as u64));
    group.bench_function("ours", |b| {
        b.iter_batched_ref(
            || corpus.telegrams.clone(),
            |telegrams| {
                telegrams
                    .iter_mut()
                    .map(|telegram| benches::ours(black_box(telegram), wired, &NoKeys))
                    .sum::<usize>()
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("m-bus-parser 0.5.3", |b| {
        b.iter(|| {
            corpus.telegrams.iter().map(|telegram| benches::peer(black_box(telegram), wired)).sum::<usize>()
        });
    });
    group.finish();
}

fn decode(c: &mut Criterion) {
    compare(c, "wired small", &Corpus::wired_small(), true);
    compare(c, "wired large", &Corpus::wired_large(), true);
    compare(c, "wireless small", &Corpus::wireless_small(), false);
}

fn mode5(c: &mut Criterion) {
    let key = PreparedKey::<Aes>::new(&Key::new([7; 16]));
    let (clear, sealed) = Corpus::mode5(&key);
    let mut group = c.benchmark_group("mode 5 with a prepared key");
    group.throughput(Throughput::Elements(sealed.telegrams.len() as u64));
    for (name, corpus) in [("the same in clear", &clear), ("sealed", &sealed)] {
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || corpus.telegrams.clone(),
                |telegrams| {
                    telegrams
                        .iter_mut()
                        .map(|telegram| benches::ours(black_box(telegram), false, &key))
                        .sum::<usize>()
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, decode, mode5);
criterion_main!(benches);
