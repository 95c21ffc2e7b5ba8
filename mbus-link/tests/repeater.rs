//! Repeaters in virtual time: what is repeated, when, what is not, and that work and memory stay bounded.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use mbus_link::relay::repeater::{DropReason, repetition_delay};
use mbus_link::relay::{AirTime, DutyCycle, Repeater, RepeaterEvent, RepeaterKind, Unlimited, set_hop};
use mbus_link::time::{Duration, Instant};
use mbus_link::wireless::access_cycle::{
    AccessTiming, Credits, CycleEnd, MeterAccess, MeterEvent, OtherDevice, OtherDeviceEvent,
};
use mbus_link::wireless::{
    DuplicateKey, Frame, FrameBuilder, Installation, InstallationEvent, Routing, StoredFrame,
};
use mbus_link::{Address, CField, CommunicationControl, Ell, ErrorKind};
use proptest::prelude::*;

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}
fn meter() -> Address {
    Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03])
}
fn gateway() -> Address {
    Address::from_link_octets([0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31])
}
fn own() -> Address {
    Address::from_link_octets([0x3A, 0x63, 0x11, 0x11, 0x11, 0x11, 0x01, 0x32])
}

fn frame(c: CField, sender: Address, receiver: Option<Address>, cc: u8, access_number: u8) -> Vec<u8> {
    let ell = Ell { control: CommunicationControl(cc), access_number, receiver, session: None };
    let mut payload = vec![0; ell.encoded_len()];
    ell.encode_into(&mut payload).unwrap();
    payload.extend_from_slice(&[0x78, 0x0B, 0x13, 0x43, 0x65, 0x87]);
    let builder = FrameBuilder { c_field: c, address: sender, payload: &payload };
    let mut buffer = [0; 256];
    builder.encode_into(&mut buffer).unwrap().to_vec()
}

fn repeater<const N: usize>(kind: RepeaterKind) -> Repeater<N, Unlimited> {
    Repeater::new(own(), kind, AccessTiming::C2, Unlimited)
}

fn events<const N: usize, A: AirTime>(repeater: &mut Repeater<N, A>) -> Vec<RepeaterEvent> {
    core::iter::from_fn(|| repeater.poll_event()).collect()
}

/// Lets time jump from timeout to timeout until nothing is left to do; returns what was sent and when.
fn run<const N: usize, A: AirTime>(repeater: &mut Repeater<N, A>) -> Vec<(Instant, Vec<u8>)> {
    let mut sent = Vec::new();
    for _ in 0..1000 {
        let Some(now) = repeater.poll_timeout() else { return sent };
        repeater.handle_timeout(now);
        while let Some(octets) = repeater.poll_transmit(now) {
            sent.push((now, octets.to_vec()));
        }
    }
    panic!("no end");
}

#[test]
fn the_delay_is_spread_over_5_to_25_seconds() {
    assert_eq!(repetition_delay(0), Duration::from_secs(5));
    assert_eq!(repetition_delay(1 << 31), Duration::from_secs(15));
    assert_eq!(repetition_delay(u32::MAX).as_micros(), 24_999_999);
}

#[test]
fn data_is_repeated_once_with_the_hop_bit() {
    let mut repeater = repeater::<2>(RepeaterKind::Unidirectional);
    let original = frame(CField::SND_NR, meter(), None, 0x20, 7);
    repeater.handle_input(at(1000), &original, 1 << 31).unwrap();
    assert_eq!(repeater.poll_timeout(), Some(at(16_000)));
    assert_eq!(repeater.poll_transmit(at(15_999)), None);
    let sent = run(&mut repeater);
    assert_eq!(sent.len(), 1);
    let (when, octets) = &sent[0];
    assert_eq!(*when, at(16_000));
    let mut expected = original.clone();
    expected[11] = 0x30;
    assert_eq!(*octets, expected);
    assert_eq!(DuplicateKey::of(octets), DuplicateKey::of(&original));
    assert_eq!(events(&mut repeater), [RepeaterEvent::Queued(meter()), RepeaterEvent::Repeated(meter())]);
    // Its own repetition, heard from another repeater, goes nowhere.
    repeater.handle_input(at(17_000), octets, 0).unwrap();
    assert_eq!(events(&mut repeater), [RepeaterEvent::Dropped(meter(), DropReason::AlreadyRepeated)]);
    assert_eq!(repeater.poll_timeout(), None);
}

