//! Wired frames found in a stream: noise, bursts, cut and glued frames, wrong checksums, gaps.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{Deframed, Deframer, Frame, LineTiming, PrimaryAddress};
use mbus_link::{CField, ErrorKind};
use proptest::prelude::*;

const REQUEST: [u8; 5] = [0x10, 0x7B, 0x01, 0x7C, 0x16];

#[derive(Clone, Debug, PartialEq)]
enum Told {
    Frame(Vec<u8>),
    Noise(usize),
    Broken(&'static str, usize),
}
impl Told {
    fn len(&self) -> usize {
        match self {
            Self::Frame(octets) => octets.len(),
            Self::Noise(octets) | Self::Broken(_, octets) => *octets,
        }
    }
}
fn told(event: Deframed<'_>) -> Told {
    match event {
        Deframed::Frame { octets, .. } => Told::Frame(octets.to_vec()),
        Deframed::Noise { octets } => Told::Noise(octets),
        Deframed::Broken { error, octets } => Told::Broken(error.kind.name(), octets),
    }
}
/// What is told of octets that come in pieces of this size, with a rest of the line behind them.
fn deframe<const N: usize>(octets: &[u8], size: usize) -> Vec<Told> {
    let mut deframer = Deframer::<N>::new(LineTiming::new(2400));
    let mut all = Vec::new();
    for mut piece in octets.chunks(size) {
        while let Some(event) = deframer.handle_input(Instant::ZERO, &mut piece) {
            all.push(told(event));
        }
    }
    let rest = deframer.poll_timeout();
    assert_eq!(rest.is_none(), deframer.is_empty());
    deframer.handle_timeout(Instant::ZERO.after(Duration::from_secs(1)));
    while let Some(event) = deframer.poll_event() {
        all.push(told(event));
    }
    assert!(deframer.is_empty() && deframer.poll_timeout().is_none());
    all
}
fn long(payload: &[u8]) -> Vec<u8> {
    let frame = Frame::Long { c_field: CField(0x08), address: PrimaryAddress(1), payload };
    frame.encode_into(&mut [0; 261]).unwrap().to_vec()
}

#[test]
fn every_kind_of_damage_is_told_and_the_next_frame_is_found() {
    let good = long(&[0x78, 0x0B, 0x13, 0x43, 0x65, 0x87]);
    let changed = |at: usize, to: u8| {
        let mut octets = good.clone();
        octets[at] = to;
        octets
    };
    let rows: Vec<(Vec<u8>, Vec<Told>)> = vec![
        (vec![], vec![]),
        (vec![0xFF, 0x00, 0x16], vec![Told::Noise(3)]),
        (vec![0x00; 600], vec![Told::Noise(256), Told::Noise(256), Told::Noise(88)]),
        (changed(1, 0x09), vec![Told::Broken("lengths_differ", 14)]),
        (changed(3, 0x00), vec![Told::Broken("start_octet", 14)]),
        (changed(5, 0x02), vec![Told::Broken("checksum", 14)]),
        (changed(13, 0x00), vec![Told::Broken("stop_octet", 14)]),
        (vec![0x10, 0x7B, 0x01, 0x7D, 0x16], vec![Told::Broken("checksum", 5)]),
        (vec![0x68, 0x02, 0x02, 0x68, 0x08, 0x01, 0x09, 0x16, 0x00], vec![Told::Broken("wired_length", 9)]),
    ];
    for (damage, expected) in &rows {
        for size in [1, 2, 3, 7, 1000] {
            assert_eq!(&deframe::<261>(damage, size), expected, "{damage:02X?}");
        }
        // With a good frame glued to it the frame is found all the same, and so is what comes in front.
        let told = deframe::<261>(&[&REQUEST[..], damage, &REQUEST, &[0xE5]].concat(), 3);
        let frames: Vec<_> = told.iter().filter(|told| matches!(told, Told::Frame(_))).collect();
        assert_eq!(frames.first(), Some(&&Told::Frame(REQUEST.to_vec())));
        assert!(frames[1..].contains(&&Told::Frame(REQUEST.to_vec())), "{damage:02X?} {told:?}");
    }
    // Cut: told when the line rests.
    for end in 1..good.len() {
        let told = deframe::<261>(&good[..end], 4);
        assert_eq!(told, [Told::Broken("truncated", end)], "{end}");
    }
}

#[test]
fn what_acknowledges_in_damaged_data_is_data() {
    // A frame with E5 in its data and one wrong bit: nobody has acknowledged anything.
    let mut octets = long(&[0x78, 0xE5, 0xE5, 0x10]);
    octets[6] ^= 1;
    assert_eq!(deframe::<261>(&octets, 5), [Told::Broken("checksum", octets.len())]);
    // Behind the frame it is an acknowledgement again.
    octets.push(0xE5);
    assert_eq!(deframe::<261>(&octets, 5)[1], Told::Frame(vec![0xE5]));
}

#[test]
fn a_frame_that_is_longer_than_the_buffer_is_told() {
    let octets = long(&[0x78, 1, 2, 3]);
    let told = deframe::<9>(&octets, 2);
    assert_eq!(told, [Told::Broken("buffer_too_small", octets.len())]);
    assert_eq!(deframe::<9>(&long(&[0x78]), 2), [Told::Frame(long(&[0x78]))]);
}

#[test]
fn a_gap_ends_what_was_begun() {
    let line = LineTiming::new(2400);
    let mut deframer = <Deframer>::new(line);
    assert_eq!(deframer.line(), line);
    let now = Instant::from_micros(1_000_000);
    assert!(deframer.handle_input(now, &mut &REQUEST[..3]).is_none());
    assert_eq!(deframer.poll_timeout(), Some(now.after(line.gap())));
    // Small gaps are no end.
    let soon = now.after(Duration::from_millis(10));
    assert!(deframer.clone().handle_input(soon, &mut &REQUEST[3..]).is_some());
    let later = now.after(Duration::from_millis(40));
    let mut rest = &REQUEST[..];
    let Some(Deframed::Broken { error, octets: 3 }) = deframer.handle_input(later, &mut rest) else {
        panic!()
    };
    assert_eq!(error.kind, ErrorKind::Truncated { needed: 5, available: 3 });
    assert!(matches!(deframer.handle_input(later, &mut rest), Some(Deframed::Frame { .. })));
    // Somebody else sends now.
    assert!(deframer.handle_input(later, &mut &REQUEST[..3]).is_none());
    deframer.gap();
    assert!(matches!(deframer.poll_event(), Some(Deframed::Broken { octets: 3, .. })));
    assert!(deframer.handle_input(later, &mut &REQUEST[..]).is_some());
}

proptest! {
    #[test]
    fn every_octet_is_told_once_and_cuts_change_nothing(
        octets in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(0x68), Just(0x10), Just(0x16), Just(0xE5), Just(0x03)], 0..400),
        size in 1usize..50,
    ) {
        let whole = deframe::<261>(&octets, 1000);
        prop_assert_eq!(whole.iter().map(Told::len).sum::<usize>(), octets.len());
        prop_assert_eq!(deframe::<261>(&octets, size), whole);
        prop_assert_eq!(deframe::<9>(&octets, size).iter().map(Told::len).sum::<usize>(), octets.len());
    }

    #[test]
    fn frames_without_noise_all_come_out(
        frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..254), 0..6),
        size in 1usize..600,
    ) {
        let frames: Vec<_> = frames.iter().map(|payload| long(payload)).collect();
        let told = deframe::<261>(&frames.concat(), size);
        prop_assert_eq!(told, frames.into_iter().map(Told::Frame).collect::<Vec<_>>());
    }

    #[test]
    fn behind_any_noise_and_a_rest_the_next_good_frame_is_found(
        noise in proptest::collection::vec(any::<u8>(), 0..600),
        payload in proptest::collection::vec(any::<u8>(), 1..254),
    ) {
        let mut deframer = <Deframer>::new(LineTiming::new(2400));
        let mut now = Instant::from_micros(1_000_000);
        let mut rest = &noise[..];
        while deframer.handle_input(now, &mut rest).is_some() {}
        now = now.after(Duration::from_secs(1));
        let good = long(&payload);
        let mut rest = &good[..];
        let mut last = None;
        while let Some(event) = deframer.handle_input(now, &mut rest) {
            last = Some(told(event));
        }
        prop_assert_eq!(last, Some(Told::Frame(good)));
    }
}
