//! Telegrams that the benchmarks share: built here, numbers made up, shapes as meters send them.
//!
//! `small()` is a set that branch predictors learn by heart; `large()` is a long, shuffled one that they
//! do not. Both come out the same on every machine.

pub mod radio;

use std::hint::black_box;

use mbus_app::Telegram;
use oms_security::configuration::Configuration;
use oms_security::key::{Aes, KeyProvider, PreparedKey};
use oms_security::sealed::{SecurityContext, seal};

/// A deterministic source of octets (xorshift64*).
#[derive(Clone, Debug)]
pub struct Octets(u64);

impl Octets {
    /// The sequence of a seed; a seed of zero is replaced.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(if seed == 0 { 1 } else { seed })
    }
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit.max(1)
    }
}

/// What a record's data look like.
#[derive(Clone, Copy, Debug)]
enum Data {
    /// So many octets of binary, most of the upper ones zero.
    Binary(usize),
    /// So many octets of decimal digits.
    Bcd(usize),
    /// A date of type G.
    Date,
    /// A date and time of type F.
    DateTime,
    /// A real32 number.
    Real,
    /// LVAR text of so many letters.
    Text(usize),
    /// Nothing: the octets of the head are all.
    Nothing,
}

use Data::{Bcd, Binary, Date, DateTime, Nothing, Real, Text};

