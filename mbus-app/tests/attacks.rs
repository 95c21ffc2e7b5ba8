//! Input that broke other programs of the field, one test each. What belongs to one element is tested beside it: streams
//! with noise in `mbus-link` (deframer), readouts that never end in `src/readout.rs`, colliding formats in `src/frame`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use mbus_app::ci::{CiField, Content};
use mbus_app::record::{Record, RecordKind, RecordOptions, Records};
use mbus_app::value::Value;
use mbus_app::{ErrorKind, Telegram, peek};
use mbus_link::CField;
use mbus_link::wired::{Frame, PrimaryAddress};
use oms_security::key::NoKeys;

fn wired(payload: &[u8]) -> Vec<u8> {
    let frame = Frame::Long { c_field: CField(0x08), address: PrimaryAddress(1), payload };
    frame.encode_into(&mut [0; 261]).unwrap().to_vec()
}

fn wireless(behind: &[u8]) -> Vec<u8> {
    let mut octets = vec![0, 0x44, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07];
    octets.extend_from_slice(behind);
    octets[0] = (octets.len() - 1) as u8;
    octets
}

/// Everything that can be asked of records: nothing may fail, loop or lose octets.
fn exhaust(octets: &[u8]) -> usize {
    let mut records =
        Records::with_options(octets, RecordOptions { fillers: true, ..RecordOptions::default() });
    let (mut count, mut read) = (0, 0);
    for record in records.by_ref() {
        count += 1;
        let Ok(record) = record else { break };
        assert!(record.encoded_len() > 0, "every step consumes an octet");
        assert_eq!(record.offset(), read);
        read += record.encoded_len();
        let _ = (record.value().to_string(), record.ucum().to_string(), record.storage(), record.tariff());
        let _ = (record.subunit(), record.qualifiers().count(), record.record_error());
    }
    assert!(records.next().is_none());
    assert_eq!(read + records.rest().len(), octets.len(), "what was not read is left");
    count
}

#[test]
fn manufacturer_data_longer_than_any_record() {
    // They were copied into a record of 234 octets.
    let records = [&[0x01, 0x13, 0x05, 0x0F][..], &[0xAA; 240]].concat();
    let all: Vec<Record<'_>> = Records::new(&records).map(Result::unwrap).collect();
    assert_eq!((all.len(), all[1].data().len()), (2, 240));
    assert_eq!(all[1].kind(), RecordKind::Manufacturer { more_follow: false });
}

#[test]
fn units_as_text_of_every_length() {
    // The length of 128 was off by one.
    for length in [0usize, 1, 9, 10, 127, 128, 254, 255] {
        let octets = [&[0x01, 0x7C, length as u8][..], &vec![b'x'; length], &[0x05]].concat();
        let all: Vec<Record<'_>> = Records::new(&octets).map(Result::unwrap).collect();
        assert_eq!(all.len(), 1, "{length}");
        assert_eq!(all[0].vib().plain_text().unwrap().chars().count(), length);
        assert_eq!(all[0].value().to_string(), "5");
        for end in 1..octets.len() {
            assert!(Records::new(&octets[..end]).any(|record| record.is_err()), "{length} cut at {end}");
        }
    }
}

#[test]
fn lengths_of_link_frames_that_lie() {
    for length in 0..=255u8 {
        for octets in [
            vec![0x68, length, length, 0x68],
            vec![0x68, length, length, 0x68, 0x08, 0x01, 0x72, 0x16],
            vec![0x68, length, length.wrapping_add(1), 0x68, 0x08, 0x01, 0x72, 0x7B, 0x16],
            vec![length, 0x44, 0x93, 0x15],
            wireless(&[0x78]).into_iter().enumerate().map(|(n, o)| if n == 0 { length } else { o }).collect(),
        ] {
            let mut buffer = octets.clone();
            let fits = octets[0] == octets.len() as u8 - 1 && octets.len() > 10;
            assert_eq!(Telegram::decode(&mut buffer, &NoKeys).is_ok(), fits, "{octets:02X?}");
            let _ = (peek(&octets), Telegram::guess(&octets));
        }
    }
}

#[test]
fn a_record_that_consumes_nothing() {
    // A decoder that did not move on ran for ever. All heads of two octets, then all sorts of ends.
    for dif in 0..=255u8 {
        for next in 0..=255u8 {
            for tail in [&[][..], &[0x00], &[0xFF; 3], &[0x0D, 0xE0, 0x2F, 0x2F, 0x80]] {
                assert!(exhaust(&[&[dif, next], tail].concat()) <= 7);
            }
        }
    }
}

