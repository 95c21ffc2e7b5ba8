//! Frames of EN 13757-4 and of shapes that meters send, numbers made up: parsed to their fields, and built from these octet
//! for octet. Those of OMS Vol. 2 Annex N are in `annex_n.rs`, the blocks with their CRCs in the tests of `wmbus-phy`.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use mbus_link::ell::EllSession;
use mbus_link::wireless::{Frame, FrameBuilder};
use mbus_link::{
    Address, CField, CommunicationControl, DeviceType, Ell, NetworkLayer, SessionNumber, Version,
};

/// Name, C-field, manufacturer, number, version, device type, extended link layer, the octets behind it, the whole frame.
type Row =
    (&'static str, CField, &'static str, &'static str, u8, u8, Option<Ell>, &'static str, &'static str);

const fn short(control: u8, access_number: u8) -> Option<Ell> {
    Some(Ell { control: CommunicationControl(control), access_number, receiver: None, session: None })
}

fn rows() -> Vec<Row> {
    let session = |control: u8, access_number, minutes, payload_crc| {
        let number = SessionNumber::new(SessionNumber::ENC_AES_128_CTR, minutes, 0).unwrap();
        let session = Some(EllSession { number, payload_crc });
        Some(Ell { session, ..short(control, access_number).unwrap() })
    };
    let gateway = Address {
        manufacturer: "RAD".parse().unwrap(),
        identification: "33445566".parse().unwrap(),
        version: Version(10),
        device_type: DeviceType(0x31),
    };
    let to_gateway = Some(Ell { receiver: Some(gateway), ..short(0x80, 0x75).unwrap() });
    vec![
        (
            "example of the standard, format A",
            CField::SND_NR,
            "CEN",
            "12345678",
            1,
            7,
            None,
            "780B13436587",
            "0F44AE0C785634120107780B13436587",
        ),
        (
            "the same header, other data",
            CField::SND_NR,
            "CEN",
            "12345678",
            1,
            7,
            None,
            "780B12436587",
            "0F44AE0C785634120107780B12436587",
        ),
        (
            "example of the standard, format B",
            CField::SND_NR,
            "CEN",
            "12345678",
            1,
            7,
            short(0x20, 0x27),
            "780B13436587",
            "1244AE0C7856341201078C2027780B13436587",
        ),
        (
            "data of a manufacturer's own",
            CField::SND_NR,
            "ELS",
            "12345678",
            1,
            0x32,
            None,
            "A000010203040506",
            "1144931578563412 0132 A000010203040506",
        ),
        (
            "session, deciphered before although it says otherwise",
            CField::SND_NR,
            "ELS",
            "12345678",
            0x1B,
            0x16,
            session(0x20, 0x91, 0x0012_3456, 0x1E6D),
            "780B13436587",
            "1844931578563412 1B16 8D20916045 2321 6D1E 780B13436587",
        ),
        (
            "session, went through a repeater",
            CField::SND_NR,
            "ELS",
            "12345678",
            0x1B,
            0x16,
            session(0x30, 0x50, 1_927_618, 0xB106),
            "140AEF4953",
            "1744931578563412 1B16 8D3050209CD621 06B1 140AEF4953",
        ),
        (
            "answer to a gateway",
            CField::RSP_UD,
            "ELS",
            "12345678",
            0x33,
            3,
            to_gateway,
            "7A2A000000",
            "1908931578563412 3303 8E8075 2448665544330A31 7A2A000000",
        ),
        (
            "installation request",
            CField::SND_IR,
            "ELS",
            "00000001",
            4,
            7,
            None,
            "7A01001000",
            "0E46931501000000 0407 7A01001000",
        ),
        (
            "access without data",
            CField::ACC_NR,
            "ELS",
            "12345678",
            0x33,
            3,
            None,
            "8A2A000000",
            "0E47931578563412 3303 8A2A000000",
        ),
        (
            "network layer of one octet",
            CField::SND_NR,
            "ELS",
            "16273992",
            0x16,
            8,
            None,
            "811D7A51000000046D1912A62B",
            "1644931592392716 1608 811D7A51000000046D1912A62B",
        ),
    ]
}

fn octets(hex: &str) -> Vec<u8> {
    let hex = hex.replace(' ', "");
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn every_frame_is_its_fields_and_its_fields_are_the_frame() {
    for (name, c_field, manufacturer, number, version, device_type, ell, rest, whole) in rows() {
        let (rest, whole) = (octets(rest), octets(whole));
        let address = Address {
            manufacturer: manufacturer.parse().unwrap(),
            identification: number.parse().unwrap(),
            version: Version(version),
            device_type: DeviceType(device_type),
        };
        let frame = Frame::parse(&whole).unwrap();
        assert_eq!((frame.c_field(), frame.address()), (c_field, address), "{name}");
        assert_eq!(Ell::parse_optional(frame.payload()), Ok((ell, &rest[..])), "{name}");
        let mut header = [0; 17];
        let header: &[u8] = match ell {
            Some(ell) => ell.encode_into(&mut header).unwrap(),
            None => &[],
        };
        let payload = [header, &rest].concat();
        let builder = FrameBuilder { c_field, address, payload: &payload };
        assert_eq!(builder.encode_into(&mut [0; 64]).unwrap(), whole, "{name}");
    }
}

/// PLCRC is that of all octets behind it, and stands low octet first, unlike the CRCs of the blocks.
#[test]
fn the_payload_crc_is_that_of_what_follows() {
    let (.., ell, rest, whole) = rows().swap_remove(4);
    let (rest, whole) = (octets(rest), octets(whole));
    let crc = wmbus_phy::crc::checksum(&rest);
    assert_eq!(ell.unwrap().session.unwrap().payload_crc, crc);
    assert_eq!(whole[17..19], crc.to_le_bytes());
}

/// Octets behind the frame are handed back, and the network layer shows what follows it.
#[test]
fn surplus_behind_a_network_layer() {
    let (.., rest, whole) = rows().pop().unwrap();
    let long = [octets(whole), vec![0xFD; 8]].concat();
    let (frame, surplus) = Frame::parse_prefix(&long).unwrap();
    assert_eq!(surplus, [0xFD; 8]);
    let rest = octets(rest);
    assert_eq!(NetworkLayer::parse(frame.payload()).unwrap().guess_next(), Some((0x1D, &rest[2..])));
}