type Record = (&'static [u8], Data);

/// Record lists of common devices: heat meter, water meter, electricity meter, heat cost allocator,
/// room sensor, gas meter with history, pulse counter with text.
const DEVICES: &[(u8, &[Record])] = &[
    (
        0x04,
        &[
            (&[0x0C, 0x78], Bcd(4)),
            (&[0x04, 0x06], Binary(4)),
            (&[0x04, 0x13], Binary(4)),
            (&[0x04, 0x2B], Binary(4)),
            (&[0x04, 0x3B], Binary(4)),
            (&[0x02, 0x59], Binary(2)),
            (&[0x02, 0x5D], Binary(2)),
            (&[0x02, 0x61], Binary(2)),
            (&[0x04, 0x6D], DateTime),
            (&[0x42, 0x6C], Date),
            (&[0x44, 0x06], Binary(4)),
            (&[0x44, 0x13], Binary(4)),
            (&[0x02, 0xFD, 0x17], Binary(2)),
            (&[0x84, 0x10, 0x06], Binary(4)),
            (&[0x84, 0x20, 0x06], Binary(4)),
        ],
    ),
    (
        0x07,
        &[
            (&[0x0C, 0x13], Bcd(4)),
            (&[0x02, 0x3B], Binary(2)),
            (&[0x04, 0x6D], DateTime),
            (&[0x4C, 0x13], Bcd(4)),
            (&[0x42, 0x6C], Date),
            (&[0x44, 0x93, 0x3C], Binary(4)),
            (&[0x02, 0xFD, 0x74], Binary(2)),
            (&[0x01, 0xFD, 0x17], Binary(1)),
        ],
    ),
    (
        0x02,
        &[
            (&[0x84, 0x00, 0x03], Binary(4)),
            (&[0x84, 0x10, 0x03], Binary(4)),
            (&[0x84, 0x20, 0x03], Binary(4)),
            (&[0x84, 0x40, 0x03], Binary(4)),
            (&[0x04, 0x2B], Binary(4)),
            (&[0x84, 0x40, 0x2B], Binary(4)),
            (&[0x02, 0xFD, 0x48], Binary(2)),
            (&[0x02, 0xFD, 0x5B], Binary(2)),
            (&[0x04, 0xFD, 0xD9, 0xFC, 0x01], Binary(4)),
            (&[0x04, 0xFD, 0xC8, 0xFC, 0x02], Binary(4)),
            (&[0x05, 0xFB, 0x2E], Real),
            (&[0x0E, 0x84, 0x3C], Bcd(6)),
            (&[0x04, 0x83, 0x3B], Binary(4)),
            (&[0x0B, 0xFD, 0x61], Bcd(3)),
        ],
    ),
    (
        0x08,
        &[
            (&[0x0B, 0x6E], Bcd(3)),
            (&[0x4B, 0x6E], Bcd(3)),
            (&[0x42, 0x6C], Date),
            (&[0xCB, 0x08, 0x6E], Bcd(3)),
            (&[0xC2, 0x08, 0x6C], Date),
            (&[0x32, 0x6C], Date),
            (&[0x3B, 0x6E], Bcd(3)),
            (&[0x0A, 0x5A], Bcd(2)),
            (&[0x0A, 0x66], Bcd(2)),
            (&[0x04, 0x6D], DateTime),
        ],
    ),
    (
        0x03,
        &[
            (&[0x0C, 0x14], Bcd(4)),
            (&[0x04, 0x6D], DateTime),
            (&[0x44, 0x14], Binary(4)),
            (&[0x42, 0x6C], Date),
            (&[0x84, 0x01, 0x14], Binary(4)),
            (&[0x82, 0x01, 0x6C], Date),
            (&[0xC4, 0x01, 0x14], Binary(4)),
            (&[0xC2, 0x01, 0x6C], Date),
            (&[0x84, 0x02, 0x14], Binary(4)),
            (&[0x82, 0x02, 0x6C], Date),
            (&[0xC4, 0x02, 0x14], Binary(4)),
            (&[0xC2, 0x02, 0x6C], Date),
            (&[0x84, 0x03, 0x14], Binary(4)),
            (&[0x82, 0x03, 0x6C], Date),
            (&[0x02, 0xFD, 0x17], Binary(2)),
        ],
    ),
    (
        0x0E,
        &[
            (&[0x0D, 0xFD, 0x0C], Text(10)),
            (&[0x0C, 0x78], Bcd(4)),
            (&[0x8C, 0x40, 0x13], Bcd(4)),
            (&[0x8C, 0x80, 0x40, 0x13], Bcd(4)),
            (&[0x8C, 0xC0, 0x40, 0x13], Bcd(4)),
            (&[0x04, 0x15], Binary(4)),
            (&[0x05, 0x3E], Real),
            (&[0x05, 0x5B], Real),
            (&[0x14, 0x2B], Binary(4)),
            (&[0x24, 0x2B], Binary(4)),
            (&[0x04, 0x22], Binary(4)),
            (&[0x04, 0x26], Binary(4)),
            (&[0x0F, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06], Nothing),
        ],
    ),
];

fn put(data: Data, random: &mut Octets, out: &mut Vec<u8>) {
    match data {
        Binary(len) => {
            let number = random.number() >> (64 - (len * 8 * 5 / 8).max(4));
            out.extend_from_slice(&number.to_le_bytes()[..len]);
        }
        Bcd(len) => (0..len).for_each(|n| {
            let digits = if n * 2 > len { 0 } else { random.below(100) };
            out.push((digits / 10 * 16 + digits % 10) as u8);
        }),
        Date => {
            out.extend_from_slice(&[(random.below(28) + 1) as u8 | 0x20, (random.below(12) + 1) as u8 | 0x30])
        }
        DateTime => out.extend_from_slice(&[
            random.below(60) as u8,
            random.below(24) as u8,
            (random.below(28) + 1) as u8 | 0x20,
            (random.below(12) + 1) as u8 | 0x30,
        ]),
        Real => out.extend_from_slice(&(random.below(100_000) as f32 / 64.0).to_le_bytes()),
        Text(len) => {
            out.push(len as u8);
            (0..len).for_each(|_| out.push(b'A' + random.below(26) as u8));
        }
        Nothing => {}
    }
}

/// The records of one device, with how many there are.
fn records(device: &[Record], random: &mut Octets) -> (Vec<u8>, usize) {
    let mut out = Vec::new();
    for (head, data) in device {
        out.extend_from_slice(head);
        put(*data, random, &mut out);
    }
    (out, device.len())
}

/// One wired RSP-UD with a long transport header.
fn wired(random: &mut Octets) -> (Vec<u8>, usize) {
    let (device_type, device) = DEVICES[random.below(DEVICES.len() as u64) as usize];
    let (records, count) = records(device, random);
    let mut body = vec![0x08, random.below(250) as u8, 0x72];
    put(Bcd(4), random, &mut body);
    body.extend_from_slice(&[0x93, 0x15, 0x33, device_type, random.below(256) as u8, 0, 0, 0]);
    body.extend_from_slice(&records);
    let length = body.len() as u8;
    let sum = body.iter().fold(0u8, |sum, octet| sum.wrapping_add(*octet));
    let mut frame = vec![0x68, length, length, 0x68];
    frame.extend_from_slice(&body);
    frame.extend_from_slice(&[sum, 0x16]);
    (frame, count)
}

/// One wireless SND-NR with a short transport header, CRCs removed.
fn wireless(random: &mut Octets) -> (Vec<u8>, usize) {
    let (device_type, device) = DEVICES[random.below(DEVICES.len() as u64) as usize];
    let (records, count) = records(device, random);
    let mut frame = vec![0, 0x44, 0x93, 0x15];
    put(Bcd(4), random, &mut frame);
    frame.extend_from_slice(&[0x33, device_type, 0x7A, random.below(256) as u8, 0, 0, 0]);
    frame.extend_from_slice(&records);
    frame[0] = (frame.len() - 1) as u8;
    (frame, count)
}

/// Decodes a telegram to all its interpreted records and gives their number: quantity, unit, value, function,
/// storage number, tariff and subunit of each are used.
#[inline(never)]
pub fn ours<P: KeyProvider>(telegram: &mut [u8], wired: bool, keys: &P) -> usize {
    let decoded = if wired {
        Telegram::decode_wired(telegram, keys)
    } else {
        Telegram::decode_stripped(telegram, keys)
    };
    let Ok(telegram) = decoded else { return 0 };
    black_box(telegram.meter());
    let mut count = 0;
    for record in telegram.records() {
        let Ok(record) = record else { continue };
        black_box(&record.value());
        black_box((record.quantity(), record.unit(), record.function()));
        black_box((record.storage(), record.tariff(), record.subunit()));
        count += 1;
    }
    count
}

/// The same with m-bus-parser's typed interface, which gives all of that with each record.
#[inline(never)]
pub fn peer(telegram: &[u8], wired: bool) -> usize {
    use m_bus_parser::mbus_data::MbusData;
    use m_bus_parser::{WiredFrame, WirelessFrame};
    let records = if wired {
        MbusData::<WiredFrame>::try_from(telegram).ok().and_then(|data| data.data_records)
    } else {
        MbusData::<WirelessFrame>::try_from(telegram).ok().and_then(|data| data.data_records)
    };
    records.map_or(0, |records| records.flatten().map(black_box).count())
}

/// The telegram with 2F 2F in front of its records and fillers behind, to whole blocks.
fn padded(telegram: &[u8]) -> Vec<u8> {
    let mut octets = telegram[..15].to_vec();
    octets.extend_from_slice(&[0x2F, 0x2F]);
    octets.extend_from_slice(&telegram[15..]);
    while !(octets.len() - 15).is_multiple_of(16) {
        octets.push(0x2F);
    }
    octets[0] = (octets.len() - 1) as u8;
    octets
}

/// Telegrams and the number of records in all of them.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// The telegrams.
    pub telegrams: Vec<Vec<u8>>,
    /// Records in all of them together.
    pub records: usize,
}

