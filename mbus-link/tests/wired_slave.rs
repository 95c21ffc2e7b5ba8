//! The slave in virtual time: what it answers, when, what it remembers, and what it leaves to the application.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{
    BaudRate, Command, Frame, PrimaryAddress, Selection, Slave, SlaveEvent, SlaveSettings,
};
use mbus_link::{Address, CField, ErrorKind, IdentificationNumber};

const ACK: &[u8] = &[0xE5];
const WINDOW: Duration = Duration::from_micros(187_500);

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}
fn identity() -> Address {
    Address::from_transport_octets([0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03])
}
fn slave() -> Slave {
    Slave::new(SlaveSettings {
        address: PrimaryAddress(1),
        identity: identity(),
        fabrication_number: "91020304".parse().ok(),
        rates: &[BaudRate::TABLE[0], BaudRate::TABLE[3], BaudRate::TABLE[5]],
        ..SlaveSettings::default()
    })
}
fn short(c: u8, a: u8) -> Vec<u8> {
    let frame = Frame::Short { c_field: CField(c), address: PrimaryAddress(a) };
    frame.encode_into(&mut [0; 5]).unwrap().to_vec()
}
fn long(c: u8, a: u8, payload: &[u8]) -> Vec<u8> {
    let frame = Frame::Long { c_field: CField(c), address: PrimaryAddress(a), payload };
    frame.encode_into(&mut [0; 261]).unwrap().to_vec()
}
fn select(c: u8, selection: Selection<'_>) -> Vec<u8> {
    let mut buffer = [0; 40];
    long(c, 253, Command::Select(selection).encode_into(&mut buffer).unwrap())
}
/// The answer in the middle of the window.
fn answer(slave: &mut Slave, now: Instant) -> Option<Vec<u8>> {
    slave.poll_transmit(now.after(Duration::from_millis(50))).map(<[u8]>::to_vec)
}
fn events(slave: &mut Slave) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(event) = slave.poll_event() {
        events.push(match event {
            SlaveEvent::Request { class, repeated, .. } => format!("{class:?} {repeated}"),
            SlaveEvent::Command { command, repeated, .. } => format!("{command:?} {repeated}"),
            SlaveEvent::Repeated { .. } => "repeated".into(),
            other => format!("{other:?}"),
        });
    }
    events
}
fn ask(slave: &mut Slave, now: Instant, frame: &[u8]) -> Vec<String> {
    slave.handle_input(now, frame);
    events(slave)
}

#[test]
fn what_is_answered_without_the_application() {
    let selection = select(0x53, Selection::of(identity()));
    let rows: [(Vec<u8>, Option<Vec<u8>>); 9] = [
        (short(0x40, 1), Some(ACK.to_vec())),
        (short(0x40, 254), Some(ACK.to_vec())),
        (short(0x40, 255), None),
        (short(0x40, 2), None),
        (short(0x40, 253), None),
        (selection, Some(ACK.to_vec())),
        (short(0x49, 1), Some(short(0x0B, 1))),
        (short(0x49, 254), Some(short(0x0B, 1))),
        (short(0x49, 255), None),
    ];
    for (frame, expected) in rows {
        let mut slave = slave();
        slave.handle_input(at(0), &frame);
        assert_eq!(answer(&mut slave, at(0)), expected, "{frame:02X?}");
        assert_eq!(answer(&mut slave, at(50)), None);
    }
}

#[test]
fn the_answer_keeps_to_its_window() {
    let mut slave = slave();
    slave.handle_input(at(100), &short(0x40, 1));
    let earliest = slave.poll_timeout().unwrap();
    // 11 bit times at 2400 baud.
    assert_eq!(earliest.since(at(100)), Duration::from_micros(4584));
    assert_eq!(slave.poll_transmit(Instant::from_micros(earliest.as_micros() - 1)), None);
    assert_eq!(slave.clone().poll_transmit(earliest), Some(ACK));
    let latest = at(100).after(WINDOW);
    assert_eq!(slave.clone().poll_transmit(latest), Some(ACK));
    assert_eq!(slave.poll_transmit(latest.after(Duration::from_micros(1))), None);
    assert!(events(&mut slave).contains(&"AnswerTooLate".into()));
    assert_eq!(slave.poll_timeout(), None);
}