#[test]
fn the_hop_bit_of_a_frame_without_ell_is_in_its_configuration_field() {
    let long = [
        0x16, 0x44, 0x93, 0x44, 0x33, 0x22, 0x11, 0x55, 0x37, 0x00, 0x72, 0x88, 0x77, 0x66, 0x55, 0x93, 0x44,
        0x55, 0x08, 0x00, 0x04, 0x10, 0x05,
    ];
    let short = [0x0E, 0x44, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03, 0x7A, 0x2A, 0x00, 0x20, 0x25];
    for (frame, place) in [(&long[..], 21), (&short[..], 13)] {
        let mut repeated = frame.to_vec();
        set_hop(&mut repeated).unwrap();
        assert_eq!(repeated[place], frame[place] | 1);
        assert!(Routing::of(&repeated).is_repeated() && !Routing::of(frame).is_repeated());
        let before = repeated.clone();
        assert_eq!(set_hop(&mut repeated).unwrap_err(), ErrorKind::AlreadyRepeated.at(place));
        assert_eq!(repeated, before);
        // Mode 7 has no such bit.
        repeated[place + 1] = 0x07;
        assert_eq!(set_hop(&mut repeated).unwrap_err().kind, ErrorKind::NoHopBit);
        // Nor has a frame that ends before it, or one without a transport header.
        for end in 0..=place + 1 {
            assert_eq!(set_hop(&mut frame.to_vec()[..end]).unwrap_err().kind, ErrorKind::NoHopBit);
        }
    }
    let mut none = [0x0F, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12, 1, 7, 0x78, 0x0B, 0x13, 0x43, 0x65, 0x87];
    assert_eq!(set_hop(&mut none).unwrap_err().kind, ErrorKind::NoHopBit);
    let mut repeater = repeater::<1>(RepeaterKind::Unidirectional);
    repeater.handle_input(at(0), &none, 0).unwrap();
    let address = Frame::parse(&none).unwrap().address();
    assert_eq!(events(&mut repeater), [RepeaterEvent::Dropped(address, DropReason::NoHopBit)]);
}

#[test]
fn on_the_air_only_the_hop_bit_and_the_crc_of_its_block_change() {
    // EN 13757-4, the example of format A with its CRCs, and its twin in format B with ELL I.
    let (mut off_air, mut on_air) = ([0; 64], [0; 64]);
    let b = [
        0x14, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07, 0x8C, 0x20, 0x27, 0x78, 0x0B, 0x13, 0x43,
        0x65, 0x87, 0x7A, 0xC5,
    ];
    let stripped = wmbus_phy::format_b::RawFormatB::parse(&b).unwrap().strip_into(&mut off_air).unwrap();
    let mut frame = stripped.octets().to_vec();
    set_hop(&mut frame).unwrap();
    let repeated = wmbus_phy::format_b::encode_into(&frame, &mut on_air).unwrap().to_vec();
    let changed: Vec<usize> = (0..b.len()).filter(|at| b[*at] != repeated[*at]).collect();
    assert_eq!((repeated.len(), changed), (b.len(), vec![11, 19, 20]));

    let mut a = wmbus_phy::format_a::encode_into(stripped.octets(), &mut on_air).unwrap().to_vec();
    let repeated = wmbus_phy::format_a::encode_into(&frame, &mut on_air).unwrap().to_vec();
    let changed: Vec<usize> = (0..a.len()).filter(|at| a[*at] != repeated[*at]).collect();
    assert_eq!((repeated.len(), changed), (a.len(), vec![13, 21, 22]));
    // A damaged frame has no stripped form, so it cannot be repeated by mistake.
    a[21] ^= 1;
    assert!(wmbus_phy::format_a::strip_in_place(&mut a).is_err());
}

#[test]
fn only_data_and_installation_requests_without_repeater_bits_are_repeated() {
    for c in 0..=255 {
        for cc in 0..=255 {
            let mut repeater = repeater::<1>(RepeaterKind::Unidirectional);
            repeater.handle_input(at(0), &frame(CField(c), meter(), None, cc, 0), 0).unwrap();
            let repeated = repeater.poll_timeout().is_some();
            assert_eq!(repeated, matches!(c, 0x44 | 0x46) && cc & 0x12 == 0, "C {c:02X} CC {cc:02X}");
        }
    }
    let mut repeater = repeater::<1>(RepeaterKind::Unidirectional);
    repeater.handle_input(at(0), &frame(CField::SND_NR, own(), None, 0, 0), 0).unwrap();
    assert_eq!(repeater.poll_timeout(), None);
}

