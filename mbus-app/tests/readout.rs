//! A wired master reads a meter that needs three telegrams, on a line that loses some: every record once, in order, with
//! one buffer and in virtual time.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::Telegram;
use mbus_app::readout::{Page, Pages};
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{
    DataClass, LineTiming, Master, MasterEvent, PrimaryAddress, Slave, SlaveEvent, SlaveSettings,
};
use oms_security::key::NoKeys;

const METER: PrimaryAddress = PrimaryAddress(5);

/// What the meter answers to request number `n`, counted from 0: all but the last announce more.
fn answer(n: usize) -> Vec<u8> {
    let header = [0x72, 0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x01, 0x07, u8::try_from(n).unwrap(), 0, 0, 0];
    let records: [&[u8]; 3] =
        [b"\x01\x13\x01\x01\x13\x02\x1F", b"\x41\x13\x03\x1F\xAA\xBB", b"\x81\x01\x13\x04\x0F"];
    [&header[..], records[n]].concat()
}

/// The values read, with transmissions left out whose number (from either side) is in `lost`.
fn read(lost: &[usize]) -> Vec<String> {
    let mut master = Master::new(LineTiming::new(2400));
    let mut slave = Slave::new(SlaveSettings { address: METER, ..SlaveSettings::default() });
    let (mut now, mut sent, mut page) = (Instant::ZERO, 0, 0);
    let mut pages = Pages::with_limit(5);
    let mut values = Vec::new();
    master.read(METER, 5).unwrap();
    for _ in 0..1000 {
        now = now.after(Duration::from_millis(5));
        master.handle_timeout(now);
        slave.handle_timeout(now);
        let to_slave = master.poll_transmit(now).map(<[u8]>::to_vec);
        let to_master = slave.poll_transmit(now).map(<[u8]>::to_vec);
        let on_air = |octets: &Vec<u8>| u32::try_from(octets.len()).unwrap() * 11;
        let bits = to_slave.iter().chain(&to_master).map(on_air).sum();
        now = now.after(Duration::from_bit_times(bits, 2400));
        let mut over = |octets: Option<Vec<u8>>| {
            sent += usize::from(octets.is_some());
            octets.filter(|_| !lost.contains(&(sent - 1)))
        };
        let (to_slave, to_master) = (over(to_slave), over(to_master));
        to_slave.iter().for_each(|octets| slave.handle_input(now, octets));
        to_master.iter().for_each(|octets| master.handle_input(now, octets));
        while let Some(event) = slave.poll_event() {
            match event {
                SlaveEvent::Reset { .. } => page = 0,
                SlaveEvent::Request { class: DataClass::Two, repeated, .. } => {
                    page += usize::from(!repeated);
                    slave.respond(&answer(page.saturating_sub(1).min(2))).unwrap();
                }
                _ => {}
            }
        }
        let mut payload = None;
        while let Some(event) = master.poll_event() {
            match event {
                MasterEvent::Data { payload: octets, .. } => payload = Some(octets.to_vec()),
                MasterEvent::Failed { fault, .. } => panic!("{fault:?}"),
                _ => {}
            }
        }
        let Some(mut payload) = payload else { continue };
        let telegram = Telegram::decode_wired_payload(&mut payload, None, &NoKeys).unwrap();
        let judged = pages.accept(&telegram).unwrap();
        if judged != Page::Repeated {
            values.extend(telegram.records().map(|record| record.unwrap().value().to_string()));
        }
        if judged == Page::Last {
            assert_eq!(pages.finish(), Ok(()));
            return values;
        }
        master.more().unwrap();
    }
    panic!("no end")
}

#[test]
fn every_record_once_whatever_is_lost() {
    let expected = ["0.001", "0.002", "", "0.003", "AABB", "0.004", ""];
    assert_eq!(read(&[]), expected);
    for first in 0..8 {
        assert_eq!(read(&[first]), expected, "without transmission {first}");
        for second in first + 1..first + 4 {
            assert_eq!(read(&[first, second]), expected, "without transmissions {first} and {second}");
        }
    }
}
