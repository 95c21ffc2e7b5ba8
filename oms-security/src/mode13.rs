//! Mode 13, profile C: TLS 1.2. The records are framed and handed on; the handshake's AFL is checked.
//!
//! ```text
//! CF    CC 0 MMMMM | 11111111         CFE  0000 TTTT    T = 0 TLSCHAN, 1 TLSPROT
//! body  type | 03 03 | length(2, most significant octet first) | fragment     ... until the end
//!       TLSCHAN: 00 | 00 00 | 00 00
//! ```
//!
//! OMS Vol. 2 Annex F; RFC 5246, 6.2.1. The meter is the client. Handshakes and alerts have a CI of their own
//! (5F, 9E, 9F), application data that of what they carry. An AFL with a CMAC of at least eight octets under
//! the master key has to protect a channel request, a ClientHello and an alert outside a session; the records of
//! a session protect themselves. Invariants: nothing is deciphered here, and no record is handed on before the
//! MAC, where one is there or must be there, was found right. That the key of the MAC is derived as in mode
//! 7, unless KI says otherwise, is not printed in so many words.

use core::fmt;

use mbus_link::octets::Reader;

use crate::afl::Mac;
use crate::configuration::Configuration;
use crate::key::{BlockCipher128, KeyProvider, PreparedKey};
use crate::mode::SecurityMode;
use crate::mode7;
use crate::replay::CounterUse;
use crate::sealed::{MIN_AUTHENTIC, Opening, SecurityContext, check_message_length};
use crate::{Error, ErrorKind};

/// Octets of the header of a record.
pub const HEADER_LEN: usize = 5;

/// TTTT, the protocol of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Protocol(pub u8);

impl Protocol {
    /// TLSCHAN: the partner asks the meter to open a channel.
    pub const CHANNEL: Self = Self(0);
    /// TLSPROT: records of TLS.
    pub const TLS: Self = Self(1);

    /// The name of a known protocol.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::CHANNEL => Some("TLSCHAN"),
            Self::TLS => Some("TLSPROT"),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "protocol {}", self.0),
        }
    }
}

/// The type of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ContentType(pub u8);

impl ContentType {
    /// A channel request of TLSCHAN.
    pub const CHANNEL_REQUEST: Self = Self(0);
    /// The change to new keys.
    pub const CHANGE_CIPHER_SPEC: Self = Self(20);
    /// An alert.
    pub const ALERT: Self = Self(21);
    /// A step of the handshake.
    pub const HANDSHAKE: Self = Self(22);
    /// Application data, enciphered.
    pub const APPLICATION_DATA: Self = Self(23);

    /// The name of a known type.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::CHANNEL_REQUEST => Some("channel request"),
            Self::CHANGE_CIPHER_SPEC => Some("change cipher spec"),
            Self::ALERT => Some("alert"),
            Self::HANDSHAKE => Some("handshake"),
            Self::APPLICATION_DATA => Some("application data"),
            _ => None,
        }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "record type {}", self.0),
        }
    }
}

/// A record of TLS as sent; also its builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Record<'m> {
    /// The type.
    pub content_type: ContentType,
    /// The version: 03 03 for TLS 1.2, 00 00 in a channel request.
    pub version: [u8; 2],
    /// The fragment, as sent.
    pub fragment: &'m [u8],
}

impl<'m> Record<'m> {
    /// The channel request.
    pub const CHANNEL_REQUEST: Record<'static> =
        Record { content_type: ContentType::CHANNEL_REQUEST, version: [0, 0], fragment: &[] };
    /// The first octet of a ClientHello.
    const CLIENT_HELLO: u8 = 1;

    fn read(reader: &mut Reader<'m>) -> Result<Self, Error> {
        let [content_type, major, minor, high, low] = reader.array()?;
        let fragment = reader.take(usize::from(u16::from_be_bytes([high, low])))?;
        Ok(Self { content_type: ContentType(content_type), version: [major, minor], fragment })
    }
    /// True when OMS demands a CMAC around it. `in_session`: the handshake of the sender is over.
    #[must_use]
    pub fn demands_mac(&self, in_session: bool) -> bool {
        match self.content_type {
            ContentType::CHANNEL_REQUEST => true,
            ContentType::HANDSHAKE => !in_session && self.fragment.first() == Some(&Self::CLIENT_HELLO),
            ContentType::ALERT => !in_session,
            _ => false,
        }
    }
    /// Octets of header and fragment.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        HEADER_LEN.saturating_add(self.fragment.len())
    }
    /// Writes it to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::TooLong`] for a fragment of more than 65 535 octets; [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let length = self.fragment.len();
        let [high, low] = u16::try_from(length)
            .map_err(|_| ErrorKind::TooLong { length, limit: 0xFFFF }.at(3))?
            .to_be_bytes();
        let [major, minor] = self.version;
        let mut writer = mbus_link::octets::Writer::new(buffer);
        writer.put(&[self.content_type.0, major, minor, high, low]);
        writer.put(self.fragment);
        Ok(writer.finish()?)
    }
}

