//! The master in virtual time, against slaves and against a line that does its worst.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod wired_bus;

use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{
    BaudRate, Command, DataClass, Expected, Fault, Frame, LineTiming, Master, MasterEvent, PrimaryAddress,
    Selection, Slave, SlaveEvent, SlaveSettings,
};
use mbus_link::{Address, CField, ErrorKind};
use wired_bus::{Bus, Meter};

const SLAVE: PrimaryAddress = PrimaryAddress(1);
const LINE: LineTiming = LineTiming::new(2400);

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}
fn encoded(frame: Frame<'_>) -> Vec<u8> {
    frame.encode_into(&mut [0; 261]).unwrap().to_vec()
}
fn short(c: u8, a: u8) -> Vec<u8> {
    encoded(Frame::Short { c_field: CField(c), address: PrimaryAddress(a) })
}
fn long(c: u8, a: u8, payload: &[u8]) -> Vec<u8> {
    encoded(Frame::Long { c_field: CField(c), address: PrimaryAddress(a), payload })
}
fn meter(address: u8, telegrams: &[&[u8]]) -> Meter {
    let identity = Address::from_transport_octets([address, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03]);
    let rates = &BaudRate::TABLE;
    let settings =
        SlaveSettings { address: PrimaryAddress(address), identity, rates, ..SlaveSettings::default() };
    Meter::new(settings, telegrams.iter().map(|telegram| telegram.to_vec()).collect())
}
fn text(event: MasterEvent<'_>) -> String {
    match event {
        MasterEvent::Acknowledged { sends, .. } => format!("ack {sends}"),
        MasterEvent::Data { payload, telegram, sends, repeated, .. } => {
            format!("data {telegram} {payload:02X?} {sends}{}", if repeated { " again" } else { "" })
        }
        MasterEvent::Retry { fault, sends } => format!("retry {} {sends}", fault_name(fault)),
        MasterEvent::Failed { fault, sends, .. } => format!("failed {} {sends}", fault_name(fault)),
        other => format!("{other:?}"),
    }
}
fn fault_name(fault: Fault) -> String {
    match fault {
        Fault::Disturbed { error: Some(error) } => format!("disturbed {}", error.kind.name()),
        Fault::Disturbed { error: None } => "disturbed".into(),
        other => format!("{other:?}"),
    }
}
/// Carries an order out and gives all that was told.
fn carry_out(bus: &mut Bus, master: &mut Master, now: &mut Instant) -> Vec<String> {
    let mut told = Vec::new();
    bus.run(now, master, |master| {
        while let Some(event) = master.poll_event() {
            told.push(text(event));
        }
    });
    told
}
/// What a master tells of an answer heard 50 ms behind the request, and the frames that it sent.
fn answer_with(master: &mut Master, line: &[u8]) -> (Vec<String>, Vec<Vec<u8>>) {
    let (mut told, mut sent, mut now) = (Vec::new(), Vec::new(), at(0));
    for _ in 0..100 {
        let request = master.poll_transmit(now).map(<[u8]>::to_vec);
        while let Some(event) = master.poll_event() {
            told.push(text(event));
        }
        if let Some(request) = request {
            now = now.after(LINE.air_time(request.len())).after(Duration::from_millis(50));
            sent.push(request);
            for octet in line {
                master.handle_input(now, &[*octet]);
                now = now.after(LINE.air_time(1));
            }
        } else if let Some(due) = master.poll_timeout() {
            now = now.max(due);
            master.handle_timeout(now);
        } else {
            break;
        }
    }
    (told, sent)
}