#[test]
fn an_installation_request_is_answered_in_its_window_and_after_its_repetition() {
    for kind in [RepeaterKind::Unidirectional, RepeaterKind::Bidirectional] {
        let mut repeater = repeater::<2>(kind);
        repeater.handle_input(at(0), &frame(CField::SND_IR, meter(), None, 0x80, 0x45), 0).unwrap();
        let sent = run(&mut repeater);
        let times: Vec<_> = sent.iter().map(|(when, _)| *when).collect();
        // The slow window of mode C2 opens after 999.5 ms.
        assert_eq!(times, [Instant::from_micros(999_500), at(5000), at(5000)]);
        assert_eq!(sent[1].1[1], 0x46);
        for (_, reset) in [&sent[0], &sent[2]] {
            let reset = Frame::parse(reset).unwrap();
            assert_eq!((reset.c_field(), reset.address()), (CField::SND_NKE, own()));
            let (ell, rest) = Ell::parse_prefix(reset.payload()).unwrap();
            assert_eq!((ell.receiver, ell.access_number, rest), (Some(meter()), 0x45, &[][..]));
        }
        assert_eq!(
            events(&mut repeater),
            [
                RepeaterEvent::Queued(meter()),
                RepeaterEvent::SentReset(meter()),
                RepeaterEvent::Repeated(meter()),
                RepeaterEvent::SentReset(meter())
            ]
        );
    }
    // Half of the windows are left to others.
    let mut odd = repeater::<2>(RepeaterKind::Unidirectional);
    odd.handle_input(at(0), &frame(CField::SND_IR, meter(), None, 0x80, 0x45), 1).unwrap();
    assert_eq!(run(&mut odd).iter().map(|(_, octets)| octets[1]).collect::<Vec<_>>(), [0x46, 0x40]);
    // A meter that does not listen is not answered; the repetition has the last place.
    let mut deaf = repeater::<2>(RepeaterKind::Unidirectional);
    deaf.handle_input(at(0), &frame(CField::SND_IR, meter(), None, 0x20, 0x45), 0).unwrap();
    assert_eq!(run(&mut deaf).iter().map(|(_, octets)| octets[1]).collect::<Vec<_>>(), [0x46, 0x40]);
    let mut small = repeater::<1>(RepeaterKind::Unidirectional);
    small.handle_input(at(0), &frame(CField::SND_IR, meter(), None, 0x80, 0x45), 0).unwrap();
    assert_eq!(run(&mut small).iter().map(|(_, octets)| octets[1]).collect::<Vec<_>>(), [0x46, 0x40]);
    assert!(events(&mut small).contains(&RepeaterEvent::Dropped(meter(), DropReason::QueueFull)));
}

#[test]
fn a_meter_behind_a_repeater_hears_that_it_is_heard() {
    let request = frame(CField::SND_IR, meter(), None, 0x80, 7);
    let minute = Duration::from_secs(60);
    let mut installation = Installation::start(at(0), &request, AccessTiming::C2, minute).unwrap();
    let mut repeater = repeater::<2>(RepeaterKind::Unidirectional);
    let mut heard = 0;
    for millis in 0..400_000 {
        let now = at(millis);
        installation.handle_timeout(now);
        if let Some(sent) = installation.poll_transmit(now).map(<[u8]>::to_vec) {
            installation.transmitted(now);
            repeater.handle_input(now, &sent, 0).unwrap();
        }
        let listens = installation.listening().is_some_and(|(from, to)| from <= now && now <= to);
        if let (Some(sent), true) = (repeater.poll_transmit(now), listens) {
            installation.handle_input(now, sent).unwrap();
        }
        while let Some(event) = installation.poll_event() {
            heard += u32::from(event == InstallationEvent::HeardBy(own()));
        }
    }
    assert_eq!(heard, 6);
}

