//! `gateway listen`: several receivers, each telegram once, what is refused and why, what survives a restart.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

use links::{gateway, meter};
use mbus_link::relay::set_hop;
use serde_json::Value;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::PathBuf;

const KEY: &str = "000102030405060708090A0B0C0D0E0F";

/// A file of this test alone.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gateway-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }
    fn name(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Telegrams of one meter as lines of rtl_wmbus, 16 s apart.
fn sent(meter: &str, seal: &str, count: &str) -> Vec<String> {
    let fixed = ["meter", "wireless", "--clock", "2026-03-31T12:34", "--at-once", "--key", KEY];
    let (status, out, err) = meter::run(fixed.iter().chain(&[meter, "--seal", seal, "--count", count]));
    assert_eq!((status, err.as_str()), (0, ""));
    out.lines().map(str::to_owned).collect()
}

/// One line with the hop bit, heard so many seconds later.
fn repeated(line: &str, seconds: i64) -> String {
    let (start, hex) = line.split_once("0x").unwrap();
    let mut octets = examples::decode::hex::parse(hex).unwrap();
    set_hop(&mut octets).unwrap();
    later(&format!("{start}0x{}", examples::decode::hex::upper(&octets)), seconds)
}

fn later(line: &str, seconds: i64) -> String {
    let mut columns: Vec<&str> = line.split(';').collect();
    let format = "%Y-%m-%d %H:%M:%S%.3f";
    let time = chrono::NaiveDateTime::parse_from_str(columns[3], format).unwrap();
    let time = (time + chrono::TimeDelta::seconds(seconds)).format(format).to_string();
    columns[3] = &time;
    columns.join(";")
}

fn listen(arguments: &[&str], stdin: &str) -> (u8, Vec<Value>, String) {
    let (status, out, err) = gateway::run(["gateway", "listen"].iter().chain(arguments), stdin.as_bytes());
    (status, out.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), err)
}

/// The columns of a meter's row: two spaces or more part them.
fn row(err: &str, meter: &str) -> Vec<String> {
    let is_row = |line: &&str| line.trim_start().starts_with(meter) && !line.contains(": ");
    let line = err.lines().find(is_row).unwrap_or_else(|| panic!("{meter} in {err}"));
    line.split("  ").map(|column| column.trim().to_owned()).filter(|column| !column.is_empty()).collect()
}

#[test]
fn a_stream_is_forwarded_as_decode_prints_it_and_counted() {
    let lines = sent("water", "D", "6");
    let input = [&lines[..2], &lines[3..]].concat().join("\n");
    let (status, readings, err) = listen(&["--key", KEY], &input);
    assert_eq!(status, 0, "{err}");
    let (_, decoded, _) = examples::decode::run(["decode", "-f", "jsonl", "--key", KEY], input.as_bytes());
    let decoded: Vec<Value> = decoded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(readings.len(), 5);
    for (mut reading, decoded) in readings.into_iter().zip(decoded) {
        assert_eq!(reading.as_object_mut().unwrap().shift_remove("heard_by").unwrap(), "stdin");
        assert_eq!(reading, decoded);
    }
    let counter = decoded_counter(&lines[5]);
    // One of six was lost; the predictions of the others came true.
    assert_eq!(
        row(&err, "ELS.12345678"),
        ["ELS.12345678", "water", "5", "0", "1", "0", "16 s", "3/3", "0", "D", &counter]
    );
}

fn decoded_counter(line: &str) -> String {
    let (_, out, _) = examples::decode::run(["decode", "-f", "jsonl", "--key", KEY], line.as_bytes());
    serde_json::from_str::<Value>(&out).unwrap()["security"]["counter"].to_string()
}

