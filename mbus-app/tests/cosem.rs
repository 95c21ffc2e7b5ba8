//! Pushes of smart meters: every carrier, every shape, every fault. Keys, numbers and names are made up;
//! the octets were composed and enciphered by an independent program.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use aes::Aes128;
use mbus_app::cosem::block::Block;
use mbus_app::cosem::carrier::{Fragment, LengthQuirk, Reassembler, WiredFrame};
use mbus_app::cosem::ciphering::{self, GeneralGlo};
use mbus_app::cosem::encode::Encoder;
use mbus_app::cosem::hdlc::{self, Frame, Frames};
use mbus_app::cosem::{Clock, CosemFault, CosemUnit, Data, LogicalName, Notification, Progress, ReadingTime};
use mbus_app::decimal::Decimal;
use mbus_app::{Blame, Error, ErrorKind};
use oms_security::glo::{GloKeys, Message, SecurityControl};
use proptest::prelude::*;

const PLAIN_A: &str = "0F800000110C07E8020E03173B2D00FFC4000217090C07E8020E03173B2D00FFC40009060100010800FF0600BC614E02020F00161E09060100020800FF060000109202020F00161E09060100010700FF06000005E102020F00161B09060100020700FF060000000002020F00161B09060100200700FF12092102020FFF1623090601001F0700FF12028302020FFE1621090601000D0700FF10FC2502020FFD16FF090C313233343536303030303137";
const PLAIN_B: &str = "0F0000001200020509060000010000FF090C07E8020E03173B2D00FFC400020209060000600100FF090E3158585830313030303030303137020309060100010800FF060000239402020F00161E020309060100200700FF12090402020FFF1623";
const PLAIN_C: &str = "0F000000130C07E8020E03173B2D00FFC40002060106020412002809060008190900FF0F02120000020412002809060008190900FF0F011200000204120001090600002A0000FF0F02120000020412000809060000010000FF0F02120000020412000309060100010700FF0F02120000020412000309060101010800FF0F0212000009060008190900FF091058585830303030303030303030303137090C07E8020E03173B3000FFC400060000001C06000D88C1";
const PLAIN_D: &str =
    "0F000000140C07E8020E03173B2D00FFC400020409075858585F303031090A3030303030303030313706000005E10600000000";
const FRAMES_A: &str = "6885856853FF000167DB08585858670000001181B42000000023C3799E5744B295FACBC413439E8157FF586C0440E59B472EBF9AF1CEE80497AA51A48BCEEC11B332198B88C26227B28FA22D31D4983D8877551A9DD89CAA06E963D0F4FD865EE733E37433EF5C78872FE4BE8C039E969490F606946C3E1CD0183526A05DD2E16F6F964A43294216919A166845456853FF1101676254433EE0BF4D6544A14D96725B8EFB3983BE6A810888DF855D0286846F9F2C5FA81CB694D4C2C1CD7A50D7DA53117E04174AB1142C429685E494E2039FB7F7B816";
const FRAMES_B: &str = "6877776853FF100167DB0858585867000000118200652100000024AD338D686066D45C25D99C2FDD4BDEFAADC4EC1779E78BD313855325EF39B38361F9DBCB075D4DCA2DB2019D63BA0612F43AB6FC01EDC74647884FC488FBD526F2C3B1F5F0C2FD0D8AF3A62A9F05702A2A24ACB2D9AA59CCEF4F554895FBABB0B116";
const BLOCKS_A: &str = "7EA078CEFF03138463E6E700E0400001000064DB08585858670000001181C03000000026C919A041656B154E14C17E1A0703ED9FCB513F637DD4FB5BC9ED4C9C255FF26EE34C3672DC5821B55153B2546C0C57FC716580F225275A86665BF24FF2F05721AA9D1842B127518ABEC2CB3D008D01BEE1E2EC109E7E7EA075CEFF0313F01FE0400002000064A25A8E6C85B1B349834C68F24326D2DB660889FCE4692EF7A467D3AC678239CC7E529E63504043329817EF86979EA0833F9A0D0ACD5987E6DB927A632326FFE12B34C1BA26B0C8FD5F56BE61CF0BF9CB6C6F9C0AF2D51635A57B7A3C1562F494EE0417CEDE9E7E7EA015CEFF031343BEE0C00003000004E72EC3BD15587E";
const SEGMENTS_C: &str = "7EA864CEFF03032D91E6E7000F000000130C07E8020E03173B2D00FFC40002060106020412002809060008190900FF0F02120000020412002809060008190900FF0F011200000204120001090600002A0000FF0F02120000020412000809060000010069067E7EA864CEFF03032D9100FF0F02120000020412000309060100010700FF0F02120000020412000309060101010800FF0F0212000009060008190900FF091058585830303030303030303030303137090C07E8020E03173B3000FFC400060000001C0600E3DC7E7EA00DCEFF031323500D88C181A57E";
const FRAMES_WRAPPED: &str = "6801016853FF000167DB08585858670000001181F820000000271C4BB9FABAAD656A064936D375270E8D47335BE316BE4968E141DC47E901EE3D49BC60B4FF1D29B5BB796D878FF1ECA3819C64025525AED1168DCE02D74D51CA054FE903931B087028971A9AE66D2C41AB79D12C8D5EC0BE7BC0985CC3F726000A68388877279E5912D07E86E8F9DF5EF9179601CFC7F7185B967E557DE07640DACF9742841643C3A9619AB0AA5CC85C5529565D4398D10F5805314824A5419357FD29543937F12A7400F08F42EAE5D2F867DEC969B7AAC76CA0820771B70661F57D69C2B1ABFA8C3E404A02232D443D8D5029314F786CE8033197613C747E10CF6C7747F62F18A9215DCAD416680D0D6853FF11016757D9A8870D0035A10D16";