#[test]
fn the_queue_and_the_events_are_bounded_and_the_same_frame_waits_once() {
    let mut repeater = repeater::<2>(RepeaterKind::Unidirectional);
    for n in [1, 1, 2, 3] {
        repeater.handle_input(at(0), &frame(CField::SND_NR, meter(), None, 0x20, n), 0).unwrap();
    }
    assert_eq!(
        events(&mut repeater),
        [
            RepeaterEvent::Queued(meter()),
            RepeaterEvent::Dropped(meter(), DropReason::AlreadyWaiting),
            RepeaterEvent::Queued(meter()),
            RepeaterEvent::Dropped(meter(), DropReason::QueueFull),
        ]
    );
    for _ in 0..100 {
        repeater.handle_input(at(0), &frame(CField::SND_NR, meter(), None, 0x20, 9), 0).unwrap();
    }
    assert_eq!((repeater.waiting(), events(&mut repeater).len(), repeater.events_lost()), (2, 8, 92));
    assert_eq!(run(&mut repeater).len(), 2);
}

#[test]
fn a_caller_that_sleeps_too_long_sends_nothing_stale() {
    let mut repeater = repeater::<2>(RepeaterKind::Unidirectional);
    repeater.handle_input(at(0), &frame(CField::SND_NR, meter(), None, 0x20, 1), 0).unwrap();
    assert_eq!(repeater.poll_transmit(at(60_000)), None);
    assert_eq!(events(&mut repeater)[1..], [RepeaterEvent::Dropped(meter(), DropReason::TooLate)]);
}

#[test]
fn a_clock_set_back_does_not_put_the_repetition_off() {
    let mut repeater = repeater::<2>(RepeaterKind::Unidirectional);
    repeater.handle_input(at(3_600_000), &frame(CField::SND_NR, meter(), None, 0x20, 1), 0).unwrap();
    repeater.handle_timeout(at(0));
    assert_eq!(repeater.poll_timeout(), Some(at(5000)));
    assert!(repeater.poll_transmit(at(5000)).is_some());
}

#[test]
fn the_duty_cycle_drops_rather_than_exceeds() {
    let duty = DutyCycle::new(1, 66_667, 40);
    let mut repeater = Repeater::<32, _>::new(own(), RepeaterKind::Unidirectional, AccessTiming::T2, duty);
    let one = duty.air_time(19).as_micros();
    let (mut sent, mut dropped) = (0, 0);
    for round in 0..100_u64 {
        for n in 0..32 {
            let mut id = meter().to_link_octets();
            (id[2], id[3]) = (n, round as u8);
            let octets = frame(CField::SND_NR, Address::from_link_octets(id), None, 0x20, n);
            repeater.handle_input(at(round * 30_000), &octets, 0).unwrap();
            while repeater.poll_event().is_some() {}
        }
        while repeater.poll_transmit(at(round * 30_000 + 5000)).is_some() {
            sent += 1;
            while repeater.poll_event().is_some() {}
        }
        dropped += events(&mut repeater).len();
    }
    // 3.6 s at once and 0.1 % of the 50 minutes.
    assert!(sent * one <= 3_600_000 + 3_000_000 && (sent + 2) * one > 3_600_000 + 2_900_000, "{sent}");
    assert!(dropped > 0);
}

#[test]
fn a_request_goes_through_a_bidirectional_repeater_and_the_answer_comes_back() {
    let mut repeater = repeater::<4>(RepeaterKind::Bidirectional);
    // The meter opens a window, nobody wants anything; the repetition offers access through the repeater.
    repeater.handle_input(at(0), &frame(CField::SND_NR, meter(), None, 0x80, 1), 0).unwrap();
    let sent = run(&mut repeater);
    assert_eq!(sent[0].1[11], 0x92);
    // The gateway asks through the repeater.
    let request = frame(CField(0x7B), gateway(), Some(meter()), 0x86, 0x20);
    repeater.handle_input(at(6000), &request, 0).unwrap();
    assert_eq!(repeater.poll_transmit(at(7000)), None);
    // The next frame of the meter: the request goes out in the slow window, 1 s later.
    repeater.handle_input(at(20_000), &frame(CField::SND_NR, meter(), None, 0x80, 2), 0).unwrap();
    assert_eq!(repeater.poll_timeout(), Some(Instant::from_micros(20_999_500)));
    let delivered = repeater.poll_transmit(at(21_000)).unwrap().to_vec();
    assert_eq!((delivered[1], delivered[11], &delivered[12..]), (0x7B, 0x96, &request[12..]));
    // The meter answers fast; so does the repeater.
    let answer = frame(CField::RSP_UD, meter(), Some(gateway()), 0xC0, 0x20);
    repeater.handle_input(at(22_100), &answer, 0).unwrap();
    let passed = repeater.poll_transmit(at(22_200)).unwrap().to_vec();
    assert_eq!((passed[1], passed[11]), (0x08, 0xD2));
    assert_eq!(
        events(&mut repeater)[2..],
        [
            RepeaterEvent::RequestKept(meter()),
            RepeaterEvent::Queued(meter()),
            RepeaterEvent::RequestDelivered(meter()),
            RepeaterEvent::AnswerPassedOn(meter()),
        ]
    );
}