#[test]
fn several_receivers_and_a_repeater_give_each_telegram_once_with_the_best_signal() {
    let lines = sent("heat", "B", "4");
    let json = |line: &String, dbm: i32| {
        let hex = line.split_once("0x").unwrap().1;
        let time = line.split(';').nth(3).unwrap();
        format!(r#"{{"hex":"{hex}","received":"{time}","rssi_dbm":{dbm}}}"#)
    };
    // Roof hears all, cellar misses the second and hears the others better; the repeater's copies come 9 s later.
    let roof: Vec<String> = lines.iter().map(|line| json(line, -90)).collect();
    let cellar: Vec<String> =
        lines.iter().enumerate().filter(|(n, _)| *n != 1).map(|(_, line)| json(line, -60)).collect();
    let copies: Vec<String> = lines.iter().map(|line| repeated(line, 9)).collect();
    let files = [
        File::new("roof", &roof.join("\n")),
        File::new("cellar", &cellar.join("\n")),
        File::new("far", &copies.join("\n")),
    ];
    let named: Vec<String> = ["roof", "cellar", "far"]
        .iter()
        .zip(&files)
        .map(|(name, file)| format!("{name}={}", file.name()))
        .collect();
    let (status, readings, err) = listen(&["--key", KEY, &named[0], &named[1], &named[2]], "");
    assert_eq!(status, 0, "{err}");
    let heard: Vec<String> = readings.iter().map(|r| r["heard_by"].as_str().unwrap().to_owned()).collect();
    assert_eq!(heard, ["cellar, roof", "roof", "cellar, roof", "cellar, roof"], "{err}");
    let signals: Vec<i64> = readings.iter().filter_map(|r| r["rssi_dbm"].as_i64()).collect();
    assert_eq!(signals, [-60, -90, -60, -60]);
    let row = row(&err, "ELS.12345678");
    assert_eq!(row[2..8], ["4", "7", "0", "4", "16 s", "2/2"]);
    assert_eq!(row[11], "-60 dBm");
}

#[test]
fn what_only_the_repeater_brought_was_not_missed() {
    let lines = sent("gas", "A", "5");
    let input =
        [lines[0].clone(), lines[1].clone(), repeated(&lines[2], 9), lines[3].clone(), lines[4].clone()];
    let (status, readings, err) = listen(&["--key", KEY], &input.join("\n"));
    assert_eq!((status, readings.len()), (0, 5), "{err}");
    assert_eq!(row(&err, "ELS.12345678")[2..8], ["5", "0", "0", "1", "16 s", "2/2"]);
}

#[test]
fn a_replay_is_refused_once_for_all_and_after_a_restart_too() {
    let lines = sent("water", "D", "5");
    let state = File::new("state", "");
    let arguments = ["--key", KEY, "--state", state.name()];
    let (status, readings, err) = listen(&arguments, &lines[..4].join("\n"));
    assert_eq!((status, readings.len()), (0, 4), "{err}");
    assert!(fs::read_to_string(&state.0).unwrap().contains("counter "));
    // A day later somebody plays what he heard; then the meter itself goes on.
    let replay: Vec<String> = lines.iter().map(|line| later(line, 86_400)).collect();
    let (status, readings, err) = listen(&arguments, &replay.join("\n"));
    assert_eq!((status, readings.len()), (1, 1), "{err}");
    assert_eq!(readings[0]["security"]["counter"].to_string(), decoded_counter(&lines[4]));
    assert_eq!(err.matches("replay: counter").count(), 1, "{err}");
    assert!(err.contains("  try: somebody sent an old telegram again"), "{err}");
    // Three are older than the last counter; the fourth is the last telegram once more.
    let row = row(&err, "ELS.12345678");
    assert_eq!((row[2].as_str(), row[3].as_str(), row.last().unwrap().as_str()), ("1", "1", "3 replay"));
    // Without the file nobody remembers.
    assert_eq!(listen(&arguments[..2], &replay.join("\n")).1.len(), 5);
    // The lock is gone, and what is no line is not thrown away.
    fs::write(&state.0, "counter nonsense\n").unwrap();
    let (status, _, err) = listen(&arguments, "");
    assert_eq!((status, err.contains("line 1")), (2, true), "{err}");
    assert_eq!(fs::read_to_string(&state.0).unwrap(), "counter nonsense\n");
}

#[test]
fn a_refused_replay_disturbs_no_account() {
    let lines = sent("water", "B", "8");
    let mut input = lines.clone();
    // Old ones between the new ones, out of their time.
    for n in (3..8).rev() {
        input.insert(n + 1, later(&lines[0], i64::try_from(n).unwrap() * 16 + 70));
    }
    let (_, readings, err) = listen(&["--key", KEY], &input.join("\n"));
    let row = row(&err, "ELS.12345678");
    assert_eq!((readings.len(), &row[4..8]), (8, &["0", "0", "16 s", "6/6"].map(String::from)[..]), "{err}");
}

#[test]
fn an_old_telegram_that_no_counter_betrays_is_marked_for_its_time() {
    let lines = sent("gas", "A", "8");
    let mut input = lines[..6].to_vec();
    // Two minutes after it was heard: the filter has forgotten it.
    input.push(later(&lines[0], 16 * 5 + 7 + 60));
    input.extend(lines[6..].iter().map(|line| later(line, 0)));
    input.sort_by_key(|line| line.split(';').nth(3).unwrap().to_owned());
    let (status, readings, err) = listen(&["--key", KEY], &input.join("\n"));
    let is_marked = |r: &Value| {
        r["notes"].as_array().is_some_and(|n| n.iter().any(|n| n.as_str().unwrap().contains("at this time")))
    };
    assert_eq!(
        (status, readings.len(), readings.iter().filter(|r| is_marked(r)).count()),
        (0, 9, 1),
        "{err}"
    );
    // The others are predicted as if nothing had been.
    assert_eq!(row(&err, "ELS.12345678")[4..9], ["0", "0", "16 s", "6/6", "1"], "{err}");
    // What keeps a time of its own is taken for the meter, which may have been restarted.
    let restarted: Vec<String> = lines.iter().map(|line| later(line, 3607)).collect();
    let (_, readings, err) = listen(&["--key", KEY], &[lines, restarted].concat().join("\n"));
    let marks: String = readings.iter().map(|r| if is_marked(r) { 'x' } else { '.' }).collect();
    assert_eq!(marks, "........xxx.....", "{err}");
}

#[test]
fn frames_of_other_gateways_are_no_telegrams_of_meters() {
    // SND-NKE of a made-up gateway to a made-up meter.
    let reset = "14409315010000310131 8E84059315652482100107".replace(' ', "");
    let (status, readings, err) = listen(&[], &reset);
    assert_eq!((status, readings.len()), (0, 0), "{err}");
    assert!(err.contains("left out: 1 frames to meters"), "{err}");
}

#[test]
fn a_downgrade_is_refused_with_what_to_do_and_none_allows_it() {
    let clear = sent("gas", "none", "2").join("\n");
    let sealed = sent("gas", "A", "2").join("\n");
    for (keys, input, kind, forwarded) in [
        (format!("* {KEY}"), &clear, "clear_data", 0),
        (format!("* {KEY} D"), &clear, "downgrade", 0),
        (format!("* {KEY} D"), &sealed, "downgrade", 0),
        (format!("* {KEY} A"), &sealed, "", 2),
        (format!("* {KEY} none"), &clear, "", 2),
        ("ELS.99999999 ".to_owned() + KEY, &clear, "", 2),
        ("ELS.99999999 ".to_owned() + KEY, &sealed, "key_missing", 0),
    ] {
        let file = File::new(&format!("keys-{kind}-{forwarded}-{}", input.len()), &keys);
        let (status, readings, err) = listen(&["--keys", file.name()], input);
        assert_eq!((status, readings.len()), (u8::from(forwarded == 0), forwarded), "{keys} {err}");
        let told = err.matches(&format!("({kind})\n  try: ")).count();
        assert_eq!(told, usize::from(forwarded == 0), "{keys} {err}");
        let refused = row(&err, "ELS.12345678").last().unwrap().clone();
        assert_eq!(refused == format!("2 {kind}"), forwarded == 0, "{refused}");
    }
}

#[test]
fn meters_without_a_key_can_be_left_out() {
    let lines = [sent("gas:00000001", "none", "1"), sent("gas:00000002", "A", "1")].concat().join("\n");
    let file = File::new("keys-known", &format!("2 {KEY}"));
    let (status, readings, err) = listen(&["--keys", file.name(), "--known-only"], &lines);
    assert_eq!((status, readings.len()), (0, 1), "{err}");
    assert!(err.contains("left out: 1 telegrams") && !err.contains("ELS.00000001"), "{err}");
}

#[test]
fn lines_that_are_no_telegrams_are_told_once() {
    let good = sent("gas", "none", "1").remove(0);
    let input = format!("xyz\n0x12\n{good}\nxyz\n12zz\n# a comment\nV 1.67 nanoCUL868\n");
    let (status, readings, err) = listen(&["roof=-"], &input);
    assert_eq!((status, readings.len()), (1, 1), "{err}");
    assert_eq!(err.matches("\n  try: ").count(), 2, "{err}");
    assert!(
        err.starts_with("roof: ") && row(&err, "roof (receiver)").last().unwrap().contains("3 not_hex"),
        "{err}"
    );
}

#[test]
fn formats_are_learned_kept_and_used_after_a_restart() {
    // EN 13757-3, Annex G: in full, and without headers; of a made-up meter.
    let frame = |counter: u8, ci: u8, body: &str| {
        let length = 14 + body.len() / 2;
        format!("{length:02X}449315785634120107{ci:02X}{counter:02X}000000{body}")
    };
    let (full, compact) =
        (frame(1, 0x7A, "0202D20402152E16022A3423"), frame(2, 0x7B, "313B42A6D2042E163423"));
    let state = File::new("state-formats", "");
    for (input, state_of_compact) in [
        (compact.clone(), "format_unknown"),
        (format!("{full}\n{compact}"), "expanded"),
        (compact, "expanded"),
    ] {
        let (status, readings, err) = listen(&["--state", state.name()], &input);
        assert_eq!(status, 0, "{err}");
        assert_eq!(readings.last().unwrap()["compact"]["state"], state_of_compact, "{err}");
    }
}

#[test]
fn a_receiver_goes_away_and_comes_back() {
    let lines = sent("water", "D", "4");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = lines.clone();
    let receiver = std::thread::spawn(move || {
        for part in served.chunks(2) {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all((part.join("\n") + "\n").as_bytes()).unwrap();
        }
        // Until the gateway has gone.
        let _ = listener.accept();
    });
    let arguments =
        ["gateway", "listen", "--key", KEY, "--retry", "0", "--telegrams", "4", &format!("roof={address}")]
            .map(str::to_owned);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert_eq!(gateway::run_with(arguments, &mut out, &mut err), 0);
    let err = String::from_utf8(err).unwrap();
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 4);
    assert!(err.contains("roof: the other end closed it\n  try: start"), "{err}");
    assert!(err.contains("roof: is there again\n"), "{err}");
    assert_eq!(row(&err, "ELS.12345678")[2], "4");
    drop(receiver);
}