const ENCRYPTION: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const AUTHENTICATION: [u8; 16] =
    [0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF];
const KEYS: GloKeys<'static> = GloKeys { encryption: &ENCRYPTION, authentication: Some(&AUTHENTICATION) };
/// For the pushes that are encrypted and carry no tag.
const ENCRYPTION_ONLY: GloKeys<'static> = GloKeys { encryption: &ENCRYPTION, authentication: None };
const TITLE: [u8; 8] = [0x58, 0x58, 0x58, 0x67, 0, 0, 0, 0x11];
const CLOCK: Clock = Clock([0x07, 0xE8, 2, 14, 3, 23, 59, 45, 0, 0xFF, 0xC4, 0]);

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn frames(octets: &[u8]) -> Vec<WiredFrame<'_>> {
    let mut rest = octets;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (frame, behind) = WiredFrame::parse_prefix(rest, LengthQuirk::Wrapped).unwrap();
        found.push(frame);
        rest = behind;
    }
    found
}

fn join(octets: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 1024];
    let mut push = Reassembler::new(&mut buffer);
    let frames = frames(octets);
    for (n, frame) in frames.iter().enumerate() {
        let expected = if n + 1 == frames.len() { Progress::Complete } else { Progress::Incomplete };
        assert!(push.apdu().is_none());
        assert_eq!(push.push(frame.c, frame.a, frame.payload), Ok(expected));
    }
    push.apdu().unwrap().to_vec()
}

fn lines(apdu: &[u8]) -> Vec<String> {
    Notification::parse(apdu).unwrap().readings().map(|reading| reading.unwrap().to_string()).collect()
}

fn fault(error: Error) -> CosemFault {
    match error.kind {
        ErrorKind::Cosem(fault) => fault,
        kind => panic!("{kind}"),
    }
}

#[test]
fn a_flat_list_is_read_from_its_frames() {
    let mut apdu = join(&hex(FRAMES_A));
    let envelope = GeneralGlo::parse(&mut apdu).unwrap();
    assert_eq!((envelope.system_title, envelope.invocation_counter()), (TITLE, Some(0x23)));
    assert_eq!(envelope.security_control(), Some(SecurityControl::ENCRYPTED));
    let opened = envelope.open::<Aes128>(ENCRYPTION_ONLY).unwrap();
    assert_eq!((&*opened.plaintext, opened.authenticated), (&hex(PLAIN_A)[..], false));
    let push = Notification::parse(opened.plaintext).unwrap();
    assert_eq!((push.invoke_id, push.time), (0x8000_0011, Some(CLOCK)));
    assert_eq!(
        lines(opened.plaintext),
        [
            "1-0:1.8.0*255 12345678 Wh",
            "1-0:2.8.0*255 4242 Wh",
            "1-0:1.7.0*255 1505 W",
            "1-0:2.7.0*255 0 W",
            "1-0:32.7.0*255 233.7 V",
            "1-0:31.7.0*255 6.43 A",
            "1-0:13.7.0*255 -0.987",
            "123456000017",
        ]
    );
    let voltage = push.readings().nth(4).unwrap().unwrap();
    assert_eq!(voltage.number(), Some(Decimal::new(2337, -1)));
    assert_eq!((voltage.unit, voltage.time), (Some(CosemUnit::VOLT), Some(ReadingTime::Clock(CLOCK))));
    assert_eq!(voltage.name, Some(LogicalName([1, 0, 32, 7, 0, 255])));
}

#[test]
fn structures_are_read_from_one_frame_of_suite_1() {
    let mut apdu = join(&hex(FRAMES_B));
    let opened = GeneralGlo::parse(&mut apdu).unwrap().open::<Aes128>(ENCRYPTION_ONLY).unwrap();
    assert_eq!((&*opened.plaintext, opened.security_control), (&hex(PLAIN_B)[..], SecurityControl(0x21)));
    assert_eq!(Notification::parse(opened.plaintext).unwrap().time, None);
    assert_eq!(
        lines(opened.plaintext),
        [
            "0-0:1.0.0*255 2024-02-14T23:59:45+01:00",
            "0-0:96.1.0*255 1XXX0100000017",
            "1-0:1.8.0*255 9108 Wh",
            "1-0:32.7.0*255 230.8 V",
        ]
    );
}

