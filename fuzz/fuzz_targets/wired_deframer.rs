//! The wired deframer: any octets in any cut. Every octet is told once, cuts change nothing, and behind a gap the next
//! good frame is found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{Deframed, Deframer, Frame, LineTiming};

const GOOD: [u8; 5] = [0x10, 0x7B, 0x01, 0x7C, 0x16];

fn told(event: Deframed<'_>) -> (usize, Option<Vec<u8>>) {
    match event {
        Deframed::Frame { octets, frame } => {
            assert_eq!(Frame::parse(octets), Ok(frame));
            (octets.len(), Some(octets.to_vec()))
        }
        Deframed::Noise { octets } => (octets, None),
        Deframed::Broken { octets, error } => {
            assert!(error.offset <= 261);
            (octets, None)
        }
    }
}

fn run<const N: usize>(octets: &[u8], cut: usize) -> Vec<(usize, Option<Vec<u8>>)> {
    let mut deframer = Deframer::<N>::new(LineTiming::new(2400));
    let mut events = Vec::new();
    let now = Instant::from_micros(1);
    for mut chunk in octets.chunks(cut) {
        while let Some(event) = deframer.handle_input(now, &mut chunk) {
            events.push(told(event));
        }
        assert!(chunk.is_empty());
    }
    let rest = deframer.poll_timeout().unwrap_or(now);
    deframer.handle_timeout(rest);
    while let Some(event) = deframer.poll_event() {
        events.push(told(event));
    }
    assert!(deframer.is_empty() && deframer.poll_timeout().is_none());
    assert_eq!(events.iter().map(|(len, _)| len).sum::<usize>(), octets.len());
    let later = now.after(Duration::from_secs(9));
    let mut good = &GOOD[..];
    let Some(Deframed::Frame { octets, .. }) = deframer.handle_input(later, &mut good) else { panic!() };
    assert_eq!(octets, GOOD);
    events
}

fuzz_target!(|input: &[u8]| {
    let Some((cut, octets)) = input.split_first() else { return };
    let whole = run::<261>(octets, octets.len().max(1));
    assert_eq!(run::<261>(octets, usize::from(*cut).max(1)), whole);
    run::<9>(octets, usize::from(*cut).max(1));
    // Every good frame as octets is a frame as told.
    for (_, frame) in whole {
        if let Some(frame) = frame {
            assert!(frame.len() <= 261);
        }
    }
});
