//! Every line of every VIF table, read through the decoder: unit, power of ten, and how integers are coded.
//! The expected lines are the standard's (EN 13757-3:2018, tables 10 to 18), written down apart from the tables in `src/vif`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::decimal::Decimal;
use mbus_app::record::{Direction, Qualifier, Record, RecordOptions, Records};
use mbus_app::value::{Invalid, Value};
use mbus_app::vif::Quantity;

/// Codes from, to; unit; power of ten of the first code, and by how much it grows per code; type of integers:
/// B signed, C unsigned, D bits, A address, K and L octets, T date or time; r reserved.
type Lines = &'static [(u8, u8, &'static str, i16, i16, char)];

/// VIF alone.
const PRIMARY: Lines = &[
    (0x00, 0x07, "W.h", -3, 1, 'B'),
    (0x08, 0x0F, "J", 0, 1, 'B'),
    (0x10, 0x17, "m3", -6, 1, 'B'),
    (0x18, 0x1F, "kg", -3, 1, 'B'),
    (0x20, 0x20, "s", 0, 0, 'B'),
    (0x21, 0x21, "min", 0, 0, 'B'),
    (0x22, 0x22, "h", 0, 0, 'B'),
    (0x23, 0x23, "d", 0, 0, 'B'),
    (0x24, 0x24, "s", 0, 0, 'B'),
    (0x25, 0x25, "min", 0, 0, 'B'),
    (0x26, 0x26, "h", 0, 0, 'B'),
    (0x27, 0x27, "d", 0, 0, 'B'),
    (0x28, 0x2F, "W", -3, 1, 'B'),
    (0x30, 0x37, "J/h", 0, 1, 'B'),
    (0x38, 0x3F, "m3/h", -6, 1, 'B'),
    (0x40, 0x47, "m3/min", -7, 1, 'B'),
    (0x48, 0x4F, "m3/s", -9, 1, 'B'),
    (0x50, 0x57, "kg/h", -3, 1, 'B'),
    (0x58, 0x5B, "Cel", -3, 1, 'B'),
    (0x5C, 0x5F, "Cel", -3, 1, 'B'),
    (0x60, 0x63, "K", -3, 1, 'B'),
    (0x64, 0x67, "Cel", -3, 1, 'B'),
    (0x68, 0x6B, "bar", -3, 1, 'B'),
    (0x6C, 0x6D, "", 0, 0, 'T'),
    (0x6E, 0x6E, "{HCA}", 0, 0, 'B'),
    (0x6F, 0x6F, "", 0, 0, 'r'),
    (0x70, 0x70, "s", 0, 0, 'B'),
    (0x71, 0x71, "min", 0, 0, 'B'),
    (0x72, 0x72, "h", 0, 0, 'B'),
    (0x73, 0x73, "d", 0, 0, 'B'),
    (0x74, 0x74, "s", 0, 0, 'B'),
    (0x75, 0x75, "min", 0, 0, 'B'),
    (0x76, 0x76, "h", 0, 0, 'B'),
    (0x77, 0x77, "d", 0, 0, 'B'),
    (0x78, 0x79, "", 0, 0, 'C'),
    (0x7A, 0x7A, "", 0, 0, 'A'),
    (0x7B, 0x7F, "", 0, 0, 'B'),
];