/// The records of a body. Ends behind the first one that is not whole, with its error.
#[derive(Clone, Debug)]
pub struct Records<'m> {
    reader: Reader<'m>,
}

impl<'m> Records<'m> {
    /// The records that `body` is made of.
    #[must_use]
    pub const fn new(body: &'m [u8]) -> Self {
        Self { reader: Reader::new(body) }
    }
}

impl<'m> Iterator for Records<'m> {
    type Item = Result<Record<'m>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let record = Record::read(&mut self.reader);
        if record.is_err() {
            self.reader.take_rest();
        }
        Some(record)
    }
}

/// The configuration field of a message of mode 13 with all of its body in TLS. `content` is CC.
#[must_use]
pub const fn configuration(protocol: Protocol, content: u8) -> Configuration {
    let field = u16::from_le_bytes([0xFF, content << 6 | SecurityMode::TLS.0]);
    let extension = u16::from_le_bytes([protocol.0 & 0x0F, 0]);
    Configuration { field, extension, counter: None, key_version: None }
}

/// What opening a message of mode 13 found out. Its records are still sealed: TLS opens them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HandedOn {
    /// The protocol.
    pub protocol: Protocol,
    /// True when a CMAC around the message was there and fits.
    pub authenticated: bool,
    /// True when the key of the CMAC was derived for this message alone (KDF-A).
    pub derived: bool,
    /// True when the caller said that it has a session of TLS with the sender: that checks the records then.
    pub in_session: bool,
    /// The counter, for the replay guard; only where it was authenticated.
    pub counter: Option<CounterUse>,
}

/// Checks a message of mode 13: that its records fill it, and the CMAC of its AFL. `message` begins with its
/// transport CI, its body at octet `body`. `in_session`: the caller has a TLS session with the sender.
///
/// # Errors
/// [`ErrorKind::UnsupportedMode`] for another mode; [`ErrorKind::UnsupportedField`] for an unknown protocol and
/// for partial encryption; [`ErrorKind::Truncated`] when the records do not fill the body;
/// [`ErrorKind::MacMissing`] when OMS demands a MAC; [`ErrorKind::ReservedAflBits`]; [`ErrorKind::UnsupportedMac`] for
/// a GMAC or one of less than eight octets; [`ErrorKind::MessageLength`]; [`ErrorKind::CounterMissing`];
/// [`ErrorKind::KeyMissing`]; [`ErrorKind::Mac`]. No record is to be handed on then.
pub fn check<P: KeyProvider + ?Sized>(
    context: &SecurityContext,
    message: &[u8],
    body: usize,
    in_session: bool,
    keys: &P,
) -> Result<HandedOn, Error> {
    let at = |kind: ErrorKind| kind.at(body);
    let (protocol, demands_mac) = inspect(context, message, body, in_session)?;
    let sent = context.afl.and_then(|afl| afl.mac);
    if sent.is_none() && !demands_mac {
        return Ok(HandedOn { protocol, authenticated: false, derived: false, in_session, counter: None });
    }
    let (key, reading, mac) = mode7::authenticate(context, message, keys).map_err(at)?;
    long_enough(context, mac).map_err(at)?;
    let counter = Opening::verified(context, key, reading, mac, (0, 0)).counter;
    Ok(HandedOn { protocol, authenticated: true, derived: reading.derived, in_session, counter })
}

/// The MAC for the AFL of a message of mode 13 that is to be sent: the mirror of [`check`]. The records are the
/// caller's, as his TLS session made them, and are not changed. `None` when MCL of the AFL announces no CMAC, which
/// only messages may lack that need none.
///
/// # Errors
/// As [`check`], without those of keys and of a wrong MAC.
pub fn seal<C: BlockCipher128>(
    context: &SecurityContext,
    message: &[u8],
    body: usize,
    in_session: bool,
    key: &PreparedKey<C>,
) -> Result<Option<Mac>, Error> {
    let at = |kind: ErrorKind| kind.at(body);
    let (_, demands_mac) = inspect(context, message, body, in_session)?;
    let mac = mode7::sign_if_announced(context, message, key).map_err(at)?;
    match mac {
        Some(mac) => long_enough(context, mac).map_err(at)?,
        None if demands_mac => return Err(at(ErrorKind::MacMissing)),
        None => {}
    }
    Ok(mac)
}

