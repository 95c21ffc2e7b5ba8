//! The wired meter in virtual time, spoken to frame by frame as EN 13757-2 and -7 have it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests")]

use examples::decode;
use links::meter::records::Kind;
use links::meter::segment::{BACKLOG, Faults, Segment};
use links::meter::wired::WiredMeter;
use mbus_app::alarm::Alarm;
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{BaudRate, Command, Frame, LineTiming, PrimaryAddress, Selection, Station};
use mbus_link::{Address, CField};
use serde_json::Value;

/// A line, and what time it is there.
struct Bench {
    segment: Segment,
    now: Instant,
}

fn identity(kind: &Kind, n: u8) -> Address {
    Address::from_transport_octets([n, 0x56, 0x34, 0x12, 0x93, 0x15, 1, kind.device_type.0])
}
fn meter(kind: &str, n: u8) -> WiredMeter {
    let kind = Kind::named(kind).unwrap();
    WiredMeter::new(kind, PrimaryAddress(n), identity(kind, n), LineTiming::new(2400))
}
fn bench(meters: Vec<WiredMeter>, faults: Faults) -> Bench {
    let clock = chrono::NaiveDate::from_ymd_opt(2026, 3, 31).unwrap().and_hms_opt(12, 34, 0).unwrap();
    Bench { segment: Segment::new(meters, faults, clock), now: Instant::from_micros(1_000_000) }
}

impl Bench {
    /// Sends octets, lets a second pass and gives what was heard.
    fn raw(&mut self, octets: &[u8]) -> Vec<u8> {
        self.segment.handle_input(self.now, octets);
        let end = self.now.after(Duration::from_millis(1000));
        let mut heard = Vec::new();
        loop {
            if let Some(octets) = self.segment.poll_transmit(self.now) {
                heard.extend_from_slice(octets);
            }
            match self.segment.poll_timeout().filter(|next| *next <= end) {
                Some(next) => self.now = next.max(self.now),
                None => break,
            }
        }
        self.now = end;
        heard
    }
    fn frame(&mut self, frame: Frame<'_>) -> Vec<u8> {
        let mut buffer = [0; 261];
        let octets = frame.encode_into(&mut buffer).unwrap().to_vec();
        self.raw(&octets)
    }
    fn short(&mut self, c: u8, address: u8) -> Vec<u8> {
        self.frame(Frame::Short { c_field: CField(c), address: PrimaryAddress(address) })
    }
    fn command(&mut self, c: u8, address: u8, command: Command<'_>) -> Vec<u8> {
        let mut payload = [0; 253];
        let payload = command.encode_into(&mut payload).unwrap();
        self.frame(Frame::Long { c_field: CField(c), address: PrimaryAddress(address), payload })
    }
}

fn decoded(octets: &[u8]) -> Value {
    let hex: String = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    let (status, out, err) = decode::run(["decode", "--format", "jsonl", &hex], &[]);
    assert_eq!(status, 0, "{hex} {err}");
    serde_json::from_str(&out).unwrap()
}
fn access(octets: &[u8]) -> u64 {
    decoded(octets)["transport"]["access"].as_u64().unwrap()
}
const ACK: [u8; 1] = [0xE5];
const SILENCE: [u8; 0] = [];

#[test]
fn a_readout_of_two_telegrams_and_its_repetition() {
    let mut bench = bench(vec![meter("heat", 7)], Faults::default());
    assert_eq!(bench.short(0x40, 7), ACK);
    let first = bench.short(0x7B, 7);
    assert_eq!(first.len(), 93);
    let telegram = decoded(&first);
    assert_eq!(telegram["meter"]["id"], "12345607");
    assert_eq!(telegram["records"][1]["value"], "50683000");
    // The answer got lost: the same FCB brings the same octets.
    assert_eq!(bench.short(0x7B, 7), first);
    let second = bench.short(0x5B, 7);
    assert_eq!((access(&first), access(&second)), (1, 2));
    assert_eq!(decoded(&second)["records"].as_array().unwrap().len(), 13);
    // Behind the last comes the first.
    assert_eq!(decoded(&bench.short(0x7B, 7))["records"], telegram["records"]);
    assert_eq!(bench.short(0x7B, 8), SILENCE);
    // SND-NKE rewinds in the middle.
    assert_eq!(bench.short(0x40, 7), ACK);
    assert_eq!(decoded(&bench.short(0x7B, 7))["records"], telegram["records"]);
    assert_eq!(bench.command(0x53, 7, Command::ApplicationReset(&[])), ACK);
    assert_eq!(decoded(&bench.short(0x5B, 7))["records"], telegram["records"]);
}

