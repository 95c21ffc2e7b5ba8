//! Records against m-bus-parser 0.5.3: same boundaries, storage number, tariff, subunit, function and number, or one of
//! the differences listed here, each with its reason. Each record is handed over alone, so that a difference hides no other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use m_bus_application_layer::data_information::{DataType, FunctionField, SingleEveryOrInvalid, TextUnit};
use m_bus_application_layer::data_record::DataRecord;
use mbus_app::date_time::{Date, Time};
use mbus_app::record::{DataField, Function, PlainTextOrder, Qualifier, Record};
use mbus_app::record::{RecordKind, RecordOptions, Records};
use mbus_app::value::{Invalid, Value};
use mbus_app::vif::{Quantity, Rule};

/// Why the two may read a record differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// VIF 6Ch and 6Dh: the peer takes types G and F whatever the data field is, so that it reads another length.
    DateOfAnotherLength,
    /// It reads units as text of at most nine ASCII letters.
    TextUnit,
    /// LVAR E0h: it subtracts one from no octets, which panics.
    BinaryOfNoOctets,
    /// A code that is reserved in the tables: it refuses some of them and the record with them.
    Reserved,
    /// VIF EFh and VIFEs behind it, which point to a table that does not exist yet.
    ThirdTable,
    /// It demands a code behind the extension bit of VIFE FCh and refuses reserved ones.
    Combinable,
}

fn known(record: &Record<'_>) -> Option<Known> {
    let (dib, vib) = (record.dib(), record.vib());
    let vif = vib.octets().first().copied().unwrap_or_default() & 0x7F;
    let field = dib.data_field();
    if vib.plain_text().is_some() {
        return Some(Known::TextUnit);
    }
    if vib.octets().first() == Some(&0xEF) {
        return Some(Known::ThirdTable);
    }
    let fits = matches!(
        (vif, field),
        (0x6C, DataField::INTEGER_16) | (0x6D, DataField::INTEGER_32 | DataField::INTEGER_48)
    );
    if matches!(vif, 0x6C | 0x6D) && !fits {
        return Some(Known::DateOfAnotherLength);
    }
    if field == DataField::VARIABLE && record.data() == [0xE0] {
        return Some(Known::BinaryOfNoOctets);
    }
    if vib.row().quantity == Quantity::Reserved {
        return Some(Known::Reserved);
    }
    let is_combinable = |vife: &u8| vife & 0x7F == 0x7C;
    if vib.vifes().iter().any(is_combinable) {
        return Some(Known::Combinable);
    }
    None
}

/// Digits that are no number: here a record without a value, it refuses the record.
fn has_error_digits(record: &Record<'_>) -> bool {
    let digits = match (record.dib().data_field(), record.data()) {
        (field, digits) if field.is_bcd() => digits,
        (DataField::VARIABLE, [0xC0..=0xD9, digits @ ..]) => digits,
        _ => return false,
    };
    digits.iter().any(|octet| octet >> 4 > 9 || octet & 0x0F > 9)
}

/// The number as sent, before factors and constants.
fn raw(record: &Record<'_>) -> Option<f64> {
    let octets = match (record.dib().data_field(), record.data()) {
        (field, octets) if field.is_integer() => octets,
        (DataField::VARIABLE, [0xE1..=0xE8, octets @ ..]) => octets,
        _ => return None,
    };
    let number = octets.iter().rev().fold(0i128, |number, octet| number << 8 | i128::from(*octet));
    let bits = 8 * octets.len();
    Some((if number >> (bits - 1) == 1 { number - (1 << bits) } else { number }) as f64)
}

fn same_number(record: &Record<'_>, number: f64) -> bool {
    let is_changed =
        record.qualifiers().any(|qualifier| matches!(qualifier, Qualifier::Orthogonal(0x78..=0x7B)));
    match record.value() {
        // Error digits are refused by it, see `known`; here a qualifier says that there is no value.
        Value::Invalid(Invalid::RecordError(_)) => true,
        // A date, where a qualifier says so: the peer prints the number that it is not.
        Value::Date(_) | Value::DateTime(_) | Value::Time(_) | Value::TimeM(_) => true,
        Value::Invalid(Invalid::NoSuchMoment) => true,
        Value::Invalid(Invalid::NotAvailable | Invalid::WrongDataField) => true,
        // Behind LVAR the sign is in LVAR and F is no digit; it takes a second sign.
        Value::Invalid(Invalid::ErrorDigits) => {
            record.dib().data_field() == DataField::VARIABLE && has_error_digits(record)
        }
        // The sum with a constant has more digits than 128 bits hold; it adds nothing.
        Value::Invalid(Invalid::OutOfRange) => is_changed,
        Value::Invalid(Invalid::Infinite) => number.is_infinite(),
        Value::Number(decimal) if !is_changed => {
            let mantissa = match record.vib().row().rule {
                Rule::Hca if decimal.mantissa % 244_140_625 == 0 && record.vib().row().exponent != 0 => {
                    decimal.mantissa / 244_140_625
                }
                _ => decimal.mantissa,
            };
            // It reads unsigned numbers as signed ones.
            mantissa as f64 == number || raw(record) == Some(number)
        }
        Value::Number(_) => true,
        Value::Real(real) => f64::from(real.float()) == number,
        // F in front is a digit of an identifier here and a minus sign there.
        Value::Digits(digits) => has_error_digits(record) || digits.to_string().parse() == Ok(number),
        // Bits and octets have no number here, it takes them as one.
        Value::Bits(_) | Value::Octets(_) => raw(record).is_none_or(|raw| raw == number),
        // LVAR C0h and D0h: no digits are zero for it, and no value here.
        Value::None => number == 0.0,
        _ => false,
    }
}