#[test]
fn every_order_sends_its_frame_and_ends_once() {
    let mut bus = Bus::new(vec![meter(1, &[&[0x78, 1]])], 0);
    let mut master = Master::new(LINE);
    let mut now = at(0);
    let selection = Selection::of(bus.meters[0].slave.identity());
    type Order<'a> = Box<dyn Fn(&mut Master) -> Result<(), mbus_link::Error> + 'a>;
    let orders: Vec<(Order<'_>, &[u8], &str)> = vec![
        (Box::new(|m| m.reset(SLAVE)), &[0x10, 0x40, 0x01, 0x41, 0x16], "ack 1"),
        (
            Box::new(|m| m.request(SLAVE, DataClass::Two)),
            &[0x10, 0x7B, 0x01, 0x7C, 0x16],
            "data 1 [78, 01] 1",
        ),
        (
            Box::new(|m| m.request(SLAVE, DataClass::One)),
            &[0x10, 0x5A, 0x01, 0x5B, 0x16],
            "data 1 [78, 01] 1",
        ),
        (Box::new(|m| m.send(SLAVE, &[0x50])), &[0x68, 3, 3, 0x68, 0x73, 0x01, 0x50, 0xC4, 0x16], "ack 1"),
        (
            Box::new(|m| m.select(&selection)),
            &[0x68, 11, 11, 0x68, 0x53, 0xFD, 0x52, 1, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 3, 0x1D, 0x16],
            "ack 1",
        ),
        (
            Box::new(|m| m.request(PrimaryAddress::SELECTED, DataClass::Two)),
            &[0x10, 0x7B, 0xFD, 0x78, 0x16],
            "data 1 [78, 01] 1",
        ),
        (Box::new(|m| m.reset(PrimaryAddress::SELECTED)), &[0x10, 0x40, 0xFD, 0x3D, 0x16], "ack 1"),
        (
            Box::new(|m| m.status(SLAVE)),
            &[0x10, 0x49, 0x01, 0x4A, 0x16],
            "Status { address: PrimaryAddress(1), c_field: CField(11), sends: 1 }",
        ),
        (
            Box::new(|m| m.reset(PrimaryAddress::BROADCAST)),
            &[0x10, 0x40, 0xFF, 0x3F, 0x16],
            "Sent { address: PrimaryAddress(255) }",
        ),
        (
            Box::new(|m| m.raw(&Frame::Short { c_field: CField(0x7B), address: SLAVE }, Expected::Data)),
            &[0x10, 0x7B, 0x01, 0x7C, 0x16],
            "data 1 [78, 01] 1",
        ),
    ];
    for (order, frame, end) in orders {
        bus.sent.clear();
        order(&mut master).unwrap();
        assert_eq!(order(&mut master).unwrap_err().kind, ErrorKind::OrderUnderWay);
        assert_eq!(carry_out(&mut bus, &mut master, &mut now), [end]);
        assert_eq!(bus.sent, [frame]);
        assert!(!master.is_busy());
    }
    assert_eq!((master.frames_sent(), master.events_lost()), (10, 0));
    // The answer to SND-UD2 is data; our meter acknowledges only, which is told.
    master.send_for_data(SLAVE, &[0x51]).unwrap();
    let told = carry_out(&mut bus, &mut master, &mut now);
    assert_eq!(told.last().unwrap(), "failed Unexpected(None) 3");
}

#[test]
fn silence_is_waited_for_as_long_as_the_standard_says() {
    for (baud, micros) in [(300, 1_150_000), (2400, 187_500), (9600, 84_375)] {
        let line = LineTiming::new(baud);
        let mut master = Master::new(line);
        master.request(SLAVE, DataClass::Two).unwrap();
        let mut sent = Vec::new();
        let mut now = at(1);
        while master.is_busy() {
            if master.poll_transmit(now).is_some() {
                sent.push(now);
            }
            now = master.poll_timeout().map_or(now, |due| due.max(now));
            master.handle_timeout(now);
        }
        let told: Vec<_> = core::iter::from_fn(|| master.poll_event().map(text)).collect();
        assert_eq!(told, ["retry Silence 1", "retry Silence 2", "failed Silence 3"]);
        // Request, window, the first character of an answer, 33 bit times of rest.
        let period = line.air_time(5).as_micros()
            + micros
            + line.air_time(1).as_micros()
            + 1
            + line.rest().as_micros();
        for pair in sent.windows(2) {
            assert_eq!(pair[1].since(pair[0]).as_micros(), period, "{baud}");
        }
    }
}

