//! Values that come out wrong in one program or another.

use super::{LEGACY, all, check, failure, octets, one, shown, telegram, value, wired};
use mbus_app::ErrorKind;
use mbus_app::decimal::Decimal;
use mbus_app::record::{RecordOptions, Records};
use mbus_app::value::{Bits, Invalid, Value};
use mbus_app::vif::{Quantity, Unit};

/// A record of variable length in front of five litres: both are read, and the first has its octets.
fn variable(lvar: u8, len: usize) {
    let mut octets = vec![0x0D, 0x13, lvar];
    octets.resize(3 + len, 0x11);
    octets.extend([0x01, 0x13, 0x05]);
    let records: Vec<_> = Records::new(&octets).map(Result::unwrap).collect();
    assert_eq!((records.len(), records[0].data().len()), (2, 1 + len), "{lvar:02X}");
    assert_eq!(records[1].value().to_string(), "0.005", "{lvar:02X}");
}

/// C2h is two octets of four digits, not four octets and not 194.
#[test]
fn lvar_of_digits_counts_octets() {
    (0..=9).for_each(|n| variable(0xC0 + n, n.into()));
    (0..=9).for_each(|n| variable(0xD0 + n, n.into()));
    check(&[("0D 13 C2 34 12", "1.234 m3"), ("0D 13 D2 34 12", "-1.234 m3")]);
    assert_eq!(value("0D 13 D2 F4 12"), Value::Invalid(Invalid::ErrorDigits), "the sign is in LVAR");
}

#[test]
fn lvar_of_no_octets_is_no_value() {
    for text in ["0D 78 E0", "0D 78 C0", "0D 13 C0", "0D 13 D0"] {
        assert_eq!(value(text), Value::None, "{text}");
    }
    assert_eq!(shown("0D 78 00"), "", "an empty text");
}

/// Not the low eight octets, and not a float.
#[test]
fn long_binary_numbers_keep_every_octet() {
    assert_eq!(value("0D 13 E9 FFFFFFFFFFFFFFFFFF"), Value::Octets(&[0xFF; 9]));
    check(&[("0D 13 E8 0000000000000040", "4611686018427387.904 m3")]);
    check(&[("0D FD0B EC 010000000000000000000000", "1")]);
}

/// Not floating point, which 1997 documents announce there.
#[test]
fn lvar_f0_to_f6_are_16_to_64_octets() {
    for (lvar, len) in [(0xF0, 16), (0xF1, 20), (0xF2, 24), (0xF3, 28), (0xF4, 32), (0xF5, 48), (0xF6, 64)] {
        variable(lvar, len);
    }
}

#[test]
fn lvar_e0_to_ef_end_where_f0_begins() {
    (0..=15).for_each(|n| variable(0xE0 + n, n.into()));
    variable(0xF0, 16);
    for lvar in (0xCA..=0xCF).chain(0xDA..=0xDF).chain(0xF7..=0xFFu8) {
        let text = format!("01 13 05 0D 13 {lvar:02X} 00");
        assert_eq!(failure(&text), (1, ErrorKind::ReservedLvar { lvar }, 5));
    }
}

#[test]
fn day_31_is_a_day_and_day_0_is_open() {
    check(&[
        ("04 6D 00 20 5F 11", "2010-01-31T00:00"),
        ("04 6D 00 20 40 11", "2010-01-XXT00:00"),
        ("06 6D 00 00 A0 5F 11 35", "2010-01-31T00:00:00"),
        ("06 6D 00 00 A0 40 11 35", "2010-01-XXT00:00:00"),
        ("02 6C 5F 11", "2010-01-31"),
        ("02 6C 40 11", "2010-01-XX"),
    ]);
}

/// With hundred-year bits 0 the years 0 to 80 are those of this century; otherwise the bits count.
#[test]
fn type_f_has_a_century() {
    for (hundred, years) in [
        (0u32, ["2000", "2080", "1981", "1999"]),
        (1, ["2000", "2080", "2081", "2099"]),
        (2, ["2100", "2180", "2181", "2199"]),
        (3, ["2200", "2280", "2281", "2299"]),
    ] {
        for (year, expected) in [0u32, 80, 81, 99].into_iter().zip(years) {
            let moment = hundred << 13 | (year & 7) << 21 | (year >> 3) << 28 | 1 << 16 | 1 << 24;
            let text = format!("04 6D {:08X}", moment.swap_bytes());
            assert_eq!(shown(&text), format!("{expected}-01-01T00:00"), "{text}");
        }
    }
}

