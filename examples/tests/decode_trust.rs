//! What `decode` does with a key and the profile behind it: a telegram with less security is refused, not read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use examples::decode::run;
use serde_json::Value;

const KEY: &str = "000102030405060708090A0B0C0D0E0F";
/// A volume in clear; of a made-up meter.
const CLEAR: &str = "144493157856341233037A2A0000000C1427048502";
/// OMS Vol. 2 Annex N, N.2.1: mode 5.
const PROFILE_A: &str =
    "2E4493157856341233037A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3";
const KEY_OF_A: &str = "0102030405060708090A0B0C0D0E0F11";

fn decoded(name: &str, keys: &str, telegram: &str) -> (u8, Value) {
    let path = std::env::temp_dir().join(format!("decode-trust-{}-{name}", std::process::id()));
    std::fs::write(&path, keys).unwrap();
    let (status, out, _) = run(["decode", "-f", "jsonl", "--keys", path.to_str().unwrap(), telegram], b"");
    std::fs::remove_file(path).unwrap();
    (status, serde_json::from_str(&out).unwrap())
}

#[test]
fn a_telegram_below_its_profile_is_refused() {
    for (name, keys, telegram, kind) in [
        ("clear-b", format!("ELS.12345678 {KEY} B"), CLEAR, "downgrade"),
        ("clear-a", format!("* {KEY} A"), CLEAR, "downgrade"),
        ("a-d", format!("12345678,{KEY_OF_A},D"), PROFILE_A, "downgrade"),
    ] {
        let (status, reading) = decoded(name, &keys, telegram);
        let error = &reading["error"];
        assert_eq!(
            (status, error["kind"].as_str(), error["layer"].as_str()),
            (1, Some(kind), Some("security"))
        );
        assert!(error["hint"].as_str().unwrap().contains("behind its key"));
        assert_eq!((&reading["plaintext"], reading["records"].as_array().unwrap().len()), (&Value::Null, 0));
    }
}

#[test]
fn at_its_profile_it_is_read() {
    for (name, keys, telegram, records) in [
        ("clear-none", format!("12345678 {KEY} none"), CLEAR, 1),
        ("other", format!("12345679 {KEY} D"), CLEAR, 1),
        ("a-a", format!("12345678 {KEY_OF_A} a"), PROFILE_A, 3),
    ] {
        let (status, reading) = decoded(name, &keys, telegram);
        assert_eq!((status, reading["records"].as_array().unwrap().len()), (0, records), "{name} {reading}");
    }
}

#[test]
fn clear_data_of_a_meter_with_a_key_are_refused() {
    let (status, reading) = decoded("keyed", &format!("12345678 {KEY}"), CLEAR);
    assert_eq!((status, &reading["error"]["kind"]), (1, &Value::from("clear_data")));
    assert!(reading["records"].as_array().unwrap().is_empty() && reading["plaintext"].is_null());
    assert!(reading["error"]["hint"].as_str().unwrap().contains("none"));
    // A manufacturer's own data are octets and no readings: nobody is deceived.
    let own = CLEAR.replace("7A2A000000", "A02A000000");
    let (status, reading) = decoded("own", &format!("12345678 {KEY}"), &own);
    assert_eq!((status, &reading["proprietary"]), (0, &Value::Bool(true)));
    assert!(reading["records"].as_array().unwrap().is_empty());
}

/// OMS Vol. 2 Annex N, N.2.3 (profile B) and N.2.6 (profile D), link CRCs removed: whichever bit is flipped, what is read
/// is authentic and as it was sent, or it is refused.
#[test]
fn no_flipped_bit_makes_another_reading() {
    let profile_b = "434493157856341233038C2075900F002C25B30A000021924D4F2FB66E017A75002007109058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93";
    let profile_d =
        "304493157856341233038C20757A7500112A1001B30A0000C882038E223BBC1091CEB8C0A1009D388A5AF7883A5B5A7FD6";
    for (telegram, passing) in [(profile_b, (57, 2)), (profile_d, (24, 1))] {
        let read = |lines: &str| -> Vec<Value> {
            let (_, out, _) = run(["decode", "-f", "jsonl", "--crc", "none", "-k", KEY], lines.as_bytes());
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let [sent] = &read(telegram)[..] else { panic!("one line") };
        assert_eq!((&sent["ok"], &sent["security"]["authenticated"]), (&true.into(), &true.into()), "{sent}");
        let mut lines = String::new();
        for bit in 0..telegram.len() * 4 {
            let at = bit / 4;
            let digit = u8::from_str_radix(&telegram[at..=at], 16).unwrap() ^ 1 << (bit % 4);
            lines += &format!("{}{digit:X}{}\n", &telegram[..at], &telegram[at + 1..]);
        }
        let readings = read(&lines);
        assert_eq!(readings.len(), telegram.len() * 4);
        let passed: Vec<&Value> = readings.iter().filter(|reading| reading["ok"] == true).collect();
        // A CI of a manufacturer's own makes octets of it and no reading.
        let (octets, passed): (Vec<&Value>, _) =
            passed.into_iter().partition(|reading| reading["proprietary"] == true);
        for reading in &octets {
            assert!(reading["plaintext"].is_null() && reading["records"].as_array().unwrap().is_empty());
        }
        for reading in &passed {
            assert_eq!(reading["security"]["authenticated"], true, "{reading}");
            // The OBIS codes go by the device type, which the MAC of mode 7 does not cover behind a short header.
            assert_eq!(reading["plaintext"], sent["plaintext"]);
        }
        assert_eq!((passed.len(), octets.len()), passing);
        for reading in readings.iter().filter(|reading| reading["ok"] != true) {
            assert!(
                reading["plaintext"].is_null() && reading["records"].as_array().is_none_or(Vec::is_empty)
            );
        }
    }
}