#[test]
fn a_collision_is_told_from_silence_and_every_fault_by_name() {
    let good = long(0x08, 1, &[0x78, 1]);
    let mut damaged = good.clone();
    damaged[7] ^= 4;
    let rows: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "Silence"),
        (vec![0x00], "disturbed"),
        (vec![0x00; 40], "disturbed"),
        (damaged, "disturbed checksum"),
        (good[..7].to_vec(), "disturbed truncated"),
        (long(0x08, 2, &[0x78, 1]), "OtherAddress(PrimaryAddress(2))"),
        (vec![0xE5], "Unexpected(None)"),
        (short(0x0B, 1), "Unexpected(Some(CField(11)))"),
    ];
    for (line, fault) in rows {
        let mut master = Master::new(LINE);
        master.request(SLAVE, DataClass::Two).unwrap();
        let (told, sent) = answer_with(&mut master, &line);
        assert_eq!(told.last().unwrap(), &format!("failed {fault} 3"), "{line:02X?}");
        // The same FCB each time.
        assert_eq!(sent, [short(0x7B, 1), short(0x7B, 1), short(0x7B, 1)]);
        assert_eq!(told[0], format!("retry {fault} 1"));
    }
    // Noise in front of an answer does it no harm.
    let mut master = Master::new(LINE);
    master.request(SLAVE, DataClass::Two).unwrap();
    let (told, _) = answer_with(&mut master, &[&[0xFF, 0x00, 0x68][..], &long(0x08, 1, &[0x78, 1])].concat());
    assert_eq!(told, ["data 1 [78, 01] 1"]);
}

#[test]
fn two_acknowledgements_are_surplus_only_when_heard_out() {
    for (hears_out, line, end) in [
        (false, &[0xE5, 0xE5][..], "ack 1"),
        (true, &[0xE5, 0xE5], "failed Surplus 1"),
        (true, &[0xE5, 0x00], "failed Surplus 1"),
        (true, &[0xE5], "ack 1"),
        (true, &[0x00], "failed disturbed 1"),
    ] {
        let mut master = Master::new(LINE);
        master.set_sends(1);
        master.set_hears_out(hears_out);
        master.select(&Selection::of(Address::WILDCARD)).unwrap();
        assert_eq!(answer_with(&mut master, line).0[0], end, "{line:02X?}");
    }
}

#[test]
fn the_echo_is_found_and_taken_out() {
    for echo in [false, true] {
        let mut bus = Bus::new(vec![meter(1, &[&[0x78, 1], &[0x78, 2]])], 0);
        bus.echo = echo;
        let mut master = Master::new(LINE);
        let mut now = at(0);
        master.read(SLAVE, 9).unwrap();
        assert_eq!(carry_out(&mut bus, &mut master, &mut now), ["data 1 [78, 01] 1"]);
        master.more().unwrap();
        assert_eq!(carry_out(&mut bus, &mut master, &mut now), ["data 2 [78, 02] 1"]);
        master.reset(PrimaryAddress(2)).unwrap();
        assert_eq!(carry_out(&mut bus, &mut master, &mut now).last().unwrap(), "failed Silence 3");
    }
}

#[test]
fn a_readout_toggles_the_fcb_and_is_bounded() {
    let telegrams: [&[u8]; 4] = [&[0x78, 1], &[0x78, 2], &[0x78, 3], &[0x78, 4]];
    let mut bus = Bus::new(vec![meter(1, &telegrams)], 0);
    let mut master = Master::new(LINE);
    let mut now = at(0);
    assert_eq!(master.more().unwrap_err().kind, ErrorKind::NoReadout);
    for _ in 0..2 {
        bus.sent.clear();
        master.read(SLAVE, 5).unwrap();
        for n in 1..=4 {
            assert_eq!(carry_out(&mut bus, &mut master, &mut now), [format!("data {n} [78, {n:02X}] 1")]);
            master.more().unwrap();
        }
        // Our meter sends its last telegram again, which is told.
        assert_eq!(carry_out(&mut bus, &mut master, &mut now), ["data 5 [78, 04] 1 again"]);
        assert_eq!(master.more().unwrap_err().kind, ErrorKind::ReadoutTooLong { limit: 5 });
        let c_fields: Vec<u8> = bus.sent.iter().map(|frame| frame[1]).collect();
        assert_eq!(c_fields, [0x40, 0x7B, 0x5B, 0x7B, 0x5B, 0x7B]);
    }
    // Something else in between ends it.
    master.reset(SLAVE).unwrap();
    carry_out(&mut bus, &mut master, &mut now);
    assert_eq!(master.more().unwrap_err().kind, ErrorKind::NoReadout);
}

