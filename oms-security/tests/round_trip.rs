//! What is sealed opens again, and only with the same key: every mode and profile, both directions.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use mbus_link::ell::EllSession;
use mbus_link::{Address, CommunicationControl, Ell, SessionNumber};
use oms_security::afl::{AflMessage, MessageControl};
use oms_security::configuration::Configuration;
use oms_security::ell_cipher;
use oms_security::key::{Aes, Key, PreparedKey};
use oms_security::mode::SecurityMode;
use oms_security::mode9;
use oms_security::sealed::{Direction, Found, Sealed, SecurityContext, seal};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Sent {
    meter: [u8; 8],
    access_number: u8,
    to_meter: bool,
    key: [u8; 16],
    counter: u32,
    counter_in_header: bool,
    key_number: u8,
    content: u8,
    authentication: u8,
    tag_code: u8,
    plain: Vec<u8>,
    trailer: Vec<u8>,
    long: bool,
    message_length: bool,
    key_information: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    let octets = (any::<[u8; 8]>(), any::<u8>(), any::<bool>(), any::<[u8; 16]>(), any::<u32>());
    let choices = (any::<bool>(), 0u8..16, 0u8..4, 3u8..8, 0u8..4);
    let data = (prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(any::<u8>(), 0..20));
    (octets, choices, data, any::<[bool; 3]>()).prop_map(|(octets, choices, data, flags)| {
        let (meter, access_number, to_meter, key, counter) = octets;
        let (counter_in_header, key_number, content, authentication, tag_code) = choices;
        let ((plain, trailer), [long, message_length, key_information]) = (data, flags);
        Sent {
            meter,
            access_number,
            to_meter,
            key,
            counter,
            counter_in_header,
            key_number,
            content,
            authentication,
            tag_code,
            plain,
            trailer,
            long,
            message_length,
            key_information,
        }
    })
}

