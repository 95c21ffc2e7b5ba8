//! Chips from the air, those behind the sync word: which line code, which frame format, and the frame.

use super::problem;
use crate::decode::input::{Coding, Crc, Item};
use crate::decode::model::Problem;
use wmbus_phy::{Error, FrameFormat, LineCode};

/// Octets of the longest frame, its CRCs included.
const LONGEST: usize = 290;

/// In mode C the sync word goes on, and says which frame format follows (EN 13757-4).
const MODE_C: [([u8; 2], FrameFormat); 2] = [([0x54, 0xCD], FrameFormat::A), ([0x54, 0x3D], FrameFormat::B)];

/// The octets of the frame with its CRCs, and where these are.
pub(super) fn frame(item: &Item) -> Result<(Vec<u8>, Crc), Problem> {
    let code = line_code(item);
    let (format, chips, skipped) = match code {
        LineCode::Nrz => after_selector(&item.octets),
        LineCode::Manchester | LineCode::ThreeOfSix => (FrameFormat::A, &*item.octets, 0),
    };
    let format = match item.crc {
        Crc::A => FrameFormat::A,
        Crc::B => FrameFormat::B,
        Crc::Auto | Crc::None => format,
    };
    let mut buffer = [0; LONGEST];
    match code.decode_frame_into(chips, format, &mut buffer) {
        Ok(octets) => {
            let crc = match format {
                FrameFormat::A => Crc::A,
                FrameFormat::B => Crc::B,
            };
            Ok((octets.to_vec(), crc))
        }
        Err(Error { kind, offset }) => Err(problem::chips(kind.at(offset.saturating_add(skipped)), code)),
    }
}

/// The format that the selector of mode C names, the chips behind it, and its length.
fn after_selector(chips: &[u8]) -> (FrameFormat, &[u8], usize) {
    let selected = MODE_C.iter().find_map(|(selector, format)| {
        chips.strip_prefix(selector).map(|rest| (*format, rest, selector.len()))
    });
    selected.unwrap_or((FrameFormat::A, chips, 0))
}

/// The code that was named, the one of the mode that was named, or the one that the chips begin with.
fn line_code(item: &Item) -> LineCode {
    let first = item.mode.as_deref().and_then(|mode| mode.chars().next());
    match (item.coding, first.map(|letter| letter.to_ascii_uppercase())) {
        (Some(Coding::Nrz), _) | (None, Some('C' | 'F' | 'N')) => LineCode::Nrz,
        (Some(Coding::Manchester), _) | (None, Some('S' | 'R')) => LineCode::Manchester,
        (Some(Coding::ThreeOfSix), _) | (None, Some('T')) => LineCode::ThreeOfSix,
        (None, _) if MODE_C.iter().any(|(selector, _)| item.octets.starts_with(selector)) => LineCode::Nrz,
        (None, _) => {
            let manchester = LineCode::Manchester.decode_into(&item.octets, &mut [0; 10]).is_ok();
            if manchester { LineCode::Manchester } else { LineCode::ThreeOfSix }
        }
    }
}
