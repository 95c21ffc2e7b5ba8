//! What the wireless meter sends, `decode` reads back: every kind of meter, every radio mode, every seal.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests")]

use examples::decode;
use links::meter;
use links::meter::records::Kind;
use links::meter::tls::Session;
use mbus_link::IdentificationNumber;
use oms_security::mode13::Records;
use serde_json::Value;
use wmbus_phy::FrameFormat;
use wmbus_phy::mode::MODES;

const KEY: &str = "000102030405060708090A0B0C0D0E0F";
const CLOCK: &str = "2026-03-31T12:34";

fn sent(arguments: &[&str]) -> String {
    let (status, out, err) = meter::run(["meter", "wireless", "--clock", CLOCK].iter().chain(arguments));
    assert_eq!((status, err.as_str()), (0, ""), "{arguments:?}");
    out
}

fn read(lines: &str, key: &[&str]) -> Vec<Value> {
    let arguments = ["decode", "--input", "rtl-wmbus", "--format", "jsonl"];
    let (status, out, err) = decode::run(arguments.iter().chain(key), lines.as_bytes());
    assert_eq!((status, err.as_str()), (0, ""), "{lines}{out}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Quantity, value, unit of each record.
fn readings(telegram: &Value) -> Vec<[String; 3]> {
    let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    let records = telegram["records"].as_array().unwrap();
    records.iter().map(|r| ["quantity", "value", "unit"].map(|name| text(r, name))).collect()
}

#[test]
fn a_line_octet_for_octet() {
    assert_eq!(
        sent(&["water:00000078"]),
        "T1;1;1;2026-03-31 12:34:00.000;100;100;00000078;0x364493157800000001077a01000020\
         0c1330317200046d222c5f33426c3f3c4c13704869000b3b380000025a7b000223e90802fd170000\n"
    );
}

#[test]
fn every_kind_and_every_seal_is_read_back() {
    let seals = [
        ("none", 0, "none", false),
        ("A", 5, "decrypted", false),
        ("B", 7, "decrypted", true),
        ("C", 13, "locked", false),
        ("D", 10, "decrypted", true),
        ("ell", 0, "decrypted", false),
    ];
    for kind in Kind::TABLE {
        let clear = read(&sent(&[kind.name]), &[]);
        assert!(readings(&clear[0]).len() > 5);
        for (seal, mode, state, authenticated) in seals {
            let lines = sent(&[kind.name, "--seal", seal, "--key", KEY]);
            // Whoever has a key is not to believe what comes in clear.
            let key: &[&str] = if seal == "none" { &[] } else { &["--key", KEY] };
            let telegrams = read(&lines, key);
            assert_eq!(telegrams.len(), 1);
            let security = &telegrams[0]["security"];
            assert_eq!(security["mode"], mode, "{} {seal}", kind.name);
            assert_eq!(
                (&security["state"], &security["authenticated"]),
                (&state.into(), &authenticated.into())
            );
            assert_eq!(telegrams[0]["meter"], clear[0]["meter"]);
            if seal == "C" {
                assert_eq!(of_tls(&telegrams[0]), clear_records(&clear[0]), "{}", kind.name);
                continue;
            }
            assert_eq!(readings(&telegrams[0]), readings(&clear[0]), "{} {seal}", kind.name);
            if seal != "none" {
                let other = KEY.replace("0F", "0E");
                let (status, ..) = decode::run(["decode", "--key", &other], lines.as_bytes());
                assert_eq!(status, 1, "{} {seal}", kind.name);
            }
        }
    }
}

#[test]
fn every_radio_mode_is_named_in_its_line() {
    for mode in MODES {
        let line = sent(&["gas", "--mode", mode.name]);
        assert!(line.starts_with(&format!("{mode};1;1;")), "{line}");
        assert_eq!(read(&line, &[]).len(), 1);
        // Also when nobody says what the line is.
        assert_eq!(decode::run(["decode"], line.as_bytes()).0, 0, "{line}");
    }
}

#[test]
fn the_chips_of_every_mode_format_and_seal_are_read_back() {
    let mut formats = 0;
    for seal in ["none", "A", "B", "C", "D", "ell"] {
        let key = ["--key", KEY, "--seal", seal];
        // Whoever has a key is not to believe what comes in clear.
        let to_open = if seal == "none" { &[] } else { &key[..2] };
        let line = read(&sent(&[&["heat"], &key[..]].concat()), to_open).remove(0);
        let mut lines = String::new();
        for mode in MODES {
            for (format, name) in [(FrameFormat::A, "A"), (FrameFormat::B, "B")] {
                let chips = ["heat", "--mode", mode.name, "--chips", "--frame-format", name];
                let arguments = [&chips, &key[..]].concat();
                if mode.from_meter.sync_word(format).is_some() {
                    lines.push_str(&sent(&arguments));
                    formats += 1;
                } else {
                    let arguments = ["meter", "wireless"].iter().chain(&arguments);
                    assert_eq!(meter::run(arguments).0, 2, "{mode} has no format {name}");
                }
            }
        }
        let arguments = [&["decode", "--input", "jsonl", "--format", "jsonl"], to_open].concat();
        let (status, out, err) = decode::run(arguments, lines.as_bytes());
        assert_eq!((status, err.as_str()), (0, ""), "{seal} {out}");
        assert_eq!(out.lines().count(), lines.lines().count());
        for read in out.lines() {
            let read: Value = serde_json::from_str(read).unwrap();
            assert_eq!(read["frame"]["kind"], "chips");
            assert_eq!(read["frame"]["hex"], line["frame"]["hex"], "{seal} {read}");
            assert_eq!((&read["security"], &read["records"]), (&line["security"], &line["records"]));
            assert_eq!(read["tls"], line["tls"]);
        }
    }
    // 24 modes in format A, C and N and F in format B as well.
    assert!(formats > 6 * MODES.len(), "{formats}");
}

/// The octets of the records in clear, from the end of the short header on.
fn clear_records(telegram: &Value) -> Vec<u8> {
    octets(telegram["frame"]["hex"].as_str().unwrap())[15..].to_vec()
}
/// What the session of the meter finds in the record that `decode` hands on.
fn of_tls(telegram: &Value) -> Vec<u8> {
    let handed_on = octets(telegram["tls"].as_str().unwrap());
    let record = Records::new(&handed_on).next().unwrap().unwrap();
    let number: IdentificationNumber = telegram["meter"]["id"].as_str().unwrap().parse().unwrap();
    let session = Session::new(octets(KEY).as_slice().try_into().unwrap(), number.octets());
    let sequence = record.fragment.first_chunk::<8>().copied().map(u64::from_be_bytes).unwrap();
    session.open(sequence, &record).unwrap()
}
fn octets(hex: &str) -> Vec<u8> {
    decode::hex::parse(hex).unwrap()
}

#[test]
fn no_sequence_number_of_a_session_comes_twice() {
    let lines = sent(&["water", "heat", "--count", "40", "--at-once", "--seal", "C", "--key", KEY]);
    let mut seen = std::collections::BTreeSet::new();
    for telegram in read(&lines, &[]) {
        let handed_on = octets(telegram["tls"].as_str().unwrap());
        assert!(!of_tls(&telegram).is_empty());
        let nonce = (telegram["meter"]["id"].to_string(), handed_on[5..13].to_vec());
        assert!(seen.insert(nonce), "{telegram}");
    }
    assert_eq!(seen.len(), 80);
}

#[test]
fn telegrams_count_and_keep_their_intervals() {
    let lines = sent(&["water", "heat", "--count", "3", "--at-once", "--seal", "B", "--key", KEY]);
    let telegrams = read(&lines, &["--key", KEY]);
    let numbers: Vec<_> = telegrams.iter().map(|t| t["transport"]["access"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 1, 2, 2, 3, 3]);
    // 16 s x (1 + (|n - 128| - 64) / 2048) with n = 2 and 3.
    let times: Vec<_> = telegrams.iter().map(|t| t["received"].as_str().unwrap().to_owned()).collect();
    assert_eq!(times[2], "2026-03-31 12:34:16.484");
    assert_eq!(times[4], "2026-03-31 12:34:32.960");
    let octets: Vec<_> = telegrams.iter().map(|t| t["frame"]["hex"].as_str().unwrap().to_owned()).collect();
    assert_ne!(octets[0][60..], octets[2][60..]);
}

#[test]
fn wrong_usage_is_told_and_shows_no_key() {
    for (arguments, word) in [
        (&["oil"][..], "electricity"),
        (&["water", "--seal", "A"], "--key"),
        (&["water", "--seal", "A", "--key", "0011"], "32 hex digits"),
        (&["water", "--seal", "C"], "--key"),
        (&["water", "--frame-format", "B"], "--chips"),
        (&["water", "--mode", "S1", "--chips", "--frame-format", "B"], "S1"),
        (&["water", "--mode", "X9"], "T1"),
        (&["water", "--every", "15"], "even number"),
        (&["water", "--clock", "noon"], "2026-03-31T12:34"),
    ] {
        let (status, out, err) = meter::run(["meter", "wireless"].iter().chain(arguments));
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains(word) && !err.contains("0011"), "{err}");
    }
}
