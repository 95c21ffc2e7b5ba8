//! Records that most programs print otherwise and that stay as they are here, one test for each kind, with the clause
//! that decides. Octets and meters are made up.

use super::{all, check, one, shown, value};
use mbus_app::record::DataField;
use mbus_app::value::{Invalid, Value};
use mbus_app::vif::Quantity;

/// EN 13757-3:2018, 6.4.8: a record with a record error has no value. Meters fill its data with zeros or with whatever
/// they have; programs that do not know the VIFE print that as a reading.
#[test]
fn a_record_error_leaves_no_value() {
    for (text, code, reason) in [
        // Outputs and inputs that are not there: no data available.
        ("81 C0 40 FD 9A 15 00", 0x15, "record error: no data available (undefined value)"),
        ("C1 40 FD 9B 15 00", 0x15, "record error: no data available (undefined value)"),
        // An operating time and a date with a data error.
        ("0A A6 18 00 00", 0x18, "record error: data error"),
        ("0E ED 18 01 01 01 01 01 10", 0x18, "record error: data error"),
        ("02 FD 97 16 FF FF", 0x16, "record error: data overflow"),
        // 1Ch is a record error; a draft of 2013 had "standard conform content" there, which is 1Dh.
        ("03 FD 97 1C 00 00 00", 0x1C, "record error: premature end of record"),
    ] {
        let record = one(text);
        assert_eq!(record.value(), Value::Invalid(Invalid::RecordError(code)), "{text}");
        assert_eq!((record.value().to_string().as_str(), record.record_error()), (reason, Some(code)));
        assert!(!record.data().is_empty(), "the octets are there for whoever wants them");
    }
}

/// EN 13757-3:2018, table 15, E101 ufnn and E110 0fnn: a duration in the unit of the VIFE, not a flow.
#[test]
fn a_vife_that_says_how_long_makes_a_duration() {
    check(&[
        ("04 BE 50 10 27 00 00", "10000 s"),
        ("04 BE 58 F4 01 00 00", "500 s"),
        ("02 BB 56 10 00", "16 h"),
        ("84 08 BE 58 00 00 00 00", "0 s"),
    ]);
}

/// E110 1f1b: when it happened, not how much it was. 41 million degrees is what the octets of a date look like.
#[test]
fn a_vife_that_says_when_is_no_quantity() {
    check(&[
        ("94 10 DA 6F 32 14 7A 18", "2011-08-26T20:50"),
        ("94 10 DE 6F 2B 0B 69 18", "2011-08-09T11:43"),
    ]);
    for text in ["94 10 AD 6F 00 00 00 00", "94 10 BB 6F 00 00 00 00"] {
        assert_eq!(value(text), Value::Invalid(Invalid::NoSuchMoment), "{text}");
    }
}

/// E010 0101 and E010 100p: the unit is divided, and says so. A power per month is an odd thing, but it is what the meter
/// says; who leaves the factor out prints another quantity.
#[test]
fn factors_of_a_unit_are_part_of_it() {
    check(&[
        ("94 80 01 AE 25 01 00 00 00", "1000 W/mo"),
        ("04 90 28 A0 86 01 00", "0.100000 m3/{pulse}"),
        ("05 FE 28 00 00 80 3F", "1 /{pulse}"),
    ]);
}

/// E111 0nnn counts from the unit of the VIF, which is 1000 varh here and not one.
#[test]
fn a_factor_counts_from_the_unit_of_its_vif() {
    check(&[
        ("04 FB 82 75 3F 00 00 00", "6300 V.A.h{reactive}"),
        ("04 FB 82 F5 3C 0A 00 00 00", "1000 V.A.h{reactive}"),
    ]);
}

/// Annex A, type A: F below the top digit is an error digit. In an identification the digits are kept as they are.
#[test]
fn an_identification_with_hex_digits_is_no_number() {
    check(&[("0E 78 99 86 01 24 01 FF", "FF0124018699")]);
    assert_eq!(value("4B 6E FF FF FF"), Value::Invalid(Invalid::NotAvailable), "all ones of a count");
    assert_eq!(value("0B 6E 65 F6 F6"), Value::Invalid(Invalid::ErrorDigits));
}

/// Table 12, remark k: identifications are unsigned. A message has number 159 and not -97.
#[test]
fn a_message_number_is_unsigned() {
    check(&[("01 FD 08 9F", "159"), ("01 FD 08 80", "128")]);
}

/// Annex A, types F and I: the invalid bit is set, so there is no date. Without it the octets would be the year 2000.
#[test]
fn a_date_with_its_invalid_bit_is_none() {
    for text in ["04 6D 80 00 00 00", "04 6D 80 20 01 01", "04 ED FF 0C 80 00 00 00"] {
        assert_eq!(value(text), Value::Invalid(Invalid::NotAvailable), "{text}");
    }
}

/// A date and time has 3, 4 or 6 octets of integer, or is of type M: not six octets of digits.
#[test]
fn a_date_in_digits_is_none() {
    let record = one("4E ED EB 00 00 00 00 00 00 00");
    assert_eq!((record.value(), record.storage()), (Value::Invalid(Invalid::WrongDataField), 1));
}

/// Text is ISO 8859-1: AAh is the feminine ordinal, the upper bit is not cut off.
#[test]
fn text_has_eight_bits() {
    check(&[("0D FD 10 02 AA B0", "°ª")]);
}

/// Data field 0 has no data, whatever the VIF; a reading of zero would be made up.
#[test]
fn no_data_is_no_zero() {
    let records = all("00 00 00 13 01 13 05");
    assert_eq!((records[0].value(), records[1].value()), (Value::None, Value::None));
    assert_eq!(
        (records[0].quantity(), records[0].dib().data_field()),
        (Quantity::Energy, DataField::NO_DATA)
    );
}

/// VIF 7Fh: what the number means is the manufacturer's, how it is coded follows from the data field (type B).
#[test]
fn numbers_of_a_manufacturer_are_signed() {
    assert_eq!((shown("02 7F 00 AD").as_str(), shown("03 FF 0C 13 00 B2").as_str()), ("-21248", "-5111789"));
}

/// No integer of Annex A is longer than eight octets: of a manufacturer they are a block of data, shown as sent. Where the
/// VIF says what is counted, a number of which both signs agree is a number.
#[test]
fn long_binary_data_of_a_manufacturer_are_octets() {
    check(&[
        ("0D 7F EB 0E 00 00 00 06 04 0C 99 55 00 37", "0E00000006040C99550037"),
        ("0D FF 0C E9 00 00 00 00 00 00 00 00 01", "000000000000000001"),
        ("0D 7F E8 01 00 00 00 00 00 00 00", "1"),
        ("0D 13 E9 00 00 00 00 00 00 00 00 01", "18446744073709551.616 m3"),
        ("0D FD 0B E9 00 00 00 00 00 00 00 00 01", "18446744073709551616"),
    ]);
}