/// The protocol of a message whose records fill it, and whether OMS demands a MAC around them.
fn inspect(
    context: &SecurityContext,
    message: &[u8],
    body: usize,
    in_session: bool,
) -> Result<(Protocol, bool), Error> {
    check_message_length(context, message.len())?;
    let configuration = &context.configuration;
    let at = |kind: ErrorKind| kind.at(body);
    if configuration.mode() != SecurityMode::TLS {
        return Err(at(ErrorKind::UnsupportedMode { mode: configuration.mode() }));
    }
    let [octets, _] = configuration.field.to_le_bytes();
    if octets != 0xFF {
        return Err(at(ErrorKind::UnsupportedField { field: "partial encryption" }));
    }
    let [protocol, _] = configuration.extension.to_le_bytes();
    let protocol = Protocol(protocol & 0x0F);
    if protocol.name().is_none() {
        return Err(at(ErrorKind::UnsupportedField { field: "the protocol" }));
    }
    let records = message.get(body..).unwrap_or_default();
    let demands_mac = demands_mac(protocol, records, in_session).map_err(|error| error.shifted(body))?;
    Ok((protocol, demands_mac))
}

/// True when OMS demands a CMAC around a body of these records. `in_session`: there is a TLS session between sender and
/// receiver.
///
/// # Errors
/// [`ErrorKind::Truncated`] when they do not fill the body.
pub fn demands_mac(protocol: Protocol, body: &[u8], in_session: bool) -> Result<bool, Error> {
    let mut demanded = protocol == Protocol::CHANNEL;
    for record in Records::new(body) {
        demanded |= record?.demands_mac(in_session);
    }
    Ok(demanded)
}

/// OMS demands a MAC of at least eight octets.
fn long_enough(context: &SecurityContext, mac: Mac) -> Result<(), ErrorKind> {
    if mac.octets().len() >= MIN_AUTHENTIC {
        return Ok(());
    }
    let control = context.afl.and_then(|afl| afl.message_control).unwrap_or_default();
    Err(ErrorKind::UnsupportedMac { authentication_type: control.authentication_type() })
}

#[cfg(test)]
#[cfg(feature = "aes")]
mod tests {
    use super::*;
    use crate::afl::{AflMessage, MessageControl};
    use crate::kdf::{DerivationConstant, cmac, derive};
    use crate::key::{Aes, Key, NoKeys};
    use std::string::ToString;
    use std::vec::Vec;

    const HELLO: Record<'static> =
        Record { content_type: ContentType::HANDSHAKE, version: [3, 3], fragment: &[1, 0, 0, 2, 3, 3] };
    const DATA: Record<'static> =
        Record { content_type: ContentType::APPLICATION_DATA, version: [3, 3], fragment: &[0xA5; 40] };
    const ALERT: Record<'static> =
        Record { content_type: ContentType::ALERT, version: [3, 3], fragment: &[2, 40] };

