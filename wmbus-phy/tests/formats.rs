//! Frame formats A and B against printed frames, every length, every flipped bit, every buffer size.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod vectors;

use proptest::prelude::*;
use vectors::{FORMAT_A, FORMAT_B, hex, made_up};
use wmbus_phy::classify::LengthHint;
use wmbus_phy::{
    Buffer, Error, ErrorKind, RawFormatA, RawFormatB, State, Stripped, classify, format_a, format_b,
};

type Strip = fn(&mut [u8]) -> Result<wmbus_phy::StrippedMut<'_>, Error>;
type Encode = for<'o> fn(&[u8], &'o mut [u8]) -> Result<&'o mut [u8], Error>;

/// Frames on air with their plain forms and the functions of their format.
fn all() -> Vec<(Vec<u8>, Vec<u8>, Strip, Encode)> {
    let a = FORMAT_A.iter().map(|blocks| {
        let air: Vec<u8> = blocks.iter().flat_map(|(data, crc)| [hex(data), hex(crc)].concat()).collect();
        let plain: Vec<u8> = blocks.iter().flat_map(|(data, _)| hex(data)).collect();
        (air, plain, format_a::strip_in_place as Strip, format_a::encode_into as Encode)
    });
    let b = FORMAT_B.iter().map(|blocks| {
        let air: Vec<u8> = blocks.iter().flat_map(|(data, crc)| [hex(data), hex(crc)].concat()).collect();
        let mut plain: Vec<u8> = blocks.iter().flat_map(|(data, _)| hex(data)).collect();
        plain[0] = (plain.len() - 1) as u8;
        (air, plain, format_b::strip_in_place as Strip, format_b::encode_into as Encode)
    });
    a.chain(b).collect()
}

#[test]
fn printed_frames_in_both_directions() {
    for (air, plain, strip, encode) in all() {
        let mut buffer = air.clone();
        let found = strip(&mut buffer).unwrap();
        assert_eq!(found.frame, plain);
        assert!(found.surplus.is_empty());
        let mut out = [0; 290];
        assert_eq!(encode(&plain, &mut out).unwrap(), air);
    }
}

#[test]
fn every_buffer_size_and_every_prefix() {
    for (air, plain, strip, encode) in all() {
        for len in 0..air.len() {
            let mut out = vec![0; len];
            let error = ErrorKind::BufferTooSmall { needed: air.len(), available: len }.at(0);
            assert_eq!(encode(&plain, &mut out), Err(error));
            let mut cut = air[..len].to_vec();
            let needed = if len == 0 { 1 } else { air.len() };
            let error = ErrorKind::Truncated { needed, available: len }.at(len);
            assert_eq!(strip(&mut cut).unwrap_err(), error);
            assert_eq!(cut, air[..len], "the buffer is as it was");
        }
    }
    for (air, plain, ..) in all() {
        for len in 0..plain.len() {
            let mut out = vec![0; len];
            let error = ErrorKind::BufferTooSmall { needed: plain.len(), available: len }.at(0);
            let stripped = match classify(&air).typed(&air).unwrap().0 {
                Buffer::FormatA(raw) => raw.strip_into(&mut out).unwrap_err(),
                Buffer::FormatB(raw) => raw.strip_into(&mut out).unwrap_err(),
                Buffer::Stripped(_) => panic!("has CRCs"),
            };
            assert_eq!(stripped, error);
        }
    }
}

#[test]
fn every_flipped_bit_is_reported_by_exactly_one_block() {
    for (air, _, strip, _) in all() {
        for bit in 8..air.len() * 8 {
            let mut damaged = air.clone();
            damaged[bit / 8] ^= 0x80 >> (bit % 8);
            let bad: Vec<_> = match classify(&air).state {
                State::FormatA => RawFormatA::parse(&damaged).unwrap().blocks().collect(),
                _ => RawFormatB::parse(&damaged).unwrap().blocks().collect::<Vec<_>>(),
            }
            .into_iter()
            .filter(|block| !block.is_intact())
            .collect();
            assert_eq!(bad.len(), 1);
            let hit = bad[0].offset..bad[0].offset + bad[0].data.len() + 2;
            assert!(hit.contains(&(bit / 8)));
            let kind =
                ErrorKind::BlockCrc { block: bad[0].index, computed: bad[0].computed, found: bad[0].found };
            let mut again = damaged.clone();
            assert_eq!(strip(&mut again).unwrap_err(), kind.at(bad[0].offset));
            assert_eq!(again, damaged, "the buffer is as it was");
        }
    }
}

