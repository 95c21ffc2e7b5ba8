//! Why telegrams do not open: each mistake is made on purpose, and found; none is found that was not made.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::Input;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::diagnosis::{Cause, Check, Diagnosis, diagnose, diagnose_message};
use mbus_app::telegram::builder::{NewFrame, Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_link::{Address, CField, CommunicationControl, Ell};
use oms_security::afl::AflMessage;
use oms_security::count::Count;
use oms_security::key::{Aes, Key, KeySelector, NoKeys, PreparedKey};
use oms_security::profile::Profile;
use oms_security::sealed::{Direction, SecurityContext, seal};
use oms_security::sender::SenderState;
use wmbus_phy::FrameFormat;

const KEY: [u8; 16] = [0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 1, 2, 3, 4, 5, 6, 7, 8];
/// Two records of six octets.
const RECORDS: [u8; 12] = [0x0C, 0x14, 0x27, 0x04, 0x85, 0x02, 0x04, 0x6D, 0x32, 0x37, 0x1F, 0x15];
const PROFILES: [Profile; 3] = [Profile::A, Profile::B, Profile::D];

fn meter() -> Address {
    Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03])
}
fn converter() -> Address {
    Address::from_link_octets([0x24, 0x48, 0x44, 0x33, 0x22, 0x11, 0x03, 0x37])
}
fn key() -> PreparedKey<Aes> {
    PreparedKey::new(&Key::new(KEY))
}
/// A telegram, sealed as the profile says.
type Sent<'a> = (Profile, TelegramBuilder<'a>);

/// The same from another sender, with another extended link layer: access number and perhaps a receiver.
fn from<'a>(
    sender: Address,
    ell: Option<(u8, Option<Address>)>,
    telegram: TelegramBuilder<'a>,
) -> TelegramBuilder<'a> {
    let ell = ell.map(|(access_number, receiver)| Ell {
        control: CommunicationControl(0x20),
        access_number,
        receiver,
        session: None,
    });
    let frame = NewFrame::Wireless { c_field: CField::RSP_UD, address: sender, crcs: None };
    TelegramBuilder { frame, ell, ..telegram }
}
fn sealed((profile, telegram): Sent<'_>, format: Option<FrameFormat>) -> Vec<u8> {
    let meter = telegram.meter().unwrap();
    let mut state = SenderState::new(Count { meter, to_meter: false, key_id: 0, key_version: 0 }, 77);
    state.export(1, 0);
    let mut telegram = telegram;
    if let NewFrame::Wireless { crcs, .. } = &mut telegram.frame {
        *crcs = format;
    }
    let mut buffer = [0; 256];
    let sealed = telegram.seal_into(&Protection::of(profile), &key(), &mut state, &mut buffer).unwrap();
    sealed.frame_into(&mut [0; 300]).unwrap().to_vec()
}
fn telegram(profile: Profile) -> Sent<'static> {
    let tpl = Tpl::long(CiField(0x72), meter(), Header { access_number: 5, ..Header::default() });
    let long = TelegramBuilder::wireless(CField::RSP_UD, converter(), tpl, Body::Records(&RECORDS));
    (profile, from(converter(), Some((9, None)), long))
}
fn with_records(profile: Profile, records: &[u8]) -> Sent<'_> {
    (profile, TelegramBuilder { body: Body::Records(records), ..telegram(profile).1 })
}
fn diagnosed(octets: &[u8], input: Input) -> Option<Diagnosis> {
    diagnose(octets, input, &key(), None, &mut [0; 300])
}
/// The causes of a telegram whose CRCs are said to be out.
fn causes(octets: &[u8]) -> Vec<Cause> {
    let diagnosis = diagnosed(octets, Input::Stripped).unwrap();
    diagnosis.causes().collect()
}
/// A frame whose message was sealed with another context.
fn mistaken(profile: Profile, mistake: impl Fn(SecurityContext) -> SecurityContext) -> Vec<u8> {
    mistaken_on(telegram(profile), mistake)
}
fn mistaken_on(sent: Sent<'_>, mistake: impl Fn(SecurityContext) -> SecurityContext) -> Vec<u8> {
    let mut octets = sealed(sent, None);
    let lax = mbus_app::Telegram::decode_lax(&mut octets, Input::Stripped, &key());
    assert!(lax.stopped.is_none());
    let (at, body) = (lax.telegram.tpl_offset(), lax.telegram.body_offset() - lax.telegram.tpl_offset());
    let context = SecurityContext {
        meter: sent.1.meter().unwrap(),
        access_number: 5,
        direction: Direction::FromMeter,
        configuration: lax.telegram.tpl().unwrap().header.unwrap().configuration,
        afl: lax.telegram.afl().map(Into::into),
    };
    let mac = seal(&mistake(context), &mut octets[at..], body, &key()).unwrap();
    if let Some(mac) = mac {
        octets[at - 8..at].copy_from_slice(mac.octets());
    }
    octets
}