    fn key() -> PreparedKey<Aes> {
        PreparedKey::new(&Key::new([0x13; 16]))
    }
    /// A message of these records and its context, MAC of `control` included.
    fn message(protocol: u8, records: &[Record<'_>], control: Option<u8>) -> (SecurityContext, Vec<u8>) {
        let mut octets = [&[0x5F][..], &[0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03, 1, 0]].concat();
        octets.extend([0xFF, 0x0D, protocol]);
        for record in records {
            let mut buffer = [0; 64];
            let encoded = record.encode_into(&mut buffer).unwrap();
            assert_eq!(encoded.len(), record.encoded_len());
            octets.extend_from_slice(encoded);
        }
        let (configuration, _) = Configuration::parse_prefix(&octets[11..]).unwrap();
        let meter = mbus_link::Address::from_transport_octets(octets[1..9].try_into().unwrap());
        let mut context = SecurityContext { meter, configuration, ..SecurityContext::default() };
        if let Some(control) = control.map(MessageControl) {
            let mut afl = AflMessage {
                message_control: Some(control),
                message_counter: Some(7),
                ..AflMessage::default()
            };
            let derived = derive(&key(), DerivationConstant::MAC_FROM_METER, 7, meter.identification);
            let derived = PreparedKey::<Aes>::new(&derived);
            let mac = cmac(&derived, &[afl.mac_input().octets(), &octets]);
            let mac = Mac::new(&mac[..control.mac_len().unwrap()]);
            context.afl = Some(afl);
            let signed = seal(&context, &octets, 14, false, &key());
            if control.mac_len() >= Some(MIN_AUTHENTIC) {
                assert_eq!(signed.unwrap(), mac);
            } else {
                assert_eq!(signed.unwrap_err().kind.name(), "unsupported_mac");
            }
            afl.mac = mac;
            context.afl = Some(afl);
        }
        (context, octets)
    }

    #[test]
    fn who_needs_a_mac() {
        let finished = Record { fragment: &[0x5A; 40], ..HELLO };
        for (protocol, record, outside, inside) in [
            (0, Record::CHANNEL_REQUEST, true, true),
            (1, HELLO, true, false),
            (1, ALERT, true, false),
            (1, finished, false, false),
            (1, DATA, false, false),
        ] {
            for (in_session, demanded) in [(false, outside), (true, inside)] {
                let (context, octets) = message(protocol, &[record], None);
                let outcome = check(&context, &octets, 14, in_session, &key());
                let expected = if demanded {
                    Err(ErrorKind::MacMissing.at(14))
                } else {
                    Ok(HandedOn {
                        protocol: Protocol(protocol),
                        authenticated: false,
                        derived: false,
                        in_session,
                        counter: None,
                    })
                };
                assert_eq!(outcome, expected, "{record:?}");
                let sealed = seal(&context, &octets, 14, in_session, &key());
                assert_eq!(sealed.map_err(|e| e.kind).ok(), if demanded { None } else { Some(None) });
                let (context, octets) = message(protocol, &[record], Some(0x25));
                let handed_on = check(&context, &octets, 14, in_session, &key()).unwrap();
                assert!(handed_on.authenticated);
                assert_eq!(handed_on.counter.unwrap().counter, 7);
            }
        }
    }

    #[test]
    fn records_come_out_as_they_were() {
        let (_, octets) = message(1, &[HELLO, ALERT, DATA], None);
        let records: Result<Vec<_>, _> = Records::new(&octets[14..]).collect();
        assert_eq!(records.unwrap(), [HELLO, ALERT, DATA]);
        // TLSCHAN: five zeros.
        assert_eq!(message(0, &[Record::CHANNEL_REQUEST], None).1[14..], [0; 5]);
        assert_eq!(
            (Protocol::CHANNEL.to_string(), Protocol(7).to_string()),
            ("TLSCHAN".into(), "protocol 7".into())
        );
        assert_eq!(ContentType(99).to_string(), "record type 99");
    }

    #[test]
    fn every_truncation_and_every_flipped_bit() {
        let (context, octets) = message(1, &[HELLO], Some(0x25));
        for len in 0..octets.len() {
            assert!(check(&context, &octets[..len], 14, false, &key()).is_err(), "{len}");
            if len > 14 {
                let last = Records::new(&octets[14..len]).last();
                assert_eq!(last.unwrap().unwrap_err().kind.name(), "truncated");
            }
        }
        for bit in 0..octets.len() * 8 {
            let mut flipped = octets.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (configuration, _) = Configuration::parse_prefix(&flipped[11..]).unwrap();
            let context = SecurityContext { configuration, ..context };
            assert!(check(&context, &flipped, 14, false, &key()).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn refusals() {
        let kind = |context: &SecurityContext, octets: &[u8]| {
            check(context, octets, 14, false, &key()).unwrap_err().kind.name()
        };
        let (context, octets) = message(1, &[HELLO], Some(0x24));
        assert_eq!(kind(&context, &octets), "unsupported_mac");
        let (mut context, octets) = message(1, &[HELLO], Some(0x25));
        let error = check(&context, &octets, 14, false, &NoKeys).unwrap_err();
        assert_eq!(error.kind, ErrorKind::KeyMissing);
        context.configuration.extension = 2;
        assert_eq!(kind(&context, &octets), "unsupported_field");
        context.configuration.field = 0x0D10;
        assert_eq!(kind(&context, &octets), "unsupported_field");
        context.configuration.field = 0x05FF;
        assert_eq!(kind(&context, &octets), "unsupported_mode");
        let long = std::vec![0; 65_536];
        let error = Record { fragment: &long, ..DATA }.encode_into(&mut []).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLong { length: 65_536, limit: 65_535 });
        for size in 0..DATA.encoded_len() {
            assert!(DATA.encode_into(&mut [0; 45][..size]).is_err());
        }
        let (mut context, octets) = message(1, &[HELLO], Some(0x25));
        context.afl.as_mut().unwrap().message_length = Some(7);
        assert_eq!(kind(&context, &octets), "message_length");
        assert_eq!(seal(&context, &octets, 14, false, &key()).unwrap_err().kind.name(), "message_length");
    }

    #[test]
    fn the_configuration_is_the_printed_one() {
        // OMS Vol. 2 Annex F: CF FF 0D, CFE 01; CC in the two highest bits.
        let octets =
            |protocol, content| configuration(protocol, content).encode_into(&mut [0; 3]).unwrap().to_vec();
        assert_eq!(octets(Protocol::TLS, 0), [0xFF, 0x0D, 0x01]);
        assert_eq!(octets(Protocol::CHANNEL, 2), [0xFF, 0x8D, 0x00]);
    }
}
