//! COSEM and SML in telegrams with a transport header. Keys and numbers are made up; the octets were
//! composed and enciphered by an independent program.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]

use mbus_app::Telegram;
use mbus_app::ci::Content;
use mbus_app::cosem::{Notification, transport_apdu};
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};

#[cfg(feature = "sml")]
const SML_TELEGRAM: &str = "CE44A8157856341201027FE200C005255221FB282190A64BA883A63B7A166A1AC9EE18F4A0E7EF2BF596D38380D9AF19424379091056A1CA237F13E07A60CEA26EBE675D5A95E6F385DC6DBB432A5AAE6A622F99E3CEC4F6DAD3130E4073D4AC7BD69D5B9E98934280BCF800E2F89B140AFBC04D639E48BA122207F743A6C1720D201A1BFD55AD17EA8DD593F272A96FE2E3316FDA980C146F2EFBD90672310A8892433BC7CB148239C4088EEE75EF97AA8D1052D9824504A691C60D6CF1E35ED68762A8F979598A7D23171F1D829F";
const COSEM_TELEGRAM: &str = "7E44A8157856341201027D2A0070053855A0056F988CE96BDFD7B989AFB727D98425613E19DD9F6BDF5A4236C047EF387FBFCA86C83593FA274E66C3A75E31B25B3C59E3A045CBEBD4EDE8EC4E7D0C8BB05A87D461DC0B3FA310D4E36676F248DAAD95979EB8767FE3EDAFAEA4AB2AF95107378C8D56D4BB0D6E86E14DC179";
const COSEM_WIRED: &str = "6871716808017C78563412A81501022A00000001670F0000001200020509060000010000FF090C07E8020E03173B2D00FFC400020209060000600100FF090E3158585830313030303030303137020309060100010800FF060000239402020F00161E020309060100200700FF12090402020FFF1623ED16";

/// What the COSEM telegrams say.
const READINGS: [&str; 4] = [
    "0-0:1.0.0*255 2024-02-14T23:59:45+01:00",
    "0-0:96.1.0*255 1XXX0100000017",
    "1-0:1.8.0*255 9108 Wh",
    "1-0:32.7.0*255 230.8 V",
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn key() -> PreparedKey<Aes> {
    PreparedKey::new(&"000102030405060708090A0B0C0D0E0F".parse::<Key>().unwrap())
}

fn readings(body: &[u8]) -> (Option<(u8, u8)>, Vec<String>) {
    let found = transport_apdu(body).unwrap();
    let push = Notification::parse(found.apdu).unwrap();
    (found.access_points, push.readings().map(|reading| reading.unwrap().to_string()).collect())
}

#[test]
fn cosem_behind_a_short_header_of_mode_5() {
    let mut octets = hex(COSEM_TELEGRAM);
    let telegram = Telegram::decode_stripped(&mut octets, &key()).unwrap();
    assert_eq!(telegram.content(), Some(Content::Cosem));
    assert_eq!(readings(telegram.body()), (None, READINGS.map(String::from).to_vec()));
    assert!(Telegram::decode_stripped(&mut hex(COSEM_TELEGRAM), &NoKeys).is_err());
}

#[test]
fn cosem_behind_a_long_header_with_access_points() {
    let mut octets = hex(COSEM_WIRED);
    let telegram = Telegram::decode_wired(&mut octets, &NoKeys).unwrap();
    assert_eq!(telegram.content(), Some(Content::Cosem));
    assert_eq!(telegram.meter().unwrap().identification.to_string(), "12345678");
    assert_eq!(readings(telegram.body()), (Some((0x01, 0x67)), READINGS.map(String::from).to_vec()));
}

#[test]
#[cfg(feature = "sml")]
fn sml_behind_a_short_header_of_mode_5() {
    let mut octets = hex(SML_TELEGRAM);
    let telegram = Telegram::decode_stripped(&mut octets, &key()).unwrap();
    assert_eq!(telegram.content(), Some(Content::ObisTyped));
    let lines: Vec<_> = mbus_app::sml::readings(telegram.body()).map(|r| r.unwrap().to_string()).collect();
    assert_eq!((lines.len(), lines[0].as_str()), (7, "1-0:1.8.0*255 1452.1 Wh"));
    // The server id is 01 and the address of the link layer.
    let server = mbus_app::sml::server_id(telegram.body()).unwrap();
    assert_eq!((server[0], &server[1..]), (1, &telegram.meter().unwrap().to_link_octets()[..]));
}