impl Sent {
    fn key(&self) -> PreparedKey<Aes> {
        PreparedKey::new(&Key::new(self.key))
    }
    fn context(&self, configuration: Configuration) -> SecurityContext {
        SecurityContext {
            meter: Address::from_link_octets(self.meter),
            access_number: self.access_number,
            direction: if self.to_meter { Direction::ToMeter } else { Direction::FromMeter },
            configuration,
            afl: None,
        }
    }
    /// The transport header, and where the body begins.
    fn header(&self, configuration: &Configuration) -> Vec<u8> {
        let mut octets = vec![if self.long { 0x72 } else { 0x7A }];
        if self.long {
            octets.extend(Address::from_link_octets(self.meter).to_transport_octets());
        }
        octets.extend([self.access_number, 0]);
        octets.extend_from_slice(configuration.encode_into(&mut [0; 9]).unwrap());
        octets
    }
    /// Check octets, data and fillers, then the clear trailer; the number of blocks.
    fn blocks(&self, most: usize) -> (Vec<u8>, u16) {
        let mut body = vec![0x2F, 0x2F];
        body.extend(self.plain.iter().take(most * 16 - 2));
        while body.len() % 16 != 0 {
            body.push(0x2F);
        }
        let blocks = body.len() / 16;
        body.extend_from_slice(&self.trailer);
        (body, blocks as u16)
    }
    fn of_modes_7_and_10(&self) -> (u16, u16, Option<u32>) {
        let z = u16::from(self.counter_in_header) << 13;
        let extension = 0x10 | u16::from(self.key_number);
        (u16::from(self.content) << 14 | z, extension, self.counter_in_header.then_some(self.counter))
    }
    /// Seals, checks that nothing of it is in clear, and opens in place and into a buffer.
    fn there_and_back(
        &self,
        mut context: SecurityContext,
        message: &[u8],
        body: usize,
        clear: usize,
        found: Found,
    ) {
        let mut sealed = message.to_vec();
        let mac = seal(&context, &mut sealed, body, &self.key()).unwrap();
        context.afl = context.afl.map(|afl| AflMessage { mac, ..afl });
        let mut buffer = vec![0; sealed.len()];
        let copy = sealed.clone();
        let mut in_place = sealed.clone();
        let closed = Sealed::new(context, &mut in_place, body);
        // Check octets and the shortest MAC fit a wrong key once in 65 536 times: not left to luck.
        let mac = context.afl.and_then(|afl| afl.mac).map_or(0, |mac| mac.octets().len());
        let tag = if context.configuration.mode() == SecurityMode::AES_CCM {
            4 * (usize::from(self.tag_code) + 1)
        } else {
            0
        };
        if mac.max(tag) >= 8 {
            let wrong = PreparedKey::<Aes>::new(&Key::new(self.key.map(|octet| !octet)));
            assert!(closed.open_into(&mut buffer, &wrong).is_err());
            assert_eq!(buffer, copy, "a failed opening leaves the message as sent");
        }
        let opened = closed.open_into(&mut buffer, &self.key()).unwrap();
        let trailer = opened.opening().trailer;
        assert_eq!(opened.body(), &message[body..message.len() - trailer]);
        assert_eq!((opened.opening().found, opened.clear_part().len()), (found, clear));
        let opened = closed.open_in_place(&self.key()).unwrap();
        assert_eq!(opened.body(), &message[body..message.len() - trailer]);
        assert_eq!(opened.enciphered_part().len() + clear, opened.body().len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn mode_5_profile_a(sent in sent()) {
        let (body, blocks) = sent.blocks(14);
        let configuration = Configuration { field: 0x0500 | blocks << 4, ..Configuration::default() };
        let header = sent.header(&configuration);
        let message = [&header[..], &body].concat();
        sent.there_and_back(sent.context(configuration), &message, header.len(), sent.trailer.len(), Found::Deciphered);
    }

    #[test]
    fn mode_5_all_of_it(sent in sent()) {
        let (mut body, blocks) = sent.blocks(19);
        body.truncate(usize::from(blocks) * 16);
        let configuration = Configuration { field: 0x05F0, ..Configuration::default() };
        let header = sent.header(&configuration);
        let message = [&header[..], &body].concat();
        sent.there_and_back(sent.context(configuration), &message, header.len(), 0, Found::Deciphered);
    }

    #[test]
    fn mode_7_profile_b(sent in sent()) {
        let (body, blocks) = sent.blocks(14);
        let (field, extension, counter) = sent.of_modes_7_and_10();
        let configuration = Configuration { field: field | 0x0700 | blocks << 4, extension, counter, key_version: None };
        let header = sent.header(&configuration);
        let message = [&header[..], &body].concat();
        let mut context = sent.context(configuration);
        context.afl = Some(AflMessage {
            message_control: Some(MessageControl(sent.authentication)),
            key_information: sent.key_information.then_some(0x0510 | u16::from(sent.key_number)),
            message_counter: (!sent.counter_in_header).then_some(sent.counter),
            mac: None,
            message_length: sent.message_length.then_some(message.len() as u16),
        });
        sent.there_and_back(context, &message, header.len(), sent.trailer.len(), Found::Deciphered);
    }

    #[test]
    fn mode_10_profile_d(sent in sent()) {
        let tag = [4, 8, 12, 16][usize::from(sent.tag_code)];
        let (field, extension, counter) = sent.of_modes_7_and_10();
        let announced = u8::try_from(sent.plain.len()).unwrap_or(255);
        let configuration = Configuration {
            field: field | 0x0A00 | u16::from(announced),
            extension: extension | u16::from(sent.tag_code) << 8,
            counter,
            key_version: None,
        };
        let header = sent.header(&configuration);
        let message = [&header[..], &sent.plain, &vec![0; tag]].concat();
        let mut context = sent.context(configuration);
        if !sent.counter_in_header {
            context.afl = Some(AflMessage { message_counter: Some(sent.counter), ..AflMessage::default() });
        }
        let found = if sent.plain.is_empty() { Found::Clear } else { Found::Deciphered };
        sent.there_and_back(context, &message, header.len(), 0, found);
    }

    #[test]
    fn mode_9_experimental(sent in sent()) {
        let configuration = Configuration { field: 0x29C0 | u16::from(sent.key_number), ..Configuration::default() };
        let context = sent.context(configuration);
        let mut buffer = [0; 400];
        let mode9 = mode9::Experimental::default();
        let body = mode9
            .seal_into(&context, sent.counter, &sent.trailer, &sent.plain, &sent.key(), &mut buffer)
            .unwrap();
        let opened = mode9.open_in_place(&context, body, &sent.key()).unwrap();
        prop_assert_eq!((opened.clear, opened.deciphered), (&sent.trailer[..], &sent.plain[..]));
        prop_assert_eq!(opened.counter_use.counter, sent.counter);
    }

    #[test]
    fn extended_link_layer(sent in sent(), minutes in 0u32..1 << 25, session in 0u8..16, encryption in 0u8..2) {
        let sender = Address::from_link_octets(sent.meter);
        let receiver = sent.long.then(|| Address::from_link_octets([7; 8]));
        let number = SessionNumber::new(encryption, minutes, session).unwrap();
        let control = CommunicationControl(sent.access_number);
        let ell = Ell {
            control,
            access_number: sent.content,
            receiver,
            session: Some(EllSession { number, payload_crc: 0 }),
        };
        let mut octets = vec![0; ell.encoded_len()];
        ell.encode_into(&mut octets).unwrap();
        octets.extend_from_slice(&sent.plain);
        ell_cipher::seal_in_place(&ell, sender, &mut octets, &sent.key()).unwrap();
        // A repeater may set the hop and the repeat bit.
        octets[1] ^= 0x12;
        let (ell, _) = Ell::parse_prefix(&octets).unwrap();
        let opening = ell_cipher::open_in_place(&ell, sender, &mut octets, &sent.key()).unwrap();
        let found = if encryption == 1 { Found::Deciphered } else { Found::Clear };
        prop_assert_eq!((opening.found, opening.octets), (found, sent.plain.len()));
        prop_assert_eq!(&octets[ell.encoded_len()..], &sent.plain[..]);
    }
}
