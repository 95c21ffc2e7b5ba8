//! Printed and standard frames of the wired bus, read and built.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use mbus_link::wired::{
    BaudRate, Command, DataClass, Deframed, Deframer, Frame, FrameType, LineTiming, PrimaryAddress, Selection,
};
use mbus_link::{Address, CField, IdentificationNumber};

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}
fn command(command: Command<'_>) -> Vec<u8> {
    let mut buffer = [0; 32];
    command.encode_into(&mut buffer).unwrap().to_vec()
}
fn short(c_field: CField, address: u8) -> Frame<'static> {
    Frame::Short { c_field, address: PrimaryAddress(address) }
}
fn number(digits: &str) -> IdentificationNumber {
    digits.parse().unwrap()
}

/// RSP-UD of a water meter and of a heat meter as they send it, numbers made up.
const W15: &str = "6858586808057278563412931570073E3000000C13000200008C1013000000008C2013000200003B3BDDBDEB0B26504701\
                   025ADB000266B900046D0C0B752B4C1300020000CC101300000000CC201300020000426C5F2C42EC7E7F2CD616";
const W16: &str = "683D3D680801724200000093150204008800000407000000000C15030000000B2E0000000B3B0000000A5A88120A5E16050B\
                   61237700026C8C110227370D0F60000F16";

#[test]
fn every_frame_is_built_and_read() {
    let anyone = Address::WILDCARD;
    let first_digit = Address { identification: number("1FFFFFFF"), ..anyone };
    let extended = Selection { fabrication_number: Some(number("12345678")), ..Selection::of(anyone) };
    let select_all = command(Command::Select(Selection::of(anyone)));
    let select_one = command(Command::Select(Selection::of(first_digit)));
    let select_number = command(Command::Select(extended));
    let rate = command(Command::BaudRate(BaudRate::from_baud(2400).unwrap()));
    let reset = command(Command::ApplicationReset(&[]));
    let address = command(Command::SetAddress(PrimaryAddress(5)));
    let (w15, w16) = (octets(W15), octets(W16));
    let long =
        |c: u8, a: u8, payload| Frame::Long { c_field: CField(c), address: PrimaryAddress(a), payload };
    let request = |class: DataClass, fcb| class.request().with_fcb(fcb);
    let frames = [
        ("E5", Frame::SingleCharacter),
        ("1040014116", short(CField::SND_NKE, 1)),
        ("1040FD3D16", short(CField::SND_NKE, 253)),
        ("1040FF3F16", short(CField::SND_NKE, 255)),
        ("105B015C16", short(request(DataClass::Two, false), 1)),
        ("107B017C16", short(request(DataClass::Two, true), 1)),
        ("107BFE7916", short(request(DataClass::Two, true), 254)),
        ("107BFD7816", short(request(DataClass::Two, true), 253)),
        ("105A015B16", short(request(DataClass::One, false), 1)),
        ("680B0B6873FD52FFFFFFFFFFFFFFFFBA16", long(0x73, 253, &select_all)),
        ("680B0B6853FD52FFFFFF1FFFFFFFFFBA16", long(0x53, 253, &select_one)),
        ("6803036853FEBB0C16", long(0x53, 254, &rate)),
        ("6803036853FE50A116", long(0x53, 254, &reset)),
        ("6806066853FE51017A052216", long(0x53, 254, &address)),
        (W15, long(0x08, 5, &w15[6..w15.len() - 2])),
        (W16, long(0x08, 1, &w16[6..w16.len() - 2])),
        ("6811116853FD52FFFFFFFFFFFFFFFF0C78785634123216", long(0x53, 253, &select_number)),
    ];
    let mut stream = Vec::new();
    for (hex, frame) in &frames {
        let printed = octets(hex);
        assert_eq!(Frame::parse(&printed), Ok(*frame), "{hex}");
        assert_eq!(frame.encode_into(&mut [0; 261]).unwrap(), printed, "{hex}");
        assert_eq!(frame.encoded_len(), printed.len());
        if frame.frame_type() != FrameType::Ack && frame.payload().first() != Some(&0x72) {
            let again = command(Command::parse(frame.payload()));
            assert_eq!(again, frame.payload(), "{hex}");
        }
        stream.extend(printed);
    }
    // All of them, one behind the other, octet by octet.
    let mut deframer = <Deframer>::new(LineTiming::default());
    let mut found = Vec::new();
    for octet in &stream {
        let mut input = core::slice::from_ref(octet);
        while let Some(event) = deframer.handle_input(mbus_link::time::Instant::ZERO, &mut input) {
            let Deframed::Frame { octets, .. } = event else { panic!("{event:?}") };
            found.push(octets.to_vec());
        }
    }
    assert_eq!(found, frames.map(|(hex, _)| octets(hex)));
}
