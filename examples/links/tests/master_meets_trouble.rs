//! `master` before lines and meters that do not do as they should. Nothing waits by the clock but `master` itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests")]

use links::master;
use mbus_link::CField;
use mbus_link::wired::{Frame, PrimaryAddress};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;

const ACK: &[u8] = &[0xE5];
const NOISE: &[u8] = &[0x00, 0xA7, 0x13, 0x5A, 0xC3];

/// A line at whose end `answer` says what each frame of the master gets.
fn line(mut answer: impl FnMut(Frame<'_>) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut buffer = [0; 300];
            while let Ok(len @ 1..) = stream.read(&mut buffer) {
                let octets = answer(Frame::parse(&buffer[..len]).unwrap());
                if stream.write_all(&octets).is_err() {
                    break;
                }
            }
        }
    });
    port
}
fn order(port: &str, arguments: &[&str]) -> (u8, String, String) {
    master::run(["master", port, "--baud", "38400"].iter().chain(arguments))
}
/// The telegrams of the first reading, and how many records it has.
fn read(out: &str) -> (String, usize) {
    let reading: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    (reading["telegrams"].as_str().unwrap().to_owned(), reading["records"].as_array().unwrap().len())
}
/// RSP-UD of a water meter, from `address`: number, access number, a volume; `more`: and more records follow.
fn reading(address: PrimaryAddress, number: u8, access: u8, more: bool) -> Vec<u8> {
    let header = [0x72, number, 0x56, 0x34, 0x12, 0x93, 0x15, 1, 7, access, 0, 0, 0];
    let records = [0x0C, 0x13, access % 10, 0, 0, 0];
    let payload = [&header[..], &records, &[0x1F][..usize::from(more)]].concat();
    let frame = Frame::Long { c_field: CField::RSP_UD, address, payload: &payload };
    frame.encode_into(&mut [0; 261]).unwrap().to_vec()
}
fn is_request(frame: Frame<'_>) -> bool {
    frame.c_field().is_some_and(|c_field| c_field.name() == Some("REQ-UD2"))
}

#[test]
fn a_meter_that_sends_the_same_telegram_for_ever_is_told() {
    let port = line(|frame| match is_request(frame) {
        true => reading(frame.address().unwrap(), 0x78, 1, true),
        false => ACK.to_vec(),
    });
    let (status, out, err) = order(&port, &["read", "1"]);
    assert_eq!((status, read(&out)), (1, ("1".into(), 2)));
    assert!(err.contains("telegram 1 came again"), "{err}");
}

#[test]
fn a_meter_that_has_more_for_ever_is_cut_off_and_told() {
    let mut access = 0;
    let port = line(move |frame| match is_request(frame) {
        true => {
            access += 1;
            reading(frame.address().unwrap(), 0x78, access, true)
        }
        false => ACK.to_vec(),
    });
    for (most, records) in [(&["--most", "3"][..], 4), (&[], 33)] {
        let (status, out, err) = order(&port, &[&["read", "1"], most].concat());
        assert_eq!((status, read(&out)), (1, ((records - 1).to_string(), records)));
        assert!(err.contains("more telegrams follow"), "{err}");
    }
}

#[test]
fn a_line_that_is_never_silent_ends_every_order() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            while stream.write_all(&[0xE5; 1000]).is_ok() {}
        }
    });
    for arguments in [&["read", "1"][..], &["set-address", "12345678", "9"], &["scan", "--last", "1"]] {
        let (status, out, err) = order(&port, arguments);
        assert_eq!((status, out.as_str()), (1, ""), "{arguments:?}");
        assert!(err.contains("try:") && !err.contains("no answer"), "{err}");
    }
}

#[test]
fn noise_is_not_called_a_meter() {
    let port = line(|_| NOISE.to_vec());
    let (status, out, err) = order(&port, &["--tries", "1", "scan", "--last", "2"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.contains("no meter was found, but 3 times several meters or noise were heard"), "{err}");
    assert!(!err.contains("measure the bus"), "{err}");
    let (status, _, err) = order(&port, &["set-address", "12345678", "6"]);
    assert!(status == 1 && err.contains("the meter 12345678: noise instead of an answer"), "{err}");
    // The meter answers, and at the new address there is noise.
    let port = line(|frame| match frame.address() {
        Some(PrimaryAddress(6)) => NOISE.to_vec(),
        Some(address) if is_request(frame) => reading(address, 0x78, 1, false),
        _ => ACK.to_vec(),
    });
    let (status, out, err) = order(&port, &["set-address", "12345678", "6"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.contains("whether address 6 is free is not known: noise"), "{err}");
}

#[test]
fn an_address_is_not_given_to_who_is_not_the_meter_that_was_meant() {
    // Acknowledges every selection.
    let port = line(|frame| match (frame.address(), is_request(frame)) {
        (Some(PrimaryAddress(6)), _) => Vec::new(),
        (Some(address), true) => reading(address, 0x79, 1, false),
        _ => ACK.to_vec(),
    });
    let (status, _, err) = order(&port, &["set-address", "12345678", "6"]);
    assert!(status == 1 && err.contains("ELS.12345679.01.07 answered, which is not the one"), "{err}");
    // A second meter answers behind the first.
    let port = line(|frame| match (frame.address(), is_request(frame)) {
        (Some(PrimaryAddress(6)), _) => Vec::new(),
        (Some(address), true) => {
            [reading(address, 0x78, 1, false), reading(address, 0x78, 2, false)].concat()
        }
        _ => ACK.to_vec(),
    });
    for meter in ["12345678", "254", "3"] {
        let (status, _, err) = order(&port, &["set-address", meter, "6"]);
        assert!(status == 1 && err.contains("two meters answered, one behind the other"), "{meter}: {err}");
    }
}
