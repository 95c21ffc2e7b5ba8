//! A line full of octets that nobody asked for: orders, searches and scans end, and nothing to act on gets lost.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use mbus_link::CField;
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{
    BaudRate, DataClass, Fault, Frame, LineTiming, Master, MasterEvent, PrimaryAddress, PrimaryScan,
    ScanEvent, Search, SearchEvent, SearchSettings, Slave, SlaveEvent, SlaveSettings, Station,
};

const SLAVE: PrimaryAddress = PrimaryAddress(1);
const LINE: LineTiming = LineTiming::new(2400);
const FLOODS: [u8; 5] = [0xE5, 0x68, 0x10, 0x00, 0xFF];

/// As a port hands it over: time passes between what is due and what has come in; `ended` fetches the events and says
/// whether the last one was there. In every turn a chunk comes. Gives the time that it took.
fn flood<M: Station>(
    machine: &mut M,
    chunk: &[u8],
    pause: Duration,
    mut ended: impl FnMut(&mut M) -> bool,
) -> Duration {
    let mut now = Instant::ZERO;
    while now < Instant::from_micros(3600 * 1_000_000) {
        machine.handle_timeout(now);
        let _ = machine.poll_transmit(now);
        now = now.after(pause);
        machine.handle_input(now, chunk);
        machine.handle_timeout(now);
        if ended(machine) {
            return now.since(Instant::ZERO);
        }
    }
    panic!("{} octets of {:02X} every {pause:?}: no end after an hour", chunk.len(), chunk[0]);
}
/// Fetches all events and counts the ends of orders among them.
fn ends(master: &mut Master) -> usize {
    let mut ends = 0;
    while let Some(event) = master.poll_event() {
        match event {
            MasterEvent::Stray { .. } | MasterEvent::Retry { .. } | MasterEvent::BaudRate(_) => {}
            _ => ends += 1,
        }
    }
    ends
}

#[test]
fn every_order_on_a_flooded_line_ends_once() {
    for octet in FLOODS {
        for len in 1..=64 {
            let mut master = Master::new(LINE);
            // It floods before the order already, and nobody looks.
            master.handle_input(Instant::ZERO, &[octet; 200]);
            master.request(SLAVE, DataClass::Two).unwrap();
            let took = flood(&mut master, &vec![octet; len], Duration::from_millis(1), |master| {
                let ends = ends(master);
                assert!(ends <= 1 && (ends == 1) != master.is_busy());
                ends == 1
            });
            assert!(took < Duration::from_secs(30), "{len} octets of {octet:02X}: {took:?}");
        }
    }
}

#[test]
fn the_end_of_an_order_is_told_whatever_follows_it() {
    for surplus in 0..300 {
        let mut master = Master::new(LINE);
        master.reset(SLAVE).unwrap();
        assert!(master.poll_transmit(Instant::ZERO).is_some());
        master.handle_input(Instant::from_micros(100_000), &vec![0xE5; 1 + surplus]);
        assert_eq!(master.poll_event(), Some(MasterEvent::Acknowledged { address: SLAVE, sends: 1 }));
        let strays = (surplus > 0).then_some(MasterEvent::Stray { octets: surplus });
        assert_eq!(master.poll_event(), strays, "added up");
        assert_eq!(master.poll_event(), None);
        assert_eq!((master.is_busy(), master.events_lost()), (false, 0));
    }
}

#[test]
fn the_rate_of_the_port_is_told_on_a_flooded_line() {
    let mut master = Master::new(LINE);
    master.change_rate(PrimaryAddress::BROADCAST, BaudRate::TABLE[5]).unwrap();
    assert!(master.poll_transmit(Instant::ZERO).is_some());
    let out = master.poll_timeout().unwrap();
    master.handle_timeout(out);
    (0..50).for_each(|_| master.handle_input(out, &[0xE5; 64]));
    assert_eq!(master.poll_event(), Some(MasterEvent::BaudRate(9600)));
    assert_eq!(master.poll_event(), Some(MasterEvent::RateChanged(BaudRate::TABLE[5])));
    assert_eq!(master.poll_event(), Some(MasterEvent::Stray { octets: 3200 }));
}

#[test]
fn a_flooded_line_is_told_from_silence() {
    let mut master = Master::new(LINE);
    master.handle_input(Instant::ZERO, &[0xE5; 64]);
    master.request(SLAVE, DataClass::Two).unwrap();
    flood(&mut master, &[0xE5; 64], Duration::from_millis(1), |master| {
        let mut failed = false;
        while let Some(event) = master.poll_event() {
            if let MasterEvent::Failed { fault, sends, .. } = event {
                assert_eq!((fault, sends), (Fault::Endless, 0));
                failed = true;
            }
        }
        failed
    });
}

#[test]
fn searches_and_scans_end_on_a_flooded_line() {
    for octet in FLOODS {
        for len in [1, 7, 8, 9, 16, 64] {
            let settings = SearchSettings { most_frames: 20, ..SearchSettings::default() };
            let chunk = vec![octet; len];
            let pause = Duration::from_micros(4_700);
            let mut search = Search::new(Master::new(LINE), settings);
            flood(&mut search, &chunk, pause, |search| {
                core::iter::from_fn(|| search.poll_event().map(|event| matches!(event, SearchEvent::Done(_))))
                    .any(|done| done)
            });
            let mut scan = PrimaryScan::new(Master::new(LINE), PrimaryAddress(0), PrimaryAddress(5));
            flood(&mut scan, &chunk, pause, |scan| {
                core::iter::from_fn(|| scan.poll_event().map(|event| matches!(event, ScanEvent::Done(_))))
                    .any(|done| done)
            });
        }
    }
}

#[test]
fn a_slave_is_asked_whatever_stands_around_the_request() {
    let request = Frame::Short { c_field: CField(0x7B), address: SLAVE };
    let request = request.encode_into(&mut [0; 5]).unwrap().to_vec();
    let noises: [&[u8]; 4] = [&[0xE5], &[0xAA; 5], &[0x10, 0x7B, 0x01, 0x00, 0x16], &[0x68, 3, 3, 0x68]];
    for noise in noises {
        for times in 0..60 {
            let line = [noise.repeat(times), request.clone(), noise.repeat(times)].concat();
            let mut slave = Slave::new(SlaveSettings { address: SLAVE, ..SlaveSettings::default() });
            slave.handle_input(Instant::ZERO, &line);
            slave.handle_timeout(Instant::from_micros(50_000));
            let mut asked = 0;
            while let Some(event) = slave.poll_event() {
                asked += usize::from(matches!(event, SlaveEvent::Request { repeated: false, .. }));
            }
            assert_eq!(asked, 1, "{times} times {noise:02X?}");
        }
    }
}