#[test]
fn the_invalid_bit_is_heeded() {
    for text in [
        "04 6D 80 00 00 00",
        "04 6D 80 20 41 11",
        "06 6D 00 80 A0 41 11 35",
        "06 6D 00 80 00 00 00 00",
        "04 93 6A 80 20 41 11",
    ] {
        assert_eq!(value(text), Value::Invalid(Invalid::NotAvailable), "{text}");
    }
}

#[test]
fn type_g_of_all_ones_is_no_date() {
    assert_eq!(value("02 6C FF FF"), Value::Invalid(Invalid::NotAvailable));
    assert_eq!(value("02 6C 00 00"), Value::Invalid(Invalid::NoSuchMoment));
    // Every year, every month, and a day: a date that comes round.
    check(&[("02 6C E1 FF", "XXXX-XX-01")]);
}

#[test]
fn type_g_has_years_from_1981_to_2080() {
    check(&[
        ("02 6C 3F A5", "1981-05-31"),
        ("02 6C 61 C1", "1999-01-01"),
        ("02 6C 01 A1", "2080-01-01"),
        ("02 6C 01 01", "2000-01-01"),
    ]);
}

/// Not from 2001, and a date stays one when a type I is read.
#[test]
fn type_i_has_years_from_2000() {
    check(&[
        ("06 6D 00 00 A0 41 11 35", "2010-01-01T00:00:00"),
        ("06 6D 00 00 00 01 01 00", "2000-01-01T00:00:00"),
        ("06 6D 00 00 00 61 C1 00", "2099-01-01T00:00:00"),
    ]);
}

#[test]
fn type_j_is_a_time_of_three_octets() {
    let records = all("03 6D 0B 0C 0D 01 13 05");
    assert_eq!(records[0].value().to_string(), "13:12:11");
    assert_eq!(records[1].value().to_string(), "0.005", "the next record is still there");
    assert_eq!(value("03 6D FF FF FF"), Value::Invalid(Invalid::NotAvailable));
}

/// VIF 6Dh alone does not say that the data are type F.
#[test]
fn the_data_field_picks_the_type_of_a_moment() {
    check(&[
        ("03 6D 0B 0C 0D", "13:12:11"),
        ("04 6D 32 37 1F 15", "2008-05-31T23:50"),
        ("06 6D 00 00 A0 41 11 35", "2010-01-01T00:00:00"),
        ("0D 6D E3 10 00 30", "16"),
    ]);
    assert_eq!(value("02 6D 41 11"), Value::Invalid(Invalid::WrongDataField));
    assert_eq!(value("0E 6D 01 01 01 01 01 10"), Value::Invalid(Invalid::WrongDataField));
}

#[test]
fn digits_above_nine_make_no_number() {
    for text in ["0A 03 00 A1", "0A 03 1B 00", "0A 03 23 C1", "0A 03 F3 12", "0A 03 23 FA", "0B 03 FF 1F 00"]
    {
        assert_eq!(value(text), Value::Invalid(Invalid::ErrorDigits), "{text}");
    }
    assert_eq!(value("0A 03 FF FF"), Value::Invalid(Invalid::NotAvailable));
    assert_eq!(one("0A 03 00 A1").data(), [0x00, 0xA1], "the digits are kept");
}

#[test]
fn f_in_the_top_digit_is_a_minus() {
    check(&[
        ("0A 03 23 F1", "-123 W.h"),
        ("0A 03 00 F0", "0 W.h"),
        ("09 03 F5", "-5 W.h"),
        ("0E 03 99 99 99 99 99 F9", "-99999999999 W.h"),
    ]);
}

/// Annex A reserves the smallest signed and the largest unsigned number; many meters use them as numbers.
#[test]
fn reserved_numbers_are_numbers_with_a_mark() {
    for (text, number, marked) in [
        ("01 13 80", "-0.128", true),
        ("02 13 00 80", "-32.768", true),
        ("03 13 00 00 80", "-8388.608", true),
        ("04 13 00 00 00 80", "-2147483.648", true),
        ("01 FD 2C FF", "255", true),
        ("01 13 FF", "-0.001", false),
        ("01 FD 2C 80", "128", false),
        ("02 FD 17 FF FF", "FFFF", false),
    ] {
        assert_eq!(
            (value(text).to_string().as_str(), one(text).is_marked_invalid()),
            (number, marked),
            "{text}"
        );
    }
}

