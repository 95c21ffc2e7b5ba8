//! Where records and their parts begin and end, and what they are called.

use super::{LEGACY, TO_DEVICE, all, check, failure, octets, one, shown, telegram, value, wireless, with};
use mbus_app::ErrorKind;
use mbus_app::decimal::Decimal;
use mbus_app::record::{DataField, PlainTextOrder, Qualifier, RecordKind, RecordOptions, Records};
use mbus_app::tpl::status::{ApplicationStatus, Status};
use mbus_app::value::{Bits, Value};
use mbus_app::vif::{Quantity, Unit};
use mbus_link::DeviceType;

fn name(vife: u8) -> &'static str {
    Qualifier::Orthogonal(vife).name()
}

/// The standard puts the text behind all VIFEs, many wired meters put it behind the VIF.
#[test]
fn text_units_in_both_orders() {
    let order = |text: &str, plain_text| {
        let record = with(text, RecordOptions { plain_text, ..RecordOptions::default() });
        format!("{} {}", record.value(), record.ucum())
    };
    for plain_text in [PlainTextOrder::Legacy, PlainTextOrder::Auto] {
        assert_eq!(order("02 FC 03 48 52 25 74 34 12", plain_text), "46.60 %RH");
    }
    for plain_text in [PlainTextOrder::Standard, PlainTextOrder::Auto] {
        assert_eq!(order("01 FC 74 03 48 52 25 05", plain_text), "0.05 %RH");
    }
    for plain_text in [PlainTextOrder::Standard, PlainTextOrder::Legacy, PlainTextOrder::Auto] {
        assert_eq!(order("02 7C 09 65 6D 69 74 20 2E 74 61 62 22 0C", plain_text), "3106 bat. time");
    }
    // The record does not end with the telegram: both orders leave the next one whole.
    let records = all("02 FC 03 48 52 25 74 34 12 01 FC 74 03 48 52 25 05 01 13 05");
    assert_eq!((records.len(), records[2].value().to_string().as_str()), (3, "0.005"));
}

#[test]
fn text_units_of_any_length() {
    check(&[("01 7C 0C 73 72 65 74 74 65 6C 20 63 65 64 31 05", "5 1dec letters")]);
    for length in [1, 9, 10, 64, 65, 127, 128, 255] {
        let text = format!("01 7C {length:02X} {} 05", "41".repeat(length));
        assert_eq!(one(&text).vib().plain_text().unwrap().chars().count(), length);
        assert_eq!(one(&text).value().to_string(), "5", "{length}");
    }
}

#[test]
fn text_is_sent_backwards() {
    check(&[("0D FD 11 03 63 62 61", "abc"), ("0D FD 0C 04 34 2D 56 52", "RV-4")]);
}

#[test]
fn containers_are_octets_as_sent() {
    assert_eq!(value("0D FD 3B 03 61 62 63"), Value::Octets(b"abc"));
    assert_eq!(value("0D FD 76 03 61 62 63"), Value::Octets(b"abc"));
    assert_eq!(one("0D FD 3B 01 61").quantity(), Quantity::ContainerWirelessMbus);
}

/// E110 1f1b: f the last event, b the end.
#[test]
fn dates_of_first_and_last_events() {
    assert_eq!(name(0x6A), "date or time of begin of first event");
    assert_eq!(name(0x6B), "date or time of end of first event");
    assert_eq!(name(0x6E), "date or time of begin of last event");
    assert_eq!(name(0x6F), "date or time of end of last event");
}

#[test]
fn dates_of_limits() {
    assert_eq!(name(0x42), "date or time of begin of first lower limit exceed");
    assert_eq!(name(0x4A), "date or time of begin of first upper limit exceed");
    assert_eq!(name(0x4E), "date or time of begin of last upper limit exceed");
    assert_eq!(name(0x4F), "date or time of end of last upper limit exceed");
    assert_eq!((name(0x4C), name(0x4D)), ("reserved", "reserved"));
}

/// 6Dh is a value, its neighbours are dates.
#[test]
fn overflow_values_stay_values() {
    assert_eq!(name(0x6D), "overflow values");
    check(&[
        ("02 93 6D 41 11", "4.417 m3"),
        ("02 93 6A 41 11", "2010-01-01"),
        ("02 93 6F 41 11", "2010-01-01"),
    ]);
}

#[test]
fn vife_14_is_a_deviation() {
    assert_eq!(name(0x14), "relative deviation");
    check(&[("01 93 14 05", "0.005 m3")]);
}

/// As in the edition of 2018, not as in drafts before it.
#[test]
fn vife_1c_to_1f() {
    assert_eq!(one("01 93 1C 05").record_error(), Some(0x1C));
    assert_eq!(name(0x1C), "premature end of record");
    assert_eq!(name(0x1D), "standard conform data content");
    assert_eq!(name(0x1E), "compact profile with register numbers");
    assert_eq!(name(0x1F), "compact profile");
    assert_eq!(one("02 FD 97 1D 01 00").record_error(), None);
}