#[test]
fn a_bidirectional_repeater_keeps_only_what_it_is_asked_to_keep() {
    let mut repeater = repeater::<2>(RepeaterKind::Bidirectional);
    // R = 0: the gateway reaches the meter itself. H = 1: another repeater has it.
    for cc in [0x84, 0x94, 0x96] {
        repeater.handle_input(at(0), &frame(CField(0x7B), gateway(), Some(meter()), cc, 1), 0).unwrap();
    }
    // An answer that nobody waits for, and a request without addressee.
    repeater.handle_input(at(0), &frame(CField::RSP_UD, meter(), Some(gateway()), 0x80, 1), 0).unwrap();
    repeater.handle_input(at(0), &frame(CField(0x7B), gateway(), None, 0x86, 1), 0).unwrap();
    assert_eq!((repeater.poll_timeout(), events(&mut repeater)), (None, vec![]));
    // Requests are kept as long as there is room, the same one once, and given up after an hour.
    for n in [1, 2, 1, 2, 3] {
        repeater.handle_input(at(0), &frame(CField(0x7B), gateway(), Some(meter()), 0x86, n), 0).unwrap();
    }
    let full = RepeaterEvent::Dropped(meter(), DropReason::QueueFull);
    assert_eq!(
        events(&mut repeater),
        [RepeaterEvent::RequestKept(meter()), RepeaterEvent::RequestKept(meter()), full]
    );
    assert!(run(&mut repeater).is_empty());
    assert_eq!(events(&mut repeater), [RepeaterEvent::Dropped(meter(), DropReason::TooLate); 2]);
    // A meter that cannot receive gets nothing.
    repeater.handle_input(at(0), &frame(CField(0x7B), gateway(), Some(meter()), 0x86, 3), 0).unwrap();
    repeater.handle_input(at(10), &frame(CField::SND_NR, meter(), None, 0x20, 3), 0).unwrap();
    assert!(run(&mut repeater).iter().all(|(_, octets)| octets[1] == 0x44));
}

#[test]
fn kept_requests_go_out_in_their_order_one_in_each_window_whatever_opens_it() {
    for window in [0x44, 0x47, 0x48, 0x08, 0x00] {
        let mut repeater = repeater::<4>(RepeaterKind::Bidirectional);
        let requests = [(0x53, 9), (0x40, 10)]
            .map(|(c, number)| frame(CField(c), gateway(), Some(meter()), 0x86, number));
        for request in &requests {
            repeater.handle_input(at(0), request, 0).unwrap();
        }
        for (n, request) in requests.iter().enumerate() {
            let now = at(1000 + 10_000 * n as u64);
            // Twice within a window: the request goes out once.
            for _ in 0..2 {
                let number = 4 + n as u8;
                repeater.handle_input(now, &frame(CField(window), meter(), None, 0xA0, number), 0).unwrap();
            }
            let mut sent = Vec::new();
            while let Some(octets) = repeater.poll_transmit(now.after(Duration::from_secs(1))) {
                // Repetitions go out as well.
                if octets[1] != 0x44 {
                    sent.push(octets.to_vec());
                }
            }
            assert_eq!(sent.len(), 1, "window of C = {window:02X}");
            assert_eq!((sent[0][1], &sent[0][12..]), (request[1], &request[12..]));
        }
    }
}

