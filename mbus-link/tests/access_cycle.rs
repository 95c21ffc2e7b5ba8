//! Meter and gateway in virtual time: windows, the frequent access cycle, credits, losses, installation.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use mbus_link::time::{Duration, Instant};
use mbus_link::wireless::access_cycle::{
    AccessTiming, Credits, CycleEnd, GivenUp, MeterAccess, MeterEvent, OtherDevice, OtherDeviceEvent,
    Request, Ticket,
};
use mbus_link::wireless::{Frame, FrameBuilder, Installation, InstallationEvent, Routing, StoredFrame};
use mbus_link::{Address, CField, CommunicationControl, Ell, ErrorKind};
use proptest::prelude::*;

const LIMITED: u8 = 0x80;

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}
fn numbered_meter(n: u8) -> Address {
    Address::from_link_octets([0x93, 0x15, n, 0x56, 0x34, 0x12, 0x33, 0x03])
}
fn meter() -> Address {
    numbered_meter(0x78)
}
fn gateway() -> Address {
    Address::from_link_octets([0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31])
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
fn request(c: u8, access_number: u8) -> Vec<u8> {
    frame(c, gateway(), Some(meter()), 0x84, access_number)
}
fn answer(access_number: u8) -> Vec<u8> {
    frame(0x08, meter(), Some(gateway()), LIMITED, access_number)
}
fn asleep(timing: AccessTiming) -> MeterAccess {
    MeterAccess::new(meter(), timing, 0, Credits::default())
}
fn meter_events(meter: &mut MeterAccess) -> Vec<MeterEvent> {
    core::iter::from_fn(|| meter.poll_event()).collect()
}
fn gateway_events<const N: usize>(gateway: &mut OtherDevice<N>) -> Vec<OtherDeviceEvent> {
    core::iter::from_fn(|| gateway.poll_event()).collect()
}
fn asked(c: u8, access_number: u8) -> Request {
    Request { from: gateway(), c_field: CField(c), access_number: Some(access_number) }
}

#[test]
fn the_window_opens_after_the_own_transmission_as_the_mode_says() {
    for timing in AccessTiming::TABLE {
        for (cc, offers) in [(0x80, true), (0xC0, true), (0x20, false), (0x04, false)] {
            let mut m = asleep(*timing);
            m.send(&frame(0x44, meter(), None, cc, 1)).unwrap();
            assert!(m.poll_transmit(at(1000)).is_some());
            assert_eq!(m.listening(), None);
            m.transmitted(at(1010));
            let window = timing.window(Some(CommunicationControl(cc)));
            assert_eq!(m.listening(), offers.then(|| window.after(at(1010))));
            if let Some((_, to)) = m.listening() {
                assert_eq!(m.poll_timeout(), Some(to.after(Duration::from_micros(1))));
                m.handle_timeout(to.after(Duration::from_micros(1)));
            }
            assert_eq!((m.listening(), m.poll_timeout()), (None, None));
            assert_eq!(m.poll_transmit(at(9000)), None);
        }
    }
}

#[test]
fn a_cycle_repeats_the_answer_until_thirty_seconds_are_over() {
    for (factor, period) in [(0, 2), (1, 3), (2, 5), (3, 2)] {
        let mut m = MeterAccess::new(meter(), AccessTiming::C2, factor, Credits::default());
        m.handle_input(at(0), &request(0x7B, 1)).unwrap();
        assert_eq!(meter_events(&mut m), [MeterEvent::Request(asked(0x7B, 1)), MeterEvent::CycleBegan]);
        m.respond(&answer(1)).unwrap();
        assert_eq!(m.respond(&answer(1)).unwrap_err().kind, ErrorKind::NothingToAnswer);
        // Not before the window: 999.5 ms after the request, which has no D bit.
        assert_eq!(m.poll_transmit(at(999)), None);
        assert_eq!(m.poll_timeout(), Some(Instant::from_micros(999_500)));
        let mut times = Vec::new();
        for millis in 1000..40_000 {
            if let Some(octets) = m.poll_transmit(at(millis)) {
                assert_eq!(octets, answer(1));
                times.push(millis);
                m.transmitted(at(millis));
                assert!(m.listening().is_some());
            }
        }
        let expected: Vec<u64> =
            (0..).map(|n| 1000 + n * period * 1000).take_while(|t| *t < 30_000).collect();
        assert_eq!(times, expected);
        assert_eq!(meter_events(&mut m), [MeterEvent::CycleEnded(CycleEnd::Timeout)]);
        assert_eq!((m.in_cycle(), m.poll_timeout()), (false, None));
        // One credit for the request and one for each response.
        assert_eq!(usize::from(m.credits().available()), 239 - expected.len());
    }
}

#[test]
fn the_meter_answers_fast_or_slow_as_the_request_asks() {
    for timing in AccessTiming::TABLE {
        for (cc, expected) in [(0x84, timing.slow.unwrap_or(timing.fast)), (0xC4, timing.fast)] {
            let mut m = asleep(*timing);
            m.handle_input(at(500), &frame(0x7B, gateway(), Some(meter()), cc, 1)).unwrap();
            m.respond(&answer(1)).unwrap();
            let (from, to) = expected.after(at(500));
            assert_eq!(m.poll_timeout(), Some(from), "{timing} {cc:02X}");
            assert_eq!(m.poll_transmit(Instant::from_micros(from.as_micros() - 1)), None);
            assert!(m.clone().poll_transmit(from).is_some() && m.clone().poll_transmit(to).is_some());
            // A moment too late nothing is sent, and the cycle goes on.
            let late = to.after(Duration::from_micros(1));
            assert_eq!(m.poll_transmit(late), None);
            assert_eq!(meter_events(&mut m)[2..], [MeterEvent::AnswerTooLate], "{timing} {cc:02X}");
        }
    }
}

#[test]
fn reset_ends_the_cycle_and_forgets_the_request() {
    let mut m = asleep(AccessTiming::T2);
    m.handle_input(at(0), &request(0x53, 1)).unwrap();
    m.respond(&frame(0x00, meter(), Some(gateway()), LIMITED, 1)).unwrap();
    assert!(m.poll_transmit(at(2)).is_some());
    m.transmitted(at(10));
    m.handle_input(at(12), &request(0x40, 2)).unwrap();
    assert_eq!(
        meter_events(&mut m)[2..],
        [MeterEvent::Received(asked(0x40, 2)), MeterEvent::CycleEnded(CycleEnd::Reset)]
    );
    assert_eq!((m.poll_timeout(), m.listening()), (None, None));
    assert_eq!(m.respond(&answer(1)).unwrap_err().kind, ErrorKind::NothingToAnswer);
    // The same request after a reset is a new one.
    m.handle_input(at(100), &request(0x53, 1)).unwrap();
    assert_eq!(meter_events(&mut m)[0], MeterEvent::Request(asked(0x53, 1)));
}

#[test]
fn the_same_request_gets_the_same_answer_and_is_shown_once() {
    let mut m = asleep(AccessTiming::T2);
    m.handle_input(at(0), &request(0x53, 1)).unwrap();
    m.respond(&answer(1)).unwrap();
    let first = m.poll_transmit(at(2)).unwrap().to_vec();
    m.transmitted(at(10));
    m.handle_input(at(15), &request(0x53, 1)).unwrap();
    assert_eq!(meter_events(&mut m)[2..], [MeterEvent::RepeatedRequest(asked(0x53, 1))]);
    assert_eq!(m.poll_transmit(at(17)).unwrap(), first);
    m.transmitted(at(20));
    // Another FCB, another access number: new requests.
    for (c, number) in [(0x73, 1), (0x73, 2)] {
        m.handle_input(at(25), &request(c, number)).unwrap();
        assert_eq!(meter_events(&mut m), [MeterEvent::Request(asked(c, number))]);
        assert_eq!(m.poll_transmit(at(27)), None);
    }
}

#[test]
fn an_answer_that_is_late_is_told_and_kept_for_the_repetition() {
    let mut m = asleep(AccessTiming::T2);
    m.handle_input(at(0), &request(0x7B, 1)).unwrap();
    m.handle_timeout(at(4));
    m.respond(&answer(1)).unwrap();
    assert_eq!(m.poll_transmit(at(4)), None);
    m.handle_input(at(100), &request(0x7B, 1)).unwrap();
    assert_eq!(m.poll_transmit(at(102)).unwrap(), answer(1));
    assert_eq!(
        meter_events(&mut m)[2..],
        [MeterEvent::AnswerTooLate, MeterEvent::RepeatedRequest(asked(0x7B, 1))]
    );
}

#[test]
fn frames_for_others_and_damaged_ones_change_nothing() {
    let mut m = asleep(AccessTiming::T2);
    m.handle_input(at(0), &frame(0x7B, gateway(), Some(numbered_meter(1)), 0x84, 1)).unwrap();
    m.handle_input(at(0), &frame(0x7B, gateway(), None, 0x84, 1)).unwrap();
    for c in [0x44, 0x46, 0x08, 0x02, 0xFF] {
        m.handle_input(at(0), &request(c, 1)).unwrap();
    }
    for end in 0..request(0x7B, 1).len() {
        assert_eq!(m.handle_input(at(0), &request(0x7B, 1)[..end]).unwrap_err().kind.name(), "truncated");
    }
    assert_eq!((meter_events(&mut m), m.poll_timeout(), m.credits().available()), (vec![], None, 240));
}

#[test]
fn only_a_command_to_many_may_carry_wildcards() {
    let to_all = |c| frame(c, gateway(), Some(Address::WILDCARD), 0x84, 1);
    let mut m = asleep(AccessTiming::T2);
    for c in [0x40, 0x43, 0x53, 0x7A, 0x7B] {
        m.handle_input(at(0), &to_all(c)).unwrap();
        assert_eq!((m.poll_event(), m.poll_timeout()), (None, None));
    }
    m.handle_input(at(0), &to_all(0x45)).unwrap();
    assert_eq!((m.poll_event(), m.poll_timeout()), (Some(MeterEvent::Received(asked(0x45, 1))), None));
}

#[test]
fn credits_run_out_and_come_back() {
    let mut m = MeterAccess::new(meter(), AccessTiming::T2, 0, Credits::new(4, Credits::LONGEST_REFILL));
    m.handle_timeout(at(0));
    m.handle_input(at(0), &request(0x53, 1)).unwrap();
    m.respond(&answer(1)).unwrap();
    assert!(m.poll_transmit(at(2)).is_some());
    assert!(m.poll_transmit(at(2002)).is_some());
    assert_eq!((m.credits().available(), m.poll_transmit(at(4002))), (0, None));
    m.handle_input(at(5000), &request(0x7B, 2)).unwrap();
    assert_eq!(
        meter_events(&mut m)[2..],
        [MeterEvent::CycleEnded(CycleEnd::OutOfCredits), MeterEvent::OutOfCredits(asked(0x7B, 2))]
    );
    // Two hours later all is well.
    m.handle_input(at(7_200_000), &request(0x7B, 2)).unwrap();
    assert_eq!(meter_events(&mut m)[0], MeterEvent::Request(asked(0x7B, 2)));
}

#[test]
fn a_clock_set_back_ends_the_cycle_in_time() {
    let mut m = asleep(AccessTiming::T2);
    m.handle_input(at(1_000_000), &request(0x7B, 1)).unwrap();
    m.respond(&answer(1)).unwrap();
    assert!(m.poll_transmit(at(1_000_002)).is_some());
    m.handle_timeout(at(0));
    let mut sent = 0;
    let mut end = Instant::ZERO;
    while let Some(next) = m.poll_timeout() {
        assert!(next > end || sent < 20);
        end = next;
        m.handle_timeout(next);
        sent += usize::from(m.poll_transmit(next).is_some());
    }
    assert!(sent <= 15 && end <= at(30_000), "{sent} {end:?}");
}

#[test]
fn the_gateway_answers_from_its_queue_in_the_window() {
    for timing in AccessTiming::TABLE {
        let mut g = OtherDevice::<2>::new(gateway(), *timing);
        let ticket = g.post(at(0), meter(), &request(0x7B, 9)).unwrap();
        // Not accessible, or somebody else: nothing.
        g.handle_input(at(100), &frame(0x44, meter(), None, 0x20, 1)).unwrap();
        g.handle_input(at(200), &frame(0x44, numbered_meter(1), None, LIMITED, 1)).unwrap();
        assert_eq!(g.poll_transmit(at(2300)), None);
        g.handle_input(at(5000), &frame(0x44, meter(), None, 0xC0, 2)).unwrap();
        let (from, to) = timing.fast.after(at(5000));
        assert_eq!(g.poll_timeout(), Some(from));
        assert_eq!(g.poll_transmit(Instant::from_micros(from.as_micros() - 1)), None);
        assert_eq!(g.poll_transmit(to).unwrap(), request(0x7B, 9));
        assert_eq!(g.poll_transmit(to), None);
        // A repetition of an older answer is none; the right one is, and ends with SND-NKE.
        g.handle_input(at(9000), &answer(8)).unwrap();
        assert_eq!(g.waiting(), 1);
        g.handle_input(at(12_000), &answer(9)).unwrap();
        assert_eq!(g.waiting(), 0);
        let (_, to) = timing.window(Some(CommunicationControl(LIMITED))).after(at(12_000));
        let reset = Frame::parse(g.poll_transmit(to).unwrap()).unwrap().c_field();
        assert_eq!(reset, CField::SND_NKE);
        let all = gateway_events(&mut g);
        assert_eq!(all[0], OtherDeviceEvent::Sent(ticket));
        assert!(all.contains(&OtherDeviceEvent::Answered(ticket, CField::RSP_UD)), "{all:?}");
        assert_eq!(all.last(), Some(&OtherDeviceEvent::Reset(meter())));
        // The reset was lost: the meter repeats, and gets another.
        g.handle_input(at(14_000), &answer(9)).unwrap();
        assert!(g.poll_timeout().is_some());
    }
}

#[test]
fn the_gateway_gives_up_in_the_end() {
    let mut g = OtherDevice::<2>::new(gateway(), AccessTiming::T2);
    g.set_patience(2, Duration::from_secs(60));
    let ticket = g.post(at(0), meter(), &request(0x7B, 9)).unwrap();
    for n in 0..2 {
        g.handle_input(at(n * 1000), &frame(0x44, meter(), None, LIMITED, 2)).unwrap();
        assert!(g.poll_transmit(at(n * 1000 + 2)).is_some());
    }
    g.handle_input(at(2000), &frame(0x44, meter(), None, LIMITED, 2)).unwrap();
    assert_eq!(g.poll_transmit(at(2002)), None);
    let given_up = OtherDeviceEvent::GivenUp(ticket, GivenUp::NoAnswer);
    assert_eq!(
        gateway_events(&mut g),
        [OtherDeviceEvent::Sent(ticket), OtherDeviceEvent::Sent(ticket), given_up]
    );
    let ticket = g.post(at(3000), meter(), &request(0x7B, 9)).unwrap();
    let next = g.poll_timeout().unwrap();
    g.handle_timeout(next);
    assert_eq!(gateway_events(&mut g), [OtherDeviceEvent::GivenUp(ticket, GivenUp::Expired)]);
    assert_eq!((g.waiting(), g.poll_timeout()), (0, None));
}

#[test]
fn the_gateway_is_bounded_and_says_when_it_is_busy() {
    let mut g = OtherDevice::<2>::new(gateway(), AccessTiming::C2);
    let other = numbered_meter(1);
    let first = g.post(at(0), meter(), &request(0x7B, 9)).unwrap();
    let second = g.post(at(0), other, &frame(0x7B, gateway(), Some(other), 0x84, 9)).unwrap();
    assert_eq!(
        g.post(at(0), meter(), &request(0x5B, 1)).unwrap_err().kind,
        ErrorKind::QueueFull { capacity: 2 }
    );
    g.handle_input(at(0), &frame(0x44, meter(), None, LIMITED, 2)).unwrap();
    g.handle_input(at(500), &frame(0x44, other, None, LIMITED, 2)).unwrap();
    assert_eq!(gateway_events(&mut g), [OtherDeviceEvent::Busy(other)]);
    // Too late for the window of the first.
    assert_eq!(g.poll_transmit(at(1001)), None);
    assert_eq!(gateway_events(&mut g), [OtherDeviceEvent::WindowMissed(meter())]);
    assert!(g.withdraw(first) && !g.withdraw(first) && g.access_now(at(2000), other));
    assert!(g.poll_transmit(at(2000)).is_some() && !g.access_now(at(2000), meter()));
    assert_eq!(gateway_events(&mut g), [OtherDeviceEvent::Sent(second)]);
}

#[test]
fn through_a_repeater_only_if_it_offers_access() {
    let mut g = OtherDevice::<2>::new(gateway(), AccessTiming::T2);
    g.post(at(0), meter(), &request(0x7B, 9)).unwrap();
    for c in [0x44, 0x46, 0x48] {
        g.handle_input(at(0), &frame(c, meter(), None, LIMITED | 0x10, 2)).unwrap();
        assert_eq!(g.poll_transmit(at(2)), None);
    }
    g.handle_input(at(10), &frame(0x46, meter(), None, LIMITED | 0x12, 2)).unwrap();
    assert_eq!(g.poll_transmit(at(12)), None);
    g.handle_input(at(20), &frame(0x44, meter(), None, LIMITED | 0x12, 2)).unwrap();
    let sent = g.poll_transmit(at(22)).unwrap();
    assert_eq!((sent[1], sent[11]), (0x7B, 0x86));
}

#[test]
fn what_was_heard_directly_is_not_answered_by_the_repeater_too() {
    let mut g = OtherDevice::<2>::new(gateway(), AccessTiming::T2);
    // Nothing lies ready when the meter itself is heard; its repetition comes later.
    g.handle_input(at(0), &frame(0x44, meter(), None, LIMITED, 2)).unwrap();
    g.post(at(1), meter(), &request(0x7B, 9)).unwrap();
    g.handle_input(at(10_000), &frame(0x44, meter(), None, LIMITED | 0x12, 2)).unwrap();
    assert_eq!(g.poll_transmit(at(10_002)), None);
    // The next one is heard by the repeater alone.
    g.handle_input(at(70_000), &frame(0x44, meter(), None, LIMITED | 0x12, 3)).unwrap();
    assert_eq!(g.poll_transmit(at(70_002)).unwrap()[11], 0x86);
    // Two others are heard directly: there is room for two, so the first is forgotten.
    for (n, number) in [(1, 4), (2, 5), (1, 6)] {
        g.handle_input(at(71_000), &frame(0x44, numbered_meter(n), None, LIMITED, number)).unwrap();
    }
    g.handle_input(at(80_000), &frame(0x44, meter(), None, LIMITED | 0x12, 2)).unwrap();
    assert!(g.poll_transmit(at(80_002)).is_some());
    g.post(at(81_000), numbered_meter(1), &request(0x7B, 9)).unwrap();
    g.handle_input(at(82_000), &frame(0x44, numbered_meter(1), None, LIMITED | 0x12, 6)).unwrap();
    assert_eq!(g.poll_transmit(at(82_002)), None);
    // Without any room it cannot know.
    assert!(OtherDevice::<0>::new(gateway(), AccessTiming::T2).handle_input(at(0), &answer(1)).is_ok());
}

#[test]
fn an_access_demand_is_acknowledged_with_its_number() {
    let mut g = OtherDevice::<1>::new(gateway(), AccessTiming::T2);
    g.handle_input(at(0), &frame(0x48, meter(), None, LIMITED, 0x51)).unwrap();
    let expected = StoredFrame::short(CField::ACK, gateway(), meter(), CommunicationControl(0x84), 0x51);
    assert_eq!(g.poll_transmit(at(2)).unwrap(), expected.octets());
    assert_eq!(gateway_events(&mut g), [OtherDeviceEvent::AccessDemand(meter())]);
}

#[test]
fn installation_is_heard_by_all_and_confirmed_by_one() {
    let request = frame(0x46, meter(), None, LIMITED, 0x45);
    let mut m = Installation::start(at(0), &request, AccessTiming::T2, Duration::from_secs(30)).unwrap();
    let mut g = OtherDevice::<1>::new(gateway(), AccessTiming::T2);
    for round in 0..3_u64 {
        let now = round * 30_000;
        assert_eq!(m.poll_timeout(), Some(at(now)));
        assert_eq!(m.poll_transmit(at(now)).unwrap(), request);
        m.transmitted(at(now + 10));
        assert_eq!(m.listening(), Some((at(now + 12), at(now + 13))));
        g.handle_input(at(now + 10), &request).unwrap();
        assert_eq!(gateway_events(&mut g), [OtherDeviceEvent::InstallationRequest(meter())]);
        if round == 2 {
            assert!(!g.confirm(gateway()) && g.confirm(meter()) && !g.confirm(meter()));
        }
        let reply = g.poll_transmit(at(now + 12)).unwrap().to_vec();
        let sent =
            if round == 2 { OtherDeviceEvent::Confirmed(meter()) } else { OtherDeviceEvent::Reset(meter()) };
        assert_eq!(gateway_events(&mut g), [sent]);
        m.handle_input(at(now + 13), &reply).unwrap();
        m.handle_timeout(at(now + 20));
    }
    assert!(m.is_over() && m.poll_timeout().is_none() && m.poll_transmit(at(90_000)).is_none());
    let heard = InstallationEvent::HeardBy(gateway());
    let all: Vec<_> = core::iter::from_fn(|| m.poll_event()).collect();
    assert_eq!(all, [heard, heard, InstallationEvent::ConfirmedBy(gateway())]);
}

#[test]
fn installation_ends_after_six_requests() {
    let request = frame(0x46, meter(), None, LIMITED, 0x45);
    let mut m = Installation::start(at(0), &request, AccessTiming::C2, Duration::from_secs(30)).unwrap();
    let mut sent = Vec::new();
    while let Some(now) = m.poll_timeout() {
        m.handle_timeout(now);
        if m.poll_transmit(now).is_some() {
            sent.push(now);
            m.transmitted(now);
        }
    }
    assert_eq!(sent, [at(0), at(30_000), at(60_000), at(90_000), at(120_000), at(150_000)]);
    assert_eq!((m.poll_event(), m.poll_event()), (Some(InstallationEvent::Unconfirmed), None));
    // A confirmation that comes after the end confirms nothing.
    m.handle_input(at(200_000), &frame(0x06, gateway(), Some(meter()), 0x84, 0x45)).unwrap();
    assert_eq!(m.poll_event(), None);
}

/// Both sides over a link that loses frames: the meter sends every 20 s, the gateway has four requests.
fn lossy_dialogue(seed: u64, loss_percent: u64, rounds: u64) -> (usize, usize) {
    let mut state = seed;
    let mut lost = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % 100 < loss_percent
    };
    let mut m = MeterAccess::new(meter(), AccessTiming::T2, 0, Credits::new(60_000, Duration::ZERO));
    let mut g = OtherDevice::<4>::new(gateway(), AccessTiming::T2);
    g.set_patience(200, Duration::from_secs(1_000_000));
    for n in 0..4 {
        g.post(at(0), meter(), &request(if n % 2 == 0 { 0x7B } else { 0x5B }, n)).unwrap();
    }
    let (mut answered, mut asked_for) = (0, 0);
    for round in 0..rounds {
        m.send(&frame(0x44, meter(), None, LIMITED, round as u8)).unwrap();
        let end = at((round + 1) * 20_000);
        let mut now = at(round * 20_000);
        let mut steps = 0;
        while now < end {
            steps += 1;
            assert!(steps < 10_000, "no progress");
            m.handle_timeout(now);
            if let Some(octets) = m.poll_transmit(now).map(<[u8]>::to_vec) {
                now = now.after(Duration::from_millis(5));
                m.transmitted(now);
                if !lost() {
                    g.handle_input(now, &octets).unwrap();
                }
            }
            if let Some(octets) = g.poll_transmit(now).map(<[u8]>::to_vec) {
                let listening = m.listening().is_some_and(|(from, to)| from <= now && now <= to);
                now = now.after(Duration::from_millis(5));
                if listening && !lost() {
                    m.handle_input(now, &octets).unwrap();
                }
            }
            while let Some(event) = m.poll_event() {
                if let MeterEvent::Request(request) = event {
                    asked_for += 1;
                    m.respond(&answer(request.access_number.unwrap())).unwrap();
                }
            }
            while let Some(event) = g.poll_event() {
                answered += usize::from(matches!(event, OtherDeviceEvent::Answered(..)));
            }
            let next = [m.poll_timeout(), g.poll_timeout()].into_iter().flatten().min();
            now = next.unwrap_or(end).max(now).min(end);
        }
    }
    (answered, asked_for)
}

