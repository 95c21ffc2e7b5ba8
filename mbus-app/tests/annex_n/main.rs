//! Every frame that OMS Vol. 2 Annex N prints (issue 5.0.1), from the octets on the air to the values.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

mod built;
mod printed;

use mbus_app::Telegram;
use mbus_app::telegram::{BodyState, Input, Link};
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};
use printed::{PRINTED, Printed};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap()).collect()
}

impl Printed {
    fn keys(&self) -> Vec<(oms_security::key::KeySelector, PreparedKey<Aes>)> {
        let key = self.key.map(|key| PreparedKey::new(&key.parse::<Key>().unwrap()));
        key.into_iter().map(|key| (oms_security::key::KeySelector::default(), key)).collect()
    }
    fn input(&self) -> Input {
        if self.wired { Input::Wired } else { Input::FormatA }
    }
}

/// The readings of a telegram, one line each.
fn readings(telegram: &Telegram<'_>) -> Vec<String> {
    let line = |record: mbus_app::record::Record<'_>| {
        let unit = record.ucum().to_string();
        let space = if unit.is_empty() { "" } else { " " };
        format!("{}: {}{space}{unit}", record.quantity(), record.value())
    };
    telegram.records().map(|record| line(record.unwrap())).collect()
}

#[test]
fn every_frame_decodes() {
    for printed in PRINTED {
        let mut octets = hex(printed.frame);
        assert_eq!(Telegram::guess(&octets), printed.input(), "{}", printed.section);
        let keys = printed.keys();
        let outcome = Telegram::decode(&mut octets, &keys[..]);
        if printed.fragment {
            assert_eq!(outcome.unwrap_err().kind.name(), "fragment", "{}", printed.section);
            continue;
        }
        let telegram = outcome.unwrap_or_else(|error| panic!("{}: {error}", printed.section));
        if let Some(plaintext) = printed.plaintext {
            let plaintext = hex(plaintext);
            assert!(telegram.body().len() + 8 >= plaintext.len(), "{}", printed.section);
            let len = telegram.body().len().min(plaintext.len());
            assert_eq!(telegram.body()[..len], plaintext[..len], "{}", printed.section);
            assert!(matches!(telegram.state(), BodyState::Opened(_)), "{}", printed.section);
        }
        for record in telegram.records() {
            record.unwrap();
        }
    }
    assert_eq!(PRINTED.len(), 42);
}

#[test]
fn the_readings_of_the_gas_meter() {
    let gas = ["volume: 28504.27 m3", "date and time: 2008-05-31T23:50", "error flags: 0000"];
    for section in ["N.2.1", "N.2.2", "N.2.3", "N.2.4 gas", "N.2.5", "N.2.6"] {
        let printed = PRINTED.iter().find(|printed| printed.section.starts_with(section)).unwrap();
        let mut octets = hex(printed.frame);
        let telegram = Telegram::decode(&mut octets, &printed.keys()[..]).unwrap();
        assert_eq!(telegram.meter().unwrap().to_string(), "ELS.12345678.33.03", "{section}");
        // The wired profile B telegram of N.2.5 leaves the error flags out.
        let expected = if section == "N.2.5" { &gas[..2] } else { &gas[..] };
        assert_eq!(readings(&telegram), expected, "{section}");
    }
}

#[test]
fn without_the_key_nothing_is_shown() {
    for printed in PRINTED.iter().filter(|printed| printed.plaintext.is_some()) {
        let mut octets = hex(printed.frame);
        let before = octets.clone();
        let lax = Telegram::decode_lax(&mut octets, printed.input(), &NoKeys);
        assert_eq!(lax.stopped.unwrap().kind.name(), "key_missing", "{}", printed.section);
        assert_eq!(lax.telegram.state(), BodyState::Closed);
        assert!(lax.telegram.body().is_empty() && lax.telegram.records().next().is_none());
        assert!(lax.telegram.meter().is_some());
        let wrong = PreparedKey::<Aes>::new(&Key::new([9; 16]));
        let mut octets = before;
        let lax = Telegram::decode_lax(&mut octets, printed.input(), &wrong);
        assert!(
            ["check_octets", "mac", "tag"].contains(&lax.stopped.unwrap().kind.name()),
            "{}",
            printed.section
        );
        assert!(lax.telegram.body().is_empty());
    }
}

