//! Identifications that meters show and send, both ways.

use super::*;
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(core::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

/// Server ids with the identification printed on the meter.
const SERVER_IDS: [(&str, &str); 14] = [
    ("0A01445A470002643C40", "1 DZG 00 40123456"),
    ("0A01445A470003A65D87", "1 DZG 00 61234567"),
    ("0A01454D4800009BAFA0", "1 EMH 00 10203040"),
    ("0A0149534B00048FF4EA", "1 ISK 00 76543210"),
    ("0A0149534B000436E77E", "1 ISK 00 70707070"),
    ("0A0149545200034DFF7A", "1 ITR 00 55443322"),
    ("0A01484C5902000C6539", "1 HLY 02 00812345"),
    ("0901444E54010000223D", "1 DNT 01 00008765"),
    ("090149534B00040BEBCB", "1 ISK 00 67890123"),
    ("090145425A010003086D", "1 EBZ 01 00198765"),
    ("09014553591103B751CE", "1 ESY 11 62345678"),
    ("06454D48010271578500", "1 EMH 1100 03123456"),
    ("0649534B010E1F652122", "1 ISK 1601 67891234"),
    ("01A815444342410102", "EMH 41424344 01 02"),
];

#[test]
fn every_server_id_converts_both_ways() {
    for (octets, text) in SERVER_IDS {
        let octets = hex(octets);
        let id = ServerId::parse(&octets).unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.prefix(), Some(octets[0]));
        let mut buffer = [0; 10];
        assert_eq!(id.encode_into(&mut buffer).unwrap(), octets);
        if let ServerId::Din2010(number) | ServerId::Din2012(number) = id {
            assert_eq!(text.parse(), Ok(number));
            let address = number.to_address(Version(1), DeviceType::ELECTRICITY).unwrap();
            assert_eq!(MeterNumber::from_address(address, number.block), Ok(number));
            assert_eq!(id.meter_number(), Some(number));
        }
        for size in 0..octets.len() {
            let small = IdentError::BufferTooSmall { needed: octets.len(), available: size };
            assert_eq!(id.encode_into(&mut buffer[..size]), Err(small));
        }
        for length in 1..octets.len() {
            let wrong = IdentError::Length { prefix: octets[0], expected: octets.len(), found: length };
            assert_eq!(ServerId::parse(&octets[..length]), Err(wrong));
        }
    }
}

#[test]
fn the_wireless_id_is_the_link_address() {
    let octets = hex("01A815444342410102");
    let address = ServerId::parse(&octets).unwrap().address().unwrap();
    assert_eq!(address.to_link_octets(), octets[1..]);
    let number = MeterNumber::from_address(address, None).unwrap();
    assert_eq!(number.to_string(), "1 EMH -- 41424344");
    assert_eq!(number.octets(), Err(IdentError::BlockMissing));
    assert_eq!(number.to_address(address.version, address.device_type), Ok(address));
    assert_eq!("1EMH--41424344".parse(), Ok(number));
}

#[test]
fn the_wired_id_prints_its_address() {
    // Written 02-e61e-03123456-3c-07 by a gateway: the number there stands most significant digit first.
    let octets = hex("02E61E563412033C07");
    let id = ServerId::parse(&octets).unwrap();
    assert_eq!(id.to_string(), "GWF 03123456 3C 07");
    assert_eq!(id.meter_number().unwrap().to_string(), "8 GWF -- 03123456");
}

#[test]
fn the_other_prefixes_are_kept() {
    for (text, printed) in [
        ("03123456789012345678", "123456789012345678"),
        ("042386F26FC0FFFF", "9999999999999999"),
        ("05020000123456", "02:00:00:12:34:56"),
        ("0701020304050607", "01020304050607"),
        ("0801020304050607", "01020304050607"),
        ("31454D4831323334", "1EMH1234"),
        ("0B0102", "0B0102"),
        ("A815444342410102", "A815444342410102"),
    ] {
        let octets = hex(text);
        let id = ServerId::parse(&octets).unwrap();
        assert_eq!(id.to_string(), printed);
        assert_eq!(id.encode_into(&mut [0; 12]).unwrap(), octets);
        if id.prefix().is_some() {
            assert!(matches!(ServerId::parse(&octets[..3]), Err(IdentError::Length { found: 3, .. })));
        }
    }
}