#[test]
fn four_requests_are_answered_in_one_cycle_of_a_good_link() {
    assert_eq!(lossy_dialogue(1, 0, 1), (4, 4));
}

#[test]
fn nothing_is_answered_over_a_dead_link() {
    assert_eq!(lossy_dialogue(1, 100, 20), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn all_requests_are_answered_over_a_bad_link(seed in any::<u64>()) {
        let (answered, asked) = lossy_dialogue(seed, 30, 60);
        prop_assert_eq!(answered, 4);
        // Each was shown to the meter's application once.
        prop_assert_eq!(asked, 4);
    }

    #[test]
    fn noise_and_a_wild_clock_leave_both_sides_bounded(
        inputs in prop::collection::vec(
            (any::<u32>(), prop::collection::vec(any::<u8>(), 0..64), 0..8_u8), 0..200),
    ) {
        let mut m = asleep(AccessTiming::C2);
        let mut g = OtherDevice::<3>::new(gateway(), AccessTiming::C2);
        for (now, octets, kind) in &inputs {
            let now = Instant::from_micros(u64::from(*now) * 100);
            let number = octets.first().copied().unwrap_or(0);
            let octets = match kind {
                0 => request(0x5B, number),
                1 => request(0x40, number),
                2 => answer(number),
                3 => frame(0x44, meter(), None, number, 3),
                4 => frame(0x46, meter(), None, number, 3),
                _ => octets.clone(),
            };
            let _ = m.handle_input(now, &octets);
            let _ = g.handle_input(now, &octets);
            let _ = g.post(now, meter(), &octets);
            let _ = m.respond(&octets);
            let _ = m.send(&octets);
            g.confirm(meter());
            let mut calls = 0;
            while m.poll_transmit(now).is_some() {
                m.transmitted(now);
                calls += 1;
                prop_assert!(calls < 4);
            }
            while g.poll_transmit(now).is_some() {
                calls += 1;
                prop_assert!(calls < 8);
            }
            prop_assert!(g.waiting() <= 3);
        }
        let mut rounds = 0;
        while let Some(next) = m.poll_timeout() {
            m.handle_timeout(next);
            if m.poll_transmit(next).is_some() {
                m.transmitted(next);
            }
            rounds += 1;
            prop_assert!(rounds < 100);
        }
        rounds = 0;
        while let Some(next) = g.poll_timeout() {
            g.handle_timeout(next);
            let _ = g.poll_transmit(next);
            rounds += 1;
            prop_assert!(rounds < 10);
        }
    }
}

fn of_gateway(n: u8) -> Address {
    Address::from_link_octets([0x3A, 0x63, n, 0x55, 0x44, 0x33, 0x0A, 0x31])
}

#[test]
fn each_of_several_gateways_is_acted_on_once() {
    let mut m = asleep(AccessTiming::C2);
    let mut acted = Vec::new();
    let mut again = Vec::new();
    let mut hears = |m: &mut MeterAccess, second: u64, from: u8, number: u8| {
        m.handle_input(at(second * 1000), &frame(0x53, of_gateway(from), Some(meter()), 0x80, number))
            .unwrap();
        for event in meter_events(m) {
            match event {
                MeterEvent::Request(asked) => acted.push((from, asked.access_number.unwrap())),
                MeterEvent::AskedAgain(asked) => again.push((from, asked.access_number.unwrap())),
                _ => continue,
            }
            m.respond(&frame(0x00, meter(), Some(of_gateway(from)), 0x80, number)).unwrap();
        }
        let answer = m.poll_transmit(at(second * 1000 + 1000)).expect("every one is answered");
        assert_eq!(Routing::of(answer).addressee, Some(of_gateway(from)));
        m.transmitted(at(second * 1000 + 1005));
    };
    for (second, from, number) in [(0, 1, 7), (5, 2, 9), (10, 1, 7), (15, 1, 8), (20, 2, 9), (25, 2, 9)] {
        hears(&mut m, second, from, number);
    }
    assert_eq!(acted, [(1, 7), (2, 9), (1, 8)]);
    assert_eq!(again, [(1, 7), (2, 9)]);
}

#[test]
fn only_the_partner_of_a_cycle_ends_it() {
    let mut m = asleep(AccessTiming::C2);
    m.handle_input(at(0), &request(0x5B, 1)).unwrap();
    let reset = |from: Address| frame(0x40, from, Some(meter()), 0x80, 77);
    m.handle_input(at(10), &reset(of_gateway(9))).unwrap();
    assert!(m.in_cycle());
    m.respond(&answer(1)).unwrap();
    assert!(m.poll_transmit(at(1000)).is_some());
    m.transmitted(at(1005));
    m.handle_input(at(2005), &reset(gateway())).unwrap();
    assert!(!m.in_cycle());
    assert_eq!(meter_events(&mut m).last(), Some(&MeterEvent::CycleEnded(CycleEnd::Reset)));
}

#[test]
fn commands_to_many_are_paid_and_told_once() {
    let two_hours = Duration::from_secs(7200);
    let mut m = MeterAccess::new(meter(), AccessTiming::C2, 0, Credits::new(6, two_hours));
    let command = |number: u8| frame(CField::SND_UD3.0, gateway(), Some(meter()), 0x80, number);
    let mut told = Vec::new();
    for (n, number) in [1, 1, 2, 3].into_iter().enumerate() {
        m.handle_input(at(n as u64 * 2000), &command(number)).unwrap();
        told.extend(meter_events(&mut m));
    }
    let of = |number| Request { from: gateway(), c_field: CField::SND_UD3, access_number: Some(number) };
    assert_eq!(
        told,
        [
            MeterEvent::Received(of(1)),
            MeterEvent::RepeatedRequest(of(1)),
            MeterEvent::Received(of(2)),
            MeterEvent::OutOfCredits(of(3)),
        ]
    );
    assert_eq!(m.credits().available(), 0);
}

#[test]
fn a_request_is_told_whatever_waits() {
    let mut m = asleep(AccessTiming::C2);
    for n in 0..40 {
        m.handle_input(at(n), &frame(0x40, of_gateway(n as u8), Some(meter()), 0x80, 1)).unwrap();
    }
    m.handle_input(at(50), &request(0x5B, 1)).unwrap();
    assert!(m.events_lost() > 0);
    assert!(meter_events(&mut m).contains(&MeterEvent::Request(asked(0x5B, 1))));
}

#[test]
fn the_end_of_every_posted_frame_is_told() {
    let mut g = OtherDevice::<16>::new(gateway(), AccessTiming::C2);
    let tickets: Vec<Ticket> =
        (0..16).map(|n| g.post(at(0), numbered_meter(n), &request(0x5B, n)).unwrap()).collect();
    let later = at(25 * 3_600_000);
    g.handle_timeout(later);
    assert_eq!((g.waiting(), g.poll_timeout()), (0, None));
    // Eight ends found room among the events; the others keep their places.
    for n in 0..8 {
        g.post(later, numbered_meter(n), &request(0x5B, n)).unwrap();
    }
    let full = g.post(later, meter(), &request(0x5B, 1)).map(|_| ()).unwrap_err();
    assert_eq!(full.kind, ErrorKind::QueueFull { capacity: 16 });
    let mut told = Vec::new();
    for event in gateway_events(&mut g) {
        let OtherDeviceEvent::GivenUp(ticket, GivenUp::Expired) = event else { panic!("{event:?}") };
        told.push(ticket);
    }
    told.sort_by_key(|ticket| ticket.0);
    assert_eq!((told, g.events_lost()), (tickets, 0));
    assert!(g.post(later, meter(), &request(0x5B, 1)).is_ok());
}

#[test]
fn a_frame_that_expires_on_its_way_makes_nobody_spin() {
    let mut g = OtherDevice::<4>::new(gateway(), AccessTiming::C2);
    let day = 24 * 3_600_000;
    g.post(at(0), meter(), &request(0x5B, 1)).unwrap();
    g.handle_input(at(day - 100), &frame(0x44, meter(), None, 0x80, 7)).unwrap();
    let mut now = at(day - 100);
    let mut rounds = 0;
    while let Some(next) = g.poll_timeout() {
        assert!(next > now || rounds == 0, "{now:?} {next:?}");
        now = next;
        g.handle_timeout(now);
        while g.poll_transmit(now).is_some() {}
        rounds += 1;
        assert!(rounds < 5);
    }
}

#[test]
fn only_an_installation_request_installs_and_only_with_access_it_listens() {
    let start = |c: u8, cc: u8| {
        Installation::start(at(0), &frame(c, meter(), None, cc, 1), AccessTiming::C2, Duration::from_secs(30))
    };
    assert_eq!(
        start(0x44, 0x80).map(|_| ()).unwrap_err(),
        ErrorKind::NotAnInstallationRequest { c: 0x44 }.at(1)
    );
    let mut installation = start(0x46, 0x20).unwrap();
    assert!(installation.replace_frame(&frame(0x44, meter(), None, 0x80, 1)).is_err());
    let mut sent = 0;
    while let Some(now) = installation.poll_timeout() {
        installation.handle_timeout(now);
        if installation.poll_transmit(now).is_some() {
            sent += 1;
            installation.transmitted(now);
            assert_eq!(installation.listening(), None);
        }
    }
    assert_eq!((sent, installation.is_over()), (6, true));
    assert_eq!(installation.poll_event(), Some(InstallationEvent::Unconfirmed));
    assert_eq!(installation.poll_event(), None);
}

#[test]
fn what_is_true_for_a_while_is_sent_in_that_while_and_in_its_turn() {
    let mut g = OtherDevice::<4>::new(gateway(), AccessTiming::C2);
    let sends = |g: &mut OtherDevice<4>, second: u64| {
        g.handle_input(at(second * 1000), &frame(0x44, meter(), None, 0x80, second as u8)).unwrap();
        g.poll_transmit(at(second * 1000 + 1000)).map(|octets| octets[1])
    };
    let clock = g.post_between((at(10_000), at(20_000)), at(0), meter(), &request(0x53, 1)).unwrap();
    let other = g.post(at(0), meter(), &request(0x5B, 2)).unwrap();
    assert!(!g.access_now(at(1000), meter()));
    assert_eq!((sends(&mut g, 5), sends(&mut g, 9)), (None, None), "what stands behind it waits");
    assert_eq!((sends(&mut g, 10), sends(&mut g, 20)), (Some(0x53), Some(0x53)));
    assert_eq!(sends(&mut g, 22), Some(0x5B));
    let events = gateway_events(&mut g);
    assert_eq!(events.iter().filter(|event| **event == OtherDeviceEvent::Sent(clock)).count(), 2);
    assert!(events.contains(&OtherDeviceEvent::GivenUp(clock, GivenUp::Expired)));
    assert_eq!(events.last(), Some(&OtherDeviceEvent::Sent(other)));
}
