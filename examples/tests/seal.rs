//! The example `seal`: what it builds `decode` reads back, and what it refuses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use examples::{decode, seal};
use serde_json::Value;
use std::path::PathBuf;

const KEY: &str = "000102030405060708090A0B0C0D0E0F";
const METER: &str = "ELS.12345678.33.03";
const GATEWAY: &str = "AMT.00000001.01.31";

/// A state file of a test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("seal-{}-{name}.txt", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_default()
    }
    fn seal(&self, more: &[&str]) -> (u8, String, String) {
        let state = self.0.to_str().unwrap();
        let fixed = ["seal", "--key", KEY, "--meter", METER, "--state", state];
        seal::run(fixed.iter().chain(more))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn read(frames: &str) -> Vec<Value> {
    let (_, out, _) = decode::run(["decode", "--format", "jsonl", "--key", KEY], frames.as_bytes());
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn decode_reads_every_profile_way_and_carrier() {
    for profile in ["a", "B", "d"] {
        let scratch = Scratch::new(&format!("all-{profile}"));
        let mut n = 0;
        for way in [&[][..], &["--to-meter", "--gateway", GATEWAY]] {
            for carrier in [&[][..], &["--ell"], &["--crc", "a"], &["--crc", "b", "--ell"], &["--wired", "5"]]
            {
                // On the wired bus the master needs no address of its own.
                let is_wired = carrier[..] == ["--wired", "5"];
                let way = if is_wired && !way.is_empty() { &way[..1] } else { way };
                let first = ["--first", "1"];
                let is_first = n == 0 || (n == 5 && !way.is_empty());
                let first = if is_first && profile != "a" { &first[..] } else { &[] };
                let arguments =
                    [&["--profile", profile], way, carrier, first, &["volume=28504.27 m3", "046D32371F15"]]
                        .concat();
                let (status, out, err) = scratch.seal(&arguments);
                assert_eq!((status, err.as_str()), (0, ""), "{arguments:?}");
                let answers = read(&out);
                let answer = &answers[0];
                assert_eq!(answer["ok"], true, "{arguments:?} {answer}");
                assert_eq!(answer["security"]["state"], "decrypted");
                assert_eq!(answer["security"]["authenticated"], profile != "a");
                assert_eq!(answer["records"][0]["value"], "28504.27");
                assert_eq!(answer["records"][1]["value"], "2008-05-31T23:50");
                if is_wired {
                    let c_field = if way.is_empty() { "08" } else { "53" };
                    assert_eq!(
                        (&answer["frame"]["c"], &answer["frame"]["address"]),
                        (&c_field.into(), &5.into())
                    );
                }
                n += 1;
            }
        }
        assert_eq!(n, 10);
    }
}

#[test]
fn counters_go_on_and_the_file_is_kept_before_the_frame_is_shown() {
    let scratch = Scratch::new("counters");
    let (status, first, _) = scratch.seal(&["--profile", "b", "--first", "2739", "0C1427048502"]);
    assert_eq!(status, 0);
    assert!(scratch.text().contains("9315785634123303 up 00 00 2740 0 00"), "{}", scratch.text());
    let (_, second, _) = scratch.seal(&["--profile", "d", "0C1427048502"]);
    assert!(scratch.text().contains(" 2741 0 01"), "{}", scratch.text());
    let counters: Vec<bool> = [first, second].iter().map(|frame| frame.contains("B40A0000")).collect();
    assert_eq!(counters, [false, true]);
    // The lock is gone.
    assert!(!std::path::Path::new(&format!("{}.lock", scratch.0.display())).exists());
}

#[test]
fn fragments_are_read_back() {
    let scratch = Scratch::new("fragments");
    let records = "0C1379194100".repeat(20);
    for (profile, first) in [("a", &[][..]), ("b", &["--first", "1"]), ("d", &[])] {
        let arguments = [&["--profile", profile, "--fragment", "50"], first, &[records.as_str()]].concat();
        let (status, out, err) = scratch.seal(&arguments);
        assert_eq!((status, err.as_str()), (0, ""));
        assert_eq!(out.lines().count(), 3);
        let answers = read(&out);
        assert_eq!(answers[2]["records"].as_array().unwrap().len(), 20, "{}", answers[2]);
    }
}

#[test]
fn refusals_say_what_to_do() {
    let scratch = Scratch::new("refusals");
    let refused = |more: &[&str]| {
        let (status, out, err) = scratch.seal(more);
        assert_eq!(out, "");
        (status, err)
    };
    let contains = |(status, err): (u8, String), expected: u8, words: &str| {
        assert_eq!(status, expected, "{err}");
        assert!(err.contains(words), "{err}");
        assert!(!err.contains(&KEY[8..]), "{err}");
    };
    contains(refused(&["--profile", "b", "0C1427048502"]), 2, "--first");
    contains(refused(&["--profile", "c", "0C1427048502"]), 2, "invalid value");
    contains(refused(&["--profile", "a", "volum=1 m3"]), 2, "some are: ");
    contains(refused(&["--profile", "a", "volume=1 gallons"]), 2, "no unit is written");
    contains(refused(&["--profile", "a", "volume=x m3"]), 2, "decimal number");
    contains(refused(&["--profile", "a", "0C14270485"]), 2, "no list of records");
    contains(refused(&["--profile", "a", "0C142704850"]), 2, "");
    contains(refused(&["--profile", "a", "--to-meter", "0C1427048502"]), 2, "--gateway");
    contains(refused(&["--profile", "a", "--gateway", GATEWAY, "0C1427048502"]), 2, "--to-meter");
    contains(refused(&["--profile", "a", &"0C1427048502".repeat(50)]), 1, "--fragment");
    contains(refused(&["--profile", "a", "--key-id", "3", "0C1427048502"]), 1, "--key-id");
    assert_eq!(scratch.text(), "", "nothing was used up");
    assert_eq!(scratch.seal(&["--profile", "a", "--access", "7", "0C1427048502"]).0, 0);
    contains(refused(&["--profile", "a", "--access", "7", "0C1427048502"]), 1, "count on");
    // An access number is no counter: profile B still wants its first one.
    contains(refused(&["--profile", "b", "0C1427048502"]), 2, "--first");
    assert_eq!(scratch.seal(&["--profile", "b", "--first", "7", "0C1427048502"]).0, 0);
    contains(refused(&["--profile", "b", "--first", "9", "0C1427048502"]), 2, "leave --first out");
    let state = scratch.0.to_str().unwrap();
    let (status, _, err) =
        seal::run(["seal", "--key", "0102", "--meter", METER, "--state", state, "--profile", "a"]);
    assert_eq!(status, 2);
    assert!(err.contains("32 hex digits"), "{err}");
    let (status, _, err) =
        seal::run(["seal", "--key", KEY, "--meter", "ELS.1", "--state", state, "--profile", "a"]);
    assert_eq!(status, 2);
    assert!(err.contains("MANUFACTURER.NUMBER"), "{err}");
}

#[test]
fn a_damaged_or_used_state_file_stops_everything() {
    let scratch = Scratch::new("damaged");
    for (text, words) in [
        ("9315785634123303 up 00 00 x 0 -\n", "line 1: expected a counter"),
        ("# fine\n9315785634123303 up 00 00 1 0 -\n9315785634123303 up 00 00 9 0 -\n", "line 3"),
    ] {
        std::fs::write(&scratch.0, text).unwrap();
        let (status, out, err) = scratch.seal(&["--profile", "b", "0C1427048502"]);
        assert_eq!((status, out.as_str()), (1, ""));
        assert!(err.contains(words), "{err}");
        assert_eq!(scratch.text(), text);
    }
    std::fs::write(&scratch.0, "9315785634123303 up 00 00 4294967296 0 -\n").unwrap();
    let (status, _, err) = scratch.seal(&["--profile", "b", "0C1427048502"]);
    assert_eq!(status, 1);
    assert!(err.contains("new key"), "{err}");
    let lock = format!("{}.lock", scratch.0.display());
    std::fs::write(&lock, "").unwrap();
    let (status, _, err) = scratch.seal(&["--profile", "b", "0C1427048502"]);
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(status, 1);
    assert!(err.contains("another program"), "{err}");
}
