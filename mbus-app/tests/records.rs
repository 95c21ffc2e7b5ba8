//! Records that decoders are known to get wrong, one case each, and records cut short everywhere.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::ErrorKind;
use mbus_app::decimal::Decimal;
use mbus_app::record::{
    DataField, Direction, PlainTextOrder, Qualifier, Record, RecordKind, RecordOptions, Records,
};
use mbus_app::value::{Bits, Invalid, Value};
use mbus_app::vif::{Quantity, Unit};
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|p| u8::from_str_radix(core::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
}

fn with<'a>(text: &str, options: RecordOptions) -> Vec<Record<'a>> {
    let octets: &'a [u8] = Box::leak(hex(text).into_boxed_slice());
    Records::with_options(octets, options).map(Result::unwrap).collect()
}

fn all<'a>(text: &str) -> Vec<Record<'a>> {
    with(text, RecordOptions::default())
}

fn one<'a>(text: &str) -> Record<'a> {
    let records = all(text);
    assert_eq!(records.len(), 1, "{text}");
    records[0]
}

/// Value and unit in one line.
fn shown(text: &str) -> String {
    let record = one(text);
    format!("{} {}", record.value(), record.ucum()).trim_end().to_owned()
}

fn failure(text: &str) -> (usize, ErrorKind, usize) {
    let octets = hex(text);
    let mut records = Records::new(&octets);
    let mut read = 0;
    loop {
        match records.next() {
            Some(Ok(_)) => read += 1,
            Some(Err(error)) => {
                assert!(records.next().is_none(), "it is over after an error");
                return (read, error.kind, error.offset);
            }
            None => panic!("{text}: no error"),
        }
    }
}

#[test]
fn variable_length() {
    // C2h: two octets, four digits.
    assert_eq!(shown("0D 13 C2 34 12"), "1.234 m3");
    assert_eq!(shown("0D 13 D2 34 12"), "-1.234 m3");
    assert_eq!(one("0D 13 D2 F4 12").value(), Value::Invalid(Invalid::ErrorDigits), "the sign is in LVAR");
    // Lengths of zero.
    for text in ["0D 78 E0", "0D 78 C0", "0D 13 C0", "0D 13 D0"] {
        assert_eq!(one(text).value(), Value::None, "{text}");
    }
    assert_eq!(shown("0D 78 00"), "");
    // Nine octets stay nine octets; a number of which both readings agree is a number.
    assert_eq!(one("0D 13 E9 FFFFFFFFFFFFFFFFFF").value(), Value::Octets(&[0xFF; 9]));
    assert_eq!(shown("0D 13 E9 000000000000000001"), "18446744073709551.616 m3");
    // E0h to EFh are 0 to 15 octets.
    for lvar in 0xE0..=0xEFu8 {
        let mut octets = vec![0x0D, 0x13, lvar];
        octets.resize(3 + usize::from(lvar & 0x0F), 0x5A);
        octets.extend([0x01, 0x13, 0x05]);
        let records: Vec<_> = Records::new(&octets).map(Result::unwrap).collect();
        assert_eq!((records.len(), records[1].value().to_string().as_str()), (2, "0.005"), "{lvar:02X}");
    }
    // F0h to F6h are 16, 20, 24, 28, 32, 48 and 64 octets.
    for (lvar, len) in [(0xF0, 16), (0xF1, 20), (0xF2, 24), (0xF3, 28), (0xF4, 32), (0xF5, 48), (0xF6, 64)] {
        let mut octets = vec![0x0D, 0x13, lvar];
        octets.resize(3 + len, 0x5A);
        octets.extend([0x01, 0x13, 0x05]);
        let records: Vec<_> = Records::new(&octets).map(Result::unwrap).collect();
        assert_eq!((records.len(), records[0].data().len()), (2, len + 1));
    }
    // Reserved codes have no length: it is over, what was read stays.
    for lvar in (0xCA..=0xCF).chain(0xDA..=0xDF).chain(0xF7..=0xFFu8) {
        let text = format!("01 13 05 0D 13 {lvar:02X} 00");
        assert_eq!(failure(&text), (1, ErrorKind::ReservedLvar { lvar }, 5));
    }
    // Text is sent backwards, containers are not.
    assert_eq!(shown("0D FD 11 03 63 62 61"), "abc");
    assert_eq!(one("0D FD 3B 03 61 62 63").value(), Value::Octets(b"abc"));
    assert_eq!(one("0D FD 76 03 61 62 63").value(), Value::Octets(b"abc"));
}

