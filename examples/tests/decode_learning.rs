//! Whose formats `decode` keeps: with keys at hand only those of telegrams that a key opened.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use examples::decode::hex::upper;
use examples::decode::run;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::frame::store::Formats;
use mbus_app::telegram::builder::{Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_link::{Address, CField};
use oms_security::count::Count;
use oms_security::key::{Aes, Key, PreparedKey};
use oms_security::profile::Profile;
use oms_security::sender::SenderState;
use serde_json::Value;

const KEY: &str = "000102030405060708090A0B0C0D0E0F";
/// EN 13757-3, Annex G: in full, and without headers.
const FULL: &[u8] = b"\x02\x02\xD2\x04\x02\x15\x2E\x16\x02\x2A\x34\x23";
const COMPACT: &[u8] = b"\x31\x3B\x42\xA6\xD2\x04\x2E\x16\x34\x23";

fn meter(number: usize) -> Address {
    let [low, high, ..] = number.to_le_bytes();
    Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, low, high])
}

fn sent(profile: Profile, meter: Address, counter: u32, ci: u8, body: &[u8], clear: &[u8]) -> String {
    let key = PreparedKey::<Aes>::new(&KEY.parse::<Key>().unwrap());
    let mut state = SenderState::new(Count { meter, to_meter: false, key_id: 0, key_version: 0 }, counter);
    state.export(1, 0);
    let tpl = Tpl::of(CiField(ci), meter, Header::default());
    let telegram = TelegramBuilder::wireless(CField::SND_NR, meter, tpl, Body::Octets(body));
    let protection = Protection { clear, ..Protection::of(profile) };
    let (mut buffer, mut out) = ([0; 200], [0; 200]);
    let sealed = match profile {
        Profile::None => telegram.clear_into(&protection, &mut buffer),
        _ => telegram.seal_into(&protection, &key, &mut state, &mut buffer),
    };
    upper(sealed.unwrap().frame_into(&mut out).unwrap())
}

/// What becomes of the compact telegram of meter 1, when `between` was heard after its full one.
fn state(profile: Profile, key: Option<&str>, between: &[String]) -> Value {
    let mut input = vec![sent(profile, meter(1), 1, 0x7A, FULL, &[])];
    input.extend_from_slice(between);
    input.push(sent(profile, meter(1), 2, 0x7B, COMPACT, &[]));
    let mut arguments = vec!["decode", "--format", "jsonl"];
    arguments.extend(key.map(|_| "--key"));
    arguments.extend(key);
    let (_, out, _) = run(arguments, input.join("\n").as_bytes());
    let last: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    last["compact"]["state"].clone()
}

/// More full frames in clear than the store has places, each of another kind of meter.
fn strangers() -> Vec<String> {
    (2..Formats::LIMIT + 3).map(|n| sent(Profile::None, meter(n), 0, 0x7A, FULL, &[])).collect()
}

#[test]
fn strangers_cannot_push_the_formats_of_keyed_meters_out() {
    for profile in [Profile::A, Profile::B, Profile::D] {
        assert_eq!(state(profile, Some(KEY), &strangers()), "expanded", "{profile}");
    }
    // So many would have done it: without any key all are strangers, and all teach.
    assert_eq!(state(Profile::None, None, &[]), "expanded");
    assert_eq!(state(Profile::None, None, &strangers()), "format_unknown");
}

#[test]
fn what_no_key_opened_teaches_nothing_when_there_are_keys() {
    // Nothing at all is believed of the meters that the keys are for; of others it is read, and teaches nothing.
    assert_eq!(state(Profile::None, Some(KEY), &[]), Value::Null);
    let lines = [
        sent(Profile::None, meter(1), 1, 0x7A, FULL, &[]),
        sent(Profile::None, meter(1), 2, 0x7B, COMPACT, &[]),
    ];
    let keys = std::env::temp_dir().join(format!("decode-learning-{}", std::process::id()));
    std::fs::write(&keys, format!("87654321 {KEY}")).unwrap();
    let (status, out, _) =
        run(["decode", "--format", "jsonl", "--keys", keys.to_str().unwrap()], lines.join("\n").as_bytes());
    std::fs::remove_file(keys).unwrap();
    assert!(status == 0 && out.lines().last().unwrap().contains("format_unknown"), "{out}");
    for profile in [Profile::A, Profile::B, Profile::D] {
        assert_eq!(state(profile, Some(KEY), &[]), "expanded", "{profile}");
    }
}

/// Another list with the signature of [`FULL`], in a telegram that a key opens: mode 5 proves nothing, so the first stays
/// and the conflict is told; a MAC proves it, and both are kept.
#[test]
fn two_formats_under_one_signature() {
    let colliding = b"\x02\xFF\x82\xF6\x19\x34\x12";
    for (profile, told) in [(Profile::A, true), (Profile::B, false), (Profile::D, false)] {
        let lines = [
            sent(profile, meter(1), 1, 0x7A, FULL, &[]),
            sent(profile, meter(1), 2, 0x7A, colliding, &[]),
            sent(profile, meter(1), 3, 0x7B, COMPACT, &[]),
        ];
        let (_, out, _) = run(["decode", "--format", "jsonl", "--key", KEY], lines.join("\n").as_bytes());
        let answers: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers[1]["ok"], true, "{out}");
        assert_eq!(answers[1].to_string().contains("another format with the signature 3B31"), told, "{out}");
        assert_eq!(answers[2]["compact"]["state"], "expanded");
        assert_eq!(answers[2]["records"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn a_clear_part_that_no_mac_covers_teaches_nothing() {
    for (profile, expected) in [(Profile::A, "format_unknown"), (Profile::B, "expanded")] {
        let full = sent(profile, meter(1), 1, 0x7A, &FULL[..8], &FULL[8..]);
        let compact = sent(profile, meter(1), 2, 0x7B, COMPACT, &[]);
        let (_, out, _) =
            run(["decode", "--format", "jsonl", "--key", KEY], [full, compact].join("\n").as_bytes());
        let last: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
        assert_eq!(last["compact"]["state"], expected, "{out}");
    }
}

#[test]
fn enciphered_answers_that_are_no_records_are_told_without_check_octets() {
    for profile in [Profile::A, Profile::B, Profile::D] {
        for (ci, body, name, told) in [
            (0x6E, &[0x10][..], "application_error", "access denied, or not executable now (10)"),
            (0x74, &[0x05], "alarm", "05"),
            (0x67, &[0x20], "application_select", "simple billing"),
        ] {
            let line = sent(profile, meter(1), 1, ci, body, &[]);
            let (_, out, _) = run(["decode", "--format", "jsonl", "--key", KEY], line.as_bytes());
            let reading: Value = serde_json::from_str(&out).unwrap();
            assert_eq!(
                (reading[name].as_str(), &reading["error"]),
                (Some(told), &Value::Null),
                "{profile} {out}"
            );
        }
    }
}