/// Behind FBh.
const FB: Lines = &[
    (0x00, 0x01, "W.h", 5, 1, 'B'),
    (0x02, 0x03, "V.A.h{reactive}", 3, 1, 'B'),
    (0x04, 0x05, "V.A.h", 3, 1, 'B'),
    (0x06, 0x06, "", -1, 0, 'B'),
    (0x07, 0x07, "", 0, 0, 'r'),
    (0x08, 0x09, "J", 8, 1, 'B'),
    (0x0A, 0x0B, "", 0, 0, 'r'),
    (0x0C, 0x0F, "cal", 5, 1, 'B'),
    (0x10, 0x11, "m3", 2, 1, 'B'),
    (0x12, 0x13, "", 0, 0, 'r'),
    (0x14, 0x17, "V.A{reactive}", 0, 1, 'B'),
    (0x18, 0x19, "kg", 5, 1, 'C'),
    (0x1A, 0x1B, "%", -1, 1, 'C'),
    (0x1C, 0x1F, "", 0, 0, 'r'),
    (0x20, 0x20, "[cft_i]", 0, 0, 'B'),
    (0x21, 0x21, "[cft_i]", -1, 0, 'B'),
    (0x22, 0x27, "", 0, 0, 'r'),
    (0x28, 0x29, "W", 5, 1, 'B'),
    (0x2A, 0x2B, "deg", -1, 0, 'B'),
    (0x2C, 0x2F, "Hz", -3, 1, 'B'),
    (0x30, 0x31, "J/h", 8, 1, 'B'),
    (0x32, 0x33, "", 0, 0, 'r'),
    (0x34, 0x37, "V.A", 0, 1, 'B'),
    (0x38, 0x67, "", 0, 0, 'r'),
    (0x68, 0x68, "{HCA}", -12, 0, 'H'),
    (0x69, 0x69, "W", 0, 0, 'C'),
    (0x6A, 0x6E, "", -12, 0, 'H'),
    (0x6F, 0x73, "", 0, 0, 'r'),
    (0x74, 0x77, "Cel", -3, 1, 'B'),
    (0x78, 0x7F, "W", -3, 1, 'B'),
];

/// Behind FDh.
const FD: Lines = &[
    (0x00, 0x03, "{currency}", -3, 1, 'B'),
    (0x04, 0x07, "{currency}", -3, 1, 'B'),
    (0x08, 0x16, "", 0, 0, 'C'),
    (0x17, 0x18, "", 0, 0, 'D'),
    (0x19, 0x19, "", 0, 0, 'C'),
    (0x1A, 0x1B, "", 0, 0, 'D'),
    (0x1C, 0x1C, "Bd", 0, 0, 'C'),
    (0x1D, 0x1D, "{bittime}", 0, 0, 'C'),
    (0x1E, 0x1E, "", 0, 0, 'C'),
    (0x1F, 0x1F, "", 0, 0, 'D'),
    (0x20, 0x23, "", 0, 0, 'C'),
    (0x24, 0x24, "s", 0, 0, 'B'),
    (0x25, 0x25, "min", 0, 0, 'B'),
    (0x26, 0x26, "h", 0, 0, 'B'),
    (0x27, 0x27, "d", 0, 0, 'B'),
    (0x28, 0x28, "mo", 0, 0, 'B'),
    (0x29, 0x29, "a", 0, 0, 'B'),
    (0x2A, 0x2A, "", 0, 0, 'B'),
    (0x2B, 0x2C, "s", 0, 0, 'C'),
    (0x2D, 0x2D, "min", 0, 0, 'C'),
    (0x2E, 0x2E, "h", 0, 0, 'C'),
    (0x2F, 0x2F, "d", 0, 0, 'C'),
    (0x30, 0x30, "", 0, 0, 'T'),
    (0x31, 0x31, "min", 0, 0, 'C'),
    (0x32, 0x32, "h", 0, 0, 'C'),
    (0x33, 0x33, "d", 0, 0, 'C'),
    (0x34, 0x34, "s", 0, 0, 'B'),
    (0x35, 0x35, "min", 0, 0, 'B'),
    (0x36, 0x36, "h", 0, 0, 'B'),
    (0x37, 0x37, "d", 0, 0, 'B'),
    (0x38, 0x38, "mo", 0, 0, 'B'),
    (0x39, 0x39, "a", 0, 0, 'B'),
    (0x3A, 0x3B, "", 0, 0, 'B'),
    (0x3C, 0x3C, "s", 0, 0, 'C'),
    (0x3D, 0x3D, "min", 0, 0, 'C'),
    (0x3E, 0x3E, "h", 0, 0, 'C'),
    (0x3F, 0x3F, "d", 0, 0, 'C'),
    (0x40, 0x4F, "V", -9, 1, 'B'),
    (0x50, 0x5F, "A", -12, 1, 'B'),
    (0x60, 0x62, "", 0, 0, 'B'),
    (0x63, 0x64, "", 0, 0, 'C'),
    (0x65, 0x65, "", 0, 0, 'T'),
    (0x66, 0x66, "", 0, 0, 'C'),
    (0x67, 0x67, "", 0, 0, 'B'),
    (0x68, 0x68, "h", 0, 0, 'B'),
    (0x69, 0x69, "d", 0, 0, 'B'),
    (0x6A, 0x6A, "mo", 0, 0, 'B'),
    (0x6B, 0x6B, "a", 0, 0, 'B'),
    (0x6C, 0x6C, "h", 0, 0, 'B'),
    (0x6D, 0x6D, "d", 0, 0, 'B'),
    (0x6E, 0x6E, "mo", 0, 0, 'B'),
    (0x6F, 0x6F, "a", 0, 0, 'B'),
    (0x70, 0x70, "", 0, 0, 'T'),
    (0x71, 0x71, "dB[mW]", 0, 0, 'B'),
    (0x72, 0x72, "", 0, 0, 'K'),
    (0x73, 0x73, "", 0, 0, 'L'),
    (0x74, 0x74, "d", 0, 0, 'C'),
    (0x75, 0x75, "", 0, 0, 'C'),
    (0x76, 0x76, "", 0, 0, 'B'),
    (0x77, 0x7C, "", 0, 0, 'r'),
    (0x7D, 0x7D, "", 0, 0, 'B'),
    (0x7E, 0x7F, "", 0, 0, 'r'),
];

