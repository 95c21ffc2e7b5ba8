//! Frames of both formats, and what stands in front of the application.

use super::sheet::{Row, Sheet, hex};
use super::{Outcome, Ways, holds, same, told};
use mbus_app::Telegram;
use mbus_app::telegram::builder::TelegramBuilder;
use mbus_link::ell::EllSession;
use mbus_link::wireless::{Frame, FrameBuilder};
use mbus_link::{Address, CField, CommunicationControl, Ell, NetworkLayer, SessionNumber};
use oms_security::ell_cipher;
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};
use wmbus_phy::mode::MODES;
use wmbus_phy::{
    Block, ChipDeframer, ChipEvent, Chips, FrameFormat, OctetDeframer, OctetEvent, RawFormatA, RawFormatB,
    State, Transmission, classify,
};

pub fn format_a(_: &Sheet, row: &Row) -> Outcome {
    framed(row, FrameFormat::A)
}

pub fn format_b(_: &Sheet, row: &Row) -> Outcome {
    framed(row, FrameFormat::B)
}

fn framed(row: &Row, format: FrameFormat) -> Outcome {
    let on_air = row.block(0)?;
    let expected = if format == FrameFormat::A { State::FormatA } else { State::FormatB };
    holds(classify(&on_air).state == expected, "its state is not told")?;
    let parts = row.with_crcs()?;
    let blocks = blocks(format, &on_air)?;
    holds(blocks.len() == parts.len(), "another number of blocks")?;
    for (block, (data, crc)) in blocks.iter().zip(&parts) {
        same("block", block.data, data)?;
        holds(block.found == *crc && block.computed == *crc, "another CRC")?;
    }
    let mut deframer = <OctetDeframer>::new(&[format]);
    match deframer.handle_input(&mut &on_air[..]) {
        Some(OctetEvent::Frame { octets, .. }) => same("in a stream", octets, &on_air)?,
        other => return Err(format!("in a stream: {other:?}")),
    }
    let stripped = stripped(row, format)?;
    let mut buffer = vec![0; on_air.len()];
    let built = match format {
        FrameFormat::A => told(wmbus_phy::format_a::encode_into(&stripped, &mut buffer))?,
        FrameFormat::B => told(wmbus_phy::format_b::encode_into(&stripped, &mut buffer))?,
    };
    same("with its CRCs", built, &on_air)?;
    same("from its fields", &rebuilt(&stripped)?, &stripped)?;
    through_the_air(format, &stripped)?;
    match row.key() {
        Some(key) => opened_and_sealed(&stripped, key)?,
        // Without a key what is in clear is read to its end.
        None => {
            let mut octets = stripped.clone();
            let lax = Telegram::decode_lax(&mut octets, mbus_app::telegram::Input::Stripped, &NoKeys);
            if let Some(builder) = TelegramBuilder::of(&lax.telegram).filter(|_| lax.stopped.is_none()) {
                same("from its layers", &told(builder.to_vec())?, &stripped)?;
            }
        }
    }
    Ok(Ways::Both)
}

/// The frame without CRCs.
pub fn stripped(row: &Row, format: FrameFormat) -> Result<Vec<u8>, String> {
    let mut on_air = row.block(0)?;
    let stripped = told(format.strip_in_place(&mut on_air))?;
    holds(stripped.surplus.is_empty(), "octets behind the frame")?;
    Ok(stripped.frame.to_vec())
}

/// The blocks of a frame on the air.
pub fn blocks(format: FrameFormat, on_air: &[u8]) -> Result<Vec<Block<'_>>, String> {
    Ok(match format {
        FrameFormat::A => told(RawFormatA::parse(on_air))?.blocks().collect(),
        FrameFormat::B => told(RawFormatB::parse(on_air))?.blocks().collect(),
    })
}

/// The same frame, built from C-field, address, extended link layer and the rest; the address from its words.
fn rebuilt(stripped: &[u8]) -> Result<Vec<u8>, String> {
    let frame = told(Frame::parse(stripped))?;
    let sent = frame.address();
    let address = Address {
        manufacturer: told(sent.manufacturer.to_string().parse())?,
        identification: told(sent.identification.to_string().parse())?,
        ..sent
    };
    let (ell, rest) = told(Ell::parse_optional(frame.payload()))?;
    let mut payload = [0; 17];
    let payload = match ell {
        Some(ell) => [told(ell.encode_into(&mut payload))?, rest].concat(),
        None => rest.to_vec(),
    };
    let builder = FrameBuilder { c_field: CField(frame.c_field().0), address, payload: &payload };
    let mut buffer = [0; 256];
    Ok(told(builder.encode_into(&mut buffer))?.to_vec())
}