#[test]
fn every_length_of_format_a() {
    for length in 0..=255u8 {
        let blocks = 1 + (usize::from(length).saturating_sub(9)).div_ceil(16);
        if length < 9 {
            let error = ErrorKind::LengthTooSmall { length, minimum: 9 }.at(0);
            assert_eq!(format_a::on_air_len(length), Err(error));
            assert_eq!(RawFormatA::parse(&[length; 300]), Err(error));
            continue;
        }
        assert_eq!(format_a::on_air_len(length).unwrap(), usize::from(length) + 1 + 2 * blocks);
        let plain = made_up(length);
        let mut out = [0; format_a::MAX_ENCODED_LEN + 1];
        if length == 9 {
            assert_eq!(format_a::encode_into(&plain, &mut out), Err(ErrorKind::NoCiField.at(10)));
            // Read all the same.
            let mut bare = plain.clone();
            bare.extend_from_slice(&wmbus_phy::crc::checksum(&plain).to_be_bytes());
            assert_eq!(format_a::strip_in_place(&mut bare).unwrap().frame, plain);
            continue;
        }
        let air = format_a::encode_into(&plain, &mut out).unwrap().to_vec();
        assert_eq!(air.len(), format_a::on_air_len(length).unwrap());
        let raw = RawFormatA::parse(&air).unwrap();
        assert_eq!((raw.blocks().count(), raw.verify()), (blocks, Ok(())));
        let mut other = [0; 256];
        assert_eq!(raw.strip_into(&mut other).unwrap().octets(), plain);
        let mut place = air.clone();
        assert_eq!(format_a::strip_in_place(&mut place).unwrap().frame, plain);
        let mut place = plain.clone();
        place.resize(air.len() + 3, 0xEE);
        assert_eq!(format_a::insert_in_place(&mut place, plain.len()).unwrap(), air);
        assert_eq!(place[air.len()..], [0xEE; 3]);
        assert_eq!(classify(&air).state, State::FormatA);
        assert_eq!(classify(&plain).state, State::Stripped);
    }
}

#[test]
fn every_length_of_format_b() {
    for length in 0..=255u8 {
        let refused = match length {
            0..11 => Some(ErrorKind::LengthTooSmall { length, minimum: 11 }),
            128 | 129 => Some(ErrorKind::LengthImpossible { length }),
            _ => None,
        };
        if let Some(kind) = refused {
            assert_eq!(format_b::on_air_len(length), Err(kind.at(0)));
            assert_eq!(RawFormatB::parse(&[length; 300]), Err(kind.at(0)));
            continue;
        }
        assert_eq!(format_b::on_air_len(length).unwrap(), usize::from(length) + 1);
        let crcs = if length < 128 { 1 } else { 2 };
        let plain = made_up(length - 2 * crcs);
        let mut out = [0; format_b::MAX_ENCODED_LEN];
        if length == 11 {
            assert_eq!(format_b::encode_into(&plain, &mut out), Err(ErrorKind::NoCiField.at(10)));
            continue;
        }
        let air = format_b::encode_into(&plain, &mut out).unwrap().to_vec();
        assert_eq!((air[0], air.len()), (length, usize::from(length) + 1));
        let raw = RawFormatB::parse(&air).unwrap();
        assert_eq!((raw.blocks().count(), raw.verify()), (usize::from(crcs), Ok(())));
        let mut other = [0; 256];
        assert_eq!(raw.strip_into(&mut other).unwrap().octets(), plain);
        let mut place = air.clone();
        assert_eq!(format_b::strip_in_place(&mut place).unwrap().frame, plain);
        let mut place = plain.clone();
        place.resize(air.len() + 3, 0xEE);
        assert_eq!(format_b::insert_in_place(&mut place, plain.len()).unwrap(), air);
        assert_eq!(place[air.len()..], [0xEE; 3]);
        assert_eq!(classify(&air).state, State::FormatB);
    }
    let long = made_up(252);
    let error = ErrorKind::FrameTooLong { octets: 253, maximum: 252 }.at(0);
    assert_eq!(format_b::encode_into(&long, &mut [0; 300]), Err(error));
}

#[test]
fn builders_refuse_a_wrong_length() {
    let mut plain = made_up(20);
    plain[0] = 21;
    let error = ErrorKind::LengthMismatch { length: 21, following: 20 }.at(0);
    assert_eq!(format_a::encode_into(&plain, &mut [0; 300]), Err(error));
    assert_eq!(format_b::encode_into(&plain, &mut [0; 300]), Err(error));
    let error = ErrorKind::Truncated { needed: 22, available: 21 }.at(21);
    assert_eq!(format_a::insert_in_place(&mut plain, 22), Err(error));
    let mut short = made_up(20);
    let before = short.clone();
    let error = ErrorKind::BufferTooSmall { needed: 25, available: 21 }.at(0);
    assert_eq!(format_a::insert_in_place(&mut short, 21), Err(error));
    assert_eq!(short, before);
}