#[test]
fn a_telegram_that_opens_has_no_diagnosis() {
    for profile in PROFILES {
        assert_eq!(diagnosed(&sealed(telegram(profile), None), Input::Stripped), None);
        assert_eq!(diagnosed(&sealed(telegram(profile), Some(FrameFormat::A)), Input::FormatA), None);
    }
    assert_eq!(diagnosed(&[], Input::Stripped), None);
    assert_eq!(diagnosed(&[0x68; 9], Input::Wired), None);
}

#[test]
fn no_key_and_a_wrong_key() {
    for (profile, check) in PROFILES.into_iter().zip([Check::CheckOctets, Check::Mac, Check::Tag]) {
        let octets = sealed(telegram(profile), None);
        let locked = diagnose(&octets, Input::Stripped, &NoKeys, None, &mut [0; 300]).unwrap();
        assert_eq!((locked.check(), locked.causes().count()), (Check::Key, 0));
        let wrong = PreparedKey::<Aes>::new(&Key::new([9; 16]));
        let failed = diagnose(&octets, Input::Stripped, &wrong, None, &mut [0; 300]).unwrap();
        assert_eq!((failed.check(), failed.causes().count()), (check, 0), "{profile}");
        let mut turned = KEY;
        turned.reverse();
        let turned = PreparedKey::<Aes>::new(&Key::new(turned));
        let failed = diagnose(&octets, Input::Stripped, &turned, Some(&key()), &mut [0; 300]).unwrap();
        assert_eq!(failed.causes().collect::<Vec<_>>(), [Cause::ReversedKey]);
    }
}

#[test]
fn link_crcs_left_inside() {
    for profile in PROFILES {
        for (format, cause) in [(FrameFormat::A, Cause::CrcOfFormatA), (FrameFormat::B, Cause::CrcOfFormatB)]
        {
            let octets = sealed(telegram(profile), Some(format));
            assert!(causes(&octets).contains(&cause), "{profile} {format:?}");
        }
        // A receiver of long frames of format B that takes only the last CRC out, with L as sent and set anew.
        let records = RECORDS.repeat(12);
        let mut octets = sealed(with_records(profile, &records), Some(FrameFormat::B));
        octets.truncate(octets.len() - 2);
        assert!(causes(&octets).contains(&Cause::CrcAt126), "{profile}");
        octets[0] = u8::try_from(octets.len() - 1).unwrap();
        assert!(causes(&octets).contains(&Cause::CrcAt126), "{profile}");
        octets[0] -= 2;
        assert!(causes(&octets).contains(&Cause::CrcAt126), "{profile}");
        // The same length, and no CRC there: not named.
        octets[126] ^= 1;
        assert!(!causes(&octets).contains(&Cause::CrcAt126), "{profile}");
    }
}

#[test]
fn lengths_that_do_not_fit() {
    for profile in PROFILES {
        let good = sealed(telegram(profile), None);
        for counted in [1, 2, 4] {
            let mut octets = good.clone();
            octets[0] += counted;
            assert_eq!(causes(&octets), [Cause::LengthCountsCrcs], "{profile} {counted}");
            assert_eq!(diagnosed(&octets, Input::Stripped).unwrap().check(), Check::Length);
        }
        let mut octets = good.clone();
        octets[0] -= 1;
        assert_eq!(causes(&octets), [Cause::LengthTooSmall], "{profile}");
        let cut = &good[..good.len() - 3];
        assert_eq!(causes(cut), [Cause::OctetsMissing], "{profile}");
        let mut cut = cut.to_vec();
        cut[0] -= 3;
        let missing = causes(&cut);
        assert!(profile != Profile::A || missing == [Cause::OctetsMissing], "{profile} {missing:?}");
        // Two octets of signal level behind the frame, and L set to all of it. Mode 5 does not notice.
        if profile != Profile::A {
            let mut octets = good.clone();
            octets.extend_from_slice(&[0x55, 0xAA]);
            octets[0] += 2;
            assert_eq!(causes(&octets)[0], Cause::SurplusOctets, "{profile}");
        }
    }
}