#[test]
fn numbers_of_nine_digits_are_refused() {
    let octets = hex("0A01445A470005F5E100");
    assert_eq!(ServerId::parse(&octets), Err(IdentError::Number(100_000_000)));
    assert_eq!(ServerId::parse(&hex("0A10445A4700000001F0")), Err(IdentError::Medium(16)));
    assert_eq!(ServerId::parse(&hex("0A01645A470000000000")), Err(IdentError::Manufacturer));
    assert_eq!(ServerId::parse(&hex("042386F26FC10000")), Err(IdentError::Number(10_000_000_000_000_000)));
    assert_eq!(ServerId::parse(&[]), Err(IdentError::Empty));
    for text in ["", "1EMH001020304", "1EMH00102030401", "GEMH0010203040", "1EM10010203040", "1EMH0G10203040"]
    {
        assert!(text.parse::<MeterNumber>().is_err(), "{text}");
    }
}

#[test]
fn a_gateway_has_the_digit_e() {
    let number: MeterNumber = "E XXX 0012345678".parse().unwrap();
    assert_eq!((number.medium, number.block, number.number), (Medium::COMMUNICATION, Some(0), 12_345_678));
    assert_eq!(std::format!("{number:#}"), "EXXX0012345678");
}

#[test]
fn system_titles_give_the_number_of_the_plate() {
    // Title, manufacturer, kind, function, serial.
    for (title, text, kind, function, serial) in [
        ("4B464D1010000023", "KFM", 0x10, 1, 35),
        ("5341475905E99345", "SAG", 0x59, 0, 99_193_669),
        ("4B464D6750000881", "KFM", 0x67, 5, 2177),
        ("4C475A6773712345", "LGZ", 0x67, 7, 0x0371_2345),
    ] {
        let title = SystemTitle(hex(title).try_into().unwrap());
        let manufacturer: ManufacturerId = text.parse().unwrap();
        assert_eq!((title.manufacturer(), title.kind()), (Some(manufacturer), kind));
        assert_eq!((title.function(), title.serial()), (function, serial));
        assert_eq!(SystemTitle::new(manufacturer, kind, function, serial), Ok(title));
        let address = title.to_address(Version(0), DeviceType::ELECTRICITY).unwrap();
        assert_eq!(SystemTitle::from_address(address, kind, function), Ok(title));
    }
    let title = SystemTitle([0x4B, 0x46, 0x4D, 0x10, 0x10, 0, 0, 0x23]);
    let number = title.meter_number(Medium::ELECTRICITY, Some(1)).unwrap();
    assert_eq!(std::format!("{number:#}"), "1KFM0100000035");
    assert!(SystemTitle::new(ManufacturerId::from_raw(0), 0, 0, 1).is_err());
    assert!(SystemTitle::new("KFM".parse().unwrap(), 0, 0, 0x1000_0000).is_err());
    assert!(
        SystemTitle([0x4B, 0x46, 0x4D, 0, 0x0F, 0xFF, 0xFF, 0xFF]).meter_number(Medium(1), None).is_err()
    );
}

proptest! {
    #[test]
    fn server_ids_come_back(octets in proptest::collection::vec(any::<u8>(), 1..12)) {
        if let Ok(id) = ServerId::parse(&octets) {
            let mut buffer = [0; 12];
            prop_assert_eq!(id.encode_into(&mut buffer).unwrap(), &octets[..]);
            let _ = id.to_string();
        }
    }
    #[test]
    fn documented_prefixes_come_back(prefix in 1u8..11, octets: [u8; 9]) {
        let octets = [&[prefix][..], &octets].concat();
        for length in 7..=10 {
            if let Ok(id) = ServerId::parse(&octets[..length]) {
                let mut buffer = [0; 12];
                prop_assert_eq!(id.encode_into(&mut buffer).unwrap(), &octets[..length]);
            }
        }
    }
    #[test]
    fn any_text_is_survived(text in ".{0,24}") {
        if let Ok(number) = text.parse::<MeterNumber>() {
            prop_assert_eq!(number.to_string().parse(), Ok(number));
        }
    }
}