#[test]
fn surplus_is_reported_and_never_eaten() {
    for (air, plain, strip, _) in all() {
        for extra in 1..40usize {
            let mut buffer = air.clone();
            buffer.extend((0..extra).map(|n| n as u8 ^ 0x5A));
            let found = classify(&buffer);
            assert_eq!((found.state, found.surplus), (classify(&air).state, extra));
            assert_eq!(found.typed(&buffer).unwrap().1.len(), extra);
            let error = ErrorKind::Surplus { octets: extra }.at(air.len());
            match found.state {
                State::FormatA => assert_eq!(RawFormatA::parse(&buffer), Err(error)),
                _ => assert_eq!(RawFormatB::parse(&buffer), Err(error)),
            }
            let stripped = strip(&mut buffer).unwrap();
            assert_eq!(stripped.frame, plain);
            assert_eq!(stripped.surplus.len(), extra);
            assert_eq!(stripped.surplus[0], 0x5A);
        }
    }
}

#[test]
fn the_classifier_names_what_receivers_do() {
    for (air, plain, ..) in all() {
        let on_air = classify(&air);
        let found = classify(&plain);
        assert_eq!((found.state, found.surplus, found.fits_stripped), (State::Stripped, 0, true));
        assert!(matches!(found.typed(&plain).unwrap().0, Buffer::Stripped(frame) if frame.octets() == plain));
        // The octets behind a frame without CRCs.
        let mut trailer = plain.clone();
        trailer.extend_from_slice(&[0x2A, 0x8B]);
        assert_eq!((classify(&trailer).state, classify(&trailer).surplus), (State::Stripped, 2));
        // L too large.
        for (too_many, hint) in
            [(1, LengthHint::RssiCounted), (2, LengthHint::OneCrcCounted), (4, LengthHint::TwoCrcsCounted)]
        {
            let mut off = plain.clone();
            off[0] += too_many;
            let found = classify(&off);
            assert_eq!((found.state, found.hint), (State::StrippedLengthOff, Some(hint)));
            assert_eq!(found.missing, usize::from(too_many));
            assert_eq!(found.typed(&off), None);
        }
        // One block damaged, one octet missing.
        let mut damaged = air.clone();
        *damaged.last_mut().unwrap() ^= 1;
        let found = classify(&damaged);
        match on_air.state {
            State::FormatA => {
                assert_eq!(found.state, State::FormatADamaged);
                assert_eq!(found.format_a.intact + 1, found.format_a.blocks);
            }
            _ if on_air.format_b.blocks == 2 => assert_eq!(found.state, State::FormatBDamaged),
            // One CRC that does not fit is no evidence of a CRC.
            _ => assert_eq!(found.state, State::Stripped),
        }
        if on_air.state == State::FormatA {
            let found = classify(&air[..air.len() - 1]);
            assert_eq!((found.state, found.missing), (State::FormatADamaged, 1));
            assert_eq!(found.format_a.present + 1, found.format_a.blocks);
        }
    }
    for octets in [&[][..], &[0; 40], &[8; 20], &[255; 100]] {
        let found = classify(octets);
        assert_eq!((found.state, found.typed(octets)), (State::Unknown, None));
    }
    assert_eq!(classify(&[]).length, None);
}

#[test]
fn errors_say_what_is_wrong() {
    let mut air = all()[0].0.clone();
    air[15] ^= 1;
    let error = format_a::strip_in_place(&mut air).unwrap_err();
    assert_eq!(error.to_string(), "CRC of block 1 is wrong: received 1E6D, computed FBC7 (octet 12)");
    assert_eq!(error.kind.name(), "block_crc");
    assert_eq!(error.shifted(3).offset, 15);
}

proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let found = classify(&octets);
        prop_assert!(found.format_a.intact <= found.format_a.present);
        prop_assert!(found.format_a.present <= found.format_a.blocks);
        prop_assert!(found.format_b.present <= found.format_b.blocks);
        if let Some((_, surplus)) = found.typed(&octets) {
            prop_assert_eq!(surplus.len(), found.surplus);
        }
        let mut buffer = octets.clone();
        if let Ok(stripped) = format_a::strip_in_place(&mut buffer) {
            prop_assert!(Stripped::parse(stripped.frame).is_ok());
        }
        let mut buffer = octets.clone();
        if let Ok(stripped) = format_b::strip_in_place(&mut buffer) {
            prop_assert!(Stripped::parse(stripped.frame).is_ok());
        }
    }

    #[test]
    fn what_one_builds_the_other_reads(mut plain in proptest::collection::vec(any::<u8>(), 11..=252)) {
        plain[0] = (plain.len() - 1) as u8;
        let mut out = [0; 290];
        let air = format_a::encode_into(&plain, &mut out).unwrap();
        prop_assert_eq!(&*format_a::strip_in_place(air).unwrap().frame, &plain[..]);
        let air = format_b::encode_into(&plain, &mut out).unwrap();
        prop_assert_eq!(&*format_b::strip_in_place(air).unwrap().frame, &plain[..]);
    }
}
