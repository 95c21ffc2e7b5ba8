//! Secured telegrams with what must come out of them: the plaintext and the values on the way, or the reason
//! why they are refused.
//!
//! Printed telegrams and ones made from them stand as they are. Telegrams of real meters are not in here:
//! for each shape of those that other programs test with (CI, header, blocks, trailer, kind of damage) there is one
//! built with made-up keys and numbers. What is not in here at all stands in `LEFT_OUT` with its reason; `.ci/vectors`
//! runs a whole file of vectors through the library, real meters and bare ciphers too.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::panic,
    reason = "tests"
)]

#[path = "security/opening.rs"]
mod opening;

use mbus_app::{Input, Telegram};
use oms_security::profile::{Observed, Policy, Profile};
use opening::{Case, DEVIATIONS, class};

/// What must come out.
#[derive(Clone, Debug)]
enum Expect {
    /// The body, clear trailer included; of an enciphered link layer all behind it.
    Opens(Vec<u8>),
    /// The class of the reason.
    Refused(&'static str),
}

/// One row of the table.
struct Vector {
    group: &'static str,
    id: &'static str,
    case: Case,
    expect: Expect,
    /// Values on the way.
    values: Vec<(&'static str, Vec<u8>)>,
}

/// Vectors that others check these ciphers with and that are no rows of the table: which, why, and the beginning of
/// the name of the rows that stand for them.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    (
        "Diehl PRIOS, PRIOS-SCR, REAL DATA",
        "a manufacturer's own scrambling (LFSR) and no cipher of the standard",
        "",
    ),
    ("Apator NA-1", "a manufacturer's own frame without transport header; its AES-CBC is that of mode 5", ""),
    (
        "NIST SP 800-38C, examples 1 to 3",
        "nonces of 7, 8 and 12 octets; that of mode 10 has 13",
        "built: N = FF",
    ),
    (
        "NIST SP 800-38A, F.5.2 (CTR)",
        "its counter block can be made by none of the modes",
        "built: full frame",
    ),
    ("NIST SP 800-38A, F.2.2 (CBC)", "a plaintext without 2F 2F is none of mode 5", "oms-n21-profile-a"),
    (
        "RFC 4493; KDF of CEN/TR 17167; GCM test cases",
        "no telegrams: unit tests of `oms-security`",
        "oms-n23-profile-b",
    ),
    ("real meters of mode 5, relayed ones too", "number and key belong to somebody", "built: CI 7"),
    ("real meters of mode 7", "number and key belong to somebody", "built: long header behind a relay"),
    ("real meters of mode 10", "number and key belong to somebody", "built: N = FF"),
    (
        "real meters with an enciphered link layer",
        "number and key belong to somebody",
        "built: compact frame",
    ),
    ("real meters with the key of zeros or of halves", "the numbers belong to somebody", "built: key of"),
    ("test telegrams of other programs for DES", "not printed in a standard", "built: mode 2"),
];

/// Vectors that open and have something else than records in them: octets that were changed behind the check octets, or
/// a manufacturer's own.
const NO_RECORDS: [&str; 3] = ["m5-flip-last-block", "m5-flip-id", "built: key of zeros"];

/// Vectors that need feature `legacy`, refused as unsupported without it.
const LEGACY: [&str; 3] = ["built: mode 2", "built: mode 3, 21 November 2029", "des-wrong-key"];

fn hex(text: &str) -> Vec<u8> {
    assert!(text.len() % 2 == 0, "{text}");
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap()).collect()
}

impl Vector {
    fn of_row(row: &'static str) -> Self {
        let mut fields = row.split('\t');
        let mut next = || fields.next().unwrap_or_else(|| panic!("{row}"));
        let (group, id, input, key, frames) = (next(), next(), next(), next(), next());
        let (verdict, outcome) = next().split_once(' ').unwrap();
        let values = fields.next().unwrap_or_default();
        assert_eq!(fields.next(), None, "{row}");
        let (key, day) = key.split_once(':').unwrap_or((key, "0000"));
        let value = |text: &'static str| {
            let (name, octets) = text.split_once('=').unwrap();
            (name, hex(octets))
        };
        Self {
            group,
            id,
            case: Case {
                input: match input {
                    "stripped" => Input::Stripped,
                    "format_a" => Input::FormatA,
                    "wired" => Input::Wired,
                    _ => panic!("{row}"),
                },
                key: hex(key),
                day: hex(day).try_into().unwrap(),
                frames: frames.split(' ').map(hex).collect(),
            },
            expect: match verdict {
                "opens" => Expect::Opens(hex(outcome)),
                "refused" => Expect::Refused(outcome),
                _ => panic!("{row}"),
            },
            values: values.split(' ').filter(|text| !text.is_empty()).map(value).collect(),
        }
    }
}

fn all() -> Vec<Vector> {
    let rows = include_str!("security/vectors.tsv").lines();
    rows.filter(|row| !row.starts_with('#')).map(Vector::of_row).collect()
}

