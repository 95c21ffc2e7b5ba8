//! `master` reads `meter`, over TCP and over a pseudo-terminal. The meter says where it listens before anybody asks it:
//! no fixed ports, no waiting by the clock.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests")]

use links::{master, meter};
use serde_json::Value;
use std::io::{self, Write};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// Hands on the first line that is written.
struct FirstLine(Vec<u8>, Sender<String>);

impl Write for FirstLine {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(octets);
        if self.0.ends_with(b"\n") {
            let line = String::from_utf8(std::mem::take(&mut self.0)).unwrap();
            let _ = self.1.send(line.trim_end().to_owned());
        }
        Ok(octets.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts meters, which live as long as the test, and gives the port for the master.
fn start(arguments: &[&str]) -> String {
    let (sender, receiver) = channel();
    let arguments: Vec<String> = ["meter", "wired", "--baud", "38400", "--clock", "2026-03-31T12:34"]
        .iter()
        .chain(arguments)
        .map(|argument| (*argument).to_owned())
        .collect();
    std::thread::spawn(move || {
        meter::run_with(arguments, &mut FirstLine(Vec::new(), sender), &mut io::sink())
    });
    receiver.recv_timeout(Duration::from_secs(60)).unwrap()
}

fn order(port: &str, arguments: &[&str]) -> (u8, String, String) {
    master::run(["master", port, "--baud", "38400"].iter().chain(arguments))
}
fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const METERS: [&str; 4] = ["heat:12345678@1", "water:12345679@2", "gas:42000001@3", "electricity:99000004@4"];

#[test]
fn over_tcp_all_that_a_meter_says_by_either_address() {
    let port = start(&[&METERS[..], &["--tcp", "127.0.0.1:0"]].concat());
    let shown = meter::run(["meter", "wired", "--show", "--clock", "2026-03-31T12:34", "heat:12345678@1"]).1;
    let (_, decoded, _) = examples::decode::run(["decode", "--format", "jsonl"], shown.as_bytes());
    let mut sent: Vec<Value> =
        lines(&decoded).iter().flat_map(|telegram| telegram["records"].as_array().unwrap().clone()).collect();
    sent.retain(|record| record["dib"] != "1F");
    for target in ["1", "ELS.12345678.01.04", "1234567893150104"] {
        let (status, out, err) = order(&port, &["read", target]);
        assert_eq!((status, err.as_str()), (0, ""), "{target} {out}");
        let reading = &lines(&out)[0];
        assert_eq!((&reading["telegrams"], &reading["meter"]["id"]), (&"2".into(), &"12345678".into()));
        assert_eq!(reading["records"], Value::Array(sent.clone()));
    }
    let (status, out, _) = order(&port, &["--format", "text", "read", "3"]);
    assert!(status == 0 && out.contains("ELS 42000001") && out.contains("volume  "), "{out}");
}

#[test]
fn over_a_pseudo_terminal_addresses_are_set() {
    let port = start(&METERS);
    assert!(port.starts_with("/dev/"), "{port}");
    let (status, out, err) = order(&port, &["set-address", "42000001", "17"]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert_eq!(lines(&out)[0]["frame"]["address"], 17);
    assert_eq!(order(&port, &["read", "17"]).0, 0);
    // The old address is free, a used one is not given twice.
    let (status, out, err) = order(&port, &["--tries", "1", "read", "3"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.contains("no answer (1 try)") && err.contains("try: measure the bus"), "{err}");
    let (status, _, err) = order(&port, &["set-address", "17", "2"]);
    assert!(status == 1 && err.contains("address 2 already"), "{err}");
    assert_eq!(order(&port, &["set-address", "17", "3"]).0, 0);
}

/// The numbers of the meters at these addresses.
fn numbers_at(port: &str, addresses: &[&str]) -> Vec<String> {
    let number = |address: &&str| {
        let (status, out, err) = order(port, &["read", address]);
        assert_eq!((status, err.as_str()), (0, ""), "{address}");
        lines(&out)[0]["meter"]["id"].as_str().unwrap().to_owned()
    };
    addresses.iter().map(number).collect()
}

#[test]
fn an_address_is_given_to_one_meter_only() {
    // On a line that makes of equal acknowledgements a single one, and on one that does not.
    for how in [&["--tcp", "127.0.0.1:0"][..], &["--in-step", "--tcp", "127.0.0.1:0"]] {
        let port = start(&[&["water:12345678@1", "gas:12345678@2", "heat:11111111@3"], how].concat());
        let before = numbers_at(&port, &["1", "2", "3"]);
        // All three hear 254, and two have this number.
        for several in ["254", "12345678", "ELS.12345678"] {
            let (status, out, err) = order(&port, &["set-address", several, "40"]);
            assert_eq!((status, out.as_str()), (1, ""), "{several}");
            assert!(err.contains("try:"), "{err}");
        }
        assert_eq!(numbers_at(&port, &["1", "2", "3"]), before);
        assert_eq!(order(&port, &["--tries", "1", "read", "40"]).0, 1);
        // Whole addresses tell them apart.
        let (status, _, err) = order(&port, &["set-address", "ELS.12345678.01.03", "40"]);
        assert_eq!((status, err.as_str()), (0, ""));
        assert_eq!(numbers_at(&port, &["1", "40", "3"]), before);
    }
    let alone = start(&["water:12345678@1", "--tcp", "127.0.0.1:0"]);
    assert_eq!(order(&alone, &["set-address", "254", "40"]).0, 0);
    assert_eq!(numbers_at(&alone, &["40"]), ["12345678"]);
}

#[test]
fn the_address_that_a_meter_has_already_is_no_error() {
    let port = start(&["water:11111111@5", "gas:22222222@9", "--tcp", "127.0.0.1:0"]);
    for meter in ["22222222", "9"] {
        let (status, out, err) = order(&port, &["set-address", meter, "9"]);
        assert_eq!((status, &lines(&out)[0]["frame"]["address"]), (0, &9.into()), "{err}");
        assert!(err.contains("has address 9 already"), "{err}");
    }
    let (status, out, err) = order(&port, &["set-address", "11111111", "9"]);
    assert!(status == 1 && out.is_empty() && err.contains("address 9 already: ELS.22222222.01.03"), "{err}");
}

#[test]
fn a_readout_that_is_cut_is_no_success() {
    let port = start(&["heat@1", "--tcp", "127.0.0.1:0"]);
    let (status, out, err) = order(&port, &["read", "1", "--most", "1"]);
    assert!(status == 1 && err.contains("more telegrams follow, 1 were read"), "{err}");
    let reading = &lines(&out)[0];
    assert_eq!((&reading["telegrams"], &reading["records"][0]["dib"]), (&"1".into(), &"0C".into()));
    assert!(reading.to_string().contains("more telegrams follow"), "{reading}");
    assert_eq!(order(&port, &["read", "1", "--most", "2"]).0, 0);
}

#[test]
fn scan_and_search_find_all_and_print_a_table() {
    let port = start(&[&METERS[..], &["--tcp", "127.0.0.1:0"]].concat());
    // A busy machine may make the meters slow: nobody is missed for that.
    let patient = ["--allowance", "400"];
    let (status, out, err) = order(&port, &[&patient[..], &["scan", "--first", "2", "--last", "5"]].concat());
    let addresses: Vec<_> =
        lines(&out).iter().map(|line| line["frame"]["address"].as_u64().unwrap()).collect();
    assert_eq!((status, addresses), (0, vec![2, 3, 4]), "{err}");
    assert!(err.starts_with("3 found, "), "{err}");

    let port = start(&[&METERS[1..], &["--tcp", "127.0.0.1:0"]].concat());
    let (status, out, err) = order(&port, &[&patient[..], &["--format", "text", "search"]].concat());
    let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["number", "maker", "medium", "remark"], "{out}");
    let mut meters: Vec<_> = rows[1..].iter().map(|row| (row[0], row[4])).collect();
    meters.sort_unstable();
    assert_eq!(
        meters,
        [("12345679", "water"), ("42000001", "gas"), ("99000004", "electricity")],
        "{out}{err}"
    );
    assert_eq!(status, 0);
}

#[test]
fn a_client_that_floods_and_hangs_up_does_not_disturb_the_next() {
    let port = start(&["water@1", "--tcp", "127.0.0.1:0"]);
    let mut flooder = std::net::TcpStream::connect(&port).unwrap();
    // So much would keep the line busy for twenty minutes.
    (0..64).for_each(|_| flooder.write_all(&[0xFF; 65_536]).unwrap());
    drop(flooder);
    let (status, _, err) = order(&port, &["read", "1"]);
    assert_eq!((status, err.as_str()), (0, ""));
}

#[test]
fn nobody_there_is_an_error_that_helps() {
    let port = start(&["water@1", "--tcp", "127.0.0.1:0"]);
    let (status, out, err) = order(&port, &["--tries", "1", "scan", "--first", "7", "--last", "8"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.contains("no meter was found") && err.contains("try:"), "{err}");
    let (status, _, err) = order("/dev/no-such-port", &["read", "1"]);
    assert!(status == 1 && err.contains("ls /dev/serial/by-id"), "{err}");
    // A port that was free a moment ago: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (status, _, err) = order(&free, &["read", "1"]);
    assert!(status == 1 && err.contains("is the converter powered"), "{err}");
    for wrong in [
        &["read", "251"][..],
        &["scan", "--first", "12", "--last", "9"],
        &["set-address", "1234567F", "9"],
        &["set-address", "FFFFFFFF", "9"],
        &["set-address", "*.FFFFFFFF.FF.FF", "9"],
        &["--baud", "1000", "search"],
        &["set-address", "1", "251"],
        &["--key", "00", "search"],
    ] {
        assert_eq!(order(&port, wrong).0, 2, "{wrong:?}");
    }
}

#[test]
fn two_meters_at_one_address_are_told() {
    let port = start(&["water:11111111@5", "gas:22222222@5", "--tcp", "127.0.0.1:0"]);
    let (status, out, err) = order(&port, &["read", "5"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.contains("two meters may share this address"), "{err}");
    assert_eq!(order(&port, &["read", "22222222"]).0, 0);
}

#[test]
fn an_echo_does_no_harm() {
    let port = start(&["water:12345679@2", "--echo", "--tcp", "127.0.0.1:0"]);
    let (status, out, err) = order(&port, &["read", "12345679"]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert_eq!(lines(&out)[0]["telegrams"], "2");
}
