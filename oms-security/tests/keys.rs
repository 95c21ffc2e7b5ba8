//! What holds a key prints nothing of it, and is wiped.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::string_slice, reason = "tests")]

use core::fmt::Debug;
use std::collections::BTreeSet;
use std::path::Path;

use oms_security::glo::GloKeys;
use oms_security::key::{Aes, Key, KeyRequest, KeySelector, NoKeys, ParseKeyError, PreparedKey};
use oms_security::mode8;
use oms_security::security_information::{KeyPurpose, KeyRing, KeyTransfer, TargetTime};
use zeroize::ZeroizeOnDrop;

/// Octets that stand out in any print: A7 is 167.
const OCTETS: [u8; 16] = [0xA7; 16];

fn prints_nothing(name: &str, value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}"), format!("{value:x?}"), format!("{value:X?}")] {
        let lower = text.to_lowercase();
        assert!(!lower.contains("a7") && !text.contains("167"), "{name} prints {text}");
    }
}

/// All types of the crate that hold a key, or something that does; each is printed, or known not to print at all.
const PRINTED: &[&str] = &[
    "Ahead",
    "DesCandidate",
    "DesKey",
    "Experimental",
    "GloKeys",
    "Key",
    "KeyRing",
    "KeyTransfer",
    "PreparedKey",
];
/// Private, and without `Debug`: the compiler would not print them.
const UNPRINTABLE: &[&str] = &["Entry", "Gcm", "MessageKey"];

/// The source files of the crate, tests left out.
fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            let text = std::fs::read_to_string(path).unwrap();
            let code: Vec<&str> = text
                .lines()
                .take_while(|line| !line.starts_with("#[cfg(test)]"))
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            found.push(code.join("\n"));
        }
    }
}

/// Names and bodies of the structs and enums of a file.
fn types(code: &str) -> Vec<(String, String, String)> {
    let mut types = Vec::new();
    for word in ["struct ", "enum "] {
        for (at, _) in code.match_indices(word) {
            let start = code[..at].rfind('\n').map_or(0, |n| n + 1);
            if !matches!(code[start..at].trim(), "" | "pub" | "pub(crate)" | "pub(super)") {
                continue;
            }
            let rest = &code[at + word.len()..];
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let end = match (rest.find('{'), rest.find(';')) {
                (Some(open), semicolon)
                    if semicolon.is_none_or(|n| open < n || rest[..n].contains("[u8")) =>
                {
                    rest.find("\n}").unwrap_or(open)
                }
                (_, semicolon) => semicolon.unwrap(),
            };
            let attributes: Vec<&str> =
                code[..start].lines().rev().take_while(|line| line.trim_start().starts_with("#[")).collect();
            types.push((name, rest[..end].to_owned(), attributes.join("\n")));
        }
    }
    types
}

/// A new type that holds a key is found here by what it is made of, until it stands in one of the two lists.
#[test]
fn every_type_that_holds_a_key_is_listed() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let all: Vec<_> = files.iter().flat_map(|code| types(code)).collect();
    assert!(all.len() > 60, "the search finds too few types: {}", all.len());
    // Roots: octets called a key, a cipher that is keyed. Then whatever is made of these, up to the outermost.
    let mut holders: BTreeSet<String> = BTreeSet::new();
    loop {
        let before = holders.len();
        for (name, body, _) in &all {
            // What stands behind the name of a field, or in the brackets of a variant.
            let parts = body.lines().map(|line| {
                let field = line.split_once(": ").or_else(|| line.split_once('('));
                field.map_or("", |(_, of)| of)
            });
            let words: Vec<&str> =
                parts.flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
            let is_root = match name.as_str() {
                "Key" | "DesKey" => true,
                _ => body.contains("cipher: ") || body.contains("encryption: &'k [u8; 16]"),
            };
            if is_root || words.iter().any(|word| holders.contains(*word)) {
                holders.insert(name.clone());
            }
        }
        if holders.len() == before {
            break;
        }
    }
    let listed: BTreeSet<String> = PRINTED.iter().chain(UNPRINTABLE).map(|name| (*name).to_owned()).collect();
    assert_eq!(holders, listed);
    for (name, _, attributes) in all {
        if !holders.contains(&name) {
            continue;
        }
        // Those that derive `Debug` print what they hold by its own `Debug`, which prints nothing; none may be compared,
        // which would tell octet by octet how far a guess is right, and none may be written out.
        for derive in ["PartialEq", "Serialize", "defmt::Format"] {
            assert!(!attributes.contains(derive) || name == "Experimental", "{name} derives {derive}");
        }
        assert!(
            !UNPRINTABLE.contains(&name.as_str()) || !attributes.contains("Debug"),
            "{name} derives Debug"
        );
    }
}

#[test]
fn no_type_prints_a_key() {
    let key = Key::new(OCTETS);
    let prepared = PreparedKey::<Aes>::new(&key);
    let table = vec![(KeySelector::default(), prepared.clone())];
    let other = [0xA7; 16];
    prints_nothing("Key", &key);
    prints_nothing("&Key", &&key);
    prints_nothing("Option<Key>", &Some(key.clone()));
    prints_nothing("PreparedKey", &prepared);
    prints_nothing("a table", &table);
    prints_nothing("GloKeys", &GloKeys { encryption: &OCTETS, authentication: Some(&other) });
    prints_nothing(
        "mode8::Experimental",
        &mode8::Experimental { encryption: &prepared, authentication: &prepared, counter_block: [0; 16] },
    );
    prints_nothing("NoKeys", &NoKeys);
    let transfer = KeyTransfer {
        key: key.clone(),
        target_time: TargetTime::NOW,
        purpose: KeyPurpose::MASTER,
        version: 1,
    };
    prints_nothing("KeyTransfer", &transfer);
    let mut ring = KeyRing::<Aes, 2>::new(mbus_link::Address::default());
    ring.take(&transfer, &prepared).unwrap();
    prints_nothing("KeyRing", &ring);
    prints_nothing("Ahead", &ring.ahead());
    #[cfg(feature = "legacy")]
    {
        use oms_security::legacy::{DesCandidate, DesKey};
        let des = DesKey::new([0xA7; 8]);
        prints_nothing("DesKey", &des);
        prints_nothing("DesCandidate", &DesCandidate { key: &des, day: [1, 2] });
    }
    // Neither does the error of a text that was to be a key, nor the request for one.
    let text = "A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A";
    prints_nothing("ParseKeyError", &text.parse::<Key>().unwrap_err());
    assert!(!ParseKeyError.to_string().contains("A7"));
    let request = KeyRequest {
        meter: mbus_link::Address::default(),
        mode: oms_security::mode::SecurityMode::NONE,
        key_id: 0,
        key_version: None,
    };
    prints_nothing("KeyRequest", &request);
}

#[test]
fn every_key_is_wiped() {
    fn is_wiped<T: ZeroizeOnDrop>() {}
    is_wiped::<Key>();
    is_wiped::<Aes>();
    is_wiped::<PreparedKey<Aes>>();
    is_wiped::<KeyTransfer>();
    is_wiped::<KeyRing<Aes, 2>>();
    #[cfg(feature = "legacy")]
    is_wiped::<oms_security::legacy::DesKey>();
}
