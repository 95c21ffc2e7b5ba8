//! Errors of the library in words for the person who has to do something about them.

use super::records::ends_the_records;
use crate::decode::model::{Place, Problem};
use mbus_app::{Error, ErrorKind};
use mbus_link::ErrorKind as Link;
use oms_security::ErrorKind as Security;
use wmbus_phy::LineCode;

/// The problem that an error is, with what to try next.
pub(super) fn of(error: Error) -> Problem {
    Problem {
        layer: error.layer.name(),
        kind: error.kind.name().to_owned(),
        offset: error.offset,
        place: Place::Octet,
        message: error.kind.to_string(),
        hint: hint(error.kind).to_owned(),
    }
}

/// Chips that no line code reads.
pub(super) fn chips(error: wmbus_phy::Error, code: LineCode) -> Problem {
    let hint = match code {
        LineCode::Nrz => {
            "the frame was damaged on the air, or the chips are cut or of another mode: name it with mode"
        }
        LineCode::Manchester | LineCode::ThreeOfSix => {
            "the frame was damaged on the air, or the chips begin neither behind the sync word nor with the preamble, or \
             are of another mode: name it with mode and coding"
        }
    };
    let kind = ErrorKind::Phy(error.kind);
    Problem { hint: hint.to_owned(), ..of(Error { layer: mbus_app::Layer::Phy, kind, offset: error.offset }) }
}

fn hint(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Security(kind) => security(kind),
        ErrorKind::Link(kind) => link(kind),
        ErrorKind::Phy(_) => {
            "the frame was damaged on the air or is of the other frame format; try --crc B, A or none"
        }
        ErrorKind::Fragment { .. } => "give all fragments of the message, one per line",
        ErrorKind::FullFrameCrc { .. } => "the known format is not that of this meter; wait for a full frame",
        kind if ends_the_records(kind) => {
            "if the telegram was copied by hand, compare its end; else the meter breaks the standard here"
        }
        _ => {
            "compare the telegram with what the receiver gave; if it is whole, the meter breaks the standard here"
        }
    }
}

fn link(kind: Link) -> &'static str {
    match kind {
        Link::Truncated { .. } => {
            "octets are missing, or L counts CRCs that a receiver removed: try --crc B, or copy the telegram again"
        }
        Link::StartOctet { .. } => "this does not begin like a wired frame: try --kind wireless",
        Link::Checksum { .. } | Link::StopOctet { .. } | Link::LengthsDiffer { .. } => {
            "octets were damaged or lost on the way: read the meter again"
        }
        Link::SurplusOctets { .. } => "two telegrams on one line? write one per line",
        Link::LengthWrapped { .. } => {
            "the slave sends more than a frame can hold; ask its maker for shorter telegrams"
        }
        _ => "the frame was damaged, or it is of another kind: try --kind wired or --kind wireless",
    }
}

fn security(kind: Security) -> &'static str {
    match kind {
        Security::KeyMissing => "give the key of this meter with --key or --keys",
        Security::CheckOctets { .. }
        | Security::Mac { .. }
        | Security::Tag { .. }
        | Security::PayloadCrc { .. } => {
            "the key is wrong, or the telegram is not as it was sent: link CRCs left in, octets added or missing, an L \
             that somebody rewrote, a radio converter's address in place of the meter's"
        }
        Security::Truncated { .. } | Security::CiphertextTruncated { .. } => {
            "octets are missing at the end: a receiver cut the telegram"
        }
        Security::UnsupportedMode { .. } => {
            "the mode is reserved or its layout is not published: ask the maker of the meter"
        }
        Security::FragmentGap { .. } => "give all fragments of the message in their order, one per line",
        _ => {
            "compare the telegram with what the receiver gave; if it is whole, nobody but its maker can open it"
        }
    }
}
