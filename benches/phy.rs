//! CRC, line codes and the search for frames against what others do, in one process: the ratios are printed at the end.
//!
//! The peers' ways are those of [`benches::radio`] and the tables of the crc crate. Each is checked to give the same
//! octets before it is measured. The same ratios in instructions, which no other program disturbs, are gated by
//! `instructions.rs` and `.ci/run`.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Instant;

use benches::Octets;
use benches::radio::{
    EN_13757, TELEGRAM, check, coded, frames, manchester_bit_by_bit, three_of_six_bit_by_bit,
    three_of_six_match,
};
use crc::{Crc, NoTable, Table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wmbus_phy::crc::forms;
use wmbus_phy::mode::{C1, T1};
use wmbus_phy::{ChipDeframer, ChipEvent, Chips, FrameFormat, LineCode, Transmission};

/// All samples of criterion; the ratios are those of the fastest, which other programs on the machine disturb least.
#[derive(Default)]
struct Samples(RefCell<Vec<(&'static str, Vec<f64>)>>);

impl Samples {
    fn bench(
        &self,
        c: &mut Criterion,
        group: &str,
        name: &'static str,
        octets: usize,
        mut run: impl FnMut(),
    ) {
        let mut group = c.benchmark_group(group);
        group.throughput(Throughput::Bytes(octets as u64));
        self.0.borrow_mut().push((name, Vec::new()));
        group.bench_function(name, |b| {
            b.iter_custom(|times| {
                let start = Instant::now();
                for _ in 0..times {
                    run();
                }
                let taken = start.elapsed();
                if let Some((_, measured)) = self.0.borrow_mut().last_mut() {
                    measured.push(taken.as_nanos() as f64 / times as f64);
                }
                taken
            });
        });
        group.finish();
    }
    fn of(&self, name: &str) -> f64 {
        let all = self.0.borrow();
        let (_, measured) = all.iter().find(|(known, _)| *known == name).expect("a name that was measured");
        measured.iter().copied().fold(f64::INFINITY, f64::min)
    }
    fn ratio(&self, ours: &str, theirs: &str, goal: Option<f64>) {
        let (fast, slow) = (self.of(ours), self.of(theirs));
        let ratio = slow / fast;
        let verdict = match goal {
            Some(goal) if ratio >= goal => format!("  goal {goal}: reached"),
            Some(goal) => format!("  goal {goal}: MISSED"),
            None => String::new(),
        };
        println!("{ours:<28} {fast:>8.1} ns   {theirs:<30} {slow:>8.1} ns   {ratio:>6.2} x{verdict}");
    }
}

fn line_code(
    c: &mut Criterion,
    samples: &Samples,
    group: &str,
    code: LineCode,
    theirs: &[(&'static str, Decode)],
) {
    let (octets, chips) = coded(code);
    let mut out = vec![0; TELEGRAM];
    for (name, decode) in theirs {
        out.fill(0);
        assert!(decode(&chips, &mut out) && out == octets, "{name} does not read what we wrote");
        let mut damaged = chips.clone();
        damaged[40] ^= 0x18;
        assert!(!decode(&damaged, &mut out), "{name} does not see damage");
        samples.bench(c, group, name, TELEGRAM, || {
            assert!(decode(black_box(&chips), black_box(&mut out)));
        });
    }
}

type Decode = fn(&[u8], &mut [u8]) -> bool;

fn line_codes(c: &mut Criterion, samples: &Samples) {
    let ours: Decode = |chips, octets| LineCode::ThreeOfSix.decode_into(chips, octets).is_ok();
    let theirs: [(&str, Decode); 3] = [
        ("3-of-6", ours),
        ("3-of-6 bit by bit", three_of_six_bit_by_bit),
        ("3-of-6 match", three_of_six_match),
    ];
    line_code(c, samples, "3-of-6, 96 octets", LineCode::ThreeOfSix, &theirs);
    let ours: Decode = |chips, octets| LineCode::Manchester.decode_into(chips, octets).is_ok();
    let theirs: [(&str, Decode); 2] =
        [("Manchester", ours), ("Manchester bit by bit", manchester_bit_by_bit)];
    line_code(c, samples, "Manchester, 96 octets", LineCode::Manchester, &theirs);
}

fn crcs(c: &mut Criterion, samples: &Samples) {
    let frames = frames();
    let octets = 64 * 90;
    assert_eq!(frames.iter().map(Vec::len).sum::<usize>(), octets);
    let no_table = Crc::<u16, NoTable>::new(&EN_13757);
    let one = Crc::<u16, Table<1>>::new(&EN_13757);
    let sixteen = Crc::<u16, Table<16>>::new(&EN_13757);
    let group = "CRC, 64 frames of 90 octets";
    let frames = &frames;
    samples.bench(c, group, "CRC, 4 KiB (fast-crc)", octets, || {
        assert!(check(black_box(frames), |block| !forms::octet_tables(0, block)));
    });
    samples.bench(c, group, "crc crate Table<16>, 8 KiB", octets, || {
        assert!(check(black_box(frames), |block| sixteen.checksum(block)));
    });
    samples.bench(c, group, "CRC, 512 octets (default)", octets, || {
        assert!(check(black_box(frames), |block| !forms::nibble_tables(0, block)));
    });
    samples.bench(c, group, "crc crate Table<1>, 512 octets", octets, || {
        assert!(check(black_box(frames), |block| one.checksum(block)));
    });
    samples.bench(c, group, "crc crate NoTable", octets, || {
        assert!(check(black_box(frames), |block| no_table.checksum(block)));
    });
}

/// A second of chips at 100,000 a second: noise with a frame of mode T every tenth of it.
fn deframers(c: &mut Criterion, samples: &Samples) {
    let mut numbers = Octets::new(9);
    let mut frame: Vec<u8> = (0..78).map(|_| numbers.below(256) as u8).collect();
    frame[0] = 77;
    let transmission = Transmission::new(T1.from_meter, FrameFormat::A, &frame);
    let mut stream = Vec::new();
    for _ in 0..10 {
        let mut packed = vec![0; transmission.encoded_len()];
        transmission.encode_into(&mut packed).expect("room for all");
        stream.extend(packed);
        let noise = 1_250 * (stream.len() / 1_250 + 1) - stream.len();
        stream.extend((0..noise).map(|_| numbers.below(256) as u8));
    }
    let mut deframer = <ChipDeframer>::new(&[T1.from_meter, C1.from_meter]).expect("four words");
    let octets = stream.len();
    samples.bench(c, "a second of modes T and C", "a second of chips, T and C", octets, || {
        let mut chips = Chips::new(black_box(&stream));
        let mut found = 0;
        while let Some(event) = deframer.handle_input(&mut chips) {
            found += usize::from(matches!(event, ChipEvent::Frame { .. }));
        }
        assert_eq!(found, 10);
    });
}

fn phy(c: &mut Criterion) {
    let samples = Samples::default();
    line_codes(c, &samples);
    crcs(c, &samples);
    deframers(c, &samples);
    println!();
    samples.ratio("3-of-6", "3-of-6 bit by bit", Some(9.0));
    samples.ratio("3-of-6", "3-of-6 match", Some(4.0));
    samples.ratio("Manchester", "Manchester bit by bit", Some(15.0));
    samples.ratio("CRC, 4 KiB (fast-crc)", "crc crate Table<16>, 8 KiB", Some(1.3));
    samples.ratio("CRC, 512 octets (default)", "crc crate Table<1>, 512 octets", None);
    samples.ratio("CRC, 512 octets (default)", "crc crate Table<16>, 8 KiB", None);
    samples.ratio("CRC, 512 octets (default)", "crc crate NoTable", Some(1.5));
    let second = samples.of("a second of chips, T and C");
    println!(
        "a second of chips, T and C: {:.2} ms, {:.0} times faster than the air",
        second / 1e6,
        1e9 / second
    );
}

criterion_group!(benches, phy);
criterion_main!(benches);
