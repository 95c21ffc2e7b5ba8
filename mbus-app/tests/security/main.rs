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

mod bit_flips;
mod opening;
#[path = "../annex_n/printed.rs"]
mod printed;
mod table;

use mbus_app::Telegram;
use opening::{DEVIATIONS, class};
use table::{Expect, all};

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

/// Vectors whose MAC or tag is too short to prove anything.
const SHORT: [&str; 2] = ["derived-at4-mac4", "derived-tag4"];

/// Vectors that open and have something else than records in them: octets that were changed behind the check octets, or
/// a manufacturer's own.
const NO_RECORDS: [&str; 3] = ["m5-flip-last-block", "m5-flip-id", "built: key of zeros"];

/// Vectors that need feature `legacy`, refused as unsupported without it.
const LEGACY: [&str; 3] = ["built: mode 2", "built: mode 3, 21 November 2029", "des-wrong-key"];

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
                let mode = answer.values.iter().find(|(name, _)| *name == "mode").map(|(_, mode)| mode[0]);
                let is_authentic = matches!(mode, Some(7 | 10)) && !SHORT.contains(&vector.id);
                if answer.authenticated != is_authentic {
                    wrong.push(format!("{}: authenticated {}", vector.id, answer.authenticated));
                }
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
fn a_short_mac_is_checked_and_proves_nothing() {
    for id in SHORT {
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