#[test]
fn a_receiver_that_is_missing_stops_no_other() {
    let good = File::new("good", &sent("gas", "none", "1").join("\n"));
    // Nobody listens on the port of a listener that is gone.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let arguments = ["gateway", "listen", "--once", good.name(), &gone, "/nowhere/at/all"];
    let mut err = Vec::new();
    let mut out = Vec::new();
    assert_eq!(gateway::run_with(arguments, &mut out, &mut err), 1);
    let err = String::from_utf8(err).unwrap();
    assert_eq!(out.iter().filter(|octet| **octet == b'\n').count(), 1);
    assert!(err.contains(&format!("{gone}: ")) && err.contains("/nowhere/at/all: "), "{err}");
    // The one that is missing from the start may still come.
    let arguments = ["gateway", "listen", "--telegrams", "1", "--retry", "0", good.name(), "/nowhere/at/all"];
    assert_eq!(gateway::run_with(arguments, &mut io::sink(), &mut io::sink()), 0);
}

#[test]
fn a_meter_that_was_restarted_has_missed_nothing() {
    // Its access numbers and, by its clock, its counters go on from 1 and from above.
    let lines = sent("water", "D", "4");
    let later: Vec<String> = {
        let fixed = ["meter", "wireless", "--clock", "2026-03-31T13:00", "--at-once", "--key", KEY];
        let (_, out, _) = meter::run(fixed.iter().chain(&["water", "--seal", "D", "--count", "4"]));
        out.lines().map(str::to_owned).collect()
    };
    let (status, readings, err) = listen(&["--key", KEY], &[lines, later].concat().join("\n"));
    assert_eq!((status, readings.len()), (0, 8), "{err}");
    assert_eq!(row(&err, "ELS.12345678")[2..8], ["8", "0", "0", "0", "16 s", "5/6"], "{err}");
}