#[test]
fn a_self_describing_list_is_read_from_segments() {
    let octets = hex(SEGMENTS_C);
    let mut buffer = [0; 512];
    let mut push = hdlc::Reassembler::new(&mut buffer);
    let progress: Vec<_> = Frames::new(&octets).map(|frame| push.push(&frame.unwrap()).unwrap()).collect();
    assert_eq!(progress, [Progress::Incomplete, Progress::Incomplete, Progress::Complete]);
    let apdu = push.apdu().unwrap();
    assert_eq!(*apdu, hex(PLAIN_C)[..]);
    assert_eq!(
        lines(apdu),
        [
            "0-8:25.9.0*255 0008190900FF",
            "0-0:42.0.0*255 XXX0000000000017",
            "0-0:1.0.0*255 2024-02-14T23:59:48+01:00",
            "1-0:1.7.0*255 28",
            "1-1:1.8.0*255 886977",
        ]
    );
    let last = Notification::parse(apdu).unwrap().readings().last().unwrap().unwrap();
    assert_eq!((last.attribute.unwrap().class, last.unit), (3, None));
    assert_eq!(last.time.unwrap().to_string(), "2024-02-14T23:59:48+01:00");
}

#[test]
fn values_alone_take_the_names_of_the_caller() {
    let apdu = hex(PLAIN_D);
    assert_eq!(lines(&apdu), ["XXX_001", "0000000017", "1505", "0"]);
    let names = [
        LogicalName([1, 1, 0, 2, 129, 255]),
        LogicalName([0, 0, 96, 1, 0, 255]),
        LogicalName([1, 0, 1, 7, 0, 255]),
    ];
    let push = Notification::parse(&apdu).unwrap();
    let lines: Vec<_> = push.named_readings(&names).map(|reading| reading.unwrap().to_string()).collect();
    assert_eq!(lines, ["1-1:0.2.129*255 XXX_001", "0-0:96.1.0*255 0000000017", "1-0:1.7.0*255 1505", "0"]);
}

#[test]
fn lists_of_other_countries_are_read() {
    // An array of structures; a list name in front of names and values without units.
    let mut buffer = [0; 256];
    let mut encoder = Encoder::new(&mut buffer);
    encoder.notification(1, None);
    encoder.array(2);
    encoder.structure(2);
    encoder.name(LogicalName([1, 1, 0, 2, 129, 255]));
    encoder.data(&Data::Visible(b"XXX_V0001"));
    encoder.structure(3);
    encoder.name(LogicalName([1, 0, 1, 7, 0, 255]));
    encoder.data(&Data::UInt32(1505));
    encoder.scaler_unit(0, CosemUnit::WATT);
    assert_eq!(lines(encoder.finish().unwrap()), ["1-1:0.2.129*255 XXX_V0001", "1-0:1.7.0*255 1505 W"]);
    let mut encoder = Encoder::new(&mut buffer);
    encoder.notification(1, None);
    encoder.structure(5);
    encoder.data(&Data::Visible(b"XXX_V0001"));
    encoder.name(LogicalName([1, 1, 1, 7, 0, 255]));
    encoder.data(&Data::UInt32(1505));
    encoder.name(LogicalName([0, 1, 1, 0, 0, 255]));
    encoder.clock(CLOCK);
    let expected = ["XXX_V0001", "1-1:1.7.0*255 1505", "0-1:1.0.0*255 2024-02-14T23:59:45+01:00"];
    assert_eq!(lines(encoder.finish().unwrap()), expected);
}

#[test]
fn a_value_alone_and_a_nested_value_are_given_out() {
    assert_eq!(lines(&[0x0F, 0, 0, 0, 1, 0, 0x11, 7]), ["7"]);
    assert_eq!(lines(&[0x0F, 0, 0, 0, 1, 0, 0x02, 1, 0x02, 2, 0x11, 7, 0x11, 8]), ["[2 elements]"]);
    assert_eq!(lines(&[0x0F, 0, 0, 0, 1, 0, 0x02, 0]), Vec::<String>::new());
    // A name at the end has no value.
    assert_eq!(lines(&[0x0F, 0, 0, 0, 1, 0, 0x02, 1, 0x09, 6, 1, 0, 1, 8, 0, 255]), ["0100010800FF"]);
}

fn blocks() -> Vec<u8> {
    let octets = hex(BLOCKS_A);
    let mut buffer = [0; 512];
    let mut push = hdlc::Reassembler::new(&mut buffer);
    for frame in Frames::new(&octets) {
        push.push(&frame.unwrap()).unwrap();
    }
    push.apdu().unwrap().to_vec()
}