#[test]
fn dates() {
    assert_eq!(shown("04 6D 00 20 5F 11"), "2010-01-31T00:00", "31 is a day");
    assert_eq!(shown("04 6D 00 20 40 11"), "2010-01-XXT00:00", "0 is every day");
    assert_eq!(shown("04 6D 1E 0C 7F C1"), "1999-01-31T12:30", "hundred-year bits 0, year 99");
    assert_eq!(shown("04 6D 32 37 1F 15"), "2008-05-31T23:50");
    // Hundred-year bits 0 to 3 with the years 0, 80, 81, 99: all that the century rule can say.
    for (hundred, years) in [
        (0u32, ["2000", "2080", "1981", "1999"]),
        (1, ["2000", "2080", "2081", "2099"]),
        (2, ["2100", "2180", "2181", "2199"]),
        (3, ["2200", "2280", "2281", "2299"]),
    ] {
        for (year, expected) in [0u32, 80, 81, 99].into_iter().zip(years) {
            let octets =
                (hundred << 13 | (year & 7) << 21 | (year >> 3) << 28 | 1 << 16 | 1 << 24).to_le_bytes();
            let text = format!("04 6D {:02X}{:02X}{:02X}{:02X}", octets[0], octets[1], octets[2], octets[3]);
            assert_eq!(shown(&text), format!("{expected}-01-01T00:00"), "{text}");
        }
    }
    assert_eq!(shown("06 6D 00 00 A0 5F 11 35"), "2010-01-31T00:00:00", "31 is a day of type I as well");
    assert_eq!(shown("06 6D 00 00 A0 40 11 35"), "2010-01-XXT00:00:00", "and 0 is none");
    assert_eq!(one("04 6D 80 00 00 00").value(), Value::Invalid(Invalid::NotAvailable));
    assert_eq!(one("06 6D 00 80 A0 41 11 35").value(), Value::Invalid(Invalid::NotAvailable));
    assert_eq!(one("02 6C FF FF").value(), Value::Invalid(Invalid::NotAvailable));
    assert_eq!(one("02 6C 00 00").value(), Value::Invalid(Invalid::NoSuchMoment));
    assert_eq!(shown("02 6C 3F A5"), "1981-05-31");
    assert_eq!(shown("06 6D 00 00 A0 41 11 35"), "2010-01-01T00:00:00", "2000 + year");
    // Three octets are a time; the next record is still there.
    let records = all("03 6D 0B 0C 0D 01 13 05");
    assert_eq!(records[0].value().to_string(), "13:12:11");
    assert_eq!(records[1].value().to_string(), "0.005");
}

#[test]
fn decimal_digits_and_marks() {
    assert_eq!(shown("0A 03 23 F1"), "-123 W.h");
    for text in ["0A 03 00 A1", "0A 03 1B 00", "0A 03 23 C1", "0A 03 F3 12", "0A 03 23 FA"] {
        assert_eq!(one(text).value(), Value::Invalid(Invalid::ErrorDigits), "{text}");
    }
    assert_eq!(one("0A 03 FF FF").value(), Value::Invalid(Invalid::NotAvailable));
    assert_eq!(shown("0A 03 00 F0"), "0 W.h", "minus zero");
    assert_eq!(shown("0E 03 99 99 99 99 99 99"), "999999999999 W.h");
    assert_eq!(shown("0E 03 99 99 99 99 99 F9"), "-99999999999 W.h");
    // Numbers that Annex A reserves: the number and a mark.
    for (text, value) in [("01 13 80", "-0.128"), ("02 13 00 80", "-32.768"), ("03 13 00 00 80", "-8388.608")]
    {
        let record = one(text);
        assert_eq!((record.value().to_string().as_str(), record.is_marked_invalid()), (value, true));
    }
    assert!(one("01 FD 2C FF").is_marked_invalid());
    assert!(!one("01 13 FF").is_marked_invalid());
    assert!(!one("01 FD 2C 80").is_marked_invalid());
}

