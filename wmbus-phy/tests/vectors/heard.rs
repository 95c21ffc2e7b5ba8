//! What a chip deframer tells, kept.

use super::pack;
use wmbus_phy::{AirInterface, ChipDeframer, ChipEvent, Chips, Error, Sync};

/// An event that owns its octets: the frame without CRCs, or what could be read and why no more.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    Frame(Sync, u64, Vec<u8>),
    Broken(Sync, u64, Vec<u8>, Error),
}

pub(crate) fn owned(event: ChipEvent<'_>) -> Heard {
    match event {
        ChipEvent::Frame { sync, chip, octets } => {
            Heard::Frame(sync, chip, sync.format.strip_in_place(octets).unwrap().frame.to_vec())
        }
        ChipEvent::Broken { sync, chip, octets, error } => Heard::Broken(sync, chip, octets.to_vec(), error),
    }
}

/// What is heard in these chips and behind their end, given in pieces of `cut` chips.
pub(crate) fn hear<const N: usize>(deframer: &mut ChipDeframer<N>, chips: &[bool], cut: usize) -> Vec<Heard> {
    let mut heard = Vec::new();
    for piece in chips.chunks(cut) {
        let packed = pack(piece);
        let mut input = Chips::with_len(&packed, piece.len());
        while let Some(event) = deframer.handle_input(&mut input) {
            heard.push(owned(event));
        }
    }
    deframer.gap();
    while let Some(event) = deframer.poll_event() {
        heard.push(owned(event));
    }
    assert!(!deframer.is_receiving());
    heard
}

pub(crate) fn frames(heard: &[Heard]) -> Vec<&[u8]> {
    let frame = |heard: &'_ Heard| matches!(heard, Heard::Frame(..));
    heard
        .iter()
        .filter(|heard| frame(heard))
        .map(|heard| match heard {
            Heard::Frame(_, _, octets) | Heard::Broken(_, _, octets, _) => &octets[..],
        })
        .collect()
}

pub(crate) fn deframer(airs: &[AirInterface]) -> ChipDeframer {
    ChipDeframer::new(airs).unwrap()
}
