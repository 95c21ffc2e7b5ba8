//! CRC, line codes and the search for frames against what others do, in one process: the ratios are printed at the end.
//!
//! The peers' ways are written here as they are known: bit by bit as a demodulator feeds chips, a table for each symbol,
//! the tables of the crc crate. Each is checked to give the same octets before it is measured.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Instant;

use benches::Octets;
use crc::{Algorithm, Crc, NoTable, Table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wmbus_phy::crc::forms;
use wmbus_phy::line::three_of_six::SYMBOLS;
use wmbus_phy::mode::{C1, T1};
use wmbus_phy::{ChipDeframer, ChipEvent, Chips, FrameFormat, LineCode, Transmission, format_a};

/// Octets of a telegram in the measurements of line codes.
const TELEGRAM: usize = 96;

const EN_13757: Algorithm<u16> = Algorithm {
    width: 16,
    poly: 0x3D65,
    init: 0,
    refin: false,
    refout: false,
    xorout: 0xFFFF,
    check: 0xC2B7,
    residue: 0xA366,
};

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

/// Mode T as a demodulator feeds it: chip by chip into a register, a nibble for every six of them.
fn three_of_six_bit_by_bit(chips: &[u8], octets: &mut [u8]) -> bool {
    let (mut register, mut count, mut nibbles, mut octet) = (0_u8, 0, 0, 0_u8);
    let mut out = octets.iter_mut();
    for packed in chips {
        for at in (0..8).rev() {
            register = (register << 1 | packed >> at & 1) & 0x3F;
            count += 1;
            if count < 6 {
                continue;
            }
            count = 0;
            let nibble = NIBBLES[usize::from(register)];
            if nibble > 15 {
                return false;
            }
            octet = octet << 4 | nibble;
            nibbles += 1;
            if nibbles == 2 {
                nibbles = 0;
                match out.next() {
                    Some(place) => *place = octet,
                    None => return true,
                }
            }
        }
    }
    true
}

/// Mode S as a demodulator feeds it.
fn manchester_bit_by_bit(chips: &[u8], octets: &mut [u8]) -> bool {
    let (mut register, mut count, mut bits, mut octet) = (0_u8, 0, 0, 0_u8);
    let mut out = octets.iter_mut();
    for packed in chips {
        for at in (0..8).rev() {
            register = (register << 1 | packed >> at & 1) & 3;
            count += 1;
            if count < 2 {
                continue;
            }
            count = 0;
            let bit = match register {
                0b01 => 1,
                0b10 => 0,
                _ => return false,
            };
            octet = octet << 1 | bit;
            bits += 1;
            if bits == 8 {
                bits = 0;
                match out.next() {
                    Some(place) => *place = octet,
                    None => return true,
                }
            }
        }
    }
    true
}

/// Mode T by where the chips lie, and a branch for each symbol.
fn three_of_six_match(chips: &[u8], octets: &mut [u8]) -> bool {
    let nibble = |at: usize| {
        let word = u16::from(chips[at / 8]) << 8 | u16::from(*chips.get(at / 8 + 1).unwrap_or(&0));
        let symbol = (word >> (10 - at % 8)) as u8 & 0x3F;
        Some(match symbol {
            22 => 0,
            13 => 1,
            14 => 2,
            11 => 3,
            28 => 4,
            25 => 5,
            26 => 6,
            19 => 7,
            44 => 8,
            37 => 9,
            38 => 10,
            35 => 11,
            52 => 12,
            49 => 13,
            50 => 14,
            41 => 15,
            _ => return None,
        })
    };
    for (at, octet) in octets.iter_mut().enumerate() {
        match (nibble(at * 12), nibble(at * 12 + 6)) {
            (Some(high), Some(low)) => *octet = high << 4 | low,
            _ => return false,
        }
    }
    true
}

static NIBBLES: [u8; 64] = {
    let mut table = [0x80; 64];
    let mut nibble = 0;
    while nibble < 16 {
        table[SYMBOLS[nibble] as usize] = nibble as u8;
        nibble += 1;
    }
    table
};

fn line_code(
    c: &mut Criterion,
    samples: &Samples,
    group: &str,
    code: LineCode,
    theirs: &[(&'static str, Decode)],
) {
    let mut numbers = Octets::new(3);
    let octets: Vec<u8> = (0..TELEGRAM).map(|_| numbers.below(256) as u8).collect();
    let mut chips = vec![0; code.chips_len(TELEGRAM)];
    code.encode_into(&octets, &mut chips).expect("room for all");
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

/// Frames of format A whose CRCs are checked block by block.
fn check(frames: &[Vec<u8>], crc: impl Fn(&[u8]) -> u16) -> bool {
    frames.iter().all(|frame| {
        let mut rest = &frame[..];
        let mut size = 10;
        while !rest.is_empty() {
            let (block, behind) = rest.split_at(size.min(rest.len() - 2));
            let (found, behind) = behind.split_at(2);
            if crc(block).to_be_bytes() != *found {
                return false;
            }
            (rest, size) = (behind, 16);
        }
        true
    })
}

fn crcs(c: &mut Criterion, samples: &Samples) {
    let mut numbers = Octets::new(5);
    let mut frames = Vec::new();
    for _ in 0..64 {
        // 78 octets are 90 with their CRCs.
        let mut frame: Vec<u8> = (0..78).map(|_| numbers.below(256) as u8).collect();
        frame[0] = 77;
        let mut out = [0; 290];
        frames.push(format_a::encode_into(&frame, &mut out).expect("a frame").to_vec());
    }
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
