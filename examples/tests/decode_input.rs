//! The decoder from its command line to its exit status: whatever is handed in has an answer.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use examples::decode::run;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const KEY: &str = "000102030405060708090A0B0C0D0E0F";

fn decode(arguments: &[&str], stdin: &str) -> (u8, String, String) {
    run(["decode"].iter().chain(arguments), stdin.as_bytes())
}

fn answers(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A file that is gone when the test is over.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("decode-test-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        Self(path)
    }
    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn usage_is_2_and_help_is_0() {
    for arguments in [
        &["--format", "xml"][..],
        &["--input", "morse"],
        &["--unknown"],
        &["--key", "12"],
        &["--key", "nonsense"],
        &["--keys", "/does/not/exist"],
        &["--file", "/does/not/exist"],
        &["--file", "/"],
        &["E5", "--file", "-"],
    ] {
        let (status, out, err) = decode(arguments, "");
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}");
        assert!(!err.is_empty(), "{arguments:?}");
    }
    for argument in ["--help", "-h", "--version", "-V"] {
        let (status, out, err) = decode(&[argument], "");
        assert_eq!((status, err.as_str()), (0, ""));
        assert!(out.contains("decode"));
    }
}

#[test]
fn a_key_that_is_wrong_is_never_repeated() {
    let (_, out, err) = decode(&["E5", "--key", &KEY[..30]], "");
    assert!(!out.contains(&KEY[..12]) && !err.contains(&KEY[..12]), "{err}");
    assert!(err.contains("32 hex digits"), "{err}");
}

#[test]
fn every_bad_line_of_a_key_file_is_named() {
    let file =
        File::new("bad-keys", format!("# keys\n1 {KEY}\n2 {}\n3\nKAMS.4 {KEY}\n", &KEY[..10]).as_bytes());
    let (status, out, err) = decode(&["E5", "--keys", file.path()], "");
    assert_eq!((status, out.as_str()), (2, ""));
    for line in ["line 3:", "line 4:", "line 5:"] {
        assert!(err.contains(line), "{err}");
    }
    assert!(!err.contains("line 2:") && !err.contains(&KEY[..10]), "{err}");
}

#[test]
fn a_bad_line_does_not_harm_the_others() {
    let lines = "E5\nE\nnothing\n{\"id\":7,\"hex\":\"XY\"}\n\u{0}\n# comment\n\nE5\r\n";
    let (status, out, _) = decode(&["--format", "jsonl"], lines);
    let answers = answers(&out);
    assert_eq!(status, 1);
    let ok: Vec<bool> = answers.iter().map(|answer| answer["ok"].as_bool().unwrap()).collect();
    assert_eq!(ok, [true, false, false, false, false, true]);
    let lines: Vec<u64> = answers.iter().map(|answer| answer["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 8]);
    assert_eq!(answers[3]["id"], 7);
    for answer in answers.iter().filter(|answer| answer["ok"] == false) {
        assert!(answer["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert!(answer["error"]["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
    }
}

#[test]
fn octets_that_are_no_text_are_told() {
    let mut input = b"E5\n\xFF\xFE\x00\nE5\n".to_vec();
    input.extend(vec![b'1'; 200_000]);
    let (status, out, _) = run(["decode"], &input);
    let kinds: Vec<Value> = answers(&out).into_iter().map(|answer| answer["error"]["kind"].clone()).collect();
    assert_eq!(status, 1);
    assert_eq!(kinds, [Value::Null, "not_utf8".into(), Value::Null, "line_too_long".into()]);
}

#[test]
fn text_shows_the_character_under_a_caret() {
    let (status, _, err) = decode(&["--format", "text", "E5 1X"], "");
    assert_eq!(status, 1);
    let lines: Vec<&str> = err.lines().collect();
    let shown = lines.iter().position(|line| line.contains("E5 1X")).unwrap();
    assert_eq!(lines[shown + 1].find('^'), lines[shown].find('X'), "{err}");
    assert!(err.contains("try:"), "{err}");
}

#[test]
fn damaged_lines_are_left_out_and_counted() {
    let line = "T1;0;1;2019-04-03 19:00:42.000;97;148;12345678;0x0F44AE0C78563412";
    let (status, out, err) = decode(&[], &format!("{line}\n{line}\nE5\n"));
    assert_eq!((status, answers(&out).len()), (0, 1));
    assert!(err.contains("left out: 2 lines"), "{err}");
}

#[test]
fn nothing_is_told_as_nothing() {
    let (status, out, err) = decode(&["--format", "json"], "");
    assert_eq!((status, out.trim()), (0, "[]"));
    assert!(err.contains("no telegram"), "{err}");
}

#[test]
fn stdin_and_files_are_the_same() {
    let file = File::new("telegrams", b"E5\nE5\n");
    let from_file = decode(&["--file", file.path()], "");
    assert_eq!(from_file, decode(&["--file", "-"], "E5\nE5\n"));
    assert_eq!(from_file, decode(&[], "E5\nE5\n"));
    assert_eq!(from_file.0, 0);
}

#[test]
fn every_output_format_is_whole() {
    let lines = "E5\nZZ\n";
    let (status, out, _) = decode(&["--format", "json"], lines);
    let array: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, array.as_array().unwrap().len()), (1, 2));
    let (status, out, _) = decode(&["--format", "csv"], lines);
    assert_eq!((status, out.lines().count()), (1, 3));
    let (status, out, err) = decode(&["--format", "text"], lines);
    assert_eq!(status, 1);
    assert!(out.contains("ack") && err.contains("2 telegrams, 1 failed"), "{out}{err}");
}

/// Numbers that look random and are the same on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % end
    }
}