#[test]
fn the_same_fcb_repeats_and_another_goes_on() {
    for (own, other) in [(1, 253), (253, 1)] {
        let mut slave = slave();
        assert_eq!(ask(&mut slave, at(0), &select(0x53, Selection::of(identity()))), ["Selected"]);
        assert_eq!(ask(&mut slave, at(0), &short(0x7B, own)), ["Two false"]);
        slave.respond(&[0x78, 1]).unwrap();
        assert_eq!(answer(&mut slave, at(0)), Some(long(0x08, own, &[0x78, 1])));
        // The answer got lost, twice.
        for _ in 0..2 {
            assert_eq!(ask(&mut slave, at(300), &short(0x7B, own)), ["repeated"]);
            assert_eq!(answer(&mut slave, at(300)), Some(long(0x08, own, &[0x78, 1])));
        }
        // The other address has a memory of its own.
        assert_eq!(ask(&mut slave, at(600), &short(0x7B, other)), ["Two false"]);
        slave.respond(&[0x78, 9]).unwrap();
        assert!(answer(&mut slave, at(600)).is_some());
        assert_eq!(ask(&mut slave, at(900), &short(0x5B, own)), ["Two false"]);
        slave.respond(&[0x78, 2]).unwrap();
        assert_eq!(answer(&mut slave, at(900)), Some(long(0x08, own, &[0x78, 2])));
        // Not kept any more for the other one: the application has to say it again.
        assert_eq!(ask(&mut slave, at(1200), &short(0x7B, other)), ["Two true"]);
        slave.respond(&[0x78, 9]).unwrap();
        assert_eq!(answer(&mut slave, at(1200)), Some(long(0x08, other, &[0x78, 9])));
        // SND-NKE makes the memory forget.
        let reset = ask(&mut slave, at(1500), &short(0x40, own));
        assert_eq!(reset.len(), 1);
        assert!(answer(&mut slave, at(1500)).is_some());
        if own == 1 {
            assert_eq!(ask(&mut slave, at(1800), &short(0x5B, own)), ["Two false"]);
        } else {
            assert_eq!((reset[0].as_str(), slave.is_selected()), ("Deselected", false));
        }
    }
}

#[test]
fn where_the_fcb_does_not_count_everything_is_new() {
    let mut slave = slave();
    for frame in [short(0x7B, 254), long(0x43, 1, &[0x51, 0x0F])] {
        for _ in 0..3 {
            assert!(ask(&mut slave, at(0), &frame)[0].ends_with("false"));
            slave.respond(&[0x78]).unwrap();
            assert_eq!(answer(&mut slave, at(0)), Some(long(0x08, 1, &[0x78])));
        }
    }
    // Commands that differ are two, even from a master that never toggles.
    assert_eq!(ask(&mut slave, at(0), &long(0x53, 1, &[0x50])), ["ApplicationReset([]) false"]);
    slave.acknowledge().unwrap();
    assert_eq!(ask(&mut slave, at(0), &long(0x53, 1, &[0x50, 0x10])), ["ApplicationReset([16]) false"]);
    slave.acknowledge().unwrap();
    assert_eq!(ask(&mut slave, at(0), &long(0x53, 1, &[0x50, 0x10])), ["repeated"]);
    assert_eq!(answer(&mut slave, at(0)).as_deref(), Some(ACK));
}

#[test]
fn a_request_that_was_not_answered_is_asked_again_and_marked() {
    let mut slave = slave();
    assert_eq!(ask(&mut slave, at(0), &short(0x7B, 1)), ["Two false"]);
    assert_eq!(ask(&mut slave, at(300), &short(0x7B, 1))[..2], ["AnswerTooLate", "Two true"]);
    slave.handle_timeout(at(900));
    assert_eq!(events(&mut slave), ["AnswerTooLate"]);
    // Too late now, but in time for the repetition.
    slave.respond(&[0x78, 1]).unwrap();
    assert_eq!(answer(&mut slave, at(900)), None);
    assert_eq!(ask(&mut slave, at(1000), &short(0x7B, 1)), ["repeated"]);
    assert_eq!(answer(&mut slave, at(1000)), Some(long(0x08, 1, &[0x78, 1])));
}