#[test]
fn blocks_carry_an_authenticated_push() {
    let mut apdu = blocks();
    let opened = GeneralGlo::parse(&mut apdu).unwrap().open::<Aes128>(KEYS).unwrap();
    assert_eq!((&*opened.plaintext, opened.authenticated), (&hex(PLAIN_A)[..], true));
    assert_eq!(opened.invocation_counter, 0x26);
}

#[test]
fn every_bit_flip_of_the_authenticated_push_is_refused() {
    let apdu = blocks();
    for bit in 0..apdu.len() * 8 {
        let mut octets = apdu.clone();
        octets[bit / 8] ^= 1 << (bit % 8);
        let error = GeneralGlo::parse(&mut octets)
            .and_then(|envelope| envelope.open::<Aes128>(KEYS))
            .expect_err("a changed message is not opened");
        assert_ne!(error.kind.blame(), Blame::BufferTooSmall);
    }
}

#[test]
fn who_gives_an_authentication_key_wants_a_tag() {
    let mut apdu = join(&hex(FRAMES_A));
    let before = apdu.clone();
    let error = GeneralGlo::parse(&mut apdu).unwrap().open::<Aes128>(KEYS).unwrap_err();
    assert_eq!((error.kind.name(), error.kind.blame()), ("tag_missing", Blame::NotAuthentic));
    assert_eq!(apdu, before);
}

#[test]
fn without_the_authentication_key_nothing_passes_as_authenticated() {
    let mut apdu = blocks();
    let keys = GloKeys { authentication: None, ..KEYS };
    let error = GeneralGlo::parse(&mut apdu).unwrap().open::<Aes128>(keys).unwrap_err();
    assert_eq!((error.kind.name(), error.kind.blame()), ("authentication_key_missing", Blame::NotAuthentic));
    assert_eq!(apdu, blocks());
    let opened = GeneralGlo::parse(&mut apdu).unwrap().decrypt_unverified::<Aes128>(&ENCRYPTION).unwrap();
    assert_eq!((&*opened.plaintext, opened.authenticated), (&hex(PLAIN_A)[..], false));
}

#[test]
fn the_beginning_of_a_push_can_be_looked_at() {
    let octets = hex(BLOCKS_A);
    let mut buffer = [0; 512];
    let mut push = hdlc::Reassembler::new(&mut buffer);
    let first = Frames::new(&octets).next().unwrap().unwrap();
    assert_eq!(push.push(&first), Ok(Progress::Incomplete));
    assert!(push.apdu().is_none());
    assert!(matches!(fault(GeneralGlo::parse(push.beginning()).unwrap_err()), CosemFault::Length { .. }));
    let envelope = GeneralGlo::parse_beginning(push.beginning()).unwrap();
    let opened = envelope.decrypt_unverified::<Aes128>(&ENCRYPTION).unwrap();
    let readings: Vec<_> = Notification::parse(opened.plaintext).unwrap().readings().collect();
    let (last, read) = readings.split_last().unwrap();
    assert_eq!(read[0].unwrap().to_string(), "1-0:1.8.0*255 12345678 Wh");
    assert!(last.is_err() && read.iter().all(Result::is_ok) && read.len() == 2, "{readings:?}");
}

#[test]
fn a_wrapped_length_is_taken_only_on_request() {
    let octets = hex(FRAMES_WRAPPED);
    assert_eq!(octets[..4], [0x68, 1, 1, 0x68]);
    let error = WiredFrame::parse_prefix(&octets, LengthQuirk::Strict).unwrap_err();
    assert!(matches!(fault(error), CosemFault::WiredFrame(_)));
    let mut apdu = join(&octets);
    let opened = GeneralGlo::parse(&mut apdu).unwrap().open::<Aes128>(ENCRYPTION_ONLY).unwrap();
    let lines = lines(opened.plaintext);
    assert_eq!((lines.len(), lines[10].as_str()), (12, "1-0:13.7.0*255 0.819"));
    for at in [10, 200, 261, 262] {
        let mut octets = octets.clone();
        octets[at] ^= 1;
        assert!(WiredFrame::parse_prefix(&octets, LengthQuirk::Wrapped).is_err(), "{at}");
    }
}

#[test]
fn damaged_wired_frames_are_refused() {
    let octets = hex(FRAMES_A);
    for length in 0..0x85 + 6 {
        let error = WiredFrame::parse_prefix(&octets[..length], LengthQuirk::Wrapped).unwrap_err();
        assert!(length < 4 || matches!(error.kind, ErrorKind::Truncated { .. }), "{length} {error}");
    }
    for (at, offset) in [(1, 1), (2, 1), (4, 137), (0x8A, 138), (0x89, 137)] {
        let mut octets = octets.clone();
        octets[at] ^= 0x40;
        let error = WiredFrame::parse_prefix(&octets, LengthQuirk::Strict).unwrap_err();
        assert_eq!((matches!(fault(error), CosemFault::WiredFrame(_)), error.offset), (true, offset), "{at}");
    }
    assert!(
        WiredFrame::parse_prefix(&[0x68, 2, 2, 0x68, 0x53, 0xFF, 0x52, 0x16], LengthQuirk::Strict).is_err()
    );
}