#[test]
fn another_address_went_into_the_cipher() {
    let gateway = Address::from_link_octets([0x3A, 0x63, 0x66, 0x55, 0x44, 0x33, 0x0A, 0x31]);
    for profile in PROFILES {
        let octets = mistaken(profile, |context| SecurityContext { meter: converter(), ..context });
        assert_eq!(causes(&octets)[0], Cause::LinkAddress, "{profile}");
        let to_gateway = from(converter(), Some((9, Some(gateway))), telegram(profile).1);
        let octets =
            mistaken_on((profile, to_gateway), |context| SecurityContext { meter: gateway, ..context });
        assert_eq!(causes(&octets)[0], Cause::ReceiverAddress, "{profile}");
        let turned = Address::from_link_octets(meter().to_transport_octets());
        let octets = mistaken(profile, |context| SecurityContext { meter: turned, ..context });
        assert_eq!(causes(&octets)[0], Cause::AddressOrder, "{profile}");
    }
    // A radio converter, a short header: the meter's address is nowhere.
    let tpl = Tpl::short(CiField(0x7A), Header { access_number: 5, ..Header::default() });
    let short = TelegramBuilder { tpl: Some(tpl), ..from(converter(), None, telegram(Profile::A).1) };
    let octets = mistaken_on((Profile::A, short), |context| SecurityContext { meter: meter(), ..context });
    assert_eq!(causes(&octets), [Cause::ConverterAddress]);
}

#[test]
fn other_numbers_went_into_the_cipher() {
    let octets = mistaken(Profile::A, |context| SecurityContext { access_number: 9, ..context });
    assert_eq!(causes(&octets), [Cause::LinkAccessNumber]);
    for profile in [Profile::B, Profile::D] {
        let octets =
            mistaken(profile, |context| SecurityContext { direction: Direction::ToMeter, ..context });
        assert_eq!(causes(&octets), [Cause::OtherDirection], "{profile}");
    }
}

#[test]
fn the_key_fits_and_the_octets_were_changed() {
    let records = RECORDS.repeat(4);
    let mut octets = sealed(with_records(Profile::B, &records), None);
    *octets.last_mut().unwrap() ^= 1;
    assert_eq!(causes(&octets), [Cause::KeyFits]);
    let wrong = PreparedKey::<Aes>::new(&Key::new([9; 16]));
    let failed = diagnose(&octets, Input::Stripped, &wrong, None, &mut [0; 300]).unwrap();
    assert_eq!(failed.causes().count(), 0, "not with another key");
}

#[test]
fn the_key_seems_right_and_the_tag_does_not_fit() {
    let good = sealed(telegram(Profile::D), None);
    let body = good.len() - 8 - RECORDS.len();
    // The tag itself, a status bit of the header, a digit of a value: what comes out still reads as records.
    for at in [good.len() - 1, body - 4 - 4 - 1, body + 3] {
        let mut octets = good.clone();
        octets[at] ^= 1;
        let diagnosis = diagnosed(&octets, Input::Stripped).unwrap();
        assert_eq!(
            (diagnosis.check(), diagnosis.causes().next()),
            (Check::Tag, Some(Cause::KeySeemsRight)),
            "{at}"
        );
        assert!(!Cause::KeySeemsRight.is_proven());
        assert!(diagnosis.to_string().contains("likely: the key seems right"));
    }
    // Of a thousand wrong keys six seem right, with so short a body: it is likely and never called proven.
    let mut scratch = [0; 300];
    let seems_right = (0..1000u16).filter(|n| {
        let mut octets = [0x5A; 16];
        octets[..2].copy_from_slice(&n.to_be_bytes());
        let wrong = PreparedKey::<Aes>::new(&Key::new(octets));
        let diagnosis = diagnose(&good, Input::Stripped, &wrong, None, &mut scratch).unwrap();
        diagnosis.causes().any(|cause| cause == Cause::KeySeemsRight)
    });
    assert_eq!(seems_right.count(), 6);
}

