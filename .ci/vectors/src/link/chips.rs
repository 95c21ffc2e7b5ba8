//! Line codes and whole transmissions.

use super::sheet::{Row, Sheet, hex};
use super::{Outcome, Ways, frames, holds, same, told};
use wmbus_phy::mode::{C1, N2A, S2, T1};
use wmbus_phy::{AirInterface, ChipDeframer, ChipEvent, Chips, FrameFormat, LineCode, Transmission};

pub fn three_of_six(sheet: &Sheet, row: &Row) -> Outcome {
    coded(sheet, row, LineCode::ThreeOfSix, T1.from_meter, 19)
}

pub fn manchester(sheet: &Sheet, row: &Row) -> Outcome {
    coded(sheet, row, LineCode::Manchester, S2.from_meter, 15)
}

/// The chips of A1, and its transmission with four chips of postamble.
fn coded(sheet: &Sheet, row: &Row, code: LineCode, air: AirInterface, preamble: u16) -> Outcome {
    let frame = sheet.row("A1")?.block(0)?;
    both_ways(code, &frame, &row.chips(0)?)?;
    let frame = frames::stripped(sheet.row("A1")?, FrameFormat::A)?;
    let sent = Transmission { preamble, postamble: 4, ..Transmission::new(air, FrameFormat::A, &frame) };
    transmitted(&sent, &row.chips(1)?)?;
    let counted = format!("{} chips", sent.chips_len());
    holds(row.text.contains(&counted), "another number of chips")?;
    Ok(Ways::Both)
}

/// Octets with CRCs to chips, and back.
fn both_ways(code: LineCode, octets: &[u8], chips: &[u8]) -> Result<(), String> {
    let mut buffer = vec![0; code.chips_len(octets.len())];
    same("chips", told(code.encode_into(octets, &mut buffer))?, chips)?;
    let mut buffer = [0; 290];
    same("octets", told(code.decode_frame_into(chips, FrameFormat::A, &mut buffer))?, octets)?;
    told(FrameFormat::A.strip_in_place(&mut octets.to_vec())).map(drop)
}

fn transmitted(sent: &Transmission<'_>, packed: &[u8]) -> Result<(), String> {
    let mut buffer = vec![0; sent.encoded_len()];
    same("on air", told(sent.encode_into(&mut buffer))?, packed)?;
    heard(sent.air, packed, sent.chips_len(), sent.frame).map(drop)
}

/// The only frame in these chips; where its first chip is.
fn heard(air: AirInterface, packed: &[u8], len: usize, frame: &[u8]) -> Result<usize, String> {
    let mut deframer = told(<ChipDeframer>::new(&[T1.from_meter, C1.from_meter, air]))?;
    let mut chips = Chips::with_len(packed, len);
    let at = match deframer.handle_input(&mut chips) {
        Some(ChipEvent::Frame { sync, chip, octets }) => {
            same("heard", told(sync.format.strip_in_place(octets))?.frame, frame)?;
            usize::try_from(chip).map_err(|error| error.to_string())?
        }
        other => return Err(format!("heard: {other:?}")),
    };
    match deframer.handle_input(&mut chips) {
        None => Ok(at),
        more => Err(format!("heard more: {more:?}")),
    }
}

pub fn frame_and_chips(_: &Sheet, row: &Row) -> Outcome {
    let [frame, chips] = &row.blocks.first().ok_or("no block")?[..] else {
        return Err("frame and chips expected".to_owned());
    };
    let (frame, chips) = (hex(frame)?, hex(chips)?);
    both_ways(LineCode::ThreeOfSix, &frame, &chips)?;
    let (octets, count) = (format!("{} bytes", frame.len()), format!("{} chips", chips.len() * 8));
    holds(row.title.contains(&octets) && row.title.contains(&count), "another number of octets or chips")?;
    Ok(Ways::Both)
}

/// Chips off the air: heard, and sent again with the same preamble and as many chips of the postamble.
pub fn off_air(sheet: &Sheet, row: &Row) -> Outcome {
    let of = if row.name == "L4" { "A8" } else { "A9" };
    let frame = frames::stripped(sheet.row(of)?, FrameFormat::A)?;
    let packed = row.chips(0)?;
    let at = heard(T1.from_meter, &packed, packed.len() * 8, &frame)?;
    // 32 times 01 as heard, then 543D, which begins with three more.
    holds(at == 80, "the frame begins elsewhere")?;
    let sent = Transmission { preamble: 35, ..Transmission::new(T1.from_meter, FrameFormat::A, &frame) };
    let mut buffer = vec![0; sent.encoded_len()];
    told(sent.encode_into(&mut buffer))?;
    let end = sent.chips_len() - usize::from(sent.postamble);
    let text = |packed: &[u8], len| -> String {
        Chips::with_len(packed, len).map(|chip| if chip { '1' } else { '0' }).collect()
    };
    let captured = text(&packed, packed.len() * 8);
    holds(captured[..end] == text(&buffer, end), "other chips")?;
    let is_chips = |text: &&str| text.len() < 8 && text.chars().all(|c| c == '0' || c == '1');
    let behind = row.quoted().into_iter().find(is_chips).ok_or("no chips behind the frame")?;
    holds(text(&buffer, sent.chips_len())[end..].starts_with(behind), "another postamble")?;
    // What was kept of them agrees; then the carrier was off.
    let kept = &captured[end..];
    holds(kept.is_empty() || kept.starts_with(behind), "another postamble in the capture")?;
    Ok(Ways::Both)
}

pub fn modes_c_and_n(sheet: &Sheet, row: &Row) -> Outcome {
    let rows = [(C1.from_meter, "B1", FrameFormat::B, 16), (N2A.from_meter, "A1", FrameFormat::A, 8)];
    for (block, (air, of, format, preamble)) in rows.into_iter().enumerate() {
        let frame = frames::stripped(sheet.row(of)?, format)?;
        let sent = Transmission { preamble, ..Transmission::new(air, format, &frame) };
        transmitted(&sent, &row.chips(block)?)?;
    }
    Ok(Ways::Both)
}