#[test]
fn lost_repeated_and_reordered_fragments_are_told() {
    let fragment = |ci: u8, data: &'static [u8]| [&[ci, 1, 0x67], data].concat();
    let mut buffer = [0; 8];
    let mut push = Reassembler::new(&mut buffer);
    let mut take = |ci, data| push.push(0x53, 0xFF, &fragment(ci, data)).map_err(fault);
    assert_eq!(take(0x11, b"b"), Err(CosemFault::FragmentLost { expected: 0, found: 1 }));
    assert_eq!(take(0x00, b"a"), Ok(Progress::Incomplete));
    assert_eq!(take(0x00, b"a"), Ok(Progress::Repeated));
    assert_eq!(take(0x02, b"c"), Err(CosemFault::FragmentLost { expected: 1, found: 2 }));
    assert_eq!(take(0x11, b"b"), Err(CosemFault::FragmentLost { expected: 0, found: 1 }));
    assert_eq!(take(0x00, b"a"), Ok(Progress::Incomplete));
    assert_eq!(take(0x00, b"x"), Ok(Progress::Restarted));
    assert_eq!(take(0x01, b"y"), Ok(Progress::Incomplete));
    assert_eq!(take(0x01, b"y"), Ok(Progress::Repeated));
    assert_eq!(take(0x12, b"z"), Ok(Progress::Complete));
    assert_eq!(take(0x12, b"z"), Ok(Progress::Repeated));
    assert_eq!(push.apdu().unwrap(), b"xyz");
    assert_eq!(push.push(0x53, 0xFF, &fragment(0x10, b"new")), Ok(Progress::Complete));
    assert_eq!(push.push(0x73, 0xFF, &fragment(0x10, b"new")), Ok(Progress::Complete));
    assert_eq!(push.apdu().unwrap(), b"new");
    push.push(0x53, 0xFF, &fragment(0x00, b"a")).unwrap();
    assert_eq!(push.push(0x53, 0x01, &fragment(0x01, b"b")).map_err(fault), Err(CosemFault::OtherPeer));
    assert!(push.apdu().is_none());
    // The limit is the buffer.
    push.push(0x53, 0xFF, &fragment(0x00, b"12345")).unwrap();
    let full = push.push(0x53, 0xFF, &fragment(0x11, b"6789")).unwrap_err();
    assert_eq!(full.kind, ErrorKind::BufferTooSmall { needed: 9, available: 8 });
    assert!(push.apdu().is_none());
    assert_eq!(
        push.push(0x53, 0xFF, &[0x72, 0, 0]).map_err(fault),
        Err(CosemFault::NotAFragment { ci: 0x72 })
    );
    assert!(push.push(0x53, 0xFF, &[0x00, 0]).is_err());
}

#[test]
fn fragment_numbers_wrap_at_16() {
    let apdu: Vec<u8> = (0..=255).collect();
    let mut buffer = [0; 256];
    let mut push = Reassembler::new(&mut buffer);
    let mut count = 0u8;
    for fragment in Fragment::split(&apdu, 10, 1, 0x67) {
        let mut octets = [0; 13];
        let written = fragment.encode_into(&mut octets).unwrap();
        assert_eq!((written.len(), written[0] & 0x0F), (fragment.encoded_len(), count % 16));
        assert_eq!(Fragment::parse(written), Ok(fragment));
        push.push(0x53, 0xFF, written).unwrap();
        count += 1;
    }
    assert_eq!((count, push.apdu().unwrap()), (26, &mut apdu.clone()[..]));
    assert_eq!(Fragment::split(&[], 10, 1, 2).count(), 1);
    let number = Fragment { last: true, number: 16, stsap: 0, dtsap: 0, data: &[] };
    assert!(number.encode_into(&mut [0; 8]).is_err());
}

#[test]
fn damaged_hdlc_frames_are_refused_and_the_next_is_found() {
    let octets = hex(SEGMENTS_C);
    let first = 0x64 + 2;
    for length in 0..first {
        assert!(Frame::parse_prefix(&octets[..length]).is_err(), "{length}");
    }
    for bit in 0..first * 8 {
        let mut octets = octets[..first].to_vec();
        octets[bit / 8] ^= 1 << (bit % 8);
        assert!(Frame::parse_prefix(&octets).is_err(), "{bit}");
    }
    let mut noisy = [&[0x00, 0x7E, 0x7E, 0xFF][..], &octets].concat();
    noisy[40] ^= 1;
    let found: Vec<_> = Frames::new(&noisy).collect();
    assert_eq!(found.iter().filter(|frame| frame.is_ok()).count(), 2);
    let Some(Err(error)) = found.iter().find(|frame| frame.is_err()) else { panic!("no error") };
    assert!(matches!(fault(*error), CosemFault::CheckSequence { .. }));
    assert_eq!(error.kind.blame(), Blame::NotAuthentic);
}