/// The same codes are errors from a device and actions to it.
#[test]
fn vife_00_to_0f_depend_on_the_direction() {
    for code in 0..=0x0F {
        let text = format!("01 93 {code:02X} 05");
        let record = with(&text, TO_DEVICE);
        assert_eq!(record.qualifiers().next(), Some(Qualifier::Action(code)));
        assert_eq!((record.record_error(), record.value()), (None, Value::Number(Decimal::new(5, -3))));
        assert_eq!(one(&text).qualifiers().next(), Some(Qualifier::Orthogonal(code)));
    }
    assert_eq!(Qualifier::Action(0x01).name(), "add value");
    assert_eq!(name(0x01), "too many DIFEs");
}

#[test]
fn vife_0e_is_a_mismatch() {
    assert_eq!(one("01 93 0E 05").record_error(), Some(0x0E));
    assert_eq!(name(0x0E), "VIF/DIF mismatch");
}

/// What stands behind VIF FFh has no name here, whatever the code.
#[test]
fn vifes_of_a_manufacturer_are_not_looked_up() {
    for code in 0..=0x7Fu8 {
        let record = one(&format!("01 FF {code:02X} 05"));
        assert_eq!((record.quantity(), record.qualifiers().count()), (Quantity::ManufacturerSpecific, 0));
        assert_eq!(record.value(), Value::Number(Decimal::new(5, 0)), "{code:02X}");
    }
    assert_eq!(one("01 7F 05").quantity(), Quantity::ManufacturerSpecific);
}

/// F2h and 00h behind FFh would be a factor and an error.
#[test]
fn vifes_behind_7f_are_the_manufacturers() {
    let record = one("04 84 FF F2 00 01 00 00 00");
    assert_eq!(record.value(), Value::Number(Decimal::new(1, 1)));
    assert_eq!(record.qualifiers().collect::<Vec<_>>(), [Qualifier::Manufacturer(&[0xFF, 0xF2, 0x00])]);
    // What stands before it counts.
    check(&[("01 93 F4 FF 73 05", "0.00005 m3")]);
}

#[test]
fn reserved_special_difs_end_the_records() {
    for dif in [0x3F, 0x4F, 0x5F, 0x6F] {
        let text = format!("01 13 05 {dif:02X} 01 13 05");
        assert_eq!(failure(&text), (1, ErrorKind::ReservedDif { dif }, 3));
        let octets = octets(&text);
        let mut records = Records::new(octets);
        assert!(records.by_ref().any(|record| record.is_err()));
        assert_eq!(records.rest(), &octets[3..], "the rest is handed over");
    }
    assert_eq!(all("7F")[0].kind(), RecordKind::GlobalReadout);
    let records = all("01 13 05 1F 01 02");
    assert_eq!(
        (records[1].kind(), records[1].data()),
        (RecordKind::Manufacturer { more_follow: true }, &[1, 2][..])
    );
    assert_eq!(all("0F")[0].kind(), RecordKind::Manufacturer { more_follow: false });
}

/// A special function has no DIFE.
#[test]
fn special_difs_with_a_dife_end_the_records() {
    for dif in (0x8F..=0xFF).step_by(16) {
        assert_eq!(failure(&format!("01 13 05 {dif:02X} 01 13 05")), (1, ErrorKind::ReservedDif { dif }, 3));
    }
}

#[test]
fn at_most_ten_difes_and_vifes() {
    let (dife, vife) = ("84".repeat(10), "93".repeat(11));
    assert_eq!(one(&format!("81 {} 04 13 05", "84".repeat(9))).dib().difes().len(), 10);
    assert_eq!(failure(&format!("81 {dife} 04 13 05")), (0, ErrorKind::TooManyDife, 11));
    assert_eq!(one(&format!("01 {} 3B 05", "BB".repeat(10))).vib().vifes().len(), 10);
    assert_eq!(failure(&format!("01 {vife} 3B 05")).1, ErrorKind::TooManyVife);
}

/// It adds nothing to the number, and makes it one of a register.
#[test]
fn a_last_dife_of_zero_is_kept() {
    let record = one("86 80 81 00 6D 00 00 A0 41 11 35");
    assert_eq!((record.storage(), record.dib().is_register(), record.dib().difes().len()), (32, true, 3));
    assert!(!one("86 80 01 6D 00 00 A0 41 11 35").dib().is_register());
}

#[test]
fn vifs_without_a_meaning_keep_their_values() {
    for text in ["01 6F 05", "01 EF 13 05", "01 7B 05", "01 7D 05", "01 FB 07 05", "01 FD 77 05"] {
        assert_eq!(shown(text), "5", "{text}");
    }
    assert_eq!(one("01 6F 05").quantity(), Quantity::Reserved);
    check(&[("01 93 7C 05", "0.005 m3")]);
}

#[test]
fn vif_7e_is_any_vif() {
    let record = one("08 7E");
    assert_eq!((record.quantity(), record.dib().data_field()), (Quantity::AnyVif, DataField::SELECTION));
}

