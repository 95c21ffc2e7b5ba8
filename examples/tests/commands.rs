//! Secured commands and keys on their way: what `seal` builds `decode` tells, and no key is ever shown.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use examples::{decode, seal};
use serde_json::{Value, json};
use std::path::PathBuf;

const KEY: &str = "000102030405060708090A0B0C0D0E0F";
const COMMAND_KEY: &str = "08154711081547110815471108154711";
const NEW_KEY: &str = "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF";
const METER: &str = "HYD.12345678.55.20";
const GATEWAY: &str = "AMT.00000001.01.31";

/// OMS Vol. 2 Annex N, N.12.2 (open the breaker's circuit), N.12.3 (done), N.12.4 (the key is unknown).
const PRINTED: [&str; 3] = [
    "4B433A632143658708318C8423900F002C25F00A000087E277722E67603DC3785634123A635520512020071028B27359AC9B83ABCDC87FFDF8F2FE8E1ED8F19718B7434C5EAED8663F15C5CA",
    "43083A637856341255208C8423900F002C25F10A00001C566D47AB618754C451002007102DA57D884181E5376C0F7C9F86100822C33CF7CDFDB8411C20D477D8C5A67F37",
    "33083A637856341255208C8423900F002C25F10A0000422FB12614375597C45102180710B315C2E1A0721EE74E3503AD479F0F0D",
];

/// A state file of a test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("commands-{}-{name}.txt", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
    fn seal(&self, more: &[&str]) -> (u8, String, String) {
        let state = self.0.to_str().unwrap();
        let fixed = ["seal", "--key", KEY, "--meter", METER, "--state", state, "--to-meter"];
        seal::run(fixed.iter().chain(more))
    }
    fn sealed(&self, more: &[&str]) -> String {
        let (status, out, err) = self.seal(more);
        assert_eq!((status, err.as_str()), (0, ""), "{more:?}");
        out
    }
    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_default()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn run(frames: &str, more: &[&str]) -> String {
    let (_, out, err) = decode::run(["decode", "--key", KEY].iter().chain(more), frames.as_bytes());
    format!("{out}{err}")
}
fn read(frames: &str, more: &[&str]) -> Value {
    let out = run(frames, &[&["--format", "jsonl"], more].concat());
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}
/// The only block.
fn block(frames: &str) -> Value {
    let answer = read(frames, &["--command-key", COMMAND_KEY]);
    assert_eq!(
        (&answer["ok"], &answer["security"]["authenticated"]),
        (&json!(true), &json!(true)),
        "{answer}"
    );
    let blocks = answer["security_information"].as_array().unwrap();
    assert_eq!(blocks.len(), 1, "{answer}");
    blocks[0].clone()
}

#[test]
fn the_printed_command_and_its_answers() {
    let command = block(PRINTED[0]);
    assert_eq!(
        command,
        json!({
            "block": 0, "function": "secured application data", "answer": false, "recipient": 0,
            "structure": "data with CMAC of 8 octets", "key_id": "20", "key_version": 0,
            "key": "breaker or valve control", "state": "verified", "status": null, "counter": 15,
            "target_time": "at once", "protocol": "M-Bus records", "command": "switch: closed or off",
            "content": "0F0000000000000030010 1FD1F00FA41E2812D449B4D".replace(' ', ""), "note": null,
        })
    );
    let done = block(PRINTED[1]);
    assert_eq!((&done["answer"], &done["command"]), (&json!(true), &json!("switch: closed or off")));
    let unknown = block(PRINTED[2]);
    assert_eq!(
        (&unknown["state"], &unknown["status"]),
        (&json!("none"), &json!("key id or key version unknown"))
    );
    // Without the key for breakers the command is not told; which key it needs is.
    for keys in [&[][..], &["--command-key", NEW_KEY]] {
        let answer = read(PRINTED[0], keys);
        let locked = &answer["security_information"][0];
        assert_eq!((&locked["state"], &locked["command"]), (&json!("unverified"), &json!(null)));
        assert_eq!((&locked["counter"], &locked["target_time"]), (&json!(null), &json!(null)));
        assert!(locked["note"].as_str().unwrap().contains("\"breaker or valve control\""), "{locked}");
    }
    // A line of --keys serves as well.
    let keys = Scratch::new("keys");
    std::fs::write(&keys.0, format!("12345678 {COMMAND_KEY}\n")).unwrap();
    let answer = read(PRINTED[0], &["--keys", keys.0.to_str().unwrap()]);
    assert_eq!(answer["security_information"][0]["state"], "verified");
}