#[test]
fn frames_are_written_as_they_were_read() {
    for octets in [hex(SEGMENTS_C), hex(BLOCKS_A)] {
        let mut rest = &octets[..];
        while !rest.is_empty() {
            let (frame, behind) = Frame::parse_prefix(rest).unwrap();
            let length = rest.len() - behind.len();
            let whole = &rest[..length];
            assert_eq!(frame.encoded_len(), length);
            for size in 0..=length {
                let mut buffer = vec![0; size];
                match frame.encode_into(&mut buffer) {
                    Ok(written) => assert_eq!(written, whole),
                    Err(error) => {
                        assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: length, available: size })
                    }
                }
            }
            rest = behind;
        }
    }
    // No information, no header check sequence; flags may be shared.
    let frame =
        Frame { segmented: false, destination: &[0x03], source: &[0x21], control: 0x93, information: &[] };
    let mut buffer = [0; 16];
    let written = frame.encode_into(&mut buffer).unwrap().to_vec();
    let shared = [&written[..], &written[1..]].concat();
    assert_eq!(Frames::new(&shared).collect::<Vec<_>>(), [Ok(frame), Ok(frame)]);
    for (destination, source) in [(&[0x02][..], &[0x21][..]), (&[0x03], &[]), (&[0x03], &[0x20, 0x20, 0x21])]
    {
        let frame = Frame { destination, source, ..frame };
        assert_eq!(frame.encode_into(&mut buffer).unwrap_err().kind.name(), "unwritable");
    }
    let long = Frame { information: &[0; 2048], ..frame };
    assert_eq!(long.encode_into(&mut [0; 4096]).unwrap_err().kind.name(), "unwritable");
}

fn block_frame(number: u16, last: bool, data: &[u8]) -> Vec<u8> {
    let control = if last { 0xC0 } else { 0x40 };
    let block = Block { control, number, acknowledged: 0, data };
    let mut octets = vec![0; block.encoded_len()];
    block.encode_into(&mut octets).unwrap();
    assert_eq!(Block::parse(&octets), Ok(block));
    if number == 1 { [&[0xE6, 0xE7, 0x00][..], &octets].concat() } else { octets }
}

#[test]
fn lost_repeated_and_reordered_blocks_are_told() {
    let mut buffer = [0; 64];
    let mut push = hdlc::Reassembler::new(&mut buffer);
    let mut take = |number, last, data: &[u8]| {
        let information = block_frame(number, last, data);
        let frame = Frame {
            segmented: false,
            destination: &[1],
            source: &[1],
            control: 0x13,
            information: &information,
        };
        push.push(&frame).map_err(fault)
    };
    assert_eq!(take(2, false, b"b"), Err(CosemFault::FragmentLost { expected: 1, found: 2 }));
    assert_eq!(take(1, false, b"a"), Ok(Progress::Incomplete));
    assert_eq!(take(1, false, b"a"), Ok(Progress::Repeated));
    assert_eq!(take(1, false, b"A"), Ok(Progress::Restarted));
    assert_eq!(take(2, false, b"B"), Ok(Progress::Incomplete));
    assert_eq!(take(2, false, b"B"), Ok(Progress::Repeated));
    assert_eq!(take(4, false, b"D"), Err(CosemFault::FragmentLost { expected: 3, found: 4 }));
    assert_eq!(take(1, false, b"x"), Ok(Progress::Incomplete));
    assert_eq!(take(2, false, b"y"), Ok(Progress::Incomplete));
    assert_eq!(take(1, false, b"x"), Ok(Progress::Restarted));
    assert_eq!(take(2, false, b"y"), Ok(Progress::Incomplete));
    assert_eq!(take(3, true, b"z"), Ok(Progress::Complete));
    assert_eq!(push.apdu().unwrap(), b"xyz");
}

#[test]
fn the_rest_of_a_lost_push_is_no_push() {
    let octets = hex(SEGMENTS_C);
    let frames: Vec<_> = Frames::new(&octets).map(Result::unwrap).collect();
    let mut buffer = [0; 512];
    let mut push = hdlc::Reassembler::new(&mut buffer);
    assert!(matches!(fault(push.push(&frames[1]).unwrap_err()), CosemFault::FragmentLost { .. }));
    assert!(push.apdu().is_none());
    push.push(&frames[0]).unwrap();
    push.push(&frames[0]).unwrap();
    push.push(&frames[1]).unwrap();
    assert_eq!(push.push(&frames[1]), Ok(Progress::Repeated));
    assert_eq!(push.push(&frames[2]), Ok(Progress::Complete));
    assert_eq!(*push.apdu().unwrap(), hex(PLAIN_C)[..]);
    let mut small = [0; 100];
    let mut push = hdlc::Reassembler::new(&mut small);
    push.push(&frames[0]).unwrap();
    assert!(matches!(
        push.push(&frames[1]).unwrap_err().kind,
        ErrorKind::BufferTooSmall { available: 100, .. }
    ));
}

