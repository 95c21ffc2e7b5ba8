//! What the published parts of the standards leave open: it is read, as octets where need be, and is no reason to refuse
//! a telegram; a builder refuses to write it and says so.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "tests")]

use mbus_app::application_error::{ApplicationError, ErrorCode};
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::command::{ApplicationSelect, ClockCommand};
use mbus_app::decimal::Decimal;
use mbus_app::record::builder::{Content, NewVib, RecordBuilder, Register, Unbuildable};
use mbus_app::record::{Qualifier, Records};
use mbus_app::telegram::builder::TelegramBuilder;
use mbus_app::value::{Invalid, TimeM, Value};
use mbus_app::vif::{Quantity, Unit};
use mbus_app::{ErrorKind, Telegram};
use oms_security::key::NoKeys;

/// A record of each open point as octets, and how it is read.
#[test]
fn records_are_read() {
    let k = [0x04, 0xFD, 0x72, 1, 2, 3, 4];
    let l = [0x0D, 0xFD, 0x73, 0xEB, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    let m = [0x0D, 0x6D, 0xE2, 0x03, 0x31];
    let sign = [0x0D, 0x16, 0xE2, 0x00, 0x80];
    let digits = [0x0A, 0x16, 0x23, 0xC1];
    let cases: [(&[u8], Value<'_>); 5] = [
        (&k, Value::Octets(&k[3..])),
        (&l, Value::Octets(&l[4..])),
        (&m, Value::TimeM(TimeM(&m[3..]))),
        (&sign, Value::Octets(&sign[3..])),
        (&digits, Value::Invalid(Invalid::ErrorDigits)),
    ];
    for (octets, value) in cases {
        let records: Vec<_> = Records::new(octets).collect::<Result<_, _>>().unwrap();
        assert_eq!((records.len(), records[0].value()), (1, value), "{octets:02X?}");
        // What was read is written again as octets: nobody has to know what they say.
        assert_eq!(RecordBuilder::from(&records[0]).encode_into(&mut [0; 16]).unwrap(), octets);
    }
}

#[test]
fn records_are_refused_by_name() {
    let record = |quantity, unit, value| {
        RecordBuilder::new(Register::default(), NewVib::Of(quantity, unit, &[]), value)
    };
    let volume = record(Quantity::Volume, Unit::CubicMetre, Value::Number(Decimal::new(1, 0)));
    let constant = NewVib::Of(Quantity::Volume, Unit::CubicMetre, &[Qualifier::Orthogonal(0x7B)]);
    let declared = NewVib::Of(Quantity::Volume, Unit::CubicMetre, &[Qualifier::Orthogonal(0x3F)]);
    for (name, record) in [
        ("type K", record(Quantity::DaylightSavingBeginEndDeviation, Unit::None, Value::Octets(&[0; 4]))),
        ("type L", record(Quantity::ListeningWindowManagement, Unit::None, Value::Octets(&[0; 11]))),
        ("type M", record(Quantity::DateAndTime, Unit::None, Value::TimeM(TimeM(&[3, 0x31])))),
        ("sign", RecordBuilder { content: Content::VariableBinary(Decimal::new(-1, 0)), ..volume }),
        ("sign", RecordBuilder { content: Content::Value(Value::Octets(&[0; 16])), ..volume }),
        ("digits", RecordBuilder { content: Content::Value(Value::Invalid(Invalid::ErrorDigits)), ..volume }),
        ("constants", RecordBuilder { vib: constant, ..volume }),
        ("OBIS", RecordBuilder { vib: declared, ..volume }),
    ] {
        match record.encoded_len().unwrap_err().kind {
            ErrorKind::CannotBuild(reason @ Unbuildable::Unverified(what)) => {
                assert!(what.contains(name), "{name}: {what}");
                assert!(reason.to_string().starts_with("not settled by the standard"));
            }
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn bodies_are_read_and_refused_by_name() {
    let cases: [(u8, &[u8]); 8] = [
        (0x50, &[0xB0]), // applications on which lists disagree
        (0x50, &[0xF1]),
        (0x50, &[0x12, 0x00]),    // an application above 15
        (0x62, &[0x04, 1, 2, 3]), // TC without meaning
        (0x62, &[0x07]),
        (0x62, &[0x05, 0xE2, 0x03, 0x30]),          // type M in the clock
        (0x6D, &[0x00, 1, 2, 3, 0, 0, 0, 0, 0, 0]), // relative synchronisation
        (0x70, &[0x17]),                            // application errors that no table has
    ];
    for (ci, octets) in cases {
        let body = Body::parse(CiField(ci), octets).unwrap();
        let kept = match body {
            Body::ApplicationSelect(ApplicationSelect::Select { application, block }) => {
                application.0 << 4 | block == octets[0]
            }
            Body::ApplicationSelect(ApplicationSelect::Extended(kept)) | Body::Opaque(kept) => kept == octets,
            Body::Clock(ClockCommand::Unknown { tc, octets: kept }) => [&[tc], kept].concat() == octets,
            Body::Clock(ClockCommand::SetM { tc, time }) => [&[tc, 0xE2], time.0].concat() == octets,
            Body::ApplicationError(ApplicationError { code: ErrorCode(code), data }) => {
                [&[code], data].concat() == octets
            }
            other => panic!("{other:?}"),
        };
        assert!(kept, "{ci:02X} {body:?}");
        let error = body.encode_into(CiField(ci), &mut [0; 32]).unwrap_err();
        assert_eq!(error.kind.name(), "not_published", "{ci:02X} {octets:02X?}");
        assert!(error.to_string().contains("is not published"));
    }
}

#[test]
fn layers_are_no_reason_to_refuse_a_telegram() {
    let head = [0x00, 0x44, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03];
    let frame = |behind: &[u8]| {
        let mut octets = [&head[..], behind].concat();
        octets[0] = u8::try_from(octets.len() - 1).unwrap();
        octets
    };
    // ELL V: nothing behind its CI is read.
    let mut octets = frame(&[0x86, 0x20, 0x07, 1, 2, 3, 0x7A]);
    assert_eq!(mbus_app::peek(&octets).unwrap().meter().unwrap().to_string(), "ELS.12345678.33.03");
    let telegram = Telegram::decode_stripped(&mut octets, &NoKeys).unwrap();
    let ell = telegram.ell_v().unwrap();
    assert_eq!((ell.access_number_guess, ell.rest), (7, &[1, 2, 3, 0x7A][..]));
    assert!(telegram.tpl().is_none() && telegram.body().is_empty() && telegram.ell().is_none());
    assert_eq!(TelegramBuilder::of(&telegram), None);
    // The network layer: what follows it is found, it is not written.
    let mut octets = frame(&[0x81, 0x1D, 0x7A, 0x2A, 0x00, 0x00, 0x00, 0x0C, 0x13, 0x78, 0x56, 0x34, 0x12]);
    let telegram = Telegram::decode_stripped(&mut octets, &NoKeys).unwrap();
    assert_eq!(telegram.network_layer(), Some(&[0x1D][..]));
    assert_eq!(telegram.records().count(), 1);
    let error = TelegramBuilder::of(&telegram).unwrap().encoded_len().unwrap_err();
    assert_eq!(error.kind.name(), "not_published");
}