#[test]
fn text_and_explanation() {
    let out = run(PRINTED[0], &["--command-key", COMMAND_KEY, "--format", "text", "--explain"]);
    for words in [
        "secured application data, key 20 (breaker or valve control) version 0: switch: closed or off, counter 15, at once, \
         verified",
        "BCF",
        "key counter",
        "01FD1F00",
        "MAC",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert!(!out.contains(COMMAND_KEY) && !out.contains(KEY));
    let out = run(PRINTED[2], &["--format", "text", "--explain"]);
    assert!(out.contains("secured application data (answer)"), "{out}");
    assert!(out.contains("key id or key version unknown"), "{out}");
}

#[test]
fn every_command_is_built_and_told() {
    let scratch = Scratch::new("every");
    let carriers: [&[&str]; 3] =
        [&["--gateway", GATEWAY], &["--gateway", GATEWAY, "--ell", "--crc", "a"], &["--wired", "5"]];
    let mut seen = std::collections::BTreeMap::new();
    let mut outer = None;
    for (command, records, id, words) in [
        ("switch=off", None, "20", "switch: closed or off"),
        ("switch=on", None, "20", "switch: open or on"),
        ("switch=released", None, "20", "switch: released"),
        ("clock=2026-11-26T12:30:15", None, "22", "clock: set to 2026-11-26T12:30:15"),
        ("clock=+00:01:50", None, "21", "clock: go forward by 00:01:50"),
        ("clock=-00:00:30", None, "21", "clock: go back by 00:00:30"),
        ("clock=@12:30:15", None, "21", "clock: it is 12:30:15"),
        ("records", Some("017A05"), "26", "set the primary address to 5"),
        ("records", Some("02FD97060300"), "24", "clear the error flags 0300"),
        ("records", Some("01FDFD800010"), "25", "select the application: user data"),
        ("image=0601", None, "23", "image transfer: activate 01"),
    ] {
        for carrier in carriers {
            for profile in ["b", "d"] {
                let counter = seen.entry(id).and_modify(|counter| *counter += 1).or_insert(40u32);
                let first = counter.to_string();
                let mut arguments =
                    vec!["--profile", profile, "--command", command, "--command-key", COMMAND_KEY];
                arguments.extend(records);
                arguments.extend(carrier);
                arguments.extend(["--command-time", "-5"]);
                if *counter == 40 {
                    arguments.extend(["--command-first", &first]);
                }
                if outer.replace(()).is_none() {
                    arguments.extend(["--first", "1"]);
                }
                let frames = scratch.sealed(&arguments);
                let told = block(&frames);
                assert_eq!((&told["command"], &told["state"]), (&json!(words), &json!("verified")), "{told}");
                assert_eq!((&told["counter"], &told["key_id"]), (&json!(*counter), &json!(id)));
                assert_eq!((&told["target_time"], &told["note"]), (&json!("-5 s"), &json!(null)));
            }
        }
    }
    for id in seen.keys() {
        assert!(scratch.text().contains(&format!(" down {id} 00 ")), "{}", scratch.text());
    }
}

#[test]
fn the_printed_block_is_built() {
    let scratch = Scratch::new("printed");
    let frame = scratch.sealed(&[
        "--profile",
        "b",
        "--first",
        "2800",
        "--gateway",
        GATEWAY,
        "--command",
        "switch=off",
        "--command-key",
        COMMAND_KEY,
        "--command-first",
        "15",
    ]);
    assert_eq!(block(&frame), block(PRINTED[0]));
    // Profile A has no MAC of its own, and fills its last block with 2F; the command has its MAC all the same.
    let frame = scratch.sealed(&[
        "--profile",
        "a",
        "--gateway",
        GATEWAY,
        "--command",
        "switch=on",
        "--command-key",
        COMMAND_KEY,
    ]);
    let answer = read(&frame, &["--command-key", COMMAND_KEY]);
    assert_eq!(
        (&answer["ok"], &answer["security"]["authenticated"]),
        (&json!(true), &json!(false)),
        "{answer}"
    );
    let told = &answer["security_information"][0];
    assert_eq!((&told["command"], &told["counter"]), (&json!("switch: open or on"), &json!(16)));
}

#[test]
fn keys_travel_and_are_never_shown() {
    let scratch = Scratch::new("keys-travel");
    let wrapper = ["--gateway", GATEWAY, "--profile", "b", "--command-key", COMMAND_KEY];
    let mut first = vec!["--first", "1"];
    for (command, more, words) in [
        ("key=20/2", &["--new-key", NEW_KEY][..], "new key: breaker or valve control, version 2"),
        ("key=00/a", &["--new-key", NEW_KEY], "new key: master key, version 10"),
        (
            "activate=20/2,20/1",
            &[],
            "activate breaker or valve control, version 2; deactivate breaker or valve control, version 1 (option 00)",
        ),
    ] {
        let arguments = [&wrapper[..], &first, &["--command", command], more].concat();
        first.clear();
        let frames = scratch.sealed(&arguments);
        let told = block(&frames);
        assert_eq!((&told["command"], &told["state"]), (&json!(words), &json!("verified")), "{told}");
        assert_eq!((&told["key_id"], &told["key"]), (&json!("10"), &json!("wrapper key 10h")));
        // Without the wrapper key nothing but what is around it.
        let locked = read(&frames, &[]);
        let locked = &locked["security_information"][0];
        assert_eq!((&locked["state"], &locked["command"]), (&json!("unverified"), &json!(null)));
        for format in ["json", "jsonl", "text", "csv"] {
            for explain in [&[][..], &["--explain"]] {
                let keys = ["--command-key", COMMAND_KEY, "--format", format];
                let out = run(&frames, &[&keys[..], explain].concat());
                assert!(!out.replace(' ', "").contains(&NEW_KEY[8..]), "{format}: {out}");
                assert!(!out.contains(COMMAND_KEY));
            }
        }
    }
    assert!(!scratch.text().contains(NEW_KEY), "{}", scratch.text());
}

/// A key that somebody forgot to wrap is blanked in everything that is printed.
#[test]
fn a_key_in_clear_is_blanked() {
    use mbus_app::body::Body;
    use mbus_app::ci::CiField;
    use mbus_app::telegram::builder::{Protection, TelegramBuilder};
    use mbus_app::tpl::{Header, Tpl};
    use mbus_link::{Address, CField};
    use oms_security::key::{Aes, Key, PreparedKey};
    use oms_security::security_information::{Block, Function, Structure};
    let meter = Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
    let key = PreparedKey::<Aes>::new(&KEY.parse::<Key>().unwrap());
    let new: Vec<u8> = (0xC0..0xD0).collect();
    let forgotten = [b"\xA6\x59\x59\xA6\0\0\0\x17".to_vec(), new.clone(), vec![0; 8]].concat();
    let status = Block { structure: Structure::STATUS_2, content: &[0], ..Block::default() };
    for (structure, content) in [
        (Structure::KEY_STRUCTURE_1, &forgotten),
        (Structure::KEY_STRUCTURE_1, &new),
        (Structure::KEY_STRUCTURE_0, &new),
        (Structure::KEY_STRUCTURE_2, &new),
        (Structure::KEY_PAIR, &new),
    ] {
        let mut body = [0; 100];
        let block = Block { function: Function::TRANSFER, structure, content, ..Block::default() };
        let first = status.encode_into(&mut body).unwrap().len();
        let len = first + block.encode_into(&mut body[first..]).unwrap().len();
        let count = oms_security::count::Count { meter, to_meter: false, key_id: 0, key_version: 0 };
        let mut state = oms_security::sender::SenderState::new(count, 1);
        let _kept = state.export(9, 0);
        for profile in [oms_security::profile::Profile::B, oms_security::profile::Profile::D] {
            for limit in [200, 40] {
                let tpl = Tpl::of(CiField(0xC5), meter, Header::default());
                let body = Body::Octets(&body[..len]);
                let telegram = TelegramBuilder::wireless(CField::RSP_UD, meter, tpl, body);
                let protection = Protection { fragmented: limit == 40, ..Protection::of(profile) };
                let (mut message, mut frame) = ([0; 300], [0; 300]);
                let sealed = telegram.seal_into(&protection, &key, &mut state, &mut message).unwrap();
                let mut frames = sealed.frames(limit).unwrap();
                let mut text = String::new();
                while let Some(frame) = frames.next_into(limit, &mut frame).unwrap() {
                    text += &(decode::hex::upper(frame) + "\n");
                }
                assert_eq!(text.lines().count() > 1, limit == 40);
                for format in ["json", "jsonl", "text", "csv"] {
                    for explain in [&[][..], &["--explain"]] {
                        let out = run(&text, &[&["--format", format][..], explain].concat());
                        let shown = out.replace(' ', "");
                        assert!(
                            !shown.contains("C8C9CACB") && !shown.contains("c8c9cacb"),
                            "{format}: {out}"
                        );
                    }
                }
                let answer = read(&text, &[]);
                let blocks = answer["security_information"].as_array().unwrap();
                assert_eq!(
                    (blocks[0]["status"].as_str(), &blocks[1]["content"]),
                    (Some("done"), &json!(null))
                );
                assert!(answer["notes"].to_string().contains("may be a key in clear"), "{answer}");
            }
        }
    }
}

#[test]
fn a_command_with_the_key_of_another_kind_is_told_with_a_remark() {
    let scratch = Scratch::new("purpose");
    let frame = scratch.sealed(&[
        "--profile",
        "b",
        "--first",
        "1",
        "--gateway",
        GATEWAY,
        "--command",
        "clock=2026-11-26T12:30:15",
        "--command-key",
        COMMAND_KEY,
        "--command-first",
        "1",
        "--command-key-id",
        "20",
        "--command-key-version",
        "3",
    ]);
    let told = block(&frame);
    assert_eq!((&told["state"], &told["key_version"]), (&json!("verified"), &json!(3)));
    assert_eq!(
        told["note"],
        "a command for the key \"set the clock\" came with the key \"breaker or valve control\""
    );
}

#[test]
fn refusals_say_what_to_do() {
    let scratch = Scratch::new("refusals");
    let contains = |more: &[&str], status: u8, words: &str| {
        let fixed = ["--profile", "b", "--first", "1", "--gateway", GATEWAY];
        let (found, out, err) = scratch.seal(&[&fixed[..], more].concat());
        assert_eq!((found, out.as_str()), (status, ""), "{more:?} {err}");
        assert!(err.contains(words), "{more:?} {err}");
        assert!(!err.contains(&COMMAND_KEY[8..]) && !err.contains(&NEW_KEY[8..]), "{err}");
    };
    let keyed = |more: &[&'static str]| [&["--command-key", COMMAND_KEY][..], more].concat();
    contains(&["--command", "switch=off"], 2, "--command-key");
    contains(&keyed(&["--command", "switch=off"]), 2, "--command-first");
    contains(&keyed(&["--command", "switch=off", "--command-first", "1", "017A05"]), 2, "--command records");
    contains(&keyed(&["--command", "switch=maybe"]), 2, "off, on or released");
    contains(&keyed(&["--command", "valve=off"]), 2, "switch, clock, records");
    for time in ["noon", "+1:2", "+25:00:00", "2026-02-30T00:00:00", "1999-01-01T00:00:00", "@00:60:00", ""] {
        let command = format!("clock={time}");
        let arguments = ["--command-key", COMMAND_KEY, "--command-first", "1", "--command", &command];
        contains(&arguments, 2, "2026-11-26T12:30:15");
    }
    contains(&keyed(&["--command", "records"]), 2, "no record");
    contains(&keyed(&["--command", "records", "0813"]), 2, "--command-key-id");
    contains(&keyed(&["--command", "image="]), 2, "--command");
    contains(&keyed(&["--command", "key=20/2"]), 2, "--new-key");
    contains(&keyed(&["--command", "key=20/2", "--new-key", "C0C1"]), 2, "--new-key");
    contains(&keyed(&["--command", "key=2000", "--new-key", NEW_KEY]), 2, "20/2");
    contains(&keyed(&["--command", "activate=20/2"]), 2, "20/2,20/1");
    contains(&["--command", "switch=off", "--command-key", "0815"], 2, "32 hex digits");
    assert_eq!(scratch.text(), "", "nothing was used up");
    let (status, _, err) = seal::run([
        "seal",
        "--key",
        KEY,
        "--meter",
        METER,
        "--state",
        scratch.0.to_str().unwrap(),
        "--profile",
        "b",
        "--first",
        "1",
        "--command",
        "switch=off",
        "--command-key",
        COMMAND_KEY,
    ]);
    assert_eq!(status, 2);
    assert!(err.contains("--to-meter"), "{err}");
}
