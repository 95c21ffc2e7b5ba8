//! Any chips through the deframer of every mode: what is told is right, the same however they are cut, and bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wmbus_phy::mode::{C1, F2, MODES, N2G, S2, T1};
use wmbus_phy::{AirInterface, ChipDeframer, ChipEvent, Chips, FrameFormat, Search, Transmission};

/// What an event says, and of a frame its octets.
type Told = (bool, u64, FrameFormat, Vec<u8>);

fn told(event: ChipEvent<'_>, taken: u64) -> Told {
    match event {
        ChipEvent::Frame { sync, chip, octets } => {
            let end = chip + (octets.len() * sync.code.chips_per_octet()) as u64;
            assert!(end <= taken, "a frame of chips that have not come");
            let found = octets.to_vec();
            sync.format.strip_in_place(octets).expect("a frame with a wrong CRC");
            (true, chip, sync.format, found)
        }
        ChipEvent::Broken { sync, chip, octets, error } => {
            assert!(chip <= taken);
            assert!(error.offset <= octets.len() * 2 + 2, "an error behind the octets");
            (false, chip, sync.format, octets.to_vec())
        }
    }
}

fn hear(deframer: &mut ChipDeframer, chips: Chips<'_>, cut: usize) -> Vec<Told> {
    let mut found = Vec::new();
    let mut taken = deframer.taken();
    let mut rest = chips;
    while !rest.is_empty() {
        let piece: Vec<bool> = rest.by_ref().take(cut).collect();
        let packed: Vec<u8> = piece
            .chunks(8)
            .map(|octet| {
                octet.iter().enumerate().fold(0, |sum, (at, chip)| sum | u8::from(*chip) << (7 - at))
            })
            .collect();
        taken += piece.len() as u64;
        let mut input = Chips::with_len(&packed, piece.len());
        while let Some(event) = deframer.handle_input(&mut input) {
            found.push(told(event, taken));
        }
        assert_eq!(deframer.taken(), taken, "chips that were not taken");
    }
    deframer.gap();
    while let Some(event) = deframer.poll_event() {
        found.push(told(event, taken));
    }
    assert!(!deframer.is_receiving());
    found
}

fuzz_target!(|data: &[u8]| {
    let [which, cut, frame_len, rest @ ..] = data else { return };
    let airs: &[AirInterface] = match which % 5 {
        0 => &[T1.from_meter, C1.from_meter],
        1 => &[S2.from_meter],
        2 => &[N2G.from_meter],
        3 => &[F2.from_meter],
        _ => &[T1.from_meter, C1.from_meter, S2.from_meter, F2.from_meter, N2G.from_meter],
    };
    let search = Search::new(airs).expect("nine words").with_tolerance(which >> 5);
    let search = if which & 0x10 == 0 { search } else { search.with_preamble(which >> 4) };
    let mut deframer = ChipDeframer::<584>::with_search(search);
    let mut other = deframer.clone();
    let chips = Chips::new(rest);
    let whole = hear(&mut deframer, chips, usize::MAX);
    assert!(whole.len() <= 24 * (chips.len() + 1), "more events than sync words can end");
    assert_eq!(hear(&mut other, chips, usize::from(*cut) + 1), whole, "the cut changes what is told");
    // A frame behind all that is found.
    let mode = &MODES[usize::from(*cut) % MODES.len()];
    let format =
        if which & 8 == 0 || mode.from_meter.sync_b.is_none() { FrameFormat::A } else { FrameFormat::B };
    let length = usize::from(*frame_len).clamp(10, 251);
    let mut frame: Vec<u8> = rest.iter().copied().chain(0..=255).take(length + 1).collect();
    frame[0] = length as u8;
    let transmission = Transmission::new(mode.from_meter, format, &frame);
    let mut packed = vec![0; transmission.encoded_len()];
    transmission.encode_into(&mut packed).expect("room for all");
    let mut deframer = <ChipDeframer>::new(&[mode.from_meter]).expect("two words");
    hear(&mut deframer, chips, usize::MAX);
    let heard = hear(&mut deframer, Chips::with_len(&packed, transmission.chips_len()), usize::MAX);
    let frames = heard.iter().filter(|(is_frame, ..)| *is_frame).count();
    assert_eq!(frames, 1, "{} {format} {heard:?}", mode.name);
});