#[test]
fn every_prefix_is_an_error_within_its_octets() {
    for printed in PRINTED {
        let all = hex(printed.frame);
        for len in 0..all.len() {
            let mut octets = all[..len].to_vec();
            let lax = Telegram::decode_lax(&mut octets, printed.input(), &printed.keys()[..]);
            let error = lax.stopped.unwrap();
            assert!(error.offset <= len, "{} cut to {len}: {error}", printed.section);
        }
    }
}

#[test]
fn every_flipped_bit_of_a_frame_on_the_air_is_refused() {
    for printed in PRINTED.iter().filter(|printed| !printed.wired) {
        let all = hex(printed.frame);
        for bit in 0..all.len() * 8 {
            let mut octets = all.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            assert!(
                Telegram::decode_format_a(&mut octets, &printed.keys()[..]).is_err(),
                "{} {bit}",
                printed.section
            );
        }
    }
}

#[test]
fn the_layers_are_told() {
    let printed = PRINTED.iter().find(|printed| printed.section.starts_with("N.2.4 gas")).unwrap();
    let mut octets = hex(printed.frame);
    let telegram = Telegram::decode(&mut octets, &printed.keys()[..]).unwrap();
    let layers: Vec<String> = telegram.layers().map(|ci| ci.to_string()).collect();
    assert_eq!(layers, ["8E", "90", "72"]);
    assert!(telegram.is_authenticated());
    let Some(Link::Wireless(frame)) = telegram.link() else { panic!() };
    assert_eq!(
        (frame.address().to_string().as_str(), frame.c_field().name()),
        ("RAD.11223344.03.37", Some("RSP-UD"))
    );
}

#[test]
fn peek_needs_no_key() {
    for printed in PRINTED.iter().filter(|printed| printed.wired) {
        let octets = hex(printed.frame);
        mbus_app::peek(&octets).unwrap();
    }
    for printed in PRINTED.iter().filter(|printed| !printed.wired) {
        let mut octets = hex(printed.frame);
        let lax = Telegram::decode_lax(&mut octets, Input::FormatA, &NoKeys);
        let (octets, meter) = (lax.telegram.octets().to_vec(), lax.telegram.meter());
        let peek = mbus_app::peek(&octets).unwrap();
        assert!(peek.meter() == meter || printed.fragment, "{}", printed.section);
        for len in 0..octets.len() {
            let _ = mbus_app::peek(&octets[..len]);
        }
    }
}

#[test]
fn fragments_are_put_together_and_opened() {
    use mbus_link::time::{Duration, Instant};
    use oms_security::reassembly::{Channel, Reassembler};

    let mut store = Reassembler::<2, 1024>::new(Duration::from_secs(60));
    let mut messages = Vec::new();
    for printed in PRINTED.iter().filter(|printed| printed.fragment) {
        let mut octets = hex(printed.frame);
        let lax = Telegram::decode_lax(&mut octets, printed.input(), &NoKeys);
        assert_eq!(lax.stopped.unwrap().kind.name(), "fragment");
        let (channel, sender, c_field) = match lax.telegram.link().unwrap() {
            Link::Wireless(frame) => {
                let receiver = lax.telegram.ell().and_then(|ell| ell.receiver);
                (
                    Channel::Wireless { sender: frame.address(), receiver },
                    Some(frame.address()),
                    Some(frame.c_field()),
                )
            }
            Link::Wired(frame) => (Channel::Wired(frame.address().unwrap().0), None, frame.c_field()),
        };
        let afl = lax.telegram.afl().unwrap();
        let fragment = lax.telegram.fragment();
        if let Some(message) = store.push(Instant::ZERO, channel, true, &afl, fragment).unwrap() {
            let lax =
                Telegram::decode_message(message.octets, sender, c_field, message.afl, &printed.keys()[..]);
            assert!(lax.stopped.is_none(), "{}: {:?}", printed.section, lax.stopped);
            let readings = readings(&lax.telegram);
            messages.push((
                printed.section,
                lax.telegram.is_authenticated(),
                readings.len(),
                readings[0].clone(),
            ));
        }
    }
    assert_eq!(
        messages,
        [
            ("N.3.5 fragment 3 with MAC, profile B", true, 7, "volume: 411.979 m3".to_string()),
            ("N.4.5 wired fragment 3", false, 7, "volume: 411.979 m3".to_string()),
            ("N.5.5 fragment 3 with tag, profile D", true, 7, "volume: 411.979 m3".to_string()),
        ]
    );
}