#[test]
fn numbers_are_exact() {
    assert_eq!(shown("07 03 01 00 00 00 00 00 20 00"), "9007199254740993 W.h");
    assert_eq!(shown("07 03 FF FF FF FF FF FF FF 7F"), "9223372036854775807 W.h");
    assert_eq!(shown("07 03 00 00 00 00 00 00 00 80"), "-9223372036854775808 W.h");
    assert_eq!(shown("07 FD 2C FF FF FF FF FF FF FF FF"), "18446744073709551615 s");
    assert_eq!(shown("06 03 FF FF FF FF FF FF"), "-1 W.h");
    assert_eq!(shown("05 5B 00 00 AC 41"), "21.5 Cel");
    assert_eq!(one("05 5B 00 00 C0 7F").value(), Value::Invalid(Invalid::NotAvailable));
    assert_eq!(one("05 5B 00 00 80 7F").value(), Value::Invalid(Invalid::Infinite));
    assert_eq!(one("05 5B 00 00 80 FF").value(), Value::Invalid(Invalid::Infinite));
    assert_eq!(shown("05 5B 00 00 00 80"), "0 Cel", "minus zero");
    // Unsigned where the VIF or VIFE FC 11h says so, bits where they are bits.
    assert_eq!(shown("04 83 FC 11 FF FF FF FF"), "4294967295 W.h");
    assert_eq!(one("02 FD 17 00 80").value(), Value::Bits(Bits(&[0, 0x80])));
    assert_eq!(one("02 FD 1A 01 00").value(), Value::Bits(Bits(&[1, 0])));
    assert_eq!(shown("04 78 FF FF FF FF"), "4294967295");
    assert_eq!(shown("0C 78 05 00 00 00"), "00000005", "leading zeros of an identifier");
    assert_eq!(shown("01 7A FE"), "254");
    assert_eq!(one("06 7A 01 02 03 04 05 06").value(), Value::Octets(&[1, 2, 3, 4, 5, 6]));
}