#[test]
fn no_line_whatever_stops_the_decoder() {
    let good = [
        "6820206808FD7278563412931533032A0000000C1427048502046D32371F1502FD1700008916",
        "{\"id\":1,\"hex\":\"0F44AE0C785634120107780B13436587\",\"kind\":\"wireless\",\"crc\":\"none\",\"key\":null}",
        "{\"hex\":\"543D0F44AE0C785634120107780B13436587\",\"kind\":\"chips\",\"mode\":\"C\",\"coding\":\"nrz\"}",
        "T1;1;1;2019-04-03 19:00:42.000;97;148;12345678;0x0f44ae0c785634120107780b13436587",
        "{\"model\":\"Wireless-MBus\",\"mode\":\"T\",\"data\":\"0f44ae0c785634120107780b13436587\"}",
        "2019-04-03 19:00:42,Wireless-MBus,T,0f44ae0c785634120107780b13436587",
        "b0F44AE0C7856341201074447780B134365871E6D2A8B",
        "bY1444AE0C7856341201078C2027780B134365877AC52A8B",
        "telegram=|0F44AE0C_785634120107780B13436587|+12",
        "izar [0x12345678] RSSI: -44dBm T: 0F44AE0C785634120107780B13436587 (16) T1 A",
    ];
    let alphabet: Vec<char> =
        "0123456789ABCDEFabcdefxXYbT;,:|_-+{}[]\"\\ \t#\u{0}\u{FEFF}é\u{1F600}null".chars().collect();
    let mut numbers = Numbers(1);
    for format in ["auto", "hex", "jsonl", "rtl-wmbus", "rtl-433", "cul", "wmbusmeters", "esphome"] {
        let mut lines = String::new();
        for _ in 0..300 {
            let mut line: Vec<char> = good[numbers.below(good.len())].chars().collect();
            for _ in 0..numbers.below(6) {
                let at = numbers.below(line.len());
                match numbers.below(3) {
                    0 => line[at] = alphabet[numbers.below(alphabet.len())],
                    1 => line.insert(at, alphabet[numbers.below(alphabet.len())]),
                    _ => line.truncate(at.max(1)),
                }
            }
            lines.extend(line);
            lines.push('\n');
        }
        let mut failed = Vec::new();
        for output in ["jsonl", "json", "csv", "text"] {
            let (status, out, _) =
                decode(&["--input", format, "--format", output, "--explain", "--key", KEY], &lines);
            failed.push(status);
            match output {
                "jsonl" => assert!(answers(&out).iter().all(Value::is_object)),
                "json" => assert!(serde_json::from_str::<Value>(&out).unwrap().is_array()),
                _ => assert!(!out.contains('\u{0}') && !out.contains('\u{1B}')),
            }
        }
        assert_eq!(failed, [1; 4], "{format}");
    }
}

