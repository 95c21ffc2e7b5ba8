//! The wired master and the searches on top of it: any octets on the line, times that go backwards. Every order ends,
//! with the bounded number of sends, and afterwards a good answer is taken.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mbus_link::Address;
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{
    BaudRate, DataClass, LineTiming, Master, MasterEvent, PrimaryAddress, PrimaryScan, Search,
    SearchSettings, Selection, Station,
};

/// Lets the machine work on this line until it is idle or the line has nothing more to say; the octets come when the
/// operations of the input say so.
fn drive(machine: &mut impl Station, mut now: Instant, input: &[u8]) -> Instant {
    let mut rest = input;
    while let Some((op, tail)) = rest.split_first() {
        rest = tail;
        let n = u64::from(op >> 2);
        match op & 3 {
            0 => now = now.after(Duration::from_millis(n * n)),
            1 => now = machine.poll_timeout().map_or(now, |due| due.max(now)),
            2 if n < 8 => now = Instant::from_micros(now.as_micros() >> n),
            _ => {
                let (octets, tail) = rest.split_at(rest.len().min(usize::from(op >> 2)));
                machine.handle_input(now, octets);
                rest = tail;
            }
        }
        machine.handle_timeout(now);
        if let Some(octets) = machine.poll_transmit(now) {
            assert!(octets.len() <= 261);
        }
    }
    now
}

fn master(input: &[u8]) {
    let Some((order, line)) = input.split_first() else { return };
    let mut master = Master::new(LineTiming::new(2400));
    master.set_hears_out(order & 0x80 != 0);
    let address = PrimaryAddress(if order & 0x40 != 0 { 1 } else { *order });
    let rate = BaudRate::TABLE[usize::from(order & 7)];
    let started = match order & 7 {
        0 => master.reset(address),
        1 => master.request(address, DataClass::One),
        2 => master.request(address, DataClass::Two),
        3 => master.read(address, 3),
        4 => master.send(address, &line[..line.len().min(20)]),
        5 => master.select(&Selection::of(Address::WILDCARD)),
        6 => master.change_rate(address, rate),
        _ => master.status(address),
    };
    if started.is_err() {
        return;
    }
    let now = drive(&mut master, Instant::from_micros(1_000_000), line);
    // The line is silent from here on: the order ends.
    let mut now = now;
    for _ in 0..100 {
        let Some(due) = master.poll_timeout() else { break };
        now = now.max(due);
        master.handle_timeout(now);
        master.poll_transmit(now);
    }
    assert!(!master.is_busy() && master.frames_sent() <= 7, "{}", master.frames_sent());
    while master.poll_event().is_some() {}
    // And a good answer is taken.
    now = now.after(Duration::from_secs(60));
    master.set_hears_out(false);
    master.request(PrimaryAddress(1), DataClass::Two).expect("idle");
    master.handle_timeout(now);
    now = master.poll_timeout().map_or(now, |due| due.max(now));
    assert!(master.poll_transmit(now).is_some());
    now = now.after(Duration::from_millis(100));
    master.handle_input(now, &[0x68, 0x03, 0x03, 0x68, 0x08, 0x01, 0x78, 0x81, 0x16]);
    let taken = matches!(master.poll_event(), Some(MasterEvent::Data { payload: [0x78], .. }));
    // But when an echo was heard before, its place is taken out once.
    assert!(taken || master.is_busy());
}

fuzz_target!(|input: &[u8]| {
    master(input);
    let settings = SearchSettings { most_frames: 30, ..SearchSettings::DEFAULT };
    let mut search = Search::new(Master::new(LineTiming::new(9600)), settings);
    drive(&mut search, Instant::ZERO, input);
    while search.poll_event().is_some() {}
    assert!(search.report().frames_sent <= 31);
    let mut scan =
        PrimaryScan::new(Master::new(LineTiming::new(9600)), PrimaryAddress(249), PrimaryAddress(255));
    drive(&mut scan, Instant::ZERO, input);
    while scan.poll_event().is_some() {}
});
