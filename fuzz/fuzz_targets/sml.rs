//! SML: messages, also with check sequences that fit, and transmissions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mbus_app::cosem::hdlc::crc16_x25;
use mbus_app::sml::transport::unwrap_in_place;
use mbus_app::sml::{readings, server_id};

fn read(payload: &[u8]) {
    let mut count = 0;
    for reading in readings(payload) {
        match reading {
            Ok(reading) => drop(reading.to_string()),
            Err(error) => assert!(error.offset <= payload.len(), "{error}"),
        }
        count += 1;
    }
    assert!(count <= payload.len());
    let _ = server_id(payload);
}

fuzz_target!(|octets: &[u8]| {
    read(octets);
    // Behind a check sequence that fits.
    let mut message = [&[0x76][..], octets].concat();
    let [low, high] = crc16_x25(&message).to_le_bytes();
    message.extend([0x63, low, high, 0x00]);
    read(&message);
    let mut copy = octets.to_vec();
    match unwrap_in_place(&mut copy) {
        Ok(transmission) => {
            assert!(transmission.consumed <= octets.len());
            read(transmission.messages);
        }
        Err(_) => assert_eq!(copy, octets, "a refusal changes nothing"),
    }
    let mut whole =
        [&[0x1B, 0x1B, 0x1B, 0x1B, 1, 1, 1, 1][..], octets, &[0x1B, 0x1B, 0x1B, 0x1B, 0x1A, 0]].concat();
    let sequence = crc16_x25(&whole).to_le_bytes();
    whole.extend(sequence);
    let _ = unwrap_in_place(&mut whole).map(|transmission| read(transmission.messages));
});
