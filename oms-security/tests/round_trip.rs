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
use oms_security::mode13::{self, ContentType, Protocol, Record, Records};
use oms_security::sealed::{Direction, Found, MIN_AUTHENTIC, Sealed, SecurityContext, open, seal};
use oms_security::{mode8, mode9};
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
        self.blocks_of(16, most)
    }
    fn blocks_of(&self, block: usize, most: usize) -> (Vec<u8>, u16) {
        let mut body = vec![0x2F, 0x2F];
        body.extend(self.plain.iter().take(most * block - 2));
        while body.len() % block != 0 {
            body.push(0x2F);
        }
        let blocks = body.len() / block;
        body.extend_from_slice(&self.trailer);
        (body, blocks as u16)
    }
    fn of_modes_7_and_10(&self) -> (u16, u16, Option<u32>) {
        let z = u16::from(self.counter_in_header) << 13;
        let extension = 0x10 | u16::from(self.key_number);
        (u16::from(self.content) << 14 | z, extension, self.counter_in_header.then_some(self.counter))
    }
    /// An AFL that announces a MAC of at least two octets, which is not there yet.
    fn afl(&self, message_len: usize) -> AflMessage {
        AflMessage {
            message_control: Some(MessageControl(self.authentication)),
            key_information: self.key_information.then_some(0x0510 | u16::from(self.key_number)),
            message_counter: (!self.counter_in_header).then_some(self.counter),
            mac: None,
            message_length: self.message_length.then_some(message_len as u16),
            reserved: 0,
        }
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
    fn mode_0_with_and_without_a_mac(sent in sent(), with_mac: bool) {
        let configuration = Configuration { field: u16::from(sent.content) << 2, ..Configuration::default() };
        let header = sent.header(&configuration);
        let message = [&header[..], &sent.plain].concat();
        let mut context = sent.context(configuration);
        if with_mac {
            context.afl = Some(AflMessage { message_counter: Some(sent.counter), ..sent.afl(message.len()) });
        }
        sent.there_and_back(context, &message, header.len(), sent.plain.len(), Found::Clear);
    }

    #[test]
    fn mode_5_with_a_mac(sent in sent()) {
        let (body, blocks) = sent.blocks(14);
        let configuration = Configuration { field: 0x0500 | blocks << 4, ..Configuration::default() };
        let header = sent.header(&configuration);
        let message = [&header[..], &body].concat();
        let mut context = sent.context(configuration);
        context.afl = Some(AflMessage { message_counter: Some(sent.counter), ..sent.afl(message.len()) });
        sent.there_and_back(context, &message, header.len(), sent.trailer.len(), Found::Deciphered);
    }

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
        context.afl = Some(sent.afl(message.len()));
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
    fn mode_8_experimental(sent in sent(), counter_block: [u8; 16], other: [u8; 16], flipped: prop::sample::Index) {
        let configuration = Configuration { field: 0x0800 | u16::from(sent.content) << 14, ..Configuration::default() };
        let header = sent.header(&configuration);
        let message = [&header[..], &sent.plain, &sent.trailer].concat();
        let enciphered = header.len()..header.len() + sent.plain.len();
        let mut context = sent.context(configuration);
        context.afl = Some(sent.afl(message.len()));
        let authentication = PreparedKey::<Aes>::new(&Key::new(other));
        let encryption = sent.key();
        let mode8 = mode8::Experimental { encryption: &encryption, authentication: &authentication, counter_block };
        let mut sealed = message.clone();
        let mac = mode8.seal(&context, &mut sealed, enciphered.clone()).unwrap();
        prop_assert_eq!(&sealed[..header.len()], &header[..]);
        prop_assert_eq!(&sealed[enciphered.end..], &sent.trailer[..]);
        context.afl = context.afl.map(|afl| AflMessage { mac: Some(mac), ..afl });
        // A short MAC may fit by luck.
        if mac.octets().len() >= MIN_AUTHENTIC {
            let mut damaged = sealed.clone();
            let at = flipped.index(damaged.len());
            damaged[at] ^= 1;
            let before = damaged.clone();
            prop_assert!(mode8.open(&context, &mut damaged, enciphered.clone()).is_err());
            prop_assert_eq!(damaged, before);
        }
        let opening = mode8.open(&context, &mut sealed, enciphered).unwrap();
        prop_assert_eq!((sealed, opening.enciphered), (message, sent.plain.len()));
        prop_assert_eq!(opening.authenticated, mac.octets().len() >= MIN_AUTHENTIC);
    }

    #[test]
    fn mode_13_profile_c(sent in sent(), types in prop::collection::vec(prop::sample::select(vec![20u8, 21, 22, 23, 99]), 0..4), in_session: bool) {
        let configuration = mode13::configuration(Protocol::TLS, sent.content);
        let header = sent.header(&configuration);
        let records: Vec<_> = types
            .iter()
            .map(|content_type| Record { content_type: ContentType(*content_type), version: [3, 3], fragment: &sent.plain })
            .collect();
        let mut message = header.clone();
        for record in &records {
            message.extend_from_slice(record.encode_into(&mut vec![0; record.encoded_len()]).unwrap());
        }
        let demanded = records.iter().any(|record| record.demands_mac(in_session));
        let mut context = sent.context(configuration);
        let body = header.len();
        // Without an AFL: only what needs no MAC.
        match mode13::seal(&context, &message, body, in_session, &sent.key()) {
            Ok(mac) => {
                prop_assert!(!demanded && mac.is_none());
                let handed_on = mode13::check(&context, &message, body, in_session, &sent.key()).unwrap();
                prop_assert!(!handed_on.authenticated && handed_on.counter.is_none());
            }
            Err(error) => prop_assert!(demanded && error.kind.name() == "mac_missing"),
        }
        // With one.
        context.afl = Some(AflMessage { message_counter: Some(sent.counter), ..sent.afl(message.len()) });
        let mac = mode13::seal(&context, &message, body, in_session, &sent.key());
        if sent.authentication < 5 {
            prop_assert_eq!(mac.unwrap_err().kind.name(), "unsupported_mac");
            return Ok(());
        }
        context.afl = context.afl.map(|afl| AflMessage { mac: mac.unwrap(), ..afl });
        let handed_on = mode13::check(&context, &message, body, in_session, &sent.key()).unwrap();
        prop_assert!(handed_on.authenticated && handed_on.protocol == Protocol::TLS);
        let used = handed_on.counter.unwrap();
        let direction = if sent.to_meter { Direction::ToMeter } else { Direction::FromMeter };
        prop_assert_eq!((used.counter, used.count.direction), (sent.counter, Some(direction)));
        prop_assert!(Records::new(&message[body..]).map(Result::unwrap).eq(records));
        let wrong = PreparedKey::<Aes>::new(&Key::new(sent.key.map(|octet| !octet)));
        prop_assert_eq!(mode13::check(&context, &message, body, in_session, &wrong).unwrap_err().kind.name(), "mac");
    }

    #[test]
    fn modes_without_a_published_cipher_are_neither_sealed_nor_opened(sent in sent(), field: u16) {
        let configuration = Configuration { field, ..Configuration::default() };
        let context = sent.context(configuration);
        let mode = configuration.mode();
        let message = [&sent.header(&configuration)[..], &[0x2F, 0x2F], &sent.plain].concat();
        let body = message.len() - sent.plain.len() - 2;
        if matches!(mode.0, 0 | 5 | 7 | 10) || cfg!(feature = "legacy") && matches!(mode.0, 2..=4) {
            return Ok(());
        }
        let mut octets = message.clone();
        for error in [
            seal(&context, &mut octets, body, &sent.key()).unwrap_err(),
            open(&context, &mut octets, body, &sent.key()).unwrap_err(),
        ] {
            prop_assert_eq!(error.kind, oms_security::ErrorKind::UnsupportedMode { mode });
        }
        prop_assert_eq!(octets, message);
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

#[test]
fn every_mode_has_its_way_to_be_sealed_or_its_refusal() {
    use oms_security::mode::Support;
    // What the properties here seal, by the row of the table.
    for row in SecurityMode::TABLE {
        let sealed_here = match row.support {
            Support::Full => matches!(row.mode.0, 0 | 5 | 7 | 10),
            Support::Experimental => matches!(row.mode.0, 8 | 9),
            Support::HandedOn => row.mode == SecurityMode::TLS,
            Support::Legacy => matches!(row.mode.0, 2..=4),
            Support::Named | Support::Reserved => false,
        };
        assert_eq!(
            sealed_here,
            !matches!(row.mode.0, 1 | 6 | 11 | 12 | 14..),
            "mode {} is neither sealed nor refused by a test",
            row.mode
        );
    }
}

#[cfg(feature = "legacy")]
mod legacy {
    use super::*;
    use oms_security::key::{KeyProvider, KeyRequest};
    use oms_security::legacy::{DesCandidate, DesKey, seal_broken_aes, seal_broken_des};

    struct Des(DesKey, [u8; 2]);

    impl KeyProvider for Des {
        type Cipher = Aes;
        fn candidate(&self, _: &KeyRequest, _: usize) -> Option<&PreparedKey<Aes>> {
            None
        }
        fn des_candidate(&self, _: &KeyRequest, n: usize) -> Option<DesCandidate<'_>> {
            (n == 0).then_some(DesCandidate { key: &self.0, day: self.1 })
        }
    }

    fn opens<P: KeyProvider>(
        context: SecurityContext,
        sealed: &mut [u8],
        message: &[u8],
        body: usize,
        keys: &P,
    ) {
        assert_ne!(sealed, message);
        let enciphered = usize::from(context.configuration.encrypted_octets().unwrap());
        let opened = Sealed::new(context, sealed, body).open_in_place(keys).unwrap();
        assert_eq!(opened.body(), &message[body..]);
        assert_eq!((opened.opening().found, opened.opening().authenticated), (Found::Deciphered, false));
        assert_eq!(opened.enciphered_part().len(), enciphered);
    }

    proptest! {
        #[test]
        fn modes_2_and_3(sent in sent(), mode in 2u16..4, day: [u8; 2]) {
            // One octet tells how many: at most 31 blocks.
            let (body, blocks) = sent.blocks_of(8, 31);
            let configuration = Configuration { field: mode << 8 | blocks << 3, ..Configuration::default() };
            let header = sent.header(&configuration);
            let message = [&header[..], &body].concat();
            let [key @ .., _, _, _, _, _, _, _, _] = sent.key;
            let keys = Des(DesKey::new(key), day);
            let mut sealed = message.clone();
            let with = DesCandidate { key: &keys.0, day };
            seal_broken_des(&sent.context(configuration), &mut sealed, header.len(), with).unwrap();
            opens(sent.context(configuration), &mut sealed, &message, header.len(), &keys);
        }

        #[test]
        fn mode_4(sent in sent()) {
            let (body, blocks) = sent.blocks(15);
            let configuration = Configuration { field: 0x0400 | blocks << 4, ..Configuration::default() };
            let header = sent.header(&configuration);
            let message = [&header[..], &body].concat();
            let mut sealed = message.clone();
            seal_broken_aes(&sent.context(configuration), &mut sealed, header.len(), &sent.key()).unwrap();
            opens(sent.context(configuration), &mut sealed, &message, header.len(), &sent.key());
        }
    }
}