#[test]
fn answers_are_refused_when_none_is_owed() {
    let mut slave = slave();
    let nothing = Err(ErrorKind::NothingToAnswer.at(0));
    assert_eq!((slave.respond(&[0x78]), slave.acknowledge()), (nothing, nothing));
    // A request of class 2 wants data, SND-UD wants E5, class 1 takes both, 255 none.
    for (frame, data, ack) in [
        (short(0x7B, 1), true, false),
        (short(0x7A, 1), true, true),
        (long(0x73, 1, &[0x51]), false, true),
        (long(0x43, 1, &[0x51]), true, true),
        (long(0x73, 255, &[0x51]), false, false),
        (short(0x7B, 255), false, false),
        (short(0x7B, 2), false, false),
    ] {
        slave.handle_input(at(0), &frame);
        assert_eq!(slave.clone().respond(&[0x78]).is_ok(), data, "{frame:02X?}");
        assert_eq!(slave.acknowledge().is_ok(), ack, "{frame:02X?}");
    }
    slave.handle_input(at(0), &short(0x7B, 1));
    assert_eq!(slave.respond(&[]).unwrap_err().kind, ErrorKind::NoControlInformation);
    assert_eq!(slave.respond(&[0; 254]).unwrap_err().kind.name(), "payload_too_long");
    slave.respond(&[0x78; 253]).unwrap();
    assert_eq!(answer(&mut slave, at(0)), Some(long(0x08, 1, &[0x78; 253])));
}

#[test]
fn alarms_and_business_show_in_every_answer() {
    for (alarm, busy, c) in
        [(false, false, 0x08), (true, false, 0x28), (false, true, 0x18), (true, true, 0x38)]
    {
        let mut slave = slave();
        slave.set_alarm(alarm);
        slave.set_busy(busy);
        slave.handle_input(at(0), &short(0x7A, 1));
        slave.respond(&[0x71, 0x01]).unwrap();
        assert_eq!(answer(&mut slave, at(0)), Some(long(c, 1, &[0x71, 0x01])));
        slave.handle_input(at(0), &short(0x49, 1));
        assert_eq!(answer(&mut slave, at(0)), Some(short(c | 0x03, 1)));
        // A busy slave takes no command, and the repetition of it is no repetition.
        let told = ask(&mut slave, at(300), &long(0x53, 1, &[0x50]));
        assert_eq!(told.last().unwrap().starts_with("Refused"), busy);
        slave.set_busy(false);
        let told = ask(&mut slave, at(600), &long(0x53, 1, &[0x50]));
        assert_eq!(
            told.last().unwrap(),
            if busy { "ApplicationReset([]) false" } else { "ApplicationReset([]) true" }
        );
    }
}

#[test]
fn selections() {
    let wild =
        |text: &str| Selection::of(Address { identification: text.parse().unwrap(), ..Address::WILDCARD });
    let number = |text: &str| text.parse::<IdentificationNumber>().ok();
    let rows = [
        (Selection::of(identity()), true),
        (Selection::of(Address::WILDCARD), true),
        (wild("1234567F"), true),
        (wild("1234FFFF"), true),
        (wild("2FFFFFFF"), false),
        (Selection { fabrication_number: number("FF0203F4"), ..wild("FFFFFFFF") }, true),
        (Selection { fabrication_number: number("FF0203F5"), ..wild("FFFFFFFF") }, false),
    ];
    for (selection, fits) in rows {
        let mut slave = slave();
        for c in [0x53, 0x73, 0x53, 0x53] {
            slave.handle_input(at(0), &select(c, selection));
            assert_eq!(answer(&mut slave, at(0)).is_some(), fits);
            assert_eq!(slave.is_selected(), fits);
        }
        slave.handle_input(at(0), &short(0x7B, 253));
        assert_eq!(slave.respond(&[0x72]).is_ok(), fits);
        assert_eq!(answer(&mut slave, at(0)), fits.then(|| long(0x08, 253, &[0x72])));
        // A selection of somebody else deselects.
        slave.handle_input(at(0), &select(0x53, wild("0FFFFFFF")));
        assert_eq!((answer(&mut slave, at(0)), slave.is_selected()), (None, false));
        // Only at 253 it is a selection, elsewhere a command that the application knows or not.
        slave.handle_input(at(0), &long(0x53, 1, &select(0x53, selection)[6..][..9]));
        assert!(!slave.is_selected());
    }
    for answers_deselection in [true, false] {
        let settings =
            SlaveSettings { identity: identity(), answers_deselection, ..SlaveSettings::default() };
        let mut slave = Slave::new(settings);
        slave.handle_input(at(0), &select(0x53, wild("FFFFFFFF")));
        slave.handle_input(at(0), &short(0x40, 253));
        assert_eq!(answer(&mut slave, at(0)).is_some(), answers_deselection);
        assert!(!slave.is_selected());
    }
}