#[test]
fn no_octets_whatever_stop_the_decoder() {
    let mut numbers = Numbers(2);
    let mut lines = String::new();
    for _ in 0..2_000 {
        let length = numbers.below(80);
        // Beginnings that lead into the layers, then anything.
        let beginning = ["", "68", "10", "2E44931578563412330", "2E449315785634123303"][numbers.below(5)];
        lines.push_str(beginning);
        for _ in 0..length * 2 + beginning.len() % 2 {
            lines.push(char::from_digit(u32::try_from(numbers.below(16)).unwrap(), 16).unwrap());
        }
        lines.push('\n');
    }
    let (status, out, _) = decode(&["--explain", "--key", KEY], &lines);
    assert_eq!(status, 1);
    assert!(answers(&out).len() >= 1_900);
}

#[test]
fn no_key_file_whatever_stops_the_decoder() {
    let good =
        format!("# keys\nid,key\nKAM.12345678 {KEY}\n1234*;{KEY}\r\n*.* {KEY}\n\"ELS\",\"1\",\"{KEY}\"\n");
    let mut numbers = Numbers(3);
    let mut statuses = [0; 3];
    for n in 0..400 {
        let mut octets = good.clone().into_bytes();
        for _ in 0..numbers.below(4) {
            let at = numbers.below(octets.len());
            match numbers.below(4) {
                0 => octets[at] = u8::try_from(numbers.below(256)).unwrap(),
                1 => octets.insert(at, b"*.,; \t\"#\0\xFF"[numbers.below(10)]),
                2 => drop(octets.remove(at)),
                _ => octets.truncate(at.max(1)),
            }
        }
        let file = File::new(&format!("any-keys-{n}"), &octets);
        let (status, out, err) = decode(&["E5", "--keys", file.path()], "");
        statuses[usize::from(status)] += 1;
        assert!(status == 0 || out.is_empty() && err.contains("line "), "{status} {out} {err}");
        assert!(!out.contains(&KEY[..12]) && !err.contains(&KEY[..12]), "a key is printed: {err}");
    }
    assert!(statuses[0] > 50 && statuses[1] == 0 && statuses[2] > 50, "{statuses:?}");
    // Patterns that would take for ever, and a file of a million wildcards.
    let slow = format!("{} {KEY}\n*.{} {KEY}\n", "*".repeat(8), "*1*1*1*1").repeat(1000);
    let file = File::new("slow-keys", slow.as_bytes());
    let (status, out, _) = decode(&["0F44AE0C785634120107780B13436587", "--keys", file.path()], "");
    assert_eq!(status, 1);
    assert!(out.contains("clear_data"), "every meter has a key in this file: {out}");
}

