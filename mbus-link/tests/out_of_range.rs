//! A meter and a gateway that cannot hear each other, and a bidirectional repeater between them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests"
)]

use mbus_link::relay::{Repeater, RepeaterKind, Unlimited};
use mbus_link::time::{Duration, Instant};
use mbus_link::wireless::access_cycle::{
    AccessTiming, Credits, MeterAccess, MeterEvent, OtherDevice, OtherDeviceEvent,
};
use mbus_link::wireless::{DuplicateFilter, DuplicateKey, FrameBuilder, Verdict};
use mbus_link::{Address, CField, CommunicationControl, Ell};

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}
fn meter() -> Address {
    Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03])
}
fn gateway() -> Address {
    Address::from_link_octets([0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31])
}
fn repeater() -> Address {
    Address::from_link_octets([0x3A, 0x63, 0x11, 0x11, 0x11, 0x11, 0x01, 0x33])
}
fn frame(c: u8, sender: Address, receiver: Option<Address>, cc: u8, access_number: u8) -> Vec<u8> {
    let ell = Ell { control: CommunicationControl(cc), access_number, receiver, session: None };
    let mut payload = vec![0; ell.encoded_len()];
    ell.encode_into(&mut payload).unwrap();
    payload.extend_from_slice(&[0x78, 0x0B, 0x13, 0x43, 0x65, 0x87]);
    let builder = FrameBuilder { c_field: CField(c), address: sender, payload: &payload };
    let mut buffer = [0; 256];
    builder.encode_into(&mut buffer).unwrap().to_vec()
}

/// Runs for ten minutes; returns how many requests were answered, how many the meter's application saw,
/// and how many readings the gateway has, duplicates taken out.
fn ten_minutes(timing: AccessTiming, direct_range: bool) -> (usize, usize, usize) {
    let mut m = MeterAccess::new(meter(), timing, 1, Credits::default());
    let mut r = Repeater::<4, _>::new(repeater(), RepeaterKind::Bidirectional, timing, Unlimited);
    let mut g = OtherDevice::<2>::new(gateway(), timing);
    let mut filter = DuplicateFilter::<16>::new(Duration::from_secs(40));
    g.post(at(0), meter(), &frame(0x7B, gateway(), Some(meter()), 0x84, 0x77)).unwrap();
    let (mut answered, mut asked, mut readings) = (0, 0, 0);
    let mut now = at(0);
    let (mut next_own, mut number, mut random) = (at(0), 0_u8, 1_u32);
    while now < at(600_000) {
        if next_own <= now {
            m.send(&frame(0x44, meter(), None, 0xA0, number)).unwrap();
            number += 1;
            next_own = next_own.after(Duration::from_secs(60));
        }
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // A transmission takes no time here, and everybody in range hears it.
        if let Some(octets) = m.poll_transmit(now).map(<[u8]>::to_vec) {
            m.transmitted(now);
            r.handle_input(now, &octets, random).unwrap();
            if direct_range {
                g.handle_input(now, &octets).unwrap();
                let key = DuplicateKey::of(&octets).unwrap();
                readings += usize::from(octets[1] == 0x44 && filter.check(now, key) == Verdict::New);
            }
        }
        if let Some(octets) = r.poll_transmit(now).map(<[u8]>::to_vec) {
            m.handle_input(now, &octets).unwrap();
            g.handle_input(now, &octets).unwrap();
            let key = DuplicateKey::of(&octets).unwrap();
            readings += usize::from(octets[1] == 0x44 && filter.check(now, key) == Verdict::New);
        }
        if let Some(octets) = g.poll_transmit(now).map(<[u8]>::to_vec) {
            r.handle_input(now, &octets, random).unwrap();
            if direct_range {
                m.handle_input(now, &octets).unwrap();
            }
        }
        while let Some(event) = m.poll_event() {
            if let MeterEvent::Request(request) = event {
                asked += 1;
                m.respond(&frame(0x08, meter(), Some(gateway()), 0x80, request.access_number.unwrap()))
                    .unwrap();
            }
        }
        while let Some(event) = g.poll_event() {
            answered += usize::from(matches!(event, OtherDeviceEvent::Answered(..)));
        }
        while r.poll_event().is_some() {}
        let next = [m.poll_timeout(), r.poll_timeout(), g.poll_timeout(), Some(next_own)];
        // Never stands still, even if somebody wants to be called at once again.
        now = next.into_iter().flatten().min().unwrap().max(now.after(Duration::from_micros(100)));
    }
    (answered, asked, readings)
}

#[test]
fn the_request_is_answered_through_the_repeater() {
    for timing in AccessTiming::TABLE {
        assert_eq!(ten_minutes(*timing, false), (1, 1, 10), "{timing}");
    }
}

#[test]
fn in_range_the_repeater_changes_nothing() {
    for timing in AccessTiming::TABLE {
        assert_eq!(ten_minutes(*timing, true), (1, 1, 10), "{timing}");
    }
}