/// Not 103, and not 1.
#[test]
fn vife_7d_is_a_thousand() {
    check(&[("01 93 7D 05", "5 m3"), ("01 FB 94 7D 05", "5000 V.A{reactive}"), ("01 FD C8 7D 05", "500 V")]);
}

/// Behind each VIF, in the order sent, sums as well as factors.
#[test]
fn every_correction_of_a_chain_counts() {
    check(&[
        ("01 93 F7 74 05", "0.0005 m3"),
        ("01 93 7B 05", "1.005 m3"),
        ("01 93 FB 7D 05", "1005 m3"),
        ("01 93 FD 7B 05", "6 m3"),
        ("01 FD C8 F5 FC 01 05", "0.05 V"),
        ("01 FC F4 74 03 48 52 25 05", "0.0005 %RH"),
    ]);
}

#[test]
fn mass_counts_from_grams() {
    check(&[("01 18 05", "0.005 kg"), ("01 1B 05", "5 kg"), ("01 1F 05", "50000 kg")]);
}

#[test]
fn phase_angles_are_tenths_of_a_degree() {
    check(&[("02 FB 2A 2C 01", "30.0 deg"), ("02 FB 2B 2C 01", "30.0 deg"), ("02 FB 2B 9C FF", "-10.0 deg")]);
    assert_eq!(one("02 FB 2A 2C 01").quantity(), Quantity::PhaseAngleVoltageToVoltage);
    assert_eq!(one("02 FB 2B 2C 01").quantity(), Quantity::PhaseAngleVoltageToCurrent);
}

#[test]
fn rating_factors_are_parts_of_4096_and_kq_is_watts() {
    check(&[
        ("02 FB 68 00 10", "1.000000000000 {HCA}"),
        ("02 FB 69 00 10", "4096 W"),
        ("02 FB 6A 00 08", "0.500000000000"),
        ("02 FB 6E 01 00", "0.000244140625"),
    ]);
}

#[test]
fn reactive_and_apparent_energy_count_from_thousands() {
    check(&[
        ("01 FB 02 05", "5000 V.A.h{reactive}"),
        ("01 FB 03 05", "50000 V.A.h{reactive}"),
        ("01 FB 04 05", "5000 V.A.h"),
        ("01 FB 05 05", "50000 V.A.h"),
    ]);
}

#[test]
fn fb_34_to_37_are_apparent_power() {
    check(&[("01 FB 34 05", "5 V.A"), ("01 FB 35 05", "50 V.A"), ("01 FB 37 05", "5000 V.A")]);
    assert!(
        (0x34..=0x37).all(|code| one(&format!("01 FB {code:02X} 05")).quantity() == Quantity::ApparentPower)
    );
}

#[test]
fn fb_79_is_hundredths_of_a_watt() {
    check(&[("01 FB 78 05", "0.005 W"), ("01 FB 79 05", "0.05 W"), ("01 FB 7F 05", "50000 W")]);
    assert_eq!(one("01 FB 79 05").quantity(), Quantity::CumulativeMaximumActivePower);
}

#[test]
fn fb_1a_and_1b_are_relative_humidity() {
    check(&[("02 FB 1A EF 01", "49.5 %"), ("01 FB 1B 31", "49 %")]);
    assert_eq!(one("01 FB 1B 05").quantity(), Quantity::RelativeHumidity);
}

#[test]
fn fb_08_and_30_are_tenths_of_gigajoules() {
    check(&[
        ("01 FB 08 05", "500000000 J"),
        ("01 FB 09 05", "5000000000 J"),
        ("01 FB 30 05", "500000000 J/h"),
        ("01 FB 31 05", "5000000000 J/h"),
    ]);
}

/// The formula 2 x n - 130 belongs to the status octet that a partner sends, not to this record.
#[test]
fn the_radio_level_is_in_dbm_as_it_is() {
    check(&[("01 FD 71 C4", "-60 dB[mW]"), ("01 FD 71 9C", "-100 dB[mW]")]);
}