#[test]
#[cfg(unix)]
fn a_signal_ends_it_with_the_table_and_the_state_kept() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "-p", "links", "--example", "gateway"]);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
    let lines = sent("water", "D", "2");
    for signal in ["INT", "TERM"] {
        let state = File::new(&format!("signal-{signal}"), "");
        let mut gateway = Command::new(profile.join("examples/gateway"))
            .args(["listen", "--key", KEY, "--state", state.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = gateway.stdin.take().unwrap();
        input.write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
        // It waits for signals before it reads anything.
        let mut readings = BufReader::new(gateway.stdout.take().unwrap()).lines();
        assert!(readings.next().unwrap().unwrap().starts_with("{\"schema\":1"));
        assert!(readings.next().is_some());
        let kill = format!("kill -{signal} {}", gateway.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert_eq!(gateway.wait().unwrap().code(), Some(0), "{signal}");
        let mut err = String::new();
        gateway.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(row(&err, "ELS.12345678")[2], "2");
        assert!(fs::read_to_string(&state.0).unwrap().contains("\ncounter "));
        assert!(!fs::exists(state.name().to_owned() + ".lock").unwrap());
        drop(input);
    }
}

#[test]
fn wrong_usage() {
    for arguments in [
        &["gateway"][..],
        &["gateway", "listen", "--key", "12"],
        &["gateway", "listen", "--keys", "/nowhere/at/all"],
        &["gateway", "listen", "a=-", "b=-"],
        &["gateway", "listen", "=x"],
    ] {
        let (status, out, err) = gateway::run(arguments, b"");
        assert_eq!((status, out.as_str(), err.is_empty()), (2, "", false), "{arguments:?}");
    }
}

#[test]
fn who_closes_the_pipe_has_seen_enough() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let good = File::new("closed", &sent("gas", "none", "3").join("\n"));
    let mut err = Vec::new();
    assert_eq!(gateway::run_with(["gateway", "listen", good.name()], &mut Closed, &mut err), 0);
    assert!(String::from_utf8(err).unwrap().contains("ELS.12345678"));
}