#[test]
fn selection_by_address_and_fabrication_number() {
    let mut bench = bench(vec![meter("water", 1), meter("water", 2)], Faults::default());
    let second = identity(Kind::named("water").unwrap(), 2);
    let none = Selection::of(identity(Kind::named("gas").unwrap(), 2));
    assert_eq!(bench.short(0x7B, 253), SILENCE);
    assert_eq!(bench.command(0x53, 253, Command::Select(none)), SILENCE);
    assert_eq!(bench.command(0x53, 253, Command::Select(Selection::of(second))), ACK);
    assert_eq!(decoded(&bench.short(0x7B, 253))["meter"]["id"], "12345602");
    let by_number =
        Selection { fabrication_number: Some(second.identification), ..Selection::of(Address::WILDCARD) };
    assert_eq!(bench.command(0x53, 253, Command::Select(by_number)), ACK);
    assert_eq!(decoded(&bench.short(0x7B, 253))["meter"]["id"], "12345602");
    assert_eq!(bench.command(0x53, 253, Command::Select(none)), SILENCE);
    assert_eq!(bench.short(0x7B, 253), SILENCE);
}

#[test]
fn an_alarm_is_told_once() {
    let mut alarmed = meter("gas", 3);
    alarmed.raise(Alarm(0x04));
    let mut bench = bench(vec![alarmed], Faults::default());
    // ACD says so, and so does the status.
    let reading = bench.short(0x7B, 3);
    assert_eq!((reading[4], &decoded(&reading)["transport"]["status"]), (0x28, &0x10.into()));
    assert_eq!(decoded(&bench.short(0x7A, 3))["alarm"], "04");
    assert_eq!(bench.short(0x5A, 3), ACK);
    assert_eq!(bench.short(0x5B, 3)[4], 0x08);
}

#[test]
fn addresses_are_changed() {
    let mut bench = bench(vec![meter("water", 1)], Faults::default());
    assert_eq!(bench.command(0x53, 1, Command::SetAddress(PrimaryAddress(9))), ACK);
    assert_eq!(bench.short(0x40, 1), SILENCE);
    assert_eq!(bench.short(0x40, 9), ACK);
    // The identification number as a record (DIF 0C, VIF 79), then all of the address.
    assert_eq!(bench.command(0x73, 9, Command::Other(&[0x51, 0x0C, 0x79, 0x21, 0x43, 0x65, 0x87])), ACK);
    assert_eq!(decoded(&bench.short(0x7B, 9))["meter"]["id"], "87654321");
    let whole = [0x51, 0x07, 0x79, 0x44, 0x33, 0x22, 0x11, 0xAE, 0x0C, 0x05, 0x16];
    assert_eq!(bench.command(0x53, 9, Command::Other(&whole)), ACK);
    let meter = &decoded(&bench.short(0x5B, 9))["meter"];
    assert_eq!((&meter["manufacturer"], &meter["id"]), (&"CEN".into(), &"11223344".into()));
    assert_eq!((&meter["version"], &meter["medium"]), (&5.into(), &"cold water".into()));
}

#[test]
fn what_a_meter_does_not_know_it_says_in_its_next_answer() {
    let mut bench = bench(vec![meter("water", 1)], Faults::default());
    for (c, next, payload, code) in
        [(0x53, 0x7B, &[0x9A, 1, 2][..], "01"), (0x73, 0x5B, &[0x51, 0x0C, 0x13, 1, 2, 3, 4], "12")]
    {
        assert_eq!(bench.command(c, 1, Command::Other(payload)), ACK);
        let told = decoded(&bench.short(next, 1));
        assert!(told["application_error"].as_str().unwrap().contains(code), "{told}");
    }
    assert_eq!(decoded(&bench.short(0x7B, 1))["records"][0]["quantity"], "volume");
}

#[test]
fn the_rate_is_changed_and_falls_back() {
    let mut bench = bench(vec![meter("water", 1)], Faults::default());
    bench.segment.set_port_baud(2400);
    let rate = BaudRate::from_baud(9600).unwrap();
    assert_eq!(bench.command(0x53, 1, Command::BaudRate(rate)), ACK);
    assert_eq!(bench.short(0x40, 1), SILENCE);
    bench.segment.set_port_baud(9600);
    assert_eq!(bench.short(0x40, 1), ACK);
    let (before, answer) = (bench.now, bench.short(0x7B, 1));
    assert!(answer.len() > 40 && bench.now > before);
    // Changed over and never spoken to: after two minutes it is back.
    assert_eq!(bench.command(0x53, 1, Command::BaudRate(BaudRate::from_baud(300).unwrap())), ACK);
    for _ in 0..121 {
        bench.raw(&[]);
    }
    assert_eq!(bench.short(0x40, 1), ACK);
}

