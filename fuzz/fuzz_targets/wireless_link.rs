//! The machines of the radio link: meter, gateway, repeater and installation on one air, any frames, times that go
//! backwards. What is sent is a frame; nothing is sent for ever without a cause; no timeout lies in the past; after
//! everything a meter still answers a request in its window.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mbus_link::relay::{Repeater, RepeaterKind, Unlimited};
use mbus_link::time::{Duration, Instant};
use mbus_link::wireless::access_cycle::{AccessTiming, Credits, MeterAccess, MeterEvent, OtherDevice};
use mbus_link::wireless::{Frame, FrameBuilder, Installation, LinkStatus, SynchronousPredictor};
use mbus_link::{Address, CField, CommunicationControl, Ell};

fn address(n: u8) -> Address {
    Address::from_link_octets([0x93, 0x15, n, 0x56, 0x34, 0x12, 0x33, 0x03])
}

fn frame(c: u8, from: Address, to: Option<Address>, control: u8, access_number: u8) -> Vec<u8> {
    let ell = Ell { control: CommunicationControl(control), access_number, receiver: to, session: None };
    let mut payload = [0; 32];
    let payload = ell.encode_into(&mut payload).expect("room").to_vec();
    let mut buffer = [0; 256];
    let frame = FrameBuilder { c_field: CField(c), address: from, payload: &payload };
    frame.encode_into(&mut buffer).expect("room").to_vec()
}

/// What one of them sends is a frame; it sends no more than it may keep.
macro_rules! drain {
    ($machine:expr, $now:expr, $air:expr, $most:expr) => {{
        $machine.handle_timeout($now);
        let mut sent = 0;
        while let Some(octets) = $machine.poll_transmit($now).map(<[u8]>::to_vec) {
            Frame::parse(&octets).expect("a frame");
            $air.push(octets);
            sent += 1;
            assert!(sent <= $most, "sent without end");
        }
    }};
}

const C_FIELDS: [u8; 16] =
    [0x44, 0x46, 0x47, 0x48, 0x08, 0x00, 0x01, 0x40, 0x06, 0x43, 0x45, 0x53, 0x73, 0x5A, 0x5B, 0x7B];

