//! The search by secondary address and the scan by primary address, on a simulated segment in virtual time.
//!
//! The table of results below is kept as text: a change of behaviour shows as a change of numbers.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod wired_bus;
mod wired_crowd;

use core::ops::Range;
use std::collections::BTreeSet;

use mbus_link::time::{Duration, Instant};
use mbus_link::wired::search::least_frames;
use mbus_link::wired::{
    Command, Fault, Frame, LineTiming, Master, PrimaryAddress, PrimaryScan, ScanEvent, Search, SearchEvent,
    SearchReport, SearchSettings, SlaveSettings,
};
use mbus_link::{Address, CField, DeviceType, IdentificationNumber, ManufacturerId, Version};
use wired_bus::{Bus, Meter, Random};
use wired_crowd::Crowd;

const LINE: LineTiming = LineTiming::new(2400);

fn address(number: u32, manufacturer: u16, version: u8, device_type: u8) -> Address {
    Address {
        manufacturer: ManufacturerId::from_raw(manufacturer),
        identification: IdentificationNumber::from_number(number).unwrap(),
        version: Version(version),
        device_type: DeviceType(device_type),
    }
}
/// A meter with a long header and one record.
fn meter(primary: u8, identity: Address, fabrication_number: Option<IdentificationNumber>) -> Meter {
    let settings = SlaveSettings {
        address: PrimaryAddress(primary),
        identity,
        fabrication_number,
        ..SlaveSettings::default()
    };
    let mut telegram = vec![0x72];
    telegram.extend(identity.to_transport_octets());
    telegram.extend([0, 0, 0, 0, 0x0C, 0x13]);
    telegram.extend(identity.identification.octets());
    // Meters differ in what they have counted; what is the same octet for octet cannot be told from one.
    telegram.extend([0x01, 0x13, primary]);
    Meter::new(settings, vec![telegram])
}
/// So many different numbers; the first ten share six digits when asked for.
fn numbers(count: usize, random: &mut Random, shared: bool) -> Vec<u32> {
    let mut numbers: Vec<u32> =
        if shared { (0..10).map(|n| 31_415_900 + n * 7).collect() } else { Vec::new() };
    while numbers.len() < count {
        let number = random.below(100_000_000) as u32;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}
struct Outcome {
    found: Vec<Address>,
    unresolved: usize,
    report: SearchReport,
    time: Duration,
    progress: Vec<u16>,
}
fn search(bus: &mut Bus, settings: SearchSettings) -> Outcome {
    let mut search = Search::new(Master::new(LINE), settings);
    let (mut found, mut unresolved, mut report, mut progress) = (Vec::new(), 0, None, Vec::new());
    let mut now = Instant::ZERO;
    bus.run(&mut now, &mut search, |search| {
        if progress.last() != Some(&search.progress()) {
            progress.push(search.progress());
        }
        while let Some(event) = search.poll_event() {
            match event {
                SearchEvent::Found { identity, payload, .. } => {
                    assert_eq!(payload[0], 0x72);
                    found.push(identity.unwrap());
                }
                SearchEvent::Unresolved { .. } => unresolved += 1,
                SearchEvent::Done(done) => report = Some(done),
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(search.events_lost(), 0);
    let time = now.since(Instant::ZERO);
    Outcome { found, unresolved, report: report.unwrap(), time, progress }
}

/// Searches for so many meters, one for each seed, with answers at the same time: how many meters were missed, and the
/// frames sent on average.
fn many(count: usize, loss: u64, shared: bool, seeds: Range<u64>) -> (usize, u32) {
    let (mut missed, mut frames, searches) = (0, 0, seeds.clone().count() as u32);
    for seed in seeds {
        let numbers = numbers(count, &mut Random(seed), shared);
        let identities: Vec<_> = numbers.iter().map(|n| address(*n, 0x1593, 0x33, 7)).collect();
        let mut crowd = Crowd::new(&identities, seed);
        crowd.loss = loss * 10;
        let mut search = Search::new(Master::new(LINE), DEFAULT);
        let mut found = BTreeSet::new();
        crowd.run(&mut search, |search| {
            while let Some(event) = search.poll_event() {
                if let SearchEvent::Found { identity, .. } = event {
                    assert!(found.insert(identity.unwrap().to_string()), "nobody is told twice");
                }
            }
        });
        let report = search.report();
        assert_eq!((report.is_complete, report.frames_sent), (true, crowd.frames));
        assert!(found.iter().all(|found| identities.iter().any(|there| there.to_string() == *found)));
        missed += count - found.len();
        frames += report.frames_sent;
    }
    (missed, frames / searches)
}

/// Meters, loss per frame and direction, whether ten of the meters are alike in six digits, searches, and the most frames
/// that one may send on average.
const BOUNDS: [(usize, u64, bool, u64, u32); 6] = [
    (250, 0, false, 10, 1950),
    (250, 1, true, 8, 3900),
    (250, 5, true, 50, 6100),
    (250, 5, false, 8, 6100),
    (250, 10, true, 4, 9000),
    (30, 5, true, 50, 1100),
];

#[test]
fn searches_by_the_hundred_find_all() {
    for (count, loss, shared, searches, bound) in BOUNDS {
        let (missed, frames) = many(count, loss, shared, 0..searches);
        println!("{count} meters, {loss} %, alike {shared}: {frames} frames on average of {searches}");
        assert!(missed == 0 && frames <= bound, "{count} {loss} {shared}: {missed} {frames}");
    }
}

/// A measurement rather than a test: how many are missed in 200 searches of each kind, 8000 in all.
#[test]
#[ignore = "takes a minute"]
fn how_many_are_missed() {
    for count in [1, 2, 10, 50, 100, 250] {
        for loss in [0, 1, 5, 10] {
            let alike: &[bool] = if count >= 10 { &[false, true] } else { &[false] };
            for &shared in alike {
                let (missed, frames) = many(count, loss, shared, 0..200);
                println!(
                    "{count:>3} meters, {loss:>2} %, alike {shared:>5}: {missed} missed in 200 searches, {frames} frames"
                );
            }
        }
    }
}

/// Meters, loss per frame and direction in percent, answers spread over the window, answers spread.
type Row = (usize, u64, bool, bool);

const ROWS: [Row; 8] = [
    (0, 0, false, false),
    (1, 0, false, false),
    (10, 0, true, false),
    (250, 0, false, false),
    (250, 0, true, true),
    (250, 1, true, false),
    (250, 5, false, false),
    (250, 5, true, true),
];
const DEFAULT: SearchSettings = SearchSettings::DEFAULT;

const TABLE: &str = "\
\x20 0 meters random    0 % together found   0, frames     4 of least    1 = 4.00,    1 s
  1 meters random    0 % together found   1, frames     9 of least    2 = 4.50,    2 s
 10 meters 10 alike  0 % together found  10, frames   276 of least  111 = 2.48,   76 s
250 meters random    0 % together found 250, frames  1700 of least 1341 = 1.26,  454 s
250 meters 10 alike  0 % spread   found 250, frames  1668 of least 1411 = 1.18,  464 s
250 meters 10 alike  1 % together found 250, frames  3490 of least 1351 = 2.58,  936 s
250 meters random    5 % together found 250, frames  5972 of least 1331 = 4.48, 1598 s
250 meters 10 alike  5 % spread   found 250, frames  5766 of least 1391 = 4.14, 1605 s
";

#[test]
fn all_meters_are_found_and_the_work_is_told() {
    assert_eq!(SearchSettings::default(), DEFAULT);
    let mut table = String::new();
    for (n, (count, loss, shared, spread)) in ROWS.into_iter().enumerate() {
        let mut random = Random(1000 + n as u64);
        let numbers = numbers(count, &mut random, shared);
        let meters = numbers.iter().map(|n| meter((n % 251) as u8, address(*n, 0x1593, 0x33, 7), None));
        let mut bus = Bus::new(meters.collect(), n as u64);
        (bus.loss, bus.spread) = (loss * 10, spread);
        let outcome = search(&mut bus, DEFAULT);
        let mut found: Vec<u32> = outcome.found.iter().map(|a| a.identification.number().unwrap()).collect();
        let twice = found.len();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), twice, "nobody is told twice, row {n}");
        let all: Vec<_> = numbers.iter().map(|n| IdentificationNumber::from_number(*n).unwrap()).collect();
        let least = least_frames(&all);
        let report = outcome.report;
        assert_eq!(report.frames_sent as usize, bus.sent.len());
        assert_eq!((report.found as usize, report.is_complete), (twice, true));
        assert_eq!(outcome.unresolved, report.unresolved as usize);
        assert!(outcome.progress.is_sorted() && outcome.progress.last() == Some(&1000));
        assert_eq!(twice, count, "row {n}\n{table}");
        table.push_str(&format!(
            "{count:>3} meters {} {loss:>2} % {} found {twice:>3}, frames {:>5} of least {least:>4} = {}.{:02}, {:>4} s\n",
            if shared { "10 alike" } else { "random  " },
            if spread { "spread  " } else { "together" },
            report.frames_sent,
            report.frames_sent / least,
            report.frames_sent * 100 / least % 100,
            outcome.time.as_millis() / 1000,
        ));
    }
    assert!(table == TABLE, "the table is now\n{table}");
}

fn found_numbers(outcome: &Outcome) -> Vec<String> {
    let mut numbers: Vec<String> = outcome.found.iter().map(ToString::to_string).collect();
    numbers.sort();
    numbers
}

#[test]
fn equal_digits_are_told_apart_by_manufacturer_version_type_and_fabrication_number() {
    let one = address(12_345_678, 0x1593, 0x33, 7);
    let rows: [(&str, Address); 3] = [
        ("manufacturer", address(12_345_678, 0x2C2D, 0x33, 7)),
        ("version", address(12_345_678, 0x1593, 0x34, 7)),
        ("type", address(12_345_678, 0x1593, 0x33, 4)),
    ];
    for (what, other) in rows {
        // The kind of the other one is known from a meter that is found before, or not.
        for known in [true, false] {
            let mut meters = vec![meter(1, one, None), meter(2, other, None)];
            if known {
                for (n, kind) in [(0, one), (1, other)] {
                    let number = IdentificationNumber::from_number(10_000_000 + n).unwrap();
                    meters.push(meter(3, Address { identification: number, ..kind }, None));
                }
            }
            let all = meters.len();
            let outcome = search(&mut Bus::new(meters, 1), DEFAULT);
            assert!(outcome.report.is_complete);
            if known {
                assert_eq!((outcome.found.len(), outcome.unresolved), (all, 0), "{what}");
            } else {
                assert_eq!((outcome.found.len(), outcome.unresolved), (0, 1), "{what}");
            }
        }
        let settings = SearchSettings {
            manufacturers: const { &[ManufacturerId::from_raw(0x1593), ManufacturerId::from_raw(0x2C2D)] },
            versions: &[Version(0x33), Version(0x34)],
            device_types: &[DeviceType(4), DeviceType(7)],
            ..DEFAULT
        };
        let outcome = search(&mut Bus::new(vec![meter(1, one, None), meter(2, other, None)], 1), settings);
        assert_eq!((outcome.found.len(), outcome.unresolved), (2, 0), "{what}");
    }
    // All eight octets are equal, only the fabrication number differs.
    let number = |text: &str| text.parse().ok();
    let twins = vec![meter(1, one, number("90000001")), meter(2, one, number("90000002"))];
    let outcome = search(&mut Bus::new(twins, 1), DEFAULT);
    assert_eq!((outcome.found.len(), outcome.unresolved), (2, 0));
    // Nothing tells them apart: said, not passed over.
    let twins = vec![meter(1, one, None), meter(2, one, None), meter(3, address(5, 0x1593, 1, 7), None)];
    let outcome = search(&mut Bus::new(twins, 1), DEFAULT);
    assert_eq!((found_numbers(&outcome), outcome.unresolved), (vec!["ELS.00000005.01.07".to_string()], 1));
}

#[test]
fn echo_and_damage_are_no_meters() {
    for echo in [false, true] {
        let mut random = Random(7);
        let numbers = numbers(30, &mut random, true);
        let meters = numbers.iter().map(|n| meter(1, address(*n, 0x1593, 0x33, 7), None)).collect();
        let mut bus = Bus::new(meters, 3);
        // One octet in two hundred is damaged, one frame in fifty lost.
        (bus.echo, bus.damage, bus.loss) = (echo, 5, 20);
        let outcome = search(&mut bus, DEFAULT);
        let expected: Vec<String> =
            numbers.iter().map(|n| address(*n, 0x1593, 0x33, 7).to_string()).collect();
        assert!(outcome.found.iter().all(|found| expected.contains(&found.to_string())));
        assert_eq!((outcome.found.len(), outcome.report.is_complete), (30, true), "echo {echo}");
    }
}

#[test]
fn a_line_that_never_rests_or_is_never_good_ends_the_search() {
    let mut bus = Bus::new(vec![meter(1, address(5, 0x1593, 1, 7), None)], 1);
    bus.babble = Some(0x00);
    let outcome = search(&mut bus, DEFAULT);
    assert_eq!((outcome.found.len(), outcome.unresolved, outcome.report.is_complete), (0, 1, false));
    assert!(outcome.report.frames_sent < 5);
    // Whatever is asked, somebody answers nonsense.
    let mut bus = Bus::new(vec![meter(1, address(5, 0x1593, 1, 7), None)], 1);
    bus.damage = 1000;
    bus.echo = true;
    let settings = SearchSettings { most_frames: 500, ..DEFAULT };
    let outcome = search(&mut bus, settings);
    assert_eq!((outcome.found.len(), outcome.report.is_complete), (0, false));
    assert!((500..510).contains(&outcome.report.frames_sent));
}

#[test]
fn a_search_can_be_cancelled_and_gives_the_master_back() {
    let meters = (0..20).map(|n| meter(n, address(u32::from(n), 0x1593, 0x33, 7), None)).collect();
    let mut bus = Bus::new(meters, 1);
    let mut master = Master::new(LINE);
    master.set_sends(4);
    let mut search = Search::new(master, DEFAULT);
    let (mut now, mut found, mut done) = (Instant::ZERO, 0, None);
    bus.run(&mut now, &mut search, |search| {
        let mut cancel = false;
        while let Some(event) = search.poll_event() {
            match event {
                SearchEvent::Found { .. } => found += 1,
                SearchEvent::Done(report) => done = Some(report),
                other => panic!("{other:?}"),
            }
            cancel = found == 3;
        }
        if cancel && done.is_none() {
            assert!(search.cancel());
        }
    });
    assert!(!search.cancel());
    let done = done.unwrap();
    assert_eq!((done.found, done.is_complete, search.progress()), (3, false, 1000));
    let master = search.into_master();
    assert_eq!((master.sends(), master.is_busy()), (4, false));
}

#[test]
fn the_primary_scan_tells_one_from_several() {
    let meters = vec![
        meter(0, address(1, 0x1593, 1, 7), None),
        meter(5, address(2, 0x1593, 1, 7), None),
        meter(9, address(3, 0x1593, 1, 7), None),
        meter(9, address(40_000_004, 0x1593, 1, 7), None),
        meter(250, address(5, 0x1593, 1, 7), None),
    ];
    let mut bus = Bus::new(meters, 1);
    let mut master = Master::new(LINE);
    master.set_sends(1);
    let mut scan = PrimaryScan::new(master, PrimaryAddress(0), PrimaryAddress::LAST);
    let (mut now, mut told, mut progress) = (Instant::ZERO, Vec::new(), Vec::new());
    bus.run(&mut now, &mut scan, |scan| {
        progress.push(scan.progress());
        while let Some(event) = scan.poll_event() {
            told.push(match event {
                ScanEvent::Found { address, payload } => format!("{address} {:?}", payload.map(<[u8]>::len)),
                ScanEvent::Shared { address, fault } => {
                    assert!(!matches!(fault, Fault::Silence));
                    format!("{address} shared")
                }
                ScanEvent::Done(report) => {
                    assert!(report.is_complete);
                    format!("{} found, {} silent, {} frames", report.found, report.silent, report.frames_sent)
                }
                other => panic!("{other:?}"),
            });
        }
    });
    let expected =
        ["0 Some(22)", "5 Some(22)", "9 shared", "250 Some(22)", "3 found, 247 silent, 255 frames"];
    assert_eq!((told, scan.events_lost()), (expected.map(String::from).to_vec(), 0));
    assert!(progress.is_sorted() && progress.last() == Some(&1000));
}

fn numbered(number: u32) -> Address {
    let identification = IdentificationNumber::from_octets(number.to_le_bytes());
    Address { identification, ..address(0, 0x1593, 0x33, 7) }
}

#[test]
fn numbers_that_hold_letters_are_found_where_several_answer_and_no_digit_tells_them_apart() {
    let rows: [&[u32]; 4] = [
        &[0xA234_5678, 0xE234_5678],
        &[0x1234_5678, 0xB234_5678],
        &[0x1234_567A, 0x1234_567E],
        &[0xABCD_EABC, 0xABCD_EABD, 0x1234_5678],
    ];
    for numbers in rows {
        let meters = (1..).zip(numbers).map(|(n, number)| meter(n, numbered(*number), None)).collect();
        let outcome = search(&mut Bus::new(meters, 1), DEFAULT);
        let mut expected: Vec<String> = numbers.iter().map(|number| numbered(*number).to_string()).collect();
        expected.sort();
        assert_eq!((found_numbers(&outcome), outcome.unresolved), (expected, 0));
        assert!(outcome.report.is_complete);
    }
}

/// Searches a line at whose end `answer` says what each frame of the master gets. Gives who was found, and the report.
fn search_line(mut answer: impl FnMut(Frame<'_>) -> Vec<u8>) -> (Vec<Address>, SearchReport) {
    let mut search = Search::new(Master::new(LINE), DEFAULT);
    let (mut now, mut found) = (Instant::ZERO, Vec::new());
    loop {
        if let Some(octets) = search.poll_transmit(now).map(<[u8]>::to_vec) {
            let heard = answer(Frame::parse(&octets).unwrap());
            now = now.after(LINE.air_time(octets.len())).after(Duration::from_millis(50));
            for octet in heard {
                now = now.after(LINE.air_time(1));
                search.handle_input(now, &[octet]);
            }
        }
        while let Some(event) = search.poll_event() {
            match event {
                SearchEvent::Found { identity, .. } => found.push(identity.unwrap()),
                SearchEvent::Done(report) => return (found, report),
                _ => {}
            }
        }
        now = now.max(search.poll_timeout().unwrap());
        search.handle_timeout(now);
    }
}

#[test]
fn who_acknowledges_every_selection_and_has_no_data_ends_the_search_soon() {
    let (found, report) = search_line(|_| vec![0xE5]);
    assert!(found.is_empty() && report.unresolved > 0, "{report:?}");
    assert!(report.frames_sent < 300, "{report:?}");
}

#[test]
fn a_slave_that_heeds_no_selection_is_found_once_and_hides_only_whom_it_disturbs() {
    let (heedless, other) = (numbered(0x1234_5678), numbered(0x8765_4321));
    let data = {
        let mut payload = vec![0x72];
        payload.extend(heedless.to_transport_octets());
        payload.extend([0, 0, 0, 0, 0x0C, 0x13, 1, 2, 3, 4]);
        let frame = Frame::Long { c_field: CField::RSP_UD, address: PrimaryAddress(1), payload: &payload };
        frame.encode_into(&mut [0; 261]).unwrap().to_vec()
    };
    for other in [None, Some(other)] {
        let mut both = false;
        let (found, report) = search_line(|frame| match Command::parse(frame.payload()) {
            Command::Select(selection) => {
                both = other.is_some_and(|other| selection.selects(other, None));
                vec![0xE5]
            }
            _ if both => vec![0x68, 0x00, 0xFF, 0x12],
            _ => data.clone(),
        });
        assert_eq!(found, [heedless]);
        assert_eq!((report.unresolved, report.is_complete), (u32::from(other.is_some()), true));
        assert!(report.frames_sent < 2000, "{report:?}");
    }
}