/// A message that came in fragments: octets, AFL, sender.
fn in_fragments(profile: Profile) -> (Vec<u8>, AflMessage, Address) {
    let octets = sealed(telegram(profile), None);
    let mut copy = octets.clone();
    let lax = mbus_app::Telegram::decode_lax(&mut copy, Input::Stripped, &NoKeys);
    let (at, afl) = (lax.telegram.tpl_offset(), lax.telegram.afl());
    (octets[at..].to_vec(), afl.map(AflMessage::from).unwrap_or_default(), converter())
}
fn of_message(
    message: &[u8],
    afl: AflMessage,
    sender: Address,
    keys: &PreparedKey<Aes>,
    reversed: &PreparedKey<Aes>,
) -> Option<Diagnosis> {
    let mut scratch = [0xEE; 300];
    let link = (Some(sender), Some(CField::RSP_UD));
    let found = diagnose_message(message, link, afl, keys, Some(reversed), &mut scratch);
    assert!(found.is_none() || scratch[..message.len()].iter().all(|octet| *octet == 0));
    found
}

#[test]
fn messages_put_together_from_fragments() {
    let wrong = PreparedKey::<Aes>::new(&Key::new([9; 16]));
    for (profile, check) in PROFILES.into_iter().zip([Check::CheckOctets, Check::Mac, Check::Tag]) {
        let (message, afl, sender) = in_fragments(profile);
        assert_eq!(of_message(&message, afl, sender, &key(), &wrong), None, "{profile}");
        let failed = of_message(&message, afl, sender, &wrong, &wrong).unwrap();
        assert_eq!((failed.check(), failed.causes().count()), (check, 0), "{profile}");
        let failed = of_message(&message, afl, sender, &wrong, &key()).unwrap();
        assert_eq!(failed.causes().collect::<Vec<_>>(), [Cause::ReversedKey], "{profile}");
        // The parts are counted in the message; the AFL is not in it.
        for part in failed.parts() {
            assert!(part.to <= message.len(), "{part}");
            let outside = part.name.starts_with("MCL");
            assert_eq!(part.from == part.to, outside, "{part}");
            assert_eq!(part.to_string().contains("not in these octets"), outside, "{part}");
        }
        // The access number was changed on the way: mode 5 does not notice.
        let mut damaged = message.clone();
        damaged[9] ^= 1;
        let causes: Vec<_> = of_message(&damaged, afl, sender, &key(), &wrong)
            .map_or(Vec::new(), |found| found.causes().collect());
        let expected: &[Cause] = match profile {
            Profile::B => &[Cause::KeyFits],
            Profile::D => &[Cause::KeySeemsRight],
            _ => &[],
        };
        assert_eq!(causes, expected, "{profile}");
        // The sender put its own address into the cipher.
        let sealed = mistaken(profile, |context| SecurityContext { meter: converter(), ..context });
        let mut copy = sealed.clone();
        let lax = mbus_app::Telegram::decode_lax(&mut copy, Input::Stripped, &NoKeys);
        let (at, afl) = (lax.telegram.tpl_offset(), lax.telegram.afl());
        let afl = afl.map(AflMessage::from).unwrap_or_default();
        let found = of_message(&sealed[at..], afl, sender, &key(), &wrong).unwrap();
        assert_eq!(found.causes().next(), Some(Cause::LinkAddress), "{profile}");
    }
}