/// Carries the order out while so many acknowledgements get lost: how often the frame was sent, the sub-codes of the
/// application resets that were new to the slave, and what the master told last.
fn reset_applications(master: &mut Master, slave: &mut Slave, lost: usize) -> (usize, Vec<Vec<u8>>, String) {
    let (mut now, mut sent, mut acted, mut told) = (at(0), Vec::new(), Vec::new(), String::new());
    while master.is_busy() {
        if let Some(request) = master.poll_transmit(now).map(<[u8]>::to_vec) {
            now = now.after(LINE.air_time(request.len()));
            slave.handle_input(now, &request);
            sent.push(request);
            let mut is_command = false;
            while let Some(event) = slave.poll_event() {
                if let SlaveEvent::Command { command, repeated, .. } = event {
                    let Command::ApplicationReset(sub_code) = command else { panic!("{command:?}") };
                    assert!(!repeated, "the slave itself answers what it has acknowledged");
                    acted.push(sub_code.to_vec());
                    is_command = true;
                }
            }
            if is_command {
                slave.acknowledge().unwrap();
            }
            now = now.after(Duration::from_millis(50));
            let acknowledgement = slave.poll_transmit(now).unwrap();
            assert_eq!(acknowledgement, [0xE5]);
            if sent.len() > lost {
                master.handle_input(now.after(LINE.air_time(1)), acknowledgement);
            }
        } else if let Some(due) = master.poll_timeout() {
            now = now.max(due);
            master.handle_timeout(now);
            slave.handle_timeout(now);
        }
        while let Some(event) = master.poll_event() {
            told = text(event);
        }
    }
    assert!(sent.iter().all(|frame| *frame == sent[0]), "the same frame with the same FCB");
    (sent.len(), acted, told)
}

#[test]
fn an_application_reset_is_acted_on_once_however_often_its_acknowledgement_is_lost() {
    for address in [SLAVE, PrimaryAddress::SELECTED] {
        for lost in 0..3 {
            let (mut master, mut slave) = (Master::new(LINE), meter(1, &[]).slave);
            let mut selection = [0; 64];
            let selection =
                Command::Select(Selection::of(slave.identity())).encode_into(&mut selection).unwrap();
            slave.handle_input(at(0), &long(0x53, 253, selection));
            // The second is the same order meant anew, and the slave acts anew.
            for sub_code in [&[][..], &[], &[0x10]] {
                let mut payload = [0; 8];
                let payload = Command::ApplicationReset(sub_code).encode_into(&mut payload).unwrap();
                master.send(address, payload).unwrap();
                let (sent, acted, told) = reset_applications(&mut master, &mut slave, lost);
                assert_eq!((sent, acted), (lost + 1, vec![sub_code.to_vec()]));
                assert_eq!(told, format!("ack {}", lost + 1));
            }
            // All are lost: the slave has acted all the same, and the same order again is a repetition.
            let payload = [0x50, 0x20];
            master.send(address, &payload).unwrap();
            let (_, acted, told) = reset_applications(&mut master, &mut slave, 3);
            assert_eq!((acted, told.as_str()), (vec![vec![0x20]], "failed Silence 3"));
            master.send(address, &payload).unwrap();
            let (_, acted, told) = reset_applications(&mut master, &mut slave, 0);
            assert_eq!((acted, told.as_str()), (vec![], "ack 1"));
        }
    }
}

#[test]
fn the_fcb_counts_apart_for_every_address() {
    let mut bus = Bus::new(vec![meter(1, &[&[0x78]]), meter(2, &[&[0x78]])], 0);
    let mut master = Master::new(LINE);
    let mut now = at(0);
    master.select(&Selection::of(bus.meters[1].slave.identity())).unwrap();
    carry_out(&mut bus, &mut master, &mut now);
    bus.sent.clear();
    for address in [1, 1, 2, 253, 2, 1, 253, 253] {
        master.request(PrimaryAddress(address), DataClass::Two).unwrap();
        carry_out(&mut bus, &mut master, &mut now);
    }
    master.send(PrimaryAddress::BROADCAST, &[0x50]).unwrap();
    carry_out(&mut bus, &mut master, &mut now);
    master.send(PrimaryAddress::BROADCAST, &[0x50]).unwrap();
    carry_out(&mut bus, &mut master, &mut now);
    let fcb: Vec<(u8, bool)> = bus
        .sent
        .iter()
        .map(|f| if f[0] == 0x68 { (f[5], f[4] & 0x20 != 0) } else { (f[2], f[1] & 0x20 != 0) })
        .collect();
    assert_eq!(
        fcb,
        [
            (1, true),
            (1, false),
            (2, true),
            (253, true),
            (2, false),
            (1, true),
            (253, false),
            (253, true),
            (255, true),
            (255, false)
        ]
    );
    assert_eq!(bus.meters[0].executed, bus.meters[1].executed);
    assert_eq!(bus.meters[0].executed.len(), 2);
}