/// Out and in again in every mode that has frames of this format.
fn through_the_air(format: FrameFormat, stripped: &[u8]) -> Result<(), String> {
    let airs = MODES.iter().flat_map(|mode| [Some(mode.from_meter), mode.to_meter].into_iter().flatten());
    for air in airs.filter(|air| air.sync_word(format).is_some()) {
        let transmission = Transmission::new(air, format, stripped);
        let mut packed = vec![0; transmission.encoded_len()];
        told(transmission.encode_into(&mut packed))?;
        let mut chips = Chips::with_len(&packed, transmission.chips_len());
        match told(<ChipDeframer>::new(&[air]))?.handle_input(&mut chips) {
            Some(ChipEvent::Frame { sync, octets, .. }) => {
                same("from the air", told(sync.format.strip_in_place(octets))?.frame, stripped)?;
            }
            other => return Err(format!("from the air: {other:?}")),
        }
    }
    Ok(())
}

fn prepared(key: [u8; 16]) -> PreparedKey<Aes> {
    PreparedKey::new(&Key::new(key))
}

/// Opens with the key of the row, and seals again.
fn opened_and_sealed(stripped: &[u8], key: [u8; 16]) -> Result<(), String> {
    let key = prepared(key);
    let mut octets = stripped.to_vec();
    let telegram = told(Telegram::decode_stripped(&mut octets, &key))?;
    let builder = TelegramBuilder::of(&telegram).ok_or("not read to its end")?;
    same("sealed again", &told(builder.reseal_to_vec(&key))?, stripped)
}

/// Address, extended link layer and octets from its CI on; without link CRCs.
fn with_ell(stripped: &[u8]) -> Result<(Address, Ell, Vec<u8>), String> {
    let frame = told(Frame::parse(stripped))?;
    let (ell, _) = told(Ell::parse_prefix(frame.payload()))?;
    Ok((frame.address(), ell, frame.payload().to_vec()))
}

pub fn relayed_and_enciphered(_: &Sheet, row: &Row) -> Outcome {
    let octets = row.block(0)?;
    let key = row.key().ok_or("no key")?;
    same("from its fields", &rebuilt(&octets)?, &octets)?;
    let (sender, ell, mut payload) = with_ell(&octets)?;
    let said = CommunicationControl::SYNCHRONOUS.union(CommunicationControl::HOP);
    holds(ell.control == said && ell.counter_block_control() == 0x20, "CC")?;
    let session = ell.session.ok_or("no session number")?.number;
    holds((session.encryption(), session.minutes(), session.session()) == (1, 1_927_618, 0), "SN")?;
    told(ell_cipher::open_in_place(&ell, sender, &mut payload, &prepared(key)))?;
    let quoted = row.quoted();
    let plain: Vec<Vec<u8>> = quoted.iter().filter_map(|text| hex(text).ok()).collect();
    let expected = match &plain[..] {
        [.., crc, rest] => [&crc[..], rest].concat(),
        _ => return Err("no plaintext".to_owned()),
    };
    same("plaintext", &payload[ell.encoded_len() - 2..], &expected)?;
    told(ell_cipher::seal_in_place(&ell, sender, &mut payload, &prepared(key)))?;
    same("sealed again", &payload, &octets[10..])?;
    opened_and_sealed(&octets, key)?;
    Ok(Ways::Both)
}

pub fn deciphered_before(_: &Sheet, row: &Row) -> Outcome {
    let octets = row.block(0)?;
    same("from its fields", &rebuilt(&octets)?, &octets)?;
    let (_, ell, payload) = with_ell(&octets)?;
    holds(ell.is_encrypted(), "ENC says 1")?;
    let crc = wmbus_phy::crc::checksum(&payload[ell.encoded_len()..]);
    let built = Ell { session: ell.session.map(|s| EllSession { payload_crc: crc, ..s }), ..ell };
    holds(built == ell, "the payload CRC")?;
    let mut opened = payload.clone();
    let opening = told(ell_cipher::open_in_place(&ell, Address::default(), &mut opened, &NoKeys))?;
    holds(opening.found == oms_security::sealed::Found::ClearUnannounced, "found in clear")?;
    same("as it was", &opened, &payload)?;
    Ok(Ways::Both)
}

