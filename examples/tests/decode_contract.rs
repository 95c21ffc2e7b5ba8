//! What users of the decoder script against: options, input formats, fields, exit statuses, errors, and every octet
//! explained. The telegrams are made up, or printed in OMS Vol. 2 Annex N.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::panic,
    reason = "tests"
)]

use examples::decode::hex::upper;
use examples::decode::run;
use mbus_link::CField;
use mbus_link::wired::{Frame, PrimaryAddress};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Annex N, N.2.1, without link CRCs, and its key.
const SEALED: &str =
    "2E4493157856341233037A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3";
const KEY: &str = "0102030405060708090A0B0C0D0E0F11";
/// What it says.
const PLAINTEXT: &str = "2F2F0C1427048502046D32371F1502FD1700002F2F2F2F2F2F2F2F2F2F2F2F2F";

fn octets(text: &str) -> Vec<u8> {
    examples::decode::hex::parse(text).unwrap()
}

/// A wired telegram.
fn wired(c: u8, payload: &str) -> String {
    let payload = octets(payload);
    let frame = Frame::Long { c_field: CField(c), address: PrimaryAddress(1), payload: &payload };
    upper(frame.encode_into(&mut [0; 261]).unwrap())
}

/// A wireless telegram without link CRCs: C-field, the meter ELS 12345678, and what follows.
fn wireless(c: u8, behind: &str) -> String {
    let mut frame = [&[0, c, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03][..], &octets(behind)].concat();
    frame[0] = (frame.len() - 1) as u8;
    upper(&frame)
}

fn format_a(frame: &str) -> String {
    upper(wmbus_phy::format_a::encode_into(&octets(frame), &mut [0; 300]).unwrap())
}

fn format_b(frame: &str) -> String {
    upper(wmbus_phy::format_b::encode_into(&octets(frame), &mut [0; 300]).unwrap())
}

fn decode(arguments: &[&str], stdin: &str) -> (u8, String, String) {
    run(["decode"].iter().chain(arguments), stdin.as_bytes())
}