impl Corpus {
    fn of(n: usize, seed: u64, make: fn(&mut Octets) -> (Vec<u8>, usize)) -> Self {
        let mut random = Octets::new(seed);
        let made: Vec<_> = (0..n).map(|_| make(&mut random)).collect();
        let records = made.iter().map(|(_, count)| count).sum();
        Self { telegrams: made.into_iter().map(|(telegram, _)| telegram).collect(), records }
    }
    /// 76 wired telegrams.
    #[must_use]
    pub fn wired_small() -> Self {
        Self::of(76, 7, wired)
    }
    /// 20 000 wired telegrams.
    #[must_use]
    pub fn wired_large() -> Self {
        Self::of(20_000, 11, wired)
    }
    /// 120 wireless telegrams.
    #[must_use]
    pub fn wireless_small() -> Self {
        Self::of(120, 13, wireless)
    }
    /// 120 wireless telegrams padded to whole blocks, in clear and sealed in mode 5.
    #[must_use]
    pub fn mode5(key: &PreparedKey<Aes>) -> (Self, Self) {
        let (mut clear, mut sealed) = (Self::of(120, 17, wireless), Self::of(120, 17, wireless));
        for (clear, sealed) in clear.telegrams.iter_mut().zip(&mut sealed.telegrams) {
            *clear = padded(sealed);
            *sealed = clear.clone();
            let blocks = (sealed.len() - 15) / 16;
            let field = 0x0500 | (blocks.min(15) as u16) << 4;
            sealed[13..15].copy_from_slice(&field.to_le_bytes());
            let (configuration, _) = Configuration::parse_prefix(&sealed[13..]).expect("two octets");
            let meter = mbus_link::Address::from_link_octets(sealed[2..10].try_into().expect("eight octets"));
            let context = SecurityContext {
                meter,
                access_number: sealed[11],
                configuration,
                ..SecurityContext::default()
            };
            seal(&context, &mut sealed[10..], 5, key).expect("whole blocks");
        }
        (clear, sealed)
    }
    /// Octets of an average telegram.
    #[must_use]
    pub fn octets(&self) -> f64 {
        self.telegrams.iter().map(Vec::len).sum::<usize>() as f64 / self.telegrams.len() as f64
    }
    /// Records of an average telegram.
    #[must_use]
    pub fn records_each(&self) -> f64 {
        self.records as f64 / self.telegrams.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Corpus;

    #[test]
    fn the_average_wired_telegram_is_that_of_the_field() {
        // The test frames of libmbus: 101 octets and 12.4 records on average.
        for corpus in [Corpus::wired_small(), Corpus::wired_large()] {
            assert!((95.0..107.0).contains(&corpus.octets()), "{}", corpus.octets());
            assert!((11.5..13.5).contains(&corpus.records_each()), "{}", corpus.records_each());
        }
    }
}