fn number_of<T: Copy>(part: &SingleEveryOrInvalid<T>) -> Option<T> {
    match part {
        SingleEveryOrInvalid::Single(number) => Some(*number),
        _ => None,
    }
}

/// Complete dates of 2000 to 2080 on a day below 31 are the same; all others differ: it ignores century and invalid bits
/// and takes day 31 for "every" and day 0 for a day.
fn same_date(date: Date, day: &SingleEveryOrInvalid<u8>, year: &SingleEveryOrInvalid<u16>) -> bool {
    match (date.year, date.day) {
        (Some(2000..=2080), Some(1..=30)) => date.day == number_of(day) && date.year == number_of(year),
        _ => true,
    }
}

fn same_time(time: Time, hour: &SingleEveryOrInvalid<u8>, minute: &SingleEveryOrInvalid<u8>) -> bool {
    time.hour == number_of(hour) && time.minute == number_of(minute)
}

fn same_value(record: &Record<'_>, theirs: Option<&DataType<'_>>) -> bool {
    let value = record.value();
    match (theirs, value) {
        (None, _) => matches!(value, Value::None) || record.data().is_empty(),
        (Some(DataType::Number(number) | DataType::LossyNumber(number)), _) => {
            number.is_nan() || record.data().len() > 8 || same_number(record, *number)
        }
        // A container, or a date of another length, is octets for one and text for the other.
        (Some(DataType::Text(text)), Value::Text(ours)) => *text == TextUnit::new(ours.0),
        (Some(DataType::Text(_)), _) => true,
        (Some(DataType::Date(day, _, year)), Value::Date(date)) => same_date(date, day, year),
        (Some(DataType::DateTime(day, _, year, hour, minute)), Value::DateTime(moment))
        | (Some(DataType::DateTimeWithSeconds(day, _, year, hour, minute, _)), Value::DateTime(moment)) => {
            same_date(moment.date, day, year) && same_time(moment.time, hour, minute)
        }
        // No such day, or the invalid bit: it prints one all the same. Or a qualifier makes the date something else.
        (Some(DataType::Date(..) | DataType::DateTime(..) | DataType::DateTimeWithSeconds(..)), _) => true,
        _ => false,
    }
}

fuzz_target!(|data: &[u8]| {
    let options = RecordOptions { plain_text: PlainTextOrder::Standard, ..RecordOptions::default() };
    for record in Records::with_options(data, options).map_while(Result::ok) {
        if record.kind() != RecordKind::Data || known(&record).is_some() {
            continue;
        }
        let octets = &data[record.offset()..];
        let theirs = match DataRecord::try_from(octets) {
            Ok(theirs) => theirs,
            Err(error) => {
                assert!(has_error_digits(&record), "ours {record:?}, theirs {error:?}");
                continue;
            }
        };
        assert_eq!(theirs.raw_bytes(), &octets[..record.encoded_len()], "boundaries of {record:?}");
        let information = theirs.data_information().expect("a DIB");
        let register = (information.storage_number, information.tariff, information.device);
        assert_eq!(
            (record.storage(), u64::from(record.tariff()), u64::from(record.subunit())),
            register,
            "{record:?}"
        );
        let function = match information.function_field {
            FunctionField::InstantaneousValue => Function::Instantaneous,
            FunctionField::MaximumValue => Function::Maximum,
            FunctionField::MinimumValue => Function::Minimum,
            _ => Function::Error,
        };
        assert_eq!(record.function(), function);
        assert!(
            same_value(&record, theirs.value()),
            "ours {:?} of {record:?}, theirs {:?}",
            record.value(),
            theirs.value()
        );
    }
});