#[test]
fn the_configuration_field_says_otherwise() {
    // N is 0: nothing is announced, so no check failed, and the records make no sense.
    let mut octets = sealed(telegram(Profile::A), None);
    let at = octets.len() - 16 - 2;
    assert_eq!(octets[at..at + 2], [0x10, 0x05]);
    octets[at] = 0;
    let diagnosis = diagnosed(&octets, Input::Stripped).unwrap();
    assert_eq!(
        (diagnosis.check(), diagnosis.causes().next()),
        (Check::Content, Some(Cause::NothingAnnounced))
    );
    let mut octets = sealed(telegram(Profile::B), None);
    let at = octets.len() - 16 - 3;
    assert_eq!(octets[at + 1] & 0x1F, 7);
    octets[at + 1] = 0x11;
    let diagnosis = diagnosed(&octets, Input::Stripped).unwrap();
    assert_eq!((diagnosis.check(), diagnosis.causes().next()), (Check::Unsupported, Some(Cause::Scrambled)));
}

#[test]
fn ml_left_out_of_the_mac() {
    let mut octets = sealed(telegram(Profile::B), None);
    // An AFL that tells ML, and a MAC that does not cover it.
    let afl_at = 13;
    assert_eq!(octets[afl_at..afl_at + 5], [0x90, 0x0F, 0x00, 0x2C, 0x25]);
    let message = u16::try_from(octets.len() - afl_at - 17).unwrap();
    (octets[afl_at + 1], octets[afl_at + 3], octets[afl_at + 4]) = (0x11, 0x3C, 0x25);
    let tail = octets.split_off(afl_at + 17);
    octets.extend_from_slice(&message.to_le_bytes());
    octets.extend_from_slice(&tail);
    octets[0] += 2;
    let found = causes(&octets);
    assert_eq!(found[0], Cause::MacWithoutFields, "{found:?}");
}

#[test]
fn the_parts_cover_what_they_name() {
    for (profile, names) in [
        (Profile::A, &["address of the long header", "access number", "enciphered blocks"][..]),
        (
            Profile::B,
            &[
                "identification number, for the keys",
                "MCL, KI, MCR and ML of the AFL, as far as they are there, and the MAC",
                "message from its CI on",
            ],
        ),
        (
            Profile::D,
            &[
                "address of the long header",
                "header from its CI on",
                "message counter",
                "enciphered octets",
                "tag",
            ],
        ),
    ] {
        let octets = sealed(telegram(profile), None);
        let diagnosis = diagnose(&octets, Input::Stripped, &NoKeys, None, &mut [0; 300]).unwrap();
        let parts: Vec<_> = diagnosis.parts().collect();
        assert_eq!(parts.iter().map(|part| part.name).collect::<Vec<_>>(), names, "{profile}");
        for part in parts {
            let found = &octets[part.from..part.to];
            match part.name {
                "address of the long header" => assert_eq!(found, meter().to_transport_octets()),
                "access number" => assert_eq!(found, [5]),
                "identification number, for the keys" => {
                    assert_eq!(found, &meter().to_transport_octets()[..4])
                }
                "message counter" => assert_eq!(found, 77u32.to_le_bytes()),
                "message from its CI on" | "header from its CI on" => assert_eq!(found[0], 0x72),
                "tag" => assert_eq!((found.len(), part.to), (8, octets.len())),
                name if name.starts_with("MCL") => assert_eq!(found[..5], [0x25, 77, 0, 0, 0]),
                _ => assert!(!found.is_empty()),
            }
        }
        let text = diagnosis.to_string();
        assert!(text.starts_with("failed: key"), "{text}");
        assert_eq!(text.lines().count(), 1 + names.len());
    }
}

#[test]
fn it_never_panics_and_leaves_no_plaintext() {
    let keys = [(KeySelector::default(), key())];
    for profile in PROFILES {
        let good = sealed(telegram(profile), None);
        let mut scratch = [0xEE; 300];
        for len in 0..good.len() {
            let _ = diagnose(&good[..len], Input::Stripped, &keys[..], None, &mut scratch);
            assert!(scratch[..len].iter().all(|octet| *octet == 0), "{profile} {len}");
        }
        for bit in 0..good.len() * 8 {
            let mut octets = good.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            for input in [Input::Stripped, Input::Wired, Input::FormatA, Input::FormatB] {
                let _ = diagnose(&octets, input, &keys[..], Some(&keys[..]), &mut scratch);
            }
        }
        assert_eq!(diagnose(&good, Input::Stripped, &NoKeys, None, &mut [0; 10]), None);
    }
}