#[test]
fn a_new_address_holds_at_once() {
    let mut slave = slave();
    slave.handle_input(at(0), &long(0x53, 254, &[0x51, 0x01, 0x7A, 0x05]));
    let Some(SlaveEvent::Command { command: Command::SetAddress(address), .. }) = slave.poll_event() else {
        panic!()
    };
    slave.acknowledge().unwrap();
    slave.set_address(address);
    assert_eq!(answer(&mut slave, at(0)).as_deref(), Some(ACK));
    slave.handle_input(at(0), &short(0x40, 1));
    assert_eq!(answer(&mut slave, at(0)), None);
    slave.handle_input(at(0), &short(0x40, 5));
    assert_eq!(answer(&mut slave, at(0)).as_deref(), Some(ACK));
    slave.set_identity(Address::default(), None);
    assert_eq!((slave.address(), slave.identity()), (PrimaryAddress(5), Address::default()));
}

#[test]
fn the_rate_changes_behind_the_acknowledgement_and_falls_back() {
    let change = |slave: &mut Slave, baud| {
        let ci = BaudRate::from_baud(baud).unwrap().ci();
        ask(slave, at(0), &long(0x53, 1, &[ci]))
    };
    let mut slave = slave();
    assert_eq!(change(&mut slave, 9600), [""; 0]);
    assert_eq!(answer(&mut slave, at(0)).as_deref(), Some(ACK));
    let out = slave.poll_timeout().unwrap();
    assert_eq!(out, at(50).after(Duration::from_micros(4584)));
    slave.handle_timeout(Instant::from_micros(out.as_micros() - 1));
    assert_eq!((slave.line().baud, slave.has_event()), (2400, false));
    slave.handle_timeout(out);
    assert_eq!((slave.line().baud, events(&mut slave)), (9600, vec!["BaudRate(9600)".into()]));
    // Nobody comes to the new rate.
    let mut lonely = slave.clone();
    assert_eq!(lonely.poll_timeout(), Some(out.after(Duration::from_secs(120))));
    lonely.handle_timeout(out.after(Duration::from_secs(120)));
    assert_eq!((lonely.line().baud, events(&mut lonely)), (2400, vec!["BaudRate(2400)".into()]));
    // Somebody does.
    slave.handle_input(at(1000), &short(0x40, 1));
    assert_eq!(answer(&mut slave, at(1000)).as_deref(), Some(ACK));
    slave.handle_timeout(at(1_000_000));
    assert_eq!((slave.line().baud, slave.poll_timeout()), (9600, None));
    // A rate that the slave has not is the application's.
    assert!(change(&mut slave, 38_400).last().unwrap().starts_with("BaudRate"));
    // To all: at once and without an answer.
    slave.handle_input(at(2_000_000), &long(0x53, 255, &[0xB8]));
    assert_eq!(answer(&mut slave, at(2_000_000)), None);
    assert_eq!(slave.line().baud, 300);
}

#[test]
fn a_broadcast_is_a_command_that_nobody_answers() {
    let mut slave = slave();
    for _ in 0..2 {
        assert_eq!(ask(&mut slave, at(0), &long(0x53, 255, &[0x50])), ["ApplicationReset([]) false"]);
        assert_eq!((answer(&mut slave, at(0)), slave.poll_timeout()), (None, None));
    }
}

