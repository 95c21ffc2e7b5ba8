//! COSEM: every carrier, the envelope, the data and back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mbus_app::cosem::carrier::{Fragment, LengthQuirk, Reassembler, WiredFrame};
use mbus_app::cosem::ciphering::GeneralGlo;
use mbus_app::cosem::{Data, Notification, Progress, block::Block, hdlc, transport_apdu};
use oms_security::glo::GloKeys;
use oms_security::key::Aes;

const KEY: [u8; 16] = [7; 16];

fn read(apdu: &[u8]) {
    if let Ok(push) = Notification::parse(apdu) {
        let mut readings = 0;
        for reading in push.readings() {
            match reading {
                Ok(reading) => {
                    let _ = (reading.to_string(), reading.number(), reading.clock());
                }
                Err(error) => assert!(error.offset <= apdu.len(), "{error}"),
            }
            readings += 1;
        }
        assert!(readings <= apdu.len());
    }
}

fn open(apdu: &[u8]) {
    let mut octets = apdu.to_vec();
    let keys = GloKeys { encryption: &KEY, authentication: Some(&KEY) };
    let failed = GeneralGlo::parse(&mut octets).and_then(|envelope| envelope.open::<Aes>(keys)).is_err();
    if failed {
        assert_eq!(octets, apdu, "a refusal changes nothing");
    }
    let mut octets = apdu.to_vec();
    if let Ok(opened) =
        GeneralGlo::parse_beginning(&mut octets).and_then(|e| e.decrypt_unverified::<Aes>(&KEY))
    {
        assert!(!opened.authenticated);
        read(opened.plaintext);
    }
}

fuzz_target!(|octets: &[u8]| {
    read(octets);
    open(octets);
    let mut out = vec![0; octets.len().saturating_mul(2).saturating_add(64)];
    if let Ok((data, rest)) = Data::parse_prefix(octets) {
        // Lengths may have been sent in a longer form than they are written in.
        let length = data.encode_into(&mut out).map(|written| written.len());
        if let Ok(length) = length {
            assert!(length <= octets.len() - rest.len());
            assert_eq!(Data::parse(&out[..length]).map(|again| again.to_string()), Ok(data.to_string()));
        }
    }
    if let Ok(block) = Block::parse(octets) {
        let written = block.encode_into(&mut out).expect("room is there");
        assert_eq!(Block::parse(written), Ok(block));
    }
    let mut buffer = [0; 300];
    let mut push = Reassembler::new(&mut buffer);
    let mut rest = octets;
    while let Ok((frame, behind)) = WiredFrame::parse_prefix(rest, LengthQuirk::Wrapped) {
        if push.push(frame.c, frame.a, frame.payload) == Ok(Progress::Complete) {
            open(push.apdu().expect("complete"));
        }
        rest = behind;
    }
    for part in octets.chunks(9) {
        if push.push(0x53, 0xFF, part) == Ok(Progress::Complete) {
            assert!(push.apdu().is_some());
        }
    }
    for fragment in Fragment::split(octets, 11, 1, 2) {
        let written = fragment.encode_into(&mut out).expect("room is there");
        assert_eq!(Fragment::parse(written), Ok(fragment));
    }
    let mut push = hdlc::Reassembler::new(&mut buffer);
    for frame in hdlc::Frames::new(octets).flatten() {
        let written = frame.encode_into(&mut out).expect("room is there").to_vec();
        assert_eq!(hdlc::Frame::parse_prefix(&written).map(|(frame, _)| frame), Ok(frame));
        if push.push(&frame) == Ok(Progress::Complete) {
            read(push.apdu().expect("complete"));
        }
    }
    // The same behind check sequences: what is in between is what the fuzzer should change.
    for part in octets.chunks(40) {
        let segmented = part.first().is_some_and(|octet| octet & 1 == 1);
        let frame =
            hdlc::Frame { segmented, destination: &[1], source: &[1], control: 0x13, information: part };
        if push.push(&frame) == Ok(Progress::Complete) {
            read(push.apdu().expect("complete"));
        }
    }
    let _ = transport_apdu(octets);
});
