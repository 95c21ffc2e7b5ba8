//! What holds a key prints nothing of it, and is wiped.
#![allow(clippy::unwrap_used, reason = "tests")]

use core::fmt::Debug;

use oms_security::glo::GloKeys;
use oms_security::key::{Aes, Key, KeyRequest, KeySelector, NoKeys, ParseKeyError, PreparedKey};
use oms_security::mode8;
use zeroize::ZeroizeOnDrop;

/// Octets that stand out in any print: A7 is 167.
const OCTETS: [u8; 16] = [0xA7; 16];

fn prints_nothing(name: &str, value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}"), format!("{value:x?}"), format!("{value:X?}")] {
        let lower = text.to_lowercase();
        assert!(!lower.contains("a7") && !text.contains("167"), "{name} prints {text}");
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
    #[cfg(feature = "legacy")]
    is_wiped::<oms_security::legacy::DesKey>();
}
