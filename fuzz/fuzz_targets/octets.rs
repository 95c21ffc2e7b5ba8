//! Any octets through the deframer of frames with CRCs: every octet is told once, what is told is right, and where the
//! octets are cut changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wmbus_phy::{FrameFormat, OctetDeframer, OctetEvent, format_a};

/// What an event says, its octets, and for a frame those themselves.
type Told = (u8, usize, Vec<u8>);

fn told(event: OctetEvent<'_>) -> Told {
    match event {
        OctetEvent::Frame { format, octets } => {
            let found = octets.to_vec();
            format.strip_in_place(octets).expect("a frame with a wrong CRC");
            (0, found.len(), found)
        }
        OctetEvent::Broken { octets, .. } => (1, octets, Vec::new()),
        OctetEvent::Noise { octets } => (2, octets, Vec::new()),
    }
}

fn hear<const N: usize>(deframer: &mut OctetDeframer<N>, octets: &[u8], cut: usize) -> Vec<Told> {
    let mut found = Vec::new();
    for mut piece in octets.chunks(cut) {
        while let Some(event) = deframer.handle_input(&mut piece) {
            found.push(told(event));
        }
        assert!(piece.is_empty(), "octets that were not taken");
    }
    deframer.gap();
    while let Some(event) = deframer.poll_event() {
        found.push(told(event));
    }
    assert!(deframer.is_empty());
    assert_eq!(
        found.iter().map(|(_, octets, _)| octets).sum::<usize>(),
        octets.len(),
        "octets lost or told twice"
    );
    found
}

/// Puts the CRCs of one more block right, so that frames in the input have a chance to be some.
fn mended(data: &[u8]) -> Vec<u8> {
    let mut octets = data.to_vec();
    let mut at = 0;
    while let Some(length) = octets.get(at).copied() {
        let len = usize::from(length) + 1;
        let end = at + format_a::encoded_len(len);
        if length < 10 || end > octets.len() || length & 1 == 1 {
            at += 1;
            continue;
        }
        let frame = octets[at..at + len].to_vec();
        if format_a::encode_into(&frame, &mut octets[at..]).is_err() {
            return octets;
        }
        at = end;
    }
    octets
}

fuzz_target!(|data: &[u8]| {
    let [which, cut, rest @ ..] = data else { return };
    let formats: &[FrameFormat] = match which % 4 {
        0 => &[FrameFormat::A],
        1 => &[FrameFormat::B],
        2 => &[FrameFormat::A, FrameFormat::B],
        _ => &[],
    };
    let octets = if which & 4 == 0 { rest.to_vec() } else { mended(rest) };
    let mut deframer = <OctetDeframer>::new(formats);
    if which & 8 != 0 {
        deframer.begin();
    }
    let mut other = deframer.clone();
    let whole = hear(&mut deframer, &octets, usize::MAX);
    assert_eq!(hear(&mut other, &octets, usize::from(*cut) + 1), whole, "the cut changes what is told");
    hear(&mut OctetDeframer::<32>::new(formats), &octets, usize::from(*cut) + 1);
    // A frame behind all that is found.
    if let [format, ..] = formats {
        let mut frame: Vec<u8> = octets.iter().copied().chain(0..).take(21).collect();
        frame[0] = 20;
        let mut out = [0; 40];
        let on_air = match format {
            FrameFormat::A => format_a::encode_into(&frame, &mut out),
            FrameFormat::B => wmbus_phy::format_b::encode_into(&frame, &mut out),
        };
        let on_air = on_air.expect("a frame of 21 octets");
        let heard = hear(&mut deframer, on_air, usize::MAX);
        assert!(heard.iter().any(|(kind, ..)| *kind == 0), "{heard:?}");
    }
});
