//! JSON Lines: an object with a field `hex` and what is known about the telegram.
//!
//! `{"id": any, "hex": "...", "kind": "auto|wired|wireless|chips", "crc": "auto|none|A|B", "key": hex or null,
//! "format_headers": hex, "mode": "T|S|C|...", "coding": "3of6|manchester|nrz", "rssi_dbm": number, "received": time}`;
//! all but `hex` may be missing or null, unknown fields are ignored.

use super::{Coding, Crc, Entry, Item, Kind, Refusal};
use crate::decode::{hex, keys};
use serde_json::Value;

pub(super) fn parse(line: &str) -> Vec<Entry> {
    let value: Value = match serde_json::from_str(line.trim()) {
        Ok(value) => value,
        Err(error) => return vec![Entry::Refused(bad_json(&error))],
    };
    let id = value.get("id").cloned().unwrap_or_default();
    vec![match item(&value) {
        Ok(item) => Entry::telegram(Item { id, ..item }),
        Err(refusal) => Entry::Refused(Box::new(Refusal { id, ..*refusal })),
    }]
}

pub(super) fn bad_json(error: &serde_json::Error) -> Box<Refusal> {
    Refusal::new(
        "bad_json",
        error.column().saturating_sub(1),
        format!("this is no JSON object: {error}"),
        "each line must be one whole object, as in {\"id\":1,\"hex\":\"...\"}",
    )
}

fn item(value: &Value) -> Result<Item, Box<Refusal>> {
    if !value.is_object() {
        return Err(Refusal::new("bad_json", 0, "the line is no JSON object", "write {\"hex\":\"...\"}"));
    }
    let octets = octets(value, "hex")?.ok_or_else(|| {
        Refusal::new("empty", 0, "the object has no field \"hex\"", "write {\"hex\":\"...\"}")
    })?;
    let key = match text(value, "key")? {
        None => None,
        Some(key) => Some(keys::Key::parse(key).map_err(|error| {
            Refusal::new("bad_key", 0, format!("the field \"key\": {error}"), "a key is 32 hex digits")
        })?),
    };
    Ok(Item {
        octets,
        key,
        kind: named(
            value,
            "kind",
            &[
                ("auto", Kind::Auto),
                ("wired", Kind::Wired),
                ("wireless", Kind::Wireless),
                ("chips", Kind::Chips),
            ],
        )?
        .unwrap_or_default(),
        crc: named(value, "crc", &[("auto", Crc::Auto), ("none", Crc::None), ("A", Crc::A), ("B", Crc::B)])?
            .unwrap_or_default(),
        format_headers: self::octets(value, "format_headers")?,
        mode: text(value, "mode")?.map(str::to_owned),
        coding: named(
            value,
            "coding",
            &[("3of6", Coding::ThreeOfSix), ("manchester", Coding::Manchester), ("nrz", Coding::Nrz)],
        )?,
        rssi_dbm: value.get("rssi_dbm").and_then(Value::as_i64).and_then(|dbm| i16::try_from(dbm).ok()),
        received: value.get("received").and_then(|received| match received {
            Value::String(time) => Some(time.clone()),
            Value::Number(seconds) => Some(seconds.to_string()),
            _ => None,
        }),
        ..Item::default()
    })
}

fn text<'a>(value: &'a Value, name: &str) -> Result<Option<&'a str>, Box<Refusal>> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::new(
            "bad_field",
            0,
            format!("the field \"{name}\" is no string"),
            format!("write \"{name}\":\"...\""),
        )),
    }
}

fn octets(value: &Value, name: &str) -> Result<Option<Vec<u8>>, Box<Refusal>> {
    let Some(text) = text(value, name)? else { return Ok(None) };
    hex::parse(text).map(Some).map_err(|error| {
        let refusal = *Refusal::hex(&error, 0);
        Box::new(Refusal { message: format!("the field \"{name}\": {}", error.kind), ..refusal })
    })
}