/// Behind FDh FDh.
const FD_FD: Lines = &[
    (0x00, 0x00, "", 0, 0, 'B'),
    (0x01, 0x01, "", 0, 0, 'r'),
    (0x02, 0x02, "mo", 0, 0, 'C'),
    (0x03, 0x03, "a", 0, 0, 'C'),
    (0x04, 0x3D, "", 0, 0, 'r'),
    (0x3E, 0x3E, "%", 0, 0, 'B'),
    (0x3F, 0x7F, "", 0, 0, 'r'),
];

/// Behind FBh until 2004.
const LEGACY_FB: Lines = &[
    (0x22, 0x23, "[gal_us]", -1, 1, 'B'),
    (0x24, 0x24, "[gal_us]/min", -3, 0, 'B'),
    (0x25, 0x25, "[gal_us]/min", 0, 0, 'B'),
    (0x26, 0x26, "[gal_us]/h", 0, 0, 'B'),
    (0x58, 0x5B, "[degF]", -3, 1, 'B'),
    (0x5C, 0x5F, "[degF]", -3, 1, 'B'),
    (0x60, 0x63, "[degF]", -3, 1, 'B'),
    (0x64, 0x67, "[degF]", -3, 1, 'B'),
    (0x70, 0x73, "[degF]", -3, 1, 'B'),
];

