//! The words of the command line that become records.

use crate::decode::hex;
use mbus_app::decimal::Decimal;
use mbus_app::record::Records;
use mbus_app::record::builder::{Content, NewDib, NewVib, RecordBuilder, Register};
use mbus_app::value::Value;
use mbus_app::vif::{Quantity, Unit};

/// The octets of one argument: `QUANTITY=VALUE UNIT`, or records as hex.
///
/// # Errors
/// In words, with what is known instead.
pub fn octets(text: &str) -> Result<Vec<u8>, String> {
    match text.split_once('=') {
        Some((quantity, value)) => built(quantity.trim(), value.trim()),
        None => given(text),
    }
}

fn given(text: &str) -> Result<Vec<u8>, String> {
    let octets = hex::parse(text)
        .map_err(|error| format!("\"{text}\": {} (character {})", error.kind, error.column))?;
    match Records::new(&octets).find_map(Result::err) {
        None => Ok(octets),
        Some(error) => {
            Err(format!("\"{text}\" is no list of records: {} (octet {})", error.kind, error.offset))
        }
    }
}

fn built(name: &str, value: &str) -> Result<Vec<u8>, String> {
    let wanted = name.replace(['-', '_'], " ");
    let Some(quantity) = Quantity::ALL.iter().find(|quantity| quantity.name() == wanted) else {
        return Err(format!("no quantity is called \"{name}\"; some are: {}", examples()));
    };
    let (number, unit) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    let number: Decimal = number.parse().map_err(|error| format!("\"{number}\": {error}"))?;
    let Some(unit) = Unit::ALL.iter().find(|known| known.ucum() == unit.trim()) else {
        return Err(format!(
            "no unit is written \"{}\"; some are: W.h, J, m3, m3/h, W, Cel, V, A",
            unit.trim()
        ));
    };
    let record = RecordBuilder {
        dib: NewDib::Register(Register::default(), None),
        vib: NewVib::Of(*quantity, *unit, &[]),
        content: Content::Value(Value::Number(number)),
        ..RecordBuilder::default()
    };
    record.to_vec().map_err(|error| format!("\"{name}={value}\": {}", error.kind))
}

fn examples() -> String {
    let names: Vec<&str> = Quantity::ALL.iter().map(|quantity| quantity.name()).take(12).collect();
    names.join(", ")
}