#[test]
fn two_meters_at_one_address_collide() {
    let two = || vec![meter("water", 1), meter("gas", 1)];
    let mut collided = bench(two(), Faults::default());
    assert_ne!(collided.short(0x40, 1), ACK);
    assert_eq!(collided.segment.traffic().collisions, 1);
    // In step two acknowledgements look like one: only readings tell.
    let mut in_step = bench(two(), Faults { in_step: true, ..Faults::default() });
    assert_eq!(in_step.short(0x40, 1), ACK);
    assert!(Frame::parse(&in_step.short(0x7B, 1)).is_err());
}

#[test]
fn what_comes_faster_than_the_line_takes_it_is_lost_and_soon_over() {
    let mut bench = bench(vec![meter("water", 1)], Faults::default());
    (0..100_000).for_each(|_| bench.segment.handle_input(bench.now, &[0xFF; 64]));
    assert_eq!(bench.segment.traffic().overrun, 6_400_000 - BACKLOG as u64);
    // At 2400 baud what waits is gone after 2.4 s, and nothing else is.
    let silent = (0..3).all(|_| bench.raw(&[]).is_empty());
    assert_eq!((silent, bench.short(0x40, 1)), (true, ACK.to_vec()));
    // Two of the longest frames are heard whole.
    let longest = Command::Other(&[0x51; 252]);
    assert_eq!(bench.command(0x53, 2, longest), SILENCE);
    let before = bench.segment.traffic();
    assert_eq!(bench.command(0x53, 1, longest), SILENCE);
    assert_eq!((bench.raw(&[]), bench.segment.traffic()), (ACK.to_vec(), before));
}

#[test]
fn what_one_master_is_owed_the_next_one_does_not_get() {
    let mut bench = bench(vec![meter("water", 1), meter("gas", 1)], Faults::default());
    let request = [0x10, 0x7B, 0x01, 0x7C, 0x16];
    // It hangs up with the request on the line, with the answers owed, and in the middle of them.
    for millis in [0, 5, 24, 30, 50, 90, 150] {
        bench.segment.handle_input(bench.now, &request);
        let end = bench.now.after(Duration::from_millis(millis));
        while let Some(next) = bench.segment.poll_timeout().filter(|next| *next <= end) {
            bench.now = next.max(bench.now);
            bench.segment.handle_timeout(bench.now);
        }
        bench.now = end;
        bench.segment.hang_up();
        assert_eq!(bench.raw(&[]), SILENCE, "{millis} ms");
        assert_ne!(bench.raw(&request), SILENCE);
    }
}

#[test]
fn echo_and_losses() {
    let mut bench = bench(vec![meter("water", 1)], Faults { echo: true, ..Faults::default() });
    assert_eq!(bench.short(0x40, 1), [0x10, 0x40, 0x01, 0x41, 0x16, 0xE5]);
    assert_eq!(bench.raw(&[0xFF; 9]), [0xFF; 9]);
    let mut deaf = self::bench(vec![meter("water", 1)], Faults { lost_per_mille: 1000, ..Faults::default() });
    assert_eq!(deaf.short(0x40, 1), SILENCE);
    assert_eq!(deaf.segment.traffic().lost, 1);
}

#[test]
fn the_frames_shown_are_the_frames_sent() {
    let (status, out, err) = links::meter::run([
        "meter",
        "wired",
        "--show",
        "--clock",
        "2026-03-31T12:34",
        "heat:12345607@7",
        "water:12345602@2",
    ]);
    assert_eq!((status, err.as_str(), out.lines().count()), (0, "", 4));
    let mut bench = bench(vec![meter("heat", 7), meter("water", 2)], Faults::default());
    for (line, (c, address)) in out.lines().zip([(0x7B, 7), (0x5B, 7), (0x7B, 2), (0x5B, 2)]) {
        let sent = decoded(&bench.short(c, address));
        let (_, shown, _) = decode::run(["decode", "--format", "jsonl", line], &[]);
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["records"], sent["records"]);
    }
}
