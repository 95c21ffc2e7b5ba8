//! Check values, and what the sheet lists without octets.

use super::sheet::{Row, Sheet};
use super::{Outcome, Ways, frames, holds, same, told};
use wmbus_phy::{ErrorKind, FrameFormat, crc};

pub fn crc_values(_: &Sheet, row: &Row) -> Outcome {
    let mut values = 0;
    for part in row.text.trim_start_matches("CRC:").split(';') {
        let (of, value) = part.split_once('=').ok_or_else(|| format!("no value: {part}"))?;
        let value = u16::from_str_radix(value.trim().trim_end_matches('.'), 16).map_err(|e| e.to_string())?;
        let octets = match of.trim() {
            "check(\"123456789\")" => b"123456789".to_vec(),
            "empty" => Vec::new(),
            "10 zero bytes" => vec![0; 10],
            of => crate::hex(of.trim_start_matches("CRC(").trim_end_matches(')'))?,
        };
        holds(crc::checksum(&octets) == value, part)?;
        values += 1;
    }
    holds(values == 5, "another number of values")?;
    Ok(Ways::Both)
}

pub fn impossible_lengths(_: &Sheet, row: &Row) -> Outcome {
    let sentence = "Format B with L = 128 or 129: reject. L = 127 one CRC, L = 130 two CRCs.";
    holds(row.text.starts_with(sentence), "another sentence")?;
    for length in [128, 129] {
        let mut octets = vec![length; 131];
        let error = FrameFormat::B.strip_in_place(&mut octets).err().ok_or("not refused")?;
        holds(error.kind == ErrorKind::LengthImpossible { length }, "refused for another reason")?;
    }
    for (length, crcs) in [(127_u8, 1), (130, 2)] {
        // As many octets less as there are CRCs.
        let plain = plain(usize::from(length) + 1 - 2 * crcs);
        let on_air = both_ways(FrameFormat::B, &plain)?;
        holds(on_air[0] == length, "another L-field")?;
        holds(frames::blocks(FrameFormat::B, &on_air)?.len() == crcs, "another number of CRCs")?;
    }
    Ok(Ways::Both)
}

/// A frame of so many octets.
fn plain(octets: usize) -> Vec<u8> {
    (0..octets).map(|n| if n == 0 { (octets - 1) as u8 } else { (n * 7) as u8 }).collect()
}

fn both_ways(format: FrameFormat, plain: &[u8]) -> Result<Vec<u8>, String> {
    let mut buffer = [0; 290];
    let on_air = match format {
        FrameFormat::A => told(wmbus_phy::format_a::encode_into(plain, &mut buffer))?.to_vec(),
        FrameFormat::B => told(wmbus_phy::format_b::encode_into(plain, &mut buffer))?.to_vec(),
    };
    same("there and back", told(format.strip_in_place(&mut on_air.clone()))?.frame, plain)?;
    Ok(on_air)
}

pub fn lengths(_: &Sheet, row: &Row) -> Outcome {
    let (a, b) = (row.numbers_after("Format A data lengths"), row.numbers_after("format B plain lengths"));
    holds(a.len() >= 9 && b.len() >= 7, "lengths are missing")?;
    for length in a {
        both_ways(FrameFormat::A, &plain(length))?;
    }
    for length in b {
        both_ways(FrameFormat::B, &plain(length))?;
    }
    Ok(Ways::Both)
}

pub fn payload_crc_the_other_way_round(sheet: &Sheet, row: &Row) -> Outcome {
    holds(row.text.starts_with("PLCRC read MSB first"), "another sentence")?;
    holds(frames::payload_crcs(sheet)? == [true, false], "the payload CRC of E1")?;
    Ok(Ways::Both)
}

pub fn single_bits(sheet: &Sheet, row: &Row) -> Outcome {
    holds(row.text.starts_with("Every single-bit flip outside L"), "another sentence")?;
    for row in sheet.rows() {
        let format = match row.name.as_bytes() {
            [b'A', ..] => FrameFormat::A,
            [b'B', ..] => FrameFormat::B,
            _ => continue,
        };
        let good = row.block(0)?;
        for bit in 8..good.len() * 8 {
            let mut octets = good.clone();
            octets[bit / 8] ^= 0x80 >> (bit % 8);
            let wrong = frames::blocks(format, &octets)?.iter().filter(|block| !block.is_intact()).count();
            holds(wrong == 1, &format!("{}: bit {bit} is seen by {wrong} CRCs", row.name))?;
            let refused = format.strip_in_place(&mut octets).is_err();
            holds(refused, &format!("{}: bit {bit} is not refused", row.name))?;
        }
    }
    Ok(Ways::Both)
}

pub fn not_found(_: &Sheet, row: &Row) -> Outcome {
    holds(row.text.starts_with("Not found in public:"), "another sentence")?;
    Ok(Ways::Neither)
}