#[test]
fn offsets_beyond_a_byte() {
    // Offsets of eight bits wrapped at 256: chains of the longest text that a frame can hold, and one that cannot be.
    for (first, second) in [(0xBF, 0x20), (0xBF, 0xBF)] {
        let octets = [
            &[0x0D, 0xFD, 0x11, first][..],
            &vec![b'a'; usize::from(first)],
            &[0x0D, 0xFD, 0x11, second],
            &vec![b'b'; usize::from(second)],
            &[0x01, 0x13, 0x05],
        ]
        .concat();
        let all: Vec<Record<'_>> = Records::new(&octets).map(Result::unwrap).collect();
        assert_eq!((all.len(), all[2].value().to_string().as_str()), (3, "0.005"));
        assert_eq!(all[2].offset(), octets.len() - 3);
    }
}

#[test]
fn a_ci_without_records_gives_none() {
    // Unknown CIs were read as records.
    let records = [0x01, 0x13, 0x05, 0x01, 0x13, 0x06];
    for ci in 0..=255u8 {
        let carries = matches!(CiField(ci).content(), Content::FullFrame | Content::Command);
        for mut octets in [wired(&[&[ci], &records[..]].concat()), wireless(&[&[ci], &records[..]].concat())]
        {
            if let Ok(telegram) = Telegram::decode(&mut octets, &NoKeys) {
                assert!(carries || telegram.records().next().is_none(), "{ci:02X}");
            }
        }
    }
}

#[test]
fn every_octet_at_every_place() {
    // VIF 7D was thought to be impossible.
    let octets = [
        0x8C, 0x10, 0x93, 0x7D, 0x78, 0x56, 0x34, 0x12, 0x04, 0x6D, 0x32, 0x37, 0x1F, 0x15, 0x0D, 0xFD, 0x11,
        0x02, 0x62, 0x61, 0x02, 0x7C, 0x01, 0x25, 0x05, 0x00, 0x05, 0x5B, 0x00, 0x00, 0xAC, 0x41,
    ];
    for place in 0..octets.len() {
        for octet in 0..=255 {
            let mut changed = octets;
            changed[place] = octet;
            exhaust(&changed);
        }
    }
}

#[test]
fn variable_data_of_no_length() {
    // A printed telegram whose last record is LVAR E0: the length of nothing was subtracted from.
    let mut octets =
        *b"\x68\x12\x12\x68\x08\x00\x72\x31\x77\x67\x17\x2d\x2c\x01\x02\x00\x00\x00\x00\x7d\x2f\xe0\x88\x16";
    let telegram = Telegram::decode(&mut octets, &NoKeys).unwrap();
    assert_eq!(telegram.records().map(|record| record.unwrap().value()).collect::<Vec<_>>(), [Value::None]);
    for lvar in [0x00, 0xC0, 0xD0, 0xE0] {
        let octets = [0x0D, 0x13, lvar, 0x01, 0x13, 0x05];
        assert_eq!(Records::new(&octets).filter(Result::is_ok).count(), 2, "{lvar:02X}");
    }
}

#[test]
fn the_longest_chains() {
    // Ten DIFE and ten VIFE of all ones are a record, one more is none; no array holds them.
    let chain = |difes: usize, vifes: usize| {
        let (mut dib, mut vib) = (vec![0xC1; 1 + difes], vec![0xFD; 1 + vifes]);
        dib[1..].fill(0xFF);
        vib[1..].fill(0xFF);
        *dib.last_mut().unwrap() &= 0x7F;
        *vib.last_mut().unwrap() &= 0x7F;
        [dib, vib, vec![0x05]].concat()
    };
    let octets = chain(10, 10);
    let record = Records::new(&octets).next().unwrap().unwrap();
    assert_eq!(
        (record.storage(), record.tariff(), record.subunit()),
        ((1 << 41) - 1, (1 << 20) - 1, (1 << 10) - 1)
    );
    for (difes, vifes, kind) in [(11, 1, ErrorKind::TooManyDife), (1, 12, ErrorKind::TooManyVife)] {
        assert_eq!(Records::new(&chain(difes, vifes)).next().unwrap().unwrap_err().kind, kind);
    }
    assert!(exhaust(&[0xFF; 250]) == 1 && exhaust(&[0x81; 250]) == 1);
}

#[test]
fn dif_00_with_and_without_a_vib() {
    // No data: with a VIF it is a record without a value; at the end of a telegram meters fill with zeros.
    let all: Vec<Record<'_>> = Records::new(&[0x00, 0x13, 0x01, 0x13, 0x05]).map(Result::unwrap).collect();
    assert_eq!((all.len(), all[0].value(), all[1].value().to_string().as_str()), (2, Value::None, "0.005"));
    assert_eq!(exhaust(&[0x01, 0x13, 0x05, 0x00]), 1);
    assert_eq!(exhaust(&[0x00; 40]), 0);
    assert_eq!(exhaust(&[0x00, 0x00, 0x00, 0x13]), 2, "zeros with something behind them are records");
}