#[test]
fn vif_79_is_an_identification() {
    assert_eq!(one("01 79 05").quantity(), Quantity::EnhancedIdentification);
    check(&[("0C 79 78 56 34 02", "02345678"), ("0D 79 04 34 33 32 31", "1234")]);
}

#[test]
fn codes_that_the_tables_of_1997_do_not_have() {
    let named = |head: &str, codes: &[u8]| {
        for code in codes {
            assert_ne!(
                one(&format!("01 {head} {code:02X} 05")).quantity(),
                Quantity::Reserved,
                "{head} {code:02X}"
            );
        }
    };
    named("FB", &[0x02, 0x04, 0x0C, 0x14, 0x1A, 0x20, 0x2A, 0x2C, 0x34, 0x68]);
    named("FD", &[0x19, 0x1F, 0x23, 0x2A, 0x2B, 0x3B, 0x3C, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76]);
    check(&[("01 FB 0C 05", "500000 cal"), ("01 FB 20 05", "5 [cft_i]"), ("01 FB 2C 05", "0.005 Hz")]);
}

/// US gallons and Fahrenheit were in the table until 2004.
#[test]
fn codes_until_2004_only_when_asked_for() {
    for (code, unit) in [
        (0x22, Unit::UsGallon),
        (0x24, Unit::UsGallonPerMinute),
        (0x26, Unit::UsGallonPerHour),
        (0x58, Unit::Fahrenheit),
        (0x67, Unit::Fahrenheit),
        (0x73, Unit::Fahrenheit),
    ] {
        let text = format!("01 FB {code:02X} 05");
        assert_eq!(one(&text).quantity(), Quantity::Reserved, "{code:02X}");
        assert_eq!(with(&text, LEGACY).unit(), unit, "{code:02X}");
    }
}

/// A gallon until 2004, a phase angle after 2018: reserved in between, and by default.
#[test]
fn fb_23_depends_on_the_edition() {
    assert_eq!((one("01 FB 23 05").quantity(), one("01 FB 23 05").unit()), (Quantity::Reserved, Unit::None));
    assert_eq!(with("01 FB 23 05", LEGACY).unit(), Unit::UsGallon);
}

#[test]
fn inputs_and_outputs_are_bits() {
    assert_eq!(value("01 FD 1A 81"), Value::Bits(Bits(&[0x81])));
    assert_eq!(value("02 FD 1B 01 80"), Value::Bits(Bits(&[0x01, 0x80])));
}

/// Remark k of table 12.
#[test]
fn identifications_are_unsigned() {
    for code in (0x08..=0x16).chain([0x1C, 0x1D]) {
        let record = one(&format!("02 FD {code:02X} FE FF"));
        assert_eq!(record.value(), Value::Number(Decimal::new(0xFFFE, 0)), "{code:02X}");
    }
    check(&[("0C 78 05 00 00 00", "00000005"), ("04 78 FE FF FF FF", "4294967294")]);
}

#[test]
fn bus_addresses_are_unsigned_or_octets() {
    check(&[("01 7A FE", "254")]);
    assert_eq!(value("06 7A 01 02 03 04 05 06"), Value::Octets(&[1, 2, 3, 4, 5, 6]));
    assert_eq!(value("07 7A 01 02 03 04 05 06 07 08"), Value::Octets(&[1, 2, 3, 4, 5, 6, 7, 8]));
}

/// The code stays; the table's name is the standard's, what other lists say is a hint.
#[test]
fn device_types_that_lists_disagree_on() {
    for (code, hint) in [
        (0x10, "irrigation water"),
        (0x11, "water data logger"),
        (0x12, "gas data logger"),
        (0x13, "gas converter"),
        (0x30, "service tool"),
    ] {
        let device = DeviceType(code);
        assert_eq!((device.name(), device.hint()), (None, Some(hint)));
        assert_eq!(device.to_string(), "reserved");
    }
    for (code, name) in [(0x14, "calorific value"), (0x2A, "carbon dioxide"), (0x38, "wired adapter")] {
        assert_eq!((DeviceType(code).name(), DeviceType(code).hint()), (Some(name), None));
    }
    assert_eq!(DeviceType(0x1E).hint(), None);
}

/// Bits 1 and 0 of a transport header are one number; flags they are in the fixed data structure only.
#[test]
fn the_lowest_status_bits_are_a_number() {
    for (status, meaning, words) in [
        (0x01, ApplicationStatus::Busy, "application busy"),
        (0x02, ApplicationStatus::AnyError, "application error"),
        (0x03, ApplicationStatus::Abnormal, "abnormal condition"),
        (0x00, ApplicationStatus::NoError, "ok"),
    ] {
        let status = telegram(wireless(0x7A, &[0x01, status, 0, 0]), |telegram| {
            telegram.tpl().unwrap().header.unwrap().status
        });
        assert_eq!((Status(status).application(), Status(status).to_string().as_str()), (meaning, words));
    }
}