#[test]
fn fd_6c_to_6f_are_hours_days_months_years() {
    check(&[("01 FD 6C 05", "5 h"), ("01 FD 6D 05", "5 d"), ("01 FD 6E 05", "5 mo"), ("01 FD 6F 05", "5 a")]);
    assert_eq!(one("01 FD 6F 05").quantity(), Quantity::OperatingTimeBattery);
}

#[test]
fn fd_30_to_3f_are_tariffs_and_periods() {
    check(&[
        ("04 FD 30 32 37 1F 15", "2008-05-31T23:50"),
        ("01 FD 31 05", "5 min"),
        ("01 FD 32 05", "5 h"),
        ("01 FD 33 05", "5 d"),
        ("01 FD 34 05", "5 s"),
        ("01 FD 37 05", "5 d"),
        ("01 FD 3C 05", "5 s"),
        ("01 FD 3D 05", "5 min"),
        ("01 FD 3E 05", "5 h"),
        ("01 FD 3F 05", "5 d"),
    ]);
    for (code, quantity) in [
        (0x30, Quantity::StartDateTimeOfTariff),
        (0x33, Quantity::DurationOfTariff),
        (0x34, Quantity::PeriodOfTariff),
        (0x3A, Quantity::Dimensionless),
        (0x3C, Quantity::PeriodOfNominalDataTransmissions),
    ] {
        assert_eq!(one(&format!("01 FD {code:02X} 05")).quantity(), quantity, "{code:02X}");
    }
}

#[test]
fn fd_codes_that_old_tables_do_not_have() {
    check(&[
        ("01 FD 2B 05", "5 s"),
        ("01 FD 2C 05", "5 s"),
        ("01 FD 2D 05", "5 min"),
        ("01 FD 2E 05", "5 h"),
        ("01 FD 2F 05", "5 d"),
        ("01 FD 36 05", "5 h"),
        ("01 FD 38 05", "5 mo"),
        ("01 FD 39 05", "5 a"),
    ]);
    for code in [0x2A, 0x2B, 0x2C, 0x2F, 0x36, 0x39, 0x3B, 0x3C, 0x3F] {
        assert_ne!(one(&format!("01 FD {code:02X} 05")).quantity(), Quantity::Reserved, "{code:02X}");
    }
}

/// Neither seconds nor always type F.
#[test]
fn the_battery_change_is_a_moment() {
    check(&[("02 FD 70 41 11", "2010-01-01"), ("04 FD 70 32 37 1F 15", "2008-05-31T23:50")]);
    assert_eq!(value("01 FD 70 05"), Value::Invalid(Invalid::WrongDataField));
}

#[test]
fn the_battery_lasts_for_days() {
    check(&[("02 FD 74 90 0E", "3728 d"), ("02 FD 74 FF FE", "65279 d")]);
}

#[test]
fn per_litre_divides() {
    check(&[("01 93 2C 05", "0.005 m3/L"), ("01 AE 2D 05", "5000 W/m3")]);
}

/// The unit says it; number and VIF stay as sent.
#[test]
fn per_kilowatt_hour_is_a_unit() {
    check(&[
        ("01 AE 30 05", "5000 W/(kW.h)"),
        ("01 AE 31 05", "5000 W/GJ"),
        ("01 93 32 05", "0.005 m3/kW"),
        ("01 93 33 05", "0.005 m3/(K.L)"),
    ]);
}

/// Not 4417 litres.
#[test]
fn a_vife_that_says_when_makes_a_date() {
    for vife in [0x39, 0x42, 0x43, 0x46, 0x47, 0x4A, 0x4B, 0x4E, 0x4F, 0x6A, 0x6B, 0x6E, 0x6F] {
        assert_eq!(shown(&format!("02 93 {vife:02X} 41 11")), "2010-01-01", "{vife:02X}");
    }
    check(&[("02 93 FC 13 41 11", "2010-01-01"), ("04 DB 6B 32 37 1F 15", "2008-05-31T23:50")]);
    check(&[("01 B8 59 5A", "90 min"), ("01 B8 41 03", "3"), ("01 B8 60 03", "3 s")]);
}