pub fn enciphered_twin(sheet: &Sheet, row: &Row) -> Outcome {
    let (octets, key) = (row.block(0)?, row.key().ok_or("no key")?);
    same("from its fields", &rebuilt(&octets)?, &octets)?;
    let twin = sheet.row("E2")?.block(0)?;
    let (sender, ell, mut payload) = with_ell(&octets)?;
    told(ell_cipher::open_in_place(&ell, sender, &mut payload, &prepared(key)))?;
    same("plaintext", &payload, &twin[10..])?;
    // And from the twin to the cipher text.
    let (sender, ell, mut payload) = with_ell(&twin)?;
    told(ell_cipher::seal_in_place(&ell, sender, &mut payload, &prepared(key)))?;
    same("sealed", &payload, &octets[10..])?;
    Ok(Ways::Both)
}

pub fn receiver_in_ell(sheet: &Sheet, row: &Row) -> Outcome {
    let quoted: Vec<Vec<u8>> = row.quoted().into_iter().map(hex).collect::<Result<_, _>>()?;
    let [ell_octets, sender] = &quoted[..] else { return Err("two quotations expected".to_owned()) };
    let frame = stripped(sheet.row("A5")?, FrameFormat::A)?;
    same("in A5", &frame[10..21], ell_octets)?;
    same("sender in A5", &frame[2..10], sender)?;
    let (found, ell, _) = with_ell(&frame)?;
    same("sender", &found.to_link_octets(), sender)?;
    let receiver = ell.receiver.ok_or("no receiver")?;
    holds(receiver.manufacturer.raw() == 0x633A, "manufacturer of the receiver")?;
    holds(receiver.identification.to_string() == "33445566", "number of the receiver")?;
    holds((receiver.version.0, receiver.device_type.0) == (0x0A, 0x31), "version and type of the receiver")?;
    let built = Ell {
        control: CommunicationControl::BIDIRECTIONAL,
        access_number: 0x75,
        receiver: Some(Address {
            manufacturer: mbus_link::ManufacturerId::from_raw(0x633A),
            identification: told("33445566".parse())?,
            version: mbus_link::Version(0x0A),
            device_type: mbus_link::DeviceType(0x31),
        }),
        session: None,
    };
    same("built", told(built.encode_into(&mut [0; 17]))?, ell_octets)?;
    Ok(Ways::Both)
}

pub fn network_layer(_: &Sheet, row: &Row) -> Outcome {
    let octets = row.block(0)?;
    let (frame, surplus) = told(Frame::parse_prefix(&octets))?;
    let layer = told(NetworkLayer::parse(frame.payload()))?;
    let (control, next) = layer.guess_next().ok_or("the next layer is not found")?;
    holds(control == 0x1D && next.first() == Some(&0x7A), "1D, then CI 7A")?;
    let (octets, _) = octets.split_at(octets.len() - surplus.len());
    same("the frame", &rebuilt(octets)?, octets)?;
    holds(surplus.len() == 8, "eight octets behind the frame")?;
    Ok(Ways::Read)
}

pub fn installation_request(_: &Sheet, row: &Row) -> Outcome {
    let octets = row.block(0)?;
    holds(told(Frame::parse(&octets))?.c_field() == CField::SND_IR, "SND-IR")?;
    same("from its fields", &rebuilt(&octets)?, &octets)?;
    Ok(Ways::Both)
}

/// The frame E1 in clear, its payload CRC as it is and with its octets changed over.
pub fn payload_crcs(sheet: &Sheet) -> Result<[bool; 2], String> {
    let row = sheet.row("E1")?;
    let (sender, ell, mut payload) = with_ell(&row.block(0)?)?;
    told(ell_cipher::open_in_place(&ell, sender, &mut payload, &prepared(row.key().ok_or("no key")?)))?;
    let at = ell.encoded_len() - 2;
    let mut fits = [false; 2];
    for fits in &mut fits {
        let crc = u16::from_le_bytes([payload[at], payload[at + 1]]);
        let number = SessionNumber(ell.session.ok_or("no session")?.number.0 & 0x1FFF_FFFF);
        let clear = Ell { session: Some(EllSession { number, payload_crc: crc }), ..ell };
        let mut octets = payload.clone();
        *fits = ell_cipher::open_in_place(&clear, sender, &mut octets, &NoKeys).is_ok();
        payload.swap(at, at + 1);
    }
    Ok(fits)
}