#[test]
fn envelopes_that_lie_are_refused() {
    let parse = |octets: &[u8]| fault(GeneralGlo::parse(&mut octets.to_vec()).unwrap_err());
    let header = [&[0xDB, 8][..], &TITLE].concat();
    assert_eq!(parse(&[0xC8, 1]), CosemFault::Apdu { tag: 0xC8, name: "service with global ciphering" });
    assert_eq!(parse(&[0xDB, 7, 0]), CosemFault::SystemTitle { length: 7 });
    assert_eq!(parse(&[&header[..], &[6, 0x20]].concat()), CosemFault::Length { length: 6, available: 1 });
    assert_eq!(parse(&[&header[..], &[1, 0x20, 0]].concat()), CosemFault::Surplus { octets: 1 });
    let mut octets = [&header[..], &[5, 0x22, 0, 0, 0, 1]].concat();
    let error = GeneralGlo::parse(&mut octets).unwrap().open::<Aes128>(KEYS).unwrap_err();
    assert_eq!((error.kind.name(), error.offset), ("unsupported_suite", 11));
    let notification = |octets: &[u8]| Notification::parse(octets).map(|push| push.time).map_err(fault);
    assert_eq!(notification(&[0xDD]), Err(CosemFault::Apdu { tag: 0xDD, name: "general-ciphering" }));
    assert_eq!(notification(&[0x0F, 0, 0, 0, 0, 11]), Err(CosemFault::Clock { length: 11 }));
    assert_eq!(notification(&[0x0F, 0, 0, 0, 0, 0]), Ok(None));
}

#[test]
fn every_prefix_of_a_push_gives_what_it_has() {
    for whole in [PLAIN_A, PLAIN_B, PLAIN_C, PLAIN_D] {
        let apdu = hex(whole);
        let all: Vec<_> = Notification::parse(&apdu).unwrap().readings().map(Result::unwrap).collect();
        for length in 0..apdu.len() {
            let Ok(push) = Notification::parse(&apdu[..length]) else { continue };
            let mut readings = Vec::new();
            let mut error = None;
            for reading in push.readings() {
                match reading {
                    Ok(reading) => readings.push(reading),
                    Err(e) => error = Some(e),
                }
            }
            assert!(error.is_some_and(|e| e.offset <= length), "{length}");
            // The unit of the last one may be behind the cut.
            let sure = readings.len().saturating_sub(1);
            assert_eq!(readings[..sure], all[..sure], "{length}");
        }
        let longer = [&apdu[..], &[0]].concat();
        let last = Notification::parse(&longer).unwrap().readings().last().unwrap().unwrap_err();
        assert_eq!((fault(last), last.offset), (CosemFault::Surplus { octets: 1 }, apdu.len()));
    }
}

#[test]
fn readings_in_front_of_a_fault_are_given_out() {
    let mut apdu = hex(PLAIN_A);
    let at = apdu.windows(2).position(|two| two == [0x12, 0x09]).unwrap();
    apdu[at] = 0x1F;
    let readings: Vec<_> = Notification::parse(&apdu).unwrap().readings().collect();
    assert_eq!(readings.len(), 5);
    let error = readings[4].unwrap_err();
    assert_eq!((fault(error), error.offset), (CosemFault::DataType { tag: 0x1F }, at));
}

#[test]
fn the_encoder_writes_the_same_push() {
    let mut buffer = [0; 256];
    let mut encoder = Encoder::new(&mut buffer);
    encoder.notification(0x8000_0011, Some(CLOCK));
    encoder.structure(23);
    encoder.clock(CLOCK);
    for (c, d, value, scaler, unit) in [
        (1, 8, Data::UInt32(12_345_678), 0, CosemUnit::WATT_HOUR),
        (2, 8, Data::UInt32(4242), 0, CosemUnit::WATT_HOUR),
        (1, 7, Data::UInt32(1505), 0, CosemUnit::WATT),
        (2, 7, Data::UInt32(0), 0, CosemUnit::WATT),
        (32, 7, Data::UInt16(2337), -1, CosemUnit::VOLT),
        (31, 7, Data::UInt16(643), -2, CosemUnit::AMPERE),
        (13, 7, Data::Int16(-987), -3, CosemUnit::COUNT),
    ] {
        encoder.name(LogicalName([1, 0, c, d, 0, 255]));
        encoder.data(&value);
        encoder.scaler_unit(scaler, unit);
    }
    encoder.data(&Data::Octets(b"123456000017"));
    let plaintext = encoder.finish().unwrap();
    assert_eq!(*plaintext, hex(PLAIN_A)[..]);
    let message = Message {
        security_control: SecurityControl::AUTHENTICATED_ENCRYPTED,
        system_title: TITLE,
        invocation_counter: 0x26,
        plaintext,
    };
    let needed = ciphering::sealed_len(&message);
    assert_eq!(needed, blocks().len());
    for size in 0..=needed {
        let mut buffer = vec![0; size];
        match ciphering::seal_into::<Aes128>(&message, KEYS, &mut buffer) {
            Ok(apdu) => assert_eq!(*apdu, blocks()[..]),
            Err(error) => assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed, available: size }),
        }
    }
}