#[test]
fn the_rate_changes_is_proven_and_falls_back() {
    let rate = BaudRate::from_baud(9600).unwrap();
    let mut bus = Bus::new(vec![meter(1, &[&[0x78]])], 0);
    let mut master = Master::new(LINE);
    let mut now = at(0);
    master.change_rate(SLAVE, rate).unwrap();
    let told = carry_out(&mut bus, &mut master, &mut now);
    assert_eq!(told, ["BaudRate(9600)", &format!("RateChanged({rate:?})")]);
    assert_eq!((master.line().baud, bus.meters[0].slave.line().baud), (9600, 9600));
    // A slave that acknowledges and stays where it is.
    let mut master = Master::new(LINE);
    master.set_sends(1);
    master.change_rate(SLAVE, rate).unwrap();
    master.poll_transmit(at(0)).unwrap();
    master.handle_input(at(100), &[0xE5]);
    assert_eq!(master.line().baud, 9600);
    let mut silent = Bus::new(vec![], 0);
    let mut now = at(100);
    let told = carry_out(&mut silent, &mut master, &mut now);
    assert_eq!(told, ["BaudRate(9600)", "BaudRate(2400)", "failed Silence 1"]);
    assert_eq!((master.line().baud, silent.sent), (2400, vec![short(0x40, 1)]));
    // Only the E5 got lost: the slave is found at the new rate.
    master.change_rate(SLAVE, rate).unwrap();
    let request = master.poll_transmit(now.after(Duration::from_secs(1))).map(<[u8]>::to_vec);
    assert_eq!(request.unwrap(), long(0x53, 1, &[0xBD]));
    while master.line().baud == 2400 {
        now = master.poll_timeout().unwrap();
        master.handle_timeout(now);
    }
    let told = carry_out(&mut bus, &mut master, &mut now);
    assert_eq!(told.last().unwrap(), &format!("RateChanged({rate:?})"));
    // To all: nobody answers, and the line changes with them.
    master.change_rate(PrimaryAddress::BROADCAST, BaudRate::from_baud(300).unwrap()).unwrap();
    let told = carry_out(&mut bus, &mut master, &mut now);
    assert_eq!(told[0], "BaudRate(300)");
    bus.meters[0].slave.handle_timeout(now);
    assert_eq!((master.line().baud, bus.meters[0].slave.line().baud), (300, 300));
}

#[test]
fn a_cancelled_order_ends_and_its_late_answer_is_nobodys() {
    let mut master = Master::new(LINE);
    assert!(!master.cancel());
    master.request(SLAVE, DataClass::Two).unwrap();
    assert!(master.cancel());
    assert_eq!(master.poll_event(), Some(MasterEvent::Cancelled));
    assert_eq!(master.poll_transmit(at(0)), None);
    master.request(SLAVE, DataClass::Two).unwrap();
    master.poll_transmit(at(0)).unwrap();
    assert!(master.cancel());
    assert_eq!(master.poll_event(), Some(MasterEvent::Cancelled));
    master.request(SLAVE, DataClass::Two).unwrap();
    // Not before the window of the cancelled request is over.
    assert_eq!(master.poll_transmit(at(100)), None);
    let answer = long(0x08, 1, &[0x78, 1]);
    master.handle_input(at(150), &answer);
    assert_eq!(master.poll_event(), Some(MasterEvent::Stray { octets: answer.len() }));
    assert_eq!(master.poll_transmit(at(151)), None);
    let due = master.poll_timeout().unwrap();
    assert!(master.poll_transmit(due).is_some());
}