fuzz_target!(|input: &[u8]| {
    let timing = AccessTiming::C2;
    let (own, gateway, relay) = (address(1), address(2), address(3));
    let mut meter = MeterAccess::new(own, timing, 0, Credits::new(240, Duration::from_secs(7200)));
    let mut other = OtherDevice::<4>::new(gateway, timing);
    let mut repeater = Repeater::<4, _>::new(relay, RepeaterKind::Bidirectional, timing, Unlimited);
    let mut installation = None;
    let mut predictor = SynchronousPredictor::learning(100, Duration::from_millis(5));
    let mut status = LinkStatus::new();
    let mut now = Instant::from_micros(1_000_000);
    let mut rest = input;
    while let Some((op, tail)) = rest.split_first() {
        rest = tail;
        let mut next = || {
            let octet = rest.first().copied().unwrap_or_default();
            rest = rest.get(1..).unwrap_or_default();
            octet
        };
        let n = u64::from(op >> 3);
        let mut air = Vec::new();
        match op & 7 {
            0 => now = now.after(Duration::from_millis(n * n)),
            1 => now = now.after(Duration::from_secs(n * n * n)),
            2 => now = Instant::from_micros(now.as_micros() >> (n & 3)),
            3 => {
                let (c, control, number) = (C_FIELDS[usize::from(op >> 4)], next(), next());
                let posted = frame(c, gateway, Some(own), control, number);
                match op & 8 {
                    0 => {
                        let _ = other.post(now, own, &posted);
                    }
                    _ => {
                        let moment =
                            (now.after(Duration::from_secs(n)), now.after(Duration::from_secs(2 * n)));
                        let _ = other.post_between(moment, now, own, &posted);
                    }
                }
            }
            4 => {
                let (control, number) = (next(), next());
                let _ = meter.send(&frame(C_FIELDS[usize::from(op >> 6)], own, None, control, number));
            }
            5 => {
                let request = frame(0x46, own, None, next(), next());
                installation = Installation::start(now, &request, timing, Duration::from_secs(n)).ok();
            }
            // A frame of anybody to anybody.
            6 => {
                let (who, control, number) = (next(), next(), next());
                let to = (who & 0x80 == 0).then(|| address(who >> 4 & 7));
                air.push(frame(C_FIELDS[usize::from(op >> 4)], address(who & 7), to, control, number));
                predictor.observe(now, CommunicationControl(control), number);
                status.observe(now, CommunicationControl(control), number);
            }
            _ => {
                let (octets, tail) = rest.split_at(rest.len().min(usize::from(op >> 3) * 8));
                air.push(octets.to_vec());
                rest = tail;
            }
        }
        // Everybody hears everything, for a few rounds.
        for _ in 0..6 {
            for octets in core::mem::take(&mut air) {
                let _ = meter.handle_input(now, &octets);
                let _ = other.handle_input(now, &octets);
                let _ = repeater.handle_input(now, &octets, u32::from(*op) << 24 | u32::from(*op));
                if let Some(installation) = &mut installation {
                    let _ = Installation::handle_input(installation, now, &octets);
                }
            }
            drain!(other, now, air, 8);
            drain!(repeater, now, air, 12);
            if let Some(installation) = &mut installation {
                let before = air.len();
                drain!(installation, now, air, 6);
                if air.len() > before {
                    installation.transmitted(now);
                }
                while installation.poll_event().is_some() {}
            }
            meter.handle_timeout(now);
            if let Some(octets) = meter.poll_transmit(now).map(<[u8]>::to_vec) {
                Frame::parse(&octets).expect("a frame");
                meter.transmitted(now);
                air.push(octets);
            }
            let mut told = 0;
            while let Some(event) = meter.poll_event() {
                told += 1;
                assert!(told <= 8);
                if let MeterEvent::Request(asked) | MeterEvent::AskedAgain(asked) = event {
                    let number = asked.access_number.unwrap_or_default();
                    let _ = meter.respond(&frame(0x08, own, Some(asked.from), 0x80, number));
                }
            }
            let mut told = 0;
            while other.poll_event().is_some() {
                told += 1;
                assert!(told <= 12, "eight events and four ends");
            }
            while repeater.poll_event().is_some() {}
        }
        // Who sleeps until the timeout and calls at once is not called for the same moment again and again.
        let mut later = now;
        let mut same = 0;
        for _ in 0..60 {
            let Some(due) = other.poll_timeout().filter(|_| op & 0xE0 == 0xE0) else { break };
            same = if due <= later { same + 1 } else { 0 };
            assert!(same < 16, "a timeout that lies in the past");
            later = later.max(due);
            other.handle_timeout(later);
            while other.poll_transmit(later).is_some() {}
            while other.poll_event().is_some() {}
        }
        now = now.max(later);
    }
    assert!(other.waiting() <= 4 && repeater.waiting() <= 4 && status.direct() < u32::MAX);
    // Whatever came: with its credits back the meter answers in the window.
    now = Instant::from_micros(u64::MAX / 2);
    meter.handle_timeout(now);
    while meter.poll_transmit(now).is_some() {
        meter.transmitted(now);
    }
    now = now.after(Duration::from_secs(7200));
    let _ = meter.handle_input(now, &frame(0x40, gateway, Some(own), 0x80, 0));
    while meter.poll_event().is_some() {}
    let _ = meter.handle_input(now, &frame(0x5B, gateway, Some(own), 0x80, 9));
    let mut answered = false;
    while let Some(event) = meter.poll_event() {
        if let MeterEvent::Request(asked) = event {
            answered = meter.respond(&frame(0x08, own, Some(asked.from), 0x80, 9)).is_ok();
        }
    }
    assert!(answered);
    let window = timing.window(Some(CommunicationControl(0x80)));
    let (from, _) = window.after(now);
    assert!(meter.poll_transmit(from).is_some());
});