#[test]
fn unsigned_numbers_and_bits_have_no_sign() {
    check(&[
        ("04 83 FC 11 FF FF FF FF", "4294967295 W.h"),
        ("02 FD 66 FE FF", "65534"),
        ("04 78 FF FF FF FF", "4294967295"),
    ]);
    assert_eq!(value("02 FD 17 00 80"), Value::Bits(Bits(&[0, 0x80])));
    assert_eq!(value("02 FD 1A 01 00"), Value::Bits(Bits(&[1, 0])));
    assert_eq!(value("02 93 FC 12 00 80"), Value::Bits(Bits(&[0, 0x80])));
}

/// A float of 64 bits would lose the last digit.
#[test]
fn integers_of_64_bits_are_exact() {
    check(&[
        ("07 03 01 00 00 00 00 00 20 00", "9007199254740993 W.h"),
        ("07 03 FF FF FF FF FF FF FF 7F", "9223372036854775807 W.h"),
        ("07 03 00 00 00 00 00 00 00 80", "-9223372036854775808 W.h"),
        ("07 FD 2C FF FF FF FF FF FF FF FF", "18446744073709551615 s"),
        ("06 03 FF FF FF FF FF FF", "-1 W.h"),
        ("0E 03 99 99 99 99 99 99", "999999999999 W.h"),
    ]);
}

#[test]
fn storage_numbers_have_41_bits() {
    assert_eq!(one("C1 8F 8F 8F 8F 8F 8F 8F 8F 8F 0F 13 05").storage(), (1 << 41) - 1);
    assert_eq!(one("81 80 80 80 80 80 80 80 08 13 05").storage(), 1 << 32);
}

/// Status bit 0 makes them binary, else they are digits. The octets are those of the public M-Bus documentation.
#[test]
fn fixed_counters_are_binary_or_decimal() {
    for (status, first, second) in [(0x00, "0.001", "0.135"), (0x01, "0.001", "0.309")] {
        let body = [0x78, 0x56, 0x34, 0x12, 0x0A, status, 0xE9, 0x7E, 1, 0, 0, 0, 0x35, 1, 0, 0];
        telegram(wired(0x73, &body), |telegram| {
            let fixed = telegram.fixed_data().unwrap();
            assert_eq!(
                (fixed.value(0).to_string(), fixed.value(1).to_string()),
                (first.into(), second.into())
            );
            assert_eq!((fixed.medium_name(), fixed.unit(0).0, fixed.unit(1).0), ("water", 0x29, 0x29));
        });
    }
}

#[test]
fn fixed_units_0d_and_0e_are_100_kilojoules_and_a_megajoule() {
    let body = [0, 0, 0, 0, 0, 1, 0x0D, 0x0E, 5, 0, 0, 0, 5, 0, 0, 0];
    telegram(wired(0x73, &body), |telegram| {
        let fixed = telegram.fixed_data().unwrap();
        assert_eq!(fixed.unit(0).meaning(), Some((Quantity::Energy, Unit::Joule, 5)));
        assert_eq!(
            (fixed.value(0).to_string(), fixed.value(1).to_string()),
            ("500000".into(), "5000000".into())
        );
    });
}

#[test]
fn real_numbers_have_values_that_are_none() {
    check(&[("05 5B 00 00 AC 41", "21.5 Cel"), ("05 5B 00 00 00 80", "0 Cel")]);
    assert_eq!(value("05 5B 00 00 C0 7F"), Value::Invalid(Invalid::NotAvailable));
    assert_eq!(value("05 5B 00 00 80 7F"), Value::Invalid(Invalid::Infinite));
    assert_eq!(value("05 5B 00 00 80 FF"), Value::Invalid(Invalid::Infinite));
}

/// None known means no unit, never the metric one.
#[test]
fn units_that_are_not_metric() {
    check(&[
        ("01 83 3D 05", "5000 [Btu_th]"),
        ("01 93 3D 05", "5 [gal_us]"),
        ("01 AB 3D 05", "0.005 [Btu_th]/s"),
        ("01 C7 3D 05", "5000 [gal_us]/min"),
        ("01 DB 3D 46", "70 [degF]"),
        ("01 9B 3D 05", "5"),
    ]);
    let options: RecordOptions = LEGACY;
    let record = Records::with_options(octets("01 FB 23 05"), options).next().unwrap().unwrap();
    assert_eq!((record.unit(), record.value()), (Unit::UsGallon, Value::Number(Decimal::new(5, 0))));
}