#[test]
fn a_late_answer_counts_and_its_twin_does_not() {
    let mut master = Master::new(LINE);
    master.request(SLAVE, DataClass::Two).unwrap();
    let begin = at(0);
    master.poll_transmit(begin).unwrap();
    let out = begin.after(LINE.air_time(6)).after(LINE.latest_answer()).after(Duration::from_micros(1));
    master.handle_timeout(out);
    assert_eq!(master.poll_event().map(text).unwrap(), "retry Silence 1");
    let again = master.poll_timeout().unwrap();
    master.poll_transmit(again).unwrap();
    // The answer to the first request comes in the window of the second.
    master.handle_input(again.after(Duration::from_millis(40)), &long(0x08, 1, &[0x78, 1]));
    assert_eq!(master.poll_event().map(text).unwrap(), "data 1 [78, 01] 2");
    // The next request waits until the answer to the second can no longer begin.
    master.request(SLAVE, DataClass::Two).unwrap();
    assert_eq!(master.poll_transmit(again.after(Duration::from_millis(100))), None);
    master.handle_input(again.after(Duration::from_millis(150)), &long(0x08, 1, &[0x78, 1]));
    assert!(matches!(master.poll_event(), Some(MasterEvent::Stray { .. })));
    let due = master.poll_timeout().unwrap();
    assert_eq!(master.poll_transmit(due).unwrap(), short(0x5B, 1));
    master.handle_input(due.after(Duration::from_millis(100)), &long(0x08, 1, &[0x78, 2]));
    assert_eq!(master.poll_event().map(text).unwrap(), "data 1 [78, 02] 1");
}

#[test]
fn two_slaves_with_one_address_are_told_and_do_no_harm() {
    for spread in [false, true] {
        let mut bus =
            Bus::new(vec![meter(1, &[&[0x78, 1]]), meter(1, &[&[0x78, 2]]), meter(3, &[&[0x78, 3]])], 5);
        bus.spread = spread;
        let mut master = Master::new(LINE);
        let mut now = at(0);
        master.request(SLAVE, DataClass::Two).unwrap();
        let told = carry_out(&mut bus, &mut master, &mut now);
        assert!(told.iter().any(|line| line.contains("disturbed") || line.contains("Stray")), "{told:?}");
        master.request(PrimaryAddress(3), DataClass::Two).unwrap();
        assert_eq!(carry_out(&mut bus, &mut master, &mut now).last().unwrap(), "data 1 [78, 03] 1");
    }
}

#[test]
fn who_answers_for_ever_is_cut_off() {
    for noise in [0x00, 0x68, 0x10, 0xE5, 0x16] {
        let mut bus = Bus::new(vec![], 0);
        bus.babble = Some(noise);
        let mut master = Master::new(LINE);
        let mut now = at(0);
        for _ in 0..3 {
            master.request(SLAVE, DataClass::Two).unwrap();
            let told = carry_out(&mut bus, &mut master, &mut now);
            assert!(told.iter().any(|line| line.starts_with("failed")), "{noise:02X} {told:?}");
            assert!(!master.is_busy());
        }
        assert!(bus.sent.len() <= 9);
    }
}

#[test]
fn pauses_wake_up_and_repeaters_are_parameters() {
    let ms = Duration::from_millis;
    let mut master = Master::new(LineTiming::local_bus(2400, ms(2000)).with_pause(ms(300)));
    master.reset(SLAVE).unwrap();
    assert_eq!(master.poll_transmit(at(1000)), None);
    assert_eq!(master.poll_timeout(), Some(at(3000)));
    assert!(master.poll_transmit(at(3000)).is_some());
    master.handle_input(at(3100), &[0xE5]);
    assert_eq!(master.poll_event().map(text).unwrap(), "ack 1");
    master.reset(SLAVE).unwrap();
    assert_eq!(master.poll_transmit(at(3400)), None);
    assert!(master.poll_transmit(at(3405)).is_some());
    master.cancel();
    master.line_was_off();
    master.reset(SLAVE).unwrap();
    assert_eq!(master.poll_transmit(at(60_000)), None);
    assert!(master.poll_transmit(at(62_000)).is_some());
    // Two repeaters of 20 ms each, both ways.
    let mut master = Master::new(LINE.with_repeaters(2, ms(20)));
    master.reset(SLAVE).unwrap();
    master.poll_transmit(at(0)).unwrap();
    assert_eq!(
        master.poll_timeout().unwrap().as_micros(),
        6 * LINE.air_time(1).as_micros() + 187_500 + 80_000 + 1
    );
}

#[test]
fn a_clock_that_goes_backwards_costs_no_more_than_the_window() {
    let mut master = Master::new(LINE);
    master.request(SLAVE, DataClass::Two).unwrap();
    master.poll_transmit(at(1_000_000)).unwrap();
    master.handle_timeout(at(5));
    let due = master.poll_timeout().unwrap();
    assert!(due.since(at(5)) < Duration::from_millis(220));
    master.handle_timeout(due);
    assert_eq!(master.poll_event().map(text).unwrap(), "retry Silence 1");
}