/// What a VIFE does to a volume in litres.
#[derive(Clone, Copy, Debug)]
enum Does {
    Plain,
    Error,
    Date,
    Count,
    Duration(&'static str),
    Times(i16),
    Plus(i16),
    Per(&'static str),
    NonMetric,
    Unsigned,
    Bits,
    Skip,
}
use Does::*;

/// VIFEs from a device.
const MAIN: &[(u8, u8, Does)] = &[
    (0x00, 0x00, Plain),
    (0x01, 0x07, Error),
    (0x08, 0x0A, Plain),
    (0x0B, 0x0F, Error),
    (0x10, 0x14, Plain),
    (0x15, 0x1C, Error),
    (0x1D, 0x1F, Plain),
    (0x20, 0x20, Per("/s")),
    (0x21, 0x21, Per("/min")),
    (0x22, 0x22, Per("/h")),
    (0x23, 0x23, Per("/d")),
    (0x24, 0x24, Per("/wk")),
    (0x25, 0x25, Per("/mo")),
    (0x26, 0x26, Per("/a")),
    (0x27, 0x27, Per("/{rev}")),
    (0x28, 0x2B, Per("/{pulse}")),
    (0x2C, 0x2C, Per("/L")),
    (0x2D, 0x2D, Per("/m3")),
    (0x2E, 0x2E, Per("/kg")),
    (0x2F, 0x2F, Per("/K")),
    (0x30, 0x30, Per("/(kW.h)")),
    (0x31, 0x31, Per("/GJ")),
    (0x32, 0x32, Per("/kW")),
    (0x33, 0x33, Per("/(K.L)")),
    (0x34, 0x34, Per("/V")),
    (0x35, 0x35, Per("/A")),
    (0x36, 0x36, Per(".s")),
    (0x37, 0x37, Per(".s/V")),
    (0x38, 0x38, Per(".s/A")),
    (0x39, 0x39, Date),
    (0x3A, 0x3C, Plain),
    (0x3D, 0x3D, NonMetric),
    (0x3E, 0x3E, Plain),
    (0x3F, 0x3F, Unsigned),
    (0x40, 0x40, Plain),
    (0x41, 0x41, Count),
    (0x42, 0x43, Date),
    (0x44, 0x45, Plain),
    (0x46, 0x47, Date),
    (0x48, 0x48, Plain),
    (0x49, 0x49, Count),
    (0x4A, 0x4B, Date),
    (0x4C, 0x4D, Plain),
    (0x4E, 0x4F, Date),
    (0x50, 0x50, Duration("s")),
    (0x51, 0x51, Duration("min")),
    (0x52, 0x52, Duration("h")),
    (0x53, 0x53, Duration("d")),
    (0x54, 0x54, Duration("s")),
    (0x55, 0x55, Duration("min")),
    (0x56, 0x56, Duration("h")),
    (0x57, 0x57, Duration("d")),
    (0x58, 0x58, Duration("s")),
    (0x59, 0x59, Duration("min")),
    (0x5A, 0x5A, Duration("h")),
    (0x5B, 0x5B, Duration("d")),
    (0x5C, 0x5C, Duration("s")),
    (0x5D, 0x5D, Duration("min")),
    (0x5E, 0x5E, Duration("h")),
    (0x5F, 0x5F, Duration("d")),
    (0x60, 0x60, Duration("s")),
    (0x61, 0x61, Duration("min")),
    (0x62, 0x62, Duration("h")),
    (0x63, 0x63, Duration("d")),
    (0x64, 0x64, Duration("s")),
    (0x65, 0x65, Duration("min")),
    (0x66, 0x66, Duration("h")),
    (0x67, 0x67, Duration("d")),
    (0x68, 0x69, Plain),
    (0x6A, 0x6B, Date),
    (0x6C, 0x6D, Plain),
    (0x6E, 0x6F, Date),
    (0x70, 0x70, Times(-6)),
    (0x71, 0x71, Times(-5)),
    (0x72, 0x72, Times(-4)),
    (0x73, 0x73, Times(-3)),
    (0x74, 0x74, Times(-2)),
    (0x75, 0x75, Times(-1)),
    (0x76, 0x76, Times(0)),
    (0x77, 0x77, Times(1)),
    (0x78, 0x78, Plus(-3)),
    (0x79, 0x79, Plus(-2)),
    (0x7A, 0x7A, Plus(-1)),
    (0x7B, 0x7B, Plus(0)),
    (0x7C, 0x7C, Skip),
    (0x7D, 0x7D, Times(3)),
    (0x7E, 0x7F, Plain),
];

/// VIFEs behind VIFE FCh.
const COMBINABLE: &[(u8, u8, Does)] = &[
    (0x00, 0x10, Plain),
    (0x11, 0x11, Unsigned),
    (0x12, 0x12, Bits),
    (0x13, 0x13, Date),
    (0x14, 0x7F, Plain),
];

fn only(octets: &[u8], options: RecordOptions) -> Record<'_> {
    let mut records = Records::with_options(octets, options);
    let record = records.next().unwrap().unwrap();
    assert!(records.next().is_none(), "{octets:02X?}");
    record
}

fn check(head: &[u8], lines: Lines, options: RecordOptions) {
    let mut codes = 0;
    for &(first, last, unit, power, step, kind) in lines {
        for (code, n) in (first..=last).zip(0i16..) {
            codes += 1;
            let vib = [head, &[code]].concat();
            // VIF 7Ch has text behind it, 7Bh and 7Dh point nowhere without an extension bit.
            if head.is_empty() && code == 0x7C {
                continue;
            }
            let octets = [&[0x04], &vib[..], &[0xFE, 0xFF, 0xFF, 0xFF]].concat();
            let record = only(&octets, options);
            let what = format!("{vib:02X?}");
            assert_eq!(record.unit().ucum(), unit, "{what}");
            let exponent = power + n * step;
            let number = |mantissa| Value::Number(Decimal::new(mantissa, exponent));
            match kind {
                'B' | 'r' => assert_eq!(record.value(), number(-2), "{what}"),
                // An address of four octets is a plain number, types L and K have lengths of their own.
                'C' | 'A' => assert_eq!(record.value(), number(0xFFFF_FFFE), "{what}"),
                'L' => assert_eq!(record.value(), number(-2), "{what}"),
                'H' => assert_eq!(record.value(), number(0xFFFF_FFFE * 244_140_625), "{what}"),
                'D' => assert!(matches!(record.value(), Value::Bits(_)), "{what}"),
                'T' => assert!(matches!(record.value(), Value::Invalid(_)), "{what}"),
                _ => assert!(matches!(record.value(), Value::Octets(_)), "{what}"),
            }
            assert_eq!(record.quantity() == Quantity::Reserved, kind == 'r', "{what}");
            // Decimal digits do not care for the type of integers.
            let octets = [&[0x0A], &vib[..], &[0x23, 0x01]].concat();
            match (kind, only(&octets, options).value()) {
                ('B' | 'r' | 'D' | 'A' | 'K' | 'L', value) => assert_eq!(value, number(123), "{what}"),
                ('C', Value::Digits(digits)) => assert_eq!(digits.to_string(), "0123", "{what}"),
                ('C', value) => assert_eq!(value, number(123), "{what}"),
                ('H', value) => assert_eq!(value, number(123 * 244_140_625), "{what}"),
                ('T', value) => assert_eq!(value, Value::Invalid(Invalid::WrongDataField), "{what}"),
                (_, value) => assert!(matches!(value, Value::Octets(_)), "{what}"),
            }
        }
    }
    assert_eq!(codes, if options.legacy_tables { 25 } else { 128 });
}

#[test]
fn every_line_of_the_vif_tables() {
    let options = RecordOptions::default();
    check(&[], PRIMARY, options);
    check(&[0xFB], FB, options);
    check(&[0xFD], FD, options);
    check(&[0xFD, 0xFD], FD_FD, options);
}

#[test]
fn codes_until_2004_are_read_when_asked_for() {
    check(&[0xFB], LEGACY_FB, RecordOptions { legacy_tables: true, ..RecordOptions::default() });
}

#[test]
fn dates_take_their_type_from_the_data_field() {
    for (vib, types) in [
        (&[0x6C][..], &["02"][..]),
        (&[0x6D], &["03", "04", "06"]),
        (&[0xFD, 0x30], &["02", "03", "04", "06"]),
        (&[0xFD, 0x70], &["02", "03", "04", "06"]),
        (&[0xFD, 0x65], &["02", "03", "04", "06"]),
        (&[0x93, 0x39], &["02", "03", "04", "06"]),
    ] {
        for (dif, data, text) in [
            ("01", &[0x01][..], ""),
            ("02", &[0x41, 0x11], "2010-01-01"),
            ("03", &[0x0C, 0x0D, 0x01], "01:13:12"),
            ("04", &[0x32, 0x37, 0x1F, 0x15], "2008-05-31T23:50"),
            ("06", &[0x00, 0x00, 0xA0, 0x41, 0x11, 0x35], "2010-01-01T00:00:00"),
            ("07", &[1, 2, 3, 4, 5, 6, 7, 8], ""),
        ] {
            let octets = [&[dif.as_bytes()[1] & 0x0F], vib, data].concat();
            let value = only(&octets, RecordOptions::default()).value();
            if types.contains(&dif) {
                assert_eq!(value.to_string(), text, "{octets:02X?}");
            } else {
                assert_eq!(value, Value::Invalid(Invalid::WrongDataField), "{octets:02X?}");
            }
        }
    }
}

fn qualified(head: &[u8], lines: &[(u8, u8, Does)]) {
    let mut codes = 0;
    for &(first, last, does) in lines {
        for code in first..=last {
            codes += 1;
            let octets = [&[0x04, 0x93], head, &[code, 0xFE, 0xFF, 0xFF, 0xFF]].concat();
            let record = only(&octets, RecordOptions::default());
            let number = |mantissa, exponent| Value::Number(Decimal::new(mantissa, exponent));
            let (unit, value) = match does {
                Plain => ("m3".to_owned(), number(-2, -3)),
                Error => ("m3".to_owned(), Value::Invalid(Invalid::RecordError(code))),
                Date => (String::new(), Value::Invalid(Invalid::NotAvailable)),
                Count => (String::new(), number(-2, 0)),
                Duration(unit) => (unit.to_owned(), number(-2, 0)),
                Times(power) => ("m3".to_owned(), number(-2, power - 3)),
                Plus(power) => {
                    let sum = Decimal::new(-2, -3).checked_add(Decimal::new(1, power)).unwrap();
                    ("m3".to_owned(), Value::Number(sum))
                }
                Per(factor) => (format!("m3{factor}"), number(-2, -3)),
                NonMetric => ("[gal_us]".to_owned(), number(-2, 0)),
                Unsigned => ("m3".to_owned(), number(0xFFFF_FFFE, -3)),
                Bits => {
                    assert!(matches!(record.value(), Value::Bits(_)));
                    continue;
                }
                Skip => continue,
            };
            assert_eq!(record.ucum().to_string(), unit, "{octets:02X?}");
            assert_eq!(record.value(), value, "{octets:02X?}");
            assert_eq!(record.record_error().is_some(), matches!(does, Error), "{octets:02X?}");
            assert_eq!(record.quantity(), Quantity::Volume);
        }
    }
    assert_eq!(codes, 128);
}

#[test]
fn every_line_of_the_qualifier_tables() {
    qualified(&[], MAIN);
    qualified(&[0xFC], COMBINABLE);
}

#[test]
fn actions_to_a_device_are_no_errors() {
    let options = RecordOptions { direction: Direction::ToDevice, ..RecordOptions::default() };
    for code in 0..=0x0F {
        let octets = [0x01, 0x93, code, 0x05];
        let record = only(&octets, options);
        assert_eq!(record.qualifiers().next(), Some(Qualifier::Action(code)));
        assert_eq!(record.value(), Value::Number(Decimal::new(5, -3)));
        assert!(record.record_error().is_none());
        assert!(!record.qualifiers().next().unwrap().name().is_empty());
    }
}