#[test]
fn every_vector_gives_what_it_must() {
    let mut wrong = Vec::new();
    let all = all();
    for vector in &all {
        let answer = vector.case.open();
        let deviation = DEVIATIONS.iter().find(|(id, ..)| *id == vector.id);
        let mut expect = deviation.map_or(vector.expect.clone(), |(_, class, _)| Expect::Refused(class));
        if !cfg!(feature = "legacy") && LEGACY.contains(&vector.id) {
            expect = Expect::Refused("unsupported");
        }
        match (answer.outcome, expect) {
            (Ok(body), Expect::Opens(plaintext)) if body == plaintext => {
                // What a second implementation reads as records, and where it does not.
                if answer.records == NO_RECORDS.contains(&vector.id) {
                    wrong.push(format!("{}: records {}", vector.id, answer.records));
                }
                for (name, value) in &vector.values {
                    let found = answer.values.iter().find(|(found, _)| found == name);
                    if found.map(|(_, value)| value) != Some(value) {
                        wrong.push(format!("{}: {name} is {found:02X?}", vector.id));
                    }
                }
            }
            (Err(error), Expect::Refused(expected)) if class(error) == expected => {}
            (outcome, expect) => wrong.push(format!("{}: {outcome:02X?}, expected {expect:?}", vector.id)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(all.iter().filter(|vector| vector.group == "negative").count(), 63);
    assert_eq!(all.len(), 128);
    for id in DEVIATIONS.iter().map(|(id, ..)| id).chain(&LEGACY).chain(&NO_RECORDS) {
        assert!(all.iter().any(|vector| vector.id == *id), "{id} is no vector");
    }
}

#[test]
fn what_is_left_out_has_a_reason_and_rows_in_its_place() {
    let all = all();
    for (what, why, instead) in LEFT_OUT {
        assert!(!why.is_empty(), "{what}");
        assert!(instead.is_empty() || all.iter().any(|vector| vector.id.starts_with(instead)), "{what}");
    }
    for (n, vector) in all.iter().enumerate() {
        assert!(
            !all[..n].iter().any(|other| other.id == vector.id && other.case.frames == vector.case.frames)
        );
    }
}

#[test]
fn every_flipped_bit_of_an_authenticated_vector_is_refused() {
    let mut telegrams = 0;
    for vector in all().into_iter().filter(|vector| vector.case.input == Input::Stripped) {
        let Expect::Opens(plaintext) = vector.expect else { continue };
        let [frame] = &vector.case.frames[..] else { continue };
        let mut octets = frame.clone();
        let Ok(telegram) = Telegram::decode_stripped(&mut octets, &vector.case.keys()) else { continue };
        if !telegram.is_authenticated() {
            continue;
        }
        telegrams += 1;
        let mode = telegram.tpl().and_then(|tpl| tpl.header).unwrap().configuration.mode().0;
        let profile = Profile::of_mode(mode).unwrap();
        // The MAC or tag covers the message from its transport CI on. What stands in front decides how it is
        // read: a flipped CI there may hide the AFL, but never pass for authentic with another body.
        let tpl = telegram.tpl_offset();
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let answer = vector.case.open_frame(&flipped);
            let name = || format!("{}: bit {} of octet {}", vector.id, bit % 8, bit / 8);
            match answer.outcome {
                Err(_) => {}
                Ok(body) if answer.authenticated => {
                    assert!(bit / 8 < tpl, "{} passes", name());
                    assert_eq!(body, plaintext, "{}", name());
                }
                // Read as another kind of telegram, one without security: the meter's policy refuses it.
                Ok(_) => {
                    let observed = Observed {
                        mode: 0,
                        authenticated: false,
                        deciphered: false,
                        without_data: false,
                        clear_octets: 0,
                    };
                    assert!(Policy::require(profile).check(&observed).is_err(), "{}", name());
                    assert!(bit / 8 <= tpl, "{} passes", name());
                    assert!(bit / 8 < tpl || profile == Profile::D, "{} passes", name());
                }
            }
        }
    }
    assert_eq!(telegrams, 17);
}

#[test]
fn a_short_mac_is_checked_and_proves_nothing() {
    for id in ["derived-at4-mac4", "derived-tag4"] {
        let vector = all().into_iter().find(|vector| vector.id == id).unwrap();
        let frame = &vector.case.frames[0];
        let mut octets = frame.clone();
        let telegram = Telegram::decode_stripped(&mut octets, &vector.case.keys()).unwrap();
        assert!(!telegram.is_authenticated() && !telegram.body().is_empty(), "{id}");
        // Behind the CI, which hides the tag of mode 10 when it is another.
        for bit in (telegram.tpl_offset() + 1) * 8..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(vector.case.open_frame(&flipped).outcome.is_err(), "{id}: bit {bit}");
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    for vector in all() {
        let Expect::Opens(_) = vector.expect else { continue };
        let [frame] = &vector.case.frames[..] else { continue };
        for len in 0..frame.len() {
            let answer = vector.case.open_frame(&frame[..len]);
            let error = answer.outcome.expect_err(vector.id);
            assert!(error.offset <= len, "{}: octet {} of {len}", vector.id, error.offset);
        }
    }
}

#[test]
fn a_refusal_leaves_the_octets_as_they_were() {
    for vector in all() {
        let ([frame], Expect::Refused(_)) = (&vector.case.frames[..], &vector.expect) else { continue };
        assert_eq!(&vector.case.open().octets, frame, "{}", vector.id);
    }
}