fn lines(arguments: &[&str], stdin: &str) -> Vec<Value> {
    let arguments = [&["--format", "jsonl"], arguments].concat();
    decode(&arguments, stdin).1.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn one(arguments: &[&str]) -> Value {
    let mut lines = lines(arguments, "");
    assert_eq!(lines.len(), 1, "{arguments:?}");
    lines.remove(0)
}

fn record(text: &str) -> Value {
    one(&[&wireless(0x44, &format!("78{text}"))])["records"][0].clone()
}

/// A file that is gone when the test is over.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, content: &str) -> Self {
        let path = std::env::temp_dir().join(format!("decode-contract-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }
    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn options_have_short_and_long_names() {
    let long = decode(&["--key", KEY, "--input", "hex", "--format", "jsonl", SEALED], "");
    assert_eq!(long, decode(&["-k", KEY, "-i", "hex", "-f", "jsonl", SEALED], ""));
    assert_eq!(long, decode(&["-k", KEY, SEALED], ""), "without a terminal jsonl is the default");
    assert_eq!(long, decode(&["-k", KEY], SEALED), "without telegrams stdin is read, one per line");
    let file = File::new("options", SEALED);
    assert_eq!(long, decode(&["-k", KEY, "--file", file.path()], ""));
    assert_eq!(long, decode(&["-k", KEY, "--file", "-"], SEALED));
    for format in ["text", "json", "jsonl", "csv"] {
        let (status, out, err) = decode(&["-k", KEY, "-f", format, "--explain", SEALED], "");
        assert_eq!((status, err.as_str()), (0, ""), "{format}");
        assert!(out.contains("28504.27"), "{format}");
    }
}

#[test]
fn hex_accepts_its_separators() {
    let frame = wireless(0x44, "780B13436587");
    let plain = one(&[&frame]);
    let pairs: Vec<&str> = (0..frame.len()).step_by(2).map(|at| &frame[at..at + 2]).collect();
    for separator in [" ", ":", "-", "|", "_", " 0x", ":0x", "  ", "|_ "] {
        assert_eq!(one(&[&pairs.join(separator)]), plain, "{separator:?}");
    }
    for text in [format!("0x{frame}"), frame.to_lowercase(), format!(" |{frame}| ")] {
        assert_eq!(one(&[&text]), plain, "{text}");
    }
    assert_eq!(one(&pairs), plain, "octets one by one");
}

#[test]
fn exit_statuses() {
    let good = wireless(0x44, "780B13436587");
    assert_eq!(decode(&[&good, "E5"], "").0, 0);
    let (status, out, _) = decode(&[&good, &good[..20], "E5"], "");
    let ok: Vec<bool> =
        out.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["ok"] == true).collect();
    assert_eq!((status, ok), (1, vec![true, false, true]), "all others are still printed");
    assert_eq!(decode(&["--nonsense"], "").0, 2);
    assert_eq!(decode(&["-k", "12", &good], "").0, 2);
}

/// The same telegram in every way that dongles and tools deliver it.
#[test]
fn every_input_format() {
    let frame = wireless(0x44, "780B13436587");
    let (a, b) = (format_a(&frame), format_b(&frame));
    let lower = frame.to_lowercase();
    let on_air_l = format!("{:02X}{}", octets(&frame)[0] + 2, &frame[2..]);
    for (format, line) in [
        ("hex", frame.clone()),
        ("hex", a.clone()),
        ("hex", b.clone()),
        ("jsonl", format!(r#"{{"hex":"{frame}","kind":"wireless","crc":"none"}}"#)),
        ("jsonl", format!(r#"{{"hex":"{a}","crc":"A"}}"#)),
        ("jsonl", format!(r#"{{"hex":"{b}","crc":"B","unknown":[1]}}"#)),
        ("jsonl", format!(r#"{{"hex":"{a}","crc":"auto","kind":"auto","key":null}}"#)),
        ("rtl-wmbus", format!("T1;1;1;2019-04-03 19:00:42.000;97;148;12345678;0x{lower}")),
        ("rtl-wmbus", format!("t2a;C1;1;1;2019-04-03 19:00:42.000000;97;148;12345678;0x{on_air_l}\r")),
        (
            "rtl-433",
            format!(r#"{{"model":"Wireless-MBus","mode":"T","M":"ELS","id":12345678,"data":"{lower}"}}"#),
        ),
        ("rtl-433", format!(r#"{{"model":"Wireless-MBus","mode":"C","data":"{on_air_l}"}}"#)),
        ("rtl-433", format!("2019-04-03 19:00:42,,,Wireless-MBus,T,ELS,12345678,51,3,,44,{lower},CRC")),
        ("cul", format!("b{a}")),
        ("cul", format!("bY{b}")),
        ("cul", format!("b{a}2A8B\r")),
        ("wmbusmeters", format!("telegram=|{frame}|+12")),
        ("wmbusmeters", format!("telegram=|{}_{}|", &lower[..20], &lower[20..])),
        ("esphome", format!("x [0x12345678] RSSI: -44dBm T: {lower} ({}) T1 A", frame.len() / 2)),
    ] {
        for input in [format, "auto"] {
            let answers = lines(&["--input", input], &line);
            assert_eq!(answers.len(), 1, "{input} {line}");
            let answer = &answers[0];
            assert_eq!(
                (&answer["ok"], &answer["frame"]["hex"]),
                (&json!(true), &json!(frame)),
                "{input} {line}"
            );
            assert_eq!(answer["records"][0]["value"], "876.543", "{input} {line}");
        }
    }
    let two = format!("T1;1;1;2019-04-03 19:00:42.000;97;148;12345678;0x{lower};0x{lower}");
    assert_eq!(lines(&[], &two).len(), 2, "several telegrams on a line");
    assert_eq!(lines(&[], &format!("{frame}\r\n{lower}\n")).len(), 2, "either line end");
    for (line, kind) in [("bY123", "odd_digits"), ("bY", "empty"), ("0x", "empty"), ("12 3", "odd_digits")] {
        assert_eq!(lines(&[], line)[0]["error"]["kind"], kind, "{line}");
    }
}

#[test]
fn a_jsonl_line_brings_its_key_its_id_and_its_format() {
    let line = format!(r#"{{"id":{{"a":[1]}},"hex":"{SEALED}","key":"{KEY}"}}"#);
    let answer = &lines(&["--input", "jsonl"], &line)[0];
    assert_eq!((&answer["id"], &answer["plaintext"]), (&json!({"a": [1]}), &json!(PLAINTEXT)));
    let compact = wireless(0x44, "79313B42A6D2042E163423");
    let line = format!(r#"{{"hex":"{compact}","format_headers":"02020215022A"}}"#);
    let answer = &lines(&["--input", "jsonl"], &line)[0];
    assert_eq!(
        (&answer["compact"]["state"], answer["records"].as_array().unwrap().len()),
        (&json!("expanded"), 3)
    );
}

/// Schema 1: every answer has all fields, whatever the line was.
#[test]
fn every_line_has_the_fields_of_the_schema() {
    let telegrams =
        [SEALED, "E5", "zz", "6803", &wired(8, "72"), &wireless(0x44, "A1000102"), &wireless(0x44, "79")];
    for answer in lines(&["-k", KEY], &telegrams.join("\n")) {
        for field in "schema id ok frame meter layers transport security records plaintext error".split(' ') {
            assert!(answer.get(field).is_some(), "{field}: {answer}");
        }
        assert_eq!(
            (&answer["schema"], answer["ok"] == true),
            (&json!(1), answer["error"].is_null()),
            "{answer}"
        );
        assert!(answer["layers"].is_array() && answer["records"].is_array());
    }
    let answer = one(&["-k", KEY, SEALED]);
    assert_eq!(
        answer["frame"],
        json!({"kind":"wireless","crc":"none","c":"44","function":"SND-NR","hex":answer["frame"]["hex"]})
    );
    assert_eq!(
        answer["meter"],
        json!({"manufacturer":"ELS","id":"12345678","version":51,"device_type":3,"medium":"gas"})
    );
    assert_eq!(
        answer["records"][0],
        json!({"storage":0,"tariff":0,"subunit":0,"function":"instantaneous","quantity":"volume","value":"28504.27",
            "unit":"m3","type":"number","dib":"0C","vib":"14","data":"27048502","obis":"7-0:3.1.0*255"})
    );
}

#[test]
fn frames_are_named_by_kind_and_type() {
    for (hex, kind, form, address) in [
        ("E5".to_owned(), "wired", "ack", Value::Null),
        ("105B015C16".to_owned(), "wired", "short", json!(1)),
        ("68030368530150A416".to_owned(), "wired", "control", json!(1)),
        (wired(8, "780113050113"), "wired", "long", json!(1)),
    ] {
        let frame = &one(&[&hex])["frame"];
        assert_eq!(
            (&frame["kind"], &frame["type"], &frame["address"]),
            (&json!(kind), &json!(form), &address),
            "{hex}"
        );
    }
    let frame = wireless(0x44, "780B13436587");
    for (given, crc) in [(frame.clone(), "none"), (format_a(&frame), "A"), (format_b(&frame), "B")] {
        let found = &one(&[&given])["frame"];
        assert_eq!((&found["crc"], &found["hex"]), (&json!(crc), &json!(frame)), "link CRCs are removed");
    }
    let chips = r#"{"kind":"chips","mode":"T","coding":"3of6","hex":"5A971C9B25B44EC65A2DC34E58D59371C7134EC5A334B70B699B133726B155"}"#;
    let answer = &lines(&["--input", "jsonl"], chips)[0];
    assert_eq!((&answer["frame"]["kind"], &answer["frame"]["crc"]), (&json!("chips"), &json!("A")));
}

#[test]
fn the_meter_is_that_of_the_link_layer_or_of_the_long_header() {
    let long = "72 88776655 2D2C 0804 01000000 011305";
    let answer = one(&[&wireless(0x44, long)]);
    assert_eq!(
        (&answer["meter"]["id"], &answer["transport"]["meter"]["id"]),
        (&json!("12345678"), &json!("55667788"))
    );
    let answer = one(&[&wired(8, long)]);
    assert_eq!(
        (&answer["meter"]["id"], &answer["transport"]["meter"]),
        (&json!("55667788"), &answer["meter"])
    );
    let answer = one(&[&wireless(0x44, "7A 01000000 011305")]);
    assert!(answer["transport"].get("meter").is_none(), "only with a long header");
    let answer = one(&[&wired(8, "72 0BFE34A2 FFFF 0804 01000000 011305")]);
    assert_eq!(
        (&answer["meter"]["id"], &answer["meter"]["manufacturer"]),
        (&json!("A234FE0B"), &json!("0xFFFF"))
    );
    assert_eq!(one(&[&wired(8, "78 011305")])["meter"], Value::Null);
}

#[test]
fn status_is_a_number_and_words() {
    let transport = &one(&[&wireless(0x44, "7A 2A 16 0000 011305")])["transport"];
    assert_eq!(
        (&transport["ci"], &transport["access"], &transport["status"]),
        (&json!("7A"), &json!(42), &json!(22))
    );
    assert_eq!(transport["status_flags"], json!(["application error", "power low", "temporary error"]));
    assert_eq!(one(&[&wireless(0x44, "7A 2A 00 0000 011305")])["transport"]["status_flags"], json!([]));
}

#[test]
fn every_state_of_the_security() {
    let state = |arguments: &[&str]| {
        let answer = one(arguments);
        let security = &answer["security"];
        let shown = !answer["records"].as_array().unwrap().is_empty() || !answer["plaintext"].is_null();
        (
            security["state"].as_str().unwrap().to_owned(),
            security["mode"].clone(),
            shown,
            answer["ok"] == true,
        )
    };
    let clear = wireless(0x44, &format!("7A2A002025{PLAINTEXT}"));
    let none = wireless(0x44, "7A2A000000011305");
    for (arguments, expected, mode, shown, ok) in [
        (&["-k", KEY, SEALED][..], "decrypted", 5, true, true),
        (&[SEALED], "locked", 5, false, false),
        (&["-k", "00000000000000000000000000000000", SEALED], "failed", 5, false, false),
        (&[&clear], "plain", 5, true, true),
        (&[&none], "none", 0, true, true),
        // With the key at hand, what is in clear is somebody else's.
        (&["-k", KEY, &clear], "plain", 5, false, false),
        (&["-k", KEY, &none], "none", 0, false, false),
    ] {
        assert_eq!(state(arguments), (expected.to_owned(), json!(mode), shown, ok), "{arguments:?}");
    }
    assert_eq!(one(&["-k", KEY, SEALED])["security"]["authenticated"], false, "mode 5 proves nothing");
}

#[test]
fn values_and_their_types() {
    for (text, value, kind, unit) in [
        ("0C1335670000", json!("6.735"), "number", "m3"),
        ("0413FFFFFFFF", json!("-0.001"), "number", "m3"),
        ("04FB01FFFFFF7F", json!("2147483647000000"), "number", "W.h"),
        ("0113FF", json!("-0.001"), "number", "m3"),
        ("055B0000AC41", json!("21.5"), "number", "Cel"),
        ("026C4111", json!("2010-01-01"), "date", ""),
        ("046D32371F15", json!("2008-05-31T23:50"), "datetime", ""),
        ("066D0000A0411135", json!("2010-01-01T00:00:00"), "datetime", ""),
        ("036D0B0C0D", json!("13:12:11"), "time", ""),
        ("0DFD1103636261", json!("abc"), "text", ""),
        ("0DFD3B03616263", json!("616263"), "octets", ""),
        ("0013", Value::Null, "none", "m3"),
    ] {
        let record = record(text);
        let found = (&record["value"], &record["type"], &record["unit"]);
        assert_eq!(found, (&value, &json!(kind), &json!(unit)), "{text}");
    }
    // No value, and why.
    for (text, note) in [
        ("046D80000000", "not available"),
        ("026CFFFF", "not available"),
        ("026C0000", "no such date"),
        ("0A031B00", "001B"),
        ("055B0000C07F", "not available"),
        ("0193150500", "no data available"),
        ("01930505", "function not implemented"),
    ] {
        let record = record(text);
        assert_eq!((&record["value"], &record["type"]), (&Value::Null, &json!("none")), "{text}");
        assert!(record["note"].as_str().unwrap().contains(note), "{record}");
    }
    let digits =
        |value: &Value| value.as_str().unwrap().bytes().all(|c| matches!(c, b'0'..=b'9' | b'.' | b'-'));
    for dif in [0x01u8, 0x02, 0x03, 0x04, 0x06, 0x07] {
        for vif in (0x00..=0x5Fu8).filter(|vif| *vif != 0x2F) {
            let record = record(&format!("{dif:02X}{vif:02X}0102030405060708"));
            assert!(digits(&record["value"]), "no exponent: {record}");
        }
    }
}

#[test]
fn functions_registers_and_octets_as_sent() {
    for (dif, function) in [("01", "instantaneous"), ("11", "maximum"), ("21", "minimum"), ("31", "error")] {
        assert_eq!(record(&format!("{dif}1305"))["function"], function);
    }
    let record = record("c4f27b fd c8 75 0a0b0c0d");
    assert_eq!(
        (&record["dib"], &record["vib"], &record["data"]),
        (&json!("C4F27B"), &json!("FDC875"), &json!("0A0B0C0D"))
    );
    assert_eq!(
        (&record["storage"], &record["tariff"], &record["subunit"]),
        (&json!(357), &json!(15), &json!(3))
    );
}

#[test]
fn units_are_ucum_without_prefixes() {
    for (vif, unit) in [
        ("03", "W.h"),
        ("0B", "J"),
        ("13", "m3"),
        ("1B", "kg"),
        ("2B", "W"),
        ("33", "J/h"),
        ("3B", "m3/h"),
        ("43", "m3/min"),
        ("4B", "m3/s"),
        ("53", "kg/h"),
        ("5B", "Cel"),
        ("63", "K"),
        ("6B", "bar"),
        ("6E", "{HCA}"),
        ("70", "s"),
        ("71", "min"),
        ("72", "h"),
        ("73", "d"),
        ("FD48", "V"),
        ("FD59", "A"),
        ("FB2E", "Hz"),
        ("FB1A", "%"),
        ("FD28", "mo"),
        ("FD29", "a"),
        ("FD71", "dB[mW]"),
        ("FB2A", "deg"),
        ("FB14", "V.A{reactive}"),
        ("FD3A", ""),
    ] {
        assert_eq!(record(&format!("01{vif}05"))["unit"], unit, "{vif}");
    }
}

#[test]
fn a_record_that_cannot_be_read_has_its_error_and_octets() {
    for (text, dib, vib, data, kind) in [
        ("0413FFFF", "04", "13", "FFFF", "truncated"),
        ("0D13CA0102", "0D", "13", "CA0102", "reserved_lvar"),
        ("0493", "", "", "0493", "truncated"),
        ("3F0102", "", "", "3F0102", "reserved_dif"),
    ] {
        let frame = wireless(0x44, &format!("78 011305 {text}"));
        let answer = one(&[&frame]);
        assert_eq!(answer["records"][0]["value"], "0.005", "the others are still there");
        let record = &answer["records"][1];
        assert_eq!(
            (&record["dib"], &record["vib"], &record["data"]),
            (&json!(dib), &json!(vib), &json!(data)),
            "{text}"
        );
        assert_eq!((&record["value"], &record["type"]), (&Value::Null, &json!("none")));
        assert_eq!((&record["error"], &record["error"]["kind"]), (&answer["error"], &json!(kind)), "{text}");
        assert_eq!((&answer["ok"], &answer["error"]["layer"]), (&json!(false), &json!("application")));
    }
    // A value that cannot be read, of a known length: the telegram is well.
    let answer = one(&[&wireless(0x44, "78 0A031B00 011305")]);
    assert_eq!((&answer["ok"], answer["records"].as_array().unwrap().len()), (&json!(true), 2));
}

/// What all errors have, and where they point: into what was given, CRCs counted.
#[test]
fn errors_name_layer_kind_octet_and_advice() {
    let sealed_a = format_a(SEALED);
    let damaged = format!("{}00{}", &sealed_a[..40], &sealed_a[42..]);
    let long = wireless(0x44, &format!("78{}0D13CA", "011305".repeat(9)));
    for (arguments, layer, kind, offset) in [
        (&["zz"][..], "phy", "not_hex", 0),
        (&["--crc", "A", &damaged], "phy", "block_crc", 12),
        (&[&SEALED[..40]], "link", "truncated", 0),
        (&[&wired(8, "780113").replace("0113", "0114")], "link", "checksum", 9),
        (&[SEALED], "security", "key_missing", 15),
        (&[&sealed_a], "security", "key_missing", 17),
        (&["-k", KEY, &format_a(&SEALED.replace("5923C9", "5923C8"))], "security", "check_octets", 17),
        (&[&wireless(0x44, "7A2A00")], "transport", "truncated", 13),
        (&[&wireless(0x44, "8C20")], "ell", "truncated", 11),
        (&[&wireless(0x44, "900F00")], "afl", "truncated", 12),
        (&[&wireless(0x44, "780D13CA")], "application", "reserved_lvar", 13),
        (&[&long], "application", "reserved_lvar", 40),
        (&[&format_a(&long)], "application", "reserved_lvar", 40 + 4),
    ] {
        let error = one(arguments)["error"].clone();
        let found = (&error["layer"], &error["kind"]);
        assert_eq!(found, (&json!(layer), &json!(kind)), "{arguments:?} {error}");
        assert_eq!(error["offset"], offset, "{arguments:?} {error}");
        assert!(
            !error["message"].as_str().unwrap().is_empty() && !error["hint"].as_str().unwrap().is_empty()
        );
    }
}

/// Any damage at any place: a known layer, a word, an octet of the telegram, and advice.
#[test]
fn every_error_is_whole() {
    const LAYERS: [&str; 7] = ["phy", "link", "ell", "afl", "transport", "security", "application"];
    let mut kinds = HashSet::new();
    let telegrams = [
        SEALED.to_owned(),
        format_a(SEALED),
        format_b(SEALED),
        wired(8, &format!("72785634129315330301000000{}", &PLAINTEXT[4..38])),
        wired(0x53, "5178563412011305"),
        wireless(0x44, "8C2001 90 0F002C25B30A000021924D4FBA372FB66E 7A0100 2007 0905"),
        wireless(0x44, "79313B42A6D2042E163423"),
        wireless(0x44, "69 08313B02020215022A"),
    ];
    let mut given = Vec::new();
    for telegram in telegrams {
        let whole = octets(&telegram);
        given.extend((1..whole.len()).map(|len| whole[..len].to_vec()));
        for at in 0..whole.len() {
            for change in [0x01, 0x80, 0xFF] {
                let mut octets = whole.clone();
                octets[at] ^= change;
                given.push(octets);
            }
        }
    }
    let text: Vec<String> = given.iter().map(|octets| upper(octets)).collect();
    let answers = lines(&["--key", KEY], &text.join("\n"));
    assert_eq!(answers.len(), given.len());
    for (answer, octets) in answers.iter().zip(&given) {
        let error = &answer["error"];
        assert_eq!(answer["ok"] == true, error.is_null());
        if error.is_null() {
            continue;
        }
        let kind = error["kind"].as_str().unwrap();
        kinds.insert(kind.to_owned());
        assert!(LAYERS.contains(&error["layer"].as_str().unwrap()), "{error}");
        assert!(kind.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_'), "{error}");
        let offset = usize::try_from(error["offset"].as_u64().unwrap()).unwrap();
        assert!(offset <= octets.len(), "{error} of {}", upper(octets));
        assert!(!error["message"].as_str().unwrap().is_empty(), "{error}");
        assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{error}");
    }
    assert!(kinds.len() > 12, "{kinds:?}");
}

/// In text format the error is on stderr too, with the octet under a caret and what to try.
#[test]
fn text_shows_the_octet_to_blame() {
    let sealed = format_a(SEALED);
    let (status, out, err) = decode(&["-f", "text", &sealed], "");
    assert_eq!(status, 1);
    assert!(out.contains("ELS 12345678") && out.contains("error"), "{out}");
    let lines: Vec<&str> = err.lines().collect();
    let caret = lines.iter().position(|line| line.trim_start().starts_with('^')).unwrap();
    let at = lines[caret].find('^').unwrap();
    // Octet 17 of the frame with its CRCs.
    assert_eq!(&lines[caret - 1][at..at + 2], &sealed[34..36], "{err}");
    assert!(err.contains("octet 17") && err.contains("try: give the key"), "{err}");
}

#[test]
fn compact_frames_with_and_without_their_format() {
    let compact = wireless(0x44, "79313B42A6D2042E163423");
    let answer = one(&[&compact]);
    assert_eq!((&answer["ok"], &answer["records"]), (&json!(true), &json!([])));
    assert_eq!(
        answer["compact"],
        json!({"format_signature":"3B31","full_frame_crc":"A642","state":"format_unknown"})
    );
    let full = wireless(0x44, "780202D20402152E16022A3423");
    let answers = lines(&[&full, &compact], "");
    assert_eq!(answers[1]["records"], answers[0]["records"], "a full frame teaches");
    assert_eq!(answers[1]["compact"]["state"], "expanded");
}

#[test]
fn proprietary_data_are_told_and_not_read() {
    for ci in 0xA0..=0xB7u8 {
        let answer = one(&[&wireless(0x44, &format!("{ci:02X}0113050113"))]);
        assert_eq!((&answer["ok"], &answer["proprietary"]), (&json!(true), &json!(true)), "{ci:02X}");
        assert_eq!((&answer["records"], &answer["meter"]["id"]), (&json!([]), &json!("12345678")));
    }
    assert!(one(&[&wireless(0x44, "78011305")]).get("proprietary").is_none());
}

#[test]
fn csv_has_a_row_for_each_record() {
    let telegrams =
        [wireless(0x44, "78 011305 026CFFFF 0D13CA"), "E5".to_owned(), "zz".to_owned()].join("\n");
    let (status, out, _) = decode(&["--format", "csv"], &telegrams);
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    let heading = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |row: usize, name: &str| {
        rows[row].get(heading.iter().position(|column| column == name).unwrap()).unwrap().to_owned()
    };
    assert_eq!((status, rows.len()), (1, 6));
    assert!(
        column(0, "error").contains("LVAR CA") && column(0, "value").is_empty(),
        "the telegram's own row"
    );
    assert_eq!(
        (column(1, "value"), column(1, "unit"), column(1, "meter")),
        ("0.005".into(), "m3".into(), "12345678".into())
    );
    assert_eq!((column(2, "value"), column(2, "note")), (String::new(), "not available".into()));
    assert!(column(3, "error").contains("LVAR CA"), "and the record's");
    assert_eq!((column(4, "ok"), column(5, "ok")), ("true".into(), "false".into()));
}

#[test]
fn keys_files_with_wildcards_comments_and_columns() {
    for content in [
        format!("12345678 {KEY}"),
        format!("# mine\n\nELS.12345678 {KEY} # roof"),
        format!("ELS.* {KEY}"),
        format!("1234* {KEY}"),
        format!("*.* {KEY}"),
        format!("manufacturer,id,key\nELS,12345678,{KEY}\n"),
        format!("id;key\r\n12345678;{KEY}\r\n"),
        format!("* 00000000000000000000000000000000\nELS.12345678 {KEY}"),
        format!("ELS.12345678 00000000000000000000000000000000\nELS.12345678 {KEY}"),
    ] {
        let file = File::new("keys", &content);
        let answer = one(&["--keys", file.path(), SEALED]);
        assert_eq!(answer["security"]["state"], "decrypted", "{content}");
    }
    let other = File::new("keys-other", &format!("KAM.* {KEY}\n87654321 {KEY}\n"));
    assert_eq!(one(&["--keys", other.path(), SEALED])["security"]["state"], "locked");
}

/// What none of the layers claims.
const UNREAD: [&str; 2] = ["not read", "not explained here"];

/// The telegrams of every layer and shape: their octets are explained once each, and all of them.
#[test]
fn every_octet_of_every_layer_is_explained() {
    let mut telegrams = vec![
        "E5".to_owned(),
        "105B015C16".to_owned(),
        "68030368530150A416".to_owned(),
        SEALED.to_owned(),
        format_a(SEALED),
        format_b(SEALED),
        wired(8, "72785634129315330301000000 0C1427048502 0D7803414243 0F010203"),
        wired(8, "73 78563412 0A00 E97E 01000000 35010000"),
        wireless(0x44, "8C2001 78 011305 2F2F"),
        wireless(0x44, "8E2001 9315785634123303 78 011305"),
        wireless(
            0x44,
            "8C2001 900F002C25B30A000021924D4F372FB66E 7A0100 2007 10 058475F4BC9D1281DF878B80A1B0F98B6290",
        ),
        wireless(0x44, "79313B42A6D2042E163423"),
        wireless(0x44, "6908313B02020215022A"),
        wireless(0x44, "A1010203"),
        wireless(0x44, "78 C4F27BFDC8750A0B0C0D 02FC0348522574 3412 0D93 1F 05690103 0211"),
        wired(0x53, "52 785634129315FFFF"),
        wired(0x53, "5010"),
        wired(0x53, "B8"),
        wireless(0x08, "6E0100000007"),
    ];
    let known = telegrams.len();
    // Every CI with something behind it.
    telegrams
        .extend((0..=255u8).map(|ci| wireless(0x44, &format!("{ci:02X}0102030405060708090A0B0C0D0E0F"))));
    telegrams.extend((0..=255u8).map(|ci| wired(8, &format!("{ci:02X}0102030405060708090A0B0C0D0E0F10"))));
    for (number, telegram) in telegrams.iter().enumerate() {
        let answer = one(&["--explain", "-k", KEY, telegram]);
        let spans = answer["explain"].as_array().unwrap();
        let frame = answer["frame"]["hex"].as_str().unwrap_or(telegram);
        let text: String = spans.iter().map(|span| span["octets"].as_str().unwrap()).collect();
        assert_eq!(text, frame, "{telegram}");
        let mut at = 0;
        for span in spans {
            assert_eq!(span["offset"], at, "{telegram}");
            at += span["octets"].as_str().unwrap().len() / 2;
            assert!(!span["layer"].as_str().unwrap().is_empty(), "{span}");
            let unread = UNREAD.iter().any(|word| span["name"] == *word || span["meaning"] == *word);
            assert!(number >= known || !unread, "{telegram} {span}");
        }
        let (_, ruler, _) = decode(&["--explain", "-k", KEY, "-f", "text", telegram], "");
        for span in spans {
            assert!(ruler.contains(span["layer"].as_str().unwrap()), "{telegram}");
        }
    }
}

#[test]
fn no_key_of_a_refused_line_is_shown() {
    for line in [
        format!("{{\"id\":1,\"hex\":\"zz\",\"key\":\"{KEY}\"}}"),
        format!("{{\"id\":1,\"hex\":\"2E44\",\"key\":\"{KEY}00\"}}"),
        format!("{{\"id\":1,\"hex\":\"2E44\",\"crc\":\"Q\",\"key\":\"{KEY}\"}}"),
        format!("{{\"id\":1,\"key\":\"{KEY}\",\"hex\":5}}"),
        format!("{{\"id\":1,\"KEY\":\"{KEY}\" \"hex\":5}}"),
        format!("{{\"id\":1,\"key\":5{KEY}, \"hex\":5}}"),
        format!("\u{130}\u{130} key {KEY} \u{1F511}"),
    ] {
        for format in ["text", "jsonl", "csv"] {
            let (status, out, err) = run(["decode", "--format", format, "--input", "jsonl"], line.as_bytes());
            assert_eq!(status, 1, "{line}");
            let said = (out + &err).to_uppercase();
            let shown =
                KEY.as_bytes().windows(8).any(|part| said.contains(std::str::from_utf8(part).unwrap()));
            assert!(!shown, "{line}: {said}");
        }
    }
}