#[test]
fn every_ci_with_every_length() {
    // A header of four octets was taken for one of twelve.
    for ci in 0..=255u8 {
        for length in 0..=40usize {
            for filling in [0x00, 0x2F, 0xFF, 0x05] {
                let payload = [&[ci][..], &vec![filling; length]].concat();
                for mut octets in [wired(&payload), wireless(&payload)] {
                    let lax = Telegram::decode_lax(&mut octets, Telegram::guess(&payload), &NoKeys);
                    let _ = (lax.telegram.records().count(), lax.telegram.more_follow());
                    if let Ok(telegram) = Telegram::decode(&mut octets, &NoKeys) {
                        assert!(telegram.body_offset() <= octets_len(&telegram));
                        exhaust(telegram.body());
                    }
                }
            }
        }
    }
}

fn octets_len(telegram: &Telegram<'_>) -> usize {
    telegram.octets().len()
}

#[test]
fn layers_out_of_order_are_refused() {
    // Each layer at most once and before those above it: otherwise a telegram could nest without end.
    const ELL: &[u8] = &[0x8C, 0x20, 0x01];
    const AFL: &[u8] = &[0x90, 0x02, 0x00, 0x00];
    const NETWORK: &[u8] = &[0x81, 0x1D];
    for layers in [[ELL, ELL], [AFL, AFL], [AFL, ELL], [NETWORK, ELL]] {
        let octets = wireless(&[&layers.concat(), &[0x78, 0x01, 0x13, 0x05][..]].concat());
        let mut buffer = octets.clone();
        match Telegram::decode(&mut buffer, &NoKeys) {
            Ok(telegram) => assert!(telegram.records().next().is_none(), "{octets:02X?}"),
            Err(error) => assert!(error.offset <= octets.len(), "{error}"),
        }
    }
    assert!(Telegram::decode(&mut wireless(&ELL.repeat(80)), &NoKeys).is_err());
    for (behind, ci) in
        [(&[ELL, ELL].concat(), 0x8C), (&[AFL, AFL].concat(), 0x90), (&[AFL, ELL].concat(), 0x8C)]
    {
        let error = Telegram::decode(&mut wireless(behind), &NoKeys).unwrap_err();
        assert_eq!(error.kind, ErrorKind::LayerOutOfOrder { ci }, "{behind:02X?}");
    }
    // Behind a transport header everything is data.
    let octets = wireless(&[&[0x7A, 1, 0, 0, 0][..], ELL, AFL].concat());
    let telegram_octets = &mut octets.clone();
    let telegram = Telegram::decode(telegram_octets, &NoKeys).unwrap();
    assert_eq!((telegram.layers().count(), telegram.ell(), telegram.afl()), (1, None, None));
}

#[test]
fn a_busy_meter_and_one_without_data() {
    // What libraries took for readings: an application error, a header alone, nothing.
    for behind in [
        &[0x70][..],
        &[0x70, 0x08],
        &[0x6E, 1, 0x01, 0, 0, 0x08],
        &[0x7A, 1, 0x01, 0, 0],
        &[0x78],
        &[0x8A, 1, 0, 0, 0],
    ] {
        let mut octets = wireless(behind);
        let telegram = Telegram::decode(&mut octets, &NoKeys).unwrap();
        assert_eq!(telegram.records().count(), 0, "{behind:02X?}");
    }
}

#[test]
fn factors_cannot_overflow() {
    // Ten factors of ten, up and down, on the largest numbers: exact, or said to be none.
    for (dif, data) in [
        (0x07, vec![0xFF; 8]),
        (0x0E, vec![0x99; 6]),
        (0x0D, [vec![0xEF], vec![0x7F; 15]].concat()),
        (0x05, vec![0xFF, 0xFF, 0x7F, 0x7F]),
    ] {
        for vife in [0xF0, 0xFD, 0xF7, 0xFB, 0xF8] {
            for vif in [0x80, 0x97, 0x9F, 0xC8] {
                let vifes = [vec![vife; 9], vec![vife & 0x7F]].concat();
                exhaust(&[&[dif, vif][..], &vifes, &data].concat());
            }
            let octets = [&[dif, 0xFB, 0xE8][..], &[vife; 8], &[vife & 0x7F], &data].concat();
            exhaust(&octets);
        }
    }
}

#[test]
fn text_cannot_steer_a_terminal() {
    let octets = *b"\x0D\xFD\x11\x05\x6D\x31\x5B\x1B\x07\x02\x7C\x02\x1B\x07\x05\x00";
    for record in Records::new(&octets) {
        let record = record.unwrap();
        let text = format!("{} {}", record.value(), record.ucum());
        assert!(text.chars().all(|c| !c.is_control()), "{text:?}");
    }
}
