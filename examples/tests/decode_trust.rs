//! What `decode` does with the profile behind a key: a telegram with less security is refused, not read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

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
fn without_a_profile_or_at_it_it_is_read() {
    for (name, keys, telegram, records) in [
        ("none-stated", format!("12345678 {KEY}"), CLEAR, 1),
        ("clear-none", format!("12345678 {KEY} none"), CLEAR, 1),
        ("other", format!("12345679 {KEY} D"), CLEAR, 1),
        ("a-a", format!("12345678 {KEY_OF_A} a"), PROFILE_A, 3),
    ] {
        let (status, reading) = decoded(name, &keys, telegram);
        assert_eq!((status, reading["records"].as_array().unwrap().len()), (0, records), "{name} {reading}");
    }
}