#[test]
fn a_newer_frame_makes_what_is_owed_void() {
    for newer in [short(0x40, 2), short(0x7B, 2), long(0x53, 255, &[0x50])] {
        let mut slave = slave();
        slave.handle_input(at(0), &short(0x7B, 1));
        slave.handle_input(at(10), &newer);
        assert_eq!(slave.respond(&[0x78]).unwrap_err().kind, ErrorKind::NothingToAnswer);
        slave.handle_input(at(20), &short(0x40, 1));
        slave.handle_input(at(30), &newer);
        assert_eq!(answer(&mut slave, at(20)), None);
    }
    // What other slaves send, and the own echo, does not.
    let mut slave = slave();
    slave.handle_input(at(0), &short(0x7B, 1));
    slave.respond(&[0x78]).unwrap();
    slave.handle_input(at(10), &[0xE5]);
    slave.handle_input(at(20), &long(0x08, 1, &[0x78]));
    assert!(answer(&mut slave, at(0)).is_some());
}

#[test]
fn damage_is_told_and_never_answered() {
    let mut frame = long(0x53, 1, &[0x50]);
    frame[7] ^= 0x10;
    let mut slave = slave();
    slave.handle_input(at(0), &frame);
    slave.handle_timeout(at(100));
    assert_eq!(answer(&mut slave, at(100)), None);
    let Some(SlaveEvent::Broken(error)) = slave.poll_event() else { panic!() };
    assert_eq!(error.kind.name(), "checksum");
    // Cut: told when the line rests.
    slave.handle_input(at(200), &long(0x53, 1, &[0x50])[..5]);
    assert!(!slave.has_event());
    slave.handle_timeout(slave.poll_timeout().unwrap());
    let Some(SlaveEvent::Broken(error)) = slave.poll_event() else { panic!() };
    assert_eq!(error.kind.name(), "truncated");
    slave.handle_input(at(300), &[0x00, 0xFF, 0x20]);
    slave.handle_timeout(at(400));
    assert_eq!(slave.poll_event(), Some(SlaveEvent::Noise { octets: 3 }));
    // Glued to noise, the next good frame is found.
    slave.handle_input(at(500), &[&[0x68, 0x68, 0x10][..], &short(0x40, 1)].concat());
    assert_eq!(answer(&mut slave, at(500)).as_deref(), Some(ACK));
}

#[test]
fn events_that_nobody_fetches_are_joined_or_counted() {
    let mut slave = slave();
    for _ in 0..20 {
        slave.handle_input(at(0), &[short(0x40, 1), vec![0; 5]].concat());
        slave.handle_timeout(at(100));
    }
    let told = ["Reset { address: PrimaryAddress(1) }", "Noise { octets: 100 }"];
    assert_eq!((events(&mut slave), slave.events_lost()), (told.map(String::from).to_vec(), 0));
    // Of two commands at once only the newer one is there to be shown.
    slave.handle_input(at(0), &[long(0x53, 255, &[0x50, 1]), long(0x53, 255, &[0x50, 2])].concat());
    assert_eq!(events(&mut slave), ["ApplicationReset([2]) false"]);
    assert_eq!(slave.events_lost(), 1);
}

#[test]
fn what_the_application_never_heard_of_is_no_repetition_to_it() {
    let (one, two) = (long(0x73, 1, &[0x50, 1]), long(0x73, 1, &[0x50, 2]));
    let mut slave = slave();
    assert_eq!(ask(&mut slave, at(0), &[one.clone(), one.clone()].concat()), ["ApplicationReset([1]) false"]);
    assert_eq!(ask(&mut slave, at(50), &one), ["ApplicationReset([1]) true"]);
    // Pushed out by one to the other address.
    slave.handle_input(at(100), &[two.clone(), long(0x53, 255, &[0x50, 3])].concat());
    assert_eq!(events(&mut slave), ["ApplicationReset([3]) false"]);
    assert_eq!(ask(&mut slave, at(200), &two), ["ApplicationReset([2]) false"]);
    assert_eq!(ask(&mut slave, at(300), &two), ["ApplicationReset([2]) true"]);
}

#[test]
fn a_clock_that_goes_backwards_delays_nothing() {
    let mut slave = slave();
    assert_eq!(ask(&mut slave, at(10_000), &short(0x7B, 1)), ["Two false"]);
    slave.respond(&[0x78]).unwrap();
    // Set back by nine seconds.
    assert_eq!(slave.poll_transmit(at(1_000)), None);
    let due = slave.poll_timeout().unwrap();
    assert!(due.since(at(1_000)) < Duration::from_millis(10));
    assert!(slave.poll_transmit(due).is_some());
    assert_eq!(ask(&mut slave, at(1_100), &short(0x7A, 1)), ["One false"]);
}