#[test]
fn the_encoder_writes_the_push_list() {
    let object = LogicalName([0, 8, 25, 9, 0, 255]);
    let mut buffer = [0; 256];
    let mut encoder = Encoder::new(&mut buffer);
    encoder.notification(0x13, Some(CLOCK));
    encoder.structure(6);
    encoder.array(6);
    encoder.attribute(40, object, 2, 0);
    encoder.attribute(40, object, 1, 0);
    encoder.attribute(1, LogicalName([0, 0, 42, 0, 0, 255]), 2, 0);
    encoder.attribute(8, LogicalName([0, 0, 1, 0, 0, 255]), 2, 0);
    encoder.attribute(3, LogicalName([1, 0, 1, 7, 0, 255]), 2, 0);
    encoder.attribute(3, LogicalName([1, 1, 1, 8, 0, 255]), 2, 0);
    encoder.name(object);
    encoder.data(&Data::Octets(b"XXX0000000000017"));
    encoder.clock(Clock([0x07, 0xE8, 2, 14, 3, 23, 59, 48, 0, 0xFF, 0xC4, 0]));
    encoder.data(&Data::UInt32(28));
    encoder.data(&Data::UInt32(886_977));
    assert_eq!(*encoder.finish().unwrap(), hex(PLAIN_C)[..]);
}

#[test]
fn the_encoder_counts_elements() {
    let mut buffer = [0; 64];
    let mut few = Encoder::new(&mut buffer);
    few.structure(2);
    few.data(&Data::Null);
    assert_eq!(few.finish().unwrap_err().kind.name(), "unwritable");
    let mut many = Encoder::new(&mut buffer);
    many.structure(1);
    many.structure(0);
    many.data(&Data::Null);
    assert!(many.finish().is_ok());
    let mut deep = Encoder::new(&mut buffer);
    (0..9).for_each(|_| deep.structure(1));
    assert!(matches!(fault(deep.finish().unwrap_err()), CosemFault::Nesting { limit: 8 }));
    let mut small = Encoder::new(&mut buffer[..1]);
    small.data(&Data::UInt16(1));
    assert_eq!(small.finish().unwrap_err().kind, ErrorKind::BufferTooSmall { needed: 3, available: 1 });
}

proptest! {
    #[test]
    fn any_octets_are_survived(octets: Vec<u8>) {
        let mut buffer = [0; 128];
        let mut push = hdlc::Reassembler::new(&mut buffer);
        for frame in Frames::new(&octets).flatten() {
            let _ = push.push(&frame);
        }
        let _ = WiredFrame::parse_prefix(&octets, LengthQuirk::Wrapped);
        let _ = Block::parse(&octets);
        let _ = mbus_app::cosem::transport_apdu(&octets);
        let mut copy = octets.clone();
        let _ = GeneralGlo::parse_beginning(&mut copy).and_then(|e| e.decrypt_unverified::<Aes128>(&ENCRYPTION));
        let apdu = [&[0x0F, 0, 0, 0, 0, 0][..], &octets].concat();
        for reading in Notification::parse(&apdu).unwrap().readings() {
            let _ = reading.map(|reading| reading.to_string());
        }
    }
    #[test]
    fn damaged_pushes_are_survived(at in 0usize..160, octet: u8) {
        for whole in [PLAIN_A, PLAIN_B, PLAIN_C, PLAIN_D] {
            let mut apdu = hex(whole);
            let length = apdu.len();
            apdu[at % length] = octet;
            if let Ok(push) = Notification::parse(&apdu) {
                prop_assert!(push.readings().count() <= apdu.len());
            }
        }
    }
    #[test]
    fn fragments_in_any_order_are_survived(parts in proptest::collection::vec((0u8..32, 0u8..3), 0..40)) {
        let mut buffer = [0; 16];
        let mut push = Reassembler::new(&mut buffer);
        for (ci, length) in parts {
            let octets = [&[ci, 1, 2][..], &vec![ci; length.into()]].concat();
            if push.push(0x53, 0xFF, &octets) == Ok(Progress::Complete) {
                prop_assert!(push.apdu().is_some());
            }
        }
    }
}
