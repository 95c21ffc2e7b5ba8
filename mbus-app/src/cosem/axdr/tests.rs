//! Every type, every refusal, and nesting to any depth.

use super::*;
use crate::ErrorKind;
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;
use std::{format, vec};

fn kind(octets: &[u8]) -> (ErrorKind, usize) {
    let error = Data::parse(octets).unwrap_err();
    (error.kind, error.offset)
}

/// One of each type, its octets and how it prints.
fn every_type() -> Vec<(Data<'static>, Vec<u8>, &'static str)> {
    vec![
        (Data::Null, vec![0x00], "null"),
        (Data::Bool(true), vec![0x03, 1], "true"),
        (Data::BitString(10, &[0xAB, 0xC0]), vec![0x04, 10, 0xAB, 0xC0], "ABC0"),
        (Data::Int32(-2), vec![0x05, 0xFF, 0xFF, 0xFF, 0xFE], "-2"),
        (Data::UInt32(12937), vec![0x06, 0, 0, 0x32, 0x89], "12937"),
        (Data::Octets(&[1, 2]), vec![0x09, 2, 1, 2], "0102"),
        (Data::Visible(b"KFM"), vec![0x0A, 3, b'K', b'F', b'M'], "KFM"),
        (Data::Utf8("ä".as_bytes()), vec![0x0C, 2, 0xC3, 0xA4], "ä"),
        (Data::Bcd(0x42), vec![0x0D, 0x42], "42"),
        (Data::Int8(-3), vec![0x0F, 0xFD], "-3"),
        (Data::Int16(819), vec![0x10, 3, 0x33], "819"),
        (Data::UInt8(200), vec![0x11, 200], "200"),
        (Data::UInt16(2337), vec![0x12, 9, 0x21], "2337"),
        (Data::Int64(i64::MIN), vec![0x14, 0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808"),
        (Data::UInt64(u64::MAX), vec![0x15, 255, 255, 255, 255, 255, 255, 255, 255], "18446744073709551615"),
        (Data::Enum(30), vec![0x16, 30], "30"),
        (Data::Float32(0x3FC0_0000), vec![0x17, 0x3F, 0xC0, 0, 0], "1.5"),
        (Data::Float64(0xBFF8 << 48), vec![0x18, 0xBF, 0xF8, 0, 0, 0, 0, 0, 0], "-1.5"),
        (
            Data::DateTime(Clock([7, 0xE6, 2, 4, 5, 16, 43, 20, 0, 0xFF, 0xC4, 0])),
            vec![0x19, 7, 0xE6, 2, 4, 5, 16, 43, 20, 0, 0xFF, 0xC4, 0],
            "2022-02-04T16:43:20+01:00",
        ),
        (Data::Date([7, 0xE6, 2, 4, 5]), vec![0x1A, 7, 0xE6, 2, 4, 5], "07E6020405"),
        (Data::Time([16, 43, 20, 0]), vec![0x1B, 16, 43, 20, 0], "102B1400"),
        (Data::DontCare, vec![0xFF], "not given"),
    ]
}

#[test]
fn every_type_is_read_written_and_printed() {
    for (data, octets, text) in every_type() {
        assert_eq!(Data::parse(&octets), Ok(data));
        assert_eq!(
            (data.tag(), data.encoded_len(), data.to_string().as_str()),
            (octets[0], octets.len(), text)
        );
        for size in 0..=octets.len() {
            let mut buffer = vec![0; size];
            match data.encode_into(&mut buffer) {
                Ok(written) => assert_eq!(*written, octets[..]),
                Err(error) => {
                    assert_eq!(
                        error.kind,
                        ErrorKind::BufferTooSmall { needed: octets.len(), available: size }
                    );
                }
            }
            if size < octets.len() {
                assert!(Data::parse(&octets[..size]).is_err());
            }
        }
    }
    let mut tags: Vec<u8> = every_type().iter().map(|(data, ..)| data.tag()).collect();
    tags.extend([0x01, 0x02]);
    for tag in 0..=255 {
        // Enough octets for each of the types.
        let mut octets = [0; 16];
        octets[0] = tag;
        let unknown = Data::parse_prefix(&octets).is_err_and(|error| {
            assert_eq!(error, CosemFault::DataType { tag }.at(0));
            true
        });
        assert_eq!(unknown, !tags.contains(&tag), "{tag:02X}");
    }
}

#[test]
fn lying_lengths_are_refused() {
    let cosem = ErrorKind::Cosem;
    assert_eq!(kind(&[0x09, 5, 1, 2]), (cosem(CosemFault::Length { length: 5, available: 2 }), 2));
    assert_eq!(
        kind(&[0x09, 0x82, 0xFF, 0xFF, 1]),
        (cosem(CosemFault::Length { length: 0xFFFF, available: 1 }), 4)
    );
    let huge = CosemFault::Length { length: 0xFFFF_FFFF, available: 0 };
    assert_eq!(kind(&[0x02, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), (cosem(huge), 6));
    assert_eq!(kind(&[0x01, 3, 0, 0]), (cosem(CosemFault::Length { length: 3, available: 2 }), 2));
    assert_eq!(kind(&[0x09, 0x80]), (cosem(CosemFault::LengthForm { octet: 0x80 }), 1));
    assert_eq!(kind(&[0x09, 0x85, 0, 0, 0, 0, 0]), (cosem(CosemFault::LengthForm { octet: 0x85 }), 1));
    assert_eq!(kind(&[0x09, 0x82, 1]), (ErrorKind::Truncated { needed: 2, available: 1 }, 2));
    assert_eq!(kind(&[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0]).1, 6);
    assert_eq!(kind(&[0x00, 0x00]), (cosem(CosemFault::Surplus { octets: 1 }), 1));
    assert_eq!(kind(&[]), (ErrorKind::Truncated { needed: 1, available: 0 }, 0));
    // A long form that is longer than it has to be is read.
    assert_eq!(Data::parse(&[0x09, 0x83, 0, 0, 1, 7]), Ok(Data::Octets(&[7])));
}

#[test]
fn nesting_ends_at_its_limit() {
    for depth in 1..2000usize {
        let mut octets = [0x02, 1].repeat(depth);
        octets.push(0x00);
        match Data::parse(&octets) {
            Ok(_) => assert!(depth <= MAX_DEPTH),
            Err(error) => {
                assert_eq!(error, CosemFault::Nesting { limit: MAX_DEPTH }.at(2 * MAX_DEPTH));
                assert!(depth > MAX_DEPTH);
            }
        }
    }
    // Wide and deep: many elements on each level.
    let mut octets = vec![0x00];
    for _ in 0..MAX_DEPTH {
        octets = [&[0x02, 3][..], &octets.repeat(3)].concat();
    }
    let Ok(Data::Structure(outer)) = Data::parse(&octets) else { panic!("no structure") };
    let mut innermost = outer;
    for _ in 1..MAX_DEPTH {
        let Some(Ok(Data::Structure(inner))) = innermost.iter().last() else { panic!("no structure") };
        innermost = inner;
    }
    assert_eq!(innermost.iter().collect::<Vec<_>>(), vec![Ok(Data::Null); 3]);
}

#[test]
fn elements_know_where_they_stand() {
    let octets = [0x02, 2, 0x02, 1, 0x11, 9, 0x12, 0, 7];
    let Ok(Data::Structure(outer)) = Data::parse(&octets) else { panic!("no structure") };
    assert_eq!((outer.len(), outer.is_empty(), outer.offset), (2, false, 2));
    let Some(Ok(Data::Structure(inner))) = outer.iter().next() else { panic!("no structure") };
    assert_eq!((inner.offset, inner.iter().next()), (4, Some(Ok(Data::UInt8(9)))));
    assert_eq!(outer.into_iter().nth(1), Some(Ok(Data::UInt16(7))));
    assert_eq!(outer.exactly::<1>(), None);
    assert_eq!(format!("{}", Data::Structure(outer)), "[2 elements]");
    let mut buffer = [0; 9];
    assert_eq!(*Data::Structure(outer).encode_into(&mut buffer).unwrap(), octets);
}

#[test]
fn texts_and_clocks_are_told_from_octets() {
    assert_eq!(Data::Octets(b"1KFM0100000035").text(), Some("1KFM0100000035"));
    assert_eq!(Data::Octets(&[0x31, 0x00]).text(), None);
    assert_eq!(Data::Octets("ä".as_bytes()).text(), None);
    assert_eq!(Data::Utf8(&[0xFF]).text(), None);
    assert_eq!(Data::Octets(&[]).text(), None);
    assert_eq!(Data::Octets(&[0xFF; 12]).clock(), Some(Clock([0xFF; 12])));
    assert_eq!(Data::Octets(&[0xFF; 13]).clock(), None);
    let error = Data::BitString(9, &[0]).encode_into(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind.name(), "unwritable");
}

proptest! {
    #[test]
    fn lengths_come_back(length in 0usize..70_000) {
        let octets = vec![0x41; length];
        let data = Data::Octets(&octets);
        let mut buffer = vec![0; data.encoded_len()];
        let written = data.encode_into(&mut buffer).unwrap();
        prop_assert_eq!(Data::parse(written), Ok(Data::Octets(&octets)));
    }
    #[test]
    fn any_octets_are_survived(octets: Vec<u8>) {
        if let Ok((data, rest)) = Data::parse_prefix(&octets) {
            let _ = data.to_string();
            prop_assert!(rest.len() < octets.len());
            if let Data::Structure(parts) | Data::Array(parts) = data {
                prop_assert_eq!(parts.iter().filter(Result::is_ok).count(), parts.len());
            }
        }
    }
    #[test]
    fn structures_of_small_tags_are_survived(octets in proptest::collection::vec(0u8..4, 0..200)) {
        let _ = Data::parse(&octets);
    }
}