#[test]
fn units_and_factors() {
    for (text, expected) in [
        ("01 1B 05", "5 kg"),
        ("02 FB 2A 2C 01", "30.0 deg"),
        ("02 FB 2B 2C 01", "30.0 deg"),
        ("02 FB 68 00 10", "1.000000000000 {HCA}"),
        ("02 FB 69 00 10", "4096 W"),
        ("02 FB 6A 00 08", "0.500000000000"),
        ("01 FB 02 05", "5000 V.A.h{reactive}"),
        ("01 FB 35 05", "50 V.A"),
        ("01 FB 79 05", "0.05 W"),
        ("01 FB 1B 05", "5 %"),
        ("01 FB 08 05", "500000000 J"),
        ("01 FB 30 05", "500000000 J/h"),
        ("01 FD 71 C4", "-60 dB[mW]"),
        ("01 FD 6F 05", "5 a"),
        ("01 FD 6C 05", "5 h"),
        ("01 FD 31 05", "5 min"),
        ("01 FD 33 05", "5 d"),
        ("01 FD 34 05", "5 s"),
        ("01 FD 3C 05", "5 s"),
        ("01 FD 3F 05", "5 d"),
        ("01 FD 2F 05", "5 d"),
        ("02 FD 74 90 0E", "3728 d"),
        ("04 FD 70 32 37 1F 15", "2008-05-31T23:50"),
        ("01 93 2C 05", "0.005 m3/L"),
        ("01 AE 30 05", "5000 W/(kW.h)"),
        // All corrections, in the order sent.
        ("01 93 7D 05", "5 m3"),
        ("01 93 F7 74 05", "0.0005 m3"),
        ("01 93 7B 05", "1.005 m3"),
        ("01 93 FB 7D 05", "1005 m3"),
        ("01 93 FD 7B 05", "6 m3"),
        ("01 FD C8 F5 FC 01 05", "0.05 V"),
        // Meanings that are replaced drop unit and exponent.
        ("02 93 39 41 11", "2010-01-01"),
        ("01 B8 59 5A", "90 min"),
        ("01 B8 41 03", "3"),
        ("02 93 6A 41 11", "2010-01-01"),
        ("02 93 6F 41 11", "2010-01-01"),
        ("01 93 6D 05", "0.005 m3"),
        ("01 93 14 05", "0.005 m3"),
        // Non-metric partners; none known means no unit, never the metric one.
        ("01 83 3D 05", "5000 [Btu_th]"),
        ("01 93 3D 05", "5 [gal_us]"),
        ("01 AB 3D 05", "0.005 [Btu_th]/s"),
        ("01 C7 3D 05", "5000 [gal_us]/min"),
        ("01 DB 3D 46", "70 [degF]"),
        ("01 9B 3D 05", "5"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn names_of_qualifiers() {
    let name = |vife: u8| Qualifier::Orthogonal(vife).name();
    assert_eq!(name(0x6A), "date or time of begin of first event");
    assert_eq!(name(0x6B), "date or time of end of first event");
    assert_eq!(name(0x6E), "date or time of begin of last event");
    assert_eq!(name(0x6F), "date or time of end of last event");
    assert_eq!(name(0x4E), "date or time of begin of last upper limit exceed");
    assert_eq!(name(0x4F), "date or time of end of last upper limit exceed");
    assert_eq!(name(0x6D), "overflow values");
    assert_eq!(name(0x14), "relative deviation");
    assert_eq!(name(0x1D), "standard conform data content");
    assert_eq!(one("01 93 0E 05").record_error(), Some(0x0E));
    assert_eq!(one("01 93 1C 05").record_error(), Some(0x1C));
    let options = RecordOptions { direction: Direction::ToDevice, ..RecordOptions::default() };
    let record = with("01 93 0E 05", options)[0];
    assert_eq!((record.record_error(), record.qualifiers().next()), (None, Some(Qualifier::Action(0x0E))));
}

#[test]
fn manufacturer_specific_vifes_are_never_looked_up() {
    let record = one("04 84 FF F2 00 01 00 00 00");
    assert_eq!(record.value(), Value::Number(Decimal::new(1, 1)));
    assert_eq!(record.qualifiers().collect::<Vec<_>>(), [Qualifier::Manufacturer(&[0xFF, 0xF2, 0x00])]);
    let record = one("01 FF 01 05");
    assert_eq!((record.quantity(), record.qualifiers().count()), (Quantity::ManufacturerSpecific, 0));
    assert_eq!(record.value(), Value::Number(Decimal::new(5, 0)));
    let record = one("01 7F 05");
    assert_eq!(record.quantity(), Quantity::ManufacturerSpecific);
}

#[test]
fn text_units() {
    let order = |text: &str, plain_text| {
        let record = with(text, RecordOptions { plain_text, ..RecordOptions::default() })[0];
        format!("{} {}", record.value(), record.ucum())
    };
    // As a wired meter sends it, and as the standard has it.
    for plain_text in [PlainTextOrder::Legacy, PlainTextOrder::Auto] {
        assert_eq!(order("02 FC 03 48 52 25 74 34 12", plain_text), "46.60 %RH");
    }
    for plain_text in [PlainTextOrder::Standard, PlainTextOrder::Auto] {
        assert_eq!(order("01 FC 74 03 48 52 25 05", plain_text), "0.05 %RH");
    }
    for plain_text in [PlainTextOrder::Standard, PlainTextOrder::Legacy, PlainTextOrder::Auto] {
        assert_eq!(order("02 7C 09 65 6D 69 74 20 2E 74 61 62 22 0C", plain_text), "3106 bat. time");
        assert_eq!(order("01 7C 0C 73 72 65 74 74 65 6C 20 63 65 64 31 05", plain_text), "5 1dec letters");
    }
    let long = format!("01 7C C8 {} 05", "41".repeat(200));
    assert_eq!(one(&long).vib().plain_text().unwrap().chars().count(), 200);
}

#[test]
fn special_dif() {
    for dif in [0x3F, 0x4F, 0x5F, 0x6F, 0x8F, 0xFF] {
        let text = format!("01 13 05 {dif:02X} 01 13 05");
        assert_eq!(failure(&text), (1, ErrorKind::ReservedDif { dif }, 3));
    }
    let records = all("01 13 05 1F 01 02");
    assert_eq!(records[1].kind(), RecordKind::Manufacturer { more_follow: true });
    assert_eq!(records[1].data(), [1, 2]);
    assert_eq!(all("0F")[0].kind(), RecordKind::Manufacturer { more_follow: false });
    assert_eq!(all("7F")[0].kind(), RecordKind::GlobalReadout);
    let fillers = RecordOptions { fillers: true, ..RecordOptions::default() };
    assert_eq!(with("2F 2F 01 13 05 2F", fillers).len(), 4);
    assert_eq!(all("2F 2F 01 13 05 2F").len(), 1);
}

#[test]
fn chains() {
    let (dife, vife) = ("84".repeat(10), "93".repeat(11));
    assert_eq!(one(&format!("81 {} 04 13 05", "84".repeat(9))).dib().difes().len(), 10);
    assert_eq!(failure(&format!("81 {dife} 04 13 05")).1, ErrorKind::TooManyDife);
    assert_eq!(one(&format!("01 {} 3B 05", "BB".repeat(10))).vib().vifes().len(), 10);
    assert_eq!(failure(&format!("01 {vife} 3B 05")).1, ErrorKind::TooManyVife);
    assert_eq!(one("86 80 81 00 6D 00 00 A0 41 11 35").storage(), 32);
    assert!(one("86 80 81 00 6D 00 00 A0 41 11 35").dib().is_register());
    // The first and the last storage number.
    assert_eq!(one("C1 8F 8F 8F 8F 8F 8F 8F 8F 8F 0F 13 05").storage(), (1 << 41) - 1);
    // VIFs without a meaning keep their value.
    for text in ["01 6F 05", "01 EF 13 05", "01 7B 05", "01 7D 05", "01 FB 07 05", "01 93 7C 05"] {
        assert_eq!(one(text).value().to_string().replace("0.00", ""), "5", "{text}");
    }
    assert_eq!(one("08 7E").quantity(), Quantity::AnyVif);
    assert_eq!(one("08 7E").dib().data_field(), DataField::SELECTION);
    assert_eq!(one("01 79 05").quantity(), Quantity::EnhancedIdentification);
    // US gallons are read on demand; FBh 23h is one thing or another by edition.
    assert_eq!(one("01 FB 23 05").quantity(), Quantity::Reserved);
    let legacy = RecordOptions { legacy_tables: true, ..RecordOptions::default() };
    assert_eq!(with("01 FB 23 05", legacy)[0].unit(), Unit::UsGallon);
}

#[test]
fn a_bad_value_does_not_end_the_telegram() {
    let records =
        all("0A 03 1B 00  02 6C FF FF  07 6D 0102030405060708  01 93 18 05  05 5B 0000C07F  01 13 05");
    assert_eq!(records.len(), 6);
    assert!(records[..5].iter().all(|record| matches!(record.value(), Value::Invalid(_))));
    assert_eq!(records[5].value().to_string(), "0.005");
}

#[test]
fn every_prefix_of_a_telegram() {
    let text =
        "0C 78 56341200 04 6D 32371F15 84 10 93 3B 05000000 0D FD 11 03 636261 02 7C 02 6162 0500 01 13 05";
    let octets = hex(text);
    let whole: Vec<_> = Records::new(&octets).map(Result::unwrap).collect();
    let begins: Vec<usize> = whole.iter().map(Record::offset).chain([octets.len()]).collect();
    for len in 0..octets.len() {
        let mut records = Records::new(&octets[..len]);
        let read = records.by_ref().take_while(Result::is_ok).count();
        assert_eq!(read, begins.iter().filter(|begin| **begin <= len).count() - 1, "{len}");
        let is_boundary = begins.contains(&len);
        let mut again = Records::new(&octets[..len]);
        let error = again.find_map(Result::err);
        assert_eq!(error.is_none(), is_boundary, "{len}");
        if let Some(error) = error {
            assert!(matches!(error.kind, ErrorKind::Truncated { .. }));
            assert!(error.offset <= len);
            assert_eq!(again.rest().len(), len - begins[read], "the bad record is left");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_end(octets in prop::collection::vec(any::<u8>(), 0..300), to_device in any::<bool>(), legacy in any::<bool>()) {
        let options = RecordOptions {
            direction: if to_device { Direction::ToDevice } else { Direction::FromDevice },
            legacy_tables: legacy,
            fillers: true,
            ..RecordOptions::default()
        };
        let mut at = 0;
        let mut records = Records::with_options(&octets, options);
        while let Some(Ok(record)) = records.next() {
            prop_assert_eq!(record.offset(), at);
            prop_assert!(record.encoded_len() > 0);
            at += record.encoded_len();
            // Printing walks every part.
            let _ = format!("{:?} {} {} {:?}", record, record.value(), record.ucum(), record.qualifiers().collect::<Vec<_>>());
            let _ = (record.is_marked_invalid(), record.record_error());
        }
        prop_assert_eq!(records.rest().len(), octets.len() - at);
    }
}