fn named<T: Copy>(value: &Value, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Box<Refusal>> {
    let Some(text) = text(value, name)? else { return Ok(None) };
    match choices.iter().find(|(choice, _)| *choice == text) {
        Some((_, choice)) => Ok(Some(*choice)),
        None => {
            let known: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
            Err(Refusal::new(
                "bad_field",
                0,
                format!("the field \"{name}\" is \"{}\"", text.escape_default()),
                format!("it may be {}", known.join(", ")),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{one, refusal};
    use super::*;

    #[test]
    fn times_may_be_numbers_and_what_is_neither_is_left_out() {
        let received = |json: &str| one(parse(&format!(r#"{{"hex":"E5","received":{json}}}"#))).received;
        assert_eq!(received("1774960440.25").as_deref(), Some("1774960440.25"));
        assert_eq!((received("null"), received("[]")), (None, None));
        assert_eq!(one(parse(r#"{"hex":"E5","rssi_dbm":"loud"}"#)).rssi_dbm, None);
    }

    #[test]
    fn all_fields() {
        let item = one(parse(
            r#"{"id":[1],"hex":"E5 16","kind":"chips","crc":"B","key":"000102030405060708090A0B0C0D0E0F",
                "format_headers":"0413","mode":"T","coding":"3of6","rssi_dbm":-71,
                "received":"2026-03-31 12:34:00","more":{"x":null}}"#,
        ));
        assert_eq!((item.rssi_dbm, item.received.as_deref()), (Some(-71), Some("2026-03-31 12:34:00")));
        assert_eq!(item.id, serde_json::json!([1]));
        assert_eq!((item.octets, item.kind, item.crc), (vec![0xE5, 0x16], Kind::Chips, Crc::B));
        assert!(item.key.is_some());
        assert_eq!(item.format_headers, Some(vec![0x04, 0x13]));
        assert_eq!((item.mode.as_deref(), item.coding), (Some("T"), Some(Coding::ThreeOfSix)));
    }

    #[test]
    fn null_is_the_same_as_missing() {
        let line = r#"{"hex":"E5","kind":null,"crc":null,"key":null,"format_headers":null,"mode":null,"coding":null}"#;
        assert_eq!(one(parse(line)), one(parse(r#"{"hex":"E5"}"#)));
    }

    #[test]
    fn the_id_survives_an_error() {
        let refusal = refusal(parse(r#"{"id":"w-1","hex":"E"}"#));
        assert_eq!((refusal.id, refusal.kind), (Value::from("w-1"), "odd_digits"));
    }

    #[test]
    fn every_wrong_field_is_refused() {
        for (line, kind) in [
            ("nonsense", "bad_json"),
            ("[]", "bad_json"),
            ("17", "bad_json"),
            ("{", "bad_json"),
            (r#"{"hex":"E5"} {"hex":"E5"}"#, "bad_json"),
            ("{}", "empty"),
            (r#"{"hex":""}"#, "empty"),
            (r#"{"hex":"zz"}"#, "not_hex"),
            (r#"{"hex":17}"#, "bad_field"),
            (r#"{"hex":"E5","kind":"radio"}"#, "bad_field"),
            (r#"{"hex":"E5","kind":1}"#, "bad_field"),
            (r#"{"hex":"E5","crc":"a"}"#, "bad_field"),
            (r#"{"hex":"E5","coding":"rz"}"#, "bad_field"),
            (r#"{"hex":"E5","mode":{}}"#, "bad_field"),
            (r#"{"hex":"E5","key":"00"}"#, "bad_key"),
            (r#"{"hex":"E5","key":5}"#, "bad_field"),
            (r#"{"hex":"E5","format_headers":"0"}"#, "odd_digits"),
        ] {
            assert_eq!(refusal(parse(line)).kind, kind, "{line}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let line = format!("{{\"hex\":{}", "[".repeat(100_000));
        assert_eq!(refusal(parse(&line)).kind, "bad_json");
    }

    #[test]
    fn a_wrong_key_is_not_repeated_in_the_message() {
        let refusal = refusal(parse(r#"{"hex":"E5","key":"0123456789"}"#));
        assert!(!refusal.message.contains("0123456789"));
    }
}