/// The printed frame of EN 13757-4 in the chips of modes T, S and C, with what follows a frame on the air.
#[test]
fn chips_become_the_printed_frame() {
    for (mode, coding, chips) in [
        ("T", "3of6", "5A971C9B25B44EC65A2DC34E58D59371C7134EC5A334B70B699B133726B155"),
        (
            "S",
            "manchester",
            "AA559A9A6656AA5A956A9996A59AA9A6AAA9AA959A9A9A95956AAA65A9A59AA596996A95A956965955",
        ),
        ("C", "nrz", "54CD0F44AE0C7856341201074447780B134365871E6D55"),
    ] {
        for names in [
            format!(r#""mode":"{mode}","coding":"{coding}","#),
            format!(r#""mode":"{mode}","#),
            String::new(),
        ] {
            let line = format!(r#"{{{names}"kind":"chips","hex":"{chips}"}}"#);
            let (status, out, err) = decode(&["--input", "jsonl", "--format", "jsonl"], &line);
            assert_eq!((status, err.as_str()), (0, ""), "{line} {out}");
            let answer = &answers(&out)[0];
            assert_eq!(answer["frame"]["hex"], "0F44AE0C785634120107780B13436587", "{line}");
            assert_eq!(answer["records"][0]["value"], "876.543", "{line} {out}");
        }
        // Two zeros in a row are no symbol of any code, and a wrong bit is found by the CRC.
        let damaged = format!("{}00{}", &chips[..20], &chips[22..]);
        let line = format!(r#"{{"mode":"{mode}","coding":"{coding}","kind":"chips","hex":"{damaged}"}}"#);
        let (status, out, _) = decode(&["--input", "jsonl", "--format", "jsonl"], &line);
        let answer = &answers(&out)[0];
        assert_eq!((status, &answer["ok"]), (1, &Value::Bool(false)), "{line}");
        let kind = if mode == "C" { "block_crc" } else { "invalid_symbol" };
        assert_eq!(answer["error"]["kind"], kind, "{out}");
    }
}

/// The printed frames of EN 13757-4 as whole transmissions, with noise around them, either way up.
#[test]
fn whole_transmissions_become_the_printed_frames() {
    let a = "0F44AE0C785634120107780B13436587";
    let b = "1244AE0C7856341201078C2027780B13436587";
    for (mode, frame, air) in [
        ("T", a, "55555555543D5A971C9B25B44EC65A2DC34E58D59371C7134EC5A334B70B699B133726B155"),
        (
            "S",
            a,
            "555555547696AA559A9A6656AA5A956A9996A59AA9A6AAA9AA959A9A9A95956AAA65A9A59AA596996A95A956965955",
        ),
        ("C", a, "55555555543D54CD0F44AE0C7856341201074447780B134365871E6D"),
        ("C", b, "55555555543D543D1444AE0C7856341201078C2027780B134365877AC5"),
        ("N", a, "5555F68D0F44AE0C7856341201074447780B134365871E6D"),
        ("N", b, "5555F6721444AE0C7856341201078C2027780B134365877AC5"),
        ("N", a, "77777777FF7DD5F70F44AE0C7856341201074447780B134365871E6D"),
    ] {
        let octets: Vec<u8> =
            (0..air.len()).step_by(2).map(|at| u8::from_str_radix(&air[at..at + 2], 16).unwrap()).collect();
        for names in [format!(r#""mode":"{mode}","#), String::new()] {
            for shift in [0, 3] {
                for turned in [0x00, 0xFF] {
                    // With four levels the other sideband turns one chip of two.
                    let turned = if air.starts_with('7') && turned != 0 { 0xAA } else { turned };
                    let mut hex = String::new();
                    let mut before = 0xB2_u8;
                    for octet in octets.iter().map(|octet| octet ^ turned).chain([0x6A, 0x13]) {
                        let upper = if shift == 0 { 0 } else { before << (8 - shift) };
                        hex += &format!("{:02X}", upper | octet >> shift);
                        before = octet;
                    }
                    let line = format!(r#"{{{names}"kind":"chips","hex":"{hex}"}}"#);
                    let (_, out, _) = decode(&["--input", "jsonl", "--format", "jsonl"], &line);
                    let answer = &answers(&out)[0];
                    assert_eq!(answer["frame"]["hex"], frame, "{line} {out}");
                    assert_eq!(answer["records"][0]["value"], "876.543", "{line} {out}");
                    let upside_down = out.contains("the chips are upside down");
                    assert_eq!(upside_down, turned != 0, "{out}");
                }
            }
        }
        // Two of them in one capture: the first is read, the other not kept quiet about.
        let line = format!(r#"{{"kind":"chips","hex":"{air}{air}"}}"#);
        let (_, out, _) = decode(&["--input", "jsonl", "--format", "jsonl"], &line);
        assert!(out.contains("1 more frames follow in these chips"), "{out}");
    }
}