#[test]
fn a_dialogue_through_a_bidirectional_repeater_comes_to_its_end() {
    for timing in [AccessTiming::T2, AccessTiming::C2, AccessTiming::S2] {
        let mut gateway_side = OtherDevice::<4>::new(gateway(), timing);
        let mut repeater = Repeater::<4, _>::new(own(), RepeaterKind::Bidirectional, timing, Unlimited);
        let mut access = MeterAccess::new(meter(), timing, 0, Credits::default());
        let request = frame(CField(0x5B), gateway(), Some(meter()), 0x84, 9);
        let ticket = gateway_side.post(at(0), meter(), &request).unwrap();
        let (mut answered, mut ends, mut answers) = (0, Vec::new(), 0);
        // Half milliseconds, five minutes; the meter sends every minute.
        for step in 0..600_000_u64 {
            let now = Instant::from_micros(step * 500);
            if step % 120_000 == 0 {
                let number = (step / 120_000) as u8;
                access.send(&frame(CField::SND_NR, meter(), None, 0xA0, number)).unwrap();
            }
            access.handle_timeout(now);
            if let Some(sent) = access.poll_transmit(now).map(<[u8]>::to_vec) {
                access.transmitted(now);
                answers += u32::from(sent[1] == 0x08);
                repeater.handle_input(now, &sent, 0).unwrap();
            }
            if let Some(sent) = repeater.poll_transmit(now).map(<[u8]>::to_vec) {
                if access.listening().is_some_and(|(from, to)| from <= now && now <= to) {
                    access.handle_input(now, &sent).unwrap();
                }
                gateway_side.handle_input(now, &sent).unwrap();
            }
            if let Some(sent) = gateway_side.poll_transmit(now).map(<[u8]>::to_vec) {
                repeater.handle_input(now, &sent, 0).unwrap();
            }
            while let Some(event) = access.poll_event() {
                match event {
                    MeterEvent::Request(asked) => {
                        let number = asked.access_number.unwrap();
                        access
                            .respond(&frame(CField::RSP_UD, meter(), Some(asked.from), 0x80, number))
                            .unwrap();
                    }
                    MeterEvent::CycleEnded(end) => ends.push(end),
                    _ => {}
                }
            }
            while let Some(event) = gateway_side.poll_event() {
                answered += u32::from(event == OtherDeviceEvent::Answered(ticket, CField::RSP_UD));
            }
            while repeater.poll_event().is_some() {}
        }
        assert_eq!((answered, &ends[..]), (1, &[CycleEnd::Reset][..]), "{}", timing.mode);
        assert!(answers < 6, "{}: {answers}", timing.mode);
    }
}

#[test]
fn short_frames_are_those_of_annex_n() {
    let frame = StoredFrame::short(CField(0x7B), gateway(), meter(), CommunicationControl(0x84), 0x13);
    assert_eq!(frame.octets().len(), 21);
    let parsed = Frame::parse(frame.octets()).unwrap();
    assert_eq!((parsed.c_field().0, parsed.address()), (0x7B, gateway()));
    assert_eq!(Routing::of(frame.octets()).addressee, Some(meter()));
    assert!(StoredFrame::new(&[0; 256]).is_ok());
    assert_eq!(StoredFrame::new(&[0; 257]).unwrap_err().kind.name(), "payload_too_long");
}

proptest! {
    #[test]
    fn noise_and_a_wild_clock_leave_it_bounded(
        inputs in prop::collection::vec(
            (any::<u32>(), prop::collection::vec(any::<u8>(), 0..64), any::<u32>(), any::<bool>()), 0..200),
        bidirectional in any::<bool>(),
    ) {
        let kind = if bidirectional { RepeaterKind::Bidirectional } else { RepeaterKind::Unidirectional };
        let mut repeater = repeater::<3>(kind);
        let mut sent = 0;
        let count = inputs.len();
        for (now, mut octets, random, make_valid) in inputs {
            if make_valid && octets.len() > 12 {
                octets[0] = (octets.len() - 1) as u8;
                octets[1] = [0x44, 0x46, 0x7B, 0x08, 0x53][usize::from(octets[1]) % 5];
                octets[10] = 0x8C;
            }
            let now = Instant::from_micros(u64::from(now));
            let _ = repeater.handle_input(now, &octets, random);
            while let Some(octets) = repeater.poll_transmit(now) {
                let routing = Routing::of(octets);
                prop_assert!(routing.is_repeated() || octets[1] == 0x40);
                sent += 1;
            }
            prop_assert!(repeater.waiting() <= 3);
        }
        // Each frame taken is sent at most once, with at most one SND-NKE behind it.
        prop_assert!(sent <= 2 * count);
        let mut rounds = 0;
        while let Some(next) = repeater.poll_timeout() {
            while repeater.poll_transmit(next).is_some() {}
            rounds += 1;
            prop_assert!(rounds < 20);
        }
    }
}
